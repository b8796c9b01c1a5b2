// Every complete WebSocket session of the laboratory, replayed against a stand-in of its own server: nothing differs.

import Foundation
import TestSupport
import Testing
import Traffic

@testable import Replay

extension Lab {
    /// The captures of the laboratory, sorted by name; none, said loudly, where they are not.
    static let captures = SharedMaterial.captures(of: "lab", for: "sessions of the laboratory") ?? []

    /// Whether a session is WebSocket from its request to the close of both sides, with nothing missing.
    static func isComplete(_ session: RecordedSession) -> Bool {
        session.upgraded == .websocket && session.outcome == .switched && session.cut == nil
            && Direction.allCases.allSatisfy { side in session.steps(of: side).contains { $0.message?.opcode == 8 } }
    }
}

@Suite struct DuelTests {
    @Test func everyCompleteSessionIsTheSame() {
        var count = 0
        for capture in Lab.captures {
            // What cannot be read at all holds no session.
            let complete = ((try? Lab.sessions(of: capture.path)) ?? []).filter { Lab.isComplete($0) }
            guard !complete.isEmpty else { continue }
            let answers = RecordedAnswers(complete)
            for session in complete {
                guard let (result, served) = Duel().run(session, against: answers) else {
                    Issue.record("\(capture.lastPathComponent) #\(session.id) never ends")
                    continue
                }
                guard result.verdict != .skipped else {
                    print("\(capture.lastPathComponent) #\(session.id) skipped: \(result.reason ?? "")")
                    continue
                }
                count += 1
                #expect(
                    result.verdict == .same,
                    "\(capture.lastPathComponent) #\(session.id): \(result.reason ?? "") \(result.differences) \(served)"
                )
            }
        }
        print("\(count) complete sessions were replayed")
        #expect(Lab.captures.isEmpty || count > 100)
    }
}

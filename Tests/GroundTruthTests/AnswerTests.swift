// A live capture reports a faulty handshake when its answer came, and a faulty frame when it was sent, not hours
// later when the session has ended. That is only right if what it says then is still true at the end.

import Foundation
@_spi(Judging) import Inspection
import TestSupport
import Testing
import Traffic

/// What was found while the exchange went on, and at the end.
private final class Twice {
    private let inspector = Inspector()
    private var early: [ExchangeKey: Set<String>] = [:]
    private(set) var untrue: [String] = []
    private(set) var told = 0
    private(set) var ofFrames = 0
    private(set) var atTheEnd = 0

    func hear(_ event: Listener.Event) {
        switch event {
        case .answered(let exchange), .faulted(let exchange):
            early[exchange.key, default: []].formUnion(inspector.judgeSoFar(exchange).findings.map(\.rule))
        case .finished(let exchange):
            let final = Set(inspector.inspect(exchange).map(\.rule))
            let said = early.removeValue(forKey: exchange.key) ?? []
            untrue += said.subtracting(final).map { "\($0) of packet \(exchange.key.packet)" }
            told += said.count
            ofFrames += said.count { $0.hasPrefix("WSF") || $0.hasPrefix("WSD") }
            atTheEnd += final.count
        case .began, .said, .ended: break
        }
    }
}

@Suite struct AnswerTests {
    @Test(arguments: ["lab", "third-party"]) func whatIsSaidWhileItGoesOnIsTrueAtTheEnd(set: String) {
        guard let captures = SharedMaterial.captures(of: set, for: "findings before the end, \(set)") else { return }
        let ofFrames = check(captures)
        if set == "lab" { #expect(ofFrames > 10) }
    }

    @Test func samples() {
        check(SharedMaterial.captures(in: SharedMaterial.samples))
    }

    @discardableResult
    private func check(_ captures: [URL]) -> Int {
        var (told, ofFrames, all) = (0, 0, 0)
        for capture in captures {
            guard let reader = try? CaptureReader(path: capture.path) else { continue }
            let output = read(reader)
            #expect(output.untrue.isEmpty, "\(capture.lastPathComponent)")
            told += output.told
            ofFrames += output.ofFrames
            all += output.atTheEnd
        }
        print("\(told) of \(all) findings were told before the end, \(ofFrames) of them of frames")
        #expect(told > 0)
        return ofFrames
    }

    private func read(_ source: consuming CaptureReader) -> Twice {
        let output = Twice()
        var options = AnalyzerOptions()
        options.tellsProgress = true
        var analyzer = Analyzer(options: options, output: Listener { output.hear($0) })
        analyzer.receive(source)
        analyzer.finish()
        return output
    }
}

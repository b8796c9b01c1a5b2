// What reports say of compression, of frames found again, of drafts, and of sessions whose handshake nobody saw.

import Foundation
@_spi(Judging) import Inspection
import Testing
import Traffic

@testable import Investigation
@testable import Reports

@Suite("Sessions in reports")
struct SessionReportTests {
    /// A compressed session with a hole, one of a draft, and one without its handshake.
    static func entries() -> [Fixture.Entry] {
        let compressed = Fixture.websocket(packet: 200)
        compressed.websocket?.agreement.deflate = true
        compressed.websocket?.agreement.clientNoContextTakeover = true
        compressed.websocket?.agreement.clientMaxWindowBits = 10
        compressed.websocket?.sides.client.compressedMessages = 3
        compressed.websocket?.sides.client.compressedBytes = 354
        compressed.websocket?.sides.client.inflatedBytes = 5315
        var resumed = ResumedFrames(place: compressed.lastMark.run)
        resumed.frames[1] = 9
        resumed.frames[8] = 1
        resumed.textMessages = 9
        resumed.close = CloseFact(code: 1001, reason: [], place: compressed.lastMark.run)
        compressed.websocket?.sides.server.lost = true
        compressed.websocket?.sides.server.resumed = [resumed]
        let draft = Fixture.websocket(packet: 220)
        draft.websocket?.draft = .hixie75
        var unseen = Fixture.websocket(packet: 240)
        unseen.request = nil
        unseen.response = nil
        unseen.interim = []
        unseen.early = nil
        unseen.protocolInferred = true
        unseen.websocket?.agreement.deflate = true
        unseen.websocket?.sides.client.compressedMessages = 2
        return [(compressed, []), (draft, []), (unseen, Inspector().inspect(unseen))]
    }

    @Test("as JSON") func json() throws {
        let bytes = try Fixture.report(entries: Self.entries()).renderedBytes("json")
        let report = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        let exchanges = try #require(report["exchanges"] as? [[String: Any]])
        let sessions = exchanges.compactMap { $0["websocket"] as? [String: Any] }
        try #require(exchanges.count == 3 && sessions.count == 3)
        let compression = try #require(sessions[0]["compression"] as? [String: [String: Any]])
        let client = try #require(compression["client"])
        #expect(client["max_window_bits"] as? Int == 10 && client["context_takeover"] as? Bool == false)
        #expect(client["messages"] as? Int == 3 && client["compressed_bytes"] as? Int == 354)
        #expect(client["inflated_bytes"] as? Int == 5315 && client["ratio"] as? Double == 15.01)
        #expect(compression["server"]?["ratio"] == nil && compression["server"]?["max_window_bits"] as? Int == 15)
        let resumed = try #require((sessions[0]["after_gap"] as? [String: [String: Any]])?["server"])
        #expect(resumed["certainty"] as? String == "inferred")
        #expect((resumed["frames"] as? [String: Int]) == ["text": 9, "close": 1])
        #expect((resumed["close"] as? [String: Any])?["code"] as? Int == 1001)
        #expect(sessions[1]["draft"] as? String == "hixie-75" && sessions[1]["compression"] == nil)
        // What was agreed on is not known where nobody saw it.
        #expect(exchanges[2]["protocol_certainty"] as? String == "inferred" && exchanges[2]["valid"] == nil)
        #expect((sessions[2]["compression"] as? [String: [String: Any]])?["client"]?["max_window_bits"] == nil)
    }

    @Test("as text and HTML") func words() throws {
        let report = Fixture.report(entries: Self.entries())
        let html = try report.rendered("html")
        #expect(html.contains("3 messages compressed, 354 bytes inflated to 5,315 (15.01 times)"))
        #expect(html.contains("text 9, close 1, Close 1001 in packet") && html.contains("(inferred)"))
        let text = try report.rendered("text")
        #expect(text.contains("a session whose handshake was not captured, switched to websocket (inferred)"))
    }
}

extension Arrival {
    fileprivate var run: Place { Place(direction: .server, offset: 90, length: 4, first: self, last: self) }
}

// What a stranger can make a conversation keep, and where that ends.

import TestSupport
import Testing

@testable import Traffic

@Suite struct KeptBytesTests {
    /// A conversation that is told what each side says in turn.
    private struct Dialogue: ~Copyable {
        let heard = Listener()
        var state: ConversationState
        private var offsets: [Int64] = [0, 0]
        private var packet: UInt32 = 0

        init(_ change: (inout Limits) -> Void = { _ in }) { state = .alone(output: heard, change) }

        mutating func say(_ direction: Direction, _ text: String) { say(direction, Array(text.utf8)) }

        mutating func say(_ direction: Direction, _ bytes: [UInt8]) {
            packet += 1
            let mark = Arrival(
                packet: packet, time: Timestamp(nanoseconds: Int64(packet)),
                heard: offsets[direction.opposite.index])
            _ = state.receive(Chunk(bytes.span, direction, offset: offsets[direction.index], arrival: mark))
            offsets[direction.index] += Int64(bytes.count)
        }

        var limitsHit: [String: UInt64] { state.context.budget.limitsHit }
    }

    private static let connect = "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n"
    private static let established = "HTTP/1.1 200 OK\r\n\r\n"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    @Test func tunnelsInTunnelsEnd() {
        var dialogue = Dialogue()
        for _ in 0..<20_000 {
            dialogue.say(.client, Self.connect)
            dialogue.say(.server, Self.established)
        }
        dialogue.state.finish(dialogue.state.startFacts)
        let exchanges = dialogue.heard.exchanges
        #expect(exchanges.count == 9)
        #expect(exchanges.map(\.outcome) == [Outcome](repeating: .switched, count: 9))
        #expect(zip(exchanges, exchanges.dropFirst()).allSatisfy { $0.key == $1.parent })
        #expect(dialogue.limitsHit == ["nested-tunnels": 1])
    }

    @Test func exchangesInATunnelAreToldOfInTime() {
        var dialogue = Dialogue()
        dialogue.say(.client, Self.connect)
        dialogue.say(.server, Self.established)
        for _ in 0..<500 {
            dialogue.say(.client, wsRequest)
            dialogue.say(.server, Self.ok)
        }
        #expect(dialogue.heard.exchanges.count == 500 - 2 * Limits().openExchanges)
        dialogue.state.finish(dialogue.state.startFacts)
        let exchanges = dialogue.heard.exchanges
        let tunnel = exchanges.first { $0.kind == .connect }
        #expect(exchanges.count == 501 && Set(exchanges.map(\.key)).count == 501)
        #expect(exchanges.allSatisfy { $0.kind == .connect || $0.parent == tunnel?.key && $0.outcome == .declined })
        #expect(dialogue.state.requests == 501)
        #expect(dialogue.state.context.budget.pendingBytes == 0)
    }

    @Test func aServerThatSpeaksIntoATunnelIsNotHeldForEver() {
        var dialogue = Dialogue()
        dialogue.say(.client, Self.connect)
        dialogue.say(.server, Self.established)
        for _ in 0..<4 { dialogue.say(.server, [UInt8](repeating: 0x61, count: 60_000)) }
        // Nobody asks the client any more.
        dialogue.say(.client, wsRequest)
        dialogue.say(.server, wsAnswer)
        dialogue.state.finish(dialogue.state.startFacts)
        #expect(dialogue.heard.exchanges.map(\.kind) == [.connect])
    }

    @Test func whatIsSaidBehindAnOfferIsOneHoleInTheEnd() {
        var dialogue = Dialogue()
        dialogue.say(.client, wsRequest)
        for _ in 0..<20_000 { dialogue.say(.client, [0x61]) }
        #expect(dialogue.state.held.pieces.count == 256 * 1024 / 64 + 1)
        let (first, last) = (dialogue.state.held.pieces.first, dialogue.state.held.pieces.last)
        #expect(last?.isHole == true && last?.length == 20_000 - 256 * 1024 / 64)
        #expect(first?.offset == Int64(wsRequest.utf8.count))
        #expect(dialogue.limitsHit["pending-bytes"] == UInt64(20_000 - 256 * 1024 / 64))
        // The answer decides, and what was kept is read.
        dialogue.say(.server, wsAnswer)
        #expect(dialogue.state.held.pieces.isEmpty && dialogue.state.client.state == .switched)
    }

    @Test func answersToEarlyRequestsAreForgottenWithTheirExchange() {
        var dialogue = Dialogue()
        for _ in 0..<100 {
            dialogue.say(.client, wsRequest + wsRequest)
            dialogue.say(.server, Self.ok + Self.ok)
            #expect(dialogue.state.earlyAnswers.count <= Limits().openExchanges)
        }
        dialogue.state.finish(dialogue.state.startFacts)
        #expect(dialogue.state.earlyAnswers.isEmpty)
        #expect(dialogue.heard.exchanges.contains { $0.early?.answer != nil })
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var says: [(Direction, String)]
        var exchanges: Int
        var testDescription: String { name }
    }

    private static let padding = "X: " + String(repeating: "y", count: 3000) + "\r\n"
    private static let rows: [Row] = [
        Row(name: "half a head", says: [(.client, "GET / HTTP/1.1\r\n" + padding)], exchanges: 0),
        Row(
            name: "half an answer", says: [(.client, wsRequest), (.server, "HTTP/1.1 101 S\r\n" + padding)],
            exchanges: 1),
        Row(
            name: "plain requests that are not answered",
            says: [(.client, "GET / HTTP/1.1\r\n\(padding)\r\n"), (.client, "GET / HTTP/1.1\r\n\(padding)\r\n")],
            exchanges: 0),
        Row(
            name: "the head of an offer", says: [(.client, "GET / HTTP/1.1\r\nUpgrade: x\r\n\(padding)\r\n")],
            exchanges: 1),
        Row(
            name: "what is said behind an offer",
            says: [(.client, wsRequest), (.client, String(repeating: "z", count: 3000))], exchanges: 1),
        Row(
            name: "fields of one letter",
            says: [(.client, "GET / HTTP/1.1\r\nUpgrade: x\r\n" + String(repeating: "a:\n", count: 200) + "\r\n")],
            exchanges: 1),
        Row(
            name: "interim answers",
            says: [(.client, wsRequest)]
                + [(Direction, String)](
                    repeating: (.server, "HTTP/1.1 103 E\r\nX: \(String(repeating: "e", count: 900))\r\n\r\n"), count: 4
                ),
            exchanges: 1),
        Row(
            name: "an option without an offer",
            says: [
                (.client, "GET / HTTP/1.1\r\nConnection: Upgrade\r\n\(padding)\r\n"), (.server, ok),
                (.client, "GET / HTTP/1.1\r\n\r\n"),
            ], exchanges: 0),
    ]

    @Test(arguments: rows) func allTogetherHaveACeiling(row: Row) {
        var roomy = Dialogue()
        var narrow = Dialogue { $0.totalPendingBytes = 2800 }
        for (direction, text) in row.says {
            roomy.say(direction, text)
            narrow.say(direction, text)
        }
        #expect(roomy.limitsHit.isEmpty && roomy.state.context.budget.pendingBytes > 2800)
        #expect(narrow.limitsHit == ["total-pending-bytes": 1] && narrow.state.isLetGo)
        #expect(narrow.state.context.budget.pendingBytes == 0)
        #expect(narrow.heard.exchanges.count == row.exchanges)
        for exchange in narrow.heard.exchanges {
            #expect(exchange.limitsHit == ["total-pending-bytes"] && exchange.reason == .gap)
        }
        roomy.state.finish(roomy.state.startFacts)
        #expect(roomy.state.context.budget.pendingBytes == 0)
    }
}

// Connections that are kept as packets: which of them are told of in a word, and that all others are told of as if nothing had
// been kept.

import TestSupport
import Testing

@testable import Traffic

@Suite struct BriefConnectionTests {
    /// A session behind one that taught its heads, and whether it is recognized.
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let isRecognized: Bool
        let play: @Sendable (inout Talk) -> Void
        var testDescription: String { name }

        init(_ name: String, _ isRecognized: Bool, _ play: @escaping @Sendable (inout Talk) -> Void) {
            self.name = name
            self.isRecognized = isRecognized
            self.play = play
        }
    }

    // MARK: What is said

    /// A frame of the client; the mask is not what matters, as long as it differs.
    static func masked(_ first: UInt8, _ payload: [UInt8], key: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]) -> [UInt8] {
        [first, 0x80 | UInt8(payload.count)] + key + payload.enumerated().map { $1 ^ key[$0 & 3] }
    }
    static func plain(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] { [first, UInt8(payload.count)] + payload }

    static let code: [UInt8] = [0x03, 0xe8]
    static let closeKey: [UInt8] = [9, 81, 4, 200]
    static let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nForbidden"

    static func shake(
        _ talk: inout Talk, _ request: String = webSocketRequest, _ answer: String = webSocketAnswer
    ) {
        talk.open()
        talk.client(request)
        talk.server(answer)
    }
    static func part(_ talk: inout Talk) {
        talk.client(masked(0x88, code, key: closeKey))
        talk.send(.server, plain(0x88, code))
        talk.close()
    }
    /// A whole session with that in its middle.
    static func session(
        _ name: String, _ isRecognized: Bool, _ middle: @escaping @Sendable (inout Talk) -> Void
    ) -> Row {
        Row(name, isRecognized) { talk in
            shake(&talk)
            middle(&talk)
            part(&talk)
        }
    }

    static let usual: [Row] = [
        session("nothing said", true) { _ in },
        session("both speak", true) { talk in
            talk.client(masked(0x81, Array("grüße".utf8)))
            talk.send(.server, plain(0x82, [0, 255, 3]))
        },
        session("fragments around a Ping, and its Pong", true) { talk in
            talk.client(masked(0x01, [0xc3], key: [1, 7, 3, 99]) + masked(0x89, [1], key: [4, 3, 2, 1]))
            talk.send(.server, plain(0x8a, [1]))
            talk.client(masked(0x80, [0xbc], key: [90, 1, 2, 77]))
        },
        session("several frames in a segment", true) { talk in
            talk.send(.server, plain(0x81, [0x61]) + plain(0x82, []) + plain(0x81, [0x62]))
        },
        session("126 bytes", true) { talk in
            talk.send(.server, [0x82, 126, 0, 126] + [UInt8](repeating: 5, count: 126))
        },
        Row("the server speaks behind its answer", true) { talk in
            talk.open()
            talk.client(webSocketRequest)
            talk.send(.server, Array(webSocketAnswer.utf8) + plain(0x81, [0x68]))
            part(&talk)
        },
        Row("another target", true) { talk in
            shake(&talk, webSocketRequest.replacing("/chat", with: "/other?room=5"))
            part(&talk)
        },
        Row("another key", true) { talk in
            shake(
                &talk, webSocketRequest.replacing("dGhlIHNhbXBsZSBub25jZQ==", with: "AQIDBAUGBwgJCgsMDQ4PEA=="),
                webSocketAnswer.replacing("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", with: "C/0nmHhBztSRGR1CwL6Tf4ZjwpY="))
            part(&talk)
        },
        Row("the server says goodbye first and hangs up", true) { talk in
            shake(&talk)
            talk.send(.server, plain(0x88, code))
            talk.send(.server, flags: [.fin, .ack])
            talk.client(masked(0x88, code, key: closeKey))
            talk.send(.client, flags: [.fin, .ack])
            talk.send(.server, flags: .ack)
        },
        Row("a refusal", true) { talk in
            shake(&talk, webSocketRequest, refusal)
            talk.close()
        },
    ]

    static let unusual: [Row] = [
        session("no mask", false) { $0.send(.client, plain(0x81, [0x61])) },
        session("a mask of the server", false) { $0.send(.server, masked(0x81, [0x61])) },
        session("a reserved bit", false) { $0.client(masked(0xc1, [0x61])) },
        session("a reserved opcode", false) { $0.client(masked(0x83, [0x61])) },
        session("a message inside a message", false) { talk in
            talk.client(masked(0x01, [0x61], key: [1, 2, 3, 5]) + masked(0x81, [0x62], key: [9, 2, 3, 1]))
        },
        session("nothing to go on with", false) { $0.client(masked(0x80, [0x61])) },
        session("a message that never ends", false) { $0.client(masked(0x01, [0x61])) },
        session("no text", false) { $0.client(masked(0x81, [0xff])) },
        session("half a letter", false) { $0.client(masked(0x81, [0xc3])) },
        session("a long Ping", false) {
            $0.send(.server, [0x89, 126, 0, 130] + [UInt8](repeating: 5, count: 130))
        },
        session("a Ping in pieces", false) { $0.send(.server, plain(0x09, [])) },
        session("a length that is longer than it has to be", false) { $0.send(.server, [0x81, 126, 0, 1, 0x61]) },
        session("a frame in two segments", false) { talk in
            talk.send(.server, [0x81, 2, 0x61])
            talk.send(.server, [0x62])
        },
        session("a mask of zeros", false) { $0.client(masked(0x81, [0x61], key: [0, 0, 0, 0])) },
        session("one mask twice", false) { talk in
            for _ in 0..<2 { talk.client(masked(0x81, [0x61])) }
        },
        session("masks that are counted", false) { talk in
            for count in UInt8(1)...4 { talk.client(masked(0x81, [0x61], key: [0, 0, 0, count])) }
        },
        session("a second of silence", false) { $0.wait(milliseconds: 1000) },
        session("more than is kept", false) { talk in
            for _ in 0..<4 { talk.send(.server, [0x82, 126, 0x04, 0] + [UInt8](repeating: 5, count: 1024)) }
        },
        session("more packets than are kept", false) { talk in
            for _ in 0..<50 { talk.send(.client, flags: .ack) }
        },
        session("a segment twice", false) { talk in
            talk.client(masked(0x81, [0x61]))
            talk.repeatLast()
        },
        Row("data behind Close", false) { talk in
            shake(&talk)
            talk.client(masked(0x88, code, key: closeKey))
            talk.client(masked(0x81, [0x61]))
            talk.send(.server, plain(0x88, code))
            talk.close()
        },
        Row("Close without a code", false) { talk in
            shake(&talk)
            talk.client(masked(0x88, [], key: closeKey))
            talk.send(.server, plain(0x88, []))
            talk.close()
        },
        Row("Close with a code that must not be sent", false) { talk in
            shake(&talk)
            talk.client(masked(0x88, [0x03, 0xed], key: closeKey))
            talk.send(.server, plain(0x88, [0x03, 0xed]))
            talk.close()
        },
        Row("no Close", false) { talk in
            shake(&talk)
            talk.close()
        },
        Row("Close of one side", false) { talk in
            shake(&talk)
            talk.client(masked(0x88, code, key: closeKey))
            talk.close()
        },
        Row("a reset", false) { talk in
            shake(&talk)
            talk.client(masked(0x88, code, key: closeKey))
            talk.send(.server, plain(0x88, code))
            talk.send(.client, flags: [.rst, .ack])
        },
        Row("no end", false) { talk in
            shake(&talk)
            talk.client(masked(0x88, code, key: closeKey))
            talk.send(.server, plain(0x88, code))
        },
        Row("frames before the answer", false) { talk in
            talk.open()
            talk.client(webSocketRequest)
            talk.client(masked(0x81, [0x61]))
            talk.server(webSocketAnswer)
            part(&talk)
        },
        Row("frames in the packet of the request", false) { talk in
            talk.open()
            talk.client(Array(webSocketRequest.utf8) + masked(0x81, [0x61]))
            talk.server(webSocketAnswer)
            part(&talk)
        },
        Row("the wrong Accept", false) { talk in
            shake(&talk, webSocketRequest, webSocketAnswer.replacing("s3p", with: "S3p"))
            part(&talk)
        },
        Row("an answer of HTTP/1.0", false) { talk in
            shake(&talk, webSocketRequest, webSocketAnswer.replacing("HTTP/1.1 101", with: "HTTP/1.0 101"))
            part(&talk)
        },
        Row("a request of HTTP/1.0", false) { talk in
            shake(&talk, webSocketRequest.replacing("HTTP/1.1", with: "HTTP/1.0"))
            part(&talk)
        },
        Row("a control byte in the target", false) { talk in
            shake(&talk, webSocketRequest.replacing("/chat", with: "/ch\u{1}t"))
            part(&talk)
        },
        Row("the request in two segments", false) { talk in
            talk.open()
            talk.client(String(webSocketRequest.prefix(40)))
            talk.client(String(webSocketRequest.dropFirst(40)))
            talk.server(webSocketAnswer)
            part(&talk)
        },
        Row("the answer in two segments", false) { talk in
            shake(&talk, webSocketRequest, String(webSocketAnswer.prefix(40)))
            talk.server(String(webSocketAnswer.dropFirst(40)))
            part(&talk)
        },
        Row("an interim response", false) { talk in
            shake(&talk, webSocketRequest, "HTTP/1.1 103 Early Hints\r\n\r\n" + webSocketAnswer)
            part(&talk)
        },
        Row("a refusal, and another request", false) { talk in
            shake(&talk, webSocketRequest, refusal)
            talk.client("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
            talk.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            talk.close()
        },
        Row("a refusal cut short", false) { talk in
            shake(&talk, webSocketRequest, String(refusal.dropLast(4)))
            talk.close()
        },
        Row("a switch without its request", false) { talk in
            talk.open()
            talk.server(webSocketAnswer)
            part(&talk)
        },
        Row("a beginning that was not captured", false) { talk in
            talk.client(webSocketRequest)
            talk.server(webSocketAnswer)
            part(&talk)
        },
        Row("plain HTTP", false) { talk in
            shake(&talk, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            talk.close()
        },
    ]

    /// Two sessions in which the heads are said that the others repeat.
    private static func lesson() -> Talk {
        var accepted = Talk(port: 39_000)
        shake(&accepted)
        part(&accepted)
        var refused = Talk(port: 39_001, after: 10)
        refused.open()
        refused.client(webSocketRequest)
        refused.server(refusal)
        refused.close()
        return accepted + refused
    }

    /// The lesson, and that session behind it.
    private static func lesson(and play: (inout Talk) -> Void, in around: Around = .plain) -> Talk {
        var talk = Talk(vlans: [around == .vlan ? 7 : nil], after: 20)
        play(&talk)
        return lesson() + (around == .ipv6 ? talk.overIPv6() : talk)
    }

    enum Around: CaseIterable { case plain, ipv6, vlan }

    /// Packets in a VLAN are not taken at a glance; what becomes of them is the same.
    @Test(arguments: usual + unusual, Around.allCases) func recognized(row: Row, around: Around) throws {
        let talk = Self.lesson(and: row.play, in: around)
        let full = talk.told()
        var options = AnalyzerOptions()
        options.recognizesExchanges = true
        let judge = Recognizing()
        var analyzer = Analyzer(options: options, output: judge)
        talk.feed(&analyzer)
        analyzer.finish()
        #expect(judge.recognized.count == (row.isRecognized ? 1 : 0))
        // Each exchange is told of once, and one that is told of in full as it would have been.
        let expected = full.told.exchanges.filter { !judge.recognized.contains($0.key) }
        #expect(expected.count + judge.recognized.count == full.told.exchanges.count)
        #expect(judge.exchanges.map(Self.everything).sorted() == expected.map(Self.everything).sorted())
        let connections = judge.connections.map(\.facts.id)
        #expect(Set(connections).count == connections.count)
        #expect(connections.count + judge.recognized.count == full.told.connections.count)
        #expect(analyzer.counters.connections == full.counters.connections)
        #expect(analyzer.counters.requests == full.counters.requests)
        #expect(analyzer.counters.exchanges == full.counters.exchanges)
    }

    /// Behind its end a recognized session goes on to be what it was, and is told of once.
    @Test func aLateSegmentChangesNothing() {
        var talk = Talk(after: 20)
        Self.shake(&talk)
        Self.part(&talk)
        let end = talk.packets.count
        let late = talk.packets[end - 5]
        talk.append(late)
        talk.send(.client, flags: .ack)
        let all = Self.lesson() + talk
        let full = all.told()
        var options = AnalyzerOptions()
        options.recognizesExchanges = true
        let judge = Recognizing()
        var analyzer = Analyzer(options: options, output: judge)
        all.feed(&analyzer)
        analyzer.finish()
        #expect(judge.recognized.count == 1)
        #expect(judge.exchanges.count == 2)
        #expect(analyzer.counters.exchanges == 3)
        // The connection was unfolded, and has all its packets.
        let connection = judge.connections.first { $0.facts.client.port == 40000 }
        let expected = full.told.connections.first { $0.facts.client.port == 40000 }
        #expect(connection?.packets == expected?.packets)
        #expect(connection?.streams == expected?.streams)
    }

    /// A session in which a mirror port sees every packet twice, under two VLANs.
    @Test func copiesAreFound() {
        var talk = Talk(vlans: [nil, 5], after: 20)
        Self.shake(&talk)
        Self.part(&talk)
        let all = Self.lesson() + talk
        let full = all.told()
        var options = AnalyzerOptions()
        options.recognizesExchanges = true
        let judge = Recognizing()
        var analyzer = Analyzer(options: options, output: judge)
        all.feed(&analyzer)
        analyzer.finish()
        #expect(judge.recognized.isEmpty)
        #expect(judge.connections.compactMap(\.copyOf) == full.told.connections.compactMap(\.copyOf))
        #expect(judge.connections.contains { $0.copyOf != nil })
        #expect(judge.exchanges.map(Self.everything).sorted() == full.told.exchanges.map(Self.everything).sorted())
    }

    /// Connections that nobody answers do not keep everything behind them.
    @Test func theOldestMakeRoom() {
        var waiting = Talk(port: 39_100, after: 20)
        waiting.send(.client, flags: .syn)
        let sessions = (0..<600).map { number in
            var talk = Talk(port: 40_000 + number, after: 20)
            talk.wait(milliseconds: Int64(number))
            Self.shake(&talk)
            Self.part(&talk)
            return talk
        }
        let all = Self.lesson().together(with: [waiting] + sessions)
        var options = AnalyzerOptions()
        options.recognizesExchanges = true
        options.limits.keptPackets = 0
        let judge = Recognizing()
        var analyzer = Analyzer(options: options, output: judge)
        var most = 0
        all.feed(&analyzer) { most = max(most, $0.briefs.blockCount) }
        analyzer.finish()
        // Two thousand packets fill a block.
        #expect(all.packets.count > 3 * 2048 - 600)
        #expect(most == 2)
        let full = all.told()
        #expect(judge.recognized.count > 300)
        #expect(judge.recognized.count + judge.exchanges.count == full.told.exchanges.count)
        // Those that were over are followed for what may come late, and told of as connections.
        #expect(Set(judge.connections.map(\.facts.id)).count == judge.connections.count)
        #expect(analyzer.counters.connections == full.counters.connections)
    }

    /// Nothing is kept where more is asked for than exchanges, or ceilings are low.
    @Test func othersAreFollowed() {
        var options = AnalyzerOptions()
        #expect(!options.mayKeepBriefs)
        options.recognizesExchanges = true
        #expect(options.mayKeepBriefs)
        let changes: [(inout AnalyzerOptions) -> Void] = [
            { $0.allConnections = true }, { $0.streamDigests = true }, { $0.tellsProgress = true },
            { $0.tellsOwners = true }, { $0.remembersHeads = false }, { $0.transcript.messages = true },
            { $0.transcript.requests = true }, { $0.transcript.streams = true }, { $0.transcript.answers = true },
            { $0.limits.headBytes = 100 }, { $0.limits.frameBytes = 100 }, { $0.limits.messageBytes = 100 },
        ]
        for (number, change) in changes.enumerated() {
            var changed = options
            change(&changed)
            #expect(!changed.mayKeepBriefs, "\(number)")
        }
    }

    /// All that is known of an exchange, but for the numbers of its heads' shapes.
    private static func everything(_ exchange: Exchange) -> String {
        var exchange = exchange
        exchange.request?.shape = 0
        exchange.response?.shape = 0
        var text = ""
        dump(exchange, to: &text)
        return text
    }
}

/// Recognizes whatever has heads like one that was told of in full.
private final class Recognizing: AnalyzerOutput {
    private struct Heads: Hashable {
        let request: UInt32
        let answer: UInt32
    }
    private var known: Set<Heads> = []
    var exchanges: [Exchange] = []
    var connections: [ConnectionRecord] = []
    var recognized: Set<ExchangeKey> = []

    func recognizes(_ exchange: borrowing FamiliarExchange) -> Bool {
        guard known.contains(Heads(request: exchange.requestShape, answer: exchange.answerShape)) else { return false }
        return recognized.insert(exchange.key).inserted
    }

    func finished(_ exchange: Exchange) {
        exchanges.append(exchange)
        if let request = exchange.request?.shape, let answer = exchange.response?.shape, request > 0, answer > 0 {
            known.insert(Heads(request: request, answer: answer))
        }
    }
    func ended(_ connection: ConnectionRecord) { connections.append(connection) }
}

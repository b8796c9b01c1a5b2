// What is reported of exchanges before they are over, and when a silent connection is.

import TestSupport
import Testing
import Traffic

@Suite struct ProgressTests {
    /// Everything an analyzer told, in the order it did.
    final class Diary {
        private(set) var lines: [String] = []

        var listener: Listener {
            Listener { [self] event in
                switch event {
                case .began(let exchange): lines.append("began \(exchange.key.packet)")
                case .answered(let exchange):
                    let status = exchange.response?.status ?? 0
                    lines.append("decided \(exchange.key.packet) \(status) \(exchange.outcome.name)")
                case .finished(let exchange): lines.append("finished \(exchange.key.packet)")
                case .ended(let connection): lines.append("ended \(connection.end.name)")
                case .faulted, .said: break
                }
            }
        }
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var tells = true
        var turns: [String]
        var lines: [String]
        var testDescription: String { name }
    }

    static let rows = [
        Row(
            name: "a switch", turns: [webSocketRequest, webSocketAnswer],
            lines: ["began 4", "decided 4 101 switched", "finished 4", "ended fin"]),
        Row(
            name: "a refusal", turns: [webSocketRequest, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"],
            lines: ["began 4", "decided 4 403 failed", "finished 4", "ended fin"]),
        Row(name: "no answer", turns: [webSocketRequest], lines: ["began 4", "finished 4", "ended fin"]),
        Row(
            name: "a 101 that nobody asked for", turns: ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", webSocketAnswer],
            lines: ["began 4", "decided 4 101 switched", "finished 4", "ended fin"]),
        Row(
            name: "a 426 that nobody asked for",
            turns: [
                "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                "HTTP/1.1 426 U\r\nUpgrade: TLS/1.2\r\nContent-Length: 0\r\n\r\n",
            ], lines: ["began 4", "decided 4 426 required", "finished 4", "ended fin"]),
        Row(
            name: "nobody wants to know", tells: false, turns: [webSocketRequest, webSocketAnswer],
            lines: ["finished 4", "ended fin"]),
    ]

    @Test(arguments: rows) func exchangesAreToldOfWhileTheyHappen(_ row: Row) {
        var talk = Talk()
        talk.open()
        for (index, turn) in row.turns.enumerated() {
            if index % 2 == 0 { talk.client(turn) } else { talk.server(turn) }
        }
        talk.close()
        let diary = Diary()
        var options = AnalyzerOptions()
        options.tellsProgress = row.tells
        var analyzer = Analyzer(options: options, output: diary.listener)
        talk.feed(&analyzer)
        analyzer.finish()
        #expect(diary.lines == row.lines)
    }

    @Test func openExchangesCountWhatTheyCarried() throws {
        var talk = Talk()
        talk.open()
        talk.client(webSocketRequest)
        let diary = Diary()
        var before = Analyzer(output: diary.listener)
        talk.feed(&before)
        #expect(before.openConnections == 1)
        var progress: [ExchangeProgress] = []
        before.forEachOpenExchange { progress.append($0) }
        #expect(progress.map(\.key.packet) == [4])
        #expect(progress.first?.messages == nil)
        before.finish()

        talk.server(webSocketAnswer)
        talk.client([0x81, 0x82, 1, 2, 3, 4, 0x69, 0x6b])
        talk.client([0x01, 0x81, 1, 2, 3, 4, 0x69])
        var after = Analyzer(output: diary.listener)
        talk.feed(&after)
        progress = []
        after.forEachOpenExchange { progress.append($0) }
        let one = try #require(progress.first)
        #expect(progress.count == 1)
        #expect(one.bytes == PerDirection(client: 15, server: 0))
        #expect(one.messages == PerDirection(client: 1, server: 0))
        #expect(one.last.packet == 7)
        after.finish()
    }

    struct Silence: CustomTestStringConvertible, Sendable {
        var name: String
        var speaks: Bool
        var seconds: Int64
        var ends: [String]
        var testDescription: String { name }
    }

    static let silences = [
        Silence(name: "two hours", speaks: true, seconds: 7200, ends: ["capture-end", "capture-end"]),
        Silence(name: "two hours and five minutes", speaks: true, seconds: 7500, ends: ["timeout", "capture-end"]),
        Silence(
            name: "a handshake alone, three minutes", speaks: false, seconds: 180, ends: ["capture-end", "capture-end"]),
        Silence(
            name: "a handshake alone, five minutes", speaks: false, seconds: 300, ends: ["timeout", "capture-end"]),
    ]

    @Test(arguments: silences) func silentConnectionsEndByPacketTime(_ silence: Silence) {
        var talk = Talk()
        talk.open()
        if silence.speaks { talk.client("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        var other = Talk(port: 40001, after: silence.seconds)
        other.open()
        let (told, _) = (talk + other).told()
        #expect(told.connections.map(\.end.name) == silence.ends)
    }

    @Test func theTimeIsALimit() {
        var talk = Talk()
        talk.open()
        talk.client(webSocketRequest)
        var other = Talk(port: 40001, after: 90)
        other.open()
        var options = AnalyzerOptions()
        let isKnown = options.limits.set("connection-idle-seconds", to: 60)
        #expect(isKnown)
        let (told, _) = (talk + other).told(options)
        #expect(told.connections.map(\.end.name) == ["timeout", "capture-end"])
        #expect(told.exchanges.map(\.outcome) == [.incomplete])
    }
}

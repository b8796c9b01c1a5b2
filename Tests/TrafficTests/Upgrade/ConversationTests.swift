// HTTP between two peers who might switch, as rows of what each says in turn; wherever it is cut.

import TestSupport
import Testing

@testable import Traffic

@Suite struct ConversationTests {
    enum Turn: Sendable {
        case client([UInt8])
        case server([UInt8])
        static func client(_ text: String) -> Turn { .client(Array(text.utf8)) }
        static func server(_ text: String) -> Turn { .server(Array(text.utf8)) }
    }

    /// The stories of the exchanges; each turn is cut into pieces of `step` bytes, or once at `cut`.
    static func stories(_ turns: [Turn], step: Int = .max, cut: (turn: Int, at: Int)? = nil) -> [String] {
        let heard = Listener()
        var conversation = ConversationState.alone(output: heard)
        var sent: [Int64] = [0, 0]
        var packet: UInt32 = 0
        for (index, turn) in turns.enumerated() {
            let (direction, bytes): (Direction, [UInt8]) =
                switch turn {
                case .client(let bytes): (.client, bytes)
                case .server(let bytes): (.server, bytes)
                }
            var start = 0
            while start < bytes.count {
                var end = step == .max ? bytes.count : min(bytes.count, start + step)
                if let cut, cut.turn == index, start < cut.at { end = min(end, cut.at) }
                packet += 1
                let mark = Arrival(
                    packet: packet, time: Timestamp(nanoseconds: Int64(packet) * 1_000_000),
                    heard: sent[direction.opposite.index])
                let offset = sent[direction.index]
                _ = conversation.receive(
                    Chunk(bytes.span.extracting(start..<end), direction, offset: offset, arrival: mark))
                sent[direction.index] += Int64(end - start)
                start = end
            }
        }
        conversation.finish(conversation.startFacts)
        return heard.exchanges.map(\.story)
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var turns: [Turn]
        var stories: [String]
        var testDescription: String { name }
    }

    static let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    static let hi = text("hi")
    static let ho = text("ho", key: nil)
    static let switched = "upgrade GET /chat 101 switched websocket 8/4 frames 1/1"
    static let h2c =
        "GET /h2 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    static let h2cAnswer = "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    static let connect = "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n"

    private static let shortOffer = "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n"

    static let rows: [Row] = [
        Row(
            name: "a session", turns: [.client(wsRequest), .server(wsAnswer), .client(hi), .server(ho)],
            stories: [switched]),
        Row(
            name: "frames in the packets of the handshake",
            turns: [.client(Array(wsRequest.utf8) + hi), .server(Array(wsAnswer.utf8) + ho)], stories: [switched]),
        Row(
            name: "an interim answer first",
            turns: [.client(wsRequest), .server("HTTP/1.1 100 Continue\r\n\r\n" + wsAnswer), .client(hi), .server(ho)],
            stories: ["upgrade GET /chat 100 101 switched websocket 8/4 frames 1/1"]),
        Row(
            name: "on the third request",
            turns: [
                .client(get), .server(ok), .client(get), .server(ok), .client(wsRequest), .server(wsAnswer),
                .client(hi),
                .server(ho),
            ],
            stories: [switched]),
        Row(
            name: "in a pipeline",
            turns: [.client(get + get + wsRequest), .server(ok + ok + wsAnswer), .client(hi), .server(ho)],
            stories: [switched]),
        Row(
            name: "several, the last one switches",
            turns: [
                .client(wsRequest), .server(ok), .client(wsRequest),
                .server("HTTP/1.1 403 F\r\nContent-Length: 3\r\n\r\nno!"),
                .client(wsRequest), .server(wsAnswer), .client(hi), .server(ho),
            ],
            stories: [
                "upgrade GET /chat 200 declined later [403]", "upgrade GET /chat 403 failed (forbidden) later [101]",
                switched,
            ]),
        Row(
            name: "behind an answer to HEAD",
            turns: [
                .client("HEAD / HTTP/1.1\r\n\r\n"), .server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
                .client(wsRequest), .server(wsAnswer), .client(hi), .server(ho),
            ],
            stories: [switched]),
        Row(
            name: "behind a 204 and a 304",
            turns: [
                .client(get), .server("HTTP/1.1 204 N\r\nContent-Length: 9\r\n\r\n"), .client(get),
                .server("HTTP/1.1 304 N\r\nContent-Length: 9\r\n\r\n"), .client(wsRequest), .server(wsAnswer),
                .client(hi), .server(ho),
            ],
            stories: [switched]),
        Row(
            name: "behind chunks",
            turns: [
                .client("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\n"),
                .server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
                .client(wsRequest), .server(wsAnswer), .client(hi), .server(ho),
            ],
            stories: [switched]),
        Row(
            name: "a request with content",
            turns: [
                .client(h2c + "Content-Length: 5\r\n\r\nhello"), .server(h2cAnswer),
                .client("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ],
            stories: ["upgrade GET /h2 101 switched h2c 24/0"]),
        Row(
            name: "a 101 in the middle of the content",
            turns: [
                .client(h2c + "Content-Length: 10\r\n\r\nhello"), .server(h2cAnswer),
                .client("worldPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ],
            stories: ["upgrade GET /h2 101 switched h2c 24/0"]),
        Row(
            name: "a 101 in the middle of the chunks",
            turns: [
                .client(h2c + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"), .server(h2cAnswer),
                .client("lo\r\n0\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ],
            stories: ["upgrade GET /h2 101 switched h2c 24/0"]),
        Row(
            name: "required, though nothing was offered",
            turns: [
                .client(get),
                .server("HTTP/1.1 426 U\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n"),
                .client(wsRequest), .server(wsAnswer), .client(hi), .server(ho),
            ],
            stories: ["unsolicited GET /a 426 required (tls) later [101]", switched]),
        Row(
            name: "a 101 that nobody asked for", turns: [.client(get), .server(wsAnswer), .client(hi), .server(ho)],
            stories: ["unsolicited GET /a 101 switched websocket 8/4 frames 1/1"]),
        Row(
            name: "a tunnel and a session in it",
            turns: [
                .client(connect), .server("HTTP/1.1 200 OK\r\n\r\n"), .client(wsRequest), .server(wsAnswer),
                .client(hi),
                .server(ho),
            ],
            stories: [
                "connect CONNECT b:80 200 switched tunnel \(wsRequest.utf8.count + 8)/\(wsAnswer.utf8.count + 4)",
                switched + " inside",
            ]),
        Row(
            name: "a tunnel that says it has content",
            turns: [
                .client(connect), .server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), .client("x"),
            ],
            stories: ["connect CONNECT b:80 200 switched tunnel 1/5"]),
        Row(
            name: "a tunnel refused, then opened",
            turns: [
                .client(connect), .server("HTTP/1.1 407 P\r\nContent-Length: 2\r\n\r\nno"), .client(connect),
                .server("HTTP/1.1 200 OK\r\n\r\n"), .client("x"), .server("y"),
            ],
            stories: [
                "connect CONNECT b:80 407 failed (auth) later [200]", "connect CONNECT b:80 200 switched tunnel 1/1",
            ]),
        Row(
            name: "a stray line end in front of the frames",
            turns: [.client(Array((wsRequest + "\r\n").utf8) + hi), .server(Array(wsAnswer.utf8) + ho)],
            stories: [switched]),
        Row(
            name: "the eight bytes of an old draft",
            turns: [
                .client(
                    "GET /o HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key1: 1\r\n"
                        + "Sec-WebSocket-Key2: 2\r\n\r\n12345678"),
                .server("HTTP/1.1 101 W\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n"),
            ],
            stories: ["upgrade GET /o 101 switched websocket 0/0 frames 0/0"]),
        Row(
            name: "an answer up to the close",
            turns: [.client(wsRequest), .server("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 X\r\n\r\n")],
            stories: ["upgrade GET /chat 200 declined"]),
        Row(
            name: "an offer that got lost",
            turns: [
                .client("GET /l HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n"),
                .server("HTTP/1.1 400 B\r\nContent-Length: 0\r\n\r\n"),
            ],
            stories: ["lostOffer GET /l 400 failed (bad-request)"]),
        Row(name: "no answer", turns: [.client(wsRequest)], stories: ["upgrade GET /chat incomplete (capture-end)"]),
        Row(
            name: "the server speaks frames before it answers",
            turns: [.client(wsRequest), .server(ho + Array(wsAnswer.utf8)), .client(hi), .server(ho)],
            stories: ["upgrade GET /chat 101 switched websocket 8/4 frames 1/1 !serverBytesBeforeResponse"]),
        Row(
            name: "where redirects lead",
            turns: ["HTTPS://a/", "ws:x", "ftp://a/", "/http://a/"].flatMap {
                [.client(shortOffer), .server("HTTP/1.1 302 F\r\nLocation: \($0)\r\nContent-Length: 0\r\n\r\n")]
            },
            stories: [
                "upgrade GET / 302 redirected (https) later [302]", "upgrade GET / 302 redirected (ws) later [302]",
                "upgrade GET / 302 redirected (other) later [302]", "upgrade GET / 302 redirected",
            ]),
        Row(
            name: "a redirect, an error of a gateway, an unknown version",
            turns: [
                .client(wsRequest), .server("HTTP/1.1 301 M\r\nContent-Length: 0\r\n\r\n"), .client(wsRequest),
                .server("HTTP/1.1 502 B\r\nContent-Length: 0\r\n\r\n"), .client(wsRequest),
                .server("HTTP/1.1 426 U\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n"),
            ],
            stories: [
                "upgrade GET /chat 301 redirected later [502]",
                "upgrade GET /chat 502 failed (gateway) later [426]", "upgrade GET /chat 426 required (version)",
            ]),
    ]

    @Test(arguments: rows) func aConversation(row: Row) {
        #expect(Self.stories(row.turns) == row.stories)
        #expect(Self.stories(row.turns, step: 1) == row.stories, "byte by byte")
        for step in [2, 3, 7, 64] { #expect(Self.stories(row.turns, step: step) == row.stories, "in steps of \(step)") }
        for (index, turn) in row.turns.enumerated() {
            let count =
                switch turn {
                case .client(let bytes), .server(let bytes): bytes.count
                }
            for cut in 1..<max(1, count) {
                #expect(Self.stories(row.turns, cut: (index, cut)) == row.stories, "turn \(index) cut at \(cut)")
            }
        }
    }

    @Test(arguments: [
        "POST / HTTP/1.1\r\nContent-Length: 5, 6\r\n\r\nhello", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ])
    func behindAnUnknownEndNothingIsRead(request: String) {
        #expect(Self.stories([.client(request + wsRequest), .server(wsAnswer)]).count <= 1)
    }

    @Test func manyExchangesAreToldOfInTime() {
        let heard = Listener()
        var conversation = ConversationState.alone(output: heard) { $0.openExchanges = 4 }
        var offset: [Int64] = [0, 0]
        for round in 0..<100 {
            for (direction, text) in [(Direction.client, wsRequest), (.server, Self.ok)] {
                let bytes = Array(text.utf8)
                let mark = Arrival(
                    packet: UInt32(round + 1), time: Timestamp(nanoseconds: 0),
                    heard: offset[direction.opposite.index])
                _ = conversation.receive(Chunk(bytes.span, direction, offset: offset[direction.index], arrival: mark))
                offset[direction.index] += Int64(bytes.count)
            }
            #expect(conversation.open.count <= 4)
        }
        conversation.finish(conversation.startFacts)
        #expect(heard.exchanges.map(\.outcome) == [Outcome](repeating: .declined, count: 100))
    }
}

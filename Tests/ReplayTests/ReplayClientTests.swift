// The client of a replay against servers that are functions: what is said, when, and what is thought of the answers.

import Ground
import Inspection
import TestSupport
import Testing
import Traffic

@testable import Replay

@Suite("The client of a replay")
struct ReplayClientTests {
    private let chat: [Line] = [
        .client("one"), .server("one"), .client("two"), .server("two"), .clientClose(1000), .serverClose(1000),
    ]

    @Test("the same server says the same")
    func same() throws {
        let session = try #require(Recording.webSocket(chat))
        let outcome = try #require(Simulation().run(session, server: Simulation.echo))
        #expect(outcome.result.verdict == .same)
        #expect(outcome.said == ["one", "two", "#8 1000"])
        #expect(outcome.result.live?.messages == PerDirection(client: 2, server: 2))
        #expect(outcome.result.findings.filter { $0.level == .error }.isEmpty)
    }

    @Test("what was sent and what was recorded are counted alike")
    func payload() throws {
        let session = try #require(Recording.webSocket(chat))
        let outcome = try #require(Simulation().run(session, server: Simulation.echo))
        #expect(outcome.result.recorded.bytes == PerDirection(client: 6, server: 6))
        #expect(outcome.result.live?.bytes == PerDirection(client: 6, server: 6))
    }

    @Test("an accept that was wrong and is wrong is no difference, and a finding")
    func wrongAccept() throws {
        var recording = Recording()
        recording.client(Handshake.request())
        let wrong = Handshake.response().replacing("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", with: "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        recording.server(wrong)
        recording.client(Frame.client(8, Frame.close(1000)))
        recording.server(Frame.server(8, Frame.close(1000)))
        let session = try #require(recording.sessions().first)
        var simulation = Simulation()
        simulation.accept = false
        func run(_ response: String) throws -> ReplayedExchange {
            try #require(
                simulation.run(session) { heard in
                    if case .request = heard { return [.bytes(Array(response.utf8))] }
                    return Simulation.echo(heard)
                }
            ).result
        }
        let other = try run(wrong.replacing("AAAA=", with: "AAAB="))
        #expect(other.verdict == .same)
        #expect(other.findings.contains { $0.rule == "WS009" })
        let right = try run(Handshake.response())
        #expect(right.differences.map(\.at) == ["header sec-websocket-accept"])
        #expect(right.differences.first?.live == "right for its key")
    }

    @Test("a server that left without an answer, and does so again, is the same")
    func leaves() throws {
        var recording = Recording()
        recording.client(Handshake.request())
        recording.end(.server)
        recording.end(.client)
        let session = try #require(recording.sessions().first)
        var simulation = Simulation()
        simulation.accept = false
        for reply: [Simulation.Reply] in [[.end], [.reset], [.bytes([0, 0, 6, 4]), .end]] {
            let again = try #require(
                simulation.run(session) { heard in
                    if case .request = heard { return reply }
                    return []
                })
            #expect(again.result.verdict == .same, "\(reply)")
            #expect(again.result.live?.outcome == .incomplete)
        }
        // Silence is something else, and so is an answer.
        #expect(try #require(simulation.run(session) { _ in [] }).result.verdict == .failed)
        #expect(try #require(Simulation().run(session, server: Simulation.echo)).kinds == [.outcome])
        // Where an answer was recorded, none is a failure.
        let answered = try #require(Recording.webSocket(chat))
        let gone = try #require(
            simulation.run(answered) { heard in
                if case .request = heard { return [.end] }
                return []
            })
        #expect(gone.result.verdict == .failed)
    }

    @Test("the plan says what is left out of earlier requests as well")
    func historyWithoutCredentials() throws {
        var recording = Recording()
        recording.client("GET /login HTTP/1.1\r\nHost: example.org\r\nAuthorization: Basic eDp5\r\n\r\n")
        recording.server("HTTP/1.1 204 No Content\r\n\r\n")
        recording.client(Handshake.request("Cookie: a=b\r\n"))
        recording.server(Handshake.response())
        let session = try #require(recording.sessions().first)
        func notes(sendsCredentials: Bool) throws -> [String] {
            var options = ReplayOptions()
            options.withHistory = true
            options.sendsCredentials = sendsCredentials
            let script = ReplayScript(session, target: try ReplayTarget("ws://127.0.0.1:9000"), options: options)
            #expect(script.history.count == 1)
            #expect(script.history.first?[...].text.contains("Authorization") == sendsCredentials)
            return script.plan.notes.filter { !$0.hasPrefix("Host is ") }
        }
        let left = "is not sent (credentials; --send-credentials sends them)"
        #expect(try notes(sendsCredentials: false) == ["cookie \(left)", "earlier request 1: authorization \(left)"])
        #expect(try notes(sendsCredentials: true).isEmpty)
    }

    @Test(
        "what is no answer is named",
        arguments: [
            ([0, 0, 0, 4, 0, 0, 0, 0, 0], "9 bytes of HTTP/2, and HTTP/1.1 is spoken here"),
            (Array("PRI * HTTP/2.0\r\n\r\n".utf8), "18 bytes of HTTP/2, and HTTP/1.1 is spoken here"),
            ([0x15, 3, 1, 0, 2, 2, 70], "7 bytes, a TLS alert (wss:// instead of ws://?)"),
            (Array("220 mail ready\r\n".utf8), "16 bytes that begin with \"220 mail ready\""),
            ([0xff, 0], "2 bytes that begin with ff 00"),
            (Array("\u{1b}[2J".utf8), "4 bytes that begin with 1b 5b 32 4a"),
            (Array("HTTP/1.1 200 OK\r\nX: y\r\n".utf8), "23 bytes that begin with \"HTTP/1.1 200 OK\""),
        ] as [([UInt8], String)])
    func noAnswer(bytes: [UInt8], words: String) throws {
        let session = try #require(Recording.webSocket(chat))
        var simulation = Simulation()
        simulation.accept = false
        for (end, sentence) in [
            ([], "no whole HTTP answer came, but \(words)"),
            ([.end], "the server closed the connection behind what is no HTTP answer: \(words)"),
        ] as [([Simulation.Reply], String)] {
            let outcome = try #require(
                simulation.run(session) { heard in
                    if case .request = heard { return [.bytes(bytes)] + end }
                    return []
                })
            #expect(outcome.result.failure == "not-http")
            #expect(outcome.result.reason == sentence)
        }
    }

    @Test("what was never seen of a server is not compared")
    func unseenAnswer() throws {
        var recording = Recording()
        recording.client(Handshake.request())
        let session = try #require(recording.sessions().first)
        let script = ReplayScript(session, target: try ReplayTarget("ws://127.0.0.1:9000"), options: ReplayOptions())
        #expect(script.plan.skipped == "the recording ends in front of the answer")
    }

    @Test(
        "a target that is none says why, and what to do",
        arguments: [
            ("127.0.0.1:9000", "has no scheme"), ("ftp://h:1", "does not begin with ws://"),
            ("ws://h:9000/base", "--path-prefix /base puts that in front"), ("ws://h/?a=b", "only a host and a port"),
            ("ws://user:pw@h", "--set-header"), ("ws://::1:9000", "[::1]:9000"), ("ws://[::1", "lacks a ']'"),
            ("ws://[::1]9000", "between ']' and the port"), ("tcp://h", "needs a port"), ("ws://h:0", "1 to 65535"),
            ("ws://h:65536", "1 to 65535"), ("ws://h:", "1 to 65535"), ("ws://", "names no host"),
            ("ws://:80", "names no host"), ("", "has no scheme"),
        ])
    func targets(text: String, words: String) {
        #expect {
            try ReplayTarget(text)
        } throws: { error in
            "\(error)".hasPrefix("'\(text)' ") && "\(error)".contains(words)
        }
    }

    @Test(
        "a target is a host and a port",
        arguments: [
            ("ws://h", "h", 80, false), ("WSS://h/", "h", 443, true), ("https://[::1]:9000", "::1", 9000, true),
            ("tcp://h:7", "h", 7, false),
        ])
    func target(text: String, host: String, port: Int, isSecure: Bool) throws {
        let target = try ReplayTarget(text)
        #expect((target.host, target.port, target.isSecure) == (host, port, isSecure))
    }

    @Test("the request is recorded, its key and host are not")
    func request() throws {
        let session = try #require(
            Recording.webSocket(
                chat,
                request:
                    "Cookie: a=b\r\nAuthorization: Basic eDp5\r\nX-Odd:  two spaces\r\nOrigin: http://example.com\r\n"))
        let outcome = try #require(Simulation().run(session, server: Simulation.echo))
        #expect(outcome.request.contains("Host: 127.0.0.1:9000\r\n"))
        #expect(outcome.request.contains("X-Odd:  two spaces\r\n"))
        #expect(!outcome.request.contains("Cookie") && !outcome.request.contains("Authorization"))
        #expect(outcome.result.notes.contains { $0.contains("cookie is not sent") })

        var wishes = Simulation()
        wishes.options.sendsCredentials = true
        wishes.options.keepsHost = true
        wishes.options.pathPrefix = "/v2"
        wishes.options.setHeaders = [("x-odd", "other"), ("X-New", "1")]
        wishes.options.dropHeaders = ["origin"]
        wishes.options.subprotocols = ["a", "b"]
        let other = try #require(wishes.run(session, server: Simulation.echo))
        #expect(other.request.hasPrefix("GET /v2/chat HTTP/1.1\r\n"))
        for line in ["Host: example.org", "Cookie: a=b", "x-odd: other", "X-New: 1", "Sec-WebSocket-Protocol: a, b"] {
            #expect(other.request.contains("\r\n\(line)\r\n"), "\(line)")
        }
        #expect(!other.request.contains("Origin"))
    }

    /// What a client message waits for is what its sender had received.
    @Test("causal pacing waits for what had been heard")
    func causal() throws {
        let session = try #require(
            Recording.webSocket([
                .server("welcome"), .client("hello"), .server("a"), .server("b"), .client("done"), .clientClose(1000),
                .serverClose(1000),
            ]))
        var heardAt: [String] = []
        let outcome = try #require(
            Simulation().run(session) { heard in
                switch heard {
                case .request: return [.later(300), .text("welcome")]
                case .message(let message):
                    heardAt.append(String(decoding: message.payload, as: UTF8.self))
                    if message.opcode == 8 { return [.close(1000), .end] }
                    return heardAt.count == 1 ? [.later(200), .text("a"), .later(200), .text("b")] : []
                default: return []
                }
            })
        #expect(outcome.result.verdict == .same)
        let sent = outcome.run.sent.map { $0.nanoseconds(since: outcome.run.start) / 1_000_000 }
        #expect(sent == [300, 700, 700])
    }

    @Test("recorded pacing keeps the times, xN divides them, fast ignores them")
    func pacing() throws {
        let session = try #require(
            Recording.webSocket([
                .pause(1000), .client("one"), .pause(1000), .client("two"), .clientClose(1000), .serverClose(1000),
            ]))
        func sent(_ pace: ReplayOptions.Pace) throws -> [Int64] {
            var simulation = Simulation()
            simulation.options.pace = pace
            let outcome = try #require(
                simulation.run(session) { heard in
                    if case .message(let message) = heard, message.opcode == 8 { return [.close(1000), .end] }
                    return []
                })
            return outcome.run.sent.map { $0.nanoseconds(since: outcome.run.start) / 10_000_000 * 10 }
        }
        #expect(try sent(.recorded(1)) == [1000, 2000, 2000])
        #expect(try sent(.recorded(10)) == [100, 200, 200])
        #expect(try sent(.fast) == [0, 0, 0])
    }

    @Test("a message that does not come is waited for once, and missed")
    func missing() throws {
        let session = try #require(Recording.webSocket(chat))
        var count = 0
        let outcome = try #require(
            Simulation().run(session) { heard in
                guard case .message(let message) = heard, message.opcode == 1 else { return Simulation.echo(heard) }
                count += 1
                return count == 1 ? [] : Simulation.echo(heard)
            })
        #expect(outcome.kinds == [.messageMissing])
        #expect(outcome.result.differences.first?.at == "server message 1")
        #expect(outcome.result.differences.first?.packet?.packet == session.steps(of: .server)[0].first.packet)
        #expect((5000..<6000).contains(outcome.milliseconds))
        #expect(outcome.said == ["one", "two", "#8 1000"])
    }

    @Test("a server that has stopped answering is given up")
    func stalled() throws {
        let lines = (0..<20).flatMap { [Line.client("\($0)"), .server("\($0)")] }
        let session = try #require(Recording.webSocket(lines + [.clientClose(1000), .serverClose(1000)]))
        let outcome = try #require(Simulation().run(session) { _ in [] })
        #expect(outcome.result.verdict == .failed)
        #expect(outcome.result.failure == "stalled")
        #expect(outcome.milliseconds <= 16_000)
    }

    /// Each change of the server is found by its name, and nothing else is.
    @Test(
        "a changed server is told exactly",
        arguments: [
            (
                "another field", #"{"id": 7, "name": "bob"}"#, [Difference.Kind.messageChanged],
                "server message 1, /name"
            ),
            ("another order and spelling", #"{"name":"alice","id":7.0}"#, [], ""),
            ("a field more", #"{"id":7,"name":"alice","new":[]}"#, [.messageChanged], "server message 1, /new"),
        ])
    func json(_ name: String, _ answer: String, _ kinds: [Difference.Kind], _ place: String) throws {
        let session = try #require(
            Recording.webSocket([
                .client("?"), .server(#"{"id":7,"name":"alice"}"#), .clientClose(1000), .serverClose(1000),
            ]))
        let outcome = try #require(
            Simulation().run(session) { heard in
                guard case .message(let message) = heard, message.opcode == 1 else { return Simulation.echo(heard) }
                return [.text(answer)]
            })
        #expect(outcome.kinds == kinds)
        if !kinds.isEmpty { #expect(outcome.result.differences.first?.at == place) }
    }

    @Test("pings are answered, not replayed, unless asked for")
    func control() throws {
        let session = try #require(
            Recording.webSocket([
                .clientFrame(9, [1]), .serverFrame(10, [1]), .serverFrame(9, [2]), .clientFrame(10, [2]), .client("x"),
                .server("x"), .clientClose(1000), .serverClose(1000),
            ]))
        let server: (Simulation.Heard) -> [Simulation.Reply] = { heard in
            switch heard {
            case .request: return [.frame(9, [7])]
            case .message(let message) where message.opcode == 9: return [.frame(10, message.payload)]
            default: return Simulation.echo(heard)
            }
        }
        let outcome = try #require(Simulation().run(session, server: server))
        #expect(outcome.result.verdict == .same)
        #expect(Set(outcome.said) == ["#10", "x", "#8 1000"])
        var simulation = Simulation()
        simulation.options.replaysControl = true
        let with = try #require(simulation.run(session, server: server))
        #expect(with.said.filter { $0 == "#9" }.count == 1)
    }

    @Test("closes: another code, one that was not recorded, none, too early")
    func closes() throws {
        let session = try #require(Recording.webSocket(chat))
        func outcome(_ server: @escaping (Simulation.Heard) -> [Simulation.Reply]) throws -> Simulation.Outcome {
            try #require(Simulation().run(session, server: server))
        }
        let other = try outcome { heard in
            if case .message(let message) = heard, message.opcode == 8 { return [.close(1011), .end] }
            return Simulation.echo(heard)
        }
        #expect(other.kinds == [.close])
        #expect(other.result.differences.first?.recorded == "1000" && other.result.differences.first?.live == "1011")
        let none = try outcome { heard in
            if case .message(let message) = heard, message.opcode == 8 { return [.end] }
            return Simulation.echo(heard)
        }
        #expect(none.kinds == [.close])
        #expect(none.result.differences.first?.live == "connection ended without close")
        let early = try outcome { heard in
            if case .message(let message) = heard, message.opcode == 1 {
                return Simulation.echo(heard) + [.close(1000), .end]
            }
            return []
        }
        #expect(early.kinds == [.messageMissing, .close])
        #expect(early.result.differences.last?.live == "1000, before the client's close")
        let gone = try outcome { heard in
            if case .message(let message) = heard, message.opcode == 1 { return [.reset] }
            return []
        }
        #expect(gone.result.verdict == .failed && gone.result.failure == "reset")
    }

    @Test("no answer, garbage, too much: a verdict each, in time")
    func failures() throws {
        let session = try #require(Recording.webSocket(chat))
        var simulation = Simulation()
        simulation.accept = false
        simulation.options.mostBytes = 1 << 20
        let rows: [(String, [Simulation.Reply], String)] = [
            ("silence", [], "handshake-timeout"),
            ("end", [.end], "closed-early"),
            ("reset", [.reset], "closed-early"),
            ("garbage", [.bytes(Array("ssh-2.0 hello\r\n".utf8))], "not-http"),
            ("garbage and end", [.bytes(Array("ssh-2.0 hello\r\n".utf8)), .end], "not-http"),
            ("half a head", [.bytes(Array("HTTP/1.1 101 Sw".utf8))], "not-http"),
            ("too much", (0..<100).map { _ in .bytes([UInt8](repeating: 0x41, count: 65536)) }, "too-much"),
            (
                "no frames", [.bytes(Array(Handshake.response().utf8)), .bytes(Array("HTTP/1.1 200 OK\r\n\r\n".utf8))],
                "not-websocket"
            ),
        ]
        for (name, replies, failure) in rows {
            let outcome = try #require(
                simulation.run(session) { heard in if case .request = heard { replies } else { [] } }, "\(name)")
            #expect(outcome.result.failure == failure, "\(name): \(outcome.result.reason ?? "")")
            #expect(outcome.milliseconds <= 5000, "\(name)")
        }
    }

    @Test("a refusal where there was none, and the other way round")
    func refusal() throws {
        let session = try #require(Recording.webSocket(chat))
        var simulation = Simulation()
        simulation.accept = false
        let outcome = try #require(
            simulation.run(session) { heard in
                if case .request = heard {
                    return [.bytes(Array("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".utf8))]
                }
                return []
            })
        #expect(outcome.kinds == [.status, .outcome])
        #expect(outcome.result.verdict == .differs)

        var recording = Recording()
        recording.client(Handshake.request())
        recording.server("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        let refused = try #require(recording.sessions().first)
        let now = try #require(Simulation().run(refused, server: Simulation.echo))
        #expect(now.kinds == [.status, .outcome])
        #expect(now.said == ["#8 1000"])
    }

    @Test("the answer's agreements are compared")
    func agreements() throws {
        let session = try #require(
            Recording.webSocket(
                chat, request: "Sec-WebSocket-Protocol: a, b\r\n",
                response: "Sec-WebSocket-Protocol: a\r\nServer: x/1\r\nDate: 1\r\n"))
        var simulation = Simulation()
        simulation.response = "Sec-WebSocket-Protocol: b\r\nServer: x/2\r\nDate: 2\r\n"
        let outcome = try #require(simulation.run(session, server: Simulation.echo))
        #expect(outcome.kinds == [.subprotocol, .header])
        #expect(outcome.result.differences.last?.at == "header server")
        simulation.options.compare.headers = ["server"]
        #expect(try #require(simulation.run(session, server: Simulation.echo)).kinds == [.subprotocol])
        simulation.response = "Sec-WebSocket-Protocol: a\r\nServer: x/1\r\nSec-WebSocket-Extensions: x-new\r\n"
        #expect(try #require(simulation.run(session, server: Simulation.echo)).kinds == [.extension])
    }

    @Test("messages are compressed as agreed now")
    func compression() throws {
        let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        // A deflated "Hello" (RFC 7692 7.2.3.1) of both sides.
        let hello: [UInt8] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
        var recording = Recording()
        recording.client(Handshake.request(offer))
        recording.server(Handshake.response("Sec-WebSocket-Extensions: permessage-deflate\r\n"))
        recording.client([0xc1, 0x80 | 7, 0, 0, 0, 0] + hello)
        recording.server([0xc1, 7] + hello)
        recording.client(Frame.client(8, Frame.close(1000)))
        recording.server(Frame.server(8, Frame.close(1000)))
        let session = try #require(recording.sessions().first)
        #expect(session.steps.map { String(decoding: $0.payload, as: UTF8.self) }.prefix(2) == ["Hello", "Hello"])
        for response in ["Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n", ""] {
            var simulation = Simulation()
            simulation.response = response
            let outcome = try #require(simulation.run(session, server: Simulation.echo))
            #expect(outcome.said == ["Hello", "#8 1000"])
            #expect(outcome.kinds == [.extension])
            #expect(outcome.result.live?.messages.server == 1)
        }
    }

    @Test("fragments are kept, or joined")
    func fragments() throws {
        var recording = Recording()
        recording.client(Handshake.request())
        recording.server(Handshake.response())
        recording.client(Frame.client(1, Array("He".utf8), isFinal: false) + Frame.client(0, Array("llo".utf8)))
        recording.server(Frame.server(1, Array("Hello".utf8)))
        recording.client(Frame.client(8, Frame.close(1000)))
        recording.server(Frame.server(8, Frame.close(1000)))
        let session = try #require(recording.sessions().first)
        #expect(session.steps[0].message?.fragments == [2, 3])
        var simulation = Simulation()
        #expect(try #require(simulation.run(session, server: Simulation.echo)).result.verdict == .same)
        var counts: [Int] = []
        simulation.options.keepsFragments = true
        let outcome = try #require(
            simulation.run(session) { heard in
                if case .message(let message) = heard, message.opcode == 1 {
                    counts = message.fragments.map { Int($0) }
                }
                return Simulation.echo(heard)
            })
        #expect(outcome.result.verdict == .same)
        #expect(counts == [2, 3])
    }

    @Test("a value is carried from a live answer into later messages")
    func carry() throws {
        let session = try #require(
            Recording.webSocket([
                .client("login"), .server(#"{"token":"abcd","n":1}"#),
                .client(#"{"use" : "abcd", "as":["Bearer abcd", 1]}"#), .server(#"{"ok":true}"#), .clientClose(1000),
                .serverClose(1000),
            ]))
        var simulation = Simulation()
        simulation.options.carried = [JSONPointer(["token"])]
        simulation.options.compare.pointers = [JSONPointer(["token"])]
        var count = 0
        let outcome = try #require(
            simulation.run(session) { heard in
                guard case .message(let message) = heard, message.opcode == 1 else { return Simulation.echo(heard) }
                count += 1
                return [.text(count == 1 ? #"{"token":"w\"yz","n":1}"# : #"{"ok":true}"#)]
            })
        #expect(outcome.said[1] == #"{"use" : "w\"yz", "as":["Bearer w\"yz", 1]}"#)
        #expect(outcome.result.verdict == .same)
    }

    @Test("--match content waits for the message itself")
    func matchContent() throws {
        let session = try #require(
            Recording.webSocket([.server("ready"), .client("go"), .clientClose(1000), .serverClose(1000)]))
        var simulation = Simulation()
        simulation.options.match = .content
        let outcome = try #require(
            simulation.run(session) { heard in
                if case .request = heard { return [.text("noise"), .later(500), .text("ready")] }
                return Simulation.echo(heard).filter {
                    if case .close = $0 { true } else if case .end = $0 { true } else { false }
                }
            })
        #expect(outcome.run.sent.first.map { $0.nanoseconds(since: outcome.run.start) / 1_000_000 } == 500)
        #expect(outcome.kinds == [.messageExtra])
    }

    /// A server that talks once a second about something else would otherwise be waited for without end.
    @Test("who talks without end does not keep the waiting alive", arguments: [true, false])
    func chatter(isMatchedByContent: Bool) throws {
        let session = try #require(
            Recording.webSocket([.server("ready"), .client("go"), .clientClose(1000), .serverClose(1000)]))
        var simulation = Simulation()
        simulation.options.match = isMatchedByContent ? .content : .order
        let outcome = try #require(
            simulation.run(session) { heard in
                guard case .request = heard else { return [] }
                return (0..<3600).flatMap { _ in [.later(1000), .text("tick")] }
            })
        #expect(outcome.milliseconds < 20_000)
        #expect(outcome.result.verdict != .same)
    }

    @Test("bytes without end are not listened to without end", arguments: [true, false])
    func heartbeat(isRaw: Bool) throws {
        var recording = Recording(keepsRaw: isRaw)
        recording.client("GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
        recording.server("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
        recording.server("login: ")
        recording.client("root\n")
        recording.server("welcome")
        let session = try #require(recording.sessions().first)
        var simulation = Simulation()
        simulation.accept = false
        simulation.options.raw = isRaw
        let outcome = try #require(
            simulation.run(session) { heard in
                guard case .request = heard else { return [] }
                let head = "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nlogin: welcome"
                return [.bytes(Array(head.utf8))]
                    + (0..<36_000).flatMap { _ in [.later(100), .bytes(Array(".".utf8))] }
            })
        #expect(outcome.milliseconds < 20_000)
        #expect(outcome.result.verdict == (isRaw ? .same : .differs), "\(outcome.result.differences)")
    }

    @Test("latency beyond the budget is a difference")
    func budget() throws {
        let session = try #require(Recording.webSocket(chat))
        var simulation = Simulation()
        simulation.options.compare.latencyBudget = 100_000_000
        let outcome = try #require(
            simulation.run(session) { heard in
                if case .message(let message) = heard, message.payload == Array("two".utf8) {
                    return [.later(250), .text("two")]
                }
                return Simulation.echo(heard)
            })
        #expect(outcome.kinds == [.latency])
        #expect(outcome.result.differences.first?.at == "server message 2")
    }

    @Test("a session with a gap is said up to it")
    func gap() throws {
        var recording = Recording()
        recording.client(Handshake.request())
        recording.server(Handshake.response())
        recording.client(Frame.client(1, Array("one".utf8)))
        recording.server(Frame.server(1, Array("one".utf8)))
        recording.lose(.server, Frame.server(1, Array("two".utf8)))
        recording.server(Frame.server(1, Array("three".utf8)))
        recording.client(Frame.client(1, Array("four".utf8)))
        let session = try #require(recording.sessions().first)
        #expect(session.steps.map { String(decoding: $0.payload, as: UTF8.self) } == ["one", "one"])
        #expect(session.cut != nil)
        let outcome = try #require(Simulation().run(session, server: Simulation.echo))
        #expect(outcome.result.verdict == .same)
        #expect(outcome.result.notes.contains { $0.hasPrefix("said as far as it is known") })
    }
}

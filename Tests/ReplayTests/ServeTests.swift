// The stand-in as a machine: which recording answers, what it says, and when.

import Ground
import Inspection
import TestSupport
import Testing
import Traffic

@testable import Replay

/// A client of a stand-in, line by line.
private struct Visitor: ~Copyable {
    let connection: ServedConnection
    /// What the stand-in has sent, and how it ended.
    private(set) var received: [UInt8] = []
    private(set) var ending: ServedConnection.Action?
    /// What was answered and is over.
    private(set) var served: [ServedExchange] = []
    private var now = Timestamp(nanoseconds: 1_800_000_000_000_000_000)
    private var read = 0

    init(_ answers: RecordedAnswers, options: ServeOptions = ServeOptions()) {
        let here = Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 40000)
        let there = Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 9000)
        connection = ServedConnection(client: here, server: there, answers: answers, options: options)
        connection.opened(at: now)
    }

    mutating func say(_ bytes: [UInt8]) { take(connection.received(bytes, at: now)) }
    mutating func say(_ text: String) { say(Array(text.utf8)) }
    mutating func text(_ text: String) { say(Frame.client(1, Array(text.utf8))) }
    mutating func close(_ code: UInt16) { say(Frame.client(8, Frame.close(code))) }
    mutating func wait() { take(connection.timedOut(at: now)) }
    mutating func leave() { take(connection.ended(at: now)) }

    private mutating func take(_ actions: [ServedConnection.Action]) {
        now.nanoseconds += 1_000_000
        served += connection.takeServed()
        for action in actions {
            if case .send(let bytes) = action { received += bytes } else { ending = action }
        }
    }

    /// What came since the last look, as text; frames as their payload.
    mutating func news() -> String {
        var rest = received[read...]
        read = received.count
        var words: [String] = []
        while !rest.isEmpty {
            if rest.starts(with: "HTTP/1.") {
                let text = rest.text
                words.append(String(text.prefix { $0 != "\r\n" }))
                let head = text.firstRange(of: "\r\n\r\n").map { text[..<$0.upperBound].utf8.count } ?? rest.count
                rest = rest.dropFirst(head)
                if !words[words.count - 1].contains(" 101 ") {
                    return words.joined(separator: " | ") + " | " + rest.text
                }
                continue
            }
            let bytes = Array(rest)
            let (length, start) =
                bytes[1] < 126 ? (Int(bytes[1]), 2) : (Int(bytes[2]) << 8 | Int(bytes[3]), 4)
            let payload = bytes[start..<(start + length)]
            switch bytes[0] & 0x0f {
            case 1: words.append(payload.text)
            case 8:
                words.append("close \(payload.count > 1 ? Int(payload[start]) << 8 | Int(payload[start + 1]) : 1005)")
            default: words.append("#\(bytes[0] & 0x0f) \(payload.text)")
            }
            rest = rest.dropFirst(start + length)
        }
        return words.joined(separator: " | ")
    }
}

@Suite struct ServeTests {
    static func answers(_ sessions: RecordedSession?...) -> RecordedAnswers {
        RecordedAnswers(sessions.compactMap { $0 })
    }

    static let switching = "HTTP/1.1 101 Switching Protocols"

    // MARK: Progress

    @Test func theServerSpeaksAsTheClientMakesProgress() {
        let session = Recording.webSocket([
            .server("hello"), .client("a"), .server("A"), .client("b"), .client("c"), .server("BC"), .clientClose(1000),
            .serverClose(1000),
        ])
        var visitor = Visitor(Self.answers(session))
        visitor.say(Handshake.request())
        #expect(visitor.news() == "\(Self.switching) | hello")
        visitor.text("a")
        #expect(visitor.news() == "A")
        visitor.text("other")
        #expect(visitor.news() == "")
        visitor.text("c")
        #expect(visitor.news() == "BC")
        visitor.close(1000)
        #expect(visitor.news() == "close 1000")
        #expect(visitor.ending == .close)
        #expect(visitor.served.map(\.said) == [4])
        #expect(visitor.served.map(\.heard) == [3])
        #expect(visitor.served.first?.remarks == ["message 2 is not the recorded one"])
    }

    @Test func bytesMayArriveOneByOne() {
        let session = Recording.webSocket([.client("a"), .server("A"), .clientClose(1000), .serverClose(1000)])
        var visitor = Visitor(Self.answers(session))
        for byte in Array(Handshake.request().utf8) + Frame.client(1, [97]) + Frame.client(8, Frame.close(1000)) {
            visitor.say([byte])
        }
        #expect(visitor.news() == "\(Self.switching) | A | close 1000")
    }

    @Test func frequentPingsAreAnsweredAndCountForNothing() {
        let session = Recording.webSocket([
            .clientFrame(9, [1]), .serverFrame(10, [1]), .serverFrame(9, [7]), .clientFrame(10, [7]), .client("a"),
            .server("A"),
        ])
        var visitor = Visitor(Self.answers(session))
        visitor.say(Handshake.request())
        #expect(visitor.news() == "\(Self.switching) | #9 \u{7}")
        visitor.say(Frame.client(9, Array("x".utf8)))
        visitor.say(Frame.client(9, Array("y".utf8)))
        #expect(visitor.news() == "#10 x | #10 y")
        visitor.text("a")
        #expect(visitor.news() == "A")
    }

    @Test func aServerThatClosesFirstWaitsForTheAnswer() {
        let session = Recording.webSocket([.client("a"), .serverClose(4001), .clientClose(4001)])
        var visitor = Visitor(Self.answers(session))
        visitor.say(Handshake.request())
        visitor.text("a")
        #expect(visitor.news() == "\(Self.switching) | close 4001")
        #expect(visitor.ending == nil)
        visitor.close(4001)
        #expect(visitor.news() == "")
        #expect(visitor.ending == .close)
    }

    @Test func whoClosesEarlyGetsTheSameCode() {
        let session = Recording.webSocket([.client("a"), .server("A"), .clientClose(1000), .serverClose(1000)])
        var visitor = Visitor(Self.answers(session))
        visitor.say(Handshake.request())
        visitor.close(1001)
        #expect(visitor.news() == "\(Self.switching) | close 1001")
        #expect(visitor.served.first?.remarks == ["closed after 0 of 1 messages"])
    }

    @Test(arguments: [true, false]) func aServerThatLeftWithoutAWordLeaves(reset: Bool) throws {
        var recording = Recording()
        recording.client(Handshake.request())
        recording.server(Handshake.response())
        recording.client(Frame.client(1, [97]))
        recording.server(Frame.server(1, [65]))
        recording.end(.server, reset: reset)
        var visitor = Visitor(RecordedAnswers(recording.sessions()))
        visitor.say(Handshake.request())
        #expect(visitor.ending == nil)
        visitor.text("a")
        #expect(visitor.news() == "\(Self.switching) | A")
        #expect(visitor.ending == (reset ? .reset : .close))
    }

    @Test func whoSaysNothingMoreIsLetGo() {
        let session = Recording.webSocket([.client("a"), .server("A")])
        var visitor = Visitor(Self.answers(session))
        visitor.say(Handshake.request())
        visitor.text("a")
        visitor.wait()
        #expect(visitor.news() == "\(Self.switching) | A | close 1001")
        #expect(visitor.ending == .close)
    }

    @Test func brokenFramesAndLongMessagesAreRefused() {
        let session = Recording.webSocket([.client("a"), .server("A")])
        var options = ServeOptions()
        options.messageBytes = 100
        var visitor = Visitor(Self.answers(session), options: options)
        visitor.say(Handshake.request())
        visitor.text(String(repeating: "x", count: 101))
        #expect(visitor.news() == "\(Self.switching) | close 1009")
        #expect(visitor.ending == .close)
        visitor.text("nobody listens any more")
        #expect(visitor.news() == "")
    }

    // MARK: Requests

    @Test func recordingsOfOneRequestTakeTurns() {
        let sessions = ["one", "two", "three"].map { Recording.webSocket([.server($0)]) }
        let answers = RecordedAnswers(sessions.compactMap { $0 })
        var heard: [String] = []
        for _ in 0..<4 {
            var visitor = Visitor(answers)
            visitor.say(Handshake.request())
            heard.append(visitor.news())
        }
        #expect(heard == ["one", "two", "three", "one"].map { "\(Self.switching) | \($0)" })
    }

    @Test(arguments: [
        (
            "GET /chat HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426 Upgrade Required",
            "This request offers nothing; the recorded"
        ),
        ("GET /other HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found", "  GET /chat offering websocket\n"),
        (
            "POST /chat HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found",
            "No such request was recorded.\nThese were:"
        ),
        (
            "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "HTTP/1.1 400 Bad Request",
            "This request offers h2c; the recorded one offered websocket."
        ),
        ("hello\r\n\r\n", "HTTP/1.1 400 Bad Request", "This is no request of HTTP/1.1."),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 Bad Request", "HTTP/2 is not served, only HTTP/1.1."),
    ])
    func whatWasNotRecordedIsExplained(request: String, status: String, reason: String) {
        var visitor = Visitor(Self.answers(Recording.webSocket([.server("hello")])))
        visitor.say(request)
        let answer = visitor.news()
        #expect(answer.hasPrefix(status), "\(answer)")
        #expect(answer.contains(reason), "\(answer)")
        #expect(visitor.ending == .close)
        #expect(visitor.served.map(\.recording) == [nil])
    }

    @Test func aClientThatSpeaksTLSIsToldOf() {
        var visitor = Visitor(Self.answers(Recording.webSocket([])))
        visitor.say([0x16, 3, 1, 2, 0, 1])
        #expect(visitor.received.isEmpty)
        #expect(visitor.ending == .close)
        #expect(visitor.served.first?.remarks == ["the client speaks TLS, which is served with --tls"])
    }

    @Test func endlessBeginningsAreRefused() {
        var visitor = Visitor(Self.answers(Recording.webSocket([])))
        for _ in 0..<200 where visitor.ending == nil { visitor.say([UInt8](repeating: 0x41, count: 1000)) }
        #expect(visitor.ending == .close)
        #expect(visitor.received.count < 1000)
    }

    @Test func secretsInTheTargetDoNotHaveToBeKnown() throws {
        var recording = Recording()
        recording.client(Handshake.request().replacing("/chat", with: "/chat?room=1&token=abcdef"))
        recording.server(Handshake.response())
        recording.server(Frame.server(1, [72]))
        let answers = RecordedAnswers(recording.sessions())
        for (query, isKnown) in [("room=1&token=xyz", true), ("room=1&token=", true), ("room=2&token=xyz", false)] {
            var visitor = Visitor(answers)
            visitor.say(Handshake.request().replacing("/chat", with: "/chat?\(query)"))
            #expect(visitor.news().hasPrefix(Self.switching) == isKnown, "\(query)")
        }
    }

    @Test func aRefusalIsAnsweredAndTheConnectionGoesOn() {
        var recording = Recording()
        recording.client(Handshake.request())
        recording.server("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nwho?")
        recording.client(Handshake.request("Authorization: Basic eDp5\r\n"))
        recording.server(Handshake.response())
        recording.server(Frame.server(1, Array("hello".utf8)))
        var visitor = Visitor(RecordedAnswers(recording.sessions()))
        visitor.say(Handshake.request())
        #expect(visitor.news() == "HTTP/1.1 401 Unauthorized | who?")
        #expect(visitor.ending == nil)
        visitor.say(Handshake.request("Authorization: Basic eDp5\r\n"))
        #expect(visitor.news() == "\(Self.switching) | hello")
    }

    @Test func plainRequestsOnTheWayAreAnsweredAsWell() {
        var recording = Recording()
        recording.client("GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
        recording.server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        recording.client("GET /chunks HTTP/1.1\r\nHost: a\r\n\r\n")
        recording.server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
        recording.client("HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n")
        recording.server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        recording.client(Handshake.request())
        recording.server(Handshake.response())
        recording.server(Frame.server(1, Array("hello".utf8)))
        var visitor = Visitor(RecordedAnswers(recording.sessions()))
        visitor.say("HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(visitor.news() == "HTTP/1.1 200 OK | ")
        visitor.say("GET /chunks HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(visitor.news() == "HTTP/1.1 200 OK | 2\r\nhi\r\n0\r\n\r\n")
        visitor.say("GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(visitor.news() == "HTTP/1.1 200 OK | hello")
        visitor.say(Handshake.request())
        #expect(visitor.news() == "\(Self.switching) | hello")
        #expect(visitor.ending == nil)
    }

    // MARK: Heads

    @Test func theAcceptIsFreshAndEveryOtherLineIsKept() {
        let session = Recording.webSocket([], response: "X-Served-By:  a b \r\nServer: x\r\n")
        var visitor = Visitor(Self.answers(session))
        visitor.say(Handshake.request().replacing("dGhlIHNhbXBsZSBub25jZQ==", with: "AAAAAAAAAAAAAAAAAAAAAA=="))
        let head = String(decoding: visitor.received, as: UTF8.self)
        #expect(
            head
                == Handshake.response("X-Served-By:  a b \r\nServer: x\r\n").replacing(
                    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", with: "ICX+Yqv66kxgM0FcWaLWlFLwTAI="))
    }

    @Test func aWrongAcceptOfTheRecordingStaysWrong() {
        var recording = Recording()
        recording.client(Handshake.request())
        recording.server(Handshake.response().replacing("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", with: "wrong"))
        var visitor = Visitor(RecordedAnswers(recording.sessions()))
        visitor.say(Handshake.request())
        #expect(String(decoding: visitor.received, as: UTF8.self).contains("Accept: wrong\r\n"))
    }

    @Test(arguments: [
        ("permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate"),
        ("permessage-deflate", "x-other, permessage-deflate", "permessage-deflate"),
        ("permessage-deflate", "", nil), ("permessage-deflate", "x-other", nil),
        ("permessage-deflate", "permessage-deflate; what=1", nil),
        (
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
        ),
        (
            "permessage-deflate; client_max_window_bits=12", "permessage-deflate", "permessage-deflate"
        ),
        (
            "permessage-deflate; client_max_window_bits=12", "permessage-deflate; client_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=10"
        ),
        (
            "permessage-deflate", "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=9"
        ),
        (
            "permessage-deflate", "permessage-deflate; server_max_window_bits=8, permessage-deflate",
            "permessage-deflate"
        ),
        (
            "permessage-deflate; server_no_context_takeover", "permessage-deflate",
            "permessage-deflate; server_no_context_takeover"
        ),
        ("x-other", "x-other", nil),
    ])
    func deflateIsAgreedToAnew(recorded: String, offered: String, answer: String?) {
        let members: (String) -> [ArraySlice<UInt8>] = { text in
            var members: [ArraySlice<UInt8>] = []
            splitList(Array(text.utf8)[...]) { members.append($0) }
            return members
        }
        let agreed = DeflateNegotiation.answer(offers: members(offered), as: members(recorded))
        #expect(agreed.map { String(decoding: $0, as: UTF8.self) } == answer)
    }

    @Test func aSubprotocolHasToBeOffered() {
        let session = Recording.webSocket(
            [], request: "Sec-WebSocket-Protocol: chat, superchat\r\n",
            response: "Sec-WebSocket-Protocol: superchat\r\n")
        let answers = Self.answers(session)
        var visitor = Visitor(answers)
        visitor.say(Handshake.request("Sec-WebSocket-Protocol: superchat\r\n"))
        #expect(visitor.news() == Self.switching)
        var other = Visitor(answers)
        other.say(Handshake.request("Sec-WebSocket-Protocol: chat\r\n"))
        #expect(other.news().contains("it offers chat."))
    }

    // MARK: Other protocols

    @Test func bytesAreSaidAsBytesAreHeard() {
        var recording = Recording()
        recording.client("GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
        recording.server("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
        recording.server("login: ")
        recording.client("root\n")
        recording.server("password: ")
        recording.client("x\n")
        recording.server("welcome")
        recording.end(.server)
        var visitor = Visitor(RecordedAnswers(recording.sessions()))
        visitor.say("GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
        var read = 0
        func said() -> String {
            defer { read = visitor.received.count }
            return visitor.received[read...].text
        }
        #expect(said().hasSuffix("\r\n\r\nlogin: "))
        visitor.say("roo")
        #expect(said() == "")
        visitor.say("t\n")
        #expect(said() == "password: ")
        visitor.say("x\n")
        #expect(said() == "welcome")
        #expect(visitor.ending == .close)
    }

    /// A client that ends its side after the switch, and listens on: what `docker exec` without input does.
    @Test func whatTheServerSaidToAHalfClosedClientIsSaidThen() throws {
        var recording = Recording()
        let request = "GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n"
        recording.client(request)
        recording.server("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
        recording.client("ls\n")
        recording.end(.client)
        recording.server("a file")
        recording.end(.server)
        let sessions = recording.sessions()
        var visitor = Visitor(RecordedAnswers(sessions))
        visitor.say(request)
        visitor.say("ls\n")
        #expect(!visitor.received[...].text.contains("a file"))
        visitor.leave()
        #expect(visitor.received[...].text.hasSuffix("\r\n\r\na file"))
        #expect(visitor.ending == .close)
        #expect(visitor.served.map(\.said) == [1])
        // Who leaves before it has said everything is not told.
        var early = Visitor(RecordedAnswers(sessions))
        early.say(request)
        early.leave()
        #expect(!early.received[...].text.contains("a file"))

        let session = try #require(sessions.first)
        let (result, _) = try #require(Duel().run(session, against: RecordedAnswers(sessions)))
        #expect(result.verdict == .same, "\(result)")
    }

    // MARK: Against a replay

    @Test(arguments: ["permessage-deflate", "x-other"]) func anExtensionThatNobodyOfferedIsChosenAgain(name: String)
        throws
    {
        let chosen = "Sec-WebSocket-Extensions: \(name)\r\n"
        let session = try #require(Recording.webSocket([.clientClose(1010)], response: chosen))
        var visitor = Visitor(RecordedAnswers([session]))
        visitor.say(Handshake.request())
        #expect(visitor.received[...].text.contains(chosen))
        let (result, _) = try #require(Duel().run(session, against: RecordedAnswers([session])))
        #expect(result.differences.isEmpty, "\(result)")
        // Where it had been offered, it is agreed to with whoever offers it.
        let offered = try #require(Recording.webSocket([], request: chosen, response: chosen))
        var other = Visitor(RecordedAnswers([offered]))
        other.say(Handshake.request())
        #expect(!other.received[...].text.contains("Extensions"))
    }

    @Test(arguments: [1, 7, .max], [ReplayOptions.Pace.causal, .fast])
    func aReplayAgainstTheStandInIsTheSame(piece: Int, pace: ReplayOptions.Pace) throws {
        let lines: [Line] = [
            .server("hello"), .client("a"), .server("A"), .clientFrame(2, [0, 255]), .client("{\"x\":1}"),
            .server("{\"y\":[1,2]}"), .serverFrame(9, [1]), .clientFrame(10, [1]),
            .server(String(repeating: "long", count: 10_000)),
            .clientClose(1000), .serverClose(1000),
        ]
        let session = try #require(Recording.webSocket(lines))
        var duel = Duel()
        duel.piece = piece
        duel.options.pace = pace
        let (result, served) = try #require(duel.run(session, against: RecordedAnswers([session])))
        #expect(result.verdict == .same, "\(result)")
        #expect(result.findings.filter { $0.fault == .server }.isEmpty)
        #expect(served.map(\.said) == [6])
    }
}

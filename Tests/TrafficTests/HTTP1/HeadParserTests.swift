// Heads as rows: the text, and what a tolerant reader makes of it.

import Ground
import TestSupport
import Testing

@testable import Traffic

/// What was read of a head, as a line: method or status, target or reason, version, fields, defects.
func headFacts(_ text: String, request: Bool = true) -> String {
    let bytes = Array(text.utf8)
    var head = ParsedHead()
    switch request ? head.parseRequest(bytes.span) : head.parseResponse(bytes.span) {
    case .notHTTP: return "not HTTP"
    case .incomplete: return "incomplete"
    case .complete: break
    }
    let mark = Arrival(packet: 1, time: Timestamp(nanoseconds: 0), heard: nil)
    let message = head.copied(
        from: bytes.span,
        place: Place(direction: .client, offset: 0, length: Int64(head.length), first: mark, last: mark))
    var words = request ? [message.method.text, message.target.text] : ["\(message.status)", message.reason.text]
    words.append("\(message.version.major).\(message.version.minor)")
    words.append(
        message.lines.map { "\(message.name(of: $0).text)=\(message.value(of: $0).text)" }.joined(separator: ";"))
    if head.skipped > 0 { words.append("skipped \(head.skipped)") }
    if head.length < bytes.count { words.append("rest \(bytes.count - head.length)") }
    for (defect, name) in defectNames where message.defects.contains(defect) { words.append("!\(name)") }
    return words.joined(separator: " ")
}

private let defectNames: [(HeadDefects, String)] = [
    (.bareLF, "bareLF"), (.bareCR, "bareCR"), (.folded, "folded"), (.spaceBeforeColon, "spaceBeforeColon"),
    (.malformedLine, "malformedLine"), (.looseStartLine, "looseStartLine"),
    (.leadingEmptyLines, "leadingEmptyLines"), (.controlByte, "controlByte"),
]

@Suite struct HeadParserTests {
    static let requests: [(String, String)] = [
        ("GET / HTTP/1.1\r\n\r\n", "GET / 1.1 "),
        ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET / 1.0 Host=a"),
        ("GET / HTTP/1.9\r\n\r\n", "GET / 1.9 "),
        ("get /a?b=c#d HTTP/1.1\r\nA:b\r\nC:\t d \t\r\n\r\nrest", "get /a?b=c#d 1.1 A=b;C=d rest 4"),
        ("OPTIONS * HTTP/1.1\r\n\r\n", "OPTIONS * 1.1 "),
        ("CONNECT [::1]:443 HTTP/1.1\r\n\r\n", "CONNECT [::1]:443 1.1 "),
        ("M-SEARCH * HTTP/1.1\r\n\r\n", "M-SEARCH * 1.1 "),
        // Versions that are none of ours.
        ("GET / HTTP/2.0\r\n\r\n", "not HTTP"),
        ("GET / HTTP/0.9\r\n\r\n", "not HTTP"),
        ("GET / HTTP/1.10\r\n\r\n", "not HTTP"),
        ("GET / http/1.1\r\n\r\n", "not HTTP"),
        ("GET / HTTP/1.x\r\n\r\n", "not HTTP"),
        ("GET /\r\n\r\n", "not HTTP"),
        ("GET HTTP/1.1\r\n\r\n", "not HTTP"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "not HTTP"),
        (" GET / HTTP/1.1\r\n\r\n", "not HTTP"),
        ("\u{16}\u{3}\u{1}abc", "not HTTP"),
        // Not the end yet.
        ("", "incomplete"),
        ("GET", "incomplete"),
        ("GET / HTTP/1.1", "incomplete"),
        ("GET / HTTP/1.1\r\n", "incomplete"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r", "incomplete"),
        // Empty lines in front.
        ("\r\n\r\nGET / HTTP/1.1\r\n\r\n", "GET / 1.1  skipped 4 !leadingEmptyLines"),
        ("\n\rGET / HTTP/1.1\r\n\r\n", "GET / 1.1  skipped 2 !leadingEmptyLines"),
        // Line ends.
        ("GET / HTTP/1.1\nHost: a\n\nX", "GET / 1.1 Host=a rest 1 !bareLF"),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / 1.1 Host=a !bareLF"),
        ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "GET / 1.1 Host=a\rb !bareCR"),
        ("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "GET / 1.1 Host=a\r !bareCR"),
        // Folds.
        ("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "GET / 1.1 A=b\r\n c !folded"),
        ("GET / HTTP/1.1\r\nA:\r\n\tb\r\nC: d\r\n\r\n", "GET / 1.1 A=b;C=d !folded"),
        ("GET / HTTP/1.1\r\nA: b\r\n  \r\n\r\n", "GET / 1.1 A=b !folded"),
        ("GET / HTTP/1.1\r\n A: b\r\n\r\n", "GET / 1.1  !folded !malformedLine"),
        // Names.
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / 1.1 Host=a !spaceBeforeColon"),
        ("GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", "GET / 1.1 Host=a !spaceBeforeColon"),
        ("GET / HTTP/1.1\r\nHost a\r\n\r\n", "GET / 1.1  !malformedLine"),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", "GET / 1.1  !malformedLine"),
        ("GET / HTTP/1.1\r\nA b: c\r\n\r\n", "GET / 1.1 A b=c !malformedLine"),
        ("GET / HTTP/1.1\r\nA:b:c\r\nA:\r\n\r\n", "GET / 1.1 A=b:c;A="),
        // Loose start lines.
        ("GET  / HTTP/1.1\r\n\r\n", "GET / 1.1  !looseStartLine"),
        ("GET\t/ HTTP/1.1\r\n\r\n", "GET / 1.1  !looseStartLine"),
        ("GET / HTTP/1.1 \r\n\r\n", "GET / 1.1  !looseStartLine"),
        ("GET /a b HTTP/1.1\r\n\r\n", "GET /a b 1.1 "),
    ]

    @Test(arguments: requests) func aRequestHead(text: String, facts: String) {
        #expect(headFacts(text) == facts)
    }

    static let responses: [(String, String)] = [
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\nabc",
            "101 Switching Protocols 1.1 Upgrade=h2c rest 3"
        ),
        ("HTTP/1.0 200 OK\r\n\r\n", "200 OK 1.0 "),
        ("HTTP/1.1 200 \r\n\r\n", "200  1.1 "),
        ("HTTP/1.1 200\r\n\r\n", "200  1.1 "),
        ("HTTP/1.1 999 x y\r\n\r\n", "999 x y 1.1 "),
        ("HTTP/1.1 000 x\r\n\r\n", "0 x 1.1 "),
        ("HTTP/1.1 20 OK\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 2000 OK\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 2x0 OK\r\n\r\n", "not HTTP"),
        ("HTTP/1.1  200 OK\r\n\r\n", "not HTTP"),
        ("HTTP/2 200\r\n\r\n", "not HTTP"),
        ("ICY 200 OK\r\n\r\n", "not HTTP"),
        ("HTT", "incomplete"), ("HTTP/1.1 200 OK\r\n", "incomplete"), ("HTTX", "not HTTP"),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", "200 OK 1.1  skipped 2 !leadingEmptyLines"),
    ]

    @Test(arguments: responses) func aResponseHead(text: String, facts: String) {
        #expect(headFacts(text, request: false) == facts)
    }

    /// Every row once more: no beginning of a head is a head, byte by byte the end is the same.
    @Test(arguments: requests.map { ($0.0, true) } + responses.map { ($0.0, false) })
    func aHeadEndsWhereItEnds(text: String, request: Bool) {
        let bytes = Array(text.utf8)
        #expect(request ? Invariants.requestHead(bytes) == nil : Invariants.responseHead(bytes) == nil)
    }

    @Test(arguments: FieldName.allCases.filter { $0 != .other }) func aNameIsKnownInAnyCase(name: FieldName) {
        let capitals = name.text.uppercased()
        let mixed = name.text.enumerated().map { $0 % 2 == 0 ? $1.uppercased() : String($1) }.joined()
        for spelled in [name.text, capitals, mixed] {
            let found = Self.recognize(spelled)
            #expect(found == name, "\(spelled)")
        }
        // One letter more, less or other is another name.
        for other in [name.text + "x", String(name.text.dropLast()), String(name.text.dropLast()) + "~"] {
            let known = FieldName.allCases.first { $0.text == other } ?? .other
            let found = Self.recognize(other)
            #expect(found == known, "\(other)")
        }
    }

    static func recognize(_ text: String) -> FieldName {
        let bytes = Array(text.utf8)
        return FieldName.recognize(bytes.span, 0, bytes.count)
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n", "\n", "GET"]) func aLongHeadInSmallPiecesIsFast(opening: String) throws {
        var bytes = Array(opening.utf8)
        while bytes.count < 63 * 1024 {
            bytes += Array(opening.hasSuffix("\r\n") ? "X: 0123456789\r\n".utf8 : opening.utf8)
        }
        var conversation = ConversationState.alone()
        let mark = Arrival(packet: 1, time: Timestamp(nanoseconds: 0), heard: 0)
        let clock = ContinuousClock()
        let time = clock.measure {
            for index in bytes.indices {
                _ = conversation.receive(
                    Chunk(bytes.span.extracting(index..<(index + 1)), .client, offset: Int64(index), arrival: mark))
            }
        }
        // A debug build takes some tenths of a second; looking at every byte again for each piece takes minutes.
        #expect(time < .seconds(10))
    }

    @Test func aHeadBeyondTheLimitIsGivenUp() {
        var conversation = ConversationState.alone { $0.headBytes = 100 }
        let mark = Arrival(packet: 1, time: Timestamp(nanoseconds: 0), heard: 0)
        let bytes = Array(("GET / HTTP/1.1\r\nX: " + String(repeating: "y", count: 200)).utf8)
        _ = conversation.receive(Chunk(bytes.span.extracting(0..<90), .client, offset: 0, arrival: mark))
        #expect(conversation.context.budget.limitsHit.isEmpty)
        _ = conversation.receive(Chunk(bytes.span.extracting(90...), .client, offset: 90, arrival: mark))
        #expect(conversation.context.budget.limitsHit == ["head-bytes": 1])
        #expect(conversation.client.buffer.isEmpty)
    }

    static let lists: [(String, [String])] = [
        ("a", ["a"]), ("a, b,c", ["a", "b", "c"]), (" , a ,, b , ", ["a", "b"]), ("", []),
        ("\"a,b\", c", ["\"a,b\"", "c"]), ("\"a\\\",b\", c", ["\"a\\\",b\"", "c"]), ("\"a, b", ["\"a, b"]),
        ("a;q=\"1,2\",b", ["a;q=\"1,2\"", "b"]), ("a\\", ["a\\"]), ("\"\\", ["\"\\"]),
    ]

    @Test(arguments: lists) func aListSplitsAtCommasOutsideQuotes(text: String, members: [String]) {
        var found: [String] = []
        splitList(Array(text.utf8)[...]) { found.append($0.text) }
        #expect(found == members)
    }
}

extension ConversationState {
    /// A conversation between nobody in particular.
    static func alone(
        output: any AnalyzerObserver = Listener(), _ change: (inout Limits) -> Void = { _ in }
    ) -> ConversationState {
        var options = AnalyzerOptions()
        change(&options.limits)
        let endpoint = Endpoint(address: IPAddress(v4: 0x0a00_0001), port: 1)
        let mark = Arrival(packet: 1, time: Timestamp(nanoseconds: 0), heard: nil)
        let shared = ConversationContext(demandSeconds: 60)
        let context = AnalysisContext(options: options, output: output) {
            context, facts, stream, midstream, enclosure in
            Conversation(
                context: context, shared: shared, facts: facts, stream: stream, midstream: midstream,
                inside: enclosure)
        }
        return ConversationState(
            context: context, shared: shared,
            facts: ConnectionFacts(id: 1, client: endpoint, server: endpoint, first: mark), midstream: false)
    }
}

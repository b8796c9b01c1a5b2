// TCP as it is: out of order, twice, contradicting itself, with holes, beginning and ending anywhere.

import Ground
import TestSupport
import Testing

@testable import Traffic

@Suite struct StreamTests {
    static let request = Array(wsRequest.utf8)
    static let answer = Array(wsAnswer.utf8)
    static let size = request.count
    static let other = [UInt8](repeating: 0x58, count: 20)
    static func part(_ range: Range<Int>) -> [UInt8] { Array(request[range]) }
    static let good = "upgrade GET /chat 101 switched websocket 0/0 frames 0/0"
    static let tail = [s(0, answer, ack: size), c(size, ack: answer.count)]

    /// What the client's stream was like: bytes, and what was odd about them.
    static func stream(_ heard: Listener) -> String {
        guard let counters = heard.connections.first?.streams.client else { return "no connection" }
        var words = ["\(counters.bytes)"]
        if counters.contiguous != counters.bytes { words.append("contiguous \(counters.contiguous)") }
        if counters.gapBytes > 0 { words.append("gap \(counters.gapBytes)") }
        if counters.retransmittedBytes > 0 { words.append("again \(counters.retransmittedBytes)") }
        if counters.outOfOrderSegments > 0 { words.append("early \(counters.outOfOrderSegments)") }
        if counters.conflicts > 0 { words.append("conflicts \(counters.conflicts)") }
        return words.joined(separator: " ")
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var sheets: [Sheet]
        var stream: String
        var testDescription: String { name }
    }

    static let whole: [Row] = [
        Row(name: "in order", sheets: [c(0, request)], stream: "\(size)"),
        Row(name: "in two parts", sheets: [c(0, part(0..<20)), c(20, part(20..<size))], stream: "\(size)"),
        Row(
            name: "the second part first", sheets: [c(20, part(20..<size)), c(0, part(0..<20))],
            stream: "\(size) early 1"),
        Row(
            name: "backwards",
            sheets: [c(40, part(40..<size)), c(30, part(30..<40)), c(20, part(20..<30)), c(0, part(0..<20))],
            stream: "\(size) early 3"),
        Row(name: "twice", sheets: [c(0, request), c(0, request)], stream: "\(size) again \(size)"),
        Row(name: "again, and longer", sheets: [c(0, part(0..<20)), c(0, request)], stream: "\(size) again 20"),
        Row(
            name: "again, and shorter", sheets: [c(0, part(0..<40)), c(10, part(10..<20)), c(40, part(40..<size))],
            stream: "\(size) again 10"),
        Row(
            name: "over the edge", sheets: [c(0, part(0..<40)), c(30, part(30..<60)), c(60, part(60..<size))],
            stream: "\(size) again 10"),
        Row(
            name: "held twice", sheets: [c(20, part(20..<size)), c(20, part(20..<size)), c(0, part(0..<20))],
            stream: "\(size) again \(size - 20) early 2"),
        Row(
            name: "held over the edges of one another",
            sheets: [c(20, part(20..<40)), c(60, part(60..<size)), c(30, part(30..<70)), c(0, part(0..<20))],
            stream: "\(size) again 20 early 3"),
        Row(
            name: "other bytes that were delivered do not count",
            sheets: [c(0, part(0..<20)), c(0, other), c(20, part(20..<size))], stream: "\(size) again 20 conflicts 1"),
        Row(
            name: "a keep-alive of one byte",
            sheets: [c(0, part(0..<40)), c(39, [0]), c(39, part(39..<40)), c(40, part(40..<size))], stream: "\(size)"),
        Row(
            name: "a keep-alive of none", sheets: [c(0, part(0..<40)), c(39), c(40, part(40..<size))],
            stream: "\(size)"),
        Row(
            name: "a closed window and probes of it",
            sheets: [
                c(0, part(0..<40)), s(0, ack: 40).with { $0.window = 0 }, c(40, part(40..<41)),
                s(0, ack: 40).with { $0.window = 0 }, c(40, part(40..<41)), s(0, ack: 40), c(40, part(40..<size)),
            ],
            stream: "\(size) again 1"),
        Row(
            name: "an acknowledged hole that is filled late",
            sheets: [c(40, part(40..<size)), s(0, ack: size), c(0, part(0..<40))], stream: "\(size) early 1"),
        Row(
            name: "a hole that nobody acknowledged is waited for",
            sheets: [c(40, part(40..<size))] + [Sheet](repeating: s(0), count: 600) + [c(0, part(0..<40))],
            stream: "\(size) early 1"),
        Row(
            name: "a hole that nobody acknowledged is waited for a minute",
            sheets: [c(40, part(40..<size)), c(0, part(0..<40)).after(nanoseconds: 60_000_000_000)],
            stream: "\(size) early 1"),
    ]

    @Test(arguments: whole) func theRequestIsRead(row: Row) throws {
        for overlap in [AnalyzerOptions.Overlap.first, .last] {
            let heard = Tape.play(opening + row.sheets + Self.tail) { $0.overlap = overlap }
            #expect(Self.stream(heard) == row.stream)
            #expect(heard.exchanges.map { $0.story.replacing(" (capture-end)", with: "") } == [Self.good])
            #expect(heard.exchanges.first?.request?.bytes == Self.request)
        }
    }

    /// The numbers may begin anywhere, the end of their circle included.
    @Test(arguments: [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, UInt32.max]) func numbersWrap(start: UInt32) {
        for row in Self.whole {
            let heard = Tape.play(opening + row.sheets + Self.tail, clientStart: start, serverStart: start &- 30)
            #expect(Self.stream(heard) == row.stream, "\(row.name)")
            #expect(heard.story == Self.good, "\(row.name)")
        }
    }

    @Test(arguments: [AnalyzerOptions.Overlap.first, .last]) func overlapGovernsWhatWasNotDelivered(
        overlap: AnalyzerOptions.Overlap
    ) throws {
        let position = 5
        var changed = Self.request
        changed[position] = UInt8(ascii: "X")
        // Other bytes for the path, while the first byte of the request is missing.
        let heard = Tape.play(
            opening + [c(1, Array(Self.request[1...])), c(1, Array(changed[1...])), c(0, Self.part(0..<1))] + Self.tail
        ) { $0.overlap = overlap }
        #expect(Self.stream(heard) == "\(Self.size) early 2 conflicts 1")
        let request = try #require(heard.exchanges.first?.request)
        #expect(request.target.text == (overlap == .first ? "/chat" : "/Xhat").replacing("/X", with: "/X"))
        // The same, where the later copy comes in order and reaches over what is held.
        let across = Tape.play(opening + [c(1, Array(Self.request[1...])), c(0, changed)] + Self.tail) {
            $0.overlap = overlap
        }
        #expect(across.connections.first?.streams.client.conflicts == 1)
        #expect(across.exchanges.first?.request?.target.text == (overlap == .first ? "/chat" : "/Xhat"))
    }

    // MARK: Holes

    @Test func anAcknowledgedHoleBecomesAGapInTime() throws {
        let holed = [c(0, Self.part(0..<10)), c(20, Self.part(20..<Self.size)), s(0, ack: Self.size)]
        let soon = Tape.play(opening + holed + [c(10, Self.part(10..<20))] + Self.tail)
        #expect(Self.stream(soon) == "\(Self.size) early 1")
        // A second later nobody waits any more, and what comes then is old.
        let late = Tape.play(
            opening + holed + [s(0, ack: Self.size).after(nanoseconds: 2_000_000_000), c(10, Self.part(10..<20))])
        #expect(late.connections.first?.streams.client.gapBytes == 10)
        #expect(late.counters.gapBytes == 10)
        let gap = try #require(late.connections.first?.firstGap)
        #expect(gap.offset == 10 && gap.length == 10 && gap.direction == .client)
        // Many packets later neither.
        let busy = Tape.play(
            opening + holed + [Sheet](repeating: s(0, ack: Self.size).after(nanoseconds: 1000), count: 300)
                + [c(10, Self.part(10..<20))])
        #expect(busy.connections.first?.streams.client.gapBytes == 10)
    }

    @Test func aHoleAtTheEndIsAGap() {
        let heard = Tape.play(opening + [c(0, Self.part(0..<10)), c(20, Self.part(20..<Self.size))])
        #expect(Self.stream(heard) == "\(Self.size - 10) contiguous 10 gap 10 early 1")
        #expect(heard.story.isEmpty)
    }

    @Test func snappedBytesAreAGap() {
        let snapped = c(0, Self.request).with { $0.snapped = 30 }
        let heard = Tape.play(opening + [snapped] + Self.tail)
        #expect(heard.connections.first?.streams.client.gapBytes == 30)
    }

    @Test(
        arguments: [
            ("GET /c", ConnectionProtocol.http), ("GET /chat HTTP/1.1\r\nHo", .http), ("\r\nGET / HTTP/1.1\n", .http),
            ("GET", .unknown), ("USER a", .unknown), ("SSH-2.0-x\r\n", .unknown),
        ])
    func aHeadThatWasCutIsHTTP(start: String, application: ConnectionProtocol) {
        let cut = c(0, start + String(repeating: "x", count: 30)).with { $0.snapped = 30 }
        let heard = Tape.play(opening + [cut, s(0, ack: cut.bytes.count)])
        #expect(heard.connections.first?.application == application)
        #expect(heard.connections.first?.firstGap?.offset == Int64(start.utf8.count))
    }

    @Test func anAnswerThatWasCutIsHTTP() {
        let cut = s(0, "HTTP/1.1 101 Sw").with { $0.snapped = 5 }
        #expect(Tape.play(opening + [cut, c(0, ack: 15)]).connections.first?.application == .http)
    }

    @Test func aGapInWebSocketPayloadIsStepped() {
        let binary = frame(2, [UInt8](repeating: 7, count: 100))
        let end = Self.size + binary.count
        let heard = Tape.play(
            opening + [c(0, Self.request)] + Self.tail + [
                c(Self.size, Array(binary[..<50]), ack: Self.answer.count),
                c(Self.size + 60, Array(binary[60...]) + frame(9), ack: Self.answer.count),
                s(Self.answer.count, ack: end + 6),
                s(Self.answer.count, ack: end + 6).after(nanoseconds: 2_000_000_000),
            ])
        #expect(
            heard.story
                == "upgrade GET /chat 101 switched websocket \(binary.count - 10 + 6)/0 frames 2/0 !gapAfterSwitch")
    }

    // MARK: Beginnings

    @Test func dataInTheSYN() {
        let heard = Tape.play(
            [c(-1, Self.request, ack: nil, .syn), s(-1, ack: Self.size, .syn)] + [c(Self.size)] + Self.tail)
        #expect(heard.story == Self.good)
        #expect(Self.stream(heard) == "\(Self.size)")
    }

    @Test func dataInTheSYNThatWasRefused() {
        let heard = Tape.play(
            [c(-1, Self.request, ack: nil, .syn), s(-1, ack: 0, .syn), c(0), c(0, Self.request)] + Self.tail)
        #expect(heard.story == Self.good)
        #expect(Self.stream(heard) == "\(Self.size) again \(Self.size)")
    }

    /// A reset may carry a text that says why; it is not of the stream.
    @Test func dataInAReset() {
        let why = text("go away")
        let heard = Tape.play(
            opening + [c(0, Self.request), s(0, ack: Self.size)] + [s(0, why, ack: Self.size, .rst)])
        #expect(heard.connections.first?.streams.server.bytes == 0)
        #expect(heard.exchanges.map(\.outcome) == [.incomplete])
    }

    @Test func withoutAHandshake() {
        let heard = Tape.play([c(0, Self.request)] + Self.tail)
        #expect(heard.story == Self.good)
        #expect(heard.connections.first?.startedMidstream == true)
        #expect(heard.connections.first?.facts.client.port == 49152)
    }

    @Test func inTheMiddleOfAMessage() {
        let heard = Tape.play(
            [c(70, "te: x\r\n\r\n", ack: 0), s(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ack: 79)]
                + [c(79, Self.request, ack: 38), s(38, Self.answer, ack: 79 + Self.size)])
        #expect(heard.connections.first?.startedMidstream == true)
        #expect(heard.exchanges.map(\.outcome) == [.switched])
    }

    @Test func theServerIsSeenFirst() {
        let heard = Tape.play([s(0, Self.answer, ack: Self.size)])
        #expect(heard.connections.first?.facts.client.port == 49152)
        #expect(heard.connections.first?.oneDirection == .server)
    }

    @Test func oneDirectionOnly() {
        let heard = Tape.play([
            opening[0], opening[2], c(0, Self.request), c(Self.size, text("hi"), ack: Self.answer.count),
        ])
        #expect(heard.connections.first?.oneDirection == .client)
        #expect(heard.counters.oneDirectionConnections == 1)
        #expect(heard.exchanges.map(\.outcome) == [.incomplete])
    }

    /// An answer captured before its question waits for it.
    @Test func theAnswerComesBeforeTheQuestion() {
        let shuffled = [
            s(0, Self.answer, ack: Self.size), c(Self.size, text("hi"), ack: Self.answer.count), c(0, Self.request),
            s(Self.answer.count, text("ho", key: nil), ack: Self.size + 8),
        ]
        let heard = Tape.play(opening + shuffled)
        #expect(heard.story == "upgrade GET /chat 101 switched websocket 8/4 frames 1/1")
        #expect(heard.early == nil)
    }

    // MARK: The other direction comes late

    static let said = text("ho", key: nil)
    /// All that the server says, as its side of two taps has it: before the first packet of the client.
    static let serverFirst = [
        s(-1, ack: 0, .syn), s(0, answer, ack: size), s(answer.count, said, ack: size + 8),
    ]
    static let clientBehind = [
        c(-1, ack: nil, .syn), c(0), c(0, request), c(size, text("hi"), ack: answer.count),
        c(size + 8, ack: answer.count + 4),
    ]

    /// A client whose packets come after those of the server is waited for: nothing is out of order, and nothing early.
    @Test(arguments: [1, 2, 3]) func theServersSideComesFirst(count: Int) {
        let sheets = Self.serverFirst.prefix(count) + Self.clientBehind + Self.serverFirst.dropFirst(count)
        let heard = Tape.play(Array(sheets))
        #expect(heard.story == "upgrade GET /chat 101 switched websocket 8/4 frames 1/1")
        #expect(heard.early == nil)
        #expect(heard.connections.count == 1)
    }

    /// One that comes too late to be waited for proves nothing against anybody.
    @Test func theServersSideComesLongBefore() {
        let frames = (1...20).map { s(Self.answer.count + 4 * $0, Self.said, ack: Self.size + 8) }
        let heard = Tape.play(Self.serverFirst + frames + Self.clientBehind)
        #expect(
            heard.exchanges.sorted { $0.key < $1.key }.map(\.story) == [
                "upgrade 101 switched websocket 0/84 frames 0/21", "upgrade GET /chat incomplete (capture-end)",
            ])
        #expect(heard.early?.verdict == .undetermined)
    }

    /// Without a SYN the server's first packet says where the client's stream begins, and is wrong.
    @Test func theServersSideComesFirstWithoutASYN() {
        let heard = Tape.play(Array(Self.serverFirst.dropFirst() + Self.clientBehind.dropFirst()))
        #expect(heard.exchanges.allSatisfy { $0.kind == .upgrade })
        #expect(heard.early?.verdict != .proven)
    }

    /// Where the client was not captured, its request was not either: nobody is at fault, and no ceiling is hit.
    @Test(arguments: [0, 3, 40], [false, true]) func theClientNeverComes(more: Int, isNarrow: Bool) {
        let frames = (0..<more).map { s(Self.answer.count + 4 + 4 * $0, Self.said, ack: Self.size + 8) }
        let heard = Tape.play(Self.serverFirst + frames) { if isNarrow { $0.limits.heldBytes = 400 } }
        #expect(heard.story == "upgrade 101 switched websocket 0/\(4 + 4 * more) frames 0/\(1 + more)")
        #expect(heard.connections.first?.oneDirection == .server)
        #expect(heard.connections.first?.facts.gapBytes == PerDirection(both: 0))
        #expect(heard.counters.limitsHit.isEmpty)
    }

    // MARK: Ends

    @Test func theAnswerComesBeforeTheQuestionInATunnel() throws {
        let connect = "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"
        let opened = "HTTP/1.1 200 OK\r\n\r\n"
        let (from, to) = (connect.utf8.count, opened.utf8.count)
        let end = from + wsRequest.utf8.count
        for begun in [0, 40] {
            let heard = Tape.play(
                opening + [
                    c(0, connect), s(0, opened, ack: from), c(from, Array(wsRequest.utf8.prefix(begun)), ack: to),
                    s(to, wsAnswer, ack: end), c(from + begun, Array(wsRequest.utf8.dropFirst(begun)), ack: to),
                ])
            #expect(heard.exchanges.map(\.outcome) == [.switched, .switched])
            #expect(heard.exchanges.last?.kind == .upgrade)
        }
    }

    @Test func halfClosedIsNotClosed() {
        let heard = Tape.play(
            opening + [c(0, Self.request), c(Self.size, ack: 0, .fin)] + [
                s(0, Self.answer, ack: Self.size + 1), s(Self.answer.count, text("ho", key: nil), ack: Self.size + 1),
                s(Self.answer.count + 4, ack: Self.size + 1, .fin), c(Self.size + 1, ack: Self.answer.count + 5),
            ])
        #expect(heard.story == "upgrade GET /chat 101 switched websocket 0/4 frames 0/1")
        #expect(heard.connections.map(\.end) == [.fin])
        #expect(heard.connections.count == 1)
    }

    @Test func aFINBehindAHoleWaits() {
        let heard = Tape.play(
            opening + [c(20, Self.part(20..<Self.size), ack: 0, .fin), c(0, Self.part(0..<20))] + [
                s(0, Self.answer, ack: Self.size + 1, .fin)
            ])
        #expect(heard.story.hasPrefix("upgrade GET /chat 101 switched"))
        #expect(heard.connections.map(\.end) == [.fin])
    }

    @Test func aResetEndsIt() {
        let heard = Tape.play(opening + [c(0, Self.request), s(0, "gone", ack: Self.size, .rst)])
        #expect(heard.connections.map(\.end) == [.rst])
        #expect(heard.story.hasPrefix("upgrade GET /chat incomplete (server-abort)"))
    }

    @Test func aResetFarFromTheStreamIsNobodys() {
        let heard = Tape.play(opening + [c(0, Self.request), s(1 << 24, ack: Self.size, .rst)] + Self.tail)
        #expect(heard.story == Self.good)
        #expect(heard.connections.map(\.end) == [.captureEnd])
    }

    @Test func theSameAddressesAgain() {
        let first = opening + [c(0, Self.request)] + Self.tail
        let second = first.map { sheet in sheet.with { $0.turn = 500_000_000 } }
        let heard = Tape.play(first + second)
        #expect(heard.connections.count == 2)
        #expect(heard.exchanges.map(\.story) == [Self.good, Self.good])
        // A SYN that comes once more is the same connection.
        let repeated = Tape.play([opening[0]] + opening + [c(0, Self.request)] + Self.tail)
        #expect(repeated.connections.count == 1)
    }

    @Test func theSameAddressesAfterAClose() {
        let end = [
            c(Self.size, ack: Self.answer.count, .fin), s(Self.answer.count, ack: Self.size + 1, .fin),
            c(Self.size + 1, ack: Self.answer.count + 1),
        ]
        let first = opening + [c(0, Self.request)] + Self.tail + end
        let heard = Tape.play(first + first.map { sheet in sheet.with { $0.turn = 3_000_000_000 } })
        #expect(heard.connections.count == 2)
        #expect(heard.exchanges.count == 2)
        #expect(heard.connections.map(\.end) == [.fin, .fin])
    }

    // MARK: Limits

    @Test func heldBytesAreBounded() {
        var sheets = opening
        for index in 0..<200 { sheets.append(c(100 + index * 100, [UInt8](repeating: 1, count: 100))) }
        let heard = Tape.play(sheets) { $0.limits.heldBytes = 5000 }
        #expect((heard.counters.limitsHit["held-bytes"] ?? 0) > 0)
        #expect(heard.connections.first?.streams.client.gapBytes == 100)
        #expect(heard.connections.first?.streams.client.bytes == 20_000)
        let roomy = Tape.play(sheets)
        #expect(roomy.counters.limitsHit.isEmpty)
    }

    /// A byte that is held costs more than a byte: many small segments must not pile up.
    @Test func smallSegmentsDoNotPileUp() {
        var sheets = opening
        for index in 0..<15_000 { sheets.append(c(1 + index, [1])) }
        let clock = ContinuousClock()
        let time = clock.measure {
            let heard = Tape.play(sheets)
            #expect((heard.counters.limitsHit["held-bytes"] ?? 0) > 0)
        }
        #expect(time < .seconds(60))
    }

    @Test func allHeldBytesTogetherAreBounded() {
        var sheets: [Sheet] = []
        for port in UInt16(1)...50 {
            sheets.append(c(-1, ack: nil, .syn).with { $0.port = 40_000 + port })
            sheets.append(c(100, [UInt8](repeating: 1, count: 1000)).with { $0.port = 40_000 + port })
        }
        let heard = Tape.play(sheets) { $0.limits.totalHeldBytes = 20_000 }
        #expect((heard.counters.limitsHit["total-held-bytes"] ?? 0) > 0)
        #expect(Tape.play(sheets).counters.limitsHit.isEmpty)
    }

    @Test func pendingBytesAreBounded() {
        let early = frame(2, [UInt8](repeating: 1, count: 5000))
        var sheets = opening + [c(0, Self.request)]
        for start in stride(from: 0, to: early.count, by: 1000) {
            sheets.append(c(Self.size + start, Array(early[start..<min(early.count, start + 1000)])))
        }
        sheets.append(s(0, Self.answer, ack: Self.size))
        let heard = Tape.play(sheets) { $0.limits.pendingBytes = 2000 }
        #expect((heard.counters.limitsHit["pending-bytes"] ?? 0) > 0)
        #expect(heard.early?.verdict == .proven)
        #expect(heard.early?.clientBytes == Int64(early.count))
        #expect(Tape.play(sheets).counters.limitsHit.isEmpty)
    }

    @Test func headsAreBounded() {
        let head = Array(("GET / HTTP/1.1\r\nX: " + String(repeating: "y", count: 3000) + "\r\n\r\n").utf8)
        let sheets = opening + [c(0, Array(head[..<1400])), c(1400, Array(head[1400...]))]
        #expect(Tape.play(sheets) { $0.limits.headBytes = 1000 }.counters.limitsHit == ["head-bytes": 1])
        let roomy = Tape.play(sheets)
        #expect(roomy.counters.limitsHit.isEmpty && roomy.counters.requests == 1)
    }

    @Test(arguments: [100, 900, 1100, 3100])
    func aHeadIsTooLongHoweverItCame(step: Int) {
        let head = Array(("GET / HTTP/1.1\r\nX: " + String(repeating: "y", count: 3000) + "\r\n\r\n").utf8)
        let sheets = stride(from: 0, to: head.count, by: step).map { start in
            c(start, Array(head[start..<min(start + step, head.count)]))
        }
        let heard = Tape.play(opening + sheets) { $0.limits.headBytes = 1000 }
        #expect(heard.counters.limitsHit == ["head-bytes": 1])
        #expect(heard.counters.requests == 0)
    }

    @Test(arguments: [900, 1100, 3100])
    func behindAnAnswerThatIsTooLongNothingIsProven(step: Int) {
        let answer = Array(
            ("HTTP/1.1 101 Switching Protocols\r\nX: " + String(repeating: "y", count: 3000) + "\r\n\r\n").utf8)
        var sheets = opening + [c(0, Self.request)]
        for start in stride(from: 0, to: answer.count, by: step) {
            sheets.append(s(start, Array(answer[start..<min(start + step, answer.count)]), ack: Self.size))
        }
        sheets.append(c(Self.size, frame(2, [1]), ack: answer.count))
        let heard = Tape.play(sheets) { $0.limits.headBytes = 1000 }
        #expect(heard.early?.verdict == .undetermined)
        #expect(heard.early?.missing == "the answer was not seen whole")
    }

    @Test func connectionsAreBounded() {
        var sheets: [Sheet] = []
        for port in UInt16(1)...20 {
            sheets += (opening + [c(0, Self.request)] + Self.tail).map { sheet in sheet.with { $0.port = 40_000 + port }
            }
        }
        let heard = Tape.play(sheets) { $0.limits.connections = 5 }
        #expect(heard.counters.limitsHit == ["connections": 15])
        #expect(heard.connections.count == 20 && heard.exchanges.count == 20)
    }

    @Test func outstandingRequestsAreBounded() {
        let requests = String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 20)
        let heard = Tape.play(opening + [c(0, requests)]) { $0.limits.outstandingRequests = 5 }
        #expect((heard.counters.limitsHit["outstanding-requests"] ?? 0) > 0)
        #expect(Tape.play(opening + [c(0, requests)]).counters.requests == 20)
    }
}

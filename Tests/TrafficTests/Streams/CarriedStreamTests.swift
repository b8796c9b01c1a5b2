// Streams inside a stream: what "before the answer" means there, which packets are cited, and what a hole leaves.

import TestSupport
import Testing

@testable import Traffic

@Suite("Streams inside a stream") struct CarriedStreamTests {
    static let request = RecordCarrier.bytes(1, wsRequest)
    static let answer = RecordCarrier.bytes(1, wsAnswer)
    static let hi = RecordCarrier.bytes(1, text("hi"))
    static let asked = request.count
    static let answered = answer.count

    static func play(_ sheets: [Sheet], levels: Int = 1) -> Listener {
        Tape.play(
            opening + sheets,
            to: { output, options in
                Analyzer(options: options, output: output) { make in
                    { context, facts, _, _, _ in RecordCarrier(context, facts, levels: levels, make) }
                }
            })
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var sheets: [Sheet]
        /// Verdict and bytes, or "none".
        var verdict: String
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(
            name: "after the record of the answer",
            sheets: [c(0, request), s(0, answer, ack: asked), c(asked, hi, ack: answered)], verdict: "none"),
        Row(
            name: "before the answer",
            sheets: [c(0, request), c(asked, hi), s(0, answer, ack: asked)], verdict: "proven 8"),
        Row(
            name: "with all of the answer's record but its last byte: nothing of it could be read",
            sheets: [
                c(0, request), s(0, Array(answer.dropLast()), ack: asked), c(asked, hi, ack: answered - 1),
                s(answered - 1, Array(answer.suffix(1)), ack: asked),
            ],
            verdict: "proven 8"),
        Row(
            name: "with the first of two records of the answer",
            sheets: [
                c(0, request), s(0, RecordCarrier.bytes(1, Array(wsAnswer.utf8.prefix(40))), ack: asked),
                c(asked, hi, ack: 43), s(43, RecordCarrier.bytes(1, Array(wsAnswer.utf8.dropFirst(40))), ack: asked),
            ],
            verdict: "partial 8"),
        Row(
            name: "in a record that began before the answer and ended after it",
            sheets: [
                c(0, request), c(asked, Array(hi.prefix(5))), s(0, answer, ack: asked),
                c(asked + 5, Array(hi.dropFirst(5)), ack: answered),
            ],
            verdict: "proven 8"),
        Row(
            name: "captured before the answer, sent when it was there",
            sheets: [c(0, request), c(asked, hi, ack: answered), s(0, answer, ack: asked)], verdict: "undetermined 8"),
        Row(
            name: "after records of another stream",
            sheets: [
                c(0, request), s(0, RecordCarrier.bytes(2, "x"), ack: asked), c(asked, hi, ack: 4),
                s(4, answer, ack: asked),
            ],
            verdict: "proven 8"),
    ]

    @Test(arguments: rows) func theVerdict(row: Row) throws {
        let heard = Self.play(row.sheets)
        let exchange = try #require(heard.exchanges.first)
        #expect(exchange.outcome == .switched && exchange.upgraded == .websocket)
        let early = exchange.early.map { "\($0.verdict) \($0.clientBytes)" } ?? "none"
        #expect(early == row.verdict)
        if let early = exchange.early {
            #expect(early.place.stream == exchange.key.stream && early.place.stream != .connection)
            #expect(early.place.offset == Int64(wsRequest.utf8.count), "in the stream's own bytes")
        }
    }

    @Test(arguments: [1, 7, 64]) func whereverItIsCut(step: Int) {
        let whole = Self.play([
            c(0, Self.request), s(0, Self.answer, ack: Self.asked), c(Self.asked, Self.hi, ack: Self.answered),
        ])
        var sheets: [Sheet] = []
        func cut(_ bytes: [UInt8], _ sheet: (Int, [UInt8]) -> Sheet) {
            for start in stride(from: 0, to: bytes.count, by: step) {
                sheets.append(sheet(start, Array(bytes[start..<min(bytes.count, start + step)])))
            }
        }
        cut(Self.request) { c($0, $1) }
        cut(Self.answer) { s($0, $1, ack: Self.asked) }
        cut(Self.hi) { c(Self.asked + $0, $1, ack: Self.answered) }
        #expect(Self.play(sheets).story == whole.story)
    }

    @Test func twoRequestsInOnePacketHaveTwoKeys() {
        let both = RecordCarrier.bytes(1, wsRequest) + RecordCarrier.bytes(2, wsRequest)
        let heard = Self.play([
            c(0, both), s(0, Self.answer, ack: both.count),
            s(Self.answered, RecordCarrier.bytes(2, "HTTP/1.1 403 F\r\nContent-Length: 0\r\n\r\n"), ack: both.count),
        ])
        let keys = heard.exchanges.map(\.key)
        #expect(Set(keys).count == 2 && Set(keys.map(\.packet)).count == 1 && Set(keys.map(\.offset)) == [0])
        #expect(Set(heard.exchanges.map(\.outcome)) == [.switched, .failed])
    }

    /// The packets of a place are those that brought the record.
    @Test func packetsAreThoseOfTheRecord() throws {
        let heard = Self.play([
            c(0, Array(Self.request.prefix(50))), c(50, Array(Self.request.dropFirst(50))),
            s(0, Array(Self.answer.prefix(20)), ack: Self.asked),
            s(20, Array(Self.answer.dropFirst(20)), ack: Self.asked),
        ])
        let exchange = try #require(heard.exchanges.first)
        #expect(exchange.request.map { [$0.place.first.packet, $0.place.last.packet] } == [4, 5])
        #expect(exchange.response.map { [$0.place.first.packet, $0.place.last.packet] } == [6, 7])
    }

    /// A record with a hole is lost as a whole, and reading goes on at the next one.
    @Test func aHoleCostsItsRecord() throws {
        let long = RecordCarrier.bytes(1, text(String(repeating: "a", count: 60)))
        var lost = c(Self.asked, long, ack: Self.answered)
        lost.snapped = 40
        let heard = Self.play([
            c(0, Self.request), s(0, Self.answer, ack: Self.asked), lost,
            c(Self.asked + long.count, Self.hi, ack: Self.answered),
        ])
        let exchange = try #require(heard.exchanges.first)
        let gaps = exchange.anomalies.filter { $0.kind == .gapAfterSwitch }
        #expect(gaps.map(\.place.length) == [Int64(long.count - 3)])
        #expect(gaps.map(\.place.stream) == [exchange.key.stream])
        #expect(exchange.websocket?.sides.client.resumed.first?.textMessages == 1)
    }

    /// A hole inside the answer's record: nothing is proven, because the answer may have been anything.
    @Test func aLostAnswerProvesNothing() throws {
        var lost = s(0, Self.answer, ack: Self.asked)
        lost.snapped = 30
        let heard = Self.play([c(0, Self.request), lost, c(Self.asked, Self.hi, ack: Self.answered)])
        let exchange = try #require(heard.exchanges.first)
        #expect(exchange.outcome == .incomplete && exchange.touchesGap)
        #expect(exchange.early?.verdict != .proven)
    }

    /// Records in records: what was heard goes down both maps.
    @Test func recordsInRecords() throws {
        func wrap(_ bytes: [UInt8]) -> [UInt8] { RecordCarrier.bytes(9, bytes) }
        let request = wrap(Self.request)
        let answer = wrap(Self.answer)
        for (ack, verdict) in [(answer.count, EarlyVerdict?.none), (answer.count - 1, .proven), (0, .proven)] {
            let heard = Self.play(
                [c(0, request), s(0, answer, ack: request.count), c(request.count, wrap(Self.hi), ack: ack)], levels: 2)
            let exchange = try #require(heard.exchanges.first)
            #expect(exchange.outcome == .switched && exchange.early?.verdict == verdict, "\(ack)")
            #expect(exchange.key.stream == StreamID(rawValue: 2))
        }
    }

    @Test func theTreeNamesItsStreams() throws {
        let tree = StreamTree(limit: 3)
        let tls = try #require(tree.add("tls", in: .connection))
        let three = try #require(tree.add("h2:3", in: tls))
        #expect(tree.path(of: three) == "tcp/tls/h2:3" && tree.path(of: .connection) == "tcp")
        #expect(tree.carrier(of: three) == tls && tree.carrier(of: .connection) == nil)
        #expect(tree.add("h2:5", in: tls) == nil, "no more than its limit")
        #expect(tree.path(of: StreamID(rawValue: 99)) == "?")
    }
}

@Suite("From an inner stream to its carrier") struct StreamMapTests {
    private static let mark = Arrival(packet: 1, time: Timestamp(nanoseconds: 0), heard: nil)

    /// Records of 10 outer bytes that carry 7 each.
    private static func map(_ records: Int, limit: Int = 1024) -> StreamMap {
        var map = StreamMap(limit: limit)
        for index in 0..<Int64(records) {
            var mark = mark
            mark.packet = UInt32(index + 1)
            map.add(outer: (index * 10)..<(index * 10 + 10), carrying: 7, arrival: mark, last: mark)
        }
        return map
    }

    @Test(
        arguments: [
            (0, 0), (9, 0), (10, 7), (19, 7), (20, 14), (29, 14), (30, 21), (31, nil), (-1, 0),
        ] as [(Int64, Int64?)])
    func heard(outer: Int64, inner: Int64?) { #expect(Self.map(3).heard(outer) == inner) }

    @Test func whatWasForgottenIsNotKnown() {
        let map = Self.map(100, limit: 4)
        #expect(map.innerEnd == 700)
        #expect(map.heard(1000) == 700 && map.heard(980) == 686 && map.heard(100) == nil)
        #expect(map.outer(of: 0..<7) == nil)
        #expect(map.outer(of: 693..<700)?.range == 990..<1000)
    }

    @Test func whereInnerBytesLay() throws {
        let map = Self.map(3)
        let found = try #require(map.outer(of: 5..<9))
        #expect(found.range == 0..<20 && found.first.packet == 1 && found.last.packet == 2)
        #expect(map.outer(of: 20..<22) == nil, "not there yet")
    }

    @Test func anUnreadOuterByteIsNotHeardOf() {
        var map = Self.map(1)
        #expect(map.heard(15) == nil)
        map.readTo = 15
        #expect(map.heard(15) == 7)
    }
}

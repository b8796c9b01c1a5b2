import Inspection
import TestSupport
import Testing
import Traffic

@testable import Investigation
@testable import Reports

@Suite("Records of the spool")
struct CodecTests {
    @Test(
        "every exchange comes back as it was",
        arguments: Fixture.entries().named { "\($0.0.kind), \($0.0.outcome.name), packet \($0.0.key.packet)" })
    func roundTrip(_ entry: Named<Fixture.Entry>) throws {
        var (exchange, findings) = entry.value
        exchange.session = exchange.session.map { KeptSessionFacts($0) }
        try comesBack(exchange)
        for finding in findings { try comesBack(finding) }
    }

    @Test("every field comes back, each with a value of its own")
    func fields() throws {
        var filler = Filler()
        try comesBack(filler.made(Exchange.self))
        try comesBack(filler.made(Finding.self))
        try comesBack(filler.made(Validity.self))
        try comesBack(filler.made(ConnectionRecord.self))
        try comesBack(filler.made(TranscriptMessage.self))
    }

    @Test("no stored property of a record is forgotten")
    func properties() {
        var filler = Filler()
        let records: [Any] = [
            filler.made(Exchange.self), filler.made(Finding.self), filler.made(Validity.self),
            filler.made(ConnectionRecord.self), filler.made(TranscriptMessage.self),
        ]
        for record in records { expectFilled(record, at: "\(type(of: record))") }
    }

    private func comesBack<Value: Record>(_ value: Value) throws {
        var writer = ByteWriter()
        writer.record(value)
        var reader = ByteReader(writer.bytes)
        #expect(described(try reader.record(Value.self)) == described(value))
        #expect(reader.isAtEnd)
        var again = ByteWriter()
        var second = ByteReader(writer.bytes)
        again.record(try second.record(Value.self))
        #expect(again.bytes == writer.bytes)
    }

    /// Nothing in it is as it was made.
    private func expectFilled(_ value: Any, at path: String) {
        // A mirror does not look into these.
        if let frames = value as? [16 of UInt64] {
            return #expect(frames.indices.allSatisfy { frames[$0] > 0 }, "\(path)")
        }
        if let frames = value as? [11 of UInt64] {
            return #expect(frames.indices.allSatisfy { frames[$0] > 0 }, "\(path)")
        }
        let children = Mirror(reflecting: value).children
        for (index, child) in children.enumerated() {
            expectFilled(child.value, at: "\(path).\(child.label ?? "\(index)")")
        }
        guard children.isEmpty else { return }
        switch value {
        case let number as any FixedWidthInteger: #expect(number.nonzeroBitCount > 0, "\(path)")
        case let flag as Bool: #expect(flag, "\(path)")
        case let word as any RawRepresentable<UInt8>: #expect(word.rawValue > 0, "\(path)")
        case let text as String: #expect(!text.isEmpty, "\(path)")
        default: Issue.record("\(path) is \(value)")
        }
    }

    @Test("a record that was cut is refused, wherever it was cut")
    func cut() {
        var writer = ByteWriter()
        writer.record(Fixture.websocket(early: .proven))
        for length in 0..<writer.bytes.count {
            var reader = ByteReader(Array(writer.bytes.prefix(length)))
            #expect(throws: DecodingFailure.self) { try reader.record(Exchange.self) }
        }
    }

    @Test("a record with changed bytes is read or refused, and never traps")
    func changed() {
        var writer = ByteWriter()
        writer.record(Fixture.websocket(early: .proven))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var bytes = writer.bytes
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            var reader = ByteReader(bytes)
            _ = try? reader.record(Exchange.self)
        }
    }

    @Test("integers keep their value", arguments: [0, 1, -1, 63, 64, -64, -65, 1 << 40, Int64.max, .min])
    func integers(value: Int64) throws {
        var writer = ByteWriter()
        writer.signed(value)
        writer.unsigned(UInt64(bitPattern: value))
        var reader = ByteReader(writer.bytes)
        #expect(try reader.signed() == value)
        #expect(try reader.unsigned() == UInt64(bitPattern: value))
    }

    private func described(_ value: Any) -> String {
        var text = ""
        dump(value, to: &text)
        return text
    }
}

/// Makes records of which every field has a value that no other has; of each list one element.
private struct Filler: FieldCoder {
    static let isReading = true
    private var last: UInt64 = 0

    mutating func made<Value: Record>(_ type: Value.Type) -> Value {
        var value = Value.blank
        value.code(&self)
        return value
    }

    private mutating func next() -> UInt64 {
        last += 1
        return last
    }

    mutating func byte(_ value: inout UInt8) { value = UInt8(truncatingIfNeeded: next() % 255 + 1) }
    mutating func flag(_ value: inout Bool) { value = true }
    mutating func unsigned(_ value: inout UInt64) { value = next() }
    mutating func signed(_ value: inout Int64) { value = Int64(next()) }
    mutating func count(_ value: inout Int) { value = 1 }
    mutating func text(_ value: inout String) { value = "text \(next())" }
    /// Ranges of later numbers lie within them.
    mutating func bytes(_ value: inout [UInt8]) {
        value = [UInt8](repeating: UInt8(truncatingIfNeeded: next()), count: 4096)
    }
    mutating func word<Word: RawRepresentable<UInt8>>(_ value: inout Word) {
        let number = UInt8(truncatingIfNeeded: next() % 7 + 1)
        for raw in (1...number).reversed() {
            guard let word = Word(rawValue: raw) else { continue }
            value = word
            return
        }
    }
    func check(_ makesSense: @autoclosure () -> Bool) { #expect(makesSense()) }
}

@Suite("Facts that a reader brings") struct SessionFactsTests {
    /// A protocol that no format knows by name.
    struct LineFacts: SessionFacts {
        var name: String { "line" }
        var words: PerDirection<[String]> { PerDirection(client: ["3 lines"], server: ["1 line", "\u{1b}[31m"]) }
        var messages: PerDirection<UInt64>? { PerDirection(client: 3, server: 1) }
        var report: FactValue {
            .object([
                FactValue.Member("lines", .sides { .number($0 == .client ? 3 : 1) }),
                FactValue.Member("polite", .flag(true)),
                FactValue.Member(
                    "first", .captured(Array("hello token=c2VjcmV0c2VjcmV0c2VjcmV0\u{202e}".utf8) + [0xff])),
                FactValue.Member("kinds", .list([.word("plain"), .number(-1), .object([])])),
            ])
        }
    }

    private static func report() -> Report {
        var exchange = Fixture.websocket(packet: 4)
        exchange.websocket = nil
        exchange.upgraded = .other
        exchange.protocolName = "line"
        exchange.session = LineFacts()
        return Fixture.report(entries: [(exchange, [])])
    }

    @Test("the spool gives back what they said")
    func kept() throws {
        let facts = KeptSessionFacts(LineFacts())
        var writer = ByteWriter()
        writer.record(facts)
        var reader = ByteReader(writer.bytes)
        let again = try reader.record(KeptSessionFacts.self)
        #expect(again.report == facts.report && again.name == "line" && again.messages == facts.messages)
        #expect(again.words == facts.words && reader.isAtEnd)
    }

    @Test("JSON has their values, the page and `show` their words, hostile text made harmless")
    func formats() throws {
        let report = Self.report()
        let json = try report.rendered("json")
        #expect(json.contains(#""line":{"lines":{"client":3,"server":1},"polite":true,"first":"#))
        #expect(json.contains(#""kinds":["plain",-1,{}]}"#))
        #expect(!json.contains("\u{1b}"))
        let page = try report.rendered("html")
        #expect(page.contains("3 lines") && !page.contains("\u{1b}"))
    }
}

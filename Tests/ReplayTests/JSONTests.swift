// JSON read strictly: what is taken, what is refused and where, and when two values say the same.

import Testing

@testable import Replay

@Suite struct JSONTests {
    @Test(
        arguments: [
            ("null", .null), (" true ", .bool(true)), ("false", .bool(false)), ("\"\"", .string("")),
            ("[]", .array([])), ("{}", .object([])), ("\u{feff}1", number("1")),
            ("[1, -0.5e+3,0]", .array([value(number("1")), value(number("-0.5e+3")), value(number("0"))])),
            (#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, .string("\"\\/\u{8}\u{c}\n\r\té😀")),
            (#""\ud83d" "#, .string("\u{fffd}")), (#""\ude00x""#, .string("\u{fffd}x")),
            (#""\ud83d\u0041""#, .string("\u{fffd}A")),
            (
                "{\"a\":1,\"b\":[{\"c\":null}]}",
                .object([("a", value(number("1"))), ("b", value(.array([value(.object([("c", value(.null))]))])))])
            ),
            ("\"é😀\u{7f}\"", .string("é😀\u{7f}")),
        ] as [(String, JSONValue.Content)])
    func isRead(text: String, content: JSONValue.Content) throws {
        #expect(try JSONParser.parse(Array(text.utf8)) == JSONValue(content))
    }

    @Test(arguments: [
        ("", "the text ends where a value should be", 1, 1), ("  \n ", "the text ends where a value should be", 2, 2),
        ("{\"a\":1,}", "a member's name should be here", 1, 8), ("[1,]", "no value begins like this", 1, 4),
        ("[1 2]", "a comma or the end of the array should be here", 1, 4),
        ("{\"a\" 1}", "a colon should be here", 1, 6), ("{a:1}", "a member's name should be here", 1, 2),
        ("{\"a\":1", "a comma or the end of the object should be here", 1, 7),
        ("nul", "no value begins like this", 1, 1),
        ("01", "more text behind the value", 1, 2), ("1.", "a digit should be here", 1, 3),
        (".5", "no value begins like this", 1, 1), ("-", "a digit should be here", 1, 2),
        ("1e", "a digit should be here", 1, 3), ("+1", "no value begins like this", 1, 1),
        ("NaN", "no value begins like this", 1, 1), ("\"a", "the text ends within a string", 1, 3),
        ("\"a\n\"", "a control character in a string", 1, 3), (#""\x""#, "no such escape", 1, 2),
        (#""\u12g4""#, "no such escape", 1, 2), ("\"\\", "the text ends within a string", 1, 2),
        ("// a\n1", "no value begins like this", 1, 1), ("1\n\n x", "more text behind the value", 3, 2),
    ])
    func isRefused(text: String, problem: String, line: Int, column: Int) {
        let error = #expect(throws: JSONError.self) { try JSONParser.parse(Array(text.utf8)) }
        #expect(error?.problem == problem)
        #expect(error?.line == line)
        #expect(error?.column == column)
    }

    @Test(
        arguments: [
            ([0x22, 0xff, 0x22], 1), ([0x22, 0x61, 0xc3, 0x22], 2), ([0x22, 0xc3, 0xa9, 0xed, 0xa0, 0x80, 0x22], 3),
            ([0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], 1),
        ] as [([UInt8], Int)])
    func brokenUTF8IsRefused(bytes: [UInt8], offset: Int) {
        let error = #expect(throws: JSONError.self) { try JSONParser.parse(bytes) }
        #expect(error?.problem == "not UTF-8")
        #expect(error?.offset == offset)
    }

    @Test func depthValuesAndSizeAreBounded() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        _ = try JSONParser.parse(nested(200))
        let tooDeep = #expect(throws: JSONError.self) { try JSONParser.parse(nested(201)) }
        #expect(tooDeep?.offset == 200)
        let endless = #expect(throws: JSONError.self) {
            try JSONParser.parse(Array(repeating: UInt8(ascii: "["), count: 1 << 20))
        }
        #expect(endless?.problem == "more than 200 levels deep")
        var limits = JSONLimits()
        limits.values = 3
        #expect(throws: JSONError.self) { try JSONParser.parse(Array("[1,2,3]".utf8), limits: limits) }
        limits.bytes = 4
        #expect(throws: JSONError.self) { try JSONParser.parse(Array("[1,2]".utf8), limits: limits) }
    }

    @Test(arguments: [
        ("1", "1.0", true), ("100", "1e2", true), ("0.001", "1E-3", true), ("-0", "0", true), ("10", "1", false),
        ("9007199254740993", "9007199254740992", false), ("0.1", "0.10000000000000001", false), ("-1", "1", false),
        ("1e99999999999999999999", "1e99999999999999999999", true),
        ("1e99999999999999999999", "1e99999999999999999998", false),
        ("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true), ("{\"a\":1}", "{\"a\":1,\"b\":null}", false),
        ("{\"a\":1,\"a\":2}", "{\"a\":2}", true), ("[1,2]", "[2,1]", false), ("\"1\"", "1", false),
        ("\"\u{e9}\"", "\"e\u{301}\"", false), ("{\"\u{e9}\":1}", "{\"e\u{301}\":1}", false), ("null", "false", false),
    ])
    func isTheSame(left: String, right: String, same: Bool) throws {
        let (left, right) = (try JSONParser.parse(Array(left.utf8)), try JSONParser.parse(Array(right.utf8)))
        #expect((left == right) == same)
        if same { #expect(left.hashValue == right.hashValue) }
    }

    @Test(
        arguments: [
            ("0", 0), ("-7", -7), ("1e3", 1000), ("10.0", 10), ("9223372036854775807", Int.max),
            ("-9223372036854775808", Int.min), ("9223372036854775808", nil), ("1.5", nil), ("1e400", nil),
        ] as [(String, Int?)])
    func isWhole(text: String, value: Int?) throws {
        #expect(try JSONParser.parse(Array(text.utf8)).int == value)
    }

    @Test(
        arguments: [
            ("1731234567.123456", 9, 1_731_234_567_123_456_000), ("0.1", 9, 100_000_000), ("-1.5", 0, -1),
            ("1e-400", 9, 0), ("1e10", 9, nil), ("12", -1, 1), ("0", 30, 0), ("5e-10", 9, 0), ("9.99e-9", 9, 9),
        ] as [(String, Int, Int64?)])
    func isScaled(text: String, power: Int, value: Int64?) throws {
        #expect(try JSONParser.parse(Array(text.utf8)).number?.scaled(byPowerOfTen: power) == value)
    }

    @Test func membersKeepTheirOrderAndTheLastOfANameCounts() throws {
        let text = Array("{\"z\":1, \"a\": {\"b\":2} ,\"z\":3}".utf8)
        let object = try JSONParser.parse(text)
        #expect(object.members?.map(\.key) == ["z", "a", "z"])
        #expect(object["z"]?.int == 3)
        #expect(object["a"]?["b"]?.double == 2)
        #expect(object["q"] == nil)
        let range = try #require(object["a"]?.range)
        #expect(String(decoding: text[range], as: UTF8.self) == "{\"b\":2}")
    }
}

private func number(_ text: String) -> JSONValue.Content { .number(JSONNumber(text: text)) }
private func value(_ content: JSONValue.Content) -> JSONValue { JSONValue(content) }

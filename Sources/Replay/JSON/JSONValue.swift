// JSON (RFC 8259) as something to compare and to change in one place, not to decode into types.
//
// Two answers are the same when they mean the same: the order of members and the spelling of a number do not matter, so numbers
// are kept as digits and exponent, never as a Double that forgets. Each value knows where it stood, so that one can be
// replaced without touching the others. The text comes from strangers: depth and number of values are bounded, and what
// is not exactly JSON is none.

import Traffic

/// A JSON value and where its text lies.
public struct JSONValue: Sendable {
    public enum Content: Sendable {
        case null
        case bool(Bool)
        case number(JSONNumber)
        case string(String)
        case array([JSONValue])
        /// Members in the order of the text; of equal keys all.
        case object([(key: String, value: JSONValue)])
    }

    public var content: Content
    /// Its text within the bytes it was read from.
    public var range: Range<Int>

    /// Reads a whole text; `nil` where it is not JSON, or exceeds a limit.
    public init?(_ bytes: [UInt8], mostValues: Int = 1 << 20, depth: Int = 128) {
        var reader = JSONReader(bytes: bytes, valuesLeft: mostValues, depthLeft: depth)
        guard let value = reader.document() else { return nil }
        self = value
    }

    init(_ content: Content, _ range: Range<Int>) {
        self.content = content
        self.range = range
    }

    /// The value of a member: the last one of that name, as most readers have it.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = content else { return nil }
        return members.last { $0.key == key }?.value
    }

    public var string: String? {
        if case .string(let text) = content { return text }
        return nil
    }
    public var array: [JSONValue]? {
        if case .array(let values) = content { return values }
        return nil
    }
    public var members: [(key: String, value: JSONValue)]? {
        if case .object(let members) = content { return members }
        return nil
    }
    public var bool: Bool? {
        if case .bool(let value) = content { return value }
        return nil
    }
    /// A whole number that fits.
    public var int: Int? {
        if case .number(let number) = content { return number.int }
        return nil
    }
    public var double: Double? {
        if case .number(let number) = content { return Double(number.text) }
        return nil
    }
    public var isNull: Bool {
        if case .null = content { return true }
        return false
    }
    /// An object or array.
    public var isContainer: Bool {
        switch content {
        case .array, .object: true
        default: false
        }
    }

    /// Whether both mean the same.
    public static func isSame(_ left: JSONValue, _ right: JSONValue) -> Bool {
        switch (left.content, right.content) {
        case (.null, .null): return true
        case (.bool(let a), .bool(let b)): return a == b
        case (.number(let a), .number(let b)): return a == b
        case (.string(let a), .string(let b)): return a == b
        case (.array(let a), .array(let b)):
            return a.count == b.count && zip(a, b).allSatisfy { isSame($0, $1) }
        case (.object(let a), .object(let b)):
            guard a.count == b.count else { return false }
            let first = Dictionary(a.map { ($0.key, $0.value) }) { $1 }
            let second = Dictionary(b.map { ($0.key, $0.value) }) { $1 }
            return first.count == second.count
                && first.allSatisfy { key, value in second[key].map { isSame(value, $0) } ?? false }
        default: return false
        }
    }
}

/// A number as it is meant: sign, digits without zeros at the ends, power of ten.
public struct JSONNumber: Sendable, Equatable {
    /// As written.
    public var text: String
    private var isNegative = false
    private var digits: [UInt8] = []
    private var exponent = 0

    init(_ written: ArraySlice<UInt8>) {
        text = String(decoding: written, as: UTF8.self)
        var rest = written
        if rest.first == UInt8(ascii: "-") {
            isNegative = true
            rest = rest.dropFirst()
        }
        var scale = 0
        var isFraction = false
        while let byte = rest.first, byte == UInt8(ascii: ".") || byte &- 0x30 < 10 {
            if byte == UInt8(ascii: ".") {
                isFraction = true
            } else {
                if !(digits.isEmpty && byte == 0x30) { digits.append(byte) }
                if isFraction { scale -= 1 }
            }
            rest = rest.dropFirst()
        }
        // A power beyond this means nothing to anyone: the text decides then.
        let power = Int(String(decoding: rest.dropFirst().drop { $0 == UInt8(ascii: "+") }, as: UTF8.self)) ?? 0
        exponent = max(-1 << 40, min(1 << 40, power)) + scale
        while digits.last == 0x30 {
            digits.removeLast()
            exponent += 1
        }
        if digits.isEmpty {
            exponent = 0
            isNegative = false
        }
    }

    public static func == (left: JSONNumber, right: JSONNumber) -> Bool {
        left.isNegative == right.isNegative && left.exponent == right.exponent && left.digits == right.digits
    }

    /// The one spelling that equal numbers share.
    var canonical: String { "\(isNegative ? "-" : "")\(String(decoding: digits, as: UTF8.self))e\(exponent)" }

    /// A whole number that fits.
    public var int: Int? {
        guard exponent >= 0, digits.count + exponent <= 19 else { return digits.isEmpty ? 0 : nil }
        let whole = digits + [UInt8](repeating: 0x30, count: exponent)
        return Int((isNegative ? "-" : "") + (whole.isEmpty ? "0" : String(decoding: whole, as: UTF8.self)))
    }
}

/// Reads one text, from left to right.
private struct JSONReader {
    let bytes: [UInt8]
    var valuesLeft: Int
    var depthLeft: Int
    private var index = 0

    init(bytes: [UInt8], valuesLeft: Int, depthLeft: Int) {
        self.bytes = bytes
        self.valuesLeft = valuesLeft
        self.depthLeft = depthLeft
    }

    mutating func document() -> JSONValue? {
        // A byte order mark in front is what some programs write.
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { index = 3 }
        skipSpace()
        guard let value = value() else { return nil }
        skipSpace()
        return index == bytes.count ? value : nil
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while index < bytes.count, bytes[index].isJSONSpace { index += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        index += 1
        return true
    }

    private mutating func word(_ text: StaticString) -> Bool {
        let end = index + text.utf8CodeUnitCount
        guard end <= bytes.count, bytes[index..<end].matches(text) else { return false }
        index = end
        return true
    }

    private mutating func value() -> JSONValue? {
        guard valuesLeft > 0, let byte = next else { return nil }
        valuesLeft -= 1
        let start = index
        let content: JSONValue.Content?
        switch byte {
        case UInt8(ascii: "{"): content = object()
        case UInt8(ascii: "["): content = array()
        case UInt8(ascii: "\""): content = string().map { .string($0) }
        case UInt8(ascii: "t"): content = word("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): content = word("false") ? .bool(false) : nil
        case UInt8(ascii: "n"): content = word("null") ? .null : nil
        default: content = number()
        }
        return content.map { JSONValue($0, start..<index) }
    }

    private mutating func object() -> JSONValue.Content? {
        guard depthLeft > 0 else { return nil }
        depthLeft -= 1
        defer { depthLeft += 1 }
        index += 1
        var members: [(key: String, value: JSONValue)] = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\""), let key = string() else { return nil }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { return nil }
            skipSpace()
            guard let value = value() else { return nil }
            members.append((key, value))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func array() -> JSONValue.Content? {
        guard depthLeft > 0 else { return nil }
        depthLeft -= 1
        defer { depthLeft += 1 }
        index += 1
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(values) }
        while true {
            skipSpace()
            guard let value = value() else { return nil }
            values.append(value)
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(values) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func number() -> JSONValue.Content? {
        let start = index
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { guard digits() else { return nil } }
        if take(UInt8(ascii: ".")) { guard digits() else { return nil } }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            _ = take(UInt8(ascii: "+")) || take(UInt8(ascii: "-"))
            guard digits() else { return nil }
        }
        return index > start ? .number(JSONNumber(bytes[start..<index])) : nil
    }

    private mutating func digits() -> Bool {
        let start = index
        while let byte = next, byte &- 0x30 < 10 { index += 1 }
        return index > start
    }

    private mutating func string() -> String? {
        index += 1
        let start = index
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { index += 1 }
        if take(UInt8(ascii: "\"")) { return String(validating: bytes[start..<(index - 1)], as: UTF8.self) }
        var text = Array(bytes[start..<index])
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
            case UInt8(ascii: "\\"): guard escape(into: &text) else { return nil }
            case 0..<0x20: return nil
            default: text.append(byte)
            }
        }
        return nil
    }

    private mutating func escape(into text: inout [UInt8]) -> Bool {
        guard let byte = next else { return false }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"):
            guard let unit = hexadecimal() else { return false }
            var scalar = Unicode.Scalar(unit)
            if (0xd800..<0xdc00).contains(unit), next == UInt8(ascii: "\\") {
                let before = index
                index += 1
                if take(UInt8(ascii: "u")), let low = hexadecimal(), (0xdc00..<0xe000).contains(low) {
                    scalar = Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00))
                } else {
                    index = before
                }
            }
            // A lone surrogate is no character: it is kept as one that says so.
            text += Array(String(scalar ?? "\u{fffd}").utf8)
        default: return false
        }
        return true
    }

    private mutating func hexadecimal() -> UInt32? {
        guard index + 4 <= bytes.count else { return nil }
        var value: UInt32 = 0
        for byte in bytes[index..<(index + 4)] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        index += 4
        return value
    }
}

extension UInt8 {
    fileprivate var isJSONSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0a || self == 0x0d }
}

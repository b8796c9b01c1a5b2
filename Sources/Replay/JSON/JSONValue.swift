// JSON (RFC 8259) as something to read, to compare, and to change in one place: members in the order they were written,
// numbers with the digits they were written with, and of each value where its text stood.
//
// Two values are equal when they say the same: members in any order, `1.0` for `1`, `10e1` for `100`. Numbers are never
// turned into binary ones, so 9007199254740993 is not 9007199254740992.

import Ground

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

    public init(_ content: Content, range: Range<Int> = 0..<0) {
        self.content = content
        self.range = range
    }

    /// Reads a whole text; `nil` where it is not JSON, or exceeds a limit.
    ///
    /// `JSONParser.parse` says why.
    public init?(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) {
        guard let value = try? JSONParser.parse(bytes, limits: limits) else { return nil }
        self = value
    }

    /// The value of a member: as in browsers the last one of that name, because names may repeat (RFC 8259 4).
    ///
    /// `nil` where this is no object or has none of that name.
    public subscript(key: String) -> JSONValue? {
        // Names compare by their code points: "é" in one piece and in two are two names.
        members?.last { $0.key.utf8.elementsEqual(key.utf8) }?.value
    }

    public var string: String? { if case .string(let text) = content { text } else { nil } }
    public var array: [JSONValue]? { if case .array(let values) = content { values } else { nil } }
    public var members: [(key: String, value: JSONValue)]? {
        if case .object(let members) = content { members } else { nil }
    }
    public var number: JSONNumber? { if case .number(let number) = content { number } else { nil } }
    public var bool: Bool? { if case .bool(let value) = content { value } else { nil } }
    /// A whole number that fits.
    public var int: Int? { number?.int }
    /// The nearest binary number.
    public var double: Double? { number?.double }
    public var isNull: Bool { if case .null = content { true } else { false } }
    /// An object or array.
    public var isContainer: Bool { array != nil || members != nil }

    /// What kind of value it is, in a word of RFC 8259 3.
    public var kind: String {
        switch content {
        case .null: "null"
        case .bool: "boolean"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

extension JSONValue: Hashable {
    /// Whether both say the same, wherever they stood; text is compared by its code points, however they combine.
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left.content, right.content) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): byKey(left) == byKey(right)
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch content {
        case .null: break
        case .bool(let value): hasher.combine(value)
        case .number(let number): hasher.combine(number)
        case .string(let text): hasher.combine(text)
        case .array(let values): hasher.combine(values)
        case .object(let members): hasher.combine(Self.byKey(members))
        }
    }

    private static func byKey(_ members: [(key: String, value: JSONValue)]) -> [[UInt8]: JSONValue] {
        Dictionary(members.map { (Array($0.key.utf8), $0.value) }, uniquingKeysWith: { $1 })
    }
}

/// A number as it was written; equal to every other way of writing the same number.
public struct JSONNumber: Sendable, Hashable {
    /// The text, by the grammar of RFC 8259 6.
    public let text: String

    /// Takes text of that grammar.
    init(text: String) { self.text = text }

    public init(_ value: some BinaryInteger) { text = String(value) }

    /// The nearest binary number; infinite where it is too large for one.
    public var double: Double { Double(text) ?? .infinity }

    /// The value, where it is a whole number that fits.
    public var int: Int? {
        guard let exponent = decimal.exponent, exponent >= 0 else { return nil }
        return scaled(byPowerOfTen: 0).map { Int($0) }
    }

    /// The value times a power of ten, what is after the point cut off; `nil` where that does not fit.
    public func scaled(byPowerOfTen power: Int) -> Int64? {
        let (isNegative, digits, exponent) = decimal
        guard let exponent else { return nil }
        if digits.isEmpty { return 0 }
        let zeros = exponent + power
        guard zeros + digits.count > 0 else { return 0 }
        guard zeros + digits.count <= 19 else { return nil }
        var whole = String(decoding: digits.prefix(digits.count + zeros), as: UTF8.self)
        if zeros > 0 { whole += String(repeating: "0", count: zeros) }
        return Int64((isNegative ? "-" : "") + whole)
    }

    public static func == (left: JSONNumber, right: JSONNumber) -> Bool {
        if left.text.utf8.elementsEqual(right.text.utf8) { return true }
        let (first, second) = (left.decimal, right.decimal)
        // An exponent beyond all measure is compared as it is written.
        guard first.exponent != nil, second.exponent != nil else { return false }
        return first == second
    }

    public func hash(into hasher: inout Hasher) {
        let (isNegative, digits, exponent) = decimal
        guard let exponent else { return hasher.combine(text) }
        hasher.combine(isNegative)
        hasher.combine(digits)
        hasher.combine(exponent)
    }

    /// The one spelling that equal numbers share.
    var canonical: String {
        let (isNegative, digits, exponent) = decimal
        guard let exponent else { return text }
        return "\(isNegative ? "-" : "")\(String(decoding: digits, as: UTF8.self))e\(exponent)"
    }

    /// Sign, digits without zeros at either end, and the power of ten after them; zero has no sign and no digits.
    private var decimal: (isNegative: Bool, digits: [UInt8], exponent: Int?) {
        var digits: [UInt8] = []
        var exponent = 0
        var rest = Array(text.utf8)[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest = rest.dropFirst() }
        var isFraction = false
        while let byte = rest.first, byte | 0x20 != UInt8(ascii: "e") {
            if byte == UInt8(ascii: ".") {
                isFraction = true
            } else {
                if !digits.isEmpty || byte != UInt8(ascii: "0") { digits.append(byte) }
                if isFraction { exponent -= 1 }
            }
            rest = rest.dropFirst()
        }
        while digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            exponent += 1
        }
        if digits.isEmpty { return (false, [], 0) }
        guard !rest.isEmpty else { return (isNegative, digits, exponent) }
        let written = Int(String(decoding: rest.dropFirst(), as: UTF8.self))
        guard let written, written.magnitude < 1 << 40 else { return (isNegative, digits, nil) }
        return (isNegative, digits, exponent + written)
    }
}

// Reads JSON as RFC 8259 has it, and nothing else: no comments, no trailing commas, no bare words. What is read may
// come from a stranger, so depth, number of values and size are bounded, and an error says where.
//
// The only leniency: `\ud800` without its other half becomes U+FFFD, because a Swift string cannot hold it.

internal import Ground
internal import Traffic

/// How much is read.
public struct JSONLimits: Sendable {
    /// Arrays and objects within one another.
    public var depth = 200
    /// Values in all.
    public var values = 4 << 20
    /// Bytes of text.
    public var bytes = 256 << 20
    public init() {}
}

/// Why a text is not JSON, or not read.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, in a few words.
    public var problem: String
    /// The byte it was noticed at, counted from 0.
    public var offset: Int
    /// Line, and byte within it, both counted from 1.
    public var line: Int
    public var column: Int

    public var description: String { "\(problem) (line \(line), column \(column))" }
}

/// Reads one JSON text.
public struct JSONParser {
    private let bytes: [UInt8]
    private let limits: JSONLimits
    private var index: Int
    private var depth = 0
    private var values = 0

    /// The value of a JSON text; a byte order mark before it is passed over (RFC 8259 8.1).
    public static func parse(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes, limits)
        guard bytes.count <= limits.bytes else { throw parser.error("more than \(limits.bytes) bytes") }
        parser.skipSpace()
        let value = try parser.value()
        parser.skipSpace()
        guard parser.index == bytes.count else { throw parser.error("more text behind the value") }
        return value
    }

    private init(_ bytes: [UInt8], _ limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
        index = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        values += 1
        guard values <= limits.values else { throw error("more than \(limits.values) values") }
        guard index < bytes.count else { throw error("the text ends where a value should be") }
        let start = index
        let content: JSONValue.Content
        switch bytes[index] {
        case UInt8(ascii: "{"): content = try object()
        case UInt8(ascii: "["): content = try array()
        case UInt8(ascii: "\""): content = .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): content = .number(try number())
        case UInt8(ascii: "t"): content = try word("true", .bool(true))
        case UInt8(ascii: "f"): content = try word("false", .bool(false))
        case UInt8(ascii: "n"): content = try word("null", .null)
        default: throw error("no value begins like this")
        }
        return JSONValue(content, range: start..<index)
    }

    private mutating func object() throws(JSONError) -> JSONValue.Content {
        try enter()
        var members: [(key: String, value: JSONValue)] = []
        if !skip(UInt8(ascii: "}")) {
            repeat {
                skipSpace()
                guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
                    throw error("a member's name should be here")
                }
                let key = try string()
                guard skip(UInt8(ascii: ":")) else { throw error("a colon should be here") }
                skipSpace()
                members.append((key, try value()))
            } while skip(UInt8(ascii: ","))
            guard skip(UInt8(ascii: "}")) else { throw error("a comma or the end of the object should be here") }
        }
        depth -= 1
        return .object(members)
    }

    private mutating func array() throws(JSONError) -> JSONValue.Content {
        try enter()
        var elements: [JSONValue] = []
        if !skip(UInt8(ascii: "]")) {
            repeat {
                skipSpace()
                elements.append(try value())
            } while skip(UInt8(ascii: ","))
            guard skip(UInt8(ascii: "]")) else { throw error("a comma or the end of the array should be here") }
        }
        depth -= 1
        return .array(elements)
    }

    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= limits.depth else { throw error("more than \(limits.depth) levels deep") }
        index += 1
    }

    private mutating func string() throws(JSONError) -> String {
        index += 1
        var text = ""
        while true {
            let start = index
            while index < bytes.count, bytes[index] >= 0x20, bytes[index] != UInt8(ascii: "\""),
                bytes[index] != UInt8(ascii: "\\")
            {
                index += 1
            }
            guard let run = String(validating: bytes[start..<index], as: UTF8.self) else {
                index = start + Self.validPrefix(bytes[start..<index])
                throw error("not UTF-8")
            }
            text.append(run)
            guard index < bytes.count else { throw error("the text ends within a string") }
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return text
            case UInt8(ascii: "\\"): text.unicodeScalars.append(try escape())
            default: throw error("a control character in a string")
            }
        }
    }

    private static func validPrefix(_ run: ArraySlice<UInt8>) -> Int {
        var length = 0
        for scalar in String(decoding: run, as: UTF8.self).unicodeScalars {
            let encoded = Array(String(scalar).utf8)
            guard run.dropFirst(length).starts(with: encoded) else { break }
            length += encoded.count
        }
        return length
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        guard index + 1 < bytes.count else { throw error("the text ends within a string") }
        let letter = bytes[index + 1]
        let plain: Unicode.Scalar? =
            switch letter {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): Unicode.Scalar(letter)
            case UInt8(ascii: "b"): "\u{8}"
            case UInt8(ascii: "f"): "\u{c}"
            case UInt8(ascii: "n"): "\n"
            case UInt8(ascii: "r"): "\r"
            case UInt8(ascii: "t"): "\t"
            default: nil
            }
        if let plain {
            index += 2
            return plain
        }
        guard letter == UInt8(ascii: "u"), let unit = unit(at: index) else { throw error("no such escape") }
        index += 6
        if let scalar = Unicode.Scalar(unit) { return scalar }
        // The first half of a pair, and the second after it (RFC 8259 7).
        guard unit < 0xdc00, let low = self.unit(at: index), (0xdc00...0xdfff).contains(low) else { return "\u{fffd}" }
        index += 6
        return Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00)) ?? "\u{fffd}"
    }

    /// The value of the `\uXXXX` at `start`.
    private func unit(at start: Int) -> UInt32? {
        guard start + 6 <= bytes.count, bytes[start] == UInt8(ascii: "\\"), bytes[start + 1] == UInt8(ascii: "u") else {
            return nil
        }
        var unit: UInt32 = 0
        for byte in bytes[(start + 2)..<(start + 6)] {
            guard let nibble = byte.hexValue else { return nil }
            unit = unit << 4 | UInt32(nibble)
        }
        return unit
    }

    private mutating func number() throws(JSONError) -> JSONNumber {
        let start = index
        if bytes[index] == UInt8(ascii: "-") { index += 1 }
        if index < bytes.count, bytes[index] == UInt8(ascii: "0") { index += 1 } else { try digits() }
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            try digits()
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
                index += 1
            }
            try digits()
        }
        return JSONNumber(text: String(decoding: bytes[start..<index], as: UTF8.self))
    }

    private mutating func digits() throws(JSONError) {
        let start = index
        while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
        guard index > start else { throw error("a digit should be here") }
    }

    private mutating func word(_ word: String, _ value: JSONValue.Content) throws(JSONError) -> JSONValue.Content {
        guard bytes[index...].starts(with: word.utf8) else { throw error("no value begins like this") }
        index += word.utf8.count
        return value
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while index < bytes.count, bytes[index].isWhitespace { index += 1 }
    }

    private func error(_ problem: String) -> JSONError {
        let before = bytes[..<min(index, bytes.count)]
        let line = before.reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
        let column = before.count - (before.lastIndex(of: 0x0a) ?? -1)
        return JSONError(problem: problem, offset: before.count, line: line, column: column)
    }
}

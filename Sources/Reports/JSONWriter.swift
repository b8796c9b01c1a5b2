// JSON straight into bytes (RFC 8259): keys in the order they are written, so that the same report always
// gives the same bytes. Characters that could play with a terminal are written as escapes.

import Ground
package import Traffic

/// Builds JSON text.
package struct JSONWriter {
    package var bytes: [UInt8] = []
    private var needsComma = false
    package init() {}

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    package mutating func raw(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    /// A line end; before the next value.
    package mutating func newline() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = false
        bytes.append(0x0a)
    }

    /// The value before was a whole text; another may follow on the next line.
    package mutating func endLine() {
        bytes.append(0x0a)
        needsComma = false
    }

    package mutating func key(_ key: String) {
        separate()
        string(key)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
        try body(&self)
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    package mutating func array(_ body: (inout JSONWriter) throws -> Void) rethrows {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
        try body(&self)
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    package mutating func value(_ text: String) {
        separate()
        string(text)
    }

    /// A text of two parts.
    package mutating func value(_ text: String, _ rest: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        content(text.utf8.span)
        content(rest.utf8.span)
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func value(_ number: some FixedWidthInteger) {
        separate()
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        bytes.append(decimal: UInt64(number.magnitude))
    }

    /// A text of digits and signs, which needs no escapes.
    private mutating func plain(_ write: (inout [UInt8]) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        write(&bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func value(_ flag: Bool) {
        separate()
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    /// Text as it was captured, secrets hidden; each byte that is not UTF-8 becomes U+FFFD.
    package mutating func value(_ text: CapturedText) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        text.forEachPiece { piece in
            switch piece {
            case .bytes(let piece): content(piece.span)
            case .redacted(let count): bytes.append(contentsOf: CapturedText.note(redacted: count).utf8)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func hex(_ content: [UInt8]) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        for byte in content { appendHex(byte) }
        bytes.append(UInt8(ascii: "\""))
    }

    // Members of an object.

    package mutating func object(_ key: String, _ body: (inout JSONWriter) throws -> Void) rethrows {
        self.key(key)
        try object(body)
    }
    package mutating func array(_ key: String, _ body: (inout JSONWriter) throws -> Void) rethrows {
        self.key(key)
        try array(body)
    }
    package mutating func member(_ key: String, _ text: String) {
        self.key(key)
        value(text)
    }
    package mutating func member(_ key: String, _ text: String, _ rest: String) {
        self.key(key)
        value(text, rest)
    }
    package mutating func member(_ key: String, _ time: Timestamp) {
        self.key(key)
        plain { time.write(to: &$0) }
    }
    package mutating func member(_ key: String, _ address: IPAddress) {
        self.key(key)
        plain { address.write(to: &$0) }
    }
    package mutating func member(_ key: String, _ number: some FixedWidthInteger) {
        self.key(key)
        value(number)
    }
    package mutating func member(_ key: String, _ flag: Bool) {
        self.key(key)
        value(flag)
    }
    /// A number written as such.
    package mutating func member(_ key: String, decimal text: String) {
        self.key(key)
        separate()
        bytes.append(contentsOf: text.utf8)
    }
    package mutating func member(_ key: String, milliseconds nanoseconds: Int64) {
        self.key(key)
        separate()
        DurationText.write(milliseconds: nanoseconds, to: &bytes)
    }
    /// A moment as seconds since 1970-01-01T00:00:00Z, exactly.
    package mutating func member(_ key: String, seconds time: Timestamp) {
        self.key(key)
        separate()
        if time.nanoseconds < 0 { bytes.append(UInt8(ascii: "-")) }
        bytes.append(decimal: time.nanoseconds.magnitude / 1_000_000_000)
        bytes.append(UInt8(ascii: "."))
        bytes.append(decimal: time.nanoseconds.magnitude % 1_000_000_000, width: 9)
    }

    /// A number with at most six decimals.
    package mutating func member(_ key: String, decimal value: Double) {
        self.key(key)
        separate()
        bytes.append(contentsOf: Self.decimalText(value).utf8)
    }

    /// "12.5": at most six decimals, no exponent, whatever the value is.
    package static func decimalText(_ value: Double) -> String { DurationText.milliseconds(millionths(value)) }

    /// Rounded to a millionth; what is no number is 0, what is too large as large as can be.
    package static func millionths(_ value: Double) -> Int64 {
        guard value.isFinite else { return 0 }
        return Int64(exactly: (max(-9e12, min(9e12, value)) * 1e6).rounded()) ?? 0
    }

    package mutating func member(_ key: String, _ texts: [String]) {
        array(key) { json in for text in texts { json.value(text) } }
    }
    package mutating func member(_ key: String, counts: [String: UInt64]) {
        object(key) { writer in
            for name in counts.keys.sorted() { writer.member(name, counts[name] ?? 0) }
        }
    }

    /// Captured text and, when it is not UTF-8, its bytes.
    package mutating func member(_ key: String, _ text: CapturedText) {
        self.key(key)
        value(text)
        if !text.isUTF8 {
            self.key(key + "_hex")
            hex(text.blotted)
        }
    }

    private mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        content(text.utf8.span)
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func content(_ text: Span<UInt8>) {
        var start = 0
        while start < text.count {
            // Most of it stands for itself.
            let end = text.endOfPlainText(from: start)
            if end > start { bytes.append(text.extracting(start..<end)) }
            guard end < text.count else { return }
            start = end + special(text, at: end)
        }
    }

    /// Writes a character that may need an escape, and gives how many bytes it has.
    private mutating func special(_ text: Span<UInt8>, at index: Int) -> Int {
        guard let (scalar, length) = UTF8Walk.scalar(text, at: index) else {
            bytes.append(contentsOf: [0xef, 0xbf, 0xbd])
            return 1
        }
        switch scalar {
        case 0x22: raw("\\\"")
        case 0x5c: raw("\\\\")
        case 0x0a: raw("\\n")
        case 0x0d: raw("\\r")
        case 0x09: raw("\\t")
        case let scalar where HiddenCharacters.isTreacherous(scalar): escape(scalar)
        default: bytes.append(text.extracting(index..<(index + length)))
        }
        return length
    }

    private mutating func escape(_ scalar: UInt32) {
        let units =
            scalar < 0x10000
            ? [scalar] : [0xd800 + ((scalar - 0x10000) >> 10), 0xdc00 + ((scalar - 0x10000) & 0x3ff)]
        for unit in units {
            raw("\\u")
            appendHex(UInt8(truncatingIfNeeded: unit >> 8))
            appendHex(UInt8(truncatingIfNeeded: unit))
        }
    }

    private mutating func appendHex(_ byte: UInt8) {
        bytes.append(Digits.hexDigit(byte >> 4))
        bytes.append(Digits.hexDigit(byte & 15))
    }
}

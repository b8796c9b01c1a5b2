// Base64 (RFC 4648): strict in what it writes. What it reads is taken strictly where a request is judged, and leniently
// where a HAR file is read, because those come from many hands.

/// Bytes as base64 text, and back.
public enum Base64 {
    /// The text of those bytes, with padding.
    public static func encode(_ bytes: Span<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let word = letters(of: ByteWord(bytes, at: index).word >> 16)
            // Of six bytes there are eight letters; the last ones may be fewer.
            let count = (min(bytes.count - index, 6) * 8 + 5) / 6
            for place in 0..<count { text.append(UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * place))) }
            index += 6
        }
        while text.count % 4 > 0 { text.append(UInt8(ascii: "=")) }
        return text
    }

    /// The text of those bytes, with padding.
    public static func text(_ bytes: [UInt8]) -> String { String(decoding: encode(bytes.span), as: UTF8.self) }

    /// The bytes of a text; `nil` when it is no base64.
    ///
    /// White space, the URL-safe alphabet and missing padding are taken.
    public static func decode(_ text: String) -> [UInt8]? {
        var reader = Reader(letters: text.utf8.count)
        var padding = 0
        for byte in text.utf8 where !byte.isWhitespace {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(of: byte) else { return nil }
            reader.add(value)
        }
        guard padding == 0 || padding == (4 - reader.count % 4) % 4 else { return nil }
        return reader.whole
    }

    /// The bytes of base64url without padding (RFC 4648 5); `nil` when there is anything else in it.
    public static func decodeURL(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var reader = Reader(letters: text.count)
        for byte in text {
            guard byte != UInt8(ascii: "+"), byte != UInt8(ascii: "/"), let value = value(of: byte) else { return nil }
            reader.add(value)
        }
        return reader.whole
    }

    /// Whether `text` is the base64 of `count` bytes, with padding; the bits that are left over may be anything.
    public static func isText(_ text: ArraySlice<UInt8>, ofBytes count: Int) -> Bool {
        let padding = (3 - count % 3) % 3
        let text = text.span
        guard text.count == (count + 2) / 3 * 4 else { return false }
        let letters = text.count - padding
        for index in text.indices {
            let byte = text[index]
            let isLetter =
                byte.isDigit || byte.asciiLowercased &- 0x61 < 26 || byte == UInt8(ascii: "+")
                || byte == UInt8(ascii: "/")
            guard index < letters ? isLetter : byte == UInt8(ascii: "=") else { return false }
        }
        return true
    }

    /// Eight letters for 48 bits.
    ///
    /// What is to be added to a value to make a letter of it is added to all eight at once, without a branch; none of the
    /// sums leaves its byte.
    private static func letters(of bits: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var values: UInt64 = 0
        for index in 0..<8 as Range<UInt64> { values |= (bits >> (42 - 6 * index) & 63) << (56 - 8 * index) }
        /// 1 in each byte that is greater.
        func above(_ limit: UInt64) -> UInt64 { (values &+ (127 - limit) &* ones) >> 7 & ones }
        let raised = values &+ 0x41 &* ones &+ above(25) &* 6
        return raised &- above(51) &* 75 &- above(61) &* 15 &+ above(62) &* 3
    }

    /// The six bits of a letter of either alphabet.
    private static func value(of letter: UInt8) -> UInt8? {
        switch letter {
        case 0x41...0x5a: letter - 0x41
        case 0x61...0x7a: letter - 0x61 + 26
        case 0x30...0x39: letter - 0x30 + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }

    /// Puts bytes together, six bits at a time.
    private struct Reader {
        private var bytes: [UInt8] = []
        private var bits: UInt32 = 0
        private(set) var count = 0

        init(letters: Int) { bytes.reserveCapacity(letters / 4 * 3 + 2) }

        mutating func add(_ value: UInt8) {
            bits = bits << 6 | UInt32(value)
            count += 1
            // Bits that no byte was made of yet: 6, 4, 2 and 0 after each letter of four.
            if count % 4 != 1 { bytes.append(UInt8(truncatingIfNeeded: bits >> (UInt32(-count & 3) * 2))) }
        }

        /// The bytes; one letter more than four times some is no byte.
        var whole: [UInt8]? { count % 4 == 1 ? nil : bytes }
    }
}

// The answer to a key: base64 of SHA-1 of the key's text and a fixed GUID (RFC 6455 4.2.2, 5.4).

/// Sec-WebSocket-Accept.
public enum WebSocketAccept {
    /// Sec-WebSocket-Accept for a key as it stood in the request, white space around it left out.
    public static func value(for key: ArraySlice<UInt8>) -> [UInt8] {
        let input = key + guid
        let letters = letters(of: SHA1.digest(of: input.span))
        return letters.indices.map { letters[$0] }
    }

    /// Whether `text` is the Sec-WebSocket-Accept for that key.
    static func isValue(_ text: Span<UInt8>, for key: [24 of UInt8]) -> Bool {
        guard text.count == 28 else { return false }
        var input = keyAndGUID
        for index in key.indices { input[index] = key[index] }
        let letters = letters(of: SHA1.digest(of: input.span))
        var difference: UInt8 = 0
        for index in letters.indices { difference |= letters[index] ^ text[index] }
        return difference == 0
    }

    /// What the value of an Accept is made of.
    private static func letters(of digest: [20 of UInt8]) -> [28 of UInt8] {
        var letters = [28 of UInt8](repeating: UInt8(ascii: "="))
        var (from, to) = (0, 0)
        while from < 18 {
            let bits = UInt32(digest[from]) << 16 | UInt32(digest[from + 1]) << 8 | UInt32(digest[from + 2])
            letters[to] = letter(bits >> 18)
            letters[to + 1] = letter(bits >> 12 & 63)
            letters[to + 2] = letter(bits >> 6 & 63)
            letters[to + 3] = letter(bits & 63)
            (from, to) = (from + 3, to + 4)
        }
        let bits = UInt32(digest[18]) << 16 | UInt32(digest[19]) << 8
        letters[24] = letter(bits >> 18)
        letters[25] = letter(bits >> 12 & 63)
        letters[26] = letter(bits >> 6 & 63)
        return letters
    }

    private static let guid = [UInt8]("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
    /// Room for a key of 24 letters, and the GUID.
    private static let keyAndGUID: [60 of UInt8] = {
        var bytes = [60 of UInt8](repeating: 0)
        for (index, byte) in guid.enumerated() { bytes[24 + index] = byte }
        return bytes
    }()

    /// A letter of base64 (RFC 4648 4), without a branch: its value is as good as random.
    @inline(__always)
    private static func letter(_ value: UInt32) -> UInt8 {
        @inline(__always) func step(_ size: Int32, above limit: UInt32) -> Int32 { value > limit ? size : 0 }
        let letter =
            Int32(bitPattern: value) + 0x41 + step(6, above: 25) + step(-75, above: 51) + step(-15, above: 61)
            + step(3, above: 62)
        return UInt8(truncatingIfNeeded: letter)
    }
}

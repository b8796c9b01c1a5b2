// The answer to a key: base64 of SHA-1 of the key's text and a fixed GUID (RFC 6455 4.2.2, 5.4).

/// Sec-WebSocket-Accept.
public enum WebSocketAccept {
    /// Sec-WebSocket-Accept for a key as it stood in the request, white space around it left out.
    public static func value(for key: ArraySlice<UInt8>) -> [UInt8] {
        let input = key + guid
        let letters = letters(of: SHA1.digest(of: input.span))
        return (0..<length).map { letters[$0] }
    }

    /// Whether `text` is the Sec-WebSocket-Accept for that key.
    static func isValue(_ text: Span<UInt8>, for key: [24 of UInt8]) -> Bool {
        guard text.count == length else { return false }
        var input = keyAndGUID
        for index in key.indices { input[index] = key[index] }
        var other = SIMD32<UInt8>()
        for index in 0..<length { other[index] = text[index] }
        return letters(of: SHA1.digest(of: input.span)) == other
    }

    /// Letters of a value.
    private static var length: Int { 28 }

    /// The value made of a digest in base64 (RFC 4648 4), behind it zeros.
    ///
    /// A digest is as good as random, so no branch depends on it: all letters are made at once.
    private static func letters(of digest: [20 of UInt8]) -> SIMD32<UInt8> {
        var values = SIMD32<UInt8>()
        var (from, to) = (0, 0)
        while from < 20 {
            let last = from + 2 < 20 ? digest[from + 2] : 0
            let bits = UInt32(digest[from]) << 16 | UInt32(digest[from + 1]) << 8 | UInt32(last)
            values[to] = UInt8(truncatingIfNeeded: bits >> 18)
            values[to + 1] = UInt8(truncatingIfNeeded: bits >> 12 & 63)
            values[to + 2] = UInt8(truncatingIfNeeded: bits >> 6 & 63)
            values[to + 3] = UInt8(truncatingIfNeeded: bits & 63)
            (from, to) = (from + 3, to + 4)
        }
        var letters = values &+ 0x41
        letters.replace(with: values &+ (0x61 - 26), where: values .> 25)
        letters.replace(with: values &- (52 - 0x30), where: values .> 51)
        letters.replace(with: 0x2b, where: values .== 62)
        letters.replace(with: 0x2f, where: values .== 63)
        letters[27] = 0x3d
        for index in length..<32 { letters[index] = 0 }
        return letters
    }

    private static let guid = [UInt8]("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
    /// Room for a key of 24 letters, and the GUID.
    private static let keyAndGUID: [60 of UInt8] = {
        var bytes = [60 of UInt8](repeating: 0)
        for (index, byte) in guid.enumerated() { bytes[24 + index] = byte }
        return bytes
    }()
}

// The answer to a key: base64 of SHA-1 of the key's text and a fixed GUID (RFC 6455 4.2.2, 5.4).

import Ground

/// Sec-WebSocket-Accept.
public enum WebSocketAccept {
    /// Sec-WebSocket-Accept for a key as it stood in the request, white space around it left out.
    public static func value(for key: ArraySlice<UInt8>) -> [UInt8] {
        let input = key + guid
        let words = letters(of: SHA1.digest(of: input.span))
        return (0..<length).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64(56 - $0 % 8 * 8)) }
    }

    /// Letters of a value.
    private static var length: Int { 28 }

    /// The value made of a digest, eight letters to a word; the last one has four.
    private static func letters(of digest: [20 of UInt8]) -> [4 of UInt64] {
        let bytes = digest.span
        let last = letters(of: UInt64(bytes.load16(18)) << 32)
        return [
            letters(of: UInt64(bytes.load32(0)) << 16 | UInt64(bytes.load16(4))),
            letters(of: UInt64(bytes.load32(6)) << 16 | UInt64(bytes.load16(10))),
            letters(of: UInt64(bytes.load32(12)) << 16 | UInt64(bytes.load16(16))),
            last & 0xffff_ff00_0000_0000 | 0x3d << 32,
        ]
    }

    /// Eight letters of base64 (RFC 4648 4) for 48 bits.
    ///
    /// A digest is as good as random, so no branch depends on it: what is to be added to a value to make a letter of it is
    /// added to all eight at once, and none of the sums leaves its byte.
    private static func letters(of bits: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var values: UInt64 = 0
        for index in 0..<8 as Range<UInt64> { values |= (bits >> (42 - 6 * index) & 63) << (56 - 8 * index) }
        /// 1 in each byte that is greater.
        func above(_ limit: UInt64) -> UInt64 { (values &+ (127 - limit) &* ones) >> 7 & ones }
        let raised = values &+ 0x41 &* ones &+ above(25) &* 6
        return raised &- above(51) &* 75 &- above(61) &* 15 &+ above(62) &* 3
    }

    private static let guid = [UInt8]("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
}

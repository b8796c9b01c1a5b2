// Eight bytes at once say what each says alone.

import Testing

@testable import Ground

@Suite struct ByteWordTests {
    /// All bytes, next to others that are like them but for a bit.
    private static let bytes = (0...255).flatMap { byte in [UInt8(byte), UInt8(byte) ^ 0x80, UInt8(byte) &+ 1] }

    @Test(arguments: 0..<12)
    func behindTheEndAreZeros(_ count: Int) {
        let bytes = (0..<count).map { UInt8(0xf0 + $0) }
        for index in 0...count + 9 {
            let expected = (index..<index + 8).reduce(0 as UInt64) { $0 << 8 | UInt64($1 < count ? bytes[$1] : 0) }
            let word = ByteWord(bytes.span, at: index).word
            #expect(word == expected, "from \(index) of \(count)")
        }
    }

    @Test(arguments: [0, 0x20, 0x23, 0x26, 0x3f, 0x7f, 0x80, 0xa6, 0xff] as [UInt8])
    func equals(_ byte: UInt8) {
        for start in 0..<Self.bytes.count - 8 {
            let marks = ByteWord(Self.bytes.span, at: start).equals(byte)
            let expected = Self.bytes[start..<start + 8].reduce(0 as UInt64) { $0 << 8 | ($1 == byte ? 0x80 : 0) }
            #expect(marks == expected)
        }
    }

    @Test func letters() {
        for start in 0..<Self.bytes.count - 8 {
            let word = ByteWord(Self.bytes.span, at: start).lettersLowercased
            let expected = Self.bytes[start..<start + 8].reduce(0 as UInt64) { $0 << 8 | UInt64($1.asciiLowercased) }
            #expect(word == expected)
        }
    }
}

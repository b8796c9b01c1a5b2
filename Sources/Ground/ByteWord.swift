// Eight bytes in one word, asked the same question at once.
//
// The answer for each byte stands in its high bit. What is added for one byte never carries into the next: the high bits are
// left out of the sum, or there are none because all is ASCII.

/// Eight bytes, the first one in the highest.
public struct ByteWord: Sendable, BitwiseCopyable {
    /// The bytes, the first one in the highest place.
    public let word: UInt64

    /// The high bit of each byte.
    @inlinable static var all: UInt64 { 0x8080_8080_8080_8080 }
    @inlinable static var ones: UInt64 { 0x0101_0101_0101_0101 }

    /// `nil` where a byte is no ASCII.
    @inlinable @inline(__always)
    public init?(ascii word: UInt64) {
        guard word & Self.all == 0 else { return nil }
        self.word = word
    }

    /// The bytes from `index` on; zeros after the end.
    @inlinable @inline(__always)
    public init(_ bytes: Span<UInt8>, at index: Int) {
        let count = bytes.count
        if index + 8 <= count {
            word = bytes.load64(index)
        } else if count >= 8, index < count {
            word = bytes.load64(count - 8) << UInt64((index + 8 - count) * 8)
        } else {
            var word: UInt64 = 0
            for place in index..<max(index, count) { word |= UInt64(bytes[place]) << UInt64(56 - (place - index) * 8) }
            self.word = word
        }
    }

    /// Which bytes are that one.
    @inlinable @inline(__always)
    public func equals(_ byte: UInt8) -> UInt64 {
        let difference = word ^ UInt64(byte) &* Self.ones
        let low = 0x7f &* Self.ones
        return ~((difference & low &+ low) | difference | low)
    }

    /// The word with its letters in lower case.
    @inlinable @inline(__always) public var lettersLowercased: UInt64 {
        let low = word & (0x7f &* Self.ones)
        let isUpper = (low &+ 0x3f &* Self.ones) & ~(low &+ 0x25 &* Self.ones) & ~word & (0x80 &* Self.ones)
        return word | isUpper >> 2
    }

    // Of ASCII alone.

    /// Letters in lower case; of other bytes those below 32 more become others.
    @inlinable @inline(__always) public var lowercased: ByteWord { ByteWord(unchecked: word | 0x20 &* Self.ones) }

    @inlinable @inline(__always)
    init(unchecked word: UInt64) { self.word = word }

    /// Which bytes are no less than `limit`.
    @inlinable @inline(__always)
    public func reaches(_ limit: UInt8) -> UInt64 { word &+ UInt64(128 - limit) &* Self.ones }

    /// Which bytes differ from `byte`.
    @inlinable @inline(__always)
    public func differs(from byte: UInt8) -> UInt64 { (word ^ UInt64(byte) &* Self.ones) &+ 0x7f &* Self.ones }
}

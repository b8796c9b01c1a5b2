// Eight bytes in one word, asked the same question at once.
//
// The answer for each byte stands in its high bit. As long as no byte is above 127, what is added for one never carries into
// the next.

/// Eight bytes of ASCII.
struct ByteWord {
    private let word: UInt64

    /// The high bit of each byte.
    static var all: UInt64 { 0x8080_8080_8080_8080 }
    private static var ones: UInt64 { 0x0101_0101_0101_0101 }

    /// `nil` where a byte is no ASCII.
    @inline(__always)
    init?(_ word: UInt64) {
        guard word & Self.all == 0 else { return nil }
        self.word = word
    }

    /// Letters in lower case; of other bytes those below 32 more become others.
    @inline(__always) var lowercased: ByteWord { ByteWord(unchecked: word | 0x20 &* Self.ones) }

    @inline(__always)
    private init(unchecked word: UInt64) { self.word = word }

    /// Which bytes are no less than `limit`.
    @inline(__always)
    func reaches(_ limit: UInt8) -> UInt64 { word &+ UInt64(128 - limit) &* Self.ones }

    /// Which bytes differ from `byte`.
    @inline(__always)
    func differs(from byte: UInt8) -> UInt64 { (word ^ UInt64(byte) &* Self.ones) &+ 0x7f &* Self.ones }
}

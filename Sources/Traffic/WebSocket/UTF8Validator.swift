// UTF-8 across fragments: RFC 6455 8.1 judges a whole message, and a code point may be split over frames.
//
// A state is what may come next: how many continuation bytes, and in which range the next one must lie (RFC 3629
// 4). Overlong forms, surrogates and values above U+10FFFF are excluded by the range of the second byte.

/// Checks bytes as they come, unmasking them on the way.
struct UTF8Validator {
    private var needed: UInt8 = 0
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xbf

    /// No code point is open.
    var isComplete: Bool { needed == 0 }

    /// Checks `bytes[start..<end]`; `mask` in memory order applies from the first byte on.
    ///
    /// Returns the index of the first byte that cannot be, or `nil`.
    mutating func check(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, mask: UInt32) -> Int? {
        var index = start
        while index < end {
            if needed == 0 {
                let rotation = UInt32((index - start) & 3) * 8
                let turned = rotation == 0 ? mask : mask >> rotation | mask << (32 - rotation)
                index += bytes.asciiWords(from: index, to: end, mask: turned)
                // Plain bytes up to the word boundary, then whatever stopped the words.
                var plain = 0
                while index < end, plain < 8 {
                    let byte = bytes[index] ^ UInt8(truncatingIfNeeded: mask >> (UInt32((index - start) & 3) * 8))
                    if byte >= 0x80 {
                        guard open(byte) else { return index }
                        index += 1
                        break
                    }
                    index += 1
                    plain += 1
                }
            } else {
                let byte = bytes[index] ^ UInt8(truncatingIfNeeded: mask >> (UInt32((index - start) & 3) * 8))
                guard byte >= lower, byte <= upper else { return index }
                lower = 0x80
                upper = 0xbf
                needed -= 1
                index += 1
                // Runs of non-ASCII text: the next lead byte is taken here, without asking for words first.
                if needed == 0, index < end {
                    let next = bytes[index] ^ UInt8(truncatingIfNeeded: mask >> (UInt32((index - start) & 3) * 8))
                    if next >= 0x80 {
                        guard open(next) else { return index }
                        index += 1
                    }
                }
            }
        }
        return nil
    }

    private mutating func open(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xc2...0xdf: needed = 1
        case 0xe0:
            needed = 2
            lower = 0xa0
        case 0xed:
            needed = 2
            upper = 0x9f
        case 0xe1...0xef: needed = 2
        case 0xf0:
            needed = 3
            lower = 0x90
        case 0xf1...0xf3: needed = 3
        case 0xf4:
            needed = 3
            upper = 0x8f
        default: return false
        }
        return true
    }
}

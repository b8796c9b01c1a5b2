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
        @inline(__always) func byte(_ index: Int) -> UInt8 {
            bytes[index] ^ UInt8(truncatingIfNeeded: mask >> (UInt32(truncatingIfNeeded: index &- start) & 3 &* 8))
        }
        // The end of a code point that began before.
        while needed > 0, index < end {
            let next = byte(index)
            guard next >= lower, next <= upper else { return index }
            lower = 0x80
            upper = 0xbf
            needed -= 1
            index += 1
        }
        while index < end {
            let first = byte(index)
            if first < 0x80 {
                let rotation = UInt32(truncatingIfNeeded: index &- start) & 3 &* 8
                let turned = rotation == 0 ? mask : mask >> rotation | mask << (32 - rotation)
                index += bytes.asciiWords(from: index, to: end, mask: turned)
                // What is left of a word, up to whatever stopped the words.
                var plain = 0
                while index < end, plain < 8, byte(index) < 0x80 {
                    index += 1
                    plain += 1
                }
                continue
            }
            // A whole code point at hand is checked at once; the states are for those that are cut.
            guard end - index >= 4 else {
                guard open(first) else { return index }
                index += 1
                while needed > 0, index < end {
                    let next = byte(index)
                    guard next >= lower, next <= upper else { return index }
                    lower = 0x80
                    upper = 0xbf
                    needed -= 1
                    index += 1
                }
                continue
            }
            let second = byte(index + 1)
            if first < 0xe0 {
                guard first >= 0xc2 else { return index }
                guard second & 0xc0 == 0x80 else { return index + 1 }
                index += 2
            } else if first < 0xf0 {
                let isAllowed = first == 0xe0 ? second >= 0xa0 : first != 0xed || second < 0xa0
                guard second & 0xc0 == 0x80, isAllowed else { return index + 1 }
                guard byte(index + 2) & 0xc0 == 0x80 else { return index + 2 }
                index += 3
            } else {
                guard first <= 0xf4 else { return index }
                let isAllowed = first == 0xf0 ? second >= 0x90 : first != 0xf4 || second < 0x90
                guard second & 0xc0 == 0x80, isAllowed else { return index + 1 }
                guard byte(index + 2) & 0xc0 == 0x80 else { return index + 2 }
                guard byte(index + 3) & 0xc0 == 0x80 else { return index + 3 }
                index += 4
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

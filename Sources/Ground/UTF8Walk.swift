// Captured bytes as text, one character at a time. Unlike the standard library, which makes one U+FFFD of a
// whole broken sequence, every byte that is not part of well-formed UTF-8 (Unicode 3.9, table 3-7) stands
// alone, so that lengths stay visible and nothing is hidden in a sequence that is half right.

/// Captured bytes, read as UTF-8 one character at a time.
public enum UTF8Walk {
    /// Calls `body` with each scalar and its bytes, or with `nil` and one bad byte.
    @inlinable
    public static func forEach(
        _ bytes: ArraySlice<UInt8>, _ body: (_ scalar: UInt32?, _ bytes: ArraySlice<UInt8>) -> Void
    ) {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let length = sequenceLength(bytes, at: index)
            guard length > 0 else {
                body(nil, bytes[index..<(index + 1)])
                index += 1
                continue
            }
            var scalar = UInt32(bytes[index])
            if length > 1 {
                scalar &= 0x7f >> UInt32(length)
                for next in (index + 1)..<(index + length) { scalar = scalar << 6 | UInt32(bytes[next] & 0x3f) }
            }
            body(scalar, bytes[index..<(index + length)])
            index += length
        }
    }

    /// Whether all of it is well-formed.
    public static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let length = sequenceLength(bytes, at: index)
            if length == 0 { return false }
            index += length
        }
        return true
    }

    /// Bytes of the well-formed sequence at `index`; 0 when there is none.
    @inlinable
    public static func sequenceLength(_ bytes: ArraySlice<UInt8>, at index: Int) -> Int {
        let first = bytes[index]
        if first < 0x80 { return 1 }
        func follows(_ distance: Int, _ range: ClosedRange<UInt8> = 0x80...0xbf) -> Bool {
            index + distance < bytes.endIndex && range.contains(bytes[index + distance])
        }
        switch first {
        case 0xc2...0xdf: return follows(1) ? 2 : 0
        case 0xe0: return follows(1, 0xa0...0xbf) && follows(2) ? 3 : 0
        case 0xed: return follows(1, 0x80...0x9f) && follows(2) ? 3 : 0
        case 0xe1...0xef: return follows(1) && follows(2) ? 3 : 0
        case 0xf0: return follows(1, 0x90...0xbf) && follows(2) && follows(3) ? 4 : 0
        case 0xf1...0xf3: return follows(1) && follows(2) && follows(3) ? 4 : 0
        case 0xf4: return follows(1, 0x80...0x8f) && follows(2) && follows(3) ? 4 : 0
        default: return 0
        }
    }

    /// Characters that change how other text looks or is read: controls, marks of direction, separators.
    @inlinable
    public static func isTreacherous(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x20, 0x7f..<0xa0: true
        case 0x00ad, 0x061c, 0x180e, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff, 0xfff9...0xfffb: true
        case 0xe0000...0xe0fff: true
        default: false
        }
    }
}

// Captured bytes as text, one character at a time. Unlike the standard library, which makes one U+FFFD of a
// whole broken sequence, every byte that is not part of well-formed UTF-8 stands alone, so that lengths stay
// visible and nothing is hidden in a sequence that is half right.

/// Captured bytes, read as UTF-8 one character at a time.
public enum UTF8Walk {
    /// Calls `body` with each scalar and its bytes, or with `nil` and one bad byte.
    @inlinable
    public static func forEach(
        _ bytes: ArraySlice<UInt8>, _ body: (_ scalar: UInt32?, _ bytes: ArraySlice<UInt8>) -> Void
    ) {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let found = scalar(bytes.span, at: index - bytes.startIndex)
            let end = index + (found?.length ?? 1)
            body(found?.scalar, bytes[index..<end])
            index = end
        }
    }

    /// The character at `index` and how many bytes it has; `nil` for a bad byte.
    @inlinable
    public static func scalar(_ bytes: Span<UInt8>, at index: Int) -> (scalar: UInt32, length: Int)? {
        let first = bytes[index]
        guard first >= 0x80 else { return (UInt32(first), 1) }
        let length = sequenceLength(bytes, at: index)
        guard length > 0 else { return nil }
        var scalar = UInt32(first) & 0x7f >> UInt32(length)
        for next in (index + 1)..<(index + length) { scalar = scalar << 6 | UInt32(bytes[next] & 0x3f) }
        return (scalar, length)
    }

    /// Whether all of it is well-formed.
    public static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        var validator = UTF8Validator()
        let span = bytes.span
        return validator.check(span, 0, span.count, mask: 0) == nil && validator.isComplete
    }

    /// Bytes of the well-formed sequence at `index`; 0 when there is none.
    public static func sequenceLength(_ bytes: Span<UInt8>, at index: Int) -> Int {
        var state = UTF8Automaton.accepting
        for next in index..<bytes.count {
            state = UTF8Automaton.next(state, bytes[next])
            if state == UTF8Automaton.accepting { return next - index + 1 }
            if state == UTF8Automaton.rejecting { return 0 }
        }
        return 0
    }
}

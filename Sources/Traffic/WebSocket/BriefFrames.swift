// Frames with which nothing is wrong: a look at one side of a session that only says whether `WebSocketSideDecoder` would
// have anything to tell of it.
//
// Whole frames, as the standard has them; messages in one piece or in a few; at last a Close with a code and no reason. What is
// rare is refused as well as what is wrong: whoever refuses only sends the session to where everything is told.

/// One side of a session, as long as it is beyond reproach.
struct BriefFrames {
    /// Close was sent.
    private(set) var hasClosed = false
    /// Opcode of the message that goes on; 0 for none.
    private var message: UInt8 = 0
    private var fragments: UInt8 = 0
    private var text = UTF8Validator()
    private var hasKey = false
    private var key: UInt32 = 0
    /// The step from the key before, read from either end.
    private var steps = (little: UInt32(0), big: UInt32(0))

    private static var fragmentLimit: UInt8 { 8 }

    /// Takes the frames of a segment; `false` where they are not all whole and usual.
    mutating func take(_ bytes: Span<UInt8>, isClient: Bool) -> Bool {
        var index = 0
        while index < bytes.count {
            guard !hasClosed, bytes.count - index >= 2 else { return false }
            let first = bytes[index]
            let second = bytes[index + 1]
            index += 2
            guard first & 0x70 == 0, (second >= 0x80) == isClient else { return false }
            var length = Int(second & 0x7f)
            if length == 126 {
                guard bytes.count - index >= 2 else { return false }
                length = Int(bytes.load16(index))
                index += 2
                guard length >= 126 else { return false }
            } else if length == 127 {
                return false
            }
            var mask: UInt32 = 0
            if isClient {
                guard bytes.count - index >= 4 else { return false }
                mask = bytes.load32(index).byteSwapped
                index += 4
                if length > 0, !takeKey(mask) { return false }
            }
            guard bytes.count - index >= length else { return false }
            guard takePayload(bytes, index, index + length, first, mask) else { return false }
            index += length
        }
        return true
    }

    private mutating func takePayload(
        _ bytes: Span<UInt8>, _ start: Int, _ end: Int, _ first: UInt8, _ mask: UInt32
    ) -> Bool {
        let isFinal = first & 0x80 != 0
        switch first & 0x0f {
        case 1, 2:
            guard message == 0 else { return false }
            message = first & 0x0f
            fragments = 0
            text = UTF8Validator()
        case 0:
            fragments += 1
            guard message != 0, fragments < Self.fragmentLimit, end > start else { return false }
        case 8:
            guard isFinal, end - start == 2, message == 0 else { return false }
            hasClosed = true
            return WebSocketSideDecoder.mayBeSent(bytes.load16(start) ^ UInt16(truncatingIfNeeded: mask).byteSwapped)
        case 9, 10: return isFinal && end - start <= 125
        default: return false
        }
        if message == 1, text.check(bytes, start, end, mask: mask) != nil { return false }
        if isFinal {
            message = 0
            return text.isComplete
        }
        return true
    }

    /// Whether a key looks as if it could not have been foreseen (RULES WSF003): none of them is zero, or the one before,
    /// or as far from that as that was from its own.
    private mutating func takeKey(_ new: UInt32) -> Bool {
        defer { (key, hasKey) = (new, true) }
        guard new != 0 else { return false }
        guard hasKey else { return true }
        let (little, big) = (new &- key, new.byteSwapped &- key.byteSwapped)
        guard little != 0, little != steps.little, big != steps.big else { return false }
        steps = (little, big)
        return true
    }
}

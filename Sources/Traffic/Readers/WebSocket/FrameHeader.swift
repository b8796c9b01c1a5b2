// The header of a WebSocket frame (RFC 6455 5.2): two bytes, then a longer length, then a masking key, as its second byte says.
//
// It is gathered byte by byte, because a segment may end anywhere in it, and stays as it was until the next one begins: what
// is reported of a frame shows these bytes.

import Ground

/// A header that is being read, or was read last.
struct FrameHeader {
    private var bytes = [14 of UInt8](repeating: 0)
    /// Bytes of it that are here.
    private(set) var count = 0
    /// Where in the stream it begins, and the packet that brought its first byte.
    private(set) var offset: Int64 = 0
    private(set) var mark = Arrival(packet: 0, time: Timestamp(nanoseconds: 0), heard: nil)

    /// Some of it is here, and more must come.
    @inline(__always) var isOpen: Bool { count > 0 && count < size }
    /// What it measures, as far as its second byte tells.
    @inline(__always) var size: Int { 2 + lengthBytes + (isMasked ? 4 : 0) }

    var first: UInt8 { bytes[0] }
    var second: UInt8 { bytes[1] }
    @inline(__always) var opcode: UInt8 { bytes[0] & 0x0f }
    @inline(__always) var isFinal: Bool { bytes[0] & 0x80 != 0 }
    /// RSV1 to RSV3, where they stand.
    @inline(__always) var reserved: UInt8 { bytes[0] & 0x70 }
    @inline(__always) var isMasked: Bool { bytes[1] & 0x80 != 0 }
    /// Length of the payload, as written: the top bit, which must be 0, is not cut off.
    @inline(__always) var length: UInt64 {
        guard lengthBytes > 0 else { return UInt64(shortLength) }
        var length: UInt64 = 0
        for index in 2..<2 + lengthBytes { length = length << 8 | UInt64(bytes[index]) }
        return length
    }
    /// The length is written in the shortest of the three forms.
    @inline(__always) var isShortest: Bool {
        switch shortLength {
        case 126: length >= 126
        case 127: length >= 65536 && length >> 63 == 0
        default: true
        }
    }
    /// The masking key in memory order; 0 where there is none.
    @inline(__always) var key: UInt32 {
        guard isMasked else { return 0 }
        let start = 2 + lengthBytes
        var key: UInt32 = 0
        for index in 0..<4 { key |= UInt32(bytes[start + index]) << (UInt32(index) * 8) }
        return key
    }

    /// The length as the second byte says it: 126 and 127 stand for a longer form.
    @inline(__always) var shortLength: UInt8 { bytes[1] & 0x7f }
    @inline(__always) private var lengthBytes: Int { shortLength == 126 ? 2 : shortLength == 127 ? 8 : 0 }

    /// The first bytes of it, at most so many.
    func prefix(_ count: Int) -> [UInt8] { bytes.span.extracting(0..<min(count, 14)).array }

    /// Takes the next byte; where none is open, it begins one.
    @inline(__always) mutating func take(_ byte: UInt8, offset: Int64, mark: Arrival) {
        if !isOpen {
            count = 0
            bytes[1] = 0
            self.offset = offset
            self.mark = mark
        }
        bytes[count] = byte
        count += 1
    }

    /// The next byte begins another.
    mutating func drop() { count = 0 }
}

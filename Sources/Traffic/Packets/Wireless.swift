// IEEE 802.11 data frames, and the radiotap header that says how they were received.

import Ground

extension Dissector {
    /// Radiotap: little-endian; a length, then masks of the fields that are there, then the fields.
    mutating func radiotap(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.count >= 8 else { return .malformed(.linkHeaderCut) }
        let length = Int(bytes.load16(start + 2).byteSwapped)
        guard length >= 8, rest.skip(length) else { return .malformed(.linkHeaderCut) }
        let present = bytes.load32(start + 4).byteSwapped
        var masks = 1
        var mask = present
        while mask >> 31 == 1, masks * 4 + 8 <= length {
            mask = bytes.load32(start + 4 + masks * 4).byteSwapped
            masks += 1
        }
        var isPadded = false
        if present & 2 != 0 {
            var field = 4 + masks * 4
            // A time stamp of 8 bytes, aligned to 8, may stand before the flags.
            if present & 1 != 0 { field = (field + 7) / 8 * 8 + 8 }
            if field < length {
                let flags = bytes[start + field]
                isPadded = flags & 0x20 != 0
                if flags & 0x10 != 0 { rest.shorten(to: max(0, rest.count + rest.missing - 4)) }
            }
        }
        return wireless(bytes, rest, isPadded: isPadded)
    }

    /// A frame without a header before it.
    mutating func wireless(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        wireless(bytes, packet, isPadded: false)
    }

    private mutating func wireless(_ bytes: Span<UInt8>, _ packet: Extent, isPadded: Bool) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.count >= 2 else { return .malformed(.linkHeaderCut) }
        let type = bytes[start] >> 2 & 3
        let subtype = bytes[start] >> 4
        let flags = bytes[start + 1]
        // Subtypes with this bit say something without carrying data.
        guard type == 2, subtype & 4 == 0 else { return .notIP(.wirelessControl) }
        let hasQoS = subtype & 8 != 0
        let hasFourAddresses = flags & 3 == 3
        let qosAt = hasFourAddresses ? 30 : 24
        var length = qosAt + (hasQoS ? 2 : 0)
        if hasQoS, flags & 0x80 != 0 { length += 4 }
        guard rest.count >= length else { return .malformed(.linkHeaderCut) }
        if flags & 0x40 != 0 { return .notIP(.wirelessEncrypted) }
        if flags & 4 != 0 || bytes[start + 22] & 15 != 0 { return .notIP(.wirelessFragment) }
        if hasQoS, bytes[start + qosAt] & 0x80 != 0 { return .notIP(.wirelessAggregate) }
        if isPadded { length = (length + 3) / 4 * 4 }
        guard rest.skip(length) else { return .malformed(.linkHeaderCut) }
        return llc(bytes, rest)
    }
}

// LINKTYPE_NFLOG: packets that a Linux firewall logged. Family, version, resource; then attributes of a length and
// a type in the order of the machine that captured, one of which is the packet.

import Ground

extension Dissector {
    mutating func nflog(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        let payload: UInt16 = 9
        guard rest.skip(4) else { return .malformed(.linkHeaderCut) }
        let family = bytes[start]
        while rest.count >= 4 {
            var length = bytes.load16(rest.start)
            var type = bytes.load16(rest.start + 2)
            // Types are small: a first byte that is not 0 means little-endian.
            if type > 0xff {
                length = length.byteSwapped
                type = type.byteSwapped
            }
            guard length >= 4 else { return .malformed(.linkHeaderCut) }
            if type == payload {
                rest.start += 4
                rest.shorten(to: Int(length) - 4)
                return family == 2 || family == 10 ? ip(bytes, rest) : .notIP(.family(family))
            }
            guard rest.skip((Int(length) + 3) / 4 * 4) else { break }
        }
        return .notIP(.linkType(239))
    }
}

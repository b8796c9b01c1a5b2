// GRE (RFC 2784, RFC 2890), and its version 1 with PPP inside (RFC 2637).

import Ground

extension Dissector {
    mutating func gre(of header: IPHeader, _ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.enter() else { return .malformed(.encapsulatedTooDeep) }
        guard rest.skip(4) else { return .malformed(.tunnelHeaderCut) }
        let flags = bytes.load16(start)
        let type = bytes.load16(start + 2)
        let hasChecksum = flags & 0x8000 != 0
        let hasRouting = flags & 0x4000 != 0
        let hasKey = flags & 0x2000 != 0
        let hasSequence = flags & 0x1000 != 0
        switch flags & 7 {
        case 0:
            if hasRouting { return .notTCP(.ipProtocol(47)) }
            if hasChecksum, !rest.skip(4) { return .malformed(.tunnelHeaderCut) }
            let key = rest.start
            if hasKey, !rest.skip(4) { return .malformed(.tunnelHeaderCut) }
            if hasSequence, !rest.skip(4) { return .malformed(.tunnelHeaderCut) }
            if type == 0x88be || type == 0x22eb {
                return erspan(type, hasHeader: hasSequence, of: header, bytes, rest)
            }
            label(&rest, .gre, hasKey ? bytes.load32(key) : nil, pair: header.pair)
            return etherType(type, bytes, rest)
        case 1 where type == 0x880b:
            // The key is a payload length and a call number that belongs to one direction.
            let key = rest.start
            guard rest.skip(4) else { return .malformed(.tunnelHeaderCut) }
            if hasSequence, !rest.skip(4) { return .malformed(.tunnelHeaderCut) }
            if flags & 0x80 != 0, !rest.skip(4) { return .malformed(.tunnelHeaderCut) }
            label(&rest, .gre, pair: header.pair)
            rest.shorten(to: Int(bytes.load16(key)))
            return rest.count == 0 ? .notTCP(.ipProtocol(47)) : ppp(bytes, rest)
        default: return .notTCP(.ipProtocol(47))
        }
    }
}

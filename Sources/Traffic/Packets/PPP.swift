// PPP (RFC 1661) with or without the framing of HDLC (RFC 1662), and Cisco's HDLC, which shares its link type.

import Ground

extension Dissector {
    mutating func ppp(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        guard rest.enter() else { return .malformed(.encapsulatedTooDeep) }
        if rest.count >= 2 {
            switch bytes.load16(rest.start) {
            case 0xff03: rest.start += 2
            case 0x0f00, 0x8f00: return ciscoHDLC(bytes, rest)
            default: break
            }
        }
        guard rest.count >= 1 else { return .malformed(.linkHeaderCut) }
        let first = bytes[rest.start]
        // The last byte of a protocol number is odd: an odd first byte is a compressed number.
        if first & 1 == 1 {
            rest.start += 1
            return pppProtocol(UInt16(first), bytes, rest)
        }
        let start = rest.start
        guard rest.skip(2) else { return .malformed(.linkHeaderCut) }
        return pppProtocol(bytes.load16(start), bytes, rest)
    }

    /// LINKTYPE_PPP_WITH_DIR: a byte before it says who sent the frame.
    mutating func pppWithDirection(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        guard rest.skip(1) else { return .malformed(.linkHeaderCut) }
        return ppp(bytes, rest)
    }

    /// Address, control, ethertype.
    mutating func ciscoHDLC(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.skip(4) else { return .malformed(.linkHeaderCut) }
        let type = bytes.load16(start + 2)
        return type < 0x0600 ? .notIP(.etherType(type)) : etherType(type, bytes, rest)
    }
}

// Ethernet II, IEEE 802.3 with 802.2, and VLAN tags (IEEE 802.1Q, 802.1ad).

import Ground

extension Dissector {
    mutating func ethernet(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.skip(14) else { return .malformed(.linkHeaderCut) }
        return etherType(bytes.load16(start + 12), bytes, rest)
    }

    /// A tag: 3 bits of priority, 1 of eligibility, 12 of VLAN.
    ///
    /// VLAN 0 means that only the priority counts.
    mutating func vlan(_ kind: TunnelLabel.Kind, _ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.enter() else { return .malformed(.encapsulatedTooDeep) }
        guard rest.skip(4) else { return .malformed(.vlanTagCut) }
        let number = UInt32(bytes.load16(start) & 0xfff)
        if number != 0 { label(&rest, kind, number) }
        return etherType(bytes.load16(start + 2), bytes, rest)
    }

    /// IEEE 802.3: the two bytes where the ethertype would stand are a length.
    mutating func llc(length: Int, _ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        rest.shorten(to: length)
        return llc(bytes, rest)
    }

    /// IEEE 802.2; IP only after SNAP with an ethertype (RFC 1042).
    mutating func llc(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.enter() else { return .malformed(.encapsulatedTooDeep) }
        guard rest.count >= 3 else { return .malformed(.linkHeaderCut) }
        guard bytes[start] == 0xaa, bytes[start + 1] == 0xaa, bytes[start + 2] == 3 else {
            return .notIP(.llc(bytes[start]))
        }
        guard rest.skip(8) else { return .malformed(.linkHeaderCut) }
        let organization = bytes.load24(start + 3)
        let type = bytes.load16(start + 6)
        // 0000f8: an ethertype whose frame crossed a bridge (IEEE 802.1H).
        guard organization == 0 || organization == 0xf8, type >= 0x0600 else { return .notIP(.llc(0xaa)) }
        return etherType(type, bytes, rest)
    }
}

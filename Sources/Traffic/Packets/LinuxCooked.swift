// The pseudo headers of Linux captures on "any" and on devices without a header of their own
// (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2).

import Ground

extension Dissector {
    mutating func linuxCooked(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.skip(16) else { return .malformed(.linkHeaderCut) }
        return cooked(bytes.load16(start + 14), hardware: bytes.load16(start + 2), bytes, rest)
    }

    mutating func linuxCooked2(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.skip(20) else { return .malformed(.linkHeaderCut) }
        return cooked(bytes.load16(start), hardware: bytes.load16(start + 8), bytes, rest)
    }

    private mutating func cooked(
        _ type: UInt16, hardware: UInt16, _ bytes: Span<UInt8>, _ rest: Extent
    ) -> Unwrapped {
        let netlink: UInt16 = 824
        let frameWith8022: UInt16 = 4
        // Of a netlink socket the number is a family; below 0x0600 it is a kind of frame, not a length.
        if hardware == netlink { return .notIP(.family(UInt8(clamping: type))) }
        if type == frameWith8022 { return llc(bytes, rest) }
        if type < 0x0600 { return .notIP(.etherType(type)) }
        return etherType(type, bytes, rest)
    }
}

// MPLS (RFC 3032). Nothing says what the label stack carries: the first four bits tell IP from the rest, a
// control word of a pseudowire begins with 0 and has Ethernet after it (RFC 4385, RFC 4448).

extension Dissector {
    mutating func mpls(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        guard rest.enter() else { return .malformed(.encapsulatedTooDeep) }
        // Labels belong to one direction; the stack is named without them.
        label(&rest, .mpls)
        var isBottom = false
        while !isBottom {
            let start = rest.start
            guard rest.skip(4) else { return .malformed(.tunnelHeaderCut) }
            isBottom = bytes[start + 2] & 1 == 1
        }
        guard rest.count >= 1 else { return .malformed(.tunnelHeaderCut) }
        switch bytes[rest.start] >> 4 {
        case 4: return ipv4(bytes, rest)
        case 6: return ipv6(bytes, rest)
        case 0:
            guard rest.skip(4) else { return .malformed(.tunnelHeaderCut) }
            return ethernet(bytes, rest)
        default: return ethernet(bytes, rest)
        }
    }
}

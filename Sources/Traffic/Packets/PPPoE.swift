// PPP over Ethernet, the session stage (RFC 2516).

import Ground

extension Dissector {
    mutating func pppoe(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.enter() else { return .malformed(.encapsulatedTooDeep) }
        guard rest.skip(6) else { return .malformed(.tunnelHeaderCut) }
        label(&rest, .pppoe, UInt32(bytes.load16(start + 2)))
        rest.shorten(to: Int(bytes.load16(start + 4)))
        return ppp(bytes, rest)
    }
}

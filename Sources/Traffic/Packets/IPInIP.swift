// IP in IP: RFC 2003, RFC 4213 and RFC 2473, all four ways.

extension Dissector {
    mutating func ipv4Inside(of header: IPHeader, _ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        guard rest.enter() else { return .malformed(.encapsulatedTooDeep) }
        label(&rest, header.source.isV4 ? .ip4in4 : .ip4in6, pair: header.pair)
        return ipv4(bytes, rest)
    }

    mutating func ipv6Inside(of header: IPHeader, _ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        guard rest.enter() else { return .malformed(.encapsulatedTooDeep) }
        label(&rest, header.source.isV4 ? .ip6in4 : .ip6in6, pair: header.pair)
        return ipv6(bytes, rest)
    }
}

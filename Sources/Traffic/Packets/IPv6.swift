// IPv6 (RFC 8200) and the headers that may stand between it and TCP.

import Ground

extension Dissector {
    mutating func ipv6(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.skip(40) else { return .malformed(.ipv6HeaderCut) }
        guard bytes[start] >> 4 == 6 else { return .malformed(.ipVersion) }
        // 0 for segmentation offload, and for jumbograms (RFC 2675): the packet's own length counts.
        let length = Int(bytes.load16(start + 4))
        if length != 0 { rest.shorten(to: length) }
        let header = IPHeader(
            source: IPAddress(high: bytes.load64(start + 8), low: bytes.load64(start + 16)),
            destination: IPAddress(high: bytes.load64(start + 24), low: bytes.load64(start + 32)), identification: 0)
        let nextHeader = bytes[start + 6]
        return nextHeader == 6 ? tcp(of: header, bytes, rest) : payload(nextHeader, of: header, bytes, rest)
    }

    /// Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, shim6.
    ///
    /// Their layouts agree in where the next header and the length stand. IPv4 knows the authentication header too.
    mutating func extensionHeaders(
        _ first: UInt8, of header: IPHeader, _ bytes: Span<UInt8>, _ packet: Extent
    ) -> Unwrapped {
        var rest = packet
        var number = first
        while true {
            let start = rest.start
            switch number {
            case 0, 43, 60, 135, 139, 140, 51:
                guard rest.count >= 8 else { return .malformed(.extensionHeaderCut) }
                let units = Int(bytes[start + 1])
                guard rest.skip(number == 51 ? (units + 2) * 4 : (units + 1) * 8) else {
                    return .malformed(.extensionHeaderCut)
                }
                number = bytes[start]
            case 44:
                guard rest.skip(8) else { return .malformed(.extensionHeaderCut) }
                number = bytes[start]
                let field = bytes.load16(start + 2)
                let identification = bytes.load32(start + 4)
                var header = header
                header.identification = UInt16(truncatingIfNeeded: identification)
                let isLast = field & 1 == 0
                let position = Int(field & 0xfff8)
                // A datagram in one fragment is whole (RFC 6946).
                if position == 0, isLast {
                    guard rest.enter() else { return .malformed(.encapsulatedTooDeep) }
                    return payload(number, of: header, bytes, rest)
                }
                // The protocol is not part of the key: the first fragment alone knows it.
                let key = FragmentTable.Key(
                    source: header.source, destination: header.destination, identification: identification,
                    protocolNumber: 0, tunnel: rest.tunnel)
                return fragment(
                    key, nextHeader: number, position: position, isLast: isLast, header: header, bytes, rest)
            default:
                guard rest.enter() else { return .malformed(.encapsulatedTooDeep) }
                return payload(number, of: header, bytes, rest)
            }
        }
    }
}

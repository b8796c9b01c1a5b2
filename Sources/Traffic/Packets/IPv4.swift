// IPv4 (RFC 791).

import Ground

extension Dissector {
    /// Raw IP: the version says which.
    mutating func ip(_ bytes: Span<UInt8>, _ rest: Extent) -> Unwrapped {
        guard rest.count >= 1 else { return .malformed(.ipv4HeaderCut) }
        switch bytes[rest.start] >> 4 {
        case 4: return ipv4(bytes, rest)
        case 6: return ipv6(bytes, rest)
        default: return .malformed(.ipVersion)
        }
    }

    mutating func ipv4(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        let start = packet.start
        guard packet.count >= 20 else { return .malformed(.ipv4HeaderCut) }
        let first = bytes[start]
        guard first >> 4 == 4 else { return .malformed(.ipVersion) }
        let headerLength = Int(first & 15) * 4
        guard headerLength >= 20 else { return .malformed(.ipv4HeaderLength) }
        let totalLength = Int(bytes.load16(start + 2))
        var rest = packet
        // 0 where the network card was to cut a larger packet into datagrams (segmentation offload).
        if totalLength != 0 {
            guard totalLength >= headerLength else { return .malformed(.ipv4TotalLength) }
            rest.shorten(to: totalLength)
        }
        guard rest.skip(headerLength) else { return .malformed(.ipv4HeaderCut) }
        let header = IPHeader(
            source: IPAddress(v4: bytes.load32(start + 12)), destination: IPAddress(v4: bytes.load32(start + 16)),
            identification: bytes.load16(start + 4))
        let nextHeader = bytes[start + 9]
        let position = bytes.load16(start + 6) & 0x3fff
        if position == 0 {
            return nextHeader == 6 ? tcp(of: header, bytes, rest) : payload(nextHeader, of: header, bytes, rest)
        }
        guard Self.carriesTCP(nextHeader) else { return .notTCP(.ipProtocol(nextHeader)) }
        let key = FragmentTable.Key(
            source: header.source, destination: header.destination, identification: UInt32(header.identification),
            protocolNumber: nextHeader, tunnel: rest.tunnel)
        return fragment(
            key, nextHeader: nextHeader, position: Int(position & 0x1fff) * 8, isLast: position & 0x2000 == 0,
            header: header, bytes, rest)
    }
}

// GTP version 1, user plane (3GPP TS 29.281): the T-PDU message, whose payload is an IP datagram. Tunnel ids
// differ by direction, so the two nodes stand for the tunnel.

import Ground

extension Dissector {
    mutating func gtp(of header: IPHeader, _ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped? {
        var rest = packet
        let start = rest.start
        let userData: UInt8 = 255
        guard rest.skip(8), bytes[start] >> 4 == 3, bytes[start + 1] == userData else { return nil }
        rest.shorten(to: Int(bytes.load16(start + 2)))
        // Any of the three bits brings all three fields; only one of them says that extension headers follow.
        if bytes[start] & 7 != 0 {
            guard rest.skip(4) else { return nil }
            var next = bytes[start] & 4 != 0 ? bytes[start + 11] : 0
            while next != 0 {
                guard rest.count >= 1 else { return nil }
                let length = Int(bytes[rest.start]) * 4
                guard length > 0, rest.skip(length) else { return nil }
                next = bytes[rest.start - 1]
            }
        }
        guard rest.count >= 1 else { return nil }
        label(&rest, .gtp, pair: header.pair)
        switch bytes[rest.start] >> 4 {
        case 4: return ipv4(bytes, rest)
        case 6: return ipv6(bytes, rest)
        default: return nil
        }
    }
}

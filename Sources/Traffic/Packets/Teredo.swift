// Teredo (RFC 4380): IPv6 in UDP, after an authentication and an origin indication that may be there.

import Ground

extension Dissector {
    mutating func teredo(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped? {
        var rest = packet
        if rest.count >= 4, bytes.load16(rest.start) == 1 {
            let identifier = Int(bytes[rest.start + 2])
            let authentication = Int(bytes[rest.start + 3])
            guard rest.skip(13 + identifier + authentication) else { return nil }
        }
        if rest.count >= 8, bytes.load16(rest.start) == 0 { rest.start += 8 }
        guard rest.count >= 40, bytes[rest.start] >> 4 == 6 else { return nil }
        label(&rest, .teredo)
        return ipv6(bytes, rest)
    }
}

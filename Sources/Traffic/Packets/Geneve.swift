// GENEVE (RFC 8926).

import Ground

extension Dissector {
    mutating func geneve(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped? {
        var rest = packet
        let start = rest.start
        guard rest.skip(8), bytes[start] >> 6 == 0, rest.skip(Int(bytes[start] & 0x3f) * 4) else { return nil }
        let type = bytes.load16(start + 2)
        guard type >= 0x0600 else { return nil }
        label(&rest, .geneve, bytes.load24(start + 4))
        return etherType(type, bytes, rest)
    }
}

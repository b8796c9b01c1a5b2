// ERSPAN: mirrored Ethernet frames in GRE (draft-foschiano-erspan). Type I has no header, type II one of 8 bytes,
// type III one of 12 and 8 more where its last bit is set.

import Ground

extension Dissector {
    mutating func erspan(
        _ type: UInt16, hasHeader: Bool, of header: IPHeader, _ bytes: Span<UInt8>, _ packet: Extent
    ) -> Unwrapped {
        var rest = packet
        let start = rest.start
        // Both directions of a connection are mirrored by one device, to one place.
        guard hasHeader else {
            label(&rest, .erspan, pair: header.pair)
            return ethernet(bytes, rest)
        }
        guard rest.skip(type == 0x88be ? 8 : 12) else { return .malformed(.tunnelHeaderCut) }
        label(&rest, .erspan, UInt32(bytes.load16(start + 2) & 0x3ff), pair: header.pair)
        if type == 0x22eb, bytes[start + 11] & 1 == 1, !rest.skip(8) { return .malformed(.tunnelHeaderCut) }
        return ethernet(bytes, rest)
    }
}

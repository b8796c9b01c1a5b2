// The TCP header (RFC 9293 3.1). Options are stepped over, checksums are not looked at.

import Ground

extension Dissector {
    mutating func tcp(of header: IPHeader, _ bytes: Span<UInt8>, _ rest: Extent) -> Unwrapped {
        if let fault = Self.tcpFault(bytes, rest) { return .malformed(fault) }
        found = Self.segment(of: header, bytes, rest)
        return .segment
    }

    @inline(__always)
    static func tcpFault(_ bytes: Span<UInt8>, _ rest: Extent) -> PacketFault? {
        let wireLength = rest.count + rest.missing
        guard rest.count >= 20 else { return wireLength < 20 ? .tcpHeaderShort : .tcpHeaderCut }
        let headerLength = Int(bytes[rest.start + 12] >> 4) * 4
        return headerLength >= 20 && headerLength <= wireLength ? nil : .tcpDataOffset
    }

    /// The numbers of a header in which `tcpFault` saw none.
    @inline(__always)
    static func segment(of header: IPHeader, _ bytes: Span<UInt8>, _ rest: Extent) -> Segment {
        let start = rest.start
        let behindHeader = start + Int(bytes[start + 12] >> 4) * 4
        // Where the capture ends among the options the numbers before them are still good.
        let payload = min(behindHeader, rest.end)
        return Segment(
            source: Endpoint(address: header.source, port: bytes.load16(start)),
            destination: Endpoint(address: header.destination, port: bytes.load16(start + 2)),
            sequence: bytes.load32(start + 4), acknowledgment: bytes.load32(start + 8),
            flags: TCPFlags(rawValue: bytes[start + 13]), window: bytes.load16(start + 14),
            payload: payload..<rest.end, missing: rest.missing - (behindHeader - payload),
            identification: header.identification == 0 ? mark(bytes, start..<payload) : header.identification,
            isReassembled: rest.isReassembled, tunnel: rest.tunnel)
    }

    /// Sixteen bits of the header after the sequence number: a copy of the packet has the same, while one that is
    /// sent again differs in its timestamp (RFC 7323 3), window or acknowledgment.
    static func mark(_ bytes: Span<UInt8>, _ header: Range<Int>) -> UInt16 {
        var mark: UInt32 = 0
        var index = header.lowerBound + 8
        while index + 4 <= header.upperBound {
            mark = mark &* 0x9e37_79b1 &+ bytes.load32(index)
            index += 4
        }
        return UInt16(truncatingIfNeeded: mark >> 16 ^ mark)
    }
}

// The TCP header (RFC 9293 3.1). Options are stepped over, checksums are not looked at.

extension Dissector {
    @inline(__always)
    func tcp(of header: IPHeader, _ bytes: Span<UInt8>, _ rest: Extent) -> Dissection {
        let start = rest.start
        guard rest.count >= 20 else {
            return .malformed(rest.count + rest.missing < 20 ? .tcpHeaderShort : .tcpHeaderCut)
        }
        let headerLength = Int(bytes[start + 12] >> 4) * 4
        let wireLength = rest.count + rest.missing
        guard headerLength >= 20, headerLength <= wireLength else { return .malformed(.tcpDataOffset) }
        // Where the capture ends among the options the numbers before them are still good.
        let payload = min(start + headerLength, rest.end)
        return .segment(
            Segment(
                source: Endpoint(address: header.source, port: bytes.load16(start)),
                destination: Endpoint(address: header.destination, port: bytes.load16(start + 2)),
                sequence: bytes.load32(start + 4), acknowledgment: bytes.load32(start + 8),
                flags: TCPFlags(rawValue: bytes[start + 13]), window: bytes.load16(start + 14),
                payload: payload..<rest.end, missing: wireLength - headerLength - (rest.end - payload),
                identification: header.identification, isReassembled: rest.isReassembled, tunnel: rest.tunnel))
    }
}

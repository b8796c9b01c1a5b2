// The packets of brief connections at a glance: from the first byte to where they are kept in one go.
//
// Where one connection is brief most are, and nearly every packet is plain: Ethernet, IP without options, fragments and extension
// headers, TCP, nothing of it missing. Such a one needs no `Segment` and no tables of headers. Any other packet, and any
// that is not of a brief connection, goes the usual way, which comes to the same for all of them.

extension Analyzer {
    /// Takes a packet if it is plain and one more of a brief connection; where it is not, nothing has become of it.
    @inline(never)
    mutating func takeAtAGlance(_ packet: CapturedPacket, capture: UInt16, _ bytes: Span<UInt8>) -> Bool {
        guard packet.linkType == 1, bytes.count >= 54 else { return false }
        guard bytes.load16(12) == 0x0800 else { return takeIPv6AtAGlance(packet, capture: capture, bytes) }
        guard bytes[14] == 0x45, bytes[23] == 6, bytes.load16(20) & 0x3fff == 0,
            let payload = Self.payload(of: bytes, header: 34, end: 14 + Int(bytes.load16(16))),
            let (index, isClient) = briefs.find(
                PlainPair(addresses: bytes.load64(26), ports: bytes.load32(34)), in: table)
        else { return false }
        return take(
            packet, capture, bytes, header: 34, payload, identification: bytes.load16(18), isClient: isClient, at: index
        )
    }

    /// The same, of a packet that is not IPv4.
    @inline(never)
    private mutating func takeIPv6AtAGlance(
        _ packet: CapturedPacket, capture: UInt16, _ bytes: Span<UInt8>
    ) -> Bool {
        guard bytes.count >= 74, bytes.load16(12) == 0x86dd, bytes[14] >> 4 == 6, bytes[20] == 6,
            let payload = Self.payload(of: bytes, header: 54, end: 54 + Int(bytes.load16(18))),
            let (index, isClient) = table.findBrief(
                Endpoint(address: IPAddress(high: bytes.load64(22), low: bytes.load64(30)), port: bytes.load16(54)),
                Endpoint(address: IPAddress(high: bytes.load64(38), low: bytes.load64(46)), port: bytes.load16(56)))
        else { return false }
        return take(packet, capture, bytes, header: 54, payload, identification: 0, isClient: isClient, at: index)
    }

    /// Where the payload of a TCP header lies, if all of it is there and is no answer that clients remember.
    @inline(__always)
    private static func payload(of bytes: Span<UInt8>, header: Int, end: Int) -> Range<Int>? {
        let start = header + Int(bytes[header + 12] >> 4) * 4
        guard start >= header + 20, start <= end, end <= bytes.count, !TLSDemands.mayBegin(in: bytes, at: start..<end)
        else { return nil }
        return start..<end
    }

    /// Takes a packet of a brief connection, whose TCP header lies there.
    @inline(__always)
    private mutating func take(
        _ packet: CapturedPacket, _ capture: UInt16, _ bytes: Span<UInt8>, header: Int, _ payload: Range<Int>,
        identification: UInt16, isClient: Bool, at index: Int
    ) -> Bool {
        let segment = BriefSegment(
            sequence: bytes.load32(header + 4), acknowledgment: bytes.load32(header + 8),
            window: bytes.load16(header + 14),
            identification: identification == 0
                ? Dissector.mark(bytes, header..<payload.lowerBound) : identification,
            flags: TCPFlags(rawValue: bytes[header + 13]), isClient: isClient)
        let mark = PacketMark(packet: packet.number, capture: capture, time: packet.time, acknowledged: nil)
        guard briefs.take(segment, bytes.extracting(payload), mark, context, at: index) else {
            unfold(index)
            return false
        }
        if briefs[index].isUntold { close(index) }
        return true
    }
}

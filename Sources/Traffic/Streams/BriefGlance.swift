// The packets of brief connections at a glance: from the first byte to where they are kept in one go.
//
// Where one connection is brief most are, and nearly every packet is plain: Ethernet, IPv4 without options and fragments, TCP,
// nothing of it missing. Such a one needs no `Segment` and no tables of headers. Any other packet, and any that is
// not of a brief connection, goes the usual way, which comes to the same for all of them.

extension Analyzer {
    /// Takes a packet if it is plain and one more of a brief connection; where it is not, nothing has become of it.
    @inline(never)
    mutating func takeAtAGlance(_ packet: CapturedPacket, capture: UInt16, _ bytes: Span<UInt8>) -> Bool {
        guard packet.linkType == 1, bytes.count >= 54, bytes.load16(12) == 0x0800, bytes[14] == 0x45, bytes[23] == 6,
            bytes.load16(20) & 0x3fff == 0
        else { return false }
        let (sequence, acknowledgment) = (bytes.load32(38), bytes.load32(42))
        let (window, identification) = (bytes.load16(48), bytes.load16(18))
        let end = 14 + Int(bytes.load16(16))
        let payload = 34 + Int(bytes[46] >> 4) * 4
        guard payload >= 54, payload <= end, end <= bytes.count,
            !TLSDemands.mayBegin(in: bytes, at: payload..<end)
        else { return false }
        let pair = PlainPair(addresses: bytes.load64(26), ports: bytes.load32(34))
        guard let (index, isClient) = briefs.find(pair, in: table) else { return false }
        let segment = BriefSegment(
            sequence: sequence, acknowledgment: acknowledgment, window: window,
            identification: identification == 0 ? Dissector.mark(bytes, 34..<payload) : identification,
            flags: TCPFlags(rawValue: bytes[47]), isClient: isClient)
        let mark = PacketMark(packet: packet.number, capture: capture, time: packet.time, acknowledged: nil)
        guard briefs.take(segment, bytes.extracting(payload..<end), mark, context, at: index) else {
            unfold(index)
            return false
        }
        if briefs[index].isUntold { close(index) }
        return true
    }
}

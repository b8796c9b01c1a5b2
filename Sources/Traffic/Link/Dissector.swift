// A packet's bytes in, a TCP segment's numbers out.
//
// Every header has a function of its own, in a file of its own, as an extension of `Dissector`: it reads its
// header, shortens the `Extent` and hands the rest to the table of what comes next (NextHeader.swift). The
// functions call one another directly, so nothing is allocated and nothing is looked up on the way; how deep
// they may go is bounded by `Extent.enter`.
//
// Two things outlive a packet: fragments waiting for the rest of their datagram, and the table of tunnel stacks.

/// Finds the TCP segment in a packet.
public struct Dissector: ~Copyable {
    var fragments: FragmentTable
    var tunnels = TunnelTable()
    /// The time of the packet being dissected.
    var now = Timestamp(nanoseconds: 0)
    /// The datagram that the last packet completed.
    private var datagram: [UInt8] = []

    public init(limits: Limits) { fragments = FragmentTable(capacity: limits.fragments) }

    /// What one packet is; `originalLength` is its length on the wire.
    public mutating func dissect(
        _ bytes: Span<UInt8>, linkType: UInt32, originalLength: Int, time: Timestamp
    ) -> Dissection {
        let packet = Extent(captured: bytes.count, original: originalLength)
        if linkType == 1, bytes.count >= 54, bytes.load32(12) & 0xffff_ff00 == 0x0800_4500, bytes[23] == 6,
            bytes.load16(20) & 0x3fff == 0
        {
            return plain(bytes, packet)
        }
        now = time
        return link(linkType, bytes, packet)
    }

    /// What nearly every packet is, without a detour through the tables.
    ///
    /// Ethernet, IPv4 without options and fragments, TCP. Says what the general way would say.
    @inline(__always)
    private func plain(_ bytes: Span<UInt8>, _ packet: Extent) -> Dissection {
        var rest = packet
        let totalLength = Int(bytes.load16(16))
        rest.start = 14
        if totalLength != 0 {
            guard totalLength >= 20 else { return .malformed(.ipv4TotalLength) }
            rest.shorten(to: totalLength)
        }
        rest.start = 34
        let header = IPHeader(
            source: IPAddress(v4: bytes.load32(26)), destination: IPAddress(v4: bytes.load32(30)),
            identification: bytes.load16(18))
        return tcp(of: header, bytes, rest)
    }

    /// The datagram in which the payload of a segment with `isReassembled` lies, until the next packet.
    public var reassembled: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get { datagram.span }
    }

    /// The VLANs and tunnels behind `Segment.tunnel`, from the outside in.
    public func tunnelNames(_ tunnel: UInt32) -> [String] { tunnels.names(tunnel) }

    /// Limits that were hit, and how often.
    public var limitsHit: [String: UInt64] {
        var hits: [String: UInt64] = [:]
        if fragments.limitHits > 0 { hits["fragments"] = fragments.limitHits }
        if tunnels.limitHits > 0 { hits["tunnels"] = tunnels.limitHits }
        return hits
    }

    /// One more label around what follows.
    mutating func label(_ rest: inout Extent, _ kind: TunnelLabel.Kind, _ number: UInt32? = nil, pair: UInt64 = 0) {
        rest.tunnel = tunnels.push(TunnelLabel(kind: kind, number: number, pair: pair), on: rest.tunnel)
    }

    /// What is left of the packet belongs `position` bytes into the datagram of `key`.
    ///
    /// When it completes the datagram, that is dissected in its place.
    mutating func fragment(
        _ key: FragmentTable.Key, nextHeader: UInt8, position: Int, isLast: Bool, header: IPHeader,
        _ bytes: Span<UInt8>, _ rest: Extent
    ) -> Dissection {
        guard rest.missing == 0 else { return .malformed(.fragmentCut) }
        guard position + rest.count <= 65_535 else { return .malformed(.fragmentBeyondEnd) }
        let added = fragments.add(
            bytes, rest.start..<rest.end, to: key, nextHeader: nextHeader, position: position, isLast: isLast, time: now
        )
        guard let whole = added else { return .fragment }
        var inner = rest
        guard inner.enter() else { return .malformed(.encapsulatedTooDeep) }
        inner.start = 0
        inner.end = whole.bytes.count
        inner.isReassembled = true
        // What is inside may be a tunnel whose own fragments are completed here: the innermost datagram is kept.
        datagram = []
        let result = payload(whole.nextHeader, of: header, whole.bytes.span, inner)
        if datagram.isEmpty { datagram = whole.bytes }
        return result
    }
}

// A packet's bytes in, a TCP segment's numbers out.
//
// Every header has a function of its own, in a file of its own, as an extension of `Dissector`: it reads its
// header, shortens the `Extent` and hands the rest to the table of what comes next (NextHeader.swift). The
// functions call one another directly, so nothing is allocated and nothing is looked up on the way; how deep
// they may go is bounded by `Extent.enter`.
//
// Two things outlive a packet: fragments waiting for the rest of their datagram, and the table of tunnel stacks.

import Ground

/// Finds the TCP segment in a packet.
public struct Dissector: ~Copyable {
    var fragments: FragmentTable
    var tunnels = TunnelTable()
    /// The time of the packet being dissected.
    var now = Timestamp(nanoseconds: 0)
    /// The last segment, for `Unwrapped.segment`.
    var found = Segment(
        source: Endpoint(address: IPAddress(v4: 0), port: 0), destination: Endpoint(address: IPAddress(v4: 0), port: 0),
        sequence: 0, acknowledgment: 0, flags: [], window: 0, payload: 0..<0)
    /// The datagram that the last packet completed.
    private var datagram: [UInt8] = []
    /// A number for the datagram of which a packet was a part: equal for its parts, most likely different for others.
    private(set) var lastDatagram: UInt64 = 0

    public init(limits: Limits) { fragments = FragmentTable(capacity: limits.fragments) }

    /// What one packet is; `originalLength` is its length on the wire.
    public mutating func dissect(
        _ bytes: Span<UInt8>, linkType: UInt32, originalLength: Int, time: Timestamp
    ) -> Dissection {
        switch unwrap(bytes, linkType: linkType, originalLength: originalLength, time: time) {
        case .segment: .segment(found)
        case .fragment: .fragment
        case .notIP(let kind): .notIP(kind)
        case .notTCP(let kind): .notTCP(kind)
        case .malformed(let fault): .malformed(fault)
        }
    }

    /// The same, with the segment left in `found`: on the way of every packet a copy of it would be felt.
    @inline(__always)
    mutating func unwrap(
        _ bytes: Span<UInt8>, linkType: UInt32, originalLength: Int, time: Timestamp
    ) -> Unwrapped {
        let packet = Extent(captured: bytes.count, original: originalLength)
        if linkType == 1, let kind = plain(bytes, packet) { return kind }
        now = time
        return link(linkType, bytes, packet)
    }

    /// What nearly every packet is, without a detour through the tables; `nil` for all others.
    ///
    /// Ethernet, with one VLAN tag at most, IP without options, fragments and extension headers, TCP whose fixed
    /// header was captured. Says what the general way would say.
    @inline(__always)
    private mutating func plain(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped? {
        guard bytes.count >= 54 else { return nil }
        var rest = packet
        var type = bytes.load16(12)
        rest.start = 14
        let isTagged = type == 0x8100
        if isTagged {
            type = bytes.load16(16)
            rest.start = 18
        }
        let at = rest.start
        let header: IPHeader
        if type == 0x0800, rest.count >= 40, bytes[at] == 0x45, bytes[at + 9] == 6,
            bytes.load16(at + 6) & 0x3fff == 0
        {
            let totalLength = Int(bytes.load16(at + 2))
            if totalLength != 0 {
                guard totalLength >= 20 else { return nil }
                rest.shorten(to: totalLength)
            }
            rest.start = at + 20
            header = IPHeader(
                source: IPAddress(v4: bytes.load32(at + 12)), destination: IPAddress(v4: bytes.load32(at + 16)),
                identification: bytes.load16(at + 4))
        } else if type == 0x86dd, rest.count >= 60, bytes[at] >> 4 == 6, bytes[at + 6] == 6 {
            rest.start = at + 40
            let length = Int(bytes.load16(at + 4))
            if length != 0 { rest.shorten(to: length) }
            header = IPHeader(
                source: IPAddress(high: bytes.load64(at + 8), low: bytes.load64(at + 16)),
                destination: IPAddress(high: bytes.load64(at + 24), low: bytes.load64(at + 32)), identification: 0)
        } else {
            return nil
        }
        if isTagged, bytes.load16(14) & 0xfff != 0 { label(&rest, .vlan, UInt32(bytes.load16(14) & 0xfff)) }
        if let fault = Self.tcpFault(bytes, rest) { return .malformed(fault) }
        found = Self.segment(of: header, bytes, rest)
        return .segment
    }

    /// The datagram in which the payload of a segment with `isReassembled` lies, until the next packet.
    public var reassembled: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get { datagram.span }
    }

    /// The VLANs and tunnels after `Segment.tunnel`, from the outside in.
    public func tunnelNames(_ tunnel: UInt32) -> [String] { tunnels.names(tunnel) }

    /// How many tunnel stacks were met: their indices are 1 to this.
    var tunnelCount: UInt32 { tunnels.count }

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
    ) -> Unwrapped {
        guard rest.missing == 0 else { return .malformed(.fragmentCut) }
        guard position + rest.count <= 65_535 else { return .malformed(.fragmentBeyondEnd) }
        lastDatagram = UInt64(truncatingIfNeeded: key.hashValue)
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

/// What the functions of the headers hand back to one another: small, so that it stays in registers on its way
/// out of many headers.
enum Unwrapped {
    /// The segment lies in `Dissector.found`.
    case segment
    case fragment
    case notIP(PacketKind)
    case notTCP(PacketKind)
    case malformed(PacketFault)
}

// A TCP segment as dissected from a packet (RFC 9293 3.1): numbers, and where its payload lies.

/// One TCP segment.
public struct Segment: Sendable {
    public var source: Endpoint
    public var destination: Endpoint
    public var sequence: UInt32
    public var acknowledgment: UInt32
    public var flags: TCPFlags
    public var window: UInt16
    /// Payload within the bytes it was dissected from: the packet, or the dissector's `reassembled` datagram.
    public var payload: Range<Int>
    /// Payload bytes that were on the wire but not captured (snapped), after `payload`.
    public var missing: Int
    /// What tells a packet sent again from a copy: the IPv4 identification or, where there is none, as in IPv6 and in
    /// datagrams that are never fragmented (RFC 6864 4.1), bits of the TCP header.
    public var identification: UInt16
    /// The payload lies in the dissector's `reassembled` bytes, not in the packet.
    public var isReassembled: Bool
    /// 0 for none, else an index into the dissector's table of tunnel stacks.
    public var tunnel: UInt32

    public init(
        source: Endpoint, destination: Endpoint, sequence: UInt32, acknowledgment: UInt32, flags: TCPFlags,
        window: UInt16, payload: Range<Int>, missing: Int = 0, identification: UInt16 = 0,
        isReassembled: Bool = false, tunnel: UInt32 = 0
    ) {
        self.source = source
        self.destination = destination
        self.sequence = sequence
        self.acknowledgment = acknowledgment
        self.flags = flags
        self.window = window
        self.payload = payload
        self.missing = missing
        self.identification = identification
        self.isReassembled = isReassembled
        self.tunnel = tunnel
    }
}

/// The control bits of a TCP header.
public struct TCPFlags: OptionSet, Sendable, Hashable, BitwiseCopyable {
    public var rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let fin = TCPFlags(rawValue: 1)
    public static let syn = TCPFlags(rawValue: 2)
    public static let rst = TCPFlags(rawValue: 4)
    public static let psh = TCPFlags(rawValue: 8)
    public static let ack = TCPFlags(rawValue: 16)
    public static let urg = TCPFlags(rawValue: 32)
}

/// What a packet turned out to be.
public enum Dissection: Sendable {
    case segment(Segment)
    /// A fragment that was kept; its datagram is not complete.
    case fragment
    /// No IP inside.
    case notIP(PacketKind)
    /// IP, but not TCP.
    case notTCP(PacketKind)
    /// Could not be dissected, and why.
    case malformed(PacketFault)
}

// The connection that an exchange travelled on.

/// How a TCP direction ended.
public enum StreamEnd: UInt8, Sendable {
    case open, fin, rst
}

/// What is known of the connection an exchange travelled on.
public struct ConnectionFacts: Sendable {
    /// The connection's first packet, and its capture above 32 bits: unique, and the same however many jobs read.
    public var id: UInt64
    public var client: Endpoint
    public var server: Endpoint
    /// VLANs and tunnels from the outside in, as words ("vlan 100").
    public var tunnels: [String] = []
    public var first: Arrival
    /// SYN seen from the client, SYN-ACK from the server.
    public var sawSYN = false
    public var sawSYNACK = false
    /// Nanoseconds from SYN to SYN-ACK and from SYN-ACK to its ACK, as seen at the tap.
    public var serverRoundTrip: Int64?
    public var clientRoundTrip: Int64?
    /// Missing bytes of each stream, as far as known when the facts were taken.
    public var gapBytes = PerDirection<Int64>(both: 0)
    /// Packets seen from each side.
    public var packets = PerDirection<UInt64>(both: 0)
    /// Payload bytes seen from each side, each stream byte once.
    public var bytes = PerDirection<Int64>(both: 0)
    public var ended = PerDirection<StreamEnd>(both: .open)
    /// How far each stream had been acknowledged by the other side.
    public var acknowledged = PerDirection<Int64>(both: 0)
    /// The packet that carried the FIN or RST of each side.
    public var endMark = PerDirection<Arrival?>(both: nil)
    /// Last packet of the connection.
    public var last: Arrival
    /// Time of the last packet of any connection when the facts were taken: so long was this one watched.
    public var observedUntil: Timestamp
    /// Retransmissions whose bytes differ from the first copy.
    public var conflicts = PerDirection<UInt32>(both: 0)
    public var duplicatePackets: UInt32 = 0
    /// Whom the connection was made for, where it began with a PROXY header that said so.
    public var proxied: ProxiedAddresses?

    public init(id: UInt64, client: Endpoint, server: Endpoint, first: Arrival) {
        self.id = id
        self.client = client
        self.server = server
        self.first = first
        self.last = first
        self.observedUntil = first.time
    }
}

/// Whom a connection was made for, as its sender said.
public struct ProxiedAddresses: Sendable, Hashable {
    public var client: Endpoint
    public var server: Endpoint

    public init(client: Endpoint, server: Endpoint) {
        self.client = client
        self.server = server
    }
}

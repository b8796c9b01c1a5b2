// What is reported of a connection when it ends, whether or not it carried an exchange.

/// Counters of one stream.
public struct StreamCounters: Sendable, Equatable {
    /// Stream bytes seen, each once.
    public var bytes: Int64 = 0
    /// Bytes from the first one to the first gap.
    public var contiguous: Int64 = 0
    public var gapBytes: Int64 = 0
    public var retransmittedBytes: Int64 = 0
    public var outOfOrderSegments: UInt64 = 0
    /// Retransmitted or overlapping runs whose bytes differ from the first copy.
    public var conflicts: UInt64 = 0
    /// SHA-256 of the contiguous bytes, where asked for.
    public var digest: [UInt8]?
    public init() {}
}

/// What spoke on a connection.
public enum ConnectionProtocol: UInt8, Sendable {
    case unknown, http, tls, http2
    public var name: String { "\(self)" }
}

/// How a connection ended.
public enum ConnectionEnd: UInt8, Sendable {
    case fin, rst, timeout, captureEnd, reused
    public var name: String {
        switch self {
        case .captureEnd, .reused: "capture-end"
        default: "\(self)"
        }
    }
}

/// One connection, ended.
public struct ConnectionRecord: Sendable {
    public var facts: ConnectionFacts
    public var application: ConnectionProtocol = .unknown
    public var startedMidstream = false
    /// Mid-stream, and the first client bytes were no request line (RULES CAP003).
    public var firstBytesUnknown = false
    /// Consistent WebSocket frame headers of both directions, where the beginning was not captured.
    public var guessedFrames: UInt32 = 0
    public var end: ConnectionEnd = .captureEnd
    public var streams = PerDirection(both: StreamCounters())
    public var packets: UInt64 = 0
    public var requests: UInt32 = 0
    public var exchanges: UInt32 = 0
    /// Only one direction had packets with payload while the other's bytes were acknowledged.
    public var oneDirection: Direction?
    /// A ClientHello was the first thing said: its server name and protocols.
    public var serverName: String?
    public var protocols: [String] = []
    public var encrypted = false
    /// The first gap of the connection.
    public var firstGap: Place?
    /// The first packet that was a copy of one seen just before, and that one (RULES CAP005).
    public var firstDuplicate: (copy: Arrival, original: Arrival)?
    /// The connection that this one is a copy of, under another VLAN or tunnel: nothing is reported of its bytes.
    public var copyOf: UInt64?
    /// Under which VLANs and tunnels copies of this connection were seen; empty text for none.
    public var copiesUnder: [String] = []
    /// First payload packet of each side.
    public var firstPayload = PerDirection<Arrival?>(both: nil)
    public var firstBytes: [UInt8] = []
    /// Requests that named upgrade in Connection without an Upgrade field (RULES UPG002), and the first of them.
    public var loneUpgradeOptions: UInt32 = 0
    public var firstLoneUpgradeOption: MessageHead?
    /// Answers to plain requests whose Upgrade names HTTP/2 (RULES RES015), and the first of them.
    public var advertisements: UInt32 = 0
    public var firstAdvertisement: MessageHead?
    /// Answers to plain requests whose Upgrade is not named in Connection (RULES RES002), and the first of them.
    public var bareUpgrades: UInt32 = 0
    public var firstBareUpgrade: MessageHead?
    public init(facts: ConnectionFacts) { self.facts = facts }
}

/// Counts over all packets.
public struct TrafficCounters: Sendable {
    public var packets: UInt64 = 0
    public var notIP: UInt64 = 0
    public var notTCP: UInt64 = 0
    public var malformed: UInt64 = 0
    /// What was not dissected, by kind.
    public var kinds = PacketKindCounts()
    public var connections: UInt64 = 0
    public var requests: UInt64 = 0
    public var exchanges: UInt64 = 0
    public var encryptedConnections: UInt64 = 0
    public var oneDirectionConnections: UInt64 = 0
    public var gapBytes: UInt64 = 0
    /// Limits that were hit, and how often.
    public var limitsHit: [String: UInt64] = [:]
    public init() {}

    /// Counts what was counted elsewhere as well.
    public mutating func add(_ other: TrafficCounters) {
        packets &+= other.packets
        notIP &+= other.notIP
        notTCP &+= other.notTCP
        malformed &+= other.malformed
        kinds.add(other.kinds)
        connections &+= other.connections
        requests &+= other.requests
        exchanges &+= other.exchanges
        encryptedConnections &+= other.encryptedConnections
        oneDirectionConnections &+= other.oneDirectionConnections
        gapBytes &+= other.gapBytes
        limitsHit.merge(other.limitsHit, uniquingKeysWith: &+)
    }
}

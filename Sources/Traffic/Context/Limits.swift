// Every ceiling in one place. A limit that was hit is a fact in the report, never a silent loss.

/// The ceilings of an analysis, for those of whom there are thousands: they refer to them and hold no copy.
final class SharedLimits: Sendable {
    let values: Limits
    init(_ values: Limits) { self.values = values }
}

/// Ceilings on what one analysis may hold.
public struct Limits: Sendable {
    /// Bytes of one HTTP head (RULES B 1).
    public var headBytes = 64 * 1024
    /// Out-of-order bytes held for one direction of one connection.
    public var heldBytes = 1024 * 1024
    /// Out-of-order bytes held for all connections together.
    public var totalHeldBytes = 64 * 1024 * 1024
    /// Client bytes kept after an unanswered offer.
    public var pendingBytes = 256 * 1024
    /// Bytes of heads, whole or not, and of what is kept after unanswered offers, for all connections together.
    public var totalPendingBytes = 1024 * 1024 * 1024
    /// Bytes kept of each direction to compare retransmissions with.
    public var compareBytes = 4 * 1024
    /// Connections followed at the same time.
    public var connections = 1 << 20
    /// Seconds, by packet time, after which a connection that is silent has ended (RFC 5382 5: at least 2 h 4 min).
    public var connectionIdleSeconds = 7440
    /// Bytes of packets held of one connection, and of all, until they show an exchange that makes them worth recording.
    public var recordingBytes = 256 * 1024
    public var totalRecordingBytes = 128 * 1024 * 1024
    /// Bytes of events that wait, while a capture is made, for a reader who is slower than they come.
    public var eventBytes = 16 * 1024 * 1024
    /// Requests that may be outstanding on one connection.
    public var outstandingRequests = 1024
    /// Exchanges of one connection kept open for what follows them.
    public var openExchanges = 16
    /// Tunnels in tunnels that are looked into.
    public var nestedTunnels = 8
    /// Anomalies kept for one exchange.
    public var anomalies = 64
    /// IP datagrams being put together.
    public var fragments = 1024
    /// Bytes of a text message being checked across frames are not kept; bytes of a control frame are (125).
    public var outstandingPings = 64
    /// An announced frame length that is called oversized (RULES WSF018).
    public var frameBytes: Int64 = 16 * 1024 * 1024
    /// Bytes, fragments and empty fragments of one message from which on it is called oversized (RULES WSF018).
    public var messageBytes: Int64 = 64 * 1024 * 1024
    public var messageFragments = 10_000
    public var emptyFragments = 100
    /// Bytes that the windows of all sessions with compressed messages take.
    public var totalInflatingBytes = 1024 * 1024 * 1024
    /// Bytes a compressed message may inflate to before it is given up, and all extreme messages of one side together
    /// (RULES WSD009).
    public var inflatedBytes: Int64 = 64 * 1024 * 1024
    /// How many times as many bytes, and how many of them, make a compressed message extreme (RULES WSD009).
    public var inflationRatio: Int64 = 200
    public var inflationBytes: Int64 = 1024 * 1024

    public init() {}

    /// Sets a limit by the name used on the command line; `false` for an unknown name.
    public mutating func set(_ name: String, to value: Int) -> Bool {
        guard value > 0 else { return false }
        if let path = Self.counts[name] {
            self[keyPath: path] = value
        } else if let path = Self.sizes[name] {
            self[keyPath: path] = Int64(value)
        } else {
            return false
        }
        return true
    }

    /// Names for `--limits`.
    public static var names: [String] { Array(counts.keys) + sizes.keys }

    private static var sizes: [String: any WritableKeyPath<Limits, Int64> & Sendable] {
        [
            "frame-bytes": \.frameBytes, "message-bytes": \.messageBytes, "inflated-bytes": \.inflatedBytes,
            "inflation-ratio": \.inflationRatio, "inflation-bytes": \.inflationBytes,
        ]
    }

    private static var counts: [String: any WritableKeyPath<Limits, Int> & Sendable] {
        [
            "head-bytes": \.headBytes, "held-bytes": \.heldBytes, "total-held-bytes": \.totalHeldBytes,
            "pending-bytes": \.pendingBytes, "total-pending-bytes": \.totalPendingBytes,
            "nested-tunnels": \.nestedTunnels, "total-inflating-bytes": \.totalInflatingBytes,
            "compare-bytes": \.compareBytes, "connections": \.connections,
            "event-bytes": \.eventBytes,
            "recording-bytes": \.recordingBytes, "total-recording-bytes": \.totalRecordingBytes,
            "connection-idle-seconds": \.connectionIdleSeconds,
            "outstanding-requests": \.outstandingRequests, "open-exchanges": \.openExchanges,
            "anomalies": \.anomalies, "fragments": \.fragments, "outstanding-pings": \.outstandingPings,
            "message-fragments": \.messageFragments, "empty-fragments": \.emptyFragments,
        ]
    }
}

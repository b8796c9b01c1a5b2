// What HTTP/2 showed after an h2c upgrade: the preface and frame counts (RFC 9113 3.4, 6; RFC 7540 3.2).

/// One side of an HTTP/2 connection.
public struct HTTP2Side: Sendable {
    /// Frames by type, 0 (DATA) to 9 (CONTINUATION); all others are counted at 10.
    public var frames = [11 of UInt64](repeating: 0)
    /// Settings as sent in the first SETTINGS frame: identifier and value; at most 16.
    public var settings: [(identifier: UInt16, value: UInt32)] = []
    /// Highest stream identifier used.
    public var highestStream: UInt32 = 0
    /// The first HEADERS on stream 1, the upgraded request (RFC 7540 3.2).
    public var firstOnUpgraded: PacketMark?
    public init() {}
}

/// A whole HTTP/2 connection.
public struct HTTP2Facts: Sendable {
    public var sides = PerDirection(both: HTTP2Side())
    /// The client's connection preface was seen.
    public var preface = false
    /// Streams opened by either side.
    public var streams: UInt64 = 0
    public init() {}

    /// Names of frame types in RFC 9113 6.
    public static let frameNames = [
        "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE",
        "CONTINUATION", "UNKNOWN",
    ]
}

// What an exchange is known by while reading, before numbers are given.

/// Capture, packet, direction, stream and offset: unique, and the same on every run.
public struct ExchangeKey: Sendable, Hashable, Comparable {
    public var capture: UInt16
    public var packet: UInt32
    public var direction: Direction
    /// The stream that the offset counts in: two requests may lie in one packet, at equal offsets of two streams.
    public var stream: StreamID
    public var offset: Int64

    public init(
        capture: UInt16, packet: UInt32, direction: Direction, stream: StreamID = .connection, offset: Int64
    ) {
        self.capture = capture
        self.packet = packet
        self.direction = direction
        self.stream = stream
        self.offset = offset
    }

    public static func < (left: ExchangeKey, right: ExchangeKey) -> Bool {
        (left.capture, left.packet, left.direction.rawValue, left.stream, left.offset)
            < (right.capture, right.packet, right.direction.rawValue, right.stream, right.offset)
    }
}

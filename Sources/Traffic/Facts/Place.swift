// Where a fact was seen.
//
// Everything that is judged later must be traceable to packets. Three words do that: the `Direction` (who sent the
// bytes), the offset in a stream (`StreamID`; in that of the connection 0 is the first byte after the SYN, or the first
// byte seen where no SYN was captured), and the `Arrival`: the packet that FIRST carried a byte, its time, and how far
// its sender had heard the opposite direction of that stream. The last one is what turns "data before the 101" from a
// guess into a proof.

/// The packet that first carried a byte, and how far its sender had heard the other side.
public struct Arrival: Sendable, Hashable, BitwiseCopyable {
    /// Packet number as Wireshark shows it: from 1, counted for each capture.
    public var packet: UInt32
    /// Index of the capture the packet stands in.
    public var capture: UInt16
    public var time: Timestamp
    /// How far the sender had received the opposite direction of the stream, in order, when it sent this.
    ///
    /// On a TCP connection the ACK field as an offset; in a stream inside another, what that means there. `nil` when
    /// it is not known.
    public var heard: Int64? {
        get { rawHeard == .min ? nil : rawHeard }
        set { rawHeard = newValue ?? .min }
    }
    var rawHeard: Int64

    public init(packet: UInt32, capture: UInt16 = 0, time: Timestamp, heard: Int64?) {
        self.packet = packet
        self.capture = capture
        self.time = time
        self.rawHeard = heard ?? .min
    }

    /// Whether this packet stands before `other` in the input: by number in one capture, by time in two of them.
    public func precedes(_ other: Arrival) -> Bool {
        capture == other.capture ? packet < other.packet : (time, capture) < (other.time, other.capture)
    }
}

/// A run of bytes of one stream, and the packets that first carried its first and its last byte.
public struct Place: Sendable, Hashable {
    public var direction: Direction
    /// The stream that the offset counts in.
    public var stream = StreamID.connection
    /// Offset of the first byte in its stream.
    public var offset: Int64
    public var length: Int64
    public var first: Arrival
    public var last: Arrival

    public init(
        direction: Direction, stream: StreamID = .connection, offset: Int64, length: Int64, first: Arrival,
        last: Arrival
    ) {
        self.direction = direction
        self.stream = stream
        self.offset = offset
        self.length = length
        self.first = first
        self.last = last
    }

    /// Offset of the byte after the run.
    public var end: Int64 { offset &+ length }
}

// Where a fact was seen.
//
// Everything that is judged later must be traceable to packets. Three words do that: the `Direction` (who
// sent the bytes), the stream offset (0 is the first byte after the SYN; the first byte seen where no SYN was
// captured) and the `PacketMark` of the packet that FIRST carried a byte: its number, its time, and how much
// of the opposite stream its sender had received when the segment was built. The last one is what turns
// "data before the 101" from a guess into a proof.

/// Who sent the bytes: the TCP peer that sent the request, or the one that answers.
@frozen
public enum Direction: UInt8, Sendable, Hashable, CaseIterable {
    case client = 0
    case server = 1

    /// The other side.
    public var opposite: Direction { self == .client ? .server : .client }
    /// 0 for the client, 1 for the server.
    public var index: Int { Int(rawValue) }
    /// The word used in reports.
    public var name: String { self == .client ? "client" : "server" }
}

/// A pair of values, one for each direction.
@frozen
public struct PerDirection<Value> {
    public var client: Value
    public var server: Value

    public init(client: Value, server: Value) {
        self.client = client
        self.server = server
    }

    public init(both value: Value) { self.init(client: value, server: value) }

    @inlinable
    public subscript(direction: Direction) -> Value {
        // Not `get`: reading one counter must not copy a whole stream.
        @inline(__always)
        _read {
            if direction == .client { yield client } else { yield server }
        }
        @inline(__always)
        _modify {
            if direction == .client { yield &client } else { yield &server }
        }
    }
}

extension PerDirection: Sendable where Value: Sendable {}
extension PerDirection: Equatable where Value: Equatable {}

/// A moment: nanoseconds since 1970-01-01T00:00:00Z, as the capture's clock had it.
public struct Timestamp: Sendable, Hashable, Comparable, BitwiseCopyable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// So many seconds later.
    func advanced(bySeconds seconds: Int) -> Timestamp {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(Int64(seconds) &* 1_000_000_000)
        return Timestamp(nanoseconds: overflow ? .max : sum)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }
    /// Nanoseconds from `earlier` to `self`; negative when the clock ran backwards.
    public func nanoseconds(since earlier: Timestamp) -> Int64 {
        let (difference, overflow) = nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        return overflow ? (nanoseconds > earlier.nanoseconds ? .max : .min) : difference
    }
}

/// The packet that first carried a byte.
public struct PacketMark: Sendable, Hashable, BitwiseCopyable {
    /// Packet number as Wireshark shows it: from 1, counted for each capture.
    public var packet: UInt32
    /// Index of the capture the packet stands in.
    public var capture: UInt16
    public var time: Timestamp
    /// The ACK field of the packet as an offset into the opposite stream: everything below it had been
    /// received, in order, by the packet's sender.
    ///
    /// `nil` when the segment had no ACK or no reference exists.
    public var acknowledged: Int64? {
        get { rawAcknowledged == .min ? nil : rawAcknowledged }
        set { rawAcknowledged = newValue ?? .min }
    }
    var rawAcknowledged: Int64

    public init(packet: UInt32, capture: UInt16 = 0, time: Timestamp, acknowledged: Int64?) {
        self.packet = packet
        self.capture = capture
        self.time = time
        self.rawAcknowledged = acknowledged ?? .min
    }

    /// Whether this packet stands before `other` in the input: by number in one capture, by time in two of them.
    public func precedes(_ other: PacketMark) -> Bool {
        capture == other.capture ? packet < other.packet : (time, capture) < (other.time, other.capture)
    }
}

/// A run of stream bytes and the packets that first carried its first and its last byte.
public struct Place: Sendable, Hashable {
    public var direction: Direction
    /// Offset of the first byte in its stream.
    public var offset: Int64
    public var length: Int64
    public var first: PacketMark
    public var last: PacketMark

    public init(direction: Direction, offset: Int64, length: Int64, first: PacketMark, last: PacketMark) {
        self.direction = direction
        self.offset = offset
        self.length = length
        self.first = first
        self.last = last
    }

    /// Offset of the byte behind the run.
    public var end: Int64 { offset &+ length }
}

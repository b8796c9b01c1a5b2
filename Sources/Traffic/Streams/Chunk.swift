// What a stream delivers: bytes in order, holes, and nothing else.

/// Bytes of one direction of a stream, in order, each once.
///
/// All of them came together: in one segment of TCP, or in one record, frame or capsule of what carries the stream.
struct Chunk: ~Escapable {
    let bytes: Span<UInt8>
    let stream: StreamID
    let direction: Direction
    /// Where the first of them stands in the stream.
    let offset: Int64
    /// The packet that first carried the first byte of what they came in; `acknowledged` counts in the opposite
    /// direction of this stream.
    ///
    /// Whoever sent them had decided on all of them by then.
    let arrival: Arrival
    /// The packet that first carried the last byte of what they came in.
    let last: Arrival

    @_lifetime(copy bytes)
    init(
        _ bytes: Span<UInt8>, _ direction: Direction, stream: StreamID = .connection, offset: Int64,
        arrival: Arrival, last: Arrival? = nil
    ) {
        self.bytes = bytes
        self.stream = stream
        self.direction = direction
        self.offset = offset
        self.arrival = arrival
        self.last = last ?? arrival
    }

    var count: Int { bytes.count }
    /// The offset of the byte after these.
    var end: Int64 { offset &+ Int64(bytes.count) }

    /// The bytes from `index` on.
    @_lifetime(copy self)
    func from(_ index: Int) -> Chunk {
        Chunk(
            bytes.extracting(index...), direction, stream: stream, offset: offset &+ Int64(index), arrival: arrival,
            last: last)
    }

    /// Where `length` bytes from `index` on stand.
    func place(at index: Int, length: Int64) -> Place {
        Place(
            direction: direction, stream: stream, offset: offset &+ Int64(index), length: length, first: arrival,
            last: last)
    }
}

/// Bytes of one direction of a stream that will never come.
struct Gap {
    var stream = StreamID.connection
    let direction: Direction
    /// The offset of the first of them, and of the byte after the last.
    let from: Int64
    let to: Int64
    /// The packet that showed it.
    let arrival: Arrival

    var length: Int64 { to &- from }
    var place: Place {
        Place(direction: direction, stream: stream, offset: from, length: length, first: arrival, last: arrival)
    }
}

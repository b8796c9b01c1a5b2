// What a connection knows of its copies, and of itself as one (RULES CAP005).

/// What is known of copies of a connection, and of it as one.
struct CopyState {
    /// The connection that this one repeats.
    var of: UInt64?
    /// The tunnel of that one.
    var tunnel: UInt32 = 0
    /// No segment has come that could tell.
    var isUndecided = false
    /// Directions read from a copy, because there was nothing else of them.
    var borrows = PerDirection(both: false)
    /// Under which VLANs and tunnels copies were seen, at most four.
    var seenUnder: [String] = []

    /// It is a copy or may be one: its segments need a second look.
    var isSpecial = false
}

extension TCPConnection {
    /// The packet in which a segment was seen here just before.
    func firstSight(of segment: Segment) -> Arrival? {
        guard client != server else { return nil }
        let direction: Direction = segment.source == client ? .client : .server
        let stream = streams[direction.index]
        guard stream.hasBase, stream.packets > 0 else { return nil }
        if segment.flags.contains(.syn) {
            guard stream.sawSYN, stream.base == segment.sequence &+ 1 else { return nil }
            return stream.counters.bytes == 0 && direction == .client ? first : last
        }
        guard stream.lastSequence == segment.sequence, stream.lastLength == segment.payload.count else { return nil }
        // By chance one of four billion has that number; none by chance that acknowledges the same bytes as well.
        let other = streams[direction.opposite.index]
        if other.hasBase, segment.flags.contains(.ack) {
            let acknowledged = other.offset(of: segment.acknowledgment)
            guard abs(acknowledged - max(other.next, other.acknowledged)) <= 1 << 24 else { return nil }
        }
        return stream.lastMark
    }

    /// Whether nothing of the direction of this segment was captured here; it is read from the copy from then on.
    mutating func lacks(_ segment: Segment) -> Bool {
        guard client != server else { return false }
        let direction: Direction = segment.source == client ? .client : .server
        if !copy.borrows[direction], streams[direction.index].packets == 0 { copy.borrows[direction] = true }
        return copy.borrows[direction]
    }
}

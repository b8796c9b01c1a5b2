// One direction of a TCP connection: sequence numbers into stream offsets (RFC 9293 3.4).
//
// Offsets count from the first byte after the SYN, or from the first byte that can be known. What comes of them in order
// is the `Assembler`'s business.

struct StreamState {
    /// Sequence number of offset 0.
    var base: UInt32 = 0
    var hasBase = false
    var sawSYN = false
    /// The bytes, in order.
    var assembler = Assembler()
    /// Highest offset the other side has acknowledged.
    var acknowledged: Int64 = 0
    /// Offset of the FIN; negative when none was seen.
    var fin: Int64 = -1
    var ended = StreamEnd.open
    /// How far an empty segment shows that its sender had come.
    var shown: Int64 = 0
    var packets: UInt64 = 0
    var counters = StreamCounters()
    var hadGap = false
    /// When the hole that is waited for was first seen to be acknowledged; 0 for never.
    var holePackets: UInt32 = 0
    var holeSince = Timestamp(nanoseconds: 0)
    var highest: Int64 = 0
    // The last segment with payload, to know a copy of it (RULES CAP005).
    var lastSequence: UInt32 = 0
    var lastLength = -1
    var lastIdentification: UInt16 = 0
    var lastMark = Arrival(packet: 0, time: Timestamp(nanoseconds: 0), heard: nil)

    /// The offset of the byte that is due.
    var next: Int64 {
        @inline(__always) get { assembler.next }
        @inline(__always) set { assembler.next = newValue }
    }
    /// What came before its turn.
    var held: [HeldSegment] {
        @inline(__always) _read { yield assembler.held }
    }
    var heldBytes: Int { assembler.heldBytes }
    /// Everything that was counted.
    var allCounters: StreamCounters {
        var all = counters
        all.conflicts = assembler.conflicts
        all.retransmittedBytes = assembler.retransmittedBytes
        all.outOfOrderSegments = assembler.outOfOrderSegments
        return all
    }

    /// The offset of a sequence number, the one nearest to the byte that is due.
    @inline(__always)
    func offset(of sequence: UInt32) -> Int64 {
        let due = base &+ UInt32(truncatingIfNeeded: next)
        return next + Int64(Int32(bitPattern: sequence &- due))
    }

    mutating func setBase(_ sequence: UInt32) {
        base = sequence
        hasBase = true
    }

    /// No byte was delivered yet, and where the stream begins was guessed.
    var isUnread: Bool { !sawSYN && counters.bytes == 0 }

    /// The stream begins at an earlier sequence number than was thought.
    mutating func rebase(_ sequence: UInt32) {
        let shift = -offset(of: sequence)
        base = sequence
        acknowledged += shift
        highest += shift
        if shown > 0 { shown += shift }
        if fin >= 0 { fin += shift }
        assembler.shift(by: shift)
    }

    /// Notes the sequence number of a segment without payload.
    @inline(__always)
    mutating func noteShown(_ sequence: UInt32) {
        let offset = offset(of: sequence)
        // Far beyond everything that was seen: of another connection, or made up.
        if offset > next, offset > shown, offset - max(highest, next) <= 1 << 20 { shown = offset }
    }

    /// One number more than there were bytes was sent or acknowledged: that of a FIN that was not captured.
    var lacksFIN: Bool { fin < 0 && held.isEmpty && (shown == next + 1 || shown <= next && acknowledged == next + 1) }

    /// Up to where bytes are known to have been sent, at the end of everything.
    var sentBytes: Int64 { fin >= 0 ? fin : lacksFIN ? next : max(shown, acknowledgedBytes) }

    /// Whether every byte and the FIN have come.
    var isFinished: Bool { fin >= 0 && next >= fin }

    /// The end of what is known to exist: bytes acknowledged by the other side, a FIN left out.
    var acknowledgedBytes: Int64 {
        if fin >= 0 { return min(acknowledged, fin) }
        // A FIN that was not captured counts as one.
        return acknowledged == next + 1 && held.isEmpty ? next : acknowledged
    }

    /// A hole is known: something is held, or acknowledged and not here.
    @inline(__always)
    var hasHole: Bool { !held.isEmpty || acknowledged > next && acknowledgedBytes > next }

    /// Nothing is waited for any more.
    mutating func dropHeld(_ context: AnalysisContext) { context.budget.heldBytes -= assembler.dropHeld() }
}

// One direction of a TCP connection: sequence numbers into stream offsets, and bytes in order (RFC 9293 3.4).
//
// Offsets count from the first byte behind the SYN, or from the first byte that can be known. `next` is the offset of
// the byte that is due: everything below it was delivered or declared missing. In-order bytes pass through without a
// copy; only what came too early is held, sorted and without overlap, within limits. The last few kilobytes that were
// delivered are kept, to tell an honest retransmission from one with other bytes.

import Ground

/// Bytes that came before their turn.
struct HeldSegment {
    var offset: Int64
    var bytes: [UInt8]
    /// Bytes behind these that were on the wire but not captured.
    var missing: Int64
    var mark: PacketMark
    var end: Int64 { offset + Int64(bytes.count) + missing }
    /// What it costs to hold it, as far as limits go: a byte alone is not held for the price of a byte.
    var cost: Int { bytes.count + Self.overhead }
    static var overhead: Int { 96 }
}

struct StreamState {
    /// Sequence number of offset 0.
    var base: UInt32 = 0
    var hasBase = false
    var sawSYN = false
    var next: Int64 = 0
    /// Highest offset the other side has acknowledged.
    var acknowledged: Int64 = 0
    /// Offset of the FIN; negative when none was seen.
    var fin: Int64 = -1
    var ended = StreamEnd.open
    /// How far an empty segment shows that its sender had come.
    var shown: Int64 = 0
    var packets: UInt64 = 0
    var held: [HeldSegment] = []
    var heldBytes = 0
    var recent = RecentBytes()
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
    var lastMark = PacketMark(packet: 0, time: Timestamp(nanoseconds: 0), acknowledged: nil)

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
        for index in held.indices { held[index].offset += shift }
        acknowledged += shift
        highest += shift
        if shown > 0 { shown += shift }
        if fin >= 0 { fin += shift }
        next = 0
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

    /// Whether bytes below `next` differ from what was delivered there; only what is still kept can be compared.
    func conflicts(_ bytes: Span<UInt8>, at offset: Int64) -> Bool {
        let keptFrom = next - Int64(recent.count)
        let from = max(offset, keptFrom)
        let to = min(offset + Int64(bytes.count), next)
        guard from < to else { return false }
        return !recent.equals(bytes.extracting(Int(from - offset)..<Int(to - offset)), from: Int(from - keptFrom))
    }

    /// Holds bytes that came too early; those already held win, or lose where `last` is asked for.
    mutating func hold(_ bytes: Span<UInt8>, at offset: Int64, missing: Int64, mark: PacketMark, last: Bool) {
        counters.outOfOrderSegments += 1
        var start = offset
        let end = offset + Int64(bytes.count)
        var index = lowerBound(offset)
        while start < end {
            if index < held.count, held[index].offset <= start {
                let existing = held[index]
                let overlapEnd = min(end, existing.offset + Int64(existing.bytes.count))
                if overlapEnd > start {
                    let from = Int(start - existing.offset)
                    let mine = bytes.extracting(Int(start - offset)..<Int(overlapEnd - offset))
                    if !mine.equals(existing.bytes.span, from: from) {
                        counters.conflicts += 1
                        if last {
                            for position in mine.indices { held[index].bytes[from + position] = mine[position] }
                        }
                    } else {
                        counters.retransmittedBytes += overlapEnd - start
                    }
                    start = overlapEnd
                }
                index += 1
                continue
            }
            let pieceEnd = index < held.count ? min(end, held[index].offset) : end
            let piece = bytes.extracting(Int(start - offset)..<Int(pieceEnd - offset)).array
            heldBytes += piece.count + HeldSegment.overhead
            held.insert(
                HeldSegment(offset: start, bytes: piece, missing: pieceEnd == end ? missing : 0, mark: mark), at: index)
            index += 1
            start = pieceEnd
        }
    }

    /// Compares bytes that are delivered now with those held, which win, or lose where `last` is asked for.
    mutating func compareHeld(_ bytes: Span<UInt8>, at start: Int64, last: Bool) {
        let end = start + Int64(bytes.count)
        var index = 0
        while index < held.count, held[index].offset < end {
            let segment = held[index]
            let from = max(start, segment.offset)
            let to = min(end, segment.offset + Int64(segment.bytes.count))
            if from < to {
                let mine = bytes.extracting(Int(from - start)..<Int(to - start))
                let position = Int(from - segment.offset)
                if mine.equals(segment.bytes.span, from: position) {
                    counters.retransmittedBytes += to - from
                } else {
                    counters.conflicts += 1
                    if last {
                        for offset in mine.indices { held[index].bytes[position + offset] = mine[offset] }
                    }
                }
            }
            index += 1
        }
    }

    /// Nothing is waited for any more.
    mutating func dropHeld(_ context: AnalysisContext) {
        context.heldBytes -= heldBytes
        held = []
        heldBytes = 0
    }

    /// Index of the first held segment that ends behind `offset`.
    private func lowerBound(_ offset: Int64) -> Int {
        var low = 0
        var high = held.count
        while low < high {
            let middle = (low + high) / 2
            if held[middle].end <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

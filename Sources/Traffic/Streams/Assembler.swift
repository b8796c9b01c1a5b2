// Bytes in order: what is due passes through without a copy, what comes too early is held.
//
// The assembler knows offsets and nothing else: no sequence numbers, roles or packets' contents. `next` is the offset of
// the byte that is due; everything before it was delivered or declared missing. What is held is sorted, without overlap,
// and ends after `next`. The last few kilobytes that were delivered are kept, to tell an honest retransmission from one
// with other bytes.

internal import Ground

/// Bytes that came before their turn.
struct HeldSegment {
    var offset: Int64
    var bytes: [UInt8]
    /// Bytes after these that were on the wire but not captured.
    var missing: Int64
    var mark: Arrival
    var end: Int64 { offset + Int64(bytes.count) + missing }
    /// What it costs to hold it, as far as limits go: a byte alone is not held for the price of a byte.
    var cost: Int { bytes.count + Self.overhead }
    static var overhead: Int { 96 }
}

/// One direction's bytes on their way into order.
struct Assembler {
    /// The offset of the byte that is due.
    var next: Int64 = 0
    /// What waits for the bytes before it.
    var held: [HeldSegment] = []
    /// The sum of what is held, as `HeldSegment.cost` counts it.
    private(set) var heldBytes = 0
    /// The last bytes that were delivered.
    var recent = RecentBytes()
    /// Runs that differ from the first copy of their bytes.
    var conflicts: UInt64 = 0
    /// Bytes that came again as they were.
    var retransmittedBytes: Int64 = 0
    /// Segments that came too early.
    private(set) var outOfOrderSegments: UInt64 = 0

    /// Whether bytes below `next` differ from what was delivered there; only what is still kept can be compared.
    func differs(_ bytes: Span<UInt8>, at offset: Int64) -> Bool {
        let keptFrom = next - Int64(recent.count)
        let from = max(offset, keptFrom)
        let to = min(offset + Int64(bytes.count), next)
        guard from < to else { return false }
        return !recent.equals(bytes.extracting(Int(from - offset)..<Int(to - offset)), from: Int(from - keptFrom))
    }

    /// Holds bytes that came too early; those already held win, or lose where `last` is asked for.
    mutating func hold(_ bytes: Span<UInt8>, at offset: Int64, missing: Int64, mark: Arrival, last: Bool) {
        outOfOrderSegments += 1
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
                        conflicts += 1
                        if last {
                            for position in mine.indices { held[index].bytes[from + position] = mine[position] }
                        }
                    } else {
                        retransmittedBytes += overlapEnd - start
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
                    retransmittedBytes += to - from
                } else {
                    conflicts += 1
                    if last {
                        for offset in mine.indices { held[index].bytes[position + offset] = mine[offset] }
                    }
                }
            }
            index += 1
        }
    }

    /// One of the held segments is delivered; it stays until `dropFirst`.
    mutating func release(_ segment: HeldSegment) { heldBytes -= segment.cost }

    /// Takes the first `count` held segments off at once: one by one would move all that is held each time.
    mutating func dropFirst(_ count: Int) { held.removeFirst(min(count, held.count)) }

    /// Nothing is waited for any more; what it cost.
    mutating func dropHeld() -> Int {
        let cost = heldBytes
        held = []
        heldBytes = 0
        return cost
    }

    /// The stream begins earlier than was thought: all offsets are greater by `shift`.
    mutating func shift(by shift: Int64) {
        for index in held.indices { held[index].offset += shift }
        next = 0
    }

    /// Index of the first held segment that ends after `offset`.
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

// From an inner stream to the one that carries it, and back.
//
// A record (frame, capsule) carries a run of inner bytes, and its receiver has none of them before it has the whole
// record (RFC 8446 5.1: a record is authenticated as one). So a sender that had received the outer stream up to a byte
// inside a record had received the inner stream up to where that record begins, and no further. The map is needed for the
// bytes between a request and its verdict only; it keeps the records of late and forgets the oldest. A stream that is
// its carrier byte by byte needs no map.

/// Where the records of one direction lay, and what they carried.
struct StreamMap {
    private struct Record {
        /// Inner bytes up to here had come with it.
        let innerEnd: Int64
        /// The whole record, in the outer stream.
        let outer: Range<Int64>
        let arrival: Arrival
        let last: Arrival
    }

    private var records: [Record] = []
    private var forgotten = 0
    /// Inner bytes before the records that are kept.
    private var innerStart: Int64 = 0
    private let limit: Int

    /// A map of at most `limit` records.
    init(limit: Int = 1024) { self.limit = max(limit, 1) }

    /// The inner stream's next offset.
    private(set) var innerEnd: Int64 = 0
    /// The outer stream was read up to here: beyond what is kept, no record ends before it.
    var readTo: Int64 = 0

    /// Takes the next record: where it lies in the outer stream, and how many inner bytes it carries.
    mutating func add(outer: Range<Int64>, carrying count: Int64, arrival: Arrival, last: Arrival) {
        innerEnd += count
        records.append(Record(innerEnd: innerEnd, outer: outer, arrival: arrival, last: last))
        guard records.count - forgotten > limit else { return }
        innerStart = records[forgotten].innerEnd
        forgotten += 1
        if forgotten > limit {
            records.removeFirst(forgotten)
            forgotten = 0
        }
    }

    /// How much of the inner stream its receiver had, having received the outer one up to `outer`.
    ///
    /// `nil` where that is not known: the record was forgotten, or is not read yet.
    func heard(_ outer: Int64?) -> Int64? {
        // It may have had a record that comes later in the capture.
        guard let outer, outer <= max(records.last?.outer.upperBound ?? 0, readTo) else { return nil }
        let kept = records[forgotten...]
        var low = kept.startIndex
        var high = kept.endIndex
        while low < high {
            let middle = (low + high) / 2
            if kept[middle].outer.upperBound <= outer { low = middle + 1 } else { high = middle }
        }
        if low > kept.startIndex { return kept[low - 1].innerEnd }
        return forgotten == 0 && innerStart == 0 ? 0 : nil
    }

    /// The records that carried these inner bytes: where they lie in the outer stream, and their packets.
    func outer(of inner: Range<Int64>) -> (range: Range<Int64>, first: Arrival, last: Arrival)? {
        let kept = records[forgotten...]
        guard let first = kept.first(where: { $0.innerEnd > inner.lowerBound }), innerStart <= inner.lowerBound,
            let last = kept.first(where: { $0.innerEnd >= inner.upperBound })
        else { return nil }
        return (first.outer.lowerBound..<last.outer.upperBound, first.arrival, last.last)
    }
}

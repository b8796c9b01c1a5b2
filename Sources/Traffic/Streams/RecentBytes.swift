// The last bytes that were delivered, to tell an honest retransmission from one with other bytes.
//
// An array while they are few, a ring once they are as many as may be kept: each byte is copied once.

import Ground

struct RecentBytes {
    private var bytes: [UInt8] = []
    /// Index of the oldest byte, once the ring is full.
    private var oldest = 0

    var count: Int { bytes.count }
    var isEmpty: Bool { bytes.isEmpty }

    mutating func removeAll() {
        bytes = []
        oldest = 0
    }

    /// Appends bytes; no more than `limit` are kept.
    mutating func append(_ new: Span<UInt8>, limit: Int) {
        if new.count >= limit {
            bytes.removeAll(keepingCapacity: true)
            bytes.append(new.extracting((new.count - limit)...))
            oldest = 0
            return
        }
        if bytes.isEmpty { bytes.reserveCapacity(min(limit, max(512, new.count))) }
        let room = limit - bytes.count
        let grown = min(max(0, room), new.count)
        if grown > 0 { bytes.append(new.extracting(0..<grown)) }
        var index = grown
        while index < new.count {
            let step = min(new.count - index, bytes.count - oldest)
            bytes.overwrite(at: oldest, with: new.extracting(index..<(index + step)))
            oldest += step
            if oldest == bytes.count { oldest = 0 }
            index += step
        }
    }

    /// Whether `other` equals the kept bytes from `start` on, counted from the oldest.
    func equals(_ other: Span<UInt8>, from start: Int) -> Bool {
        guard start >= 0, start + other.count <= bytes.count else { return false }
        let first = (oldest + start) % max(1, bytes.count)
        let run = min(other.count, bytes.count - first)
        return other.extracting(0..<run).equals(bytes.span, from: first)
            && other.extracting(run...).equals(bytes.span, from: 0)
    }
}

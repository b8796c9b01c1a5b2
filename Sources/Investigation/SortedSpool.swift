// Records in, records out in key order, with bounded memory: an external merge sort.
//
// Records are collected in one buffer. When it is full they are written to an unlinked temporary file as a
// sorted run, each with its key and length in front, and the buffer starts again. Reading merges the runs and
// what is still in the buffer; each run is read through a small window. A million records of one KiB make
// about 125 runs, and cost the buffer and a few MiB of windows. Equal keys are ordered by their bytes, so that
// the order of arrival never shows.

/// What records are ordered by.
struct SortKey: Hashable, Comparable {
    var high: UInt64
    var middle: UInt32 = 0
    var low: UInt64

    static func < (left: SortKey, right: SortKey) -> Bool {
        (left.high, left.middle, left.low) < (right.high, right.middle, right.low)
    }
}

/// Sorts any number of byte records by key.
struct SortedSpool: ~Copyable {
    private struct Entry {
        var key: SortKey
        var offset: Int
        var length: Int
    }

    /// Two MiB of entries, however small the records are.
    private static var entryLimit: Int { 1 << 16 }

    private let limit: Int
    private var buffer: [UInt8] = []
    private var entries: [Entry] = []
    private var runs: [(file: SpoolFile, range: Range<UInt64>)] = []
    private var file: SpoolFile?
    private(set) var count: UInt64 = 0

    /// `limit` is how many bytes of records are held in memory.
    init(limit: Int) { self.limit = max(limit, 256) }

    /// Whether anything was written to the temporary file.
    var hasSpilled: Bool { !runs.isEmpty }

    mutating func add(_ record: [UInt8], key: SortKey) throws(SpoolError) {
        let isFull = buffer.count + record.count > limit || entries.count >= Self.entryLimit
        if isFull, !entries.isEmpty { try spill() }
        if buffer.isEmpty { buffer.reserveCapacity(min(limit, 8 << 20)) }
        entries.append(Entry(key: key, offset: buffer.count, length: record.count))
        buffer.append(contentsOf: record)
        count += 1
    }

    /// Calls `body` with every record in key order until it answers false.
    mutating func forEach(_ body: (SortKey, [UInt8]) throws -> Bool) throws {
        var walk = try walk()
        while let (key, record) = try walk.next() {
            if try !body(key, record) { return }
        }
    }

    /// A walk over every record in key order; records that are added later are not in it.
    mutating func walk() throws -> SpoolWalk {
        sortEntries()
        // Windows of all runs together take at most 4 MiB, unless there are thousands of runs.
        let window = min(max((4 << 20) / max(runs.count, 1), 4 << 10), 64 << 10)
        var heap = RunHeap()
        for run in runs {
            var cursor = RunCursor(file: run.file, rest: run.range, window: window)
            if try cursor.advance() { heap.push(cursor) }
        }
        return SpoolWalk(heap: heap, buffer: buffer, entries: entries.map { ($0.key, $0.offset, $0.length) })
    }

    /// Takes all records of another spool: its runs stay where they are, what it held in memory is held here.
    mutating func absorb(_ other: consuming SortedSpool) {
        runs += other.runs
        let shift = buffer.count
        entries.reserveCapacity(entries.count + other.entries.count)
        for entry in other.entries {
            entries.append(Entry(key: entry.key, offset: entry.offset + shift, length: entry.length))
        }
        buffer.append(contentsOf: other.buffer)
        count += other.count
    }

    private mutating func sortEntries() {
        let held = buffer
        entries.sort { left, right in
            if left.key != right.key { return left.key < right.key }
            return held[left.offset..<(left.offset + left.length)].lexicographicallyPrecedes(
                held[right.offset..<(right.offset + right.length)])
        }
    }

    private mutating func spill() throws(SpoolError) {
        let file: SpoolFile
        if let open = self.file {
            file = open
        } else {
            file = try SpoolFile()
            self.file = file
        }
        sortEntries()
        let start = file.length
        var chunk: [UInt8] = []
        chunk.reserveCapacity(80 << 10)
        for entry in entries {
            RunCursor.writeHeader(key: entry.key, length: entry.length, to: &chunk)
            chunk.append(contentsOf: buffer[entry.offset..<(entry.offset + entry.length)])
            if chunk.count >= 64 << 10 {
                try file.append(chunk)
                chunk.removeAll(keepingCapacity: true)
            }
        }
        try file.append(chunk)
        runs.append((file, start..<file.length))
        buffer.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
    }
}

/// One walk over the records of a spool.
struct SpoolWalk {
    private var heap: RunHeap
    private let buffer: [UInt8]
    private let entries: [(key: SortKey, offset: Int, length: Int)]
    private var position = 0

    fileprivate init(heap: RunHeap, buffer: [UInt8], entries: [(key: SortKey, offset: Int, length: Int)]) {
        self.heap = heap
        self.buffer = buffer
        self.entries = entries
    }

    /// The next record; `nil` after the last.
    mutating func next() throws -> (key: SortKey, record: [UInt8])? {
        if position < entries.count {
            let entry = entries[position]
            let record = Array(buffer[entry.offset..<(entry.offset + entry.length)])
            if !heap.precedes(entry.key, record) {
                position += 1
                return (entry.key, record)
            }
        }
        return try heap.popRecord()
    }
}

/// Walks one sorted run of the file.
private struct RunCursor {
    static let headerLength = 24

    private(set) var key = SortKey(high: 0, low: 0)
    private(set) var record: [UInt8] = []
    private let file: SpoolFile
    /// What of the run was not read into the window yet.
    private var rest: Range<UInt64>
    private let windowSize: Int
    private var window: [UInt8] = []
    private var position = 0

    init(file: SpoolFile, rest: Range<UInt64>, window: Int) {
        self.file = file
        self.rest = rest
        windowSize = window
    }

    static func writeHeader(key: SortKey, length: Int, to bytes: inout [UInt8]) {
        for (value, bits) in [(key.high, 56), (key.low, 56), (UInt64(key.middle), 24), (UInt64(length), 24)] {
            for shift in stride(from: bits, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
            }
        }
    }

    /// Goes to the next record; false at the end of the run.
    mutating func advance() throws -> Bool {
        if position == window.count, rest.isEmpty { return false }
        try need(Self.headerLength)
        key = SortKey(
            high: integer(at: position, bytes: 8), middle: UInt32(integer(at: position + 16, bytes: 4)),
            low: integer(at: position + 8, bytes: 8))
        let length = Int(integer(at: position + 20, bytes: 4))
        position += Self.headerLength
        try need(length)
        record = Array(window[position..<(position + length)])
        position += length
        return true
    }

    func precedes(_ otherKey: SortKey, _ otherRecord: [UInt8]) -> Bool {
        key == otherKey ? record.lexicographicallyPrecedes(otherRecord) : key < otherKey
    }

    private func integer(at start: Int, bytes: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in start..<(start + bytes) { value = value << 8 | UInt64(window[index]) }
        return value
    }

    private mutating func need(_ count: Int) throws {
        guard window.count - position < count else { return }
        window.removeFirst(position)
        position = 0
        let missing = max(windowSize, count - window.count)
        let wanted = Int(min(UInt64(missing), rest.upperBound - rest.lowerBound))
        let bytes = try file.read(at: rest.lowerBound, count: wanted)
        rest = (rest.lowerBound + UInt64(bytes.count))..<rest.upperBound
        window.append(contentsOf: bytes)
        guard bytes.count == wanted, window.count >= count else { throw DecodingFailure() }
    }
}

/// The runs, the one with the least record on top.
private struct RunHeap {
    private var cursors: [RunCursor] = []

    /// Whether the least record of all runs stands before this one.
    func precedes(_ key: SortKey, _ record: [UInt8]) -> Bool {
        !cursors.isEmpty && cursors[0].precedes(key, record)
    }

    mutating func push(_ cursor: RunCursor) {
        cursors.append(cursor)
        var child = cursors.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard isLess(child, parent) else { return }
            cursors.swapAt(child, parent)
            child = parent
        }
    }

    mutating func popRecord() throws -> (key: SortKey, record: [UInt8])? {
        guard !cursors.isEmpty else { return nil }
        let result = (cursors[0].key, cursors[0].record)
        if try cursors[0].advance() {
            sink()
        } else if let last = cursors.popLast(), !cursors.isEmpty {
            cursors[0] = last
            sink()
        }
        return result
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < cursors.count && isLess(child, least) {
                least = child
            }
            guard least != parent else { return }
            cursors.swapAt(parent, least)
            parent = least
        }
    }

    private func isLess(_ left: Int, _ right: Int) -> Bool {
        cursors[left].precedes(cursors[right].key, cursors[right].record)
    }
}

// Datagrams being put together from fragments (RFC 791 3.2, RFC 8200 4.5).
//
// The datagrams lie in a ring: a new one takes the place of the one started longest ago. Of overlapping bytes
// the first copy counts. A datagram is complete when one run of bytes reaches from 0 to the end that its last
// fragment gave. Three ceilings: datagrams, bytes of them all, and holes in one.

/// Fragments that wait for the rest of their datagram.
struct FragmentTable {
    struct Key: Hashable {
        var source: IPAddress
        var destination: IPAddress
        var identification: UInt32
        var protocolNumber: UInt8
        var tunnel: UInt32
    }

    /// How long a datagram waits, by packet time.
    static let timeout: Int64 = 30_000_000_000
    static let maximumBytes = 16 * 1024 * 1024
    static let maximumRuns = 256

    private let capacity: Int
    private var ring: [Datagram?] = []
    private var places: [Key: Int] = [:]
    /// Datagrams ever started, and how many of them are surely gone: between the two lies the ring.
    private var started = 0
    private var gone = 0
    private var heldBytes = 0
    /// Datagrams given up because there were too many, too large or too scattered.
    private(set) var limitHits: UInt64 = 0

    init(capacity: Int) { self.capacity = max(1, capacity) }

    /// Adds the bytes of `range` at `position` of the datagram; returns the datagram when it is complete.
    mutating func add(
        _ bytes: Span<UInt8>, _ range: Range<Int>, to key: Key, nextHeader: UInt8, position: Int, isLast: Bool,
        time: Timestamp
    ) -> (bytes: [UInt8], nextHeader: UInt8)? {
        if let place = places[key], let known = ring[place], time.nanoseconds(since: known.started) > Self.timeout {
            remove(place)
        }
        let place = places[key] ?? start(key, nextHeader, time)
        let before = ring[place]?.bytes.count ?? 0
        ring[place]?.add(bytes, range, at: position, isLast: isLast)
        if position == 0 { ring[place]?.nextHeader = nextHeader }
        heldBytes += (ring[place]?.bytes.count ?? 0) - before
        guard let datagram = ring[place] else { return nil }
        if let length = datagram.length, let run = datagram.runs.first, run.lowerBound == 0, run.upperBound >= length {
            remove(place)
            return (Array(datagram.bytes.prefix(length)), datagram.nextHeader)
        }
        if datagram.runs.count > Self.maximumRuns {
            remove(place)
            limitHits &+= 1
        }
        while heldBytes > Self.maximumBytes, gone < started { dropOldest(time) }
        return nil
    }

    private mutating func start(_ key: Key, _ nextHeader: UInt8, _ time: Timestamp) -> Int {
        if started - gone >= capacity { dropOldest(time) }
        let place = started % capacity
        let datagram = Datagram(key: key, started: time, nextHeader: nextHeader)
        if place == ring.count { ring.append(datagram) } else { ring[place] = datagram }
        places[key] = place
        started += 1
        return place
    }

    private mutating func dropOldest(_ time: Timestamp) {
        let place = gone % capacity
        gone += 1
        guard let oldest = ring[place] else { return }
        if time.nanoseconds(since: oldest.started) <= Self.timeout { limitHits &+= 1 }
        remove(place)
    }

    private mutating func remove(_ place: Int) {
        guard let datagram = ring[place] else { return }
        heldBytes -= datagram.bytes.count
        places[datagram.key] = nil
        ring[place] = nil
    }
}

/// One datagram with holes.
private struct Datagram {
    let key: FragmentTable.Key
    let started: Timestamp
    var nextHeader: UInt8
    var bytes: [UInt8] = []
    /// The runs of bytes that are there: ascending, with a hole between any two.
    var runs: [Range<Int>] = []
    /// The length of the whole, once the last fragment was seen.
    var length: Int?

    init(key: FragmentTable.Key, started: Timestamp, nextHeader: UInt8) {
        self.key = key
        self.started = started
        self.nextHeader = nextHeader
    }

    mutating func add(_ source: Span<UInt8>, _ range: Range<Int>, at position: Int, isLast: Bool) {
        let end = position + range.count
        if isLast, length == nil { length = end }
        guard position < end else { return }
        if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
        var filled = position
        for run in runs where run.upperBound > filled && run.lowerBound < end {
            copy(source, range.lowerBound - position, filled..<max(filled, run.lowerBound))
            filled = run.upperBound
        }
        copy(source, range.lowerBound - position, filled..<max(filled, end))
        insert(position..<end)
    }

    private mutating func copy(_ source: Span<UInt8>, _ shift: Int, _ range: Range<Int>) {
        for index in range { bytes[index] = source[index + shift] }
    }

    private mutating func insert(_ run: Range<Int>) {
        var lower = run.lowerBound
        var upper = run.upperBound
        var before: [Range<Int>] = []
        var after: [Range<Int>] = []
        for known in runs {
            if known.upperBound < lower {
                before.append(known)
            } else if known.lowerBound > upper {
                after.append(known)
            } else {
                lower = min(lower, known.lowerBound)
                upper = max(upper, known.upperBound)
            }
        }
        runs = before + [lower..<upper] + after
    }
}

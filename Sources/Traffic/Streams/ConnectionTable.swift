// Which connection a segment belongs to: open addressing over small slots, connections in one contiguous array.
//
// The hash is symmetric, so that both directions meet in one slot. A closed connection stays for a moment, because
// its last acknowledgments are still on their way, then its place is used again: the table is as large as what is
// alive, not as what was.

struct ConnectionTable {
    private(set) var connections: ContiguousArray<Connection> = []
    /// Hash in the upper half, index + 1 in the lower; 0 is free.
    private var slots: ContiguousArray<UInt64>
    private var mask: Int
    private var free: [Int32] = []
    private var live: ContiguousArray<Bool> = []
    private(set) var count = 0
    private var sweep = 0

    init() {
        slots = ContiguousArray(repeating: 0, count: 1024)
        mask = 1023
    }

    /// A symmetric hash of a flow.
    @inline(__always)
    static func hash(_ segment: Segment) -> UInt32 { hash(addressHash(segment), tunnel: segment.tunnel) }

    /// The same, of addresses that are hashed already.
    @inline(__always)
    static func hash(_ addresses: UInt64, tunnel: UInt32) -> UInt32 {
        var both = addresses &+ UInt64(tunnel)
        both = (both ^ both >> 32) &* 0x94d0_49bb_1331_11eb
        return UInt32(truncatingIfNeeded: both >> 32)
    }

    /// A symmetric hash of the addresses alone: the same in all tunnels.
    @inline(__always)
    static func addressHash(_ segment: Segment) -> UInt64 {
        @inline(__always) func mix(_ endpoint: Endpoint) -> UInt64 {
            var value =
                (endpoint.address.low ^ endpoint.address.high &* 0x9e37_79b9_7f4a_7c15) &+ UInt64(endpoint.port) << 48
            value = (value ^ value >> 31) &* 0xbf58_476d_1ce4_e5b9
            return value ^ value >> 29
        }
        return mix(segment.source) &+ mix(segment.destination)
    }

    /// Index of the connection of a segment; `nil` when there is none.
    @inline(__always)
    func find(_ segment: Segment, hash: UInt32) -> Int? { find(segment, tunnel: segment.tunnel, hash: hash) }

    /// Index of the connection of the same addresses in that tunnel; `nil` when there is none.
    @inline(__always)
    func find(_ segment: Segment, tunnel: UInt32, hash: UInt32) -> Int? {
        var position = Int(hash) & mask
        while true {
            let slot = slots[position]
            if slot == 0 { return nil }
            if UInt32(truncatingIfNeeded: slot >> 32) == hash {
                let index = Int(UInt32(truncatingIfNeeded: slot)) - 1
                if connections[index].joins(segment.source, segment.destination, tunnel: tunnel) {
                    return index
                }
            }
            position = (position + 1) & mask
        }
    }

    mutating func insert(_ connection: consuming Connection, hash: UInt32) -> Int {
        if (count + 1) * 2 > slots.count { grow() }
        let index: Int
        if let reused = free.popLast() {
            index = Int(reused)
            connections[index] = consume connection
            live[index] = true
        } else {
            index = connections.count
            connections.append(consume connection)
            live.append(true)
            hashes.append(0)
        }
        hashes[index] = hash
        place(UInt64(hash) << 32 | UInt64(index + 1))
        count += 1
        return index
    }
    private var hashes: ContiguousArray<UInt32> = []

    subscript(index: Int) -> Connection {
        @inline(__always) _read { yield connections[index] }
        @inline(__always) _modify { yield &connections[index] }
    }

    // Asked for every packet: through the subscript the whole connection would be copied to look at one bit of it.

    @inline(__always)
    func isCopy(_ index: Int) -> Bool { connections[index].copy.isSpecial }
    @inline(__always)
    func isClosed(_ index: Int) -> Bool { connections[index].isClosed }
    @inline(__always)
    func isRetired(_ index: Int) -> Bool { connections[index].isRetired }
    @inline(__always)
    func id(_ index: Int) -> UInt64 { connections[index].id }
    /// Whether a packet on the addresses of a connection is the beginning of another (REPORT.md, `connections`).
    @inline(__always)
    func isSucceeded(_ index: Int, by segment: Segment) -> Bool {
        // The common case first: an open connection, and no SYN.
        if !connections[index].isClosed, !segment.flags.contains(.syn) { return false }
        return connections[index].isReplaced(by: segment)
    }

    func isLive(_ index: Int) -> Bool { index < live.count && live[index] }

    /// Takes a connection out; its place is free.
    mutating func remove(_ index: Int) {
        let hash = hashes[index]
        var position = Int(hash) & mask
        while slots[position] != UInt64(hash) << 32 | UInt64(index + 1) {
            if slots[position] == 0 { return }
            position = (position + 1) & mask
        }
        // Move back what was pushed on by it, so that no chain is broken.
        var hole = position
        var next = (position + 1) & mask
        while slots[next] != 0 {
            let home = Int(slots[next] >> 32) & mask
            if (next - home) & mask >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = 0
        live[index] = false
        free.append(Int32(index))
        count -= 1
    }

    /// Indices of all connections, in the order they are stored.
    var liveIndices: [Int] { live.indices.filter { live[$0] } }

    /// A connection that has been quiet: the next one met by a hand that goes round (second chance by time).
    mutating func victim(quietSince: Timestamp) -> Int? {
        var tried = 0
        var fallback: Int?
        while tried < min(live.count, 64) {
            sweep = (sweep + 1) % max(1, live.count)
            tried += 1
            guard live[sweep] else { continue }
            if connections[sweep].last.time < quietSince { return sweep }
            if fallback.map({ connections[sweep].last.time < connections[$0].last.time }) ?? true { fallback = sweep }
        }
        return fallback
    }

    private mutating func place(_ slot: UInt64) {
        var position = Int(slot >> 32) & mask
        while slots[position] != 0 { position = (position + 1) & mask }
        slots[position] = slot
    }

    private mutating func grow() {
        let old = slots
        slots = ContiguousArray(repeating: 0, count: old.count * 2)
        mask = slots.count - 1
        for slot in old where slot != 0 { place(slot) }
    }
}

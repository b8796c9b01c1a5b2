// Which connection a segment belongs to: open addressing over small slots, flows and connections in contiguous arrays.
//
// The hash is symmetric, so that both directions meet in one slot. What every packet asks stands in a flow, one cache line;
// the connection itself is large. A closed connection stays for a moment, because
// its last acknowledgments are still on their way, then its place is used again: the table is as large as what is
// alive, not as what was.

import Ground

/// What the table knows of a connection: who talks, and where its state is.
struct Flow {
    /// Who sent the first packet, and to whom.
    let one: Endpoint
    let other: Endpoint
    let tunnel: UInt32
    let hash: UInt32
    fileprivate(set) var isLive = true
    /// As `ConnectionFacts.id`.
    let id: UInt64

    init(_ segment: Segment, id: UInt64, hash: UInt32) {
        one = segment.source
        other = segment.destination
        tunnel = segment.tunnel
        self.hash = hash
        self.id = id
    }

    /// Whether these are the addresses of this flow, in either direction.
    @inline(__always)
    func joins(_ source: Endpoint, _ destination: Endpoint, tunnel: UInt32) -> Bool {
        self.tunnel == tunnel && (one == source && other == destination || other == source && one == destination)
    }
}

struct ConnectionTable: ~Copyable {
    private var connections: ContiguousArray<TCPConnection> = []
    private(set) var flows = Slab<Flow>(capacity: 64)
    /// Hash in the upper half, index + 1 in the lower; 0 is free.
    private var slots: ContiguousArray<UInt64>
    private var mask: Int
    private var free: [Int32] = []
    private(set) var count = 0
    private var sweep = 0
    /// How many flows have addresses whose hash falls there, in whatever tunnels; 255 is many, and stays.
    private var addressUses = ContiguousArray<UInt8>(repeating: 0, count: 1 << 15)

    /// Mixed into every hash: whoever made a capture does not know which of its flows will meet.
    private let seed: UInt64

    init(seed: UInt64 = .random(in: .min ... .max)) {
        self.seed = seed
        slots = ContiguousArray(repeating: 0, count: 1024)
        mask = 1023
    }

    /// A symmetric hash of a flow.
    @inline(__always)
    func hash(_ segment: Segment) -> UInt32 { hash(Self.addressHash(segment), tunnel: segment.tunnel) }

    /// The same, of addresses that are hashed already.
    @inline(__always)
    func hash(_ addresses: UInt64, tunnel: UInt32) -> UInt32 {
        var both = addresses &+ UInt64(tunnel) ^ seed
        both = (both ^ both >> 32) &* 0x94d0_49bb_1331_11eb
        return UInt32(truncatingIfNeeded: both >> 32)
    }

    /// A symmetric hash of the addresses alone: the same in all tunnels.
    @inline(__always)
    static func addressHash(_ segment: Segment) -> UInt64 { addressHash(segment.source, segment.destination) }

    @inline(__always)
    static func addressHash(_ one: Endpoint, _ other: Endpoint) -> UInt64 {
        @inline(__always) func mix(_ endpoint: Endpoint) -> UInt64 {
            var value =
                (endpoint.address.low ^ endpoint.address.high &* 0x9e37_79b9_7f4a_7c15) &+ UInt64(endpoint.port) << 48
            value = (value ^ value >> 31) &* 0xbf58_476d_1ce4_e5b9
            return value ^ value >> 29
        }
        return mix(one) &+ mix(other)
    }

    /// Index of the connection of a segment; `nil` when there is none.
    @inline(__always)
    func find(_ segment: Segment, hash: UInt32) -> Int? { find(segment, tunnel: segment.tunnel, hash: hash) }

    /// Index of the connection of the same addresses in that tunnel; `nil` when there is none.
    @inline(__always)
    func find(_ segment: Segment, tunnel: UInt32, hash: UInt32) -> Int? {
        first(of: hash) { flows[$0].joins(segment.source, segment.destination, tunnel: tunnel) }
    }

    /// Index of the first flow with that hash which is the one that is looked for.
    @inline(__always)
    func first(of hash: UInt32, where isFound: (Int) -> Bool) -> Int? {
        var position = Int(hash) & mask
        while true {
            let slot = slots[position]
            if slot == 0 { return nil }
            if UInt32(truncatingIfNeeded: slot >> 32) == hash {
                let index = Int(UInt32(truncatingIfNeeded: slot)) - 1
                if isFound(index) { return index }
            }
            position = (position + 1) & mask
        }
    }

    /// Whether a flow may have addresses with that hash, in whatever tunnel; seldom true where none has.
    func mayHave(addresses: UInt64) -> Bool { addressUses[Self.bucket(of: addresses)] > 0 }

    private static func bucket(of flow: Flow) -> Int { bucket(of: addressHash(flow.one, flow.other)) }
    private static func bucket(of addresses: UInt64) -> Int {
        Int(truncatingIfNeeded: (addresses &* 0x9e37_79b9_7f4a_7c15) >> 49)
    }

    mutating func insert(_ connection: consuming TCPConnection, _ segment: Segment, hash: UInt32) -> Int {
        let index = insert(segment, id: connection.id, hash: hash)
        if index == connections.count {
            connections.append(consume connection)
        } else {
            connections[index] = consume connection
        }
        return index
    }

    private mutating func insert(_ segment: Segment, id: UInt64, hash: UInt32) -> Int {
        if (count + 1) * (count < 1 << 16 ? 4 : 2) > slots.count { grow() }
        let flow = Flow(segment, id: id, hash: hash)
        let index: Int
        if let reused = free.popLast() {
            index = Int(reused)
            flows[index] = flow
        } else {
            index = flows.count
            flows.append(flow)
        }
        place(UInt64(hash) << 32 | UInt64(index + 1))
        count += 1
        let bucket = Self.bucket(of: flow)
        if addressUses[bucket] < 255 { addressUses[bucket] += 1 }
        return index
    }

    subscript(index: Int) -> TCPConnection {
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
    func id(_ index: Int) -> UInt64 { flows[index].id }
    /// Whether a packet on the addresses of a connection is the beginning of another (REPORT.md, `connections`).
    @inline(__always)
    func isSucceeded(_ index: Int, by segment: Segment) -> Bool {
        // The common case first: an open connection, and no SYN.
        if !connections[index].isClosed, !segment.flags.contains(.syn) { return false }
        return connections[index].isReplaced(by: segment)
    }

    func isLive(_ index: Int) -> Bool { index < flows.count && flows[index].isLive }

    /// Takes a connection out; its place is free.
    mutating func remove(_ index: Int) {
        let hash = flows[index].hash
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
        flows[index].isLive = false
        let bucket = Self.bucket(of: flows[index])
        if addressUses[bucket] < 255 { addressUses[bucket] -= 1 }
        free.append(Int32(index))
        count -= 1
    }

    /// Indices of all connections, in the order they are stored.
    var liveIndices: [Int] { (0..<flows.count).filter { flows[$0].isLive } }

    /// The next connection that a hand meets which goes round; `nil` where it met a free place.
    mutating func next() -> Int? {
        sweep = (sweep + 1) % max(1, flows.count)
        return isLive(sweep) ? sweep : nil
    }

    /// How many places there are, free ones included.
    var places: Int { flows.count }

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

// Packets of brief connections, one behind the other as they came.
//
// Each says where the one before it of the same connection lies, so that they can be gone through from the last to the first. What is
// written is never looked at again, nearly always; so it is written where the last one ended, and nothing has to be
// fetched for it. A block is used again once all connections that began in it, or in one before it, are gone.

/// A packet of a brief connection.
struct KeptPacket {
    let time: Timestamp
    let number: UInt32
    let sequence: UInt32
    let acknowledgment: UInt32
    /// Where its payload begins in the block.
    let start: UInt32
    let identification: UInt16
    let window: UInt16
    let capture: UInt16
    let length: UInt16
    let flags: TCPFlags
    let isClient: Bool
    /// Where the packet before it lies; that of the first one is its own.
    let previous: KeptPackets.Location

    var mark: PacketMark { PacketMark(packet: number, capture: capture, time: time, acknowledged: nil) }

    /// What was dissected from it.
    func segment(of flow: Flow, payload: Range<Int>) -> Segment {
        Segment(
            source: isClient ? flow.one : flow.other, destination: isClient ? flow.other : flow.one, sequence: sequence,
            acknowledgment: acknowledgment, flags: flags, window: window, payload: payload,
            identification: identification, tunnel: flow.tunnel)
    }
}

struct KeptPackets: ~Copyable {
    /// Number of the block, as far as it tells blocks apart, and of the packet in it.
    struct Location: Equatable {
        private let bits: UInt32

        @inline(__always)
        init(block: UInt32, packet: Int) {
            bits = block << KeptPackets.packetBits | UInt32(truncatingIfNeeded: packet)
        }

        var block: UInt32 { bits >> KeptPackets.packetBits }
        var packet: Int { Int(bits & (1 << KeptPackets.packetBits - 1)) }
    }

    private struct Block: ~Copyable {
        var packets = Slab<KeptPacket>(capacity: KeptPackets.packetsPerBlock)
        var payload = Slab<UInt8>(capacity: KeptPackets.bytesPerBlock)
        /// Connections that began here and are not gone.
        var connections = 0

        func payload(of packet: KeptPacket) -> [UInt8] {
            payload.array(Int(packet.start)..<(Int(packet.start) + Int(packet.length)))
        }
    }

    /// A block that is full, or empty again.
    private final class Shelved {
        let cell: UncheckedCell<Block>
        init(_ block: consuming Block) { cell = UncheckedCell(block) }
    }

    /// The block that is being filled, and its number; the ones before it, and the number of the first of them.
    private var current = Block()
    private var number: UInt32 = 0
    private var full: [Shelved] = []
    private var first: UInt32 = 0
    /// Blocks to be used again.
    private var spare: [Shelved] = []

    var blockCount: Int { full.count + 1 }
    /// Whether it lies in the block that was begun first of those that are needed still.
    func isInOldest(_ location: Location) -> Bool { place(of: location) == (full.isEmpty ? nil : 0) }
    /// More than so many packets lie in all blocks.
    func isBeyond(_ limit: Int) -> Bool { full.count > limit / Self.packetsPerBlock }

    private static var packetBits: Int { 11 }
    private static var packetsPerBlock: Int { 1 << packetBits }
    private static var bytesPerBlock: Int { 128 << 10 }

    /// Which of the full blocks it is; `nil` for the one that is being filled.
    ///
    /// There are never so many blocks at once that the numbers of two look alike.
    private func place(of location: Location) -> Int? {
        let place = Int((location.block &- first) & (.max >> Self.packetBits))
        return place < full.count ? place : nil
    }

    /// Keeps the first packet of a connection.
    mutating func begin(_ segment: BriefSegment, _ mark: PacketMark) -> Location {
        let location = location(forPayloadOf: 0)
        current.connections += 1
        append(segment, payload: 0, mark, behind: location)
        return location
    }

    /// Where the next packet will lie, if it has so much payload.
    @inline(__always)
    mutating func location(forPayloadOf count: Int) -> Location {
        if current.packets.count == Self.packetsPerBlock || current.payload.count + count > Self.bytesPerBlock {
            turn()
        }
        return Location(block: number, packet: current.packets.count)
    }

    /// Another block is begun.
    @inline(never)
    private mutating func turn() {
        let shelved = spare.popLast() ?? Shelved(Block())
        swap(&shelved.cell.value, &current)
        full.append(shelved)
        number &+= 1
    }

    /// Keeps one more, where `location(forPayloadOf:)` has said; its payload comes behind it.
    @inline(__always)
    mutating func append(
        _ segment: BriefSegment, payload count: Int, _ mark: PacketMark, behind previous: Location
    ) {
        current.packets.append(
            KeptPacket(
                time: mark.time, number: mark.packet, sequence: segment.sequence,
                acknowledgment: segment.acknowledgment, start: UInt32(truncatingIfNeeded: current.payload.count),
                identification: segment.identification, window: segment.window, capture: mark.capture,
                length: UInt16(truncatingIfNeeded: count), flags: segment.flags, isClient: segment.isClient,
                previous: previous))
    }

    /// Keeps the payload of the packet that was appended last.
    @inline(__always)
    mutating func append(_ payload: Span<UInt8>) { current.payload.append(payload) }

    /// The packet that was appended last, without payload, is not kept.
    @inline(__always)
    mutating func removeLast() { current.packets.removeLast() }

    /// A connection whose first packet lies there is gone.
    mutating func end(_ begin: Location) {
        if let place = place(of: begin) {
            full[place].cell.value.connections -= 1
        } else {
            current.connections -= 1
        }
        while let oldest = full.first, oldest.cell.value.connections == 0 {
            full.removeFirst()
            first &+= 1
            oldest.cell.value.packets.removeAll()
            oldest.cell.value.payload.removeAll()
            if spare.count < 4 { spare.append(oldest) }
        }
    }

    /// Where the packets of a connection lie, from the first to the last.
    func locations(from begin: Location, to end: Location) -> [Location] {
        var locations = [end]
        while let location = locations.last, location != begin { locations.append(packet(at: location).previous) }
        locations.reverse()
        return locations
    }

    func packet(at location: Location) -> KeptPacket {
        guard let place = place(of: location) else { return current.packets[location.packet] }
        return full[place].cell.value.packets[location.packet]
    }

    /// The payload of the packet that lies there.
    func payload(of packet: KeptPacket, at location: Location) -> [UInt8] {
        guard let place = place(of: location) else { return current.payload(of: packet) }
        return full[place].cell.value.payload(of: packet)
    }
}

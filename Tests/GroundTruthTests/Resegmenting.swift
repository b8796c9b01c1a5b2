// A capture's TCP connections, taken apart into what each side said in order, and put back together in other
// segments. The reader of packets here is a small one of its own: a mistake in the product's does not hide
// after itself.

import Foundation
import TestSupport
import Traffic

/// Something one side did: bytes in order, or the end of its stream.
struct Turn {
    enum Act { case bytes, fin, rst }
    var direction: Direction
    var act: Act
    var bytes: [UInt8]
    /// How much of the other stream its sender had received: an offset.
    var acknowledged: Int
    var time: Int64
}

/// A connection of which everything is there, from SYN on and without a hole.
struct Dialogue {
    var name: String
    var turns: [Turn]

    /// The bytes of one side.
    func stream(_ direction: Direction) -> [UInt8] {
        turns.filter { $0.direction == direction }.flatMap { $0.bytes }
    }

    /// Packets of the dialogue: each turn's bytes in pieces that end where `cut` says (offsets into the stream).
    func packets(cut: (Direction, Range<Int>) -> [Int]) -> [TimedPacket] {
        var packets: [TimedPacket] = []
        // Near the wrap for the server.
        let initial = PerDirection<UInt32>(client: 0x1000_0000, server: 0xffff_ff00)
        var sent = PerDirection(both: 0)
        var finished = PerDirection(both: 0)
        let start = turns.first?.time ?? 0
        func add(
            _ direction: Direction, _ flags: TCPFlags, _ sequence: Int, _ acknowledged: Int?,
            _ bytes: ArraySlice<UInt8>, _ time: Int64
        ) {
            let number = initial[direction] &+ 1 &+ UInt32(truncatingIfNeeded: sequence)
            let opposite = direction.opposite
            let packet = TCPPacket(
                from: Self.ends[direction], to: Self.ends[opposite], sequence: number,
                acknowledgment: acknowledged.map { initial[opposite] &+ 1 &+ UInt32(truncatingIfNeeded: $0) } ?? 0,
                flags: flags, payload: bytes)
            packets.append(TimedPacket(time: time, bytes: packet.datagram))
        }
        add(.client, .syn, -1, nil, [], start - 3000)
        add(.server, [.syn, .ack], -1, 0, [], start - 2000)
        add(.client, .ack, 0, 0, [], start - 1000)
        for turn in turns {
            let offset = sent[turn.direction]
            let acknowledged =
                turn.acknowledged
                + (finished[turn.direction.opposite] > 0 && turn.acknowledged == sent[turn.direction.opposite] ? 1 : 0)
            switch turn.act {
            case .bytes:
                let range = offset..<(offset + turn.bytes.count)
                var from = offset
                for end in cut(turn.direction, range).filter({ range.contains($0) && $0 > offset }) + [range.upperBound]
                {
                    add(
                        turn.direction, [.ack, .psh], from, acknowledged,
                        turn.bytes[(from - offset)..<(end - offset)], turn.time)
                    from = end
                }
                sent[turn.direction] = range.upperBound
            case .fin:
                add(turn.direction, [.ack, .fin], offset, acknowledged, [], turn.time)
                finished[turn.direction] = 1
            case .rst:
                add(turn.direction, [.ack, .rst], offset + finished[turn.direction], acknowledged, [], turn.time)
            }
        }
        return packets
    }

    private static let ends = PerDirection(
        client: Endpoint(address: IPAddress(v4: 0xc000_0201), port: 40000),
        server: Endpoint(address: IPAddress(v4: 0xc633_6401), port: 8080))
}

extension Dialogue {
    /// Every connection of the capture that is complete; `left` counts the others that carried bytes.
    static func all(in capture: URL, left: inout Int) -> [Dialogue] {
        var flows: [String: Flow] = [:]
        var order: [String] = []
        var incarnations: [String: Int] = [:]
        guard let reader = try? CaptureReader(path: capture.path) else { return [] }
        walk(reader) { packet, bytes in
            guard let segment = SmallSegment(bytes, linkType: packet.linkType) else { return }
            let pair = [segment.source, segment.destination].sorted().joined(separator: "-")
            if segment.flags.contains(.syn), !segment.flags.contains(.ack) {
                let known = flows["\(pair)#\(incarnations[pair] ?? 0)"]
                if known?.initial(segment.source) != segment.sequence { incarnations[pair, default: 0] += 1 }
            }
            let name = "\(pair)#\(incarnations[pair] ?? 0)"
            if flows[name] == nil {
                order.append(name)
                flows[name] = Flow()
            }
            flows[name]?.add(segment, time: packet.time.nanoseconds)
        }
        var dialogues: [Dialogue] = []
        for name in order {
            guard let flow = flows[name], flow.hasPayload else { continue }
            if let turns = flow.turns {
                dialogues.append(Dialogue(name: "\(capture.lastPathComponent) \(name)", turns: turns))
            } else {
                left += 1
            }
        }
        return dialogues
    }

    private static func walk(_ source: consuming CaptureReader, _ body: (CapturedPacket, [UInt8]) -> Void) {
        var reader = source
        var batch: [CapturedPacket] = []
        while reader.readBatch(&batch) {
            for packet in batch {
                let window = reader.window
                body(packet, packet.range.map { window[$0] })
            }
        }
    }
}

/// A TCP segment out of Ethernet, VLAN, Linux cooked or raw IP.
private struct SmallSegment {
    var source: String
    var destination: String
    var sequence: UInt32
    var acknowledgment: UInt32
    var flags: TCPFlags
    var payload: [UInt8]

    init?(_ bytes: [UInt8], linkType: UInt32) {
        func two(_ at: Int) -> Int { at + 1 < bytes.count ? Int(bytes[at]) << 8 | Int(bytes[at + 1]) : -1 }
        func four(_ at: Int) -> UInt32 { UInt32(truncatingIfNeeded: two(at) << 16 | two(at + 2)) }
        var at: Int
        switch linkType {
        case 1:
            at = 12
            while two(at) == 0x8100 || two(at) == 0x88a8 { at += 4 }
            guard two(at) == 0x0800 || two(at) == 0x86dd else { return nil }
            at += 2
        case 113: at = 16
        case 276: at = 20
        case 12, 101, 228, 229: at = 0
        default: return nil
        }
        guard bytes.count >= at + 40 else { return nil }
        var end: Int
        if bytes[at] >> 4 == 4 {
            guard bytes[at + 9] == 6, two(at + 6) & 0x3fff == 0 else { return nil }
            let total = two(at + 2)
            end = total == 0 ? bytes.count : at + total
            let header = Int(bytes[at] & 15) * 4
            source = bytes[(at + 12)..<(at + 16)].map { "\($0)" }.joined(separator: ".")
            destination = bytes[(at + 16)..<(at + 20)].map { "\($0)" }.joined(separator: ".")
            at += header
        } else if bytes[at] >> 4 == 6, bytes[at + 6] == 6 {
            end = at + 40 + two(at + 4)
            source = bytes[(at + 8)..<(at + 24)].map { "\($0)" }.joined(separator: ".")
            destination = bytes[(at + 24)..<(at + 40)].map { "\($0)" }.joined(separator: ".")
            at += 40
        } else {
            return nil
        }
        guard end <= bytes.count, at + 20 <= end else { return nil }
        let data = at + Int(bytes[at + 12] >> 4) * 4
        guard data >= at + 20, data <= end else { return nil }
        source += ":\(two(at))"
        destination += ":\(two(at + 2))"
        sequence = four(at + 4)
        acknowledgment = four(at + 8)
        flags = TCPFlags(rawValue: bytes[at + 13])
        payload = Array(bytes[data..<end])
    }
}

/// One connection being taken apart.
private struct Flow {
    private struct Side {
        var initial: UInt32?
        /// Offset after what was said in order so far.
        var next = 0
        /// Out of order, by offset.
        var held: [Int: (bytes: [UInt8], acknowledgment: UInt32, time: Int64)] = [:]
        var finAt: Int?
        var said: [(act: Turn.Act, bytes: [UInt8])] = []
    }
    private var client: String?
    private var sides = PerDirection(both: Side())
    private var acts: [(direction: Direction, act: Turn.Act, bytes: [UInt8], acknowledgment: UInt32, time: Int64)] = []
    private var broken = false
    private(set) var hasPayload = false

    func initial(_ source: String) -> UInt32? { source == client ? sides.client.initial : sides.server.initial }

    mutating func add(_ segment: SmallSegment, time: Int64) {
        if !segment.payload.isEmpty { hasPayload = true }
        if segment.flags.contains(.syn) {
            if !segment.payload.isEmpty { broken = true }
            if segment.flags.contains(.ack) {
                sides.server.initial = segment.sequence
            } else {
                client = segment.source
                sides.client.initial = segment.sequence
            }
            return
        }
        guard let client else {
            broken = true
            return
        }
        let direction: Direction = segment.source == client ? .client : .server
        guard let initial = sides[direction].initial else {
            broken = true
            return
        }
        let offset = Int(Int32(truncatingIfNeeded: segment.sequence &- initial &- 1))
        if segment.flags.contains(.rst) {
            acts.append((direction, .rst, [], segment.acknowledgment, time))
            return
        }
        // A keep-alive probe repeats one old byte; nothing before the start is data.
        if offset >= 0, !segment.payload.isEmpty, sides[direction].held[offset] == nil {
            sides[direction].held[offset] = (segment.payload, segment.acknowledgment, time)
        }
        if segment.flags.contains(.fin) { sides[direction].finAt = offset + segment.payload.count }
        deliver(direction, segment, time)
    }

    private mutating func deliver(_ direction: Direction, _ segment: SmallSegment, _ time: Int64) {
        while let from = sides[direction].held.keys.filter({ $0 <= sides[direction].next }).min(),
            let piece = sides[direction].held.removeValue(forKey: from)
        {
            let known = sides[direction].next - from
            guard piece.bytes.count > known else { continue }
            acts.append(
                (direction, .bytes, Array(piece.bytes[known...]), piece.acknowledgment, piece.time))
            sides[direction].next += piece.bytes.count - known
        }
        if sides[direction].finAt == sides[direction].next {
            sides[direction].finAt = nil
            if !acts.contains(where: { $0.direction == direction && $0.act == .fin }) {
                acts.append((direction, .fin, [], segment.acknowledgment, time))
            }
        }
    }

    /// What was said; `nil` when something is missing.
    var turns: [Turn]? {
        guard !broken, let client = sides.client.initial, let server = sides.server.initial,
            sides.client.held.isEmpty, sides.server.held.isEmpty
        else { return nil }
        let initial = PerDirection(client: client, server: server)
        var ends = PerDirection(both: 0)
        for act in acts { ends[act.direction] += act.bytes.count }
        return acts.map { act in
            let answer = Int(Int32(truncatingIfNeeded: act.acknowledgment &- initial[act.direction.opposite] &- 1))
            return Turn(
                direction: act.direction, act: act.act, bytes: act.bytes,
                acknowledged: max(0, min(answer, ends[act.direction.opposite])), time: act.time)
        }
    }
}

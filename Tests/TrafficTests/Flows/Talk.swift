// A connection written down packet by packet, and what the analyzer makes of it.

import Traffic

/// What an analyzer told.
final class Told: AnalyzerObserver {
    var exchanges: [Exchange] = []
    var connections: [ConnectionRecord] = []
    func receive(_ event: AnalyzerEvent) {
        if case .finished(let exchange) = event { exchanges.append(exchange) }
        if case .ended(let connection) = event { connections.append(connection) }
    }
}

/// Packets of one or several connections.
struct Talk {
    struct Packet {
        var time: Int64
        var bytes: [UInt8]
        var original: Int
    }

    private(set) var packets: [Packet] = []
    private var time: Int64 = 1_700_000_000_000_000_000
    private var next: (client: UInt32, server: UInt32)
    private var identification = 1
    private let port: Int
    /// What lies around the IP header: Ethernet, with these VLANs for each packet's copies.
    private let vlans: [Int?]
    /// Of which sides there are packets under each VLAN.
    private let sides: [Set<Direction>]

    init(
        port: Int = 40000, sequences: (client: UInt32, server: UInt32) = (1000, 5000), vlans: [Int?] = [nil],
        sides: [Set<Direction>]? = nil, after seconds: Int64 = 0
    ) {
        self.port = port
        self.vlans = vlans
        self.sides = sides ?? vlans.map { _ in [.client, .server] }
        next = sequences
        time += seconds * 1_000_000_000
    }

    mutating func open() {
        send(.client, flags: 0x02)
        send(.server, flags: 0x12)
        send(.client, flags: 0x10)
    }

    mutating func close() {
        send(.client, flags: 0x11)
        send(.server, flags: 0x11)
        send(.client, flags: 0x10)
    }

    /// So much time passes.
    mutating func wait(milliseconds: Int64) { time += milliseconds * 1_000_000 }

    /// The last packet comes once more.
    mutating func repeatLast() { if let last = packets.last { append(last) } }

    /// A packet comes, now.
    mutating func append(_ packet: Packet) {
        packets.append(Packet(time: time, bytes: packet.bytes, original: packet.original))
        time += 1_000_000
    }

    mutating func client(_ text: String) { send(.client, Array(text.utf8)) }
    mutating func client(_ bytes: [UInt8]) { send(.client, bytes) }
    mutating func server(_ text: String) { send(.server, Array(text.utf8)) }

    /// One packet; `trailer` stands behind the IP datagram, `snapped` bytes at its end were not captured.
    mutating func send(
        _ direction: Direction, _ payload: [UInt8] = [], flags: UInt8 = 0x18, length: Int? = nil,
        trailer: [UInt8] = [], snapped: Int = 0
    ) {
        let isClient = direction == .client
        let acknowledged = flags & 0x10 != 0 ? (isClient ? next.server : next.client) : 0
        var segment = isClient ? be16(port) + be16(80) : be16(80) + be16(port)
        segment += be32(isClient ? next.client : next.server) + be32(acknowledged)
        segment += [0x50, flags] + hex("ffff 0000 0000") + payload
        let addresses = isClient ? hex("0a000001 0a000002") : hex("0a000002 0a000001")
        let header =
            [0x45, 0] + be16(length ?? 20 + segment.count) + be16(identification) + hex("4000 40 06 0000") + addresses
        identification += 1
        let advance = UInt32(payload.count) + (flags & 0x03 != 0 ? 1 : 0)
        if isClient { next.client &+= advance } else { next.server &+= advance }
        for (vlan, sides) in zip(vlans, sides) where sides.contains(direction) {
            let datagram = header + segment + trailer
            let frame = vlan.map { ethernet(0x8100, be16($0) + hex("0800") + datagram) } ?? ethernet(0x0800, datagram)
            packets.append(Packet(time: time, bytes: Array(frame.dropLast(snapped)), original: frame.count))
            time += 20_000
        }
        time += 1_000_000
    }

    /// The same IP datagrams with something else around them.
    func wrapped(_ wrap: ([UInt8]) -> [UInt8]) -> Talk {
        var talk = self
        talk.packets = packets.map { packet in
            let bytes = wrap(Array(packet.bytes.dropFirst(14)))
            return Packet(time: packet.time, bytes: bytes, original: bytes.count)
        }
        return talk
    }

    /// The same segments in IPv6.
    func overIPv6() -> Talk {
        func address(_ last: UInt8) -> [UInt8] { hex("2001 0db8 0000 0000 0000 0000 0000 00") + [last] }
        var talk = self
        talk.packets = packets.map { packet in
            let ip = packet.bytes[14...]
            let length = max(0, (Int(ip[16]) << 8 | Int(ip[17])) - 20)
            let header = hex("6000 0000") + be16(length) + [6, 64] + address(ip[29]) + address(ip[33])
            return Packet(
                time: packet.time, bytes: ethernet(0x86dd, header + ip.dropFirst(20)), original: packet.original + 20)
        }
        return talk
    }

    static func + (left: Talk, right: Talk) -> Talk { left.together(with: [right]) }

    /// All packets in the order of their times.
    func together(with others: [Talk]) -> Talk {
        var all = self
        all.packets = (packets + others.flatMap(\.packets)).sorted { $0.time < $1.time }
        return all
    }

    /// Gives all packets to an analyzer; `look` is called behind each.
    func feed(
        _ analyzer: inout Analyzer, linkType: UInt32 = 1, look: (borrowing Analyzer) -> Void = { _ in }
    ) {
        for (index, packet) in packets.enumerated() {
            let captured = CapturedPacket(
                number: UInt32(index + 1), time: Timestamp(nanoseconds: packet.time), linkType: linkType, interface: 0,
                range: 0..<packet.bytes.count, originalLength: UInt32(packet.original))
            analyzer.receive(captured, capture: 0, bytes: packet.bytes.span)
            look(analyzer)
        }
    }

    /// Everything an analyzer tells of the packets.
    func told(
        _ options: AnalyzerOptions = AnalyzerOptions(), linkType: UInt32 = 1
    ) -> (told: Told, counters: TrafficCounters) {
        let told = Told()
        var analyzer = Analyzer(options: options, output: told)
        feed(&analyzer, linkType: linkType)
        analyzer.finish()
        told.exchanges.sort { $0.key < $1.key }
        told.connections.sort { $0.facts.id < $1.facts.id }
        return (told, analyzer.counters)
    }
}

func be32(_ number: UInt32) -> [UInt8] { be16(Int(number >> 16)) + be16(Int(number & 0xffff)) }

let webSocketRequest = """
    GET /chat HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n
    """
let webSocketAnswer = """
    HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n
    """

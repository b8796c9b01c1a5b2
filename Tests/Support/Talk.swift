// A connection written down packet by packet: the one builder of traffic. What a test says is in the packets; everything
// else (numbers, times, addresses) has a value that is right.

public import Traffic

/// Packets of one or several connections.
public struct Talk {
    public private(set) var packets: [TimedPacket] = []
    /// When the next packet comes.
    public private(set) var time: Int64
    private var next: PerDirection<UInt32>
    private var identification: UInt16 = 1
    private let ends: PerDirection<Endpoint>
    /// From one packet to the next.
    private let interval: Int64
    /// What lies around the IP header: Ethernet, with these VLANs for each packet's copies.
    private let vlans: [Int?]
    /// Of which sides there are packets under each VLAN.
    private let sides: [Set<Direction>]

    public init(
        port: Int = 40000, client: UInt32 = 0x0a00_0001, server: UInt32 = 0x0a00_0002,
        sequences: (client: UInt32, server: UInt32) = (1000, 5000), vlans: [Int?] = [nil],
        sides: [Set<Direction>]? = nil,
        start: Int64 = 1_700_000_000, after seconds: Int64 = 0, interval: Int64 = 1_000_000
    ) {
        ends = PerDirection(
            client: Endpoint(address: IPAddress(v4: client), port: UInt16(port)),
            server: Endpoint(address: IPAddress(v4: server), port: 80))
        self.vlans = vlans
        self.sides = sides ?? vlans.map { _ in [.client, .server] }
        self.interval = interval
        next = PerDirection(client: sequences.client, server: sequences.server)
        time = (start + seconds) * 1_000_000_000
    }

    /// The three packets of the handshake.
    public mutating func open() {
        send(.client, flags: .syn)
        send(.server, flags: [.syn, .ack])
        send(.client, flags: .ack)
    }

    /// Both ends, and the last acknowledgment.
    public mutating func close() {
        send(.client, flags: [.fin, .ack])
        send(.server, flags: [.fin, .ack])
        send(.client, flags: .ack)
    }

    public mutating func client(_ text: String) { send(.client, Array(text.utf8)) }
    public mutating func client(_ bytes: [UInt8]) { send(.client, bytes) }
    public mutating func server(_ text: String) { send(.server, Array(text.utf8)) }
    public mutating func server(_ bytes: [UInt8]) { send(.server, bytes) }

    /// So much time passes.
    public mutating func wait(milliseconds: Int64) { time += milliseconds * 1_000_000 }

    /// The last packet comes once more.
    public mutating func repeatLast() { if let last = packets.last { append(last) } }

    /// A packet comes, now.
    public mutating func append(_ packet: TimedPacket) {
        packets.append(TimedPacket(time: time, bytes: packet.bytes, original: packet.original))
        time += interval
    }

    /// Sent, but not captured.
    public mutating func lose(_ direction: Direction, _ payload: [UInt8]) {
        next[direction] &+= UInt32(payload.count)
    }

    /// One packet; `trailer` comes after the IP datagram, `snapped` bytes at its end were not captured.
    ///
    /// It goes on where its side is, and acknowledges everything that the other one sent, unless it says otherwise.
    public mutating func send(
        _ direction: Direction, _ payload: [UInt8] = [], flags: TCPFlags = [.ack, .psh], sequence: UInt32? = nil,
        acknowledgment: UInt32? = nil, statedLength: Int? = nil, trailer: [UInt8] = [], snapped: Int = 0
    ) {
        let packet = TCPPacket(
            from: ends[direction], to: ends[direction.opposite], sequence: sequence ?? next[direction],
            acknowledgment: acknowledgment ?? (flags.contains(.ack) ? next[direction.opposite] : 0), flags: flags,
            payload: payload[...], identification: identification, statedLength: statedLength)
        identification &+= 1
        if sequence == nil {
            let isCounted = flags.contains(.syn) || flags.contains(.fin)
            next[direction] &+= UInt32(payload.count) + (isCounted ? 1 : 0)
        }
        let datagram = packet.datagram + trailer
        for (vlan, sides) in zip(vlans, sides) where sides.contains(direction) {
            let frame = vlan.map { ethernet(0x8100, be16($0) + hex("0800") + datagram) } ?? ethernet(0x0800, datagram)
            packets.append(TimedPacket(time: time, bytes: Array(frame.dropLast(snapped)), original: frame.count))
            time += 20_000
        }
        time += interval - 20_000
    }

    /// The same IP datagrams with something else around them.
    public func wrapped(_ wrap: ([UInt8]) -> [UInt8]) -> Talk {
        var talk = self
        talk.packets = packets.map { TimedPacket(time: $0.time, bytes: wrap(Array($0.bytes.dropFirst(14)))) }
        return talk
    }

    /// The same segments in IPv6.
    public func overIPv6() -> Talk {
        func address(_ last: UInt8) -> [UInt8] { hex("2001 0db8 0000 0000 0000 0000 0000 00") + [last] }
        var talk = self
        talk.packets = packets.map { packet in
            let ip = packet.bytes[14...]
            let length = max(0, (Int(ip[16]) << 8 | Int(ip[17])) - 20)
            let header = hex("6000 0000") + be16(length) + [6, 64] + address(ip[29]) + address(ip[33])
            return TimedPacket(
                time: packet.time, bytes: ethernet(0x86dd, header + ip.dropFirst(20)), original: packet.original + 20)
        }
        return talk
    }

    public static func + (left: Talk, right: Talk) -> Talk { left.together(with: [right]) }

    /// All packets in the order of their times.
    public func together(with others: [Talk]) -> Talk {
        var all = self
        let packets = packets + others.flatMap(\.packets)
        all.packets = packets.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
            .map(\.element)
        return all
    }

    /// A capture file of it.
    public var pcap: [UInt8] { packets.pcap }
}

/// The handshake of RFC 6455 1.3, as short as may be.
public enum Handshake {
    /// The key of the RFC's example.
    public static let key = "dGhlIHNhbXBsZSBub25jZQ=="

    /// The offer; `more` are lines of its own, each with its CRLF.
    public static func request(host: String = "example.org", connection: String = "Upgrade", _ more: String = "")
        -> String
    {
        "GET /chat HTTP/1.1\r\nHost: \(host)\r\nUpgrade: websocket\r\nConnection: \(connection)\r\n"
            + "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: 13\r\n\(more)\r\n"
    }

    /// The 101.
    public static func response(_ more: String = "") -> String {
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\(more)\r\n"
    }
}

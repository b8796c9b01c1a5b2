// Small captures made of conversations: pcap, Ethernet, IPv4, TCP.

/// Writes one connection packet by packet.
struct TestCapture {
    private(set) var bytes: [UInt8]
    private var sequence: (client: UInt32, server: UInt32) = (1000, 5000)
    private var time: UInt64
    private let clientPort: UInt16

    /// A capture whose first packet stands at `start` seconds.
    init(start: UInt64 = 1_700_000_000, clientPort: UInt16 = 40000) {
        bytes = Self.little32(0xa1b2_c3d4) + Self.little16(2) + Self.little16(4)
        bytes += Self.little32(0) + Self.little32(0) + Self.little32(65535) + Self.little32(1)
        time = start * 1_000_000
        self.clientPort = clientPort
    }

    /// The three packets that open a connection.
    mutating func open() {
        packet(fromClient: true, flags: 0x02, payload: [])
        sequence.client &+= 1
        packet(fromClient: false, flags: 0x12, payload: [])
        sequence.server &+= 1
        packet(fromClient: true, flags: 0x10, payload: [])
    }

    mutating func client(_ payload: String) { client(Array(payload.utf8)) }

    mutating func client(_ payload: [UInt8]) {
        packet(fromClient: true, flags: 0x18, payload: payload)
        sequence.client &+= UInt32(payload.count)
    }

    mutating func server(_ payload: String) { server(Array(payload.utf8)) }

    mutating func server(_ payload: [UInt8]) {
        packet(fromClient: false, flags: 0x18, payload: payload)
        sequence.server &+= UInt32(payload.count)
    }

    /// The packets that close it.
    mutating func close() {
        packet(fromClient: true, flags: 0x11, payload: [])
        sequence.client &+= 1
        packet(fromClient: false, flags: 0x11, payload: [])
        sequence.server &+= 1
        packet(fromClient: true, flags: 0x10, payload: [])
    }

    private mutating func packet(fromClient: Bool, flags: UInt8, payload: [UInt8]) {
        let client: [UInt8] = [192, 0, 2, 10]
        let server: [UInt8] = [198, 51, 100, 1]
        let acknowledges = flags & 0x10 != 0
        var tcp = fromClient ? Self.big16(clientPort) + Self.big16(80) : Self.big16(80) + Self.big16(clientPort)
        tcp += Self.big32(fromClient ? sequence.client : sequence.server)
        tcp += Self.big32(acknowledges ? (fromClient ? sequence.server : sequence.client) : 0)
        tcp += [0x50, flags, 0xff, 0xff, 0, 0, 0, 0]
        var ip: [UInt8] = [0x45, 0] + Self.big16(UInt16(20 + tcp.count + payload.count))
        ip += [0, 1, 0x40, 0, 64, 6, 0, 0]
        ip += fromClient ? client + server : server + client
        let frame: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0] + ip + tcp + payload
        bytes += Self.little32(UInt32(time / 1_000_000)) + Self.little32(UInt32(time % 1_000_000))
        bytes += Self.little32(UInt32(frame.count)) + Self.little32(UInt32(frame.count)) + frame
        time += 1000
    }

    private static func little16(_ value: UInt16) -> [UInt8] { big16(value).reversed() }
    private static func little32(_ value: UInt32) -> [UInt8] { big32(value).reversed() }
    private static func big16(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
    private static func big32(_ value: UInt32) -> [UInt8] {
        big16(UInt16(value >> 16)) + big16(UInt16(value & 0xffff))
    }
}

extension TestCapture {
    static let answer = """
        HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n
        """

    static func request(connection: String = "Upgrade") -> String {
        """
        GET /chat HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: \(connection)\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n
        """
    }

    /// A WebSocket session that does everything right.
    static func clean(start: UInt64 = 1_700_000_000) -> [UInt8] {
        var capture = TestCapture(start: start)
        capture.open()
        capture.client(request())
        capture.server(answer)
        capture.client([0x81, 0x82, 1, 2, 3, 4, 0x68 ^ 1, 0x69 ^ 2])
        capture.client([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])
        capture.server([0x88, 0x02, 0x03, 0xe8])
        capture.close()
        return capture.bytes
    }

    /// The request does not name `upgrade` in Connection: UPG001.
    static func faulty(start: UInt64 = 1_700_000_000) -> [UInt8] {
        var capture = TestCapture(start: start)
        capture.open()
        capture.client(request(connection: "keep-alive"))
        capture.server(answer)
        capture.close()
        return capture.bytes
    }
}

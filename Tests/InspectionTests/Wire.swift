// A conversation as it goes over the wire: steps in, Ethernet packets out, and what the analyzer makes of them.
//
// Each step is one segment. A segment acknowledges everything the other side has sent so far, unless the step
// says otherwise: that is all it takes to write down who knew what when.

@_spi(Judging) import Inspection
import TestSupport
import Traffic

/// One thing that happens.
enum Step {
    case client([UInt8])
    case server([UInt8])
    /// The client sends without having received anything since its last segment.
    case early([UInt8])
    /// The client sends when it has only that many bytes of what the server sent since its last segment.
    case partial([UInt8], seen: Int)
    /// The server sends while that many of the client's bytes have not arrived.
    case hasty([UInt8], missing: Int)
    /// Sent and received, but not captured.
    case lostClient([UInt8])
    case lostServer([UInt8])
    /// A bare acknowledgment.
    case clientACK
    case clientFIN
    case serverFIN
    case clientRST
    /// The last packet is captured once more.
    case again
    case wait(seconds: Double)

    static func client(_ text: String) -> Step { .client(Array(text.utf8)) }
    static func server(_ text: String) -> Step { .server(Array(text.utf8)) }
    static func early(_ text: String) -> Step { .early(Array(text.utf8)) }
    static func client(_ head: Head) -> Step { .client(head.bytes) }
    static func server(_ head: Head) -> Step { .server(head.bytes) }
    static func client(hex: String) -> Step { .client(bytes(hex)) }
    static func server(hex: String) -> Step { .server(bytes(hex)) }
    static func early(hex: String) -> Step { .early(bytes(hex)) }
    static func early(_ head: Head) -> Step { .early(head.bytes) }
}

/// "81 05" as bytes.
func bytes(_ text: String) -> [UInt8] { hex(text) }

/// A head that is written down once and changed line by line.
struct Head {
    var line: String
    var fields: [(String, String)]

    init(_ line: String, _ fields: [(String, String)] = []) {
        self.line = line
        self.fields = fields
    }

    func with(_ name: String, _ value: String) -> Head {
        var head = self
        if let index = head.fields.firstIndex(where: { $0.0 == name }) {
            head.fields[index].1 = value
        } else {
            head.fields.append((name, value))
        }
        return head
    }
    func adding(_ name: String, _ value: String) -> Head { Head(line, fields + [(name, value)]) }
    func without(_ name: String) -> Head { Head(line, fields.filter { $0.0 != name }) }
    func line(_ line: String) -> Head { Head(line, fields) }

    var text: String { line + "\r\n" + fields.map { "\($0.0): \($0.1)\r\n" }.joined() + "\r\n" }
    var bytes: [UInt8] { Array(text.utf8) }

    static func + (head: Head, more: String) -> [UInt8] { head.bytes + Array(more.utf8) }
    static func + (head: Head, more: [UInt8]) -> [UInt8] { head.bytes + more }

    // The baselines of the catalogue.
    static let ws = Head(
        "GET /chat HTTP/1.1",
        [
            ("Host", "server.example.com"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13"),
            ("Origin", "http://server.example.com"),
        ])
    static let wsAnswer = Head(
        "HTTP/1.1 101 Switching Protocols",
        [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ])
    static let h2c = Head(
        "GET / HTTP/1.1",
        [
            ("Host", "server.example.com"), ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
        ])
    static let h2cAnswer = Head(
        "HTTP/1.1 101 Switching Protocols", [("Connection", "Upgrade"), ("Upgrade", "h2c")])
    static let udp = Head(
        "GET /.well-known/masque/udp/192.0.2.6/443/ HTTP/1.1",
        [
            ("Host", "example.org"), ("Connection", "Upgrade"), ("Upgrade", "connect-udp"),
            ("Capsule-Protocol", "?1"),
        ])
    static let udpAnswer = Head(
        "HTTP/1.1 101 Switching Protocols",
        [("Connection", "Upgrade"), ("Upgrade", "connect-udp"), ("Capsule-Protocol", "?1")])
    static let connect = Head(
        "CONNECT server.example.com:443 HTTP/1.1", [("Host", "server.example.com:443")])
    static let get = Head("GET / HTTP/1.1", [("Host", "server.example.com")])
    static func tls(_ line: String = "OPTIONS * HTTP/1.1") -> Head {
        Head(line, [("Host", "server.example.com"), ("Connection", "Upgrade"), ("Upgrade", "TLS/1.2")])
    }
    static let tlsAnswer = Head(
        "HTTP/1.1 101 Switching Protocols", [("Connection", "Upgrade"), ("Upgrade", "TLS/1.2, HTTP/1.1")])
    static func foo(_ line: String = "GET / HTTP/1.1") -> Head {
        Head(line, [("Host", "server.example.com"), ("Connection", "Upgrade"), ("Upgrade", "tcp")])
    }
    static let fooAnswer = Head(
        "HTTP/1.1 101 Switching Protocols", [("Connection", "Upgrade"), ("Upgrade", "tcp")])
    /// An answer with empty content.
    static func answer(_ status: String, _ fields: [(String, String)] = []) -> Head {
        Head("HTTP/1.1 " + status, fields + [("Content-Length", "0")])
    }
}

/// Puts steps into packets.
struct Wire {
    var client: (address: UInt32, port: UInt16) = (0xc633_6407, 49152)
    var server: (address: UInt32, port: UInt16) = (0xcb00_7105, 80)
    /// Without the handshake the capture starts inside the connection.
    var handshake = true
    /// The packets of this side were not captured.
    var unseen: Direction?

    private var packets: [TimedPacket] = []
    private var now: Int64 = 1_700_000_000_000_000_000
    private var identification: UInt16 = 1
    private var sent = PerDirection<UInt32>(both: 0)
    private var lastAck = PerDirection<UInt32>(both: 0)

    /// What the analyzer makes of a conversation.
    static func run(
        _ steps: [Step], handshake: Bool = true, unseen: Direction? = nil, loopback: Bool = false,
        options: AnalyzerOptions = AnalyzerOptions()
    ) -> Listener {
        var wire = Wire()
        wire.handshake = handshake
        wire.unseen = unseen
        if loopback {
            wire.client.address = 0x7f00_0001
            wire.server.address = 0x7f00_0001
        }
        wire.play(steps)
        return Analyzer.listen(to: wire.packets, options: options)
    }

    /// What the analyzer makes of several conversations in one capture.
    static func run(_ talks: [Session], _ options: AnalyzerOptions = AnalyzerOptions()) -> Listener {
        let packets = talks.flatMap { talk in
            var wire = Wire()
            wire.client = (talk.client == Session.proxy ? 0xcb00_7105 : 0xc633_6400 | talk.client, talk.port)
            wire.server = (0xcb00_7100 | talk.server, 80)
            wire.now += Int64(talk.start * 1_000_000_000)
            wire.play(talk.steps)
            return wire.packets
        }
        let inOrder = packets.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        return Analyzer.listen(to: inOrder.map(\.element), options: options)
    }

    private mutating func play(_ steps: [Step]) {
        if handshake {
            segment(.client, [], flags: .syn, sequence: startClient &- 1, ack: 0)
            segment(.server, [], flags: [.syn, .ack], sequence: startServer &- 1, ack: startClient)
            segment(.client, [], flags: .ack)
        }
        for step in steps {
            now += 10_000_000
            switch step {
            case .client(let bytes): send(.client, bytes)
            case .server(let bytes): send(.server, bytes)
            case .early(let bytes): send(.client, bytes, ack: lastAck.client)
            case .partial(let bytes, let seen): send(.client, bytes, ack: lastAck.client &+ UInt32(seen))
            case .hasty(let bytes, let missing): send(.server, bytes, ack: sent.client &- UInt32(missing))
            case .lostClient(let bytes): sent.client &+= UInt32(bytes.count)
            case .lostServer(let bytes): sent.server &+= UInt32(bytes.count)
            case .clientACK: segment(.client, [], flags: .ack)
            case .clientFIN: segment(.client, [], flags: [.fin, .ack])
            case .serverFIN: segment(.server, [], flags: [.fin, .ack])
            case .clientRST: segment(.client, [], flags: [.rst, .ack])
            case .again:
                if let last = packets.last { packets.append(TimedPacket(time: last.time + 1_000, bytes: last.bytes)) }
            case .wait(let seconds): now += Int64(seconds * 1_000_000_000)
            }
        }
    }

    private var startClient: UInt32 { 1001 }
    private var startServer: UInt32 { 5001 }

    private mutating func send(_ direction: Direction, _ bytes: [UInt8], ack: UInt32? = nil) {
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + 1400)
            segment(
                direction, Array(bytes[start..<end]), flags: [.ack, .psh],
                ack: ack.map { $0 &+ base(direction.opposite) })
            sent[direction] &+= UInt32(end - start)
            start = end
        }
    }

    private func base(_ direction: Direction) -> UInt32 { direction == .client ? startClient : startServer }

    private mutating func segment(
        _ direction: Direction, _ payload: [UInt8], flags: TCPFlags, sequence: UInt32? = nil, ack: UInt32? = nil
    ) {
        let acknowledgment = ack ?? base(direction.opposite) &+ sent[direction.opposite]
        lastAck[direction] = acknowledgment &- base(direction.opposite)
        if unseen == direction { return }
        func end(_ side: (address: UInt32, port: UInt16)) -> Endpoint {
            Endpoint(address: IPAddress(v4: side.address), port: side.port)
        }
        let (source, destination) = direction == .client ? (client, server) : (server, client)
        let packet = TCPPacket(
            from: end(source), to: end(destination), sequence: sequence ?? base(direction) &+ sent[direction],
            acknowledgment: acknowledgment, flags: flags, payload: payload[...], identification: identification)
        packets.append(TimedPacket(time: now, bytes: packet.frame))
        identification &+= 1
        now += 1_000_000
    }
}

/// One conversation among others.
struct Session {
    /// The client is what the others call server 5.
    static let proxy: UInt32 = 256

    /// Seconds after the start of the capture.
    var start: Double
    /// Last bytes of the addresses.
    var client: UInt32 = 7
    var port: UInt16
    var server: UInt32 = 5
    var steps: [Step]
}

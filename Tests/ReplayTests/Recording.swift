// A conversation between a client and a server, written down line by line, as a recording or as packets.

import Inspection
import Replay
import Traffic

/// Makes recorded sessions of what a test says.
struct Recording: ~Copyable {
    private var packets = ConnectionPackets(
        client: Endpoint(address: IPAddress(v4: 0xc000_0201), port: 40000),
        server: Endpoint(address: IPAddress(v4: 0xc000_0202), port: 80))
    private let recorder: SessionRecorder
    private var analyzer: Analyzer
    private var number: UInt32 = 0
    private(set) var time = Timestamp(nanoseconds: 1_700_000_000_000_000_000)

    init(keepsRaw: Bool = false) {
        recorder = SessionRecorder(keepsRaw: keepsRaw)
        var options = AnalyzerOptions()
        options.transcript = .all
        analyzer = Analyzer(options: options, output: recorder)
        for packet in packets.open() { take(packet) }
    }

    mutating func client(_ text: String) { client(Array(text.utf8)) }
    mutating func server(_ text: String) { server(Array(text.utf8)) }
    mutating func client(_ bytes: [UInt8]) { take(packets.data(.client, bytes[...])) }
    mutating func server(_ bytes: [UInt8]) { take(packets.data(.server, bytes[...])) }
    mutating func end(_ direction: Direction, reset: Bool = false) { take(packets.end(direction, reset: reset)) }
    mutating func wait(milliseconds: Int64) { time.nanoseconds += milliseconds * 1_000_000 }

    consuming func sessions() -> [RecordedSession] {
        analyzer.finish()
        return recorder.sessions()
    }

    private mutating func take(_ packet: [UInt8]) {
        number += 1
        time.nanoseconds += 100_000
        let captured = CapturedPacket(
            number: number, time: time, linkType: ConnectionPackets.linkType, interface: 0, range: 0..<packet.count,
            originalLength: UInt32(packet.count))
        analyzer.receive(captured, capture: 0, bytes: packet.span)
    }
}

/// Frames, written short.
enum Frame {
    static func client(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        var bytes: [UInt8] = []
        FrameEncoder.frame(opcode, payload[...], isFinal: isFinal, mask: 0x0102_0304, into: &bytes)
        return bytes
    }

    static func server(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        var bytes: [UInt8] = []
        FrameEncoder.frame(opcode, payload[...], isFinal: isFinal, mask: nil, into: &bytes)
        return bytes
    }

    static func close(_ code: UInt16, _ reason: String = "") -> [UInt8] {
        FrameEncoder.closePayload(code: code, reason: Array(reason.utf8)[...])
    }
}

/// The handshake of RFC 6455 1.3.
enum Handshake {
    static let request =
        "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    static let response =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

    static func request(_ more: String = "") -> String { request + more + "\r\n" }
    static func response(_ more: String = "") -> String { response + more + "\r\n" }
}

/// One line of a conversation.
enum Line {
    case client(String)
    case server(String)
    case clientFrame(UInt8, [UInt8])
    case serverFrame(UInt8, [UInt8])
    case clientClose(UInt16)
    case serverClose(UInt16)
    case pause(Int64)
}

extension Recording {
    /// A WebSocket session with these messages.
    static func webSocket(_ lines: [Line], request: String = "", response: String = "") -> RecordedSession? {
        var recording = Recording()
        recording.client(Handshake.request(request))
        recording.server(Handshake.response(response))
        for line in lines {
            switch line {
            case .client(let text): recording.client(Frame.client(1, Array(text.utf8)))
            case .server(let text): recording.server(Frame.server(1, Array(text.utf8)))
            case .clientFrame(let opcode, let payload): recording.client(Frame.client(opcode, payload))
            case .serverFrame(let opcode, let payload): recording.server(Frame.server(opcode, payload))
            case .clientClose(let code): recording.client(Frame.client(8, Frame.close(code)))
            case .serverClose(let code): recording.server(Frame.server(8, Frame.close(code)))
            case .pause(let milliseconds): recording.wait(milliseconds: milliseconds)
            }
        }
        return recording.sessions().first
    }
}

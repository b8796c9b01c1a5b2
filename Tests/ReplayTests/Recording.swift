// A conversation between a client and a server, written down line by line, as a recording or as packets.

import Inspection
import Replay
import TestSupport
import Traffic

/// Makes recorded sessions of what a test says.
struct Recording {
    private var talk = Talk(client: 0xc000_0201, server: 0xc000_0202, interval: 100_000)
    private let keepsRaw: Bool

    init(keepsRaw: Bool = false) {
        self.keepsRaw = keepsRaw
        talk.open()
    }

    mutating func client(_ text: String) { talk.client(text) }
    mutating func server(_ text: String) { talk.server(text) }
    mutating func client(_ bytes: [UInt8]) { talk.client(bytes) }
    mutating func server(_ bytes: [UInt8]) { talk.server(bytes) }
    mutating func lose(_ direction: Direction, _ bytes: [UInt8]) { talk.lose(direction, bytes) }
    mutating func end(_ direction: Direction, reset: Bool = false) {
        talk.send(direction, flags: [reset ? .rst : .fin, .ack])
    }
    mutating func wait(milliseconds: Int64) { talk.wait(milliseconds: milliseconds) }

    func sessions() -> [RecordedSession] {
        let recorder = SessionRecorder(keepsRaw: keepsRaw)
        var options = AnalyzerOptions()
        options.transcript = .all
        var analyzer = Analyzer(options: options, output: recorder)
        talk.feed(&analyzer)
        analyzer.finish()
        return recorder.sessions()
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

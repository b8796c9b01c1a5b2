// Segments written down with their numbers, and what the analyzer makes of them.
//
// Offsets are relative: 0 is the first byte behind the SYN. Each packet comes a millisecond after the one before,
// unless it says otherwise.

import Testing

@testable import Traffic

/// One packet of a conversation on paper.
struct Sheet {
    var direction: Direction
    var offset: Int
    var bytes: [UInt8]
    /// What the sender has received of the other side; `nil` for a segment without ACK.
    var ack: Int?
    var flags: TCPFlags
    /// Bytes of payload that were not captured, off the end.
    var snapped = 0
    var window: UInt16 = 8192
    var after: Int64 = 1_000_000
    var port: UInt16 = 49152
    /// Added to the initial sequence number of its direction.
    var turn: UInt32 = 0

    func after(nanoseconds: Int64) -> Sheet { with { $0.after = nanoseconds } }
    func with(_ change: (inout Sheet) -> Void) -> Sheet {
        var copy = self
        change(&copy)
        return copy
    }
}

func c(_ offset: Int, _ bytes: [UInt8] = [], ack: Int? = 0, _ flags: TCPFlags = []) -> Sheet {
    Sheet(direction: .client, offset: offset, bytes: bytes, ack: ack, flags: flags)
}
func c(_ offset: Int, _ text: String, ack: Int? = 0, _ flags: TCPFlags = []) -> Sheet {
    c(offset, Array(text.utf8), ack: ack, flags)
}
func s(_ offset: Int, _ bytes: [UInt8] = [], ack: Int? = 0, _ flags: TCPFlags = []) -> Sheet {
    Sheet(direction: .server, offset: offset, bytes: bytes, ack: ack, flags: flags)
}
func s(_ offset: Int, _ text: String, ack: Int? = 0, _ flags: TCPFlags = []) -> Sheet {
    s(offset, Array(text.utf8), ack: ack, flags)
}

/// SYN, SYN-ACK, ACK.
let opening = [c(-1, ack: nil, .syn), s(-1, ack: 0, .syn), c(0)]

/// What was heard of a tape.
final class Heard: AnalyzerObserver {
    var exchanges: [Exchange] = []
    var connections: [ConnectionRecord] = []
    var counters = TrafficCounters()
    func receive(_ event: AnalyzerEvent) {
        if case .finished(let exchange) = event { exchanges.append(exchange) }
        if case .ended(let connection) = event { connections.append(connection) }
    }

    static func play(
        _ sheets: [Sheet], clientStart: UInt32 = 1000, serverStart: UInt32 = 5000,
        _ change: (inout AnalyzerOptions) -> Void = { _ in }
    ) -> Heard {
        var options = AnalyzerOptions()
        options.allConnections = true
        change(&options)
        let heard = Heard()
        var analyzer = Analyzer(options: options, output: heard)
        var time: Int64 = 1_700_000_000_000_000_000
        for (index, sheet) in sheets.enumerated() {
            time += sheet.after
            let whole = packet(sheet, clientStart, serverStart, identification: index + 1)
            let bytes = Array(whole.dropLast(sheet.snapped))
            let description = CapturedPacket(
                number: UInt32(index + 1), time: Timestamp(nanoseconds: time), linkType: 1, interface: 0,
                range: 0..<bytes.count, originalLength: UInt32(whole.count))
            analyzer.receive(description, capture: 0, bytes: bytes.span)
        }
        analyzer.finish()
        heard.counters = analyzer.counters
        return heard
    }

    private static func packet(
        _ sheet: Sheet, _ clientStart: UInt32, _ serverStart: UInt32, identification: Int
    ) -> [UInt8] {
        let isClient = sheet.direction == .client
        func number(_ start: UInt32, _ offset: Int) -> [UInt8] {
            let value = start &+ UInt32(truncatingIfNeeded: offset) &+ sheet.turn
            return be16(Int(value >> 16)) + be16(Int(value & 0xffff))
        }
        var flags = sheet.flags
        if sheet.ack != nil { flags.insert(.ack) }
        let ends = isClient ? be16(Int(sheet.port)) + be16(80) : be16(80) + be16(Int(sheet.port))
        let numbers =
            number(isClient ? clientStart : serverStart, sheet.offset)
            + (sheet.ack.map { number(isClient ? serverStart : clientStart, $0) } ?? [0, 0, 0, 0])
        let segment = ends + numbers + [0x50, flags.rawValue] + be16(Int(sheet.window)) + [0, 0, 0, 0] + sheet.bytes
        let addresses = isClient ? hex("0a000001 0a000002") : hex("0a000002 0a000001")
        return ethernet(
            0x0800,
            [0x45, 0] + be16(20 + segment.count) + be16(identification) + [0, 0, 64, 6, 0, 0] + addresses + segment)
    }

    /// The only exchange, as a line.
    var story: String { exchanges.map { $0.story }.joined(separator: " | ") }
    /// The early bytes of the first exchange that has any.
    var early: EarlyData? { exchanges.compactMap(\.early).first }
}

extension Exchange {
    /// Kind, request, answer, outcome, and what came behind it.
    var story: String {
        var words = ["\(kind)"]
        if let request { words.append("\(request.method.text) \(request.target.text)") }
        words += interim.map { "\($0.status)" }
        if let response { words.append("\(response.status)") }
        words.append(outcome.name)
        if let name = reason.name { words.append("(\(name))") }
        if upgraded != .none { words.append("\(upgraded)") }
        if outcome == .switched { words.append("\(switched.client.bytes)/\(switched.server.bytes)") }
        if let websocket {
            let counts = Direction.allCases.map { side in
                (0..<16).reduce(0) { $0 + Int(websocket.sides[side].frames[$1]) }
            }
            words.append("frames \(counts[0])/\(counts[1])")
        }
        if !laterRequests.isEmpty { words.append("later \(laterRequests.map { Int($0.status) })") }
        if parent != nil { words.append("inside") }
        words += anomalies.map { "!\($0.kind)" }
        return words.joined(separator: " ")
    }
}

/// The request and the answer of RFC 6455 1.2, as short as may be.
let wsRequest =
    "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
let wsAnswer =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

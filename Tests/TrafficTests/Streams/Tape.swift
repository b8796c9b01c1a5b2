// Segments written down with their numbers, and what the analyzer makes of them.
//
// Offsets are relative: 0 is the first byte after the SYN. Each packet comes a millisecond after the one before,
// unless it says otherwise.

import Ground
import TestSupport
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

/// Plays sheets to an analyzer.
enum Tape {
    static func play(
        _ sheets: [Sheet], clientStart: UInt32 = 1000, serverStart: UInt32 = 5000,
        _ change: (inout AnalyzerOptions) -> Void = { _ in }
    ) -> Listener {
        play(sheets, clientStart: clientStart, serverStart: serverStart, change) { output, options in
            Analyzer(options: options, output: output)
        }
    }

    /// The same to an analyzer of one's own.
    static func play(
        _ sheets: [Sheet], clientStart: UInt32 = 1000, serverStart: UInt32 = 5000,
        _ change: (inout AnalyzerOptions) -> Void = { _ in },
        to make: (Listener, AnalyzerOptions) -> Analyzer
    ) -> Listener {
        var options = AnalyzerOptions()
        options.allConnections = true
        change(&options)
        let starts = PerDirection(client: clientStart, server: serverStart)
        var time: Int64 = 1_700_000_000_000_000_000
        let packets = sheets.enumerated().map { index, sheet in
            time += sheet.after
            let frame = packet(sheet, starts, identification: index + 1).frame
            return TimedPacket(time: time, bytes: Array(frame.dropLast(sheet.snapped)), original: frame.count)
        }
        let listener = Listener()
        var analyzer = make(listener, options)
        analyzer.receive(packets)
        analyzer.finish()
        listener.counters = analyzer.counters
        return listener
    }

    private static func packet(_ sheet: Sheet, _ starts: PerDirection<UInt32>, identification: Int) -> TCPPacket {
        let ends = PerDirection(
            client: Endpoint(address: IPAddress(v4: 0x0a00_0001), port: sheet.port),
            server: Endpoint(address: IPAddress(v4: 0x0a00_0002), port: 80))
        func number(_ direction: Direction, _ offset: Int) -> UInt32 {
            starts[direction] &+ UInt32(truncatingIfNeeded: offset) &+ sheet.turn
        }
        let opposite = sheet.direction.opposite
        return TCPPacket(
            from: ends[sheet.direction], to: ends[opposite], sequence: number(sheet.direction, sheet.offset),
            acknowledgment: sheet.ack.map { number(opposite, $0) } ?? 0,
            flags: sheet.ack == nil ? sheet.flags : sheet.flags.union(.ack), window: sheet.window,
            payload: sheet.bytes[...], identification: UInt16(identification))
    }
}

extension Listener {
    /// The only exchange, as a line.
    var story: String { exchanges.map { $0.story }.joined(separator: " | ") }
    /// The early bytes of the first exchange that has any.
    var early: EarlyData? { exchanges.compactMap(\.early).first }
}

extension Exchange {
    /// Kind, request, answer, outcome, and what came after it.
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

// The request and the answer of RFC 6455 1.3, with a host as short as may be and with one as long as they are.
let wsRequest = Handshake.request(host: "a")
let wsAnswer = Handshake.response()
let webSocketRequest = Handshake.request()
let webSocketAnswer = Handshake.response()

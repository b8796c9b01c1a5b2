// A session made ready to be said: what is sent, what each piece waits for, what should come back.
//
// Made once for a session, however many times it is said. The server's steps that a client can wait for are its messages
// and its close; pings and pongs come when they come. A client's close is part of the script only where the client
// spoke first: the answer to a close goes out by itself.

import Ground
import Inspection
import Traffic

/// One session, ready to be said to a target.
public struct ReplayScript: Sendable {
    /// Something the client says after the switch.
    struct Line: Sendable {
        var message: SessionMessage
        /// How many of `expected` came before it.
        var needs: Int
        /// Nanoseconds from the answer of the handshake, as recorded.
        var time: Int64
        var mark: Arrival
        /// Its place among the client's messages, from 1.
        var number: Int
    }

    /// A message or close of the server.
    struct Expected: Sendable {
        var message: SessionMessage
        /// The line it came after and is the first to follow; -1 for the handshake, `nil` where it follows another message.
        var follows: Int?
        /// Nanoseconds from then, as recorded.
        var latency: Int64
        var mark: Arrival
    }

    /// A run of bytes, where messages are not spoken.
    struct Run: Sendable {
        var bytes: [UInt8]
        /// Bytes of the server that its sender had received.
        var needs: Int64
        var time: Int64
    }

    public let session: RecordedSession
    public private(set) var plan: PlannedExchange
    let isWebSocket: Bool
    let isRaw: Bool
    let request: RequestWriter.Result
    let history: [[UInt8]]
    let lines: [Line]
    let expected: [Expected]
    let runs: [Run]
    /// What the server said, where it is no WebSocket.
    let expectedBytes: [UInt8]
    /// After so many bytes of the server the client ended its side; `nil` where it did not.
    let halfCloseBehind: Int64?
    /// The client said Close before the server did.
    let clientCloses: Bool
    let serverCloses: Bool
    /// Bytes that are taken of a live server.
    let mostBytes: Int64

    public init(_ session: RecordedSession, target: ReplayTarget, options: ReplayOptions) {
        self.session = session
        isWebSocket = session.outcome == .switched && session.upgraded == .websocket && !options.raw
        let offersWebSocket =
            session.upgraded == .websocket
            || session.request.members(.upgrade).contains { $0.matchesIgnoringCase("websocket") }
        let writer = RequestWriter(options: options, target: target)
        var written = writer.write(session.request, isWebSocket: offersWebSocket)
        isRaw = options.raw
        var notes = options.raw ? ["sent exactly as recorded, for the host it was recorded for"] : written.notes
        if session.request.isMethod("CONNECT"), !options.raw {
            notes.append("the target is asked to connect to \(session.request.target.text)")
        }
        var history: [[UInt8]] = []
        for (index, earlier) in session.history.enumerated() where options.withHistory {
            let written = writer.write(earlier.head, isWebSocket: false)
            history.append(written.bytes(key: []) + earlier.body)
            // The host is the same for all.
            let differences = written.notes.filter { !$0.hasPrefix("Host is ") }
            notes += differences.map { "earlier request \(index + 1): \($0)" }
        }
        self.history = history
        if !options.withHistory, !session.history.isEmpty, !options.raw {
            let count = session.history.count
            let words =
                count == 1
                ? "an earlier request on its connection is" : "\(count) earlier requests on its connection are"
            notes.append("\(words) not sent (--with-history)")
        }
        if let cut = session.cut, !options.raw { notes.append("said as far as it is known: \(cut)") }
        if written.back == nil { written.front += session.requestBody } else { written.back? += session.requestBody }
        request = written

        let start = session.responseTime ?? session.requestTime
        var lines: [Line] = []
        var expected: [Expected] = []
        if isWebSocket {
            (lines, expected) = Self.messages(of: session, start, options)
        }
        self.lines = lines
        self.expected = expected
        var runs: [Run] = []
        var expectedBytes: [UInt8] = []
        if options.raw {
            runs = session.raw.map {
                Run(bytes: $0.bytes, needs: $0.heard, time: $0.mark.time.nanoseconds(since: session.requestTime))
            }
        } else if session.outcome == .switched, !isWebSocket {
            for step in session.steps {
                if step.direction == .client {
                    let time = step.first.time.nanoseconds(since: start)
                    runs.append(Run(bytes: step.payload, needs: step.heardBytes, time: time))
                } else {
                    expectedBytes += step.payload
                }
            }
        }
        self.runs = runs
        self.expectedBytes = expectedBytes
        let closes = session.steps.filter { $0.message?.opcode == 8 }
        clientCloses = lines.last?.message.opcode == 8
        serverCloses = closes.contains { $0.direction == .server }
        halfCloseBehind = isWebSocket || options.raw ? nil : Self.halfClose(session)
        let size = session.steps.reduce(Int64(0)) { $0 + Int64($1.payload.count) }
        mostBytes = max(options.mostBytes, size.multipliedReportingOverflow(by: 4).partialValue)
        let data = lines.filter { !$0.message.isControl }
        plan = PlannedExchange(
            id: session.id,
            title: session.request.method.text + " " + Redaction.target(of: session.request),
            upgraded: session.upgraded, protocolName: session.protocolName,
            clientSteps: options.raw || !isWebSocket ? runs.count : data.count,
            clientBytes: data.reduce(0) { $0 + $1.message.payload.count } + runs.reduce(0) { $0 + $1.bytes.count },
            serverSteps: session.steps(of: .server).filter { !($0.message?.isControl ?? false) }.count,
            skipped: Self.reasonToSkip(session, options), notes: notes)
    }

    /// It is not said after all.
    public mutating func skip(because reason: String) { plan.skipped = reason }

    /// Where the client ended its side before the server did.
    private static func halfClose(_ session: RecordedSession) -> Int64? {
        guard let exchange = session.exchange, session.ended.client == .fin,
            let end = exchange.connection.endMark.client, let start = exchange.switched.server.start
        else { return nil }
        if let server = exchange.connection.endMark.server, !end.precedes(server) { return nil }
        return max(0, (end.heard ?? exchange.connection.acknowledged.server) - start)
    }

    private static func messages(
        of session: RecordedSession, _ start: Timestamp, _ options: ReplayOptions
    ) -> ([Line], [Expected]) {
        let clients = session.steps(of: .client)
        let servers = session.steps(of: .server)
        // How many steps that count lie below each number of steps.
        var counted = [0]
        var closedBy: Int?
        for (index, step) in servers.enumerated() {
            let opcode = step.message?.opcode ?? 0
            counted.append((counted.last ?? 0) + (opcode < 9 ? 1 : 0))
            if opcode == 8, closedBy == nil { closedBy = index }
        }
        let pings = servers.compactMap { $0.message?.opcode == 9 ? $0.payload : nil }
        var lines: [Line] = []
        var lineOf = [-1]
        var number = 0
        for step in clients {
            guard let message = step.message else { continue }
            if message.opcode < 8 { number += 1 }
            let isAnswerToClose = message.opcode == 8 && closedBy.map { $0 < step.heard } ?? false
            let isAnswerToPing = message.opcode == 10 && pings.contains(message.payload)
            let isSaid =
                message.opcode < 8 || message.opcode == 8 && !isAnswerToClose
                || options.replaysControl && !isAnswerToPing
            if isSaid {
                lines.append(
                    Line(
                        message: message, needs: counted[min(step.heard, counted.count - 1)],
                        time: step.first.time.nanoseconds(since: start), mark: step.first, number: number))
            }
            lineOf.append(lines.count - 1)
            if message.opcode == 8 { break }
        }
        var expected: [Expected] = []
        var lastFollowed: Int?
        for step in servers {
            guard let message = step.message, message.opcode < 9 else { continue }
            let line = lineOf[min(step.heard, lineOf.count - 1)]
            let from = line >= 0 ? lines[line].mark.time : start
            expected.append(
                Expected(
                    message: message, follows: lastFollowed == line ? nil : line,
                    latency: step.last.time.nanoseconds(since: from), mark: step.first))
            lastFollowed = line
        }
        return (lines, expected)
    }

    /// What cannot be said again, and why.
    private static func reasonToSkip(_ session: RecordedSession, _ options: ReplayOptions) -> String? {
        if options.raw {
            return session.raw.isEmpty ? "the client's bytes from the beginning of its connection are not known" : nil
        }
        if session.kind == .extendedConnect { return "it was said over HTTP/2" }
        if session.exchange?.touchesGap == true {
            return "bytes of its handshake are missing in the recording"
        }
        if let exchange = session.exchange, exchange.response == nil {
            if exchange.connection.packets.server == 0 {
                return "nothing of the server was recorded: what it answered is not known"
            }
            if exchange.reason == .captureEnd { return "the recording ends in front of the answer" }
        }
        guard session.outcome == .switched else { return nil }
        switch session.upgraded {
        case .websocket:
            if session.exchange?.websocket?.agreement.unknownExtension == true {
                return "it speaks an extension other than permessage-deflate"
            }
        case .tls: return "TLS inside HTTP (RFC 2817) is not replayed: what it protects was not recorded"
        case .tunnel:
            if session.exchange?.inner == .tls {
                return "the tunnel carries TLS: bytes of one TLS connection mean nothing to another"
            }
        case .connectUDP, .connectIP, .connectTCP, .h2c, .http, .none, .other: break
        }
        return nil
    }
}

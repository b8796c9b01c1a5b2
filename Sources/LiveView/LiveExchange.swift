// What the view knows of one exchange: numbers, and short texts that were made safe when they came. Its size is
// bounded whatever the exchange carries.

import Ground
public import Inspection
import Reports
public import Traffic

/// One line of the table.
public struct LiveExchange: Sendable {
    /// What is going on, in the order of a life.
    public enum Phase: Sendable, Equatable {
        /// Asked, not answered.
        case offered
        /// Switched, and not at its end.
        case open
        /// Answered otherwise.
        case refused(Outcome)
        /// At its end.
        case finished(Outcome)
    }

    public let key: ExchangeKey
    /// Counted from 1 in the order they began.
    public let number: Int
    public let began: Timestamp
    public private(set) var last: Timestamp
    public private(set) var phase = Phase.offered
    public let client: Endpoint
    public let server: Endpoint
    /// VLANs and tunnels from the outside in.
    let path: String
    /// For whom a proxy made the connection.
    let proxied: String?
    private(set) var glance: Glance
    public private(set) var status = 0
    /// Whole messages each way; `nil` where the protocol has none that are counted.
    public private(set) var messages: PerDirection<UInt64>?
    /// Bytes after the switch.
    public private(set) var bytes = PerDirection<Int64>(both: 0)
    public private(set) var closeCodes = PerDirection<UInt16?>(both: nil)
    public private(set) var closedBy: Direction?
    public private(set) var packets: ClosedRange<UInt32>
    public private(set) var findings: [LiveFinding] = []
    public private(set) var levels: [Level: Int] = [:]
    /// "permessage-deflate", where it was agreed to.
    private(set) var isCompressed = false

    static let findingsLimit = 32

    init(_ exchange: Exchange, number: Int, showSecrets: Bool) {
        key = exchange.key
        self.number = number
        began = exchange.firstMark.time
        last = began
        client = exchange.connection.client
        server = exchange.connection.server
        path = exchange.connection.tunnels.map { Glance.words($0, limit: 40) }.joined(separator: ", ")
        proxied = exchange.connection.proxied.map { "\($0.client) to \($0.server)" }
        packets = exchange.firstMark.packet...max(exchange.firstMark.packet, exchange.lastMark.packet)
        glance = Glance(exchange, nil, showSecrets: showSecrets)
    }

    /// "chat.example/ws".
    public var place: String { glance.host + glance.target }

    /// "websocket", or what was asked for while there is no answer.
    public var protocolName: String {
        if let name = glance.protocolName { return name }
        if !glance.offered.isEmpty { return glance.offered }
        return glance.method == "CONNECT" ? "tunnel" : ""
    }

    public var isFinished: Bool { if case .finished = phase { true } else { false } }

    /// Something was, or is, spoken after a switch.
    var hasSwitched: Bool { phase == .open || phase == .finished(.switched) }

    /// Nanoseconds it has been there, or was.
    public func age(at now: Timestamp) -> Int64 {
        max(0, (isFinished ? last : max(now, last)).nanoseconds(since: began))
    }

    /// "open", "closed 1000", "failed 403".
    public var state: String {
        switch phase {
        case .offered: return "offered"
        case .open: return "open"
        case .refused(let outcome): return status > 0 ? "\(outcome.name) \(status)" : outcome.name
        case .finished(.switched):
            let code = closedBy.flatMap { closeCodes[$0] } ?? closeCodes.client ?? closeCodes.server
            return code.map { "closed \($0)" } ?? "ended"
        case .finished(let outcome): return status > 0 ? "\(outcome.name) \(status)" : outcome.name
        }
    }

    mutating func decide(_ exchange: Exchange, _ validity: Validity, showSecrets: Bool) {
        take(exchange, validity, showSecrets: showSecrets)
        phase = exchange.outcome == .switched ? .open : .refused(exchange.outcome)
    }

    mutating func progress(_ progress: ExchangeProgress) {
        bytes = progress.bytes
        messages = progress.messages ?? messages
        reach(progress.last)
    }

    mutating func finish(_ exchange: Exchange, _ validity: Validity, showSecrets: Bool) {
        take(exchange, validity, showSecrets: showSecrets)
        phase = .finished(exchange.outcome)
        bytes = PerDirection(client: exchange.switched.client.bytes, server: exchange.switched.server.bytes)
        messages = exchange.session?.messages ?? messages
        if let sides = exchange.websocket?.sides {
            messages = PerDirection(
                client: sides.client.textMessages &+ sides.client.binaryMessages,
                server: sides.server.textMessages &+ sides.server.binaryMessages)
            closeCodes = PerDirection(client: sides.client.close?.code, server: sides.server.close?.code)
            closedBy =
                switch (sides.client.close, sides.server.close) {
                case (nil, nil): nil
                case (_?, nil): .client
                case (nil, _?): .server
                case (let client?, let server?): server.place.first.precedes(client.place.first) ? .server : .client
                }
        }
    }

    /// Takes what was found; answers what was not known before.
    mutating func take(_ found: [LiveFinding]) -> [LiveFinding] {
        let known = Set(findings.map(\.rule))
        findings = Array(found.prefix(Self.findingsLimit))
        levels = [:]
        for finding in found { levels[finding.level, default: 0] += 1 }
        return found.filter { !known.contains($0.rule) }
    }

    private mutating func take(_ exchange: Exchange, _ validity: Validity, showSecrets: Bool) {
        glance = Glance(exchange, validity, showSecrets: showSecrets)
        status = exchange.response?.status ?? status
        isCompressed = exchange.websocket?.agreement.deflate ?? isCompressed
        reach(exchange.lastMark)
    }

    private mutating func reach(_ mark: Arrival) {
        last = max(last, mark.time)
        packets = packets.lowerBound...max(packets.upperBound, mark.packet)
    }
}

/// What was found, as the view tells it.
public struct LiveFinding: Sendable {
    public let rule: String
    public let name: String
    public let level: Level
    public let message: String
    let standing: String
    let fix: String
    public let time: Timestamp
    /// The exchange it is about, and how that is called.
    public let exchange: ExchangeKey?
    public internal(set) var place: String

    init(_ finding: Finding, time: Timestamp, place: String) {
        rule = finding.rule
        name = finding.name
        level = finding.level
        message = Glance.words(finding.message)
        standing = finding.standingText
        fix = Glance.words(finding.fix.split(separator: "\n").first.map(String.init) ?? "")
        self.time = time
        exchange = finding.exchange
        self.place = place
    }
}

/// A message that went over a session that is followed.
public struct LiveMessage: Sendable {
    public var time: Timestamp
    public var direction: Direction
    /// "text", "binary", "ping", "close".
    public var kind: String
    /// Bytes of the whole message.
    public var length: Int64
    /// Its beginning as text, safe for a terminal.
    public var excerpt: String

    /// Text is kept as text, all else in hexadecimal.
    init(_ message: TranscriptMessage) {
        time = message.place.last.time
        direction = message.direction
        length = message.length
        let bytes = message.payload.prefix(Self.excerptLimit)
        switch message.opcode {
        case 8:
            kind = "close"
            let code = message.closeCode.map { "\($0) " } ?? ""
            excerpt = code + Glance.text(message.closeReason.prefix(Self.excerptLimit), limit: Self.excerptLimit)
            return
        case 1: excerpt = Glance.text(bytes, limit: Self.excerptLimit)
        default: excerpt = Digits.hex(bytes.prefix(64))
        }
        kind = WebSocketFacts.opcodeName(Int(message.opcode))
        if !message.isComplete { excerpt += " (not complete)" }
        if message.isUnreadable { excerpt += " (does not inflate)" }
    }

    public static let excerptLimit = 512
}

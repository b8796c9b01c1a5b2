// The counts of a whole report, and its verdict.
//
// The verdict answers one question: may the reader rest? `findings` when anything at level warning or error
// was found; a note says something about the capture or the traffic that breaks nothing. `inconclusive` when
// nothing was found, but an exchange may be hidden: in encrypted connections, after missing bytes of an HTTP
// connection or of one that lacks its first bytes, where only one direction was captured, in a capture that was cut or
// dropped packets, or after a limit that ended following a connection. `clean` otherwise, also when there was no
// exchange at all.

import Ground
public import Inspection
public import Traffic

/// Counts of the whole report: `summary` of the JSON report.
public struct Summary: Sendable {
    public enum Verdict: String, Sendable { case clean, findings, inconclusive }
    public var traffic = TrafficCounters()
    public var exchanges: UInt64 = 0
    public var outcomes: [String: UInt64] = [:]
    public var protocols: [String: UInt64] = [:]
    public var levels: [Level: UInt64] = [:]
    public var rules: [String: UInt64] = [:]
    /// The gravest level at which each rule found something.
    public var ruleLevels: [String: Level] = [:]
    public var verdict = Verdict.clean
    /// Why an exchange may be hidden, as parts of a sentence; empty when none can be.
    public var doubts: [String] = []
    public init() {}
}

/// Counts while exchanges and connections arrive.
struct Tally {
    private var exchanges: UInt64 = 0
    private var outcomes = [UInt64](repeating: 0, count: Outcome.allCases.count)
    /// Nearly every exchange that switched speaks this one.
    private var webSockets: UInt64 = 0
    private var protocols: [String: UInt64] = [:]
    private var levels = [UInt64](repeating: 0, count: Level.allCases.count)
    private var rules: [String: RuleTally] = [:]
    private var exchangesInGaps: UInt64 = 0
    private var httpGaps: UInt64 = 0
    private var lostBeginnings: UInt64 = 0
    private var oneDirectionHTTP: UInt64 = 0
    private static let protocolLimit = 64
    private static let usual: Set<String> = [
        "websocket", "h2c", "connect-udp", "connect-ip", "connect-tcp", "tunnel", "tls", "http", "other",
    ]

    mutating func count(_ exchange: Exchange) {
        exchanges += 1
        outcomes[Int(exchange.outcome.rawValue)] += 1
        if exchange.touchesGap { exchangesInGaps += 1 }
        guard exchange.outcome == .switched else { return }
        if exchange.upgraded == .websocket {
            webSockets += 1
        } else if let name = exchange.protocolWord {
            count(name, 1)
        }
    }

    /// Of too many names the least stay and the rest are "other": that does not depend on the order they come in.
    private mutating func count(_ name: String, _ number: UInt64) {
        protocols[name, default: 0] += number
        guard protocols.count > Self.protocolLimit else { return }
        let unusual = protocols.keys.filter { !Self.usual.contains($0) }
        guard unusual.count > Self.protocolLimit, let last = unusual.max() else { return }
        protocols["other", default: 0] += protocols.removeValue(forKey: last) ?? 0
    }

    /// Counts what was counted elsewhere as well.
    mutating func add(_ other: Tally) {
        exchanges += other.exchanges
        for index in outcomes.indices { outcomes[index] += other.outcomes[index] }
        webSockets += other.webSockets
        for (name, number) in other.protocols { count(name, number) }
        for index in levels.indices { levels[index] += other.levels[index] }
        rules.merge(other.rules) { $0.adding($1) }
        exchangesInGaps += other.exchangesInGaps
        httpGaps += other.httpGaps
        lostBeginnings += other.lostBeginnings
        oneDirectionHTTP += other.oneDirectionHTTP
    }

    mutating func count(_ finding: Finding, times: UInt64 = 1) {
        guard times > 0 else { return }
        levels[Int(finding.level.rawValue)] += times
        rules[finding.rule, default: RuleTally()].count(finding.level, times: times)
    }

    mutating func count(_ connection: ConnectionRecord) {
        if connection.application == .unknown, connection.firstGap?.offset == 0 { lostBeginnings += 1 }
        guard connection.application == .http else { return }
        if connection.facts.gapBytes.client > 0 || connection.facts.gapBytes.server > 0 || connection.firstGap != nil {
            httpGaps += 1
        }
        if connection.oneDirection != nil { oneDirectionHTTP += 1 }
    }

    func summary(captures: [CaptureDescription], counters: TrafficCounters) -> Summary {
        var summary = Summary()
        summary.traffic = counters
        summary.exchanges = exchanges
        for outcome in Outcome.allCases where outcomes[Int(outcome.rawValue)] > 0 {
            summary.outcomes[outcome.name] = outcomes[Int(outcome.rawValue)]
        }
        summary.protocols = protocols
        if webSockets > 0 { summary.protocols["websocket"] = webSockets }
        for level in Level.allCases { summary.levels[level] = levels[Int(level.rawValue)] }
        summary.rules = rules.mapValues(\.findings)
        summary.ruleLevels = rules.mapValues(\.level)
        summary.doubts = doubts(captures: captures, counters: counters)
        if levels[Int(Level.error.rawValue)] + levels[Int(Level.warning.rawValue)] > 0 {
            summary.verdict = .findings
        } else {
            summary.verdict = summary.doubts.isEmpty ? .clean : .inconclusive
        }
        return summary
    }

    /// Limits after which an exchange may lie; the others only shorten what is reported of one.
    private static let hidingLimits: Set<String> = [
        "connections", "head-bytes", "held-bytes", "total-held-bytes", "outstanding-requests", "fragments",
        "pending-bytes", "total-pending-bytes", "nested-tunnels", "tunnels",
    ]

    private func doubts(captures: [CaptureDescription], counters: TrafficCounters) -> [String] {
        var doubts: [String] = []
        func add(_ count: UInt64, _ one: String, _ many: String) {
            if count > 0 { doubts.append(counted(count, one, many, isGrouped: false)) }
        }
        add(counters.encryptedConnections, "encrypted connection", "encrypted connections")
        add(httpGaps, "HTTP connection with missing bytes", "HTTP connections with missing bytes")
        add(
            lostBeginnings, "connection of which the first bytes are missing",
            "connections of which the first bytes are missing")
        if httpGaps == 0 {
            add(exchangesInGaps, "exchange with missing bytes", "exchanges with missing bytes")
        }
        add(
            oneDirectionHTTP, "HTTP connection of which one direction was captured",
            "HTTP connections of which one direction was captured")
        add(UInt64(captures.count { !$0.complete }), "capture cut or damaged", "captures cut or damaged")
        let drops = captures.reduce(UInt64(0)) { sum, capture in
            capture.interfaces.reduce(sum) { $0.addingReportingOverflow($1.drops ?? 0).partialValue }
        }
        add(drops, "packet dropped while capturing", "packets dropped while capturing")
        for name in counters.limitsHit.keys.sorted() where Self.hidingLimits.contains(name) {
            let times = counters.limitsHit[name] ?? 0
            doubts.append("limit \(name) hit \(times == 1 ? "once" : "\(times) times")")
        }
        return doubts
    }
}

/// What one rule found.
private struct RuleTally {
    private(set) var findings: UInt64 = 0
    /// The gravest of its findings.
    private(set) var level = Level.note

    mutating func count(_ level: Level, times: UInt64) {
        findings += times
        self.level = max(self.level, level)
    }

    func adding(_ other: RuleTally) -> RuleTally {
        var sum = self
        sum.findings += other.findings
        sum.level = max(level, other.level)
        return sum
    }
}

extension Exchange {
    /// The protocol after the switch as the report names it: known ones by one spelling, others as written.
    package var protocolWord: String? {
        switch upgraded {
        case .none: nil
        case .websocket: "websocket"
        case .h2c: "h2c"
        case .connectUDP: "connect-udp"
        case .connectIP: "connect-ip"
        case .connectTCP: "connect-tcp"
        case .tunnel: "tunnel"
        case .tls: protocolName.isEmpty ? "tls" : protocolName
        case .http: protocolName.isEmpty ? "http" : protocolName
        case .other: protocolName.isEmpty ? "other" : protocolName
        }
    }
}

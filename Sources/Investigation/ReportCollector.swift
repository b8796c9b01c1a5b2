// Between the analysis, which finishes exchanges in any order and forgets them, and the renderers, which want
// everything in request order with dense ids.
//
// Each exchange is packed together with its findings and given to a `SortedSpool`; counters are kept beside
// it. Where only text is asked for, of exchanges beyond a few the findings are counted and nothing else is kept: an id
// must be the same whatever the output, so every exchange takes part in the numbering.
//
// Findings about connections are few in kind and many in number (one for each encrypted connection), so those
// that say the same are one finding with a count and the evidence of the first three.

import Ground
@_spi(Judging) public import Inspection
public import Traffic

/// What a report shall hold.
public struct ReportOptions: Sendable {
    /// Credentials are written as they were.
    public var showSecrets = false
    /// The table of all connections is asked for.
    public var connections = false
    /// Every exchange must be in the report (JSON, HTML).
    ///
    /// Without it (text alone) clean exchanges beyond the
    /// first few are only counted.
    public var everyExchange = true
    /// WebSocket messages are kept for the report (HAR); the analyzer has to be asked for them.
    public var messages = false
    /// `--strict`: an inconclusive verdict counts.
    public var strict = false
    /// `--fail-on`: findings from this level on make an exchange fail (JUnit); `nil` for none.
    public var failureLevel: Level? = .error
    /// Exchanges that are kept for the report, of those that finished first; a capture without an end needs one.
    public var spooledExchanges = Int.max
    /// Bytes of packed exchanges held in memory before a temporary file is used.
    public var spoolBytes = 8 << 20
    /// What is reported when `everyExchange` is off.
    public var exchangesWithFindings = 1000
    public var cleanExchanges = 100
    /// Findings about connections that are kept, after those that say the same were put together.
    public var connectionFindings = 10_000
    /// Findings that several exchanges make together.
    public var correlatedFindings = 4096
    /// Names of encrypted servers that are kept.
    public var unseenNames = 1000
    public init() {}
}

/// Receives what was found, while reading.
public final class ReportCollector {
    private let options: ReportOptions
    private var spool: SortedSpool
    private var connectionSpool: SortedSpool
    private var messages: MessageSpool
    private var writer = ByteWriter()
    private var intake: Intake
    private var parents: Set<SortKey> = []
    private var groups: [String: ConnectionGroup] = [:]
    private var unseen: [UnseenName: UInt64] = [:]
    /// Above these nothing is kept any more: so many lesser ones are known.
    private var lastGroup: String?
    private var lastUnseen: UnseenName?
    private var omitted = Omitted()
    private var failed = false

    public init(options: ReportOptions = ReportOptions()) {
        self.options = options
        spool = SortedSpool(limit: options.spoolBytes)
        connectionSpool = SortedSpool(limit: options.spoolBytes / 4)
        messages = MessageSpool(limit: options.spoolBytes)
        intake = Intake(options)
    }

    /// Takes a finished exchange and what was judged of it.
    public func add(_ exchange: Exchange, _ judgement: Judgement) {
        if let parent = exchange.parent {
            parents.insert(SortKey(parent))
            if parents.count >= 2 * Self.parentLimit { pruneParents() }
        }
        let (key, rank) = intake.take(exchange, judgement.findings, everyExchange: options.everyExchange)
        keep(rank == .told ? exchange : nil, judgement, key, rank)
    }

    /// Takes a request that offers nothing, of a client that may have been asked to use TLS.
    public func add(plain request: MessageHead, on connection: ConnectionFacts) {
        intake.correlation.add(plain: request, on: connection)
    }

    private func keep(_ exchange: Exchange?, _ judgement: Judgement, _ key: SortKey, _ rank: Intake.Rank) {
        let findings = judgement.findings
        switch rank {
        case .left:
            omitted.reasons.insert(
                "only the first \(grouped(options.spooledExchanges)) exchanges are kept for the report")
            return leaveOut(findings.count)
        case .numbered, .told: break
        }
        writer.removeAll()
        PackedExchange.write(judgement, exchange, to: &writer)
        guard !failed else { return leaveOut(findings.count) }
        do {
            try spool.add(writer.bytes, key: key)
            intake.spooled.count(findings.count)
        } catch {
            failed = true
            omitted.reasons.insert(error.description)
            leaveOut(findings.count)
        }
    }

    /// Takes a message that was said in an exchange which will be reported.
    public func add(_ message: TranscriptMessage, in exchange: ExchangeKey) {
        guard options.messages, !failed else { return }
        do {
            try messages.add(message, in: exchange)
        } catch {
            failed = true
            omitted.reasons.insert(error.description)
        }
    }

    /// Takes a connection that ended and what was found about it.
    public func add(_ connection: ConnectionRecord, findings: [Finding]) {
        intake.tally.count(connection)
        for finding in findings { group(finding, of: connection) }
        if connection.encrypted { name(connection) }
        guard options.connections, !failed else { return }
        writer.removeAll()
        writer.record(connection)
        do {
            try connectionSpool.add(writer.bytes, key: SortKey(high: connection.facts.id, low: 0))
        } catch {
            failed = true
            omitted.reasons.insert(error.description)
        }
    }

    /// The captures are read: gives the report.
    ///
    /// Ids are dense, in the order of `Exchange.key`. The inspector has the words for what several exchanges show
    /// together.
    public func finish(
        captures: [CaptureDescription], counters: TrafficCounters, inspector: Inspector = Inspector()
    ) -> Report {
        let correlation = intake.correlation.finish(inspector.thresholds)
        let correlated = correlate(correlation, inspector)
        pruneGroups()
        pruneUnseen()
        pruneParents()
        for group in groups.values { intake.tally.count(group.finding) }
        let spool = exchange(&self.spool)
        let connectionSpool = exchange(&self.connectionSpool)
        let messages = self.messages.taken()
        let report = Report(
            options: options, summary: intake.tally.summary(captures: captures, counters: counters), captures: captures,
            exchanges: spool, counts: intake.spooled, connections: connectionSpool,
            messages: messages,
            parents: parents,
            connectionFindings: groups.values.sorted {
                ($0.connection, $0.finding.rule) < ($1.connection, $1.finding.rule)
            },
            unseenNames: unseen.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, omitted: omitted)
        report.attach(correlated, retries: correlation.retries, inspector: inspector)
        return report
    }

    /// What several exchanges show together, without the evidence.
    private func correlate(_ correlation: Correlation, _ inspector: Inspector) -> [(Suspicion, Finding)] {
        var found: [(Suspicion, Finding)] = []
        for suspicion in correlation.suspicions {
            guard let finding = inspector.inspect(suspicion) else { continue }
            intake.tally.count(finding)
            if found.count < options.correlatedFindings { found.append((suspicion, finding)) } else { leaveOut() }
        }
        if correlation.leftOut > 0 {
            omitted.reasons.insert(
                "\(correlation.leftOut) exchanges and requests were not compared with others (reused keys, reconnects, retries)"
            )
        }
        return found
    }

    private func leaveOut() {
        omitted.findings += 1
        omitted.reasons.insert("only \(options.correlatedFindings) findings about several exchanges are kept")
    }

    private func exchange(_ spool: inout SortedSpool) -> SortedSpool {
        var taken = SortedSpool(limit: 0)
        swap(&taken, &spool)
        return taken
    }

    private func leaveOut(_ findings: Int) {
        omitted.exchanges += 1
        omitted.findings += UInt64(findings)
    }

    /// So many exchanges are known to have others inside.
    private static let parentLimit = 65_536

    /// Keeps the least keys only, so that it does not matter in which order exchanges end.
    private func pruneParents() {
        guard parents.count > Self.parentLimit else { return }
        parents = Set(parents.sorted().prefix(Self.parentLimit))
        omitted.reasons.insert("only \(grouped(Self.parentLimit)) exchanges with others inside are kept")
    }

    /// Takes what another collector was told, about other connections of the same input.
    ///
    /// The report is the same as if one collector had been told everything, in whatever order.
    public func absorb(_ other: ReportCollector) {
        intake.absorb(other.intake)
        spool.absorb(other.exchange(&other.spool))
        connectionSpool.absorb(other.exchange(&other.connectionSpool))
        messages.absorb(other.messages.taken())
        parents.formUnion(other.parents)
        if parents.count >= 2 * Self.parentLimit { pruneParents() }
        for (name, group) in other.groups {
            if groups[name] == nil { groups[name] = group } else { groups[name]?.add(group) }
        }
        if let last = other.lastGroup { lastGroup = min(lastGroup ?? last, last) }
        pruneGroups()
        unseen.merge(other.unseen, uniquingKeysWith: +)
        if let last = other.lastUnseen { lastUnseen = min(lastUnseen ?? last, last) }
        pruneUnseen()
        omitted.exchanges += other.omitted.exchanges
        omitted.findings += other.omitted.findings
        omitted.reasons.formUnion(other.omitted.reasons)
        failed = failed || other.failed
    }

    private func group(_ finding: Finding, of connection: ConnectionRecord) {
        let name = finding.mergeKey ?? "\(finding.rule)\u{0}\(finding.message)"
        if groups[name] != nil {
            groups[name]?.add(finding, connection: connection.facts)
            return
        }
        let group = ConnectionGroup(finding, connection: connection.facts)
        if let lastGroup, name > lastGroup { return omit(group) }
        groups[name] = group
        if groups.count >= 2 * options.connectionFindings { pruneGroups() }
    }

    /// Of too many groups those with the least names stay: which these are does not depend on the order they came in.
    private func pruneGroups() {
        let limit = options.connectionFindings
        guard groups.count > limit else { return }
        let names = groups.keys.sorted()
        lastGroup = limit > 0 ? names[limit - 1] : ""
        for name in names[limit...] {
            if let group = groups.removeValue(forKey: name) { omit(group) }
        }
    }

    private func omit(_ group: ConnectionGroup) {
        for _ in 0..<group.findings { intake.tally.count(group.finding) }
        omitted.findings += UInt64(group.findings)
        omitted.reasons.insert("only \(options.connectionFindings) findings about connections are kept")
    }

    private func name(_ connection: ConnectionRecord) {
        let name = UnseenName(
            server: connection.facts.server, serverName: connection.serverName, protocols: connection.protocols)
        if let lastUnseen, lastUnseen < name { return omitName() }
        unseen[name, default: 0] += 1
        if unseen.count >= 2 * options.unseenNames { pruneUnseen() }
    }

    /// As with the groups.
    private func pruneUnseen() {
        let limit = options.unseenNames
        guard limit > 0, unseen.count > limit else { return }
        let names = unseen.keys.sorted()
        lastUnseen = names[limit - 1]
        for name in names[limit...] { unseen[name] = nil }
        omitName()
    }

    private func omitName() {
        omitted.reasons.insert("only \(options.unseenNames) names of encrypted servers are kept")
    }
}

/// Counts exchanges and decides which of them are reported: what a collector does for each, in one value.
private struct Intake {
    /// What becomes of an exchange.
    enum Rank {
        /// It will be reported.
        case told
        /// Of its place in the numbering a record has to be kept, and of nothing else.
        case numbered
        /// So many are kept that it is left out.
        case left
    }

    var tally = Tally()
    var correlation = CorrelationTable()
    var spooled = SpooledCounts()
    private var withFindings: LeastKeys
    private var clean: LeastKeys
    private let limit: Int

    init(_ options: ReportOptions) {
        withFindings = LeastKeys(limit: options.exchangesWithFindings)
        clean = LeastKeys(limit: options.cleanExchanges)
        limit = options.spooledExchanges
    }

    mutating func take(_ exchange: Exchange, _ findings: [Finding], everyExchange: Bool) -> (SortKey, Rank) {
        tally.count(exchange)
        for finding in findings { tally.count(finding) }
        correlation.add(exchange)
        let key = SortKey(exchange.key)
        let isTold = everyExchange || (findings.isEmpty ? clean.admit(key) : withFindings.admit(key))
        guard spooled.clean + spooled.withFindings < limit else { return (key, .left) }
        return (key, isTold ? .told : .numbered)
    }

    /// Takes what another one took.
    ///
    /// What is among the least of all was among the least there, so it is whole there.
    mutating func absorb(_ other: Intake) {
        tally.add(other.tally)
        correlation.absorb(other.correlation)
        spooled.add(other.spooled)
    }
}

/// The server of connections that could not be looked into.
public struct UnseenName: Hashable, Comparable, Sendable {
    public var server: Endpoint
    public var serverName: String?
    public var protocols: [String]

    public static func < (left: UnseenName, right: UnseenName) -> Bool {
        if left.server != right.server { return left.server < right.server }
        let (leftName, rightName) = (left.serverName ?? "", right.serverName ?? "")
        if leftName != rightName { return leftName < rightName }
        return left.protocols.lexicographicallyPrecedes(right.protocols)
    }
}

/// What is not told of, and why.
public struct Omitted: Sendable {
    public var exchanges: UInt64 = 0
    public var findings: UInt64 = 0
    public var reasons: Set<String> = []
    public init() {}
    public var isEmpty: Bool { exchanges == 0 && findings == 0 && reasons.isEmpty }
    /// The reasons as one text.
    public var why: String { reasons.sorted().joined(separator: "; ") }
}

/// Findings about connections that say the same.
struct ConnectionGroup {
    static let evidenceLimit = 3

    private(set) var finding: Finding
    /// The first of the connections.
    private(set) var connection: UInt64
    private(set) var mark: Arrival
    private var evidence: [(connection: UInt64, evidence: Evidence)]
    /// How many findings were put together.
    private(set) var findings = 1

    init(_ finding: Finding, connection: ConnectionFacts) {
        self.finding = finding
        self.connection = connection.id
        mark = connection.first
        evidence = finding.evidence.prefix(Self.evidenceLimit).map { (connection.id, $0) }
        self.finding.evidence = evidence.map(\.evidence)
        self.finding.connection = connection.id
    }

    mutating func add(_ other: Finding, connection facts: ConnectionFacts) {
        add(ConnectionGroup(other, connection: facts))
    }

    mutating func add(_ group: ConnectionGroup) {
        findings += group.findings
        let other = group.finding
        let count = finding.count.addingReportingOverflow(other.count)
        let withheld = Array(Set(finding.withheld).union(other.withheld)).sorted()
        evidence += group.evidence
        evidence.sort { $0.connection < $1.connection }
        evidence.removeLast(max(0, evidence.count - Self.evidenceLimit))
        if group.connection < connection {
            finding = other
            connection = group.connection
            mark = group.mark
        }
        finding.count = count.overflow ? .max : count.partialValue
        finding.withheld = withheld
        finding.evidence = evidence.map(\.evidence)
    }
}

/// One record of the spool: the findings first, so that they can be read without the exchange.
enum PackedExchange {
    static func write(_ judgement: Judgement, _ exchange: Exchange?, to writer: inout ByteWriter) {
        let findings = judgement.findings
        writer.unsigned(UInt64(findings.count))
        writer.flag(exchange != nil)
        guard let exchange else { return }
        var inner = ByteWriter()
        for finding in findings { inner.record(finding) }
        writer.counted(inner.bytes)
        writer.record(exchange)
        writer.record(judgement.validity)
    }
}

extension SortKey {
    init(_ key: ExchangeKey) {
        self.init(
            high: UInt64(key.capture) << 40 | UInt64(key.packet) << 8 | UInt64(key.direction.rawValue),
            middle: key.stream.rawValue,
            low: UInt64(bitPattern: key.offset) ^ 1 << 63)
    }

}

/// What stands in the spool, or has its place after everything that does.
struct SpooledCounts {
    private(set) var withFindings = 0
    private(set) var clean = 0
    private(set) var findings = 0

    /// Counts an exchange with so many findings.
    mutating func count(_ found: Int) {
        if found == 0 { clean += 1 } else { withFindings += 1 }
        findings += found
    }

    mutating func add(_ other: SpooledCounts) {
        withFindings += other.withFindings
        clean += other.clean
        findings += other.findings
    }
}

/// The least keys of all that were offered: a heap with the greatest of them on top.
struct LeastKeys {
    private let limit: Int
    private var heap: [SortKey] = []

    init(limit: Int) { self.limit = limit }

    /// Whether `key` is among the least so far.
    mutating func admit(_ key: SortKey) -> Bool {
        if heap.count < limit {
            heap.append(key)
            var child = heap.count - 1
            while child > 0, heap[(child - 1) / 2] < heap[child] {
                heap.swapAt(child, (child - 1) / 2)
                child = (child - 1) / 2
            }
            return true
        }
        guard let greatest = heap.first, key < greatest else { return false }
        heap[0] = key
        var parent = 0
        while true {
            var most = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[most] < heap[child] {
                most = child
            }
            guard most != parent else { return true }
            heap.swapAt(parent, most)
            parent = most
        }
    }
}

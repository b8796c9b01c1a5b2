// A finished analysis. It can be walked any number of times, always in the same order; each walk merges the
// spool anew and holds one exchange at a time.

@_spi(Judging) public import Inspection
public import Traffic

/// A finding with the numbers it goes by in this report.
public struct ReportedFinding: Sendable {
    public var id: Int
    public var finding: Finding
    /// The exchange it is about.
    public var exchange: Int?
    /// The finding it follows from.
    public var consequenceOf: Int?
    /// A packet it is about, evidence or not.
    public var mark: Arrival
}

/// An exchange with the numbers it goes by in this report.
public struct ReportedExchange: Sendable {
    public var id: Int
    public var exchange: Exchange
    /// The exchange it travelled inside.
    public var parent: Int?
    /// The exchange whose demand it answers (426, 401, 407).
    public var retryOf: Int?
    public var findings: [ReportedFinding]
    public var validity: Validity
}

/// A finished analysis, ready to be rendered any number of times.
public final class Report {
    public let options: ReportOptions
    public let summary: Summary
    public let captures: [CaptureDescription]
    /// What of the exchanges and findings is not told of.
    public private(set) var omitted: Omitted
    /// What the captures are called, as their paths say: the name of the file, or the whole path where two files share a name.
    public let captureNames: [String]
    /// Servers of connections that could not be looked into.
    public let unseenNames: [(name: UnseenName, connections: UInt64)]
    private var exchanges: SortedSpool
    /// Exchanges of which no more than the place is known.
    private var connections: SortedSpool
    private var messages: MessageSpool
    /// Exchanges that others refer to.
    private var parents: Set<SortKey>
    /// What was found by comparing exchanges, by the exchange it is told with.
    private var correlated: [SortKey: [Finding]] = [:]
    /// The same where that exchange is not told of.
    private var adrift: [Finding] = []
    private var retries: [SortKey: SortKey] = [:]
    private let connectionGroups: [ConnectionGroup]
    private let counts: SpooledCounts

    init(
        options: ReportOptions, summary: Summary, captures: [CaptureDescription], exchanges: consuming SortedSpool,
        counts: SpooledCounts, connections: consuming SortedSpool,
        messages: consuming MessageSpool,
        parents: Set<SortKey>,
        connectionFindings: [ConnectionGroup],
        unseenNames: [(UnseenName, UInt64)], omitted: Omitted
    ) {
        self.options = options
        self.summary = summary
        self.captures = captures
        captureNames = Self.names(of: captures)
        self.exchanges = exchanges
        self.connections = connections
        self.messages = messages
        self.parents = parents
        self.connectionGroups = connectionFindings
        self.counts = counts
        self.unseenNames = unseenNames
        self.omitted = omitted
    }

    /// Takes what was found by comparing exchanges; the evidence is looked up in those that are kept.
    func attach(_ found: [(Suspicion, Finding)], retries: [ExchangeKey: ExchangeKey], inspector: Inspector) {
        for (later, demand) in retries {
            self.retries[SortKey(later)] = SortKey(demand)
            parents.insert(SortKey(demand))
        }
        guard !found.isEmpty else { return }
        var findings = found.map(\.1)
        // What is no exchange was asked last.
        let shown = findings.map(\.evidence)
        for index in findings.indices { findings[index].evidence = [] }
        // Who is wanted, and for which findings.
        var wanted: [SortKey: [Int]] = [:]
        for (index, (suspicion, _)) in found.enumerated() {
            for key in [suspicion.key] + suspicion.earlier { wanted[SortKey(key), default: []].append(index) }
        }
        var told: Set<SortKey> = []
        // What cannot be read now cannot be read later either, and is said then.
        try? forEachPacked { packed in
            guard let indices = wanted[packed.key], let exchange = try packed.exchange()?.exchange else { return true }
            told.insert(packed.key)
            for index in indices {
                findings[index].evidence += inspector.evidence(of: findings[index], in: exchange)
                if exchange.key == findings[index].exchange { inspector.complete(&findings[index], with: exchange) }
            }
            return true
        }
        for index in findings.indices { findings[index].evidence += shown[index] }
        for finding in findings {
            guard let key = finding.exchange.map({ SortKey($0) }) else { continue }
            if told.contains(key) { correlated[key, default: []].append(finding) } else { adrift.append(finding) }
        }
    }

    /// What comparing exchanges showed, in order of the exchanges.
    public var correlatedFindings: [Finding] {
        correlated.sorted { $0.key < $1.key }.flatMap(\.value) + adrift
    }

    /// Several captures were read: a packet number alone says too little.
    public var hasSeveralCaptures: Bool { captures.count > 1 }

    private static func names(of captures: [CaptureDescription]) -> [String] {
        let names = captures.map { $0.path.split(separator: "/").last ?? $0.path[...] }
        let uses = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
        return zip(captures, names).map { capture, name in
            String(uses[name] == 1 ? name : capture.path[...])
        }
    }

    /// Whether the temporary file was needed.
    var hasSpilled: Bool { exchanges.hasSpilled }

    /// Calls `body` with each exchange that is reported, in order of its request.
    public func forEachExchange(_ body: (ReportedExchange) throws -> Void) throws {
        try forEachPacked { packed in
            guard let exchange = try packed.exchange() else { return true }
            try body(exchange)
            return true
        }
    }

    /// Calls `body` with each finding that is reported.
    ///
    /// Those of exchanges come in the order of these, then those of connections.
    public func forEachFinding(_ body: (ReportedFinding) throws -> Void) throws {
        try forEachPacked { packed in
            for finding in try packed.findings() { try body(finding) }
            return true
        }
        for finding in connectionFindings { try body(finding) }
    }

    /// Calls `body` with each exchange that is reported and with a walk over its messages, which were kept where
    /// `ReportOptions.messages` asked for them.
    public func forEachExchange(withMessages body: (ReportedExchange, inout MessageWalk) throws -> Void) throws {
        var walk = try messages.walk()
        try forEachExchange { reported in
            try walk.begin(reported.exchange.key)
            try body(reported, &walk)
        }
    }

    /// Calls `body` with a walk over the messages of an exchange.
    public func withMessages<Result>(
        of reported: ReportedExchange, _ body: (inout MessageWalk) throws -> Result
    ) throws -> Result {
        var walk = try messages.walk()
        try walk.begin(reported.exchange.key)
        return try body(&walk)
    }

    /// The exchange with that id.
    public func exchange(id: Int) throws -> ReportedExchange? {
        var found: ReportedExchange?
        try forEachPacked { packed in
            guard packed.id == id else { return packed.id < id }
            found = try packed.exchange()
            return false
        }
        return found
    }

    /// Findings about connections and captures.
    public var connectionFindings: [ReportedFinding] {
        let first = counts.findings + correlated.values.reduce(0) { $0 + $1.count } + 1
        let about = adrift.map { ($0, $0.mark) } + connectionGroups.map { ($0.finding, $0.mark) }
        return about.enumerated().map { index, about in
            ReportedFinding(id: first + index, finding: about.0, exchange: nil, consequenceOf: nil, mark: about.1)
        }
    }

    /// Calls `body` with every connection, in order of its first packet; none unless they were asked for.
    public func forEachConnection(_ body: (ConnectionRecord) throws -> Void) throws {
        try connections.forEach { _, record in
            var reader = ByteReader(record)
            try body(try reader.record(ConnectionRecord.self))
            return true
        }
    }

    /// How many exchanges were counted but are not told of.
    public var leftOut: (withFindings: Int, clean: Int) {
        (counts.withFindings - told.withFindings, counts.clean - told.clean)
    }

    private var told: (withFindings: Int, clean: Int) {
        guard !options.everyExchange else { return (counts.withFindings, counts.clean) }
        return (min(counts.withFindings, options.exchangesWithFindings), min(counts.clean, options.cleanExchanges))
    }

    private func forEachPacked(_ body: (Packed) throws -> Bool) throws {
        // Exchanges and findings that came in the walk.
        var walked = (exchanges: 0, findings: 0)
        var kept = (withFindings: 0, clean: 0)
        var parentIDs: [SortKey: Int] = [:]
        let told = told
        try exchanges.forEach { key, record in
            if !options.everyExchange, kept == told { return false }
            let id = walked.exchanges + 1
            if parents.contains(key) { parentIDs[key] = id }
            var reader = ByteReader(record)
            let findingCount = Int(clamping: try reader.unsigned())
            let isKept = try reader.flag()
            let more = correlated.isEmpty ? [] : correlated[key] ?? []
            var packed = Packed(
                key: key, id: id, firstFinding: walked.findings + 1, findingCount: findingCount,
                more: more, isKept: isKept,
                reader: reader, parentIDs: parentIDs, retryOf: retries[key].flatMap { parentIDs[$0] })
            if !options.everyExchange, packed.isKept {
                // Keys that were among the least when they came may no longer be.
                if findingCount > 0 {
                    packed.isKept = kept.withFindings < told.withFindings
                    kept.withFindings += packed.isKept ? 1 : 0
                } else {
                    packed.isKept = kept.clean < told.clean
                    kept.clean += packed.isKept ? 1 : 0
                }
            }
            walked.exchanges += 1
            walked.findings += findingCount + more.count
            return try body(packed)
        }
    }
}

/// A record of the spool on its way to being an exchange.
private struct Packed {
    let key: SortKey
    let id: Int
    let firstFinding: Int
    /// Findings in the record, and those that comparing exchanges added.
    let findingCount: Int
    let more: [Finding]
    var isKept: Bool
    let reader: ByteReader
    let parentIDs: [SortKey: Int]
    let retryOf: Int?

    /// The findings alone; the exchange is not unpacked.
    func findings() throws -> [ReportedFinding] {
        guard isKept, findingCount + more.count > 0 else { return [] }
        var reader = reader
        _ = try reader.count()
        return try read(&reader)
    }

    func exchange() throws -> ReportedExchange? {
        guard isKept else { return nil }
        var reader = reader
        _ = try reader.count()
        let findings = try read(&reader)
        let exchange = try reader.record(Exchange.self)
        let validity = try reader.record(Validity.self)
        return ReportedExchange(
            id: id, exchange: exchange, parent: exchange.parent.flatMap { parentIDs[SortKey($0)] }, retryOf: retryOf,
            findings: findings, validity: validity)
    }

    private func read(_ reader: inout ByteReader) throws -> [ReportedFinding] {
        var findings: [ReportedFinding] = []
        for index in 0..<(findingCount + more.count) {
            let finding = index < findingCount ? try reader.record(Finding.self) : more[index - findingCount]
            findings.append(
                ReportedFinding(
                    id: firstFinding + index, finding: finding, exchange: id, consequenceOf: nil, mark: finding.mark))
        }
        for index in findings.indices {
            guard let rule = findings[index].finding.consequenceOf else { continue }
            findings[index].consequenceOf = findings.first { $0.finding.rule == rule }?.id
        }
        return findings
    }
}

extension Finding {
    /// The packet it is about; that of its exchange is what remains when it shows no bytes.
    package var mark: Arrival {
        evidence.first?.place.first
            ?? Arrival(
                packet: exchange?.packet ?? 0, capture: exchange?.capture ?? 0, time: Timestamp(nanoseconds: 0),
                heard: nil)
    }
}

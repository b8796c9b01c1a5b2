// A finished analysis. It can be walked any number of times, always in the same order; each walk merges the
// spool anew and holds one exchange at a time.

public import Inspection
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
    public var mark: PacketMark
}

/// An exchange with the numbers it goes by in this report.
public struct ReportedExchange: Sendable {
    public var id: Int
    public var exchange: Exchange
    /// The exchange it travelled inside.
    public var parent: Int?
    public var findings: [ReportedFinding]
}

/// A finished analysis, ready to be rendered any number of times.
public final class Report {
    public let options: ReportOptions
    public let summary: Summary
    public let captures: [CaptureDescription]
    /// What of the exchanges and findings is not told of.
    public private(set) var omitted: Omitted
    let unseenNames: [(name: UnseenName, connections: UInt64)]
    private var exchanges: SortedSpool
    private var connections: SortedSpool
    private let parents: Set<SortKey>
    private let connectionGroups: [ConnectionGroup]
    private let counts: SpooledCounts

    init(
        options: ReportOptions, summary: Summary, captures: [CaptureDescription], exchanges: consuming SortedSpool,
        counts: SpooledCounts, connections: consuming SortedSpool, parents: Set<SortKey>,
        connectionFindings: [ConnectionGroup],
        unseenNames: [(UnseenName, UInt64)], omitted: Omitted
    ) {
        self.options = options
        self.summary = summary
        self.captures = captures
        self.exchanges = exchanges
        self.connections = connections
        self.parents = parents
        self.connectionGroups = connectionFindings
        self.counts = counts
        self.unseenNames = unseenNames
        self.omitted = omitted
    }

    /// Several captures were read: a packet number alone says too little.
    var hasSeveralCaptures: Bool { captures.count > 1 }

    /// Whether the temporary file was needed.
    var hasSpilled: Bool { exchanges.hasSpilled }

    /// Calls `body` with each exchange that is told of, in order of its request.
    public func forEachExchange(_ body: (ReportedExchange) throws -> Void) throws {
        try forEachPacked { packed in
            guard let exchange = try packed.exchange() else { return true }
            try body(exchange)
            return true
        }
    }

    /// Calls `body` with each finding that is told of.
    ///
    /// Those of exchanges come in the order of these, then those of connections.
    public func forEachFinding(_ body: (ReportedFinding) throws -> Void) throws {
        try forEachPacked { packed in
            for finding in try packed.findings() { try body(finding) }
            return true
        }
        for finding in connectionFindings { try body(finding) }
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
        connectionGroups.enumerated().map { index, group in
            ReportedFinding(
                id: counts.findings + 1 + index, finding: group.finding, exchange: nil, consequenceOf: nil,
                mark: group.mark)
        }
    }

    /// Calls `body` with every connection, in order of its first packet; none unless they were asked for.
    public func forEachConnection(_ body: (ConnectionRecord) throws -> Void) throws {
        try connections.forEach { _, record in
            var reader = ByteReader(record)
            try body(try reader.record())
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
        var id = 1
        var nextFinding = 1
        var kept = (withFindings: 0, clean: 0)
        var parentIDs: [SortKey: Int] = [:]
        let told = told
        try exchanges.forEach { key, record in
            if !options.everyExchange, kept == told { return false }
            if parents.contains(key) { parentIDs[key] = id }
            var reader = ByteReader(record)
            let findingCount = Int(clamping: try reader.unsigned())
            var packed = Packed(
                id: id, firstFinding: nextFinding, findingCount: findingCount, isKept: try reader.flag(),
                reader: reader, parentIDs: parentIDs)
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
            id += 1
            nextFinding += findingCount
            return try body(packed)
        }
    }
}

/// A record of the spool on its way to being an exchange.
private struct Packed {
    let id: Int
    let firstFinding: Int
    let findingCount: Int
    var isKept: Bool
    let reader: ByteReader
    let parentIDs: [SortKey: Int]

    /// The findings alone; the exchange is not unpacked.
    func findings() throws -> [ReportedFinding] {
        guard isKept, findingCount > 0 else { return [] }
        var reader = reader
        _ = try reader.count()
        return try read(&reader)
    }

    func exchange() throws -> ReportedExchange? {
        guard isKept else { return nil }
        var reader = reader
        _ = try reader.count()
        let findings = try read(&reader)
        let exchange = try reader.exchange()
        return ReportedExchange(
            id: id, exchange: exchange, parent: exchange.parent.flatMap { parentIDs[SortKey($0)] }, findings: findings)
    }

    private func read(_ reader: inout ByteReader) throws -> [ReportedFinding] {
        var findings: [ReportedFinding] = []
        for index in 0..<findingCount {
            let finding = try reader.finding()
            // The packet of the exchange is what remains when a finding shows no bytes.
            let key = finding.exchange
            let mark =
                finding.evidence.first?.place.first
                ?? PacketMark(
                    packet: key?.packet ?? 0, capture: key?.capture ?? 0, time: Timestamp(nanoseconds: 0),
                    acknowledged: nil)
            findings.append(
                ReportedFinding(
                    id: firstFinding + index, finding: finding, exchange: id, consequenceOf: nil, mark: mark))
        }
        for index in findings.indices {
            guard let rule = findings[index].finding.consequenceOf else { continue }
            findings[index].consequenceOf = findings.first { $0.finding.rule == rule }?.id
        }
        return findings
    }
}

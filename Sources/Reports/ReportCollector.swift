// Between the analysis, which finishes exchanges in any order and forgets them, and the renderers, which want
// everything in request order with dense ids. Exchanges and findings are spooled; memory stays bounded.

public import Inspection
public import Traffic

/// What a report shall hold.
public struct ReportOptions: Sendable {
    /// Credentials are written as they were.
    public var showSecrets = false
    /// The table of all connections is asked for.
    public var connections = false
    /// Every exchange must be in the report (JSON, HTML). Without it (text alone) clean exchanges beyond the
    /// first few are only counted.
    public var everyExchange = true
    /// `--strict`: an inconclusive verdict counts.
    public var strict = false
    public init() {}
}

/// Counts of the whole report: `summary` of REPORT.md.
public struct Summary: Sendable {
    public enum Verdict: String, Sendable { case clean, findings, inconclusive }
    public var traffic = TrafficCounters()
    public var exchanges: UInt64 = 0
    public var outcomes: [String: UInt64] = [:]
    public var protocols: [String: UInt64] = [:]
    public var levels: [Level: UInt64] = [:]
    public var rules: [String: UInt64] = [:]
    public var verdict = Verdict.clean
    public init() {}
}

/// Receives what was found, while reading.
public final class ReportCollector {
    public init(options: ReportOptions = ReportOptions()) {}

    public func add(_ exchange: Exchange, findings: [Finding]) {}
    public func add(_ connection: ConnectionRecord, findings: [Finding]) {}

    /// The captures are read: gives the report. Ids are dense, in the order of `Exchange.key`.
    public func finish(captures: [CaptureDescription], counters: TrafficCounters) -> Report { Report() }
}

/// A finished analysis, ready to be rendered any number of times.
public final class Report {
    public var summary = Summary()
    public var captures: [CaptureDescription] = []
    init() {}
}

/// Where rendered bytes go: standard output, a file, a test's array.
public protocol ByteSink {
    mutating func write(_ bytes: [UInt8]) throws
}

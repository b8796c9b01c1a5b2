// A finding: one breach of one rule, with what shows it.

public import Traffic

/// How grave a finding is.
public enum Level: UInt8, Sendable, Comparable, CaseIterable {
    case note, warning, error
    public var name: String {
        switch self {
        case .note: "note"
        case .warning: "warning"
        case .error: "error"
        }
    }
    public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
}

/// How sure it is; missing data never yields `proven`.
public enum Certainty: UInt8, Sendable, CaseIterable {
    case proven, inferred, undetermined
    public var name: String {
        switch self {
        case .proven: "proven"
        case .inferred: "inferred"
        case .undetermined: "undetermined"
        }
    }
}

/// Who has to change something.
public enum Fault: UInt8, Sendable, CaseIterable {
    case client, server, intermediary, capture, unknown
    public var name: String {
        switch self {
        case .client: "client"
        case .server: "server"
        case .intermediary: "intermediary"
        case .capture: "capture"
        case .unknown: "unknown"
        }
    }
}

/// Bytes that show a finding.
public struct Evidence: Sendable {
    /// What one sees there, in a few words: "request head", "early bytes".
    public var label: String
    public var place: Place
    /// The bytes at `place`, as many as were kept (at most 256), with secrets blotted out unless asked for.
    public var excerpt: [UInt8]
    /// Runs of `excerpt` that were redacted; their bytes are 0x2a there.
    public var redacted: [Range<Int>]

    public init(label: String, place: Place, excerpt: [UInt8], redacted: [Range<Int>] = []) {
        self.label = label
        self.place = place
        self.excerpt = excerpt
        self.redacted = redacted
    }
}

/// One breach of a rule.
public struct Finding: Sendable {
    /// "UPG001".
    public var rule: String
    /// "upgrade-without-connection-option".
    public var name: String
    public var level: Level
    public var certainty: Certainty
    public var fault: Fault
    /// One sentence: what was seen, with the values.
    public var message: String
    public var count: UInt32 = 1
    /// "RFC 9110 7.8".
    public var source: String
    public var fix: String
    public var evidence: [Evidence] = []
    /// The rule whose finding on the same exchange this one follows from.
    public var consequenceOf: String?
    /// Rules that lacked data (only on CAP findings).
    public var withheld: [String] = []
    /// The exchange it belongs to; `nil` for a finding about a connection or the capture.
    public var exchange: ExchangeKey?
    /// The connection it belongs to.
    public var connection: UInt64?
    /// Rule, host, path without query and who is at fault, as sixteen hexadecimal digits (FNV-1a 64).
    public var fingerprint: String

    public init(
        rule: String, name: String, level: Level, certainty: Certainty, fault: Fault, message: String,
        source: String, fix: String, fingerprint: String = ""
    ) {
        self.rule = rule
        self.name = name
        self.level = level
        self.certainty = certainty
        self.fault = fault
        self.message = message
        self.source = source
        self.fix = fix
        self.fingerprint = fingerprint
    }
}

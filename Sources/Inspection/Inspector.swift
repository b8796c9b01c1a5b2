// Facts in, findings out.

public import Traffic

/// Which rules speak, and how loud.
public struct RuleSelection: Sendable {
    /// Only these, when not empty.
    public var only: Set<String> = []
    public var disabled: Set<String> = []
    /// Levels set by hand.
    public var levels: [String: Level] = [:]
    public init() {}
}

/// Judges exchanges and connections by the rules of the catalogue.
public struct Inspector: Sendable {
    public var selection: RuleSelection
    /// Secrets stand in evidence as they were on the wire.
    public var showSecrets: Bool

    public init(selection: RuleSelection = RuleSelection(), showSecrets: Bool = false) {
        self.selection = selection
        self.showSecrets = showSecrets
    }

    /// Findings about one finished exchange.
    public func inspect(_ exchange: Exchange) -> [Finding] { [] }
    /// Findings about one connection (CAP rules).
    public func inspect(_ connection: ConnectionRecord) -> [Finding] { [] }

    /// The facts behind `valid` of REPORT.md, whatever rules are enabled; `nil` when nothing was switched.
    public static func isValid(_ exchange: Exchange) -> Bool? { nil }
}

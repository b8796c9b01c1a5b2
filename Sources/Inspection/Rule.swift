// A rule: what a text asks for, why it matters, what to do, and how a breach is seen.
//
// Words and check stand together in one entry of a family file. `when` names the facts that make a breach
// possible; it is compared as bits, so that an exchange without fault costs one comparison for each rule. Only
// when all bits are there is `check` called, which looks closely and may still say nothing. `reads` says what a rule
// reads: whether it is judged while an exchange goes on derives from that, and from nothing else.

/// One entry of the catalogue; a class, because it is handed about with every check and never changes.
public final class Rule: Sendable {
    /// "UPG001".
    public let id: String
    /// "upgrade-without-connection-option".
    public let name: String
    /// The usual level; a trap named by the rule may lower that of a finding.
    public let level: Level
    /// Who usually is at fault; `.unknown` when either side can be.
    public let fault: Fault
    /// One of the rules that matter most.
    public let isCore: Bool
    /// Where the requirement stands: "RFC 9110 7.8".
    public let source: String
    /// What was seen, in one line.
    public let title: String
    /// What the source asks for.
    public let requirement: String
    /// What exactly is looked for.
    public let detect: String
    /// What follows from a breach.
    public let why: String
    /// What to do, with configuration lines.
    public let fix: String
    /// An example that breaks the rule, and one that comes close and does not.
    public let trigger: String
    public let nearMiss: String

    /// What the rule reads; all of one exchange, if its entry does not narrow that.
    let reads: Reads
    /// Findings of these rules are left out where this one has found something more telling.
    let replaces: [String]
    /// The rule needs every byte from the start of the request to the end of the response.
    let needsEveryByte: Bool
    /// What an exchange must be for the rule to apply at all.
    let scope: Facts
    /// What must be so for `check` to be worth calling; includes `scope`.
    let when: Facts
    let check: (@Sendable (Case) -> [Finding])?
    /// What must be so of a connection for `checkConnection` to be worth calling.
    let onConnection: ConnectionTraits
    let checkConnection: (@Sendable (ConnectionCase) -> [Finding])?
    /// Several exchanges show the breach together (`Correlation` sees it); this is the evidence from each of them.
    let correlates: (@Sendable (Case) -> [Evidence?])?

    init(
        _ id: String, _ name: String, _ level: Level, _ fault: Fault, core isCore: Bool = false,
        reads: Reads = .exchange, source: String,
        title: String, requirement: String, detect: String, why: String, fix: String, trigger: String,
        nearMiss: String, replaces: [String] = [], needsEveryByte: Bool = false, scope: Facts = [], when: Facts = [],
        check: (@Sendable (Case) -> [Finding])? = nil,
        onConnection: ConnectionTraits = [],
        connection checkConnection: (@Sendable (ConnectionCase) -> [Finding])? = nil,
        correlates: (@Sendable (Case) -> [Evidence?])? = nil
    ) {
        self.id = id
        self.name = name
        self.level = level
        self.fault = fault
        self.isCore = isCore
        self.source = source
        self.title = title
        self.requirement = requirement
        self.detect = detect
        self.why = why
        self.fix = fix
        self.trigger = trigger
        self.nearMiss = nearMiss
        self.reads = correlates == nil ? reads : reads.union(.neighbours)
        self.replaces = replaces
        self.needsEveryByte = needsEveryByte
        self.scope = scope
        self.when = when.union(scope)
        self.check = check
        self.onConnection = onConnection
        self.checkConnection = checkConnection
        self.correlates = correlates
    }

    /// Who is at fault, as a word; "either" when that depends on the case.
    public var faultName: String { fault == .unknown ? "either" : fault.name }
}

/// Lets a family be written as one rule after the other.
@resultBuilder
enum RuleList {
    static func buildExpression(_ rule: Rule) -> [Rule] { [rule] }
    static func buildBlock(_ rules: [Rule]...) -> [Rule] { rules.flatMap { $0 } }
}

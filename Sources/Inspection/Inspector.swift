// Facts in, findings out.
//
// Most exchanges of a large capture have nothing wrong with them, so saying "nothing" must be cheap: the facts
// are bits, computed once, and a rule whose bits are not all there is not called.

public import Traffic

/// Which rules speak, and how loud.
public struct RuleSelection: Sendable {
    /// Only these, when not empty.
    public var only: Set<String> = []
    public var disabled: Set<String> = []
    /// Levels set by hand.
    public var levels: [String: Level] = [:]
    public init() {}

    /// Whether the rule of that identifier or name may speak.
    func includes(_ rule: Rule) -> Bool {
        if disabled.contains(rule.id) || disabled.contains(rule.name) { return false }
        return only.isEmpty || only.contains(rule.id) || only.contains(rule.name)
    }

    func level(of rule: String, name: String) -> Level? {
        levels.isEmpty ? nil : levels[rule] ?? levels[name]
    }
}

/// Judges exchanges and connections by the rules of the catalogue.
public struct Inspector: Sendable {
    public var selection: RuleSelection {
        didSet { choose() }
    }
    /// Secrets stand in evidence as they were on the wire.
    public var showSecrets: Bool
    public var thresholds: Thresholds

    /// The rules that may speak, and the facts each needs, side by side.
    private var rules: [Rule] = []
    private var needs: [Facts] = []
    /// Rules that stand together and need something in common.
    private var groups: [RuleGroup] = []
    private var connectionRules: [Rule] = []
    private var correlating: [Rule] = []
    private var replacing: [Rule] = []
    /// Identifiers of rules that are judged before the end as well.
    private var early: Set<String> = []
    private let catalogue: [Rule]

    public init(
        selection: RuleSelection = RuleSelection(), showSecrets: Bool = false, thresholds: Thresholds = Thresholds()
    ) {
        self.init(Catalogue.all, selection: selection, showSecrets: showSecrets, thresholds: thresholds)
    }

    init(
        _ catalogue: [Rule], selection: RuleSelection = RuleSelection(), showSecrets: Bool = false,
        thresholds: Thresholds = Thresholds()
    ) {
        self.catalogue = catalogue
        self.selection = selection
        self.showSecrets = showSecrets
        self.thresholds = thresholds
        choose()
    }

    /// Findings about one finished exchange, in the order of the catalogue.
    @_spi(Judging) public func inspect(_ exchange: Exchange) -> [Finding] { judge(exchange).findings }

    /// All that is judged of one finished exchange.
    @_spi(Judging) public func judge(_ exchange: Exchange) -> Judgement {
        let facts = Facts(exchange)
        return Judgement(findings: inspect(exchange, facts), validity: Validity(exchange, facts))
    }

    private func inspect(_ exchange: Exchange, _ facts: Facts) -> [Finding] {
        guard let first = rules.first else { return [] }
        var subject = Case(
            exchange: exchange, facts: facts, rule: first, showSecrets: showSecrets, thresholds: thresholds)
        var findings: [Finding] = []
        var mayReplace = false
        for group in groups where group.need.isSubset(of: facts) {
            for index in group.rules where needs[index].isSubset(of: facts) {
                subject.rule = rules[index]
                if subject.rule.needsEveryByte, facts.lacksBytes { continue }
                guard let found = subject.rule.check?(subject), !found.isEmpty else { continue }
                if findings.isEmpty { findings = found } else { findings += found }
                if !subject.rule.replaces.isEmpty { mayReplace = true }
            }
        }
        guard !findings.isEmpty else { return findings }
        if mayReplace { leaveOutReplaced(&findings) }
        settle(&findings, RequestPlace(exchange))
        return findings
    }

    /// What can be said of an exchange that goes on, and will still be true at its end: by rules that read nothing that
    /// only the end shows.
    @_spi(Judging) public func judgeSoFar(_ exchange: Exchange) -> Judgement {
        var judgement = judge(exchange)
        judgement.findings.removeAll { !early.contains($0.rule) }
        return judgement
    }

    /// Findings about one connection (CAP rules).
    @_spi(Judging) public func inspect(_ connection: ConnectionRecord) -> [Finding] {
        var findings: [Finding] = []
        let traits = ConnectionTraits(connection)
        guard !traits.isEmpty else { return findings }
        for rule in connectionRules where rule.onConnection.isSubset(of: traits) {
            guard let check = rule.checkConnection else { continue }
            findings += check(ConnectionCase(record: connection, rule: rule, showSecrets: showSecrets))
        }
        guard !findings.isEmpty else { return findings }
        let name = connection.serverName ?? connection.facts.server.address.description
        let host = Array(name.utf8)[...]
        for index in findings.indices { complete(&findings[index], host: host, path: []) }
        return findings
    }

    /// The finding that a suspicion makes, without the evidence of exchanges; `nil` where its rule may not speak.
    ///
    /// The evidence, and what needs the exchange, are added by `complete` once that is at hand.
    @_spi(Judging) public func inspect(_ suspicion: Suspicion) -> Finding? {
        guard let rule = correlating.first(where: { $0.id == suspicion.rule }) else { return nil }
        let level = selection.level(of: rule.id, name: rule.name) ?? suspicion.level ?? rule.level
        var finding = Finding(
            rule: rule.id, name: rule.name, level: level, certainty: suspicion.certainty, fault: rule.fault,
            message: suspicion.message, source: rule.source, fix: rule.fix)
        finding.count = suspicion.count
        finding.exchange = suspicion.key
        finding.connection = suspicion.connection
        if let plain = suspicion.plain {
            finding.evidence.append(
                Redaction.excerpt("request in clear text again", plain.place, plain.head, showSecrets: showSecrets))
        }
        complete(&finding, host: [], path: [])
        return finding
    }

    /// What one of the exchanges of a suspicion shows; those before the one it is told with are called earlier.
    @_spi(Judging) public func evidence(of finding: Finding, in exchange: Exchange) -> [Evidence] {
        guard let rule = correlating.first(where: { $0.id == finding.rule }), let show = rule.correlates else {
            return []
        }
        let subject = Case(
            exchange: exchange, facts: Facts(exchange), rule: rule, showSecrets: showSecrets, thresholds: thresholds)
        return show(subject).compactMap { evidence in
            guard var evidence else { return nil }
            if exchange.key != finding.exchange { evidence.label += ", earlier" }
            return evidence
        }
    }

    /// Fills in what a finding of several exchanges needs from the one it is told with.
    @_spi(Judging) public func complete(_ finding: inout Finding, with exchange: Exchange) {
        let place = RequestPlace(exchange)
        complete(&finding, host: place.host, path: place.path)
    }

    private mutating func choose() {
        rules = catalogue.filter { $0.check != nil && selection.includes($0) }
        needs = rules.map(\.when)
        groups = RuleGroup.of(needs)
        early = Set(rules.lazy.filter(\.reads.areKnownEarly).map(\.id))
        replacing = rules.filter { !$0.replaces.isEmpty }
        correlating = catalogue.filter { $0.correlates != nil && selection.includes($0) }
        connectionRules = catalogue.filter { $0.checkConnection != nil && selection.includes($0) }
    }

    /// Leaves out what a more telling finding replaces.
    private func leaveOutReplaced(_ findings: inout [Finding]) {
        guard findings.count > 1 else { return }
        for rule in replacing where findings.contains(where: { $0.rule == rule.id }) {
            findings.removeAll { rule.replaces.contains($0.rule) }
        }
    }

    /// Fills in what needs all findings of the exchange; links that lead nowhere are cut.
    private func settle(_ findings: inout [Finding], _ place: RequestPlace) {
        for index in findings.indices {
            if let cause = findings[index].consequenceOf, !findings.contains(where: { $0.rule == cause }) {
                findings[index].consequenceOf = nil
            }
            complete(&findings[index], host: place.host, path: place.path)
        }
    }

    private func complete(_ finding: inout Finding, host: ArraySlice<UInt8>, path: ArraySlice<UInt8>) {
        if let level = selection.level(of: finding.rule, name: finding.name) { finding.level = level }
        finding.fingerprint = Fingerprint.of(rule: finding.rule, host: host, path: path, fault: finding.fault)
    }
}

/// Rules that stand together in the catalogue, and what all of them need: where that is not there, none is looked at.
private struct RuleGroup {
    private(set) var need: Facts
    private(set) var rules: Range<Int>

    static func of(_ needs: [Facts]) -> [RuleGroup] {
        var groups: [RuleGroup] = []
        for (index, need) in needs.enumerated() {
            if let last = groups.last, !last.need.isDisjoint(with: need) {
                groups[groups.count - 1].need.formIntersection(need)
                groups[groups.count - 1].rules = last.rules.lowerBound..<(index + 1)
            } else {
                groups.append(RuleGroup(need: need, rules: index..<(index + 1)))
            }
        }
        return groups
    }
}

extension Finding {
    /// Equal for findings about connections that say the same, so that a report can count them as one; `nil`
    /// for a finding about an exchange.
    public var mergeKey: String? { exchange == nil ? "\(rule)\u{0}\(message)" : nil }
}

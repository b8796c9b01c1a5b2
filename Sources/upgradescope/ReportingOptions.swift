// What every command that judges traffic has in common: how bytes are believed, what is judged, what is written where.

import ArgumentParser
import Inspection
import Investigation
import Reports
import Traffic

/// How traffic is taken apart, whatever comes of it.
struct TrafficOptions: ParsableArguments {
    @Option(help: "Which copy of overlapping bytes is believed that were not delivered yet.")
    var overlap = OverlapChoice.first

    @Option(help: ArgumentHelp("Change a ceiling; may be repeated. Names: \(limitNames).", valueName: "k=v"))
    var limits: [LimitSetting] = []

    @Option(
        help: ArgumentHelp(
            "Pages of this origin may open WebSockets of other hosts (SMG007); *.example.org is all below; may be repeated.",
            valueName: "host"))
    var allowOrigin: [String] = []

    @Option(
        help: ArgumentHelp(
            "A port to which tunnels are usual, beside 80, 443 and 8443 (CON006); may be repeated.", valueName: "port"))
    var connectPort: [Int] = []

    @Flag(help: "Show credentials as they are on the wire.")
    var showSecrets = false

    func validate() throws {
        var known = Limits()
        var thresholds = Thresholds()
        for limit in limits
        where !known.set(limit.name, to: limit.value) && !thresholds.set(limit.name, to: limit.value) {
            throw ValidationError("--limits: '\(limit.name)' is none of \(limitNames)")
        }
        for port in connectPort where !(1...65535).contains(port) {
            throw ValidationError("--connect-port: \(port) is no port")
        }
        for host in allowOrigin
        where host.isEmpty || host.utf8.contains(where: { $0 <= 0x20 || $0 == 0x2f || $0 == 0x7f }) {
            throw ValidationError(
                "--allow-origin: '\(host)' is no host: app.example.org, with a port, or *.example.org")
        }
    }

    /// The same for the analyzer.
    var analyzerOptions: AnalyzerOptions {
        var options = AnalyzerOptions()
        options.overlap = overlap == .first ? .first : .last
        for limit in limits { _ = options.limits.set(limit.name, to: limit.value) }
        options.demandSeconds = thresholds.demandMemory
        return options
    }

    /// Times that rules compare with.
    var thresholds: Thresholds {
        var thresholds = Thresholds()
        for limit in limits { _ = thresholds.set(limit.name, to: limit.value) }
        thresholds.origins = allowOrigin
        thresholds.connectPorts = Set(connectPort)
        return thresholds
    }
}

private var limitNames: String {
    (Limits.names.sorted() + Thresholds.names.keys.sorted()).joined(separator: ", ")
}

/// By which rules is judged, and what of it makes the exit status.
struct JudgingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Judge by these rules only (IDs or names).", valueName: "id,..."))
    var rules: [RuleList] = []

    @Option(help: ArgumentHelp("Leave these rules out.", valueName: "id,..."))
    var disable: [RuleList] = []

    @Option(help: ArgumentHelp("Change the level of a rule: note, warning or error.", valueName: "id=level"))
    var level: [LevelSetting] = []

    @Option(help: "The least level that makes the exit status 1.")
    var failOn = FailureLevel.error

    @Flag(help: "An inconclusive verdict counts like a damaged input (exit status 4).")
    var strict = false

    func validate() throws { _ = try selection() }

    /// The first of the options that was given; `nil` where nothing but what stands by itself is wanted.
    var given: String? {
        if !rules.isEmpty { return "--rules" }
        if !disable.isEmpty { return "--disable" }
        if !level.isEmpty { return "--level" }
        if failOn != .error { return "--fail-on" }
        return strict ? "--strict" : nil
    }

    /// What is judged by.
    func inspector(_ traffic: TrafficOptions) throws -> Inspector {
        Inspector(selection: try selection(), showSecrets: traffic.showSecrets, thresholds: traffic.thresholds)
    }

    /// What the report means for the exit status.
    func judge(_ report: Report, _ status: inout ExitStatus) {
        status.findings = report.summary.levels.contains { $1 > 0 && failOn.includes($0) }
        if strict, report.summary.verdict == .inconclusive { status.damaged = true }
    }

    private func selection() throws -> RuleSelection {
        var selection = RuleSelection()
        selection.only = Set(try rules.flatMap(\.ids).map(ruleID))
        selection.disabled = Set(try disable.flatMap(\.ids).map(ruleID))
        for setting in level { selection.levels[try ruleID(setting.id)] = setting.level }
        if !selection.only.isEmpty, selection.only.isSubset(of: selection.disabled) {
            throw ValidationError("--disable: none of the rules that --rules names is left")
        }
        return selection
    }
}

/// How much is told.
struct TellingOptions: ParsableArguments {
    @Flag(help: "Print errors and what was asked for by name, nothing else.")
    var quiet = false

    @Option(help: "Colour the text.")
    var color = ColorChoice.auto
}

/// What is judged, and what is written where.
struct ReportingOptions: ParsableArguments {
    @OptionGroup var formats: FormatOptions<AnalysisFormats>

    @OptionGroup var judging: JudgingOptions

    @Flag(help: "Tell of every connection, also of those without an exchange.")
    var connections = false

    @Flag(help: "SHA-256 of the bytes of each stream, in the table of all connections.")
    var streamDigests = false

    @Flag(help: "With --ndjson: every WebSocket message as an event of its own, with what it says.")
    var messages = false

    @OptionGroup var telling: TellingOptions

    var quiet: Bool { telling.quiet }
    var color: ColorChoice { telling.color }

    /// What the analyzer looks at.
    func analyzerOptions(_ traffic: TrafficOptions) -> AnalyzerOptions {
        var options = traffic.analyzerOptions
        options.allConnections = connections || streamDigests
        options.streamDigests = streamDigests
        options.transcript.messages = needsMessages || messages
        if !needsMessages { options.transcript.payloadBytes = Self.messageBytes }
        return options
    }

    /// Bytes of a message that an event holds at most.
    private static let messageBytes = 1 << 20

    /// Whether a report is written that holds what was said.
    private var needsMessages: Bool { formats.wanted.contains { $0.needsMessages } }

    /// What is judged by, and what the report holds.
    func judgeOptions(for outputs: Outputs, _ traffic: TrafficOptions) throws -> JudgeOptions {
        var report = ReportOptions()
        report.showSecrets = traffic.showSecrets
        report.connections = connections || streamDigests
        report.everyExchange = outputs.needEveryExchange
        report.messages = needsMessages
        report.strict = judging.strict
        report.failureLevel = judging.failOn.level
        return JudgeOptions(inspector: try judging.inspector(traffic), report: report)
    }

    /// Who writes the events; `nil` where nobody wants them.
    func events(for outputs: Outputs, _ traffic: TrafficOptions) -> EventFiles? {
        var options = EventOptions()
        options.showSecrets = traffic.showSecrets
        options.messages = messages
        return outputs.events(options)
    }

    /// What is written where; standard output takes one of them.
    func plan(inputs: [String]) throws -> OutputPlan<ReportFormat> {
        var plan = OutputPlan<ReportFormat>()
        try add(to: &plan, inputs: inputs, otherwise: .text)
        return plan
    }

    /// Adds what was asked for; standard output, unless it is taken, is for `fallback`.
    func add(to plan: inout OutputPlan<ReportFormat>, inputs: [String], otherwise fallback: ReportFormat) throws {
        try formats.add(to: &plan, otherwise: quiet ? nil : fallback, inputs: inputs)
        if messages, !plan.targets.contains(where: { $0.format.isEvents }) {
            throw ValidationError("--messages needs --ndjson")
        }
    }
}

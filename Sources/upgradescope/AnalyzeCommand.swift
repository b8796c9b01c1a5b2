// `upgradescope analyze`: captures in, findings out.

import ArgumentParser
import Inspection
import Reports
import Traffic

/// What to read and how, for every command that reads captures.
struct ReadingOptions: ParsableArguments {
    @Option(name: .customShort("c"), help: ArgumentHelp("Stop after this many packets.", valueName: "n"))
    var count: UInt64?

    @Option(help: ArgumentHelp("Leave out packets before this time (RFC 3339, or seconds since 1970).", valueName: "t"))
    var since: TimeBound?

    @Option(help: ArgumentHelp("Leave out packets after this time.", valueName: "t"))
    var until: TimeBound?

    @Option(help: "Which copy of overlapping bytes is believed that were not delivered yet.")
    var overlap = OverlapChoice.first

    @Option(help: ArgumentHelp("Change a ceiling; may be repeated. Names: \(limitNames).", valueName: "k=v"))
    var limits: [LimitSetting] = []

    @Flag(help: "Show credentials as they are on the wire.")
    var showSecrets = false

    func validate() throws {
        if let since, let until, until.time < since.time { throw ValidationError("--until lies before --since") }
        var known = Limits()
        var thresholds = Thresholds()
        for limit in limits
        where !known.set(limit.name, to: limit.value) && !thresholds.set(limit.name, to: limit.value) {
            throw ValidationError("--limits: '\(limit.name)' is none of \(limitNames)")
        }
    }

    /// The same for the analyzer.
    var analyzerOptions: AnalyzerOptions {
        var options = AnalyzerOptions()
        options.overlap = overlap == .first ? .first : .last
        for limit in limits { _ = options.limits.set(limit.name, to: limit.value) }
        return options
    }

    /// Times that rules compare with.
    var thresholds: Thresholds {
        var thresholds = Thresholds()
        for limit in limits { _ = thresholds.set(limit.name, to: limit.value) }
        return thresholds
    }

    var packetFilter: PacketFilter {
        PacketFilter(since: since?.time, until: until?.time, count: count ?? .max)
    }
}

private var limitNames: String {
    (Limits.names.keys.sorted() + Thresholds.names.keys.sorted()).joined(separator: ", ")
}

struct AnalyzeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "analyze", abstract: "Read captures and print what is wrong with the upgrades in them.",
        discussion: """
            Several captures are one analysis: those that follow one another in time are read as one capture, \
            those that overlap as separate taps. '-' is standard input or standard output.
            """)

    @Argument(help: ArgumentHelp("pcap or pcapng files (also gzip, zstd), directories, or '-'.", valueName: "capture"))
    var captures: [String]

    @Option(help: ArgumentHelp("Write the JSON report.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Write the HTML report.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("Write events, one JSON object a line, while they happen.", valueName: "file"))
    var ndjson: String?

    @Option(help: "What to print on standard output (default: text).")
    var format: OutputFormat?

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

    @Option(help: ArgumentHelp("Read with this many threads; the report is the same.", valueName: "n"))
    var jobs = 1

    @Flag(help: "Read all captures at once, by time: files that hold one direction each.")
    var merge = false

    @OptionGroup var reading: ReadingOptions

    @Flag(help: "Tell of every connection, also of those without an exchange.")
    var connections = false

    @Flag(help: "SHA-256 of the bytes of each stream, in the table of all connections.")
    var streamDigests = false

    @Flag(help: "Print errors and what was asked for by name, nothing else.")
    var quiet = false

    @Option(help: "Colour the text.")
    var color = ColorChoice.auto

    func validate() throws {
        _ = try selection()
        _ = try plan()
        guard (1...Jobs.limit).contains(jobs) else { throw ValidationError("--jobs: 1 to \(Jobs.limit)") }
        guard captures.count <= Int(UInt16.max) else { throw ValidationError("more than 65535 captures") }
    }

    func run() throws {
        var status = ExitStatus()
        let outputs = Outputs(try plan(), layout: color.layout)

        var reportOptions = ReportOptions()
        reportOptions.showSecrets = reading.showSecrets
        reportOptions.connections = connections || streamDigests
        reportOptions.everyExchange = outputs.needEveryExchange
        reportOptions.strict = strict
        var analyzerOptions = reading.analyzerOptions
        analyzerOptions.allConnections = connections || streamDigests
        analyzerOptions.streamDigests = streamDigests

        let judgeOptions = JudgeOptions(
            inspector: Inspector(
                selection: try selection(), showSecrets: reading.showSecrets, thresholds: reading.thresholds),
            report: reportOptions)
        let judge = Judge(judgeOptions, events: outputs.eventFiles)
        var analysis = Analysis(
            options: analyzerOptions, filter: reading.packetFilter, judge: judge,
            progress: Progress(total: totalSize(of: captures), quiet: quiet))

        Signals.watch()
        let report = analysis.run(captures, jobs: workers(judgeOptions, outputs))

        status.unreadable = analysis.isUnreadable
        status.interrupted = Signals.interrupted
        status.damaged = analysis.isDamaged
        if let report {
            status.findings = report.summary.levels.contains { $1 > 0 && failOn.includes($0) }
            if strict, report.summary.verdict == .inconclusive { status.damaged = true }
            outputs.write(report)
        } else {
            outputs.abandon()
        }
        status.unwritable = !outputs.finish(quiet: quiet)
        try finish(with: status)
    }

    private func workers(_ judge: JudgeOptions, _ outputs: Outputs) -> Jobs {
        var workers = Jobs(count: jobs, isMerged: merge, judge: judge.share(of: jobs))
        if jobs > 1, !outputs.eventFiles.isEmpty {
            say("events are written while reading: one job")
            workers.count = 1
        }
        return workers
    }

    /// Bytes there are to read; unknown when an input is a pipe or a directory.
    private func totalSize(of paths: [String]) -> Int64? {
        var total: Int64 = 0
        for path in paths {
            guard let size = System.size(of: path) else { return nil }
            total += size
        }
        return total
    }

    private func selection() throws -> RuleSelection {
        var selection = RuleSelection()
        selection.only = Set(try rules.flatMap(\.ids).map(ruleID))
        selection.disabled = Set(try disable.flatMap(\.ids).map(ruleID))
        for setting in level { selection.levels[try ruleID(setting.id)] = setting.level }
        return selection
    }

    /// What is written where; standard output takes one of them.
    private func plan() throws -> OutputPlan {
        var plan = OutputPlan()
        for (option, format, path) in [("--json", .json, json), ("--html", .html, html), ("--ndjson", .ndjson, ndjson)]
            as [(String, OutputFormat, String?)]
        {
            guard let path else { continue }
            guard !path.isEmpty else { throw ValidationError("\(option): the name is empty") }
            try plan.add(format, to: path, option: option, inputs: captures)
        }
        if let format {
            try plan.add(format, to: "-", option: "--format", inputs: captures)
        } else if !plan.usesStandardOutput, !quiet {
            try plan.add(.text, to: "-", option: "--format", inputs: captures)
        }
        return plan
    }
}

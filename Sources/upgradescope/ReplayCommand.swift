// `upgradescope replay`: recorded exchanges said to a live server, and what came back compared.

import ArgumentParser
import Ground
import Inspection
import Replay
import Reports
import Synchronization
import Traffic

extension DurationArgument: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }
}

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Say recorded exchanges to a live server and compare what comes back.",
        discussion: """
            Each exchange is said as a client would: a fresh key, fresh masks, extensions negotiated anew. There is \
            no default target, and nothing is sent to any other. Credentials are sent only with --send-credentials.

            Exit status: 0 everything is the same, 1 something differs or failed, 2 wrong usage, 3 an input cannot \
            be read or the target never answered, 4 an input is damaged, 6 an output cannot be written, 130 interrupted.
            """)

    @Option(help: ArgumentHelp("The server to talk to: ws://, wss://, http://, https:// or tcp://.", valueName: "url"))
    var to: String

    @Flag(help: "Print what would be sent, and send nothing.")
    var dryRun = false

    @OptionGroup var choice: SessionOptions

    // The request.

    @Flag(help: "Send the recorded Host instead of the target's.")
    var keepHost = false

    @Option(help: ArgumentHelp("Set a field; may be repeated.", valueName: "name: value"))
    var setHeader: [String] = []

    @Option(help: ArgumentHelp("Leave a field out; may be repeated.", valueName: "name"))
    var dropHeader: [String] = []

    @Option(help: ArgumentHelp("Put this in front of every path.", valueName: "path"))
    var pathPrefix = ""

    @Option(help: ArgumentHelp("Offer these subprotocols instead of the recorded ones.", valueName: "name,..."))
    var subprotocol: String?

    @Flag(help: "Send recorded credentials: Authorization, Cookie, tokens in the target.")
    var sendCredentials = false

    @Flag(help: "Send the requests that came earlier on the same connection as well.")
    var withHistory = false

    @Option(help: ArgumentHelp("Trust the authorities in this PEM file (wss://).", valueName: "file"))
    var cacert: String?

    @Flag(help: "Accept any certificate (wss://).")
    var insecure = false

    // The conversation.

    @Option(
        help: ArgumentHelp(
            "When messages are sent: causal, recorded, xN, fast; a close always waits for what came before it.",
            valueName: "pace"))
    var pace = "causal"

    @Option(help: "How it is known that a recorded message has come.")
    var match = MatchChoice.order

    @Option(help: ArgumentHelp("How long to wait for what should come (5s, 500ms).", valueName: "time"))
    var timeout = DurationArgument(nanoseconds: 5_000_000_000)

    @Flag(help: "Cut messages into frames as they were recorded.")
    var keepFragments = false

    @Flag(help: "Send recorded pings and pongs; without it pings are answered only.")
    var replayControl = false

    @Flag(help: "Send the client's bytes exactly as they were recorded; needs --i-own-the-target.")
    var raw = false

    @Flag(help: "The target is yours to attack.")
    var iOwnTheTarget = false

    // The comparison.

    @Option(
        help: ArgumentHelp(
            "Leave differences out: json:/path (* is any member), regex:PATTERN, header:NAME; may be repeated.",
            valueName: "what"))
    var ignore: [String] = []

    @Flag(help: "The order of the server's messages does not matter.")
    var ignoreOrder = false

    @Option(
        help: ArgumentHelp(
            "Take this value from live answers into later messages (json:/token); it need not be the recorded one.",
            valueName: "what"))
    var carry: [String] = []

    @Option(help: ArgumentHelp("An answer that takes longer is a difference.", valueName: "time"))
    var latencyBudget: DurationArgument?

    // Load.

    @Option(help: ArgumentHelp("So many sessions at a time.", valueName: "n"))
    var concurrency = 1

    @Option(name: .customLong("repeat"), help: ArgumentHelp("Say each exchange so many times.", valueName: "n"))
    var repeats = 1

    @Option(help: ArgumentHelp("Reach the full concurrency or rate after this time.", valueName: "time"))
    var ramp = DurationArgument(nanoseconds: 0)

    @Option(help: ArgumentHelp("Begin so many sessions a second, whatever became of those before.", valueName: "n"))
    var rate: Double?

    @Option(help: ArgumentHelp("Refuse to say more sessions than this.", valueName: "n"))
    var mostSessions = 100_000

    @Option(
        help: ArgumentHelp(
            "Take at most so many bytes of one session (k, m, g; default 64m, under load 1m, and never less than four times the recording).",
            valueName: "n"))
    var mostBytes: ByteCount?

    // Output.

    @Option(name: .customShort("w"), help: ArgumentHelp("Write what was said as pcapng.", valueName: "file"))
    var packets: String?

    @Option(help: ArgumentHelp("Write the JSON report.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Write the HTML report.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("Write a JUnit report.", valueName: "file"))
    var junit: String?

    @Option(help: "What to print on standard output (default: text).")
    var format: ReplayFormat?

    @OptionGroup var reading: ReadingOptions

    @OptionGroup var telling: TellingOptions

    private var quiet: Bool { telling.quiet }
    private var color: ColorChoice { telling.color }

    func validate() throws {
        _ = try target()
        _ = try replayOptions()
        guard raw == false || iOwnTheTarget else {
            throw ValidationError("--raw sends bytes that may harm a server: it needs --i-own-the-target")
        }
        if raw {
            // Who wants something left out must not believe that it is.
            for (option, isGiven) in [
                ("--set-header", !setHeader.isEmpty), ("--drop-header", !dropHeader.isEmpty),
                ("--path-prefix", !pathPrefix.isEmpty), ("--subprotocol", subprotocol != nil),
                ("--carry", !carry.isEmpty),
            ] where isGiven {
                throw ValidationError("\(option) changes what is sent, and --raw sends the bytes as they were")
            }
        }
        guard concurrency > 0, concurrency <= 20_000 else { throw ValidationError("--concurrency: 1 to 20000") }
        guard repeats > 0 else { throw ValidationError("--repeat: at least 1") }
        if let rate {
            guard rate > 0, rate <= 10_000 else { throw ValidationError("--rate: more than 0, at most 10000 a second") }
            guard concurrency == 1 else { throw ValidationError("--rate and --concurrency exclude each other") }
        }
        guard mostSessions > 0 else { throw ValidationError("--most-sessions: at least 1") }
        guard cacert == nil || !insecure else { throw ValidationError("--cacert and --insecure exclude each other") }
        _ = try outputs()
    }

    func run() throws {
        var status = ExitStatus()
        let server = try target()
        let options = try replayOptions()
        Signals.watch()

        guard
            let chosen = SessionSource.choose(choice, reading: reading, keepsRaw: raw, quiet: quiet, &status)
        else { return try finish(with: status) }

        let scripts = scripts(of: chosen, server, options)
        let plan = plan(scripts, server, options)
        if raw, !sendCredentials,
            let script = scripts.first(where: { $0.plan.skipped == nil && holdsCredentials($0.session) })
        {
            say(
                "exchange \(script.plan.id): its bytes hold credentials, and --raw cannot leave them out: it needs --send-credentials"
            )
            status.usage = true
            return try finish(with: status)
        }
        let count = scripts.filter { $0.plan.skipped == nil }.count
        guard count.multipliedReportingOverflow(by: repeats).partialValue <= mostSessions, repeats <= mostSessions
        else {
            say("\(count) exchanges, \(repeats) times each, are more than --most-sessions \(mostSessions)")
            status.usage = true
            return try finish(with: status)
        }
        let files = ReplayOutputs(try outputs(), packets: dryRun ? nil : packets, layout: color.layout)
        if dryRun {
            files.write(ReplayReport(dryRun: scripts, plan: plan))
            status.unwritable = !files.finish(quiet: quiet)
            return try finish(with: status)
        }
        let runner: ReplayRunner
        do throws(ReplayFailure) {
            runner = try ReplayRunner(
                scripts: scripts, target: server, options: options, load: loadOptions,
                security: TargetSecurity(authorities: cacert, isInsecure: insecure),
                inspector: Inspector(showSecrets: reading.showSecrets, thresholds: reading.thresholds),
                start: System.now, threads: System.processors, sink: files.packetFile)
        } catch {
            say(error.words)
            status.usage = true
            return try finish(with: status)
        }
        let shown = ReplayProgressLine(isOn: !quiet && Terminal.isTerminal(2))
        let report = runner.run(plan: plan, isStopped: { Signals.interrupted }, progress: { shown.update($0) })
        shown.end()

        status.interrupted = Signals.interrupted
        status.findings = report.count(.differs) + report.count(.failed) > 0
        if report.count(.failed) > 0, !report.wasAnswered { status.unreadable = true }
        files.write(report)
        status.unwritable = !files.finish(quiet: quiet)
        try finish(with: status)
    }

    // MARK: What was asked for

    private var loadOptions: LoadOptions {
        var load = LoadOptions()
        load.concurrency = concurrency
        load.repeats = repeats
        load.rate = rate
        load.ramp = ramp.nanoseconds
        // Some files are open anyway.
        let files = System.raiseFileLimit() - 64
        load.concurrency = min(load.concurrency, max(1, files))
        load.mostOpen = min(load.mostOpen, max(1, files))
        if load.concurrency < concurrency {
            say("only \(load.concurrency) sessions at a time: the limit of open files (ulimit -n)")
        }
        return load
    }

    private func scripts(
        of sessions: [RecordedSession], _ server: ReplayTarget, _ options: ReplayOptions
    ) -> [ReplayScript] {
        var connections: [UInt64: Int] = [:]
        var tunnels: [ExchangeKey: Int] = [:]
        for session in sessions where !session.isWithoutPackets {
            if let key = session.key { tunnels[key] = session.id }
        }
        return sessions.map { session in
            var script = ReplayScript(session, target: server, options: options)
            if let tunnel = session.exchange?.parent.flatMap({ tunnels[$0] }) {
                script.skip(because: "it was said inside the tunnel of exchange \(tunnel), and is said with that")
                return script
            }
            // The bytes of a connection are sent once, whatever exchanges are in them.
            if raw, script.plan.skipped == nil {
                if let first = connections[session.connection] {
                    script.skip(because: "its bytes are sent with exchange \(first)")
                } else {
                    connections[session.connection] = session.id
                }
            }
            return script
        }
    }

    private func plan(_ scripts: [ReplayScript], _ server: ReplayTarget, _ options: ReplayOptions) -> ReplayPlan {
        var plan = ReplayPlan(
            target: server.description, pace: raw ? "raw" : options.pace.name, exchanges: scripts.map(\.plan),
            sendsCredentials: sendCredentials)
        plan.concurrency = concurrency
        plan.repeats = repeats
        plan.rate = rate
        return plan
    }

    private func holdsCredentials(_ session: RecordedSession) -> Bool {
        let bytes = session.raw.flatMap(\.bytes)
        return !Redaction.secretRanges(in: bytes[...]).isEmpty
    }

    private func target() throws -> ReplayTarget {
        do throws(ReplayTarget.Refusal) {
            return try ReplayTarget(to)
        } catch {
            throw ValidationError("--to: \(error)")
        }
    }

    private func replayOptions() throws -> ReplayOptions {
        var options = ReplayOptions()
        options.timeout = timeout.nanoseconds
        guard timeout.nanoseconds >= 1_000_000 else { throw ValidationError("--timeout: at least 1ms") }
        options.match = match == .content ? .content : .order
        options.keepsFragments = keepFragments
        options.replaysControl = replayControl
        options.withHistory = withHistory
        options.raw = raw
        options.sendsCredentials = sendCredentials
        options.keepsHost = keepHost
        options.dropHeaders = Set(dropHeader.map { $0.lowercased() })
        let isLoad = concurrency > 1 || rate != nil
        options.mostBytes = Int64(mostBytes?.value ?? (isLoad ? 1 << 20 : 64 << 20))
        switch pace {
        case "causal": options.pace = .causal
        case "recorded": options.pace = .recorded(1)
        case "fast": options.pace = .fast
        default:
            guard pace.first == "x", let factor = Double(pace.dropFirst()), factor > 0, factor.isFinite else {
                throw ValidationError("--pace: '\(pace)' is none of causal, recorded, xN, fast")
            }
            options.pace = .recorded(factor)
        }
        for header in setHeader {
            let parts = header.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.allSatisfy(\.isTokenByte),
                parts[1].utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
            else { throw ValidationError("--set-header: '\(header)' is not 'Name: value'") }
            options.setHeaders.append((String(parts[0]), parts[1].trimmingSpaces))
        }
        guard pathPrefix.isEmpty || pathPrefix.hasPrefix("/") && pathPrefix.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else { throw ValidationError("--path-prefix: '\(pathPrefix)' does not begin with '/'") }
        options.pathPrefix = pathPrefix.hasSuffix("/") ? String(pathPrefix.dropLast()) : pathPrefix
        if let subprotocol {
            let names = subprotocol.split(separator: ",").map { $0.trimmingSpaces }
            guard !names.isEmpty, names.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(\.isTokenByte) }) else {
                throw ValidationError("--subprotocol: '\(subprotocol)' is not a list of names")
            }
            options.subprotocols = names
        }
        for word in carry {
            guard word.hasPrefix("json:"), let pointer = JSONPointer(String(word.dropFirst(5))) else {
                throw ValidationError("--carry: '\(word)' is not json:/path")
            }
            options.carried.append(pointer)
        }
        options.compare = try compareOptions()
        // What is taken along is another each time.
        options.compare.pointers += options.carried
        return options
    }

    private func compareOptions() throws -> CompareOptions {
        var options = CompareOptions()
        options.ignoresOrder = ignoreOrder
        options.comparesControl = replayControl
        options.latencyBudget = latencyBudget?.nanoseconds
        for word in ignore {
            if word.hasPrefix("json:"), let pointer = JSONPointer(String(word.dropFirst(5))) {
                options.pointers.append(pointer)
            } else if word.hasPrefix("regex:") {
                guard let pattern = IgnorePattern(String(word.dropFirst(6))) else {
                    throw ValidationError("--ignore: '\(word.dropFirst(6))' is not a regular expression")
                }
                options.patterns.append(pattern)
            } else if word.hasPrefix("header:"), word.count > 7 {
                options.headers.insert(word.dropFirst(7).lowercased())
            } else {
                throw ValidationError("--ignore: '\(word)' is none of json:/path, regex:PATTERN, header:NAME")
            }
        }
        return options
    }

    /// What is written where; standard output takes one of them.
    private func outputs() throws -> OutputPlan<ReplayFormat> {
        var plan = OutputPlan<ReplayFormat>()
        if let packets { try plan.take(packets, option: "-w", inputs: choice.sessions) }
        let files = [("json", json), ("html", html), ("junit", junit)].compactMap { name, path in
            ReplayFormat(rawValue: name).map { (format: $0, path: path) }
        }
        try plan.add(
            files, printing: format, otherwise: quiet && !dryRun ? nil : ReplayFormat(rawValue: "text"),
            inputs: choice.sessions)
        return plan
    }
}

enum MatchChoice: String, CaseIterable, ExpressibleByArgument {
    case order, content
}

/// A number of bytes; k, m and g are powers of 1024.
struct ByteCount: ExpressibleByArgument {
    var value: Int

    init(value: Int) { self.value = value }

    init?(argument: String) {
        guard let setting = LimitSetting(argument: "bytes=\(argument)") else { return nil }
        value = setting.value
    }

    var defaultValueDescription: String { "\(value >> 20)m" }
}

/// How far a replay is, on one line of a terminal.
final class ReplayProgressLine: Sendable {
    private let isOn: Bool
    private let start = ContinuousClock.now
    private let isShown = Mutex(false)

    init(isOn: Bool) { self.isOn = isOn }

    func update(_ progress: ReplayProgress) {
        guard isOn, ContinuousClock.now - start > .seconds(1) else { return }
        let bad = (progress.verdicts[.differs] ?? 0) + (progress.verdicts[.failed] ?? 0)
        let line =
            "\(progress.finished) of \(progress.total) sessions, \(progress.open) open, \(Int(progress.rate))/s"
            + (bad > 0 ? ", \(bad) not the same" : "")
        show(String(line.prefix(max(1, (Terminal.columns(of: 2) ?? 80) - 1))))
        isShown.withLock { $0 = true }
    }

    /// Wipes the line out.
    func end() { if isShown.withLock({ $0 }) { show("") } }

    private func show(_ line: String) { try? System.write(Array("\r\u{1b}[K\(line)".utf8), to: 2) }
}

// `upgradescope serve`: a stand-in for a recorded server.

import ArgumentParser
import Ground
import Inspection
import Investigation
import Replay
import Reports
import Synchronization
import Traffic

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Answer clients as the recorded server did.",
        discussion: """
            A request is answered by the recorded exchange with the same method, target and offer; several recordings \
            of one request take turns. Behind a switch the server's messages are said as the client makes progress. \
            Serves until it is interrupted, then says what was served.

            Exit status: 0 served, 1 findings about a client at or above --fail-on (with --findings), 2 wrong usage, \
            3 an input cannot be read or the address cannot be listened on, 4 an input is damaged, 6 an output cannot \
            be written.
            """)

    @Option(help: ArgumentHelp("Listen here; without a host, on 127.0.0.1.", valueName: "[host:]port"))
    var listen = ListenAddress(host: "127.0.0.1", port: 9000)

    @Flag(help: "Speak TLS, with a certificate made for the occasion unless --cert names one.")
    var tls = false

    @Option(help: ArgumentHelp("Speak TLS with this certificate (PEM, the chain behind it).", valueName: "file"))
    var cert: String?

    @Option(help: ArgumentHelp("The key of --cert (PEM).", valueName: "file"))
    var key: String?

    @Option(help: ArgumentHelp("Write the certificate that was made, for clients to trust.", valueName: "file"))
    var saveCert: String?

    @OptionGroup var choice: SessionOptions

    // The conversation.

    @Flag(help: "Cut messages into frames as they were recorded.")
    var keepFragments = false

    @Option(help: ArgumentHelp("Close a connection on which nothing comes for so long.", valueName: "time"))
    var idle = DurationArgument(nanoseconds: ServeOptions().idle)

    @Option(help: ArgumentHelp("Connections at the same time.", valueName: "n"))
    var mostConnections = ServeOptions().connections

    @Option(help: ArgumentHelp("End after so many exchanges.", valueName: "n"))
    var stopAfter: Int?

    // Judging.

    @Flag(help: "Judge the clients, and report it.")
    var findings = false

    @Option(name: .customShort("w"), help: ArgumentHelp("Write what was said as pcapng.", valueName: "file"))
    var packets: String?

    @Option(help: ArgumentHelp("Write the JSON report about the clients.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Write the HTML report about the clients.", valueName: "file"))
    var html: String?

    @Option(help: "What to print on standard output, with --findings (default: text).")
    var format: ServeFormat?

    @OptionGroup var judging: JudgingOptions

    @OptionGroup var reading: ReadingOptions

    @OptionGroup var telling: TellingOptions

    func validate() throws {
        guard findings || json == nil && html == nil && format == nil else {
            throw ValidationError("a report needs --findings")
        }
        if !findings, let option = judging.given {
            throw ValidationError("\(option) says how clients are judged, which --findings asks for")
        }
        _ = try plan()
        guard (cert == nil) == (key == nil) else { throw ValidationError("--cert and --key go together") }
        guard saveCert == nil || tls && cert == nil else {
            throw ValidationError("--save-cert: no certificate is made (--tls without --cert makes one)")
        }
        guard (1...65_536).contains(mostConnections) else { throw ValidationError("--most-connections: 1 to 65536") }
        guard idle.nanoseconds >= 1_000_000 else { throw ValidationError("--idle: at least 1ms") }
        guard stopAfter.map({ $0 > 0 }) ?? true else { throw ValidationError("--stop-after: at least 1") }
    }

    func run() throws {
        var status = ExitStatus()
        Signals.watch()
        guard
            let chosen = SessionSource.choose(choice, reading: reading, keepsRaw: false, quiet: quiet, &status)
        else { return try finish(with: status) }
        guard !chosen.isEmpty else {
            say("there is nothing to serve")
            status.usage = true
            return try finish(with: status)
        }
        let outputs = Outputs(try plan(), layout: telling.color.layout)
        let packetFile = try openPacketFile()
        let judge = ServeJudge(try judgeOptions(for: outputs))
        let log = ServeLog(quiet: quiet, judge: findings ? judge : nil)

        var options = ServeOptions()
        options.keepsFragments = keepFragments
        options.idle = idle.nanoseconds
        let longest = chosen.flatMap { $0.steps(of: .client) }.map(\.payload.count).max() ?? 0
        options.messageBytes = max(options.messageBytes, 4 * longest)
        options.connections = min(mostConnections, max(1, System.raiseFileLimit() - 64))
        do throws(ServeError) {
            let server = ServeServer(
                answers: RecordedAnswers(chosen), options: options, security: try security(), sink: packetFile,
                start: System.now)
            let scheme = tls || cert != nil ? "wss" : "ws"
            try server.run(
                host: listen.host, port: listen.port, most: stopAfter, isStopped: { Signals.interrupted },
                listening: { address in
                    if !quiet {
                        say("serving \(counted(chosen.count, "exchange", isGrouped: false)) on \(scheme)://\(address)")
                    }
                },
                tell: { log.tell($0) })
        } catch {
            say(error.description)
            if error.isUsage { status.usage = true } else { status.unreadable = true }
            return try finish(with: status)
        }
        if let report = log.finish(name: "serve \(listen)") {
            judging.judge(report, &status)
            outputs.write(report)
        } else {
            outputs.abandon()
        }
        let areWritten = outputs.finish(quiet: quiet)
        let isKept = (packetFile.map { [$0.finished()] } ?? []).finish(quiet: quiet)
        status.unwritable = !areWritten || !isKept
        try finish(with: status)
    }

    private var quiet: Bool { telling.quiet }

    private func security() throws(ServeError) -> ServeSecurity? {
        if let cert, let key { return .files(certificate: cert, key: key) }
        guard tls else { return nil }
        let made: SelfMadeCertificate
        do {
            made = try SelfMadeCertificate(names: listen.isAny ? [] : [listen.host], now: System.now)
        } catch {
            throw ServeError("no certificate can be made: \(error)")
        }
        if let saveCert {
            do {
                let file = try OutputFile(path: saveCert)
                try file.write(made.pem)
                try file.finish()
            } catch {
                throw ServeError("\(saveCert): \(error)")
            }
            if !quiet { say("wrote \(saveCert): the certificate that clients have to trust") }
        }
        return .selfMade(made)
    }

    /// What is written where; no report without a judgement.
    private func plan() throws -> OutputPlan<OutputFormat> {
        var plan = OutputPlan<OutputFormat>()
        if let packets { try plan.take(packets, option: "-w", inputs: choice.sessions) }
        if findings {
            try plan.add(
                [(.json, json), (.html, html)], printing: format?.output, otherwise: quiet ? nil : .text,
                inputs: choice.sessions)
        }
        return plan
    }

    /// The file of `-w`; nobody is served where it cannot be opened, because what they say would be lost.
    private func openPacketFile() throws -> PacketFile? {
        guard let packets else { return nil }
        do throws(SystemError) {
            return try PacketFile(packets, name: "serve")
        } catch {
            say("\(packets): \(error)")
            throw ExitCode(6)
        }
    }

    private func judgeOptions(for outputs: Outputs) throws -> JudgeOptions {
        var report = ReportOptions()
        report.showSecrets = reading.showSecrets
        report.everyExchange = outputs.needEveryExchange
        report.strict = judging.strict
        return JudgeOptions(inspector: try judging.inspector(reading.traffic), report: report)
    }
}

/// What a report about clients can be: events and what was said are not kept of them.
enum ServeFormat: String, CaseIterable, ExpressibleByArgument {
    case text, json, html

    var output: OutputFormat {
        switch self {
        case .text: .text
        case .json: .json
        case .html: .html
        }
    }
}

/// `PORT`, `HOST:PORT`, `[ADDRESS]:PORT`.
struct ListenAddress: ExpressibleByArgument, CustomStringConvertible {
    var host: String
    var port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    init?(argument: String) {
        var digits = argument[...]
        host = "127.0.0.1"
        if let colon = argument.lastIndex(of: ":") {
            var name = argument[..<colon]
            digits = argument[argument.index(after: colon)...]
            if name.first == "[", name.last == "]" { name = name.dropFirst().dropLast() }
            guard !name.contains(":") || argument.first == "[" else { return nil }
            if !name.isEmpty { host = String(name) }
        }
        guard !digits.isEmpty, digits.allSatisfy(\.isASCIIDigit), let number = Int(digits), number <= 65535 else {
            return nil
        }
        port = number
    }

    /// Every address of this machine.
    var isAny: Bool { host == "0.0.0.0" || host == "::" }
    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    var defaultValueDescription: String { description }
}

/// Says what is served while it is, and counts.
final class ServeLog: Sendable {
    private let quiet: Bool
    private let state: Mutex<State>

    private struct State {
        var judge: ServeJudge?
        var connections = 0
        var served = 0
        var unknown = 0
        var lines = 0
    }

    init(quiet: Bool, judge: sending ServeJudge?) {
        self.quiet = quiet
        state = Mutex(State(judge: judge))
    }

    func tell(_ event: ServeEvent) {
        let line: String? = state.withLock { state in
            switch event {
            case .began(let client, let exchange): return "\(client)  \(Self.asked(exchange))"
            case .served(let client, let exchange):
                if exchange.recording == nil, exchange.status >= 400 || exchange.status == 0 {
                    state.unknown += 1
                } else {
                    state.served += 1
                }
                return "\(client)  \(Self.words(exchange))"
            case .refused(let client, let reason): return "\(client)  not served: \(reason)"
            case .finished(let exchanges): state.judge?.add(exchanges)
            case .closed(_, let packets):
                state.connections += 1
                state.judge?.close(packets: packets)
            }
            return nil
        }
        if let line, !quiet { say(line) }
    }

    /// Says the sum of it; the report about the clients, when they were judged.
    func finish(name: String) -> Report? {
        let (connections, served, unknown) = state.withLock { ($0.connections, $0.served, $0.unknown) }
        if !quiet {
            let rest = unknown == 0 ? "" : "; \(unknown) more had no recording"
            say(
                "served \(counted(served, "request", isGrouped: false)) on "
                    + "\(counted(connections, "connection", isGrouped: false))\(rest)")
        }
        return state.withLock { $0.judge?.report(name: name) }
    }

    private static func asked(_ exchange: ServedExchange) -> String {
        let recording = exchange.recording.map { " (exchange \($0))" } ?? ""
        let status = exchange.status == 0 ? "no answer" : "\(exchange.status)"
        return "\(exchange.title) → \(status)" + (exchange.protocolName.map { " \($0)" } ?? "") + recording
    }

    private static func words(_ exchange: ServedExchange) -> String {
        var words = asked(exchange)
        if exchange.protocolName != nil {
            words =
                "\(exchange.title) is over: said \(exchange.said) of \(exchange.scripted), "
                + "heard \(exchange.heard) of \(exchange.expected)"
        }
        return ([words] + exchange.remarks).joined(separator: "; ")
    }
}

/// Judges the clients of a stand-in: what the recorded server does wrong is not theirs.
final class ServeJudge {
    private let judge: Judge
    private var counters = TrafficCounters()

    init(_ options: JudgeOptions) {
        var options = options
        options.onlyFault = .client
        judge = Judge(options)
    }

    /// A connection is over.
    func close(packets: UInt32) {
        counters.connections += 1
        counters.packets += UInt64(packets)
    }

    func add(_ exchanges: [Exchange]) {
        counters.exchanges += UInt64(exchanges.count)
        counters.requests += UInt64(exchanges.count)
        for exchange in exchanges { judge.receive(.finished(exchange)) }
    }

    func report(name: String) -> Report {
        var live = CaptureDescription(path: name)
        live.format = "live"
        live.packets = counters.packets
        return judge.report(captures: [live], counters: counters)
    }
}

// `upgradescope live`: the same on an interface, while it happens.

import ArgumentParser
import Glibc
import Investigation
import LiveCapture
import Metrics
import Reports
import Traffic

struct LiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live", abstract: "Watch the upgrades on an interface, and record what matters.",
        discussion: """
            Ends with -a, -c, SIGINT (Ctrl-C) or SIGTERM, and then makes the full report. On a terminal the report is \
            text; anywhere else standard output has events, one JSON object a line, while they happen. SIGUSR1 tells \
            how far it is, SIGHUP closes and reopens the recording and the events.
            """)

    @Option(
        name: [.customShort("i"), .customLong("interface")], help: "The interface: a name, a number of -D, or any.")
    var interface: String?

    @Flag(name: [.customShort("D"), .customLong("list-interfaces")], help: "List the interfaces.")
    var listsInterfaces = false

    @Flag(
        name: [.customShort("L"), .customLong("list-data-link-types")], help: "List the link types of the interface.")
    var listsLinkTypes = false

    @Option(name: .customShort("f"), help: ArgumentHelp("Take only packets that match this filter.", valueName: "bpf"))
    var filter = ""

    @Option(
        name: [.customShort("s"), .customLong("snapshot-length")],
        help: ArgumentHelp("Bytes of each packet that are taken.", valueName: "n"))
    var snapLength = 262_144

    @Flag(name: [.customShort("p"), .customLong("no-promiscuous-mode")], help: "Leave out packets for other machines.")
    var isNotPromiscuous = false

    @Option(
        name: [.customShort("B"), .customLong("buffer-size")],
        help: ArgumentHelp("The kernel's buffer, in KiB.", valueName: "n"))
    var bufferSize = 32 * 1024

    @Option(
        name: [.customShort("y"), .customLong("linktype")],
        help: ArgumentHelp("Open the interface with this link type.", valueName: "type"))
    var linkType = ""

    @Option(help: "Times of packets.")
    var timeStampPrecision = PrecisionChoice.nano

    @Option(name: .customShort("c"), help: ArgumentHelp("Stop after this many packets.", valueName: "n"))
    var count: UInt64?

    @Option(
        name: [.customShort("a"), .customLong("autostop")],
        help: ArgumentHelp(
            "Stop after duration:SECONDS, packets:N, exchanges:N, or filesize:KIB recorded; may be repeated.",
            valueName: "condition"))
    var stops: [StopCondition] = []

    @Option(name: .customShort("w"), help: ArgumentHelp("Record to this pcapng file.", valueName: "file"))
    var recording: String?

    @Option(
        name: [.customShort("b"), .customLong("ring-buffer")],
        help: ArgumentHelp(
            "Go on in another file after duration:SECONDS, filesize:KIB or packets:N; keep files:N of them.",
            valueName: "condition"))
    var ring: [RingSetting] = []

    @Flag(help: "Record only connections that carry an exchange.")
    var onlyExchanges = false

    @Option(
        name: [.customShort("Z"), .customLong("relinquish-privileges")],
        help: ArgumentHelp("Go on as this user once the interface is open.", valueName: "user"))
    var user: String?

    @Option(help: ArgumentHelp("Serve metrics for Prometheus: a port, or HOST:PORT.", valueName: "addr"))
    var metrics: String?

    @OptionGroup var reporting: ReportingOptions

    @OptionGroup var traffic: TrafficOptions

    func validate() throws {
        if listsInterfaces { return }
        if let metrics, MetricsAddress(metrics) == nil {
            throw ValidationError("--metrics: '\(metrics)' is no address: a port, HOST:PORT or [IPV6]:PORT")
        }
        guard interface != nil else { throw ValidationError("-i: which interface? -D lists them") }
        if count == 0 { throw ValidationError("-c: at least 1 packet") }
        guard (1...262_144).contains(snapLength) else { throw ValidationError("-s: 1 to 262144 bytes") }
        guard (1...2_097_151).contains(bufferSize) else { throw ValidationError("-B: 1 to 2097151 KiB") }
        for (option, isGiven) in [("-b", !ring.isEmpty), ("--only-exchanges", onlyExchanges)]
        where isGiven && recording == nil {
            throw ValidationError("\(option) says how to record; -w says where")
        }
        if stops.contains(where: { $0.kind == .filesize }), recording == nil {
            throw ValidationError("-a filesize: nothing is recorded without -w")
        }
        if !ring.isEmpty, !RingLimits(ring).isOn {
            throw ValidationError("-b files: needs duration, filesize or packets beside it")
        }
        if !ring.isEmpty, recording == "-" { throw ValidationError("-b: standard output is one file") }
        _ = try plan()
    }

    func run() throws {
        if listsInterfaces { return try printInterfaces() }
        var status = ExitStatus()
        do throws(CaptureFailure) {
            if listsLinkTypes { return try printLinkTypes(of: try interfaceName()) }
            try capture(&status)
        } catch {
            say(error.kind == .notPermitted ? "\(error); \(Self.remedy)" : error.description)
            switch error.kind {
            case .notPermitted: status.forbidden = true
            case .unavailable: status.unreadable = true
            case .unwritable: status.unwritable = true
            case .usage: status.usage = true
            }
        }
        try finish(with: status)
    }

    // MARK: The capture

    private func capture(_ status: inout ExitStatus) throws(CaptureFailure) {
        var wanted = CaptureOptions()
        wanted.snapLength = snapLength
        wanted.isPromiscuous = !isNotPromiscuous
        wanted.bufferBytes = bufferSize << 10
        wanted.linkType = linkType
        wanted.filter = filter
        wanted.hasNanoseconds = timeStampPrecision == .nano
        let name = try interfaceName()
        let newUser: Privileges.User? =
            if let user { try Privileges.user(named: user) } else { Privileges.invokingUser }
        let source = try PacketSource(interface: name, options: wanted)
        if let newUser { try Privileges.become(newUser) } else { try Privileges.giveUpCapabilities() }

        // Everything from here on, the files too, belongs to whom privileges were given up to.
        let meter = try makeMeter()
        defer { meter?.stop() }
        let outputs: Outputs
        let judging: JudgeOptions
        let screen: LiveScreen?
        do {
            let plan = try plan()
            screen = makeScreen(plan, source.interface)
            outputs = Outputs(
                plan, layout: reporting.color.layout, areEventsFollowed: true,
                eventBytes: traffic.analyzerOptions.limits.eventBytes)
            judging = try reporting.judgeOptions(for: outputs, traffic)
        } catch {
            throw CaptureFailure(.usage, "\(error)")
        }
        let observers: [(any LiveObserver)?] = [screen, meter]
        let session = LiveSession(
            source.interface, options: reporting.analyzerOptions(traffic), judging: judging,
            events: reporting.events(for: outputs, traffic), observers: observers.compactMap { $0 },
            recorder: try makeRecorder(source.interface))

        Signals.watchCapture()
        if !reporting.quiet {
            let running =
                newUser.map { ", as \($0.name)" } ?? (Privileges.isRoot ? ", as root (-Z USER gives that up)" : "")
            say("listening on \(name)\(running)")
            if let meter { say("metrics at http://\(meter.address)/metrics") }
        }
        let hasScreen = screen?.start() ?? false
        var watch = LiveWatch(
            stops: stops + (count.map { [StopCondition(.packets, $0)] } ?? []), quiet: reporting.quiet,
            hasScreen: hasScreen,
            hasEventsOnTerminal: Terminal.isTerminal(1) && outputs.eventFiles.contains { !$0.isFile })
        let problem = watch.run(source, session, outputs)
        screen?.stop()
        let report = session.finish(source.statistics(), problem: problem)

        status.damaged = problem != nil
        reporting.judging.judge(report, &status)
        outputs.layout = reporting.color.layout
        outputs.write(report)
        status.unwritable = !outputs.finish(quiet: reporting.quiet) || session.recorder?.hasFailed ?? false
        if !reporting.quiet { say(LiveWords.end(session)) }
    }

    private func makeRecorder(_ interface: RecordedInterface) throws(CaptureFailure) -> Recorder? {
        guard let recording else { return nil }
        var options = RecordingOptions(path: recording)
        options.ring = RingLimits(ring)
        options.onlyExchanges = onlyExchanges
        let limits = traffic.analyzerOptions.limits
        options.heldBytes = limits.recordingBytes
        options.totalHeldBytes = limits.totalRecordingBytes
        options.application = "upgradescope \(toolVersion)"
        return try Recorder(options, interface: interface, start: System.now) { say($0) }
    }

    /// A screen, where a person watches and standard output is not taken by something else.
    private func makeScreen(_ plan: OutputPlan<OutputFormat>, _ interface: RecordedInterface) -> LiveScreen? {
        guard !reporting.quiet, Terminal.isTerminal(1), Terminal.environment("TERM").map({ $0 != "dumb" }) ?? false,
            plan.targets.contains(where: { $0.format == .text && $0.path == "-" })
        else { return nil }
        return LiveScreen(
            interface, recording: recording, hasColour: reporting.color.layout.colour,
            showSecrets: traffic.showSecrets)
    }

    private func makeMeter() throws(CaptureFailure) -> LiveMeter? {
        guard let metrics, let address = MetricsAddress(metrics) else { return nil }
        do {
            return try LiveMeter(address)
        } catch {
            throw CaptureFailure(.unwritable, "--metrics \(address): \(error)")
        }
    }

    private func interfaceName() throws(CaptureFailure) -> String {
        let wanted = interface ?? ""
        guard let name = NetworkInterface.named(wanted, in: Pcap.interfaces) else {
            // It may be one that libpcap opens but does not list.
            guard Int(wanted) == nil else {
                throw CaptureFailure(.unavailable, "-i: there is no interface \(wanted); -D lists them")
            }
            return wanted
        }
        return name
    }

    /// What is written where; standard output has events unless a person reads it.
    private func plan() throws -> OutputPlan<OutputFormat> {
        var plan = OutputPlan<OutputFormat>()
        if let recording { try plan.take(recording, option: "-w", inputs: []) }
        try reporting.add(to: &plan, inputs: [], otherwise: Terminal.isTerminal(1) ? .text : .ndjson)
        return plan
    }

    /// The command that grants what was lacking.
    private static var remedy: String {
        let program = System.resolved("/proc/self/exe")
        return "grant it once with\n  sudo setcap cap_net_raw+ep '\(program)'\nor start upgradescope with sudo"
    }

    // MARK: Lists

    private func printInterfaces() throws {
        let list = Pcap.interfaces
        if list.isEmpty { say("no interface can be listened on; \(Self.remedy)") }
        try printResult { output in
            for (index, one) in list.enumerated() {
                try output.write("\(index + 1). \(printable(one.name))  [\(one.state)]\n")
                if !one.description.isEmpty { try output.write("      \(printable(one.description))\n") }
                if !one.addresses.isEmpty { try output.write("      \(one.addresses.joined(separator: ", "))\n") }
            }
        }
    }

    private func printLinkTypes(of name: String) throws(CaptureFailure) {
        let types = try Pcap.linkTypes(of: name)
        do {
            try printResult { output in
                for type in types { try output.write("\(type.name)  \(type.description)\n") }
            }
        } catch {
            throw CaptureFailure(.unwritable, "standard output: \(error)")
        }
    }
}

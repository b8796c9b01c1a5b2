// `upgradescope analyze`: captures in, findings out.

import ArgumentParser
import Inspection
import Investigation
import LiveCapture
import Reports
import Traffic

/// Which packets of captures are read.
struct ReadingOptions: ParsableArguments {
    @Option(name: .customShort("c"), help: ArgumentHelp("Stop after this many packets.", valueName: "n"))
    var count: UInt64?

    @Option(help: ArgumentHelp("Leave out packets before this time (RFC 3339, or seconds since 1970).", valueName: "t"))
    var since: TimeBound?

    @Option(help: ArgumentHelp("Leave out packets after this time.", valueName: "t"))
    var until: TimeBound?

    func validate() throws {
        if count == 0 { throw ValidationError("-c: at least 1 packet") }
        if let since, let until, until.time < since.time { throw ValidationError("--until lies before --since") }
        do throws(CaptureFailure) {
            if let filter { _ = try CaptureFilter(filter) }
        } catch {
            throw ValidationError("-f: \(error)")
        }
    }

    @Option(
        name: .customShort("f"), help: ArgumentHelp("Leave out packets that this filter rejects.", valueName: "bpf"))
    var filter: String?

    @OptionGroup var traffic: TrafficOptions

    var analyzerOptions: AnalyzerOptions { traffic.analyzerOptions }
    var showSecrets: Bool { traffic.showSecrets }
    var thresholds: Thresholds { traffic.thresholds }

    var packetFilter: PacketFilter {
        var packets = PacketFilter()
        (packets.since, packets.until, packets.count) = (since?.time, until?.time, count ?? .max)
        // It was tried when the command line was read.
        if let filter { packets.makeMatch = { (try? CaptureFilter(filter))?.matches } }
        return packets
    }

    /// What reads and judges so; by all rules, unless told otherwise.
    var investigation: InvestigationOptions {
        var options = InvestigationOptions()
        options.analyzer = analyzerOptions
        options.judging.inspector = Inspector(showSecrets: showSecrets, thresholds: thresholds)
        options.judging.report.showSecrets = showSecrets
        options.filter = packetFilter
        options.isStopped = { Signals.interrupted }
        return options
    }
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

    @OptionGroup var reading: ReadingOptions

    @OptionGroup var reporting: ReportingOptions

    @Option(help: ArgumentHelp("Read with this many threads; the report is the same.", valueName: "n"))
    var jobs = 1

    @Flag(help: "Read all captures at once, by time: files that hold one direction each.")
    var merge = false

    /// Each has a window and a table of its own.
    private static let mostJobs = 256

    func validate() throws {
        _ = try reporting.plan(inputs: captures)
        guard (1...Self.mostJobs).contains(jobs) else { throw ValidationError("--jobs: 1 to \(Self.mostJobs)") }
        guard captures.count(where: { $0 == "-" }) <= 1 else { throw ValidationError("'-' can be given once") }
        guard captures.count <= Int(UInt16.max) else { throw ValidationError("more than 65535 captures") }
    }

    func run() throws {
        var status = ExitStatus()
        let outputs = Outputs(try reporting.plan(inputs: captures), layout: reporting.color.layout)
        var options = reading.investigation
        options.analyzer = reporting.analyzerOptions(reading.traffic)
        options.judging = try reporting.judgeOptions(for: outputs, reading.traffic)
        options.jobs = outputs.eventFiles.isEmpty ? jobs : 1
        options.isMerged = merge
        if options.jobs < jobs { say("events are written while reading: one job") }
        let events = reporting.events(for: outputs, reading.traffic)
        let progress = Progress(total: totalSize(of: captures), quiet: reporting.quiet)
        let investigation = Investigation(
            options, observers: [ReadingWatch(progress)] + (events.map { [$0] } ?? []))

        Signals.watch()
        let report = investigation.run(captures)

        status.unreadable = investigation.facts.isUnreadable
        status.interrupted = Signals.interrupted
        status.damaged = investigation.facts.isDamaged
        if let report {
            reporting.judging.judge(report, &status)
            outputs.write(report)
        } else {
            outputs.abandon()
        }
        status.unwritable = !outputs.finish(quiet: reporting.quiet)
        try finish(with: status)
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
}

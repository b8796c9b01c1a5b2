// `upgradescope show`: one exchange in full.

import ArgumentParser
import Inspection
import Investigation
import Reports
import Traffic

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one exchange in full: heads, what followed, times, findings.")

    /// Bytes of a message that are kept: for a line of it, or to show it in full.
    private static let messageBytes = (line: 1 << 10, full: 4 << 20)

    @Argument(help: ArgumentHelp("A capture, or '-'.", valueName: "capture"))
    var capture: String

    @Argument(help: ArgumentHelp("The number of the exchange, as 'analyze' gives it.", valueName: "id"))
    var id: Int

    @Flag(help: "Show bytes as hexadecimal numbers and text.")
    var hex = false

    @Option(
        help: "Show in full what was said behind the switch by client, server or both: messages, or the first bytes.")
    var follow: Side?

    @OptionGroup var reading: ReadingOptions

    @Option(help: "Colour the text.")
    var color = ColorChoice.auto

    enum Side: String, CaseIterable, ExpressibleByArgument {
        case client, server, both

        var directions: [Direction] {
            switch self {
            case .client: [.client]
            case .server: [.server]
            case .both: [.client, .server]
            }
        }
    }

    func validate() throws {
        guard id > 0 else { throw ValidationError("exchanges are numbered from 1") }
    }

    func run() throws {
        var options = reading.investigation
        options.judging.report.messages = true
        options.analyzer.transcript.messages = true
        options.analyzer.transcript.payloadBytes =
            hex || follow != nil ? Self.messageBytes.full : Self.messageBytes.line
        let investigation = Investigation(
            options, observers: [ReadingWatch(Progress(total: System.size(of: capture), quiet: false))])

        Signals.watch()
        let report = investigation.run([capture])

        var status = ExitStatus()
        status.unreadable = investigation.facts.isUnreadable
        status.interrupted = Signals.interrupted
        status.damaged = investigation.facts.isDamaged
        guard let report else { return try finish(with: status) }
        if let shown = try report.exchange(id: id) {
            let page = ShowReport(hex: hex, follow: follow?.directions ?? [], layout: color.layout)
            try printResult { output in
                var sink: any ByteSink = output
                try page.write(shown, of: report, to: &sink)
            }
        } else {
            let count = report.summary.exchanges
            say("\(nameOf(capture)) has no exchange \(id): \(count == 0 ? "there is none" : "they are 1 to \(count)")")
            status.usage = true
        }
        try finish(with: status)
    }
}

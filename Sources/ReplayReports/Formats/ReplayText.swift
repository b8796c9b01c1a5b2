// A replay for people at a terminal: one line for what is the same, a diff for what is not.
//
// Minus is the recording, plus is what came; after each stands where to look for it: the packet of the recording, the
// moment of the replay.

import Ground
import Inspection
import Investigation
public import Replay
public import Reports
import Traffic

extension ReplayFormat {
    public static let text = ReplayFormat(name: "text", product: nil) {
        try ReplayTextReport.write($0, layout: $1.layout, to: &$2)
    }
}

/// Writes a replay as text.
public enum ReplayTextReport {
    public static func write(_ report: ReplayReport, layout: TextLayout = TextLayout(), to sink: inout any ByteSink)
        throws
    {
        if report.isDryRun { return try write(report.plan, layout: layout, to: &sink) }
        var text = TextLines(layout: layout)
        let titles = column(report.exchanges.map(\.title), layout)
        for exchange in report.exchanges {
            self.exchange(exchange, last: report.exchanges.last?.id, titles: titles, to: &text)
            try text.drain(to: &sink)
        }
        summary(report, to: &text)
        try text.drain(to: &sink, atLeast: 1)
    }

    /// The plan alone, for `--dry-run`.
    public static func write(_ plan: ReplayPlan, layout: TextLayout = TextLayout(), to sink: inout any ByteSink) throws
    {
        var text = TextLines(layout: layout)
        let titles = column(plan.exchanges.map(\.title), layout)
        for planned in plan.exchanges {
            let id = Self.id(planned.id, of: plan.exchanges.last?.id)
            let title = padded(TerminalText.safe(planned.title), titles)
            let words =
                planned.skipped.map { layout.paint("skipped", .yellow) + ": " + TerminalText.safe($0) }
                ?? "\(name(planned)): \(size(planned))"
            text.line(layout.paint(id, .bold) + title + "  " + words)
            for note in planned.notes { text.labelled("-", TerminalText.safe(note), indent: id.count, column: 2) }
            try text.drain(to: &sink)
        }
        let said = plan.exchanges.filter { $0.skipped == nil }.count
        text.line()
        var words = "\(counted(said, "exchange")) to \(TerminalText.safe(plan.target)), \(plan.pace) pacing"
        if plan.concurrency > 1 { words += ", \(plan.concurrency) at a time" }
        if plan.repeats > 1 { words += ", each \(grouped(plan.repeats)) times" }
        if let rate = plan.rate { words += ", \(figure(rate)) begun a second" }
        if said < plan.exchanges.count { words += "; \(plan.exchanges.count - said) skipped" }
        text.line(layout.paint("Plan", .bold) + "  " + words + ". Nothing was sent.")
        try text.drain(to: &sink, atLeast: 1)
    }

    // MARK: One exchange

    /// The number of an exchange, as wide as that of the last one.
    private static func id(_ id: Int, of last: Int?) -> String { padded("#\(id)", "#\(last ?? id)".count) + "  " }

    private static func exchange(
        _ exchange: ReplayedExchange, last: Int?, titles: Int, to text: inout TextLines
    ) {
        let layout = text.layout
        let id = Self.id(exchange.id, of: last)
        let (word, style): (String, TextStyle) =
            switch exchange.verdict {
            case .same: ("same", .green)
            case .differs: ("differs", .red)
            case .failed: ("failed", .red)
            case .skipped: ("skipped", .yellow)
            }
        let title = padded(TerminalText.safe(exchange.title), titles)
        var line = layout.paint(id, .bold) + title + "  "
        switch exchange.verdict {
        case .failed, .skipped: line += layout.paint(word, style)
        case .same, .differs:
            line += layout.paint(padded(word, 7), style)
            if let live = exchange.live { line += "  " + layout.paint(outline(live), .dim) }
        }
        text.line(line)
        let indent = id.count
        if let reason = exchange.reason {
            text.labelled("why", TerminalText.safe(reason), indent: indent, column: 4)
        }
        for difference in exchange.differences { self.difference(difference, indent: indent, to: &text) }
        if exchange.omittedDifferences > 0 {
            text.line(
                String(repeating: " ", count: indent) + "… \(grouped(exchange.omittedDifferences)) more differences")
        }
        for finding in exchange.findings where finding.level > .note {
            self.finding(finding, indent: indent, to: &text)
        }
        if exchange.verdict != .same {
            for note in exchange.notes where !note.hasPrefix("Host is ") {
                text.labelled("note", TerminalText.safe(note), indent: indent, column: 5)
            }
        }
    }

    private static func difference(_ difference: Difference, indent: Int, to text: inout TextLines) {
        let layout = text.layout
        let gap = String(repeating: " ", count: indent)
        text.line(
            gap + layout.paint(TerminalText.safe(difference.at), .bold) + "  "
                + layout.paint(words(difference.kind), .dim))
        side(
            "-", difference.recorded, place: difference.packet.map { "packet \($0.packet)" }, .red, indent: indent + 2,
            to: &text)
        side(
            "+", difference.live,
            place: difference.liveTime.map { "+\(DurationText.milliseconds($0 / 1000 * 1000)) ms" },
            .green,
            indent: indent + 2, to: &text)
    }

    /// One side of a difference, and after it where it stands.
    private static func side(
        _ sign: String, _ value: String?, place: String?, _ style: TextStyle, indent: Int, to text: inout TextLines
    ) {
        guard value != nil || place != nil && sign == "-" else { return }
        let layout = text.layout
        let gap = String(repeating: " ", count: indent)
        let shown = value.map { TerminalText.safe($0).replacing("\n", with: "\\n") } ?? "(nothing)"
        let lines = TerminalText.wrap(shown, width: layout.width - indent - 2 - (place.map { $0.count + 4 } ?? 0))
        for (index, line) in lines.enumerated() {
            var whole = gap + layout.paint((index == 0 ? sign : " ") + " " + line, style)
            if index == lines.count - 1, let place { whole += "   " + layout.paint(place, .dim) }
            text.line(whole)
        }
    }

    private static func finding(_ finding: Finding, indent: Int, to text: inout TextLines) {
        let style: TextStyle =
            switch finding.level {
            case .error: .red
            case .warning: .yellow
            case .note: .blue
            }
        let label = "\(finding.level.name) \(finding.rule)"
        text.labelled(
            label, TerminalText.safe(finding.message), indent: indent, style: style, column: label.count + 2)
    }

    private static func words(_ kind: Difference.Kind) -> String {
        switch kind {
        case .messageMissing: "did not come"
        case .messageExtra: "was not recorded"
        case .messageChanged: "changed"
        case .messageReordered: "came in another place"
        case .latency: "too slow"
        default: "differs"
        }
    }

    // MARK: Words

    /// `101 websocket, 4 out, 4 back, closed 1000, 12 ms`.
    private static func outline(_ outline: SessionOutline) -> String {
        var parts: [String] = []
        let status = outline.status.map { "\($0)" } ?? "no answer"
        parts.append(([status] + (outline.protocolName.map { [TerminalText.safe($0)] } ?? [])).joined(separator: " "))
        if outline.outcome == .switched, outline.messages.client + outline.messages.server == 0 {
            parts.append("\(grouped(outline.bytes.client)) bytes out, \(grouped(outline.bytes.server)) back")
        } else if outline.outcome == .switched {
            parts.append("\(grouped(outline.messages.client)) out, \(grouped(outline.messages.server)) back")
        }
        if let code = outline.closeCode { parts.append(code == 1005 ? "closed" : "closed \(code)") }
        if let time = outline.duration { parts.append(duration(time + (outline.handshake ?? 0))) }
        return parts.joined(separator: ", ")
    }

    private static func name(_ planned: PlannedExchange) -> String {
        planned.upgraded == .tunnel
            ? "tunnel" : planned.protocolName.isEmpty ? "no switch" : TerminalText.safe(planned.protocolName)
    }

    private static func size(_ planned: PlannedExchange) -> String {
        "\(grouped(planned.clientSteps)) out (\(grouped(planned.clientBytes)) bytes), \(grouped(planned.serverSteps)) expected"
    }

    private static func summary(_ report: ReplayReport, to text: inout TextLines) {
        let layout = text.layout
        text.line()
        text.line(layout.paint("Summary", .bold))
        text.labelled("target", TerminalText.safe(report.target), indent: 2, column: 12)
        let verdicts = Verdict.allCases.filter { report.count($0) > 0 }.map {
            "\(grouped(report.count($0))) \($0.rawValue)"
        }
        text.labelled(
            "exchanges", verdicts.isEmpty ? "none" : verdicts.joined(separator: ", "), indent: 2, column: 12)
        if let load = report.load {
            self.load(load, to: &text)
            table(report.latencies, to: &text)
        } else {
            for latency in report.latencies where latency.name != "connect" { self.latency(latency, to: &text) }
        }
        if report.interrupted { text.labelled("", "interrupted: what was said until then", indent: 2, column: 12) }
    }

    private static func load(_ load: LoadReport, to text: inout TextLines) {
        let rate = load.seconds > 0 ? Double(load.finished) / load.seconds : 0
        text.labelled(
            "sessions",
            "\(grouped(load.finished)) in \(figure(load.seconds)) s (\(figure(rate)) a second), at most \(grouped(load.mostConcurrent)) at a time",
            indent: 2, column: 12)
        text.labelled(
            "messages",
            "\(grouped(load.messages.client)) out (\(grouped(Int(clamping: load.bytes.client))) bytes), "
                + "\(grouped(load.messages.server)) back (\(grouped(Int(clamping: load.bytes.server))) bytes)",
            indent: 2,
            column: 12)
        if !load.failures.isEmpty {
            let words = load.failures.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            text.labelled(
                "failures", words.map { "\(grouped($0.value)) \($0.key)" }.joined(separator: ", "), indent: 2,
                column: 12)
        }
        if !load.differences.isEmpty {
            let words = load.differences.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
            text.labelled(
                "differences", words.map { "\(grouped($0.value)) \($0.key.rawValue)" }.joined(separator: ", "),
                indent: 2,
                column: 12)
        }
        if load.late > 0 {
            text.labelled(
                "late",
                "\(counted(load.late, "session")) began later than they should, by up to \(figure(load.mostLateMilliseconds)) ms; the times count that",
                indent: 2, column: 12)
        }
    }

    /// Of one session, or of a few.
    private static func latency(_ latency: LatencySummary, to text: inout TextLines) {
        let most = milliseconds(latency.maximum)
        guard latency.count > 1, let median = latency.percentiles.first else {
            return text.labelled(latency.name, most, indent: 2, column: 12)
        }
        text.labelled(
            latency.name,
            "median \(milliseconds(median.milliseconds)), at most \(most) (\(grouped(latency.count)) times)",
            indent: 2, column: 12)
    }

    /// Percentiles of a load, a line for each thing that was measured.
    private static func table(_ latencies: [LatencySummary], to text: inout TextLines) {
        guard let first = latencies.first else { return }
        let layout = text.layout
        func row(_ name: String, _ cells: [String]) -> String {
            padded(name, 22) + cells.map { String(repeating: " ", count: max(1, 9 - $0.count)) + $0 }.joined()
        }
        let heads = first.percentiles.map { "p\(figure($0.percentile))" } + ["max", "count"]
        text.line()
        text.line("  " + layout.paint(row("milliseconds", heads), .dim))
        for latency in latencies {
            let figures = latency.percentiles.map(\.milliseconds) + [latency.maximum]
            text.line("  " + row(latency.name, figures.map(figure) + [grouped(latency.count)]))
        }
        if latencies.contains(where: { $0.name.hasSuffix("(corrected)") }) {
            text.line(
                "  " + layout.paint("corrected: with what would have begun while a slow one was waited for", .dim))
        }
    }

    private static func milliseconds(_ value: Double) -> String { duration(Int64(value * 1e6)) }

    private static func duration(_ nanoseconds: Int64) -> String {
        nanoseconds < 10_000_000_000
            ? "\(figure(Double(nanoseconds) / 1e6)) ms" : "\(figure(Double(nanoseconds) / 1e9)) s"
    }

    /// A figure with as many decimals as mean something.
    private static func figure(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e6 { return "\(Int(value))" }
        let decimals = abs(value) < 10 ? 100.0 : 10.0
        let rounded = (value * decimals).rounded() / decimals
        return rounded == rounded.rounded() && abs(rounded) < 1e9 ? "\(Int(rounded))" : "\(rounded)"
    }

    /// The width of a column of titles that leaves room for what follows.
    private static func column(_ titles: [String], _ layout: TextLayout) -> Int {
        min(titles.map { TerminalText.columns(TerminalText.safe($0)) }.max() ?? 0, max(20, layout.width - 60))
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - TerminalText.columns(text)))
    }
}

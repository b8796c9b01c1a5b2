// The report for people at a terminal: each exchange with what was seen, why it matters and what to do; at
// the end what was counted, what could not be seen, and the verdict. Why and what to do are said where a rule
// first speaks, and pointed to from then on.

import Ground
import Inspection
public import Investigation
import Traffic

extension ReportFormat {
    /// For people at a terminal.
    public static let text = ReportFormat(
        name: "text", product: nil, writing: .report { try TextReport.write($0, layout: $1.layout, to: &$2) })
}

/// Writes a report as text.
public enum TextReport {
    /// Rows of a dump in the list of findings; `show` has all of them.
    static let dumpRows = 3

    /// What the reader of this text knows by now.
    struct Told {
        /// Rules whose words were given, and where.
        var rules: [String: String] = [:]
        /// Bytes of this exchange that were shown.
        var bytes: Set<Place> = []
    }

    public static func write(_ report: Report, layout: TextLayout = TextLayout(), to sink: inout any ByteSink) throws {
        var text = TextLines(layout: layout)
        var told = Told()
        var blockBefore = false
        try report.forEachExchange { reported in
            if reported.findings.isEmpty {
                if blockBefore { text.line() }
                cleanLine(reported, report: report, to: &text)
            } else {
                if reported.id > 1 || blockBefore { text.line() }
                heading(reported, report: report, to: &text)
                told.bytes.removeAll()
                for finding in reported.findings {
                    text.line()
                    self.finding(finding, report: report, place: "#\(reported.id)", told: &told, to: &text)
                }
            }
            blockBefore = !reported.findings.isEmpty
            try text.drain(to: &sink)
        }
        let left = report.leftOut
        if left.withFindings > 0 || left.clean > 0 {
            var parts: [String] = []
            if left.withFindings > 0 { parts.append("\(counted(left.withFindings, "exchange")) with findings") }
            if left.clean > 0 { parts.append("\(grouped(left.clean)) clean") }
            text.line()
            text.line(
                layout.paint("… \(parts.joined(separator: " and ")) not listed here; --json has all of them", .dim))
        }
        let about = report.connectionFindings
        told.bytes.removeAll()
        if !about.isEmpty {
            text.line()
            text.line(layout.paint("About the capture", .bold))
            for finding in about.prefix(200) {
                text.line()
                self.finding(finding, report: report, place: "above", told: &told, to: &text)
                try text.drain(to: &sink)
            }
            if about.count > 200 {
                text.line()
                text.line("… \(grouped(about.count - 200)) more findings about connections; --json has them")
            }
        }
        if report.options.connections { try ConnectionLines.write(report, to: &text, sink: &sink) }
        summary(report, to: &text)
        try text.drain(to: &sink, atLeast: 1)
    }

    private static func cleanLine(_ reported: ReportedExchange, report: Report, to text: inout TextLines) {
        let words = ExchangeWords(reported, showSecrets: report.options.showSecrets)
        let id = "#\(reported.id)  "
        let capture = reported.exchange.firstMark.capture
        let place = report.hasSeveralCaptures ? " (\(report.captureName(capture)))" : ""
        let retry = reported.retryOf.map { ", retry of #\($0)" } ?? ""
        let line = "\(words.endpoints) \(words.story(retry))\(place)"
        for (index, piece) in TerminalText.wrap(line, width: text.layout.width - id.count).enumerated() {
            text.line((index == 0 ? text.layout.paint(id, .bold) : String(repeating: " ", count: id.count)) + piece)
        }
    }

    static func heading(_ reported: ReportedExchange, report: Report, to text: inout TextLines) {
        let layout = text.layout
        let words = ExchangeWords(reported, showSecrets: report.options.showSecrets)
        let first = reported.exchange.firstMark
        let capture = report.hasSeveralCaptures ? " of \(report.captureName(first.capture))" : ""
        let place = "\(words.packets)\(capture), \(first.time.text)"
        let name = "\(layout.paint("#\(reported.id)", .bold))  \(layout.paint(words.endpoints, .bold))"
        if "#\(reported.id)  \(words.endpoints)  \(place)".count <= layout.width {
            text.line(name + layout.paint("  \(place)", .dim))
        } else {
            text.line(name)
            for line in TerminalText.wrap(place, width: layout.width - 4) {
                text.line("    " + layout.paint(line, .dim))
            }
        }
        let offer = words.offered.isEmpty ? "" : ", offering \(words.offered)"
        let retry = reported.retryOf.map { ", retry of #\($0)" } ?? ""
        for line in TerminalText.wrap(
            words.story(offer + retry), width: layout.width - 4)
        {
            text.line("    " + line)
        }
    }

    static func finding(
        _ reported: ReportedFinding, report: Report, place: String, told: inout Told,
        evidenceRows: Int = TextReport.dumpRows, to text: inout TextLines
    ) {
        let finding = reported.finding
        let layout = text.layout
        let style: TextStyle =
            switch finding.level {
            case .error: .red
            case .warning: .yellow
            case .note: .blue
            }
        let cause = finding.consequenceOf.map { ", follows from \($0)" } ?? ""
        text.line(
            "  \(layout.paint(finding.level.name, style)) \(layout.paint(finding.rule, .bold)) \(finding.name)"
                + layout.paint("  (\(finding.standing)\(cause))", .dim))
        text.labelled("seen", TerminalText.safe(finding.message), indent: 4)
        if let before = told.rules[finding.rule] {
            text.labelled("do", "as for \(finding.rule) \(before == "above" ? before : "in \(before)")", indent: 4)
        } else {
            told.rules[finding.rule] = place
            if let why = RuleWording.why(finding.rule), !why.isEmpty {
                text.labelled("why", TerminalText.safe(why), indent: 4)
            }
            if !finding.fix.isEmpty {
                text.labelled("do", TerminalText.safe(finding.fix), indent: 4, configuration: true)
            }
            if let source = finding.publishedSource { text.labelled("source", source, indent: 4) }
        }
        if !finding.withheld.isEmpty {
            text.labelled(
                "silent", "not judged for want of data: \(finding.withheld.joined(separator: ", "))", indent: 4)
        }
        for evidence in finding.evidence {
            // Bytes that were just shown are named and not shown again.
            let isNew = told.bytes.insert(evidence.place).inserted
            self.evidence(
                evidence, of: finding, report: report, rows: isNew ? evidenceRows : 0, to: &text)
        }
    }

    private static func evidence(
        _ evidence: Evidence, of finding: Finding, report: Report, rows: Int, to text: inout TextLines
    ) {
        let place = evidence.place
        let packets = report.packets(place, within: finding.exchange?.capture)
        text.labelled("proof", "\(packets): \(evidence.words)", indent: 4)
        guard rows > 0, !evidence.excerpt.isEmpty else { return }
        let under = String(repeating: " ", count: 12)
        if rows == dumpRows, let lines = textLines(evidence.text) {
            for line in lines.prefix(rows) {
                for piece in TerminalText.fold(line, width: text.layout.width - 14) {
                    text.line(under + text.layout.paint("| " + piece, .cyan))
                }
            }
            if lines.count > rows { text.line(under + text.layout.paint("| …", .cyan)) }
            return
        }
        let dump = HexDump(
            evidence.excerpt, redacted: evidence.redacted, limit: rows * 16, firstOffset: place.offset)
        for line in dump.lines { text.line(under + text.layout.paint(line, .cyan)) }
    }

    /// The lines of an excerpt that is plain text, as heads are; `nil` for anything else.
    static func textLines(_ text: CapturedText) -> [String]? {
        let plain = text.bytes.allSatisfy { ($0 >= 0x20 && $0 < 0x7f) || $0 == 0x0d || $0 == 0x0a || $0 == 0x09 }
        guard plain else { return nil }
        var lines = TerminalText.safe(text).replacing("\\r\\n", with: "\n").split(separator: "\n").map(String.init)
        while let last = lines.last, last.isEmpty { lines.removeLast() }
        return lines.isEmpty ? nil : lines.map { String($0.prefix(400)) }
    }

    private static func summary(_ report: Report, to text: inout TextLines) {
        let summary = report.summary
        let words = SummaryWords(report: report)
        let layout = text.layout
        text.line()
        text.line(layout.paint("Summary", .bold))
        let traffic = summary.traffic
        text.labelled(
            "read",
            "\(counted(traffic.packets, "packet")) in \(counted(report.captures.count, "capture")), "
                + "\(counted(traffic.connections, "TCP connection")), \(counted(traffic.requests, "HTTP request"))",
            indent: 2, column: 12)
        if summary.exchanges > 0 {
            let protocols = words.protocols.isEmpty ? "" : " (\(words.protocols))"
            text.labelled(
                "exchanges", "\(grouped(summary.exchanges)): \(words.outcomes)\(protocols)", indent: 2, column: 12)
        }
        let rules = words.rules.isEmpty ? "" : ": \(words.rules)"
        text.labelled("findings", words.findings + rules, indent: 2, column: 12)
        let unseen = words.unseen
        if !unseen.isEmpty {
            text.line()
            text.line(layout.paint("Not seen", .bold))
            for line in unseen {
                for (index, piece) in TerminalText.wrap(line, width: layout.width - 4).enumerated() {
                    text.line((index == 0 ? "  - " : "    ") + piece)
                }
            }
        }
        text.line()
        let style: TextStyle =
            switch summary.verdict {
            case .clean: .green
            case .findings: (summary.levels[.error] ?? 0) > 0 ? .red : .yellow
            case .inconclusive: .yellow
            }
        for piece in TerminalText.wrap(words.verdict, width: layout.width) { text.line(layout.paint(piece, style)) }
    }
}

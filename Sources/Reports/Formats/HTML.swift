// The report as one page: a verdict, what was found and what could not be seen, and every exchange.

import Ground
import Inspection
public import Investigation
import Traffic

extension ReportFormat {
    /// One page for people, without network.
    public static let html = ReportFormat(
        name: "html", product: "the HTML report", needsEveryExchange: true,
        writing: .report { try HTMLReport.write($0, tool: $1.tool, to: &$2) })
}

/// Writes a report as one HTML page.
public enum HTMLReport {
    /// Exchanges shown; those with findings go first.
    static let exchangeLimit = 2000
    static let connectionFindingLimit = 200

    public static func write(_ report: Report, tool: ToolName, to sink: inout any ByteSink) throws {
        var html = HTMLWriter()
        let words = SummaryWords(report: report)
        HTMLPage.begin(title: "upgradescope: \(words.verdict)", to: &html)
        head(report, words, tool: tool, to: &html)
        var told: [String: Int] = [:]
        let shown = try body(report, told: &told, to: &html, sink: &sink)
        let rest = report.summary.exchanges - min(report.summary.exchanges, UInt64(shown))
        if rest > 0 {
            html.element("p", class: "quiet", "\(counted(rest, "exchange")) more; the JSON report has all of them.")
        }
        connectionFindings(report, told: &told, to: &html)
        captures(report, to: &html)
        let secrets = "Secrets are \(report.options.showSecrets ? "shown" : "hidden")."
        HTMLPage.end("\(tool.name) \(tool.version). \(secrets)", to: &html)
        try sink.drain(&html.bytes, atLeast: 1)
    }

    // MARK: What stands above the exchanges

    private static func head(_ report: Report, _ words: SummaryWords, tool: ToolName, to html: inout HTMLWriter) {
        let summary = report.summary
        html.markup("<a class=\"skip\" href=\"#exchanges\">To the exchanges</a>\n<header>\n<h1><b>upgradescope</b> ")
        let paths = report.captures.prefix(3).map { safe($0.path) }
        let more = report.captures.count > 3 ? " and \(report.captures.count - 3) more" : ""
        html.text(paths.joined(separator: ", ") + more)
        html.markup("</h1>\n")
        switch summary.verdict {
        case .clean: html.element("p", class: "verdict clean", words.verdict)
        case .inconclusive: html.element("p", class: "verdict warning", words.verdict)
        case .findings where (summary.levels[.error] ?? 0) > 0: html.element("p", class: "verdict error", words.verdict)
        case .findings: html.element("p", class: "verdict warning", words.verdict)
        }
        html.markup("\n<dl class=\"tiles\">")
        HTMLPage.tile("tile", "Exchanges", summary.exchanges, to: &html)
        HTMLPage.tile(
            (summary.levels[.error] ?? 0) > 0 ? "tile error" : "tile", "Errors", summary.levels[.error] ?? 0, to: &html)
        HTMLPage.tile(
            (summary.levels[.warning] ?? 0) > 0 ? "tile warning" : "tile", "Warnings", summary.levels[.warning] ?? 0,
            to: &html)
        HTMLPage.tile(
            (summary.levels[.note] ?? 0) > 0 ? "tile note" : "tile", "Notes", summary.levels[.note] ?? 0, to: &html)
        HTMLPage.tile("tile", "HTTP requests", summary.traffic.requests, to: &html)
        HTMLPage.tile("tile", "Connections", summary.traffic.connections, to: &html)
        HTMLPage.tile("tile", "Packets", summary.traffic.packets, to: &html)
        html.markup("</dl>\n</header>\n<main>\n")
        if summary.exchanges > 0 {
            html.markup("<h2>What was found</h2>\n<div class=\"card\"><p>")
            html.text("\(counted(summary.exchanges, "exchange")): \(words.outcomes).")
            if !words.protocols.isEmpty { html.text(" Switched to \(words.protocols).") }
            html.markup("</p>")
            rules(words.rulesByLevel, to: &html)
            html.markup("</div>\n")
        }
        let unseen = words.unseen
        html.markup("<h2>What could not be seen</h2>\n<div class=\"card\">")
        if unseen.isEmpty {
            html.markup("Everything that was captured could be read.")
        } else {
            html.markup("<ul>")
            for line in unseen { html.element("li", line) }
            html.markup("</ul>")
        }
        html.markup("</div>\n")
    }

    /// Rows of the table of rules that are not folded away.
    private static let ruleLimit = 8

    private static func rules(_ rules: [(rule: String, level: Level, count: UInt64)], to html: inout HTMLWriter) {
        guard !rules.isEmpty else { return }
        rows(rules.prefix(ruleLimit), to: &html)
        guard rules.count > ruleLimit else { return }
        html.markup("<details class=\"more\"><summary>")
        html.text("\(rules.count - ruleLimit) more rules found something")
        html.markup("</summary>")
        rows(rules.dropFirst(ruleLimit), to: &html)
        html.markup("</details>")
    }

    private static func rows(
        _ rules: ArraySlice<(rule: String, level: Level, count: UInt64)>, to html: inout HTMLWriter
    ) {
        html.markup("<div class=\"scroll\"><table class=\"rules\"><thead><tr><th>Rule</th><th>What it is about</th>")
        html.markup("<th class=\"number\">Findings</th></tr></thead><tbody>")
        for (rule, level, count) in rules {
            html.markup("<tr><td>")
            HTMLExchange.badge(level, safe(rule), to: &html)
            html.markup("</td><td>")
            html.text(safe(RuleWording.title(rule) ?? ""))
            html.markup("</td><td class=\"number\">")
            html.text(grouped(count))
            html.markup("</td></tr>")
        }
        html.markup("</tbody></table></div>")
    }

    private static func captures(_ report: Report, to html: inout HTMLWriter) {
        html.markup("<h2>Captures</h2>\n<div class=\"card scroll\"><table><thead><tr><th>Capture</th><th>Format</th>")
        html.markup("<th>From</th><th>To</th><th class=\"number\">Packets</th></tr></thead><tbody>")
        for capture in report.captures.prefix(100) {
            let compression = capture.compression.map { ", \($0)" } ?? ""
            html.markup("<tr>")
            html.element("td", safe(capture.path))
            html.element("td", safe(capture.format + compression) + (capture.complete ? "" : ", damaged"))
            html.element("td", class: "time", capture.firstPacket?.text ?? "")
            html.element("td", class: "time", capture.lastPacket?.text ?? "")
            html.element("td", class: "number", grouped(capture.packets))
            html.markup("</tr>")
        }
        html.markup("</tbody></table></div>\n")
    }

    // MARK: Exchanges

    /// Writes the exchanges, those with findings first; answers how many.
    private static func body(
        _ report: Report, told: inout [String: Int], to html: inout HTMLWriter, sink: inout any ByteSink
    ) throws -> Int {
        html.markup("<h2 id=\"exchanges\">Exchanges</h2>\n")
        if report.summary.exchanges == 0 {
            html.markup("<div class=\"card\">No exchange was found.</div>\n")
            return 0
        }
        html.markup("<div class=\"tools\" role=\"search\"><input id=\"filter\" type=\"search\" ")
        html.markup("placeholder=\"Filter: host, address, rule, packet\" aria-label=\"Filter exchanges\">")
        html.markup("<button type=\"button\" data-level=\"error\" aria-pressed=\"false\">Errors</button>")
        html.markup("<button type=\"button\" data-level=\"warning\" aria-pressed=\"false\">Warnings</button>")
        html.markup("<button type=\"button\" data-level=\"note\" aria-pressed=\"false\">Notes</button>")
        html.markup("<button type=\"button\" id=\"toggle\">Open all</button>")
        html.markup("<span id=\"shown\" class=\"quiet\" role=\"status\"></span></div>\n")
        var shown = 0
        for withFindings in [true, false] {
            try report.forEachExchange { reported in
                guard reported.findings.isEmpty != withFindings, shown < exchangeLimit else { return }
                // What one came for lies open.
                let isOpen = shown == 0 && withFindings
                shown += 1
                HTMLExchange(reported: reported, report: report).write(told: &told, isOpen: isOpen, to: &html)
                try sink.drain(&html.bytes)
            }
        }
        return shown
    }

    private static func connectionFindings(
        _ report: Report, told: inout [String: Int], to html: inout HTMLWriter
    ) {
        let findings = report.connectionFindings
        guard !findings.isEmpty else { return }
        html.markup("<h2>About the captures</h2>\n")
        for finding in findings.prefix(connectionFindingLimit) {
            HTMLExchange.finding(finding, report: report, heading: "h3", told: &told, to: &html)
        }
        if findings.count > connectionFindingLimit {
            html.element(
                "p", class: "quiet",
                "\(counted(findings.count - connectionFindingLimit, "finding")) more; the JSON report has all of them.")
        }
    }

    static func safe(_ text: String) -> String { TerminalText.safe(CapturedText(Array(text.utf8)), limit: 2000) }
}

// What a replay found, as one page: the same page as that of the analysis, with recorded and live side by side.

import Ground
import Inspection
import Investigation
public import Replay
public import Reports
import Traffic

extension ReplayFormat {
    public static let html = ReplayFormat(name: "html", product: "the HTML report") {
        try ReplayHTMLReport.write($0, tool: $1.tool, to: &$2)
    }
}

/// Writes the report about a replay as one HTML page.
public enum ReplayHTMLReport {
    /// Exchanges shown; those that are not the same go first.
    static let exchangeLimit = 2000

    public static func write(_ report: ReplayReport, tool: ToolName, to sink: inout any ByteSink) throws {
        var html = HTMLWriter()
        let verdict = ReplayWords.verdict(of: report)
        HTMLPage.begin(title: "upgradescope replay: \(verdict)", to: &html)
        html.markup("<a class=\"skip\" href=\"#exchanges\">To the exchanges</a>\n<header>\n<h1><b>upgradescope</b> ")
        html.text("replay to \(ReplayWords.safe(report.target))")
        html.markup("</h1>\n")
        if report.count(.failed) > 0 || report.count(.differs) > 0 {
            html.element("p", class: "verdict error", verdict)
        } else if report.count(.same) > 0, !report.interrupted {
            html.element("p", class: "verdict clean", verdict)
        } else {
            html.element("p", class: "verdict warning", verdict)
        }
        tiles(report, to: &html)
        html.markup("</header>\n<main>\n")
        plan(report.plan, to: &html)
        latencies(report, to: &html)
        if let load = report.load { self.load(load, to: &html) }
        try exchanges(report, to: &html, sink: &sink)
        HTMLPage.end("\(tool.name) \(tool.version). Credentials are hidden.", to: &html)
        try sink.drain(&html.bytes, atLeast: 1)
    }

    private static func tiles(_ report: ReplayReport, to html: inout HTMLWriter) {
        html.markup("\n<dl class=\"tiles\">")
        HTMLPage.tile("tile", "Same", report.count(.same), to: &html)
        HTMLPage.tile(
            report.count(.differs) > 0 ? "tile error" : "tile", "Different", report.count(.differs), to: &html)
        HTMLPage.tile(report.count(.failed) > 0 ? "tile error" : "tile", "Failed", report.count(.failed), to: &html)
        HTMLPage.tile(
            report.count(.skipped) > 0 ? "tile warning" : "tile", "Skipped", report.count(.skipped), to: &html)
        let findings = report.exchanges.reduce(0) { $0 + $1.findings.count }
        HTMLPage.tile(findings > 0 ? "tile note" : "tile", "Findings", findings, to: &html)
        html.markup("</dl>\n")
    }

    private static func plan(_ plan: ReplayPlan, to html: inout HTMLWriter) {
        html.markup("<h2>What was planned</h2>\n<div class=\"card\"><ul>")
        let said = plan.exchanges.count { $0.skipped == nil }
        html.element("li", "\(counted(said, "exchange")) of \(grouped(plan.exchanges.count)), pace \(plan.pace)")
        if plan.concurrency > 1 || plan.repeats > 1 || plan.rate != nil {
            let rate = plan.rate.map { ", \(JSONWriter.decimalText($0)) sessions a second" } ?? ""
            html.element(
                "li", "each \(counted(plan.repeats, "time")), \(grouped(plan.concurrency)) at the same time\(rate)")
        }
        html.element(
            "li",
            plan.sendsCredentials
                ? "credentials of the recording were sent" : "credentials of the recording were not sent")
        html.markup("</ul></div>\n")
    }

    private static func latencies(_ report: ReplayReport, to html: inout HTMLWriter) {
        guard let first = report.latencies.first else { return }
        html.markup("<h2>How long it took</h2>\n<div class=\"card scroll\"><table><thead><tr><th>Milliseconds</th>")
        html.markup("<th class=\"number\">Count</th><th class=\"number\">Least</th><th class=\"number\">Mean</th>")
        for (percentile, _) in first.percentiles {
            html.element("th", class: "number", "\(JSONWriter.decimalText(percentile)) %")
        }
        html.markup("<th class=\"number\">Most</th></tr></thead><tbody>")
        for latency in report.latencies {
            html.markup("<tr>")
            html.element("td", latency.name)
            html.element("td", class: "number", grouped(latency.count))
            for value in [latency.minimum, latency.mean] + latency.percentiles.map(\.milliseconds) + [latency.maximum] {
                html.element("td", class: "number", ReplayWords.milliseconds(value))
            }
            html.markup("</tr>")
        }
        html.markup("</tbody></table></div>\n")
    }

    private static func load(_ load: LoadReport, to html: inout HTMLWriter) {
        html.markup("<h2>Load</h2>\n<div class=\"card\"><ul>")
        html.element(
            "li",
            "\(counted(load.finished, "session")) of \(grouped(load.started)) ended, "
                + "at most \(grouped(load.mostConcurrent)) at the same time, in \(JSONWriter.decimalText((load.seconds * 100).rounded() / 100)) s"
        )
        for direction in Direction.allCases {
            html.element(
                "li",
                "\(direction.name): \(counted(load.messages[direction], "message")), \(grouped(load.bytes[direction])) bytes"
            )
        }
        for (word, count) in load.failures.sorted(by: { $0.key < $1.key }) {
            html.element("li", "failed, \(ReplayWords.safe(word)): \(grouped(count))")
        }
        for kind in Difference.Kind.allCases {
            if let count = load.differences[kind] { html.element("li", "\(kind.rawValue): \(grouped(count))") }
        }
        if load.late > 0 {
            html.element(
                "li",
                "\(counted(load.late, "session")) began late, by "
                    + "\(ReplayWords.milliseconds(load.mostLateMilliseconds)) ms at most")
        }
        html.markup("</ul></div>\n")
    }

    // MARK: Exchanges

    private static func exchanges(
        _ report: ReplayReport, to html: inout HTMLWriter, sink: inout any ByteSink
    ) throws {
        html.markup("<h2 id=\"exchanges\">Exchanges</h2>\n")
        guard !report.exchanges.isEmpty else {
            html.markup("<div class=\"card\">There is none.</div>\n")
            return
        }
        var told: [String: Int] = [:]
        /// How often each exchange was reported: under load it is said several times.
        var times: [Int: Int] = [:]
        var shown = 0
        for verdicts in [[Verdict.differs, .failed], [.same], [.skipped]] {
            for exchange in report.exchanges where verdicts.contains(exchange.verdict) && shown < exchangeLimit {
                // What one came for lies open.
                let isOpen = shown == 0 && exchange.verdict != .same && exchange.verdict != .skipped
                shown += 1
                times[exchange.id, default: 0] += 1
                let time = times[exchange.id] ?? 1
                let anchor = time == 1 ? "\(exchange.id)" : "\(exchange.id)-\(time)"
                self.exchange(exchange, anchor: anchor, isOpen: isOpen, told: &told, to: &html)
                try sink.drain(&html.bytes)
            }
        }
        if report.exchanges.count > shown {
            html.element(
                "p", class: "quiet",
                "\(counted(report.exchanges.count - shown, "exchange")) more; the JSON report has all of them.")
        }
    }

    private static func exchange(
        _ exchange: ReplayedExchange, anchor: String, isOpen: Bool, told: inout [String: Int],
        to html: inout HTMLWriter
    ) {
        let words = ReplayWords(exchange)
        html.markup("<details class=\"exchange\" id=\"x")
        html.text(anchor)
        html.markup("\" data-levels=\"")
        html.text(Set(exchange.findings.map(\.level.name)).sorted().joined(separator: " "))
        html.markup(isOpen ? "\" open><summary><span class=\"id\">" : "\"><summary><span class=\"id\">")
        html.text("#\(exchange.id)")
        html.markup("</span><span class=\"asked\">")
        html.text(ReplayWords.safe(exchange.title))
        html.markup("</span><span class=\"badges\">")
        switch exchange.verdict {
        case .same: html.element("span", class: "badge good", "same")
        case .differs: html.element("span", class: "badge error", "differs")
        case .failed: html.element("span", class: "badge error", "failed")
        case .skipped: html.element("span", class: "badge warning", "skipped")
        }
        html.markup("</span><span class=\"where\">")
        let packet = exchange.recorded.packet.map { "recorded in packet \($0.packet)" }
        let what =
            exchange.reason.map { ReplayWords.safe($0) } ?? (exchange.verdict == .differs ? words.differences : nil)
        html.text([packet, what].compactMap { $0 }.joined(separator: ", "))
        html.markup("</span></summary>\n<div class=\"body\">")
        differences(exchange, to: &html)
        if !exchange.findings.isEmpty {
            html.markup("<h3>What the rules say of the live server</h3>")
            for finding in exchange.findings {
                HTMLExchange.finding(
                    finding, mark: finding.firstMark, exchange: exchange.id, told: &told, to: &html,
                    packets: { "live packet \($0.first.packet)" })
            }
        }
        outlines(exchange, to: &html)
        if !exchange.notes.isEmpty {
            html.markup("<h3>Otherwise than recorded</h3><ul>")
            for note in exchange.notes { html.element("li", ReplayWords.safe(note)) }
            html.markup("</ul>")
        }
        html.markup("</div></details>\n")
    }

    private static func differences(_ exchange: ReplayedExchange, to html: inout HTMLWriter) {
        guard !exchange.differences.isEmpty else { return }
        html.markup("<h3>Differences</h3><div class=\"scroll\"><table class=\"differences\"><thead><tr><th>What</th>")
        html.markup("<th>Recorded</th><th>Live</th></tr></thead><tbody>")
        for difference in exchange.differences {
            let words = DifferenceWords(difference)
            html.markup("<tr><td>")
            html.element("span", class: "badge error", difference.kind.rawValue)
            if !difference.at.isEmpty { html.element("p", ReplayWords.safe(difference.at)) }
            if !words.place.isEmpty { html.element("p", class: "quiet", words.place) }
            html.markup("</td><td>")
            value(words.recorded, class: "recorded", to: &html)
            html.markup("</td><td>")
            value(words.live, class: "live", to: &html)
            html.markup("</td></tr>")
        }
        html.markup("</tbody></table></div>")
        if exchange.omittedDifferences > 0 {
            html.element("p", class: "quiet", "\(counted(exchange.omittedDifferences, "difference")) more.")
        }
    }

    private static func value(_ text: String?, class style: StaticString, to html: inout HTMLWriter) {
        switch text {
        case nil: html.element("span", class: "quiet", "nothing")
        case "": html.element("span", class: "quiet", "empty")
        case let text?: html.element("pre", class: style, text)
        }
    }

    private static func outlines(_ exchange: ReplayedExchange, to html: inout HTMLWriter) {
        let recorded = ReplayWords.outline(exchange.recorded)
        let live = exchange.live.map { ReplayWords.outline($0) } ?? []
        var names = recorded.map(\.name)
        for (name, _) in live where !names.contains(name) { names.append(name) }
        html.markup("<h3>Side by side</h3><div class=\"scroll\"><table class=\"outline\"><thead><tr><th></th>")
        html.markup("<th>Recorded</th><th>Live</th></tr></thead><tbody>")
        for name in names {
            html.markup("<tr>")
            html.element("th", name)
            html.element("td", recorded.first { $0.name == name }?.value ?? "–")
            html.element("td", live.first { $0.name == name }?.value ?? "–")
            html.markup("</tr>")
        }
        html.markup("</tbody></table></div>")
    }
}

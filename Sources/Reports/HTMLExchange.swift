// One exchange on the page: a line that says what became of it and, opened, the findings, the sequence of what
// happened, both heads, and what was counted.

import Ground
package import Inspection
import Investigation
package import Traffic

package struct HTMLExchange {
    let reported: ReportedExchange
    let report: Report

    private var exchange: Exchange { reported.exchange }

    /// `told` says where the words of each rule stand already.
    func write(told: inout [String: Int], isOpen: Bool, to html: inout HTMLWriter) {
        let words = ExchangeWords(reported, showSecrets: report.options.showSecrets)
        html.markup("<details class=\"exchange\" id=\"x")
        html.text("\(reported.id)")
        html.markup("\" data-levels=\"")
        html.text(Set(reported.findings.map(\.finding.level.name)).sorted().joined(separator: " "))
        html.markup(isOpen ? "\" open><summary><span class=\"id\">" : "\"><summary><span class=\"id\">")
        html.text("#\(reported.id)")
        html.markup("</span><span class=\"asked\">")
        html.text(words.asked)
        html.markup("</span><span class=\"badges\">")
        badges(words, to: &html)
        html.markup("</span><span class=\"where\">")
        let first = exchange.firstMark
        let capture = report.hasSeveralCaptures ? " of \(report.captureName(first.capture))" : ""
        let retry = reported.retryOf.map { ", retry of #\($0)" } ?? ""
        html.text("\(words.endpoints), \(words.packets)\(capture), \(first.time.text)\(retry)")
        html.markup("</span></summary>\n<div class=\"body\">")
        if !reported.findings.isEmpty {
            html.markup("<h3>Findings</h3>")
            for finding in reported.findings {
                Self.finding(finding, report: report, exchange: reported.id, told: &told, to: &html)
            }
        }
        html.markup("<h3>What happened</h3>")
        sequence(to: &html)
        html.markup("<div class=\"pair\">")
        if let request = exchange.request { head("Request", request, to: &html) }
        if let response = exchange.response { head("Response", response, to: &html) }
        html.markup("</div>")
        facts(to: &html)
        html.markup("</div></details>\n")
    }

    private func badges(_ words: ExchangeWords, to html: inout HTMLWriter) {
        for level in Level.allCases.reversed() {
            var rules: [String] = []
            for finding in reported.findings
            where finding.finding.level == level && !rules.contains(finding.finding.rule) {
                rules.append(finding.finding.rule)
            }
            for rule in rules.prefix(4) { Self.badge(level, HTMLReport.safe(rule), to: &html) }
        }
        let status = exchange.response.map { "\($0.status)" } ?? "no answer"
        if exchange.outcome == .switched, reported.validity.isValid != false {
            html.element("span", class: "badge good", "\(status) → \(words.protocolName ?? "switched")")
        } else {
            html.element("span", class: "badge", "\(status), \(words.result)")
        }
    }

    static func badge(_ level: Level, _ text: String, to html: inout HTMLWriter) {
        switch level {
        case .error: html.element("span", class: "badge error", text)
        case .warning: html.element("span", class: "badge warning", text)
        case .note: html.element("span", class: "badge note", text)
        }
    }

    // MARK: Findings

    static func finding(
        _ reported: ReportedFinding, report: Report, heading: StaticString = "h4", exchange: Int = 0,
        told: inout [String: Int], to html: inout HTMLWriter
    ) {
        let capture = reported.finding.exchange?.capture
        finding(
            reported.finding, mark: reported.mark, heading: heading, exchange: exchange, told: &told, to: &html,
            packets: { report.packets($0, within: capture) })
    }

    /// `packets` says where a place is: "packets 4 to 9".
    package static func finding(
        _ finding: Finding, mark: Arrival, heading: StaticString = "h4", exchange: Int,
        told: inout [String: Int], to html: inout HTMLWriter, packets: (Place) -> String
    ) {
        switch finding.level {
        case .error: html.open("div", class: "finding error")
        case .warning: html.open("div", class: "finding warning")
        case .note: html.open("div", class: "finding note")
        }
        html.open(heading)
        badge(finding.level, finding.level.name, to: &html)
        html.element("span", "\(HTMLReport.safe(finding.rule)) \(HTMLReport.safe(finding.name))")
        let cause = finding.consequenceOf.map { ", follows from \(HTMLReport.safe($0))" } ?? ""
        html.element("small", finding.standing + cause)
        html.close(heading)
        html.element("p", class: "seen", TerminalText.safe(finding.message))
        html.markup("<dl>")
        let place = told[finding.rule]
        if let place, place > 0 {
            html.markup("<dt>What to do</dt><dd>as for ")
            html.text(HTMLReport.safe(finding.rule))
            html.markup(" in <a href=\"#x")
            html.text("\(place)")
            html.markup("\">#")
            html.text("\(place)")
            html.markup("</a></dd>")
        } else {
            told[finding.rule] = exchange
            if let why = RuleWording.why(finding.rule), !why.isEmpty { item("Why", why, to: &html) }
            if !finding.fix.isEmpty { item("What to do", finding.fix, to: &html) }
        }
        if !finding.withheld.isEmpty {
            item("Not judged", "for want of data: " + finding.withheld.joined(separator: ", "), to: &html)
        }
        if place == nil, let source = finding.publishedSource { item("Source", source, to: &html) }
        for evidence in finding.evidence {
            let place = evidence.place
            html.markup("<dt>Proof</dt><dd>")
            html.text("\(packets(place)): \(evidence.words)")
            if let lines = TextReport.textLines(evidence.text) {
                html.element("pre", lines.joined(separator: "\n"))
            } else {
                dump(evidence.excerpt, redacted: evidence.redacted, firstOffset: place.offset, to: &html)
            }
            html.markup("</dd>")
        }
        html.markup("<dt>Wireshark</dt><dd><code>")
        html.text(finding.wiresharkFilter(mark: mark))
        html.markup("</code></dd></dl></div>")
    }

    private static func item(_ name: String, _ text: String, to html: inout HTMLWriter) {
        html.element("dt", name)
        html.element("dd", TerminalText.safe(text))
    }

    private static func dump(
        _ bytes: [UInt8], redacted: [Range<Int>] = [], firstOffset: Int64, to html: inout HTMLWriter
    ) {
        guard !bytes.isEmpty else { return }
        html.markup("<pre class=\"dump\" tabindex=\"0\">")
        for row in HexDump(bytes, redacted: redacted, firstOffset: firstOffset).rows {
            html.element("i", row.offset)
            html.text("  \(row.hex.leftAligned(48))  \(row.text)\n")
        }
        html.markup("</pre>")
    }

    // MARK: The sequence

    private struct Step {
        var mark: Arrival
        var direction: Direction
        var text: String
        var isEarly = false
    }

    private var steps: [Step] {
        var steps: [Step] = []
        let facts = exchange.connection
        if facts.sawSYN { steps.append(Step(mark: facts.first, direction: .client, text: "opens the connection")) }
        let words = ExchangeWords(reported, showSecrets: report.options.showSecrets)
        if let request = exchange.request {
            let offer = words.offered.isEmpty ? "" : ", offers \(words.offered)"
            steps.append(Step(mark: request.place.first, direction: .client, text: words.asked + offer))
        }
        for interim in exchange.interim {
            steps.append(Step(mark: interim.place.first, direction: .server, text: "\(interim.status)"))
        }
        let early = exchange.early.flatMap { $0.verdict == .none ? nil : $0 }
        if let early {
            steps.append(
                Step(
                    mark: early.place.first, direction: .client,
                    text: "\(counted(early.clientBytes, "early byte")) (\(early.verdict.name))", isEarly: true))
        }
        if let response = exchange.response {
            steps.append(Step(mark: response.place.first, direction: .server, text: words.answered))
        }
        if let answer = early?.answer {
            steps.append(
                Step(
                    mark: answer.place.first, direction: .server,
                    text: "\(answer.status), an answer to the early bytes",
                    isEarly: true))
        }
        for direction in Direction.allCases {
            let stream = exchange.switched[direction]
            if let first = stream.first, early == nil || direction == .server || first != early?.place.first {
                steps.append(
                    Step(
                        mark: first, direction: direction,
                        text: "first of \(counted(stream.bytes, "byte")) behind the switch"))
            }
            if let close = exchange.websocket?.sides[direction].close {
                let code = close.code.map { " \($0)" } ?? ""
                steps.append(Step(mark: close.place.first, direction: direction, text: "Close\(code)"))
            }
            if let end = facts.endMark[direction] {
                let word =
                    switch facts.ended[direction] {
                    case .rst: "resets the connection (RST)"
                    case .fin: "ends its stream (FIN)"
                    case .open: "last packet"
                    }
                steps.append(Step(mark: end, direction: direction, text: word))
            }
        }
        // Stable: what shares a packet stays in the order of telling.
        return steps.enumerated().sorted {
            $0.element.mark == $1.element.mark
                ? $0.offset < $1.offset
                : $0.element.mark.precedes($1.element.mark)
                    || (!$1.element.mark.precedes($0.element.mark) && $0.offset < $1.offset)
        }.map(\.element)
    }

    private func sequence(to html: inout HTMLWriter) {
        html.markup("<ol class=\"sequence\"><li class=\"ends\"><span class=\"when\">after</span>")
        html.markup("<span class=\"packet\">packet</span><span class=\"lane\"><span>")
        html.text("client \(exchange.connection.client)")
        html.markup("</span><span>")
        html.text("server \(exchange.connection.server)")
        html.markup("</span></span></li>")
        let start = exchange.firstMark.time
        for step in steps {
            switch (step.isEarly, step.direction) {
            case (true, .client): html.open("li", class: "client early")
            case (true, .server): html.open("li", class: "server early")
            case (false, .client): html.open("li", class: "client")
            case (false, .server): html.open("li", class: "server")
            }
            html.element("span", class: "when", Self.brief(step.mark.time.nanoseconds(since: start)))
            html.element("span", class: "packet", "\(step.mark.packet)")
            html.element("span", class: "lane", step.text)
            html.markup("</li>")
        }
        html.markup("</ol>")
    }

    /// Milliseconds with three decimals, seconds from ten on.
    private static func brief(_ nanoseconds: Int64) -> String {
        let micro = nanoseconds / 1000
        let sign = micro < 0 ? "-" : "+"
        let size = micro.magnitude
        func decimals(_ value: UInt64) -> String {
            let digits = String(value % 1000)
            return "\(value / 1000)." + String(repeating: "0", count: 3 - digits.utf8.count) + digits
        }
        return sign + (size < 10_000_000 ? decimals(size) + " ms" : decimals(size / 1000) + " s")
    }

    // MARK: Heads and counters

    private func head(_ name: String, _ head: MessageHead, to html: inout HTMLWriter) {
        let text = HeadText(head, showSecrets: report.options.showSecrets)
        html.markup("<div><h3>")
        html.text("\(name), packet \(head.place.first.packet)")
        html.markup("</h3><pre>")
        let start = head.bytes.firstIndex(of: 0x0a) ?? head.bytes.endIndex
        var line = head.bytes[..<start]
        if line.last == 0x0d { line = line.dropLast() }
        html.element("span", class: "start", TerminalText.safe(text.text(line), limit: 4000))
        for field in head.lines.prefix(200) {
            html.markup("\n")
            html.element("span", class: "name", TerminalText.safe(text.text(head.name(of: field)), limit: 400))
            html.text(": ")
            let value = text.text(head.value(of: field))
            value.forEachPiece { piece in
                switch piece {
                case .bytes(let bytes): html.text(TerminalText.safe(CapturedText(bytes), limit: 4000))
                case .redacted(let count): html.element("i", CapturedText.note(redacted: count))
                }
            }
        }
        if head.lines.count > 200 { html.text("\n… \(head.lines.count - 200) more fields") }
        html.markup("</pre></div>")
    }

    private func facts(to html: inout HTMLWriter) {
        guard exchange.outcome == .switched else { return }
        html.markup("<h3>After the switch</h3><div class=\"card scroll\"><table><thead><tr><th>Side</th>")
        html.markup("<th class=\"number\">Bytes</th><th>Frames</th><th class=\"number\">Messages</th>")
        if exchange.websocket?.agreement.deflate == true { html.markup("<th>Compression</th>") }
        html.markup("<th>Close</th></tr></thead><tbody>")
        for direction in Direction.allCases {
            html.markup("<tr>")
            html.element("td", direction.name)
            html.element("td", class: "number", grouped(exchange.switched[direction].bytes))
            var frames: [String] = []
            if let side = exchange.websocket?.sides[direction] {
                frames = [side.frameWords] + [side.resumedWords].compactMap { $0 }
            } else if let session = exchange.session {
                frames = session.words[direction].map { TerminalText.safe($0) }
            }
            html.element("td", frames.filter { !$0.isEmpty }.joined(separator: ", "))
            let side = exchange.websocket?.sides[direction]
            let messages =
                side.map { $0.textMessages.addingReportingOverflow($0.binaryMessages).partialValue }
                ?? exchange.session?.messages?[direction]
            html.element("td", class: "number", messages.map { grouped($0) } ?? "")
            if exchange.websocket?.agreement.deflate == true { html.element("td", side?.compressionWords ?? "") }
            let close = side?.close.map { close in
                let reason = close.reason.isEmpty ? "" : " " + TerminalText.safe(CapturedText(close.reason))
                return (close.code.map { "\($0)" } ?? "without a code") + reason
            }
            html.element("td", close ?? "")
            html.markup("</tr>")
        }
        html.markup("</tbody></table></div>")
        for direction in Direction.allCases where exchange.websocket == nil {
            let stream = exchange.switched[direction]
            guard !stream.excerpt.isEmpty else { continue }
            html.element("h3", "First bytes of the \(direction.name)")
            let secrets = report.options.showSecrets ? [] : Redaction.secretRanges(in: stream.excerpt[...])
            Self.dump(stream.excerpt, redacted: secrets, firstOffset: stream.start ?? 0, to: &html)
        }
    }
}

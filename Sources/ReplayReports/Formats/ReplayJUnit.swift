// What a replay found, for continuous integration: one test suite, one test case an exchange. What differs is a
// failure, what could not be said an error, what was left out is skipped.

import Ground
import Inspection
import Investigation
public import Replay
public import Reports

extension ReplayFormat {
    public static let junit = ReplayFormat(name: "junit", product: "a JUnit report") { report, _, sink in
        try ReplayJUnitReport.write(report, to: &sink)
    }
}

/// Writes the JUnit report about a replay.
public enum ReplayJUnitReport {
    public static func write(_ report: ReplayReport, to sink: inout any ByteSink) throws {
        var xml = XMLWriter()
        let name = "upgradescope replay \(safe(report.target))"
        func count(_ verdict: Verdict) -> String {
            String(report.exchanges.count { $0.verdict == verdict })
        }
        let counts: [(name: StaticString, value: String)] = [
            ("tests", String(report.exchanges.count)), ("failures", count(.differs)), ("errors", count(.failed)),
            ("skipped", count(.skipped)),
            ("time", XMLWriter.seconds(report.exchanges.reduce(0) { $0 + time(of: $1) })),
        ]
        try xml.element("testsuites", [("name", name)] + counts) { xml in
            try xml.element("testsuite", [("name", name)] + counts) { xml in
                for exchange in report.exchanges {
                    testCase(exchange, to: &xml)
                    try sink.drain(&xml.bytes)
                }
            }
        }
        try sink.drain(&xml.bytes, atLeast: 1)
    }

    private static func testCase(_ exchange: ReplayedExchange, to xml: inout XMLWriter) {
        let title = "#\(exchange.id) \(safe(exchange.title))"
        let attributes: [(name: StaticString, value: String)] = [
            ("classname", "upgradescope.replay"), ("name", title), ("time", XMLWriter.seconds(time(of: exchange))),
        ]
        xml.element("testcase", attributes) { xml in
            switch exchange.verdict {
            case .same: break
            case .skipped: xml.empty("skipped", [("message", safe(exchange.reason ?? ""))])
            case .failed:
                xml.element(
                    "error",
                    [("message", safe(exchange.reason ?? "failed")), ("type", safe(exchange.failure ?? "failed"))],
                    text: details(exchange))
            case .differs:
                let words = ReplayWords(exchange)
                xml.element("failure", [("message", words.differences), ("type", "differs")], text: details(exchange))
            }
            let notes =
                exchange.notes.map { safe($0) }
                + exchange.findings.map { finding in
                    "\(finding.level.name) \(safe(finding.rule)) \(safe(finding.name)): \(safe(finding.message))"
                }
            if !notes.isEmpty { xml.element("system-out", text: notes.joined(separator: "\n")) }
        }
    }

    /// The differences as lines.
    private static func details(_ exchange: ReplayedExchange) -> String {
        var lines: [String] = []
        for difference in exchange.differences {
            let words = DifferenceWords(difference)
            lines.append(words.title + (words.place.isEmpty ? "" : " (\(words.place))"))
            lines.append("  recorded: \(words.recorded ?? "nothing")")
            lines.append("  live:     \(words.live ?? "nothing")")
        }
        if exchange.omittedDifferences > 0 {
            lines.append("\(counted(exchange.omittedDifferences, "more difference"))")
        }
        return lines.joined(separator: "\n")
    }

    private static func safe(_ text: String) -> String { ReplayWords.safe(text) }

    private static func time(of exchange: ReplayedExchange) -> Int64 {
        (exchange.live?.handshake ?? 0) + (exchange.live?.duration ?? 0)
    }
}

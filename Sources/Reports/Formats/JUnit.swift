// The report for continuous integration: one test suite for the captures, one for the exchanges in them. An exchange with a
// finding that makes the exit status 1 is a failure, a capture that could not be read as a whole is an error.
//
// The counts stand before the cases: the exchanges are walked twice.

import Inspection
public import Investigation
import Traffic

extension ReportFormat {
    /// For continuous integration.
    public static let junit = ReportFormat(
        name: "junit", product: "a JUnit report: a test case for each exchange", needsEveryExchange: true,
        writing: .report { report, _, sink in try JUnitReport.write(report, to: &sink) })
}

/// Writes the JUnit report.
public enum JUnitReport {
    public static func write(_ report: Report, to sink: inout any ByteSink) throws {
        let suites = try [captureSuite(report), exchangeSuite(report)]
        var xml = XMLWriter()
        let total = suites.reduce(Counts()) { $0 + $1.counts }
        try xml.element("testsuites", [("name", "upgradescope analyze")] + total.attributes) { xml in
            for suite in suites {
                try xml.element("testsuite", [("name", suite.name)] + suite.counts.attributes) { xml in
                    try suite.walk { testCase in
                        testCase.write(to: &xml)
                        try sink.drain(&xml.bytes)
                    }
                }
            }
        }
        try sink.drain(&xml.bytes, atLeast: 1)
    }

    private struct Suite {
        var name: String
        var counts = Counts()
        var walk: ((TestCase) throws -> Void) throws -> Void

        init(_ name: String, _ walk: @escaping ((TestCase) throws -> Void) throws -> Void) throws {
            self.name = name
            self.walk = walk
            var counts = Counts()
            try walk { counts.add($0) }
            self.counts = counts
        }
    }

    private struct Counts {
        var tests = 0
        var failures = 0
        var errors = 0
        var nanoseconds: Int64 = 0

        mutating func add(_ test: TestCase) {
            tests += 1
            failures += test.failures.isEmpty ? 0 : 1
            errors += test.errors.isEmpty ? 0 : 1
            nanoseconds += test.nanoseconds
        }

        static func + (one: Counts, other: Counts) -> Counts {
            Counts(
                tests: one.tests + other.tests, failures: one.failures + other.failures,
                errors: one.errors + other.errors, nanoseconds: one.nanoseconds + other.nanoseconds)
        }

        var attributes: [(name: StaticString, value: String)] {
            [
                ("tests", "\(tests)"), ("failures", "\(failures)"), ("errors", "\(errors)"), ("skipped", "0"),
                ("time", XMLWriter.seconds(nanoseconds)),
            ]
        }
    }

    /// What is said of one exchange or capture; every line is safe to show.
    private struct TestCase {
        var suite: String
        var name: String
        var nanoseconds: Int64 = 0
        /// The rules that fail it, and what they say.
        var rules: [String] = []
        var failures: [String] = []
        var errors: [String] = []
        var notes: [String] = []

        func write(to xml: inout XMLWriter) {
            let attributes: [(name: StaticString, value: String)] = [
                ("classname", "upgradescope.\(suite)"), ("name", name), ("time", XMLWriter.seconds(nanoseconds)),
            ]
            guard !(failures + errors + notes).isEmpty else { return xml.empty("testcase", attributes) }
            xml.element("testcase", attributes) { xml in
                if !errors.isEmpty {
                    xml.element(
                        "error", [("message", errors[0]), ("type", "damaged")], text: errors.joined(separator: "\n"))
                }
                if !failures.isEmpty {
                    xml.element(
                        "failure", [("message", rules.joined(separator: ", ")), ("type", "findings")],
                        text: failures.joined(separator: "\n\n"))
                }
                if !notes.isEmpty { xml.element("system-out", text: notes.joined(separator: "\n\n")) }
            }
        }

        mutating func add(_ finding: Finding, in report: Report) {
            let text = Self.text(finding, report)
            guard let least = report.options.failureLevel, finding.level >= least else { return notes.append(text) }
            rules.append("\(finding.rule) \(finding.name)")
            failures.append(text)
        }

        private static func text(_ finding: Finding, _ report: Report) -> String {
            var lines = ["\(finding.level.name) \(finding.rule) \(finding.name) (\(finding.standing))"]
            lines.append(TerminalText.safe(finding.message))
            if !finding.fix.isEmpty { lines.append("do: " + TerminalText.safe(finding.fix)) }
            if let source = finding.publishedSource { lines.append("source: \(source)") }
            for evidence in finding.evidence {
                lines.append(
                    "proof: \(report.packets(evidence.place, within: finding.exchange?.capture)): \(evidence.words)")
            }
            return lines.joined(separator: "\n")
        }
    }

    private static func captureSuite(_ report: Report) throws -> Suite {
        try Suite("captures") { body in
            for capture in report.captures {
                let path = TerminalText.safe(CapturedText(Array(capture.path.utf8)))
                var test = TestCase(suite: "captures", name: path)
                let problems = capture.problems.map { "byte \($0.offset): \(TerminalText.safe($0.message))" }
                if capture.complete {
                    test.notes = problems
                } else {
                    test.errors = problems.isEmpty ? ["it could not be read to its end"] : problems
                }
                try body(test)
            }
            for reported in report.connectionFindings {
                let place = report.hasSeveralCaptures ? "\(report.captureName(reported.mark.capture)), " : ""
                var test = TestCase(
                    suite: "captures",
                    name: "\(reported.finding.rule) \(reported.finding.name), \(place)packet \(reported.mark.packet)")
                test.add(reported.finding, in: report)
                try body(test)
            }
        }
    }

    private static func exchangeSuite(_ report: Report) throws -> Suite {
        try Suite("exchanges") { body in
            try report.forEachExchange { reported in
                let words = ExchangeWords(reported, showSecrets: report.options.showSecrets)
                var test = TestCase(suite: "exchanges", name: "#\(reported.id) \(words.story())")
                test.nanoseconds = reported.exchange.lastMark.time.nanoseconds(since: reported.exchange.firstMark.time)
                test.notes = ["\(words.endpoints), \(words.packets)"]
                for finding in reported.findings { test.add(finding.finding, in: report) }
                try body(test)
            }
        }
    }
}

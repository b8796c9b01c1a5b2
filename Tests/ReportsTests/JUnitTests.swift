// The report for continuous integration, read by a parser of XML.

import Foundation
import FoundationXML
import Inspection
import Testing
import Traffic

@testable import Investigation
@testable import Reports

@Suite("The JUnit report")
struct JUnitTests {
    @Test(
        "an exchange is a test case, and fails with the exit status",
        arguments: [
            (Level.error as Level?, ["EARLY001", "RES003"]), (.warning, ["EARLY001", "RES003"]), (nil, []),
        ])
    func cases(least: Level?, rules: [String]) throws {
        var options = ReportOptions()
        options.failureLevel = least
        let report = Fixture.report(options)
        let read = try JUnitReader.read(try report.renderedBytes("junit"))
        #expect(read.suites.map { $0["name"] } == ["captures", "exchanges"])
        let exchanges = read.cases.filter { $0.attributes["classname"] == "upgradescope.exchanges" }
        #expect(exchanges.count == Int(report.summary.exchanges))
        let failing = exchanges.filter { $0.children.contains("failure") }
        for rule in rules { #expect(failing.contains { $0.text.contains(rule) }, "\(rule)") }
        #expect(rules.isEmpty == failing.isEmpty)
        for (suite, kind) in zip(read.suites, ["captures", "exchanges"]) {
            let cases = read.cases.filter { $0.attributes["classname"] == "upgradescope.\(kind)" }
            #expect(suite["tests"] == "\(cases.count)")
            #expect(suite["failures"] == "\(cases.count { $0.children.contains("failure") })")
            #expect(suite["errors"] == "\(cases.count { $0.children.contains("error") })")
        }
    }

    @Test("a capture that could not be read to its end is an error, findings about a connection are cases of their own")
    func captures() throws {
        var damaged = Fixture.capture(complete: false)
        damaged.problems = [CaptureProblem(kind: "cut", offset: 77, message: "ends inside \u{1b}[31m a packet")]
        let collector = Fixture.collector(ReportOptions(), entries: [])
        let read = try JUnitReader.read(
            try collector.finish(captures: [damaged], counters: Fixture.counters()).renderedBytes("junit"))
        #expect(read.suites.map { $0["errors"] } == ["1", "0"])
        let capture = try #require(read.cases.first)
        #expect(capture.children == ["error"])
        #expect(capture.text.hasPrefix("byte 77: ends inside \\x1b"), "\(capture.text)")
    }

    @Test("credentials are hidden, and hostile text stays text")
    func hostile() throws {
        let bytes = try Fixture.report().renderedBytes("junit")
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(!text.contains("verysecret") && !text.contains("dXNlcjpwYXNz"))
        #expect(!text.contains("<script>") && !text.contains("\u{1b}") && !text.contains("\u{202e}"))
        _ = try JUnitReader.read(bytes)
    }
}

/// Reads a JUnit report with the XML parser of Foundation.
final class JUnitReader: NSObject, XMLParserDelegate {
    struct Case {
        var attributes: [String: String]
        var children: [String] = []
        var text = ""
    }

    private var suites: [[String: String]] = []
    private var cases: [Case] = []
    private var path: [String] = []

    static func read(_ bytes: [UInt8]) throws -> (suites: [[String: String]], cases: [Case]) {
        let reader = JUnitReader()
        let parser = XMLParser(data: Data(bytes))
        parser.delegate = reader
        try #require(parser.parse(), "\(String(describing: parser.parserError))")
        return (reader.suites, reader.cases)
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        switch path {
        case []: #expect(name == "testsuites")
        case ["testsuites"]: suites.append(attributes)
        case ["testsuites", "testsuite"]: cases.append(Case(attributes: attributes))
        default: cases[cases.count - 1].children.append(name)
        }
        path.append(name)
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        path.removeLast()
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        if path.count == 4 { cases[cases.count - 1].text += string }
    }
}

// HAR out of captures: valid by the format's schema, and the same sessions when it is read again.

import Foundation
import Ground
import Inspection
import Replay
import TestSupport
import Testing
import Traffic

@testable import Investigation
@testable import Reports

@Suite struct HARReportTests {
    /// What is found in a capture, as a report with its messages and as sessions.
    final class Both: AnalyzerObserver {
        let collector: ReportCollector
        let recorder = SessionRecorder()

        init(showSecrets: Bool) {
            var options = ReportOptions()
            options.messages = true
            options.showSecrets = showSecrets
            // Small, so that the spool is used.
            options.spoolBytes = 4096
            collector = ReportCollector(options: options)
        }

        func receive(_ event: AnalyzerEvent) {
            recorder.receive(event)
            if case .said(let message, in: let exchange) = event { collector.add(message, in: exchange) }
            if case .finished(let exchange) = event { collector.add(exchange, Judgement()) }
        }
    }

    static func read(_ capture: URL, showSecrets: Bool) throws -> (har: [UInt8], sessions: [RecordedSession]) {
        let both = Both(showSecrets: showSecrets)
        var options = AnalyzerOptions()
        options.transcript = .all
        var analyzer = Analyzer(options: options, output: both)
        let description = analyzer.receive(try CaptureReader(path: capture.path))
        analyzer.finish()
        let report = both.collector.finish(captures: [description], counters: analyzer.counters)
        return (try report.renderedBytes("har"), both.recorder.sessions())
    }

    static let samples = SharedMaterial.captures(in: SharedMaterial.samples)
    static let lab = SharedMaterial.captures(of: "lab", for: "HAR out of the captures of the laboratory") ?? []

    /// What a replay says and expects.
    struct Essence: Equatable {
        var request: [String]
        var response: [String]?
        var outcome: Outcome
        var said: [String]

        init(_ session: RecordedSession) {
            request = Self.lines(session.request)
            response = session.response.map { Self.lines($0) }
            outcome = session.outcome
            said = session.steps.map { step in
                "\(step.direction) \(step.message?.opcode ?? 255) \(step.payload) \(step.message?.fragments.count ?? 0)"
            }
        }

        /// Start line and fields; the white space around values is not in the format, nor are lines that are none.
        static func lines(_ head: MessageHead) -> [String] {
            var start = [head.method.text, head.target.text, "\(head.version)", "\(head.status)", head.reason.text]
            for line in head.lines {
                let value = head.value(of: line).text.split(separator: "\r\n").joined(separator: " ")
                start.append("\(head.name(of: line).text): \(value)")
            }
            return start
        }
    }

    @Test func sessionsAreTheSameAfterwards() throws {
        var count = 0
        for capture in Self.samples + Self.lab {
            let (har, sessions) = try Self.read(capture, showSecrets: true)
            let again = try HARLog(har).sessions()
            // An answer nobody asked for is not in the file, and a tunnel is one of bytes there and back.
            // Content of requests is not kept for a report; a folded line is one line in the format.
            let before = sessions.filter { session in
                session.upgraded == .websocket && session.cut == nil && session.outcome == .switched
                    && session.requestBody.isEmpty && !session.request.defects.contains(.folded)
            }
            let after = again.filter { $0.upgraded == .websocket }
            for session in before {
                let essence = Essence(session)
                count += 1
                #expect(
                    after.contains { Essence($0) == essence },
                    "\(capture.lastPathComponent) #\(session.id) \(essence.said.count) \(after.map { Essence($0).said.count })"
                )
            }
        }
        #expect(Self.lab.isEmpty || count > 200, "\(count)")
    }

    @Test func credentialsAreHidden() throws {
        let request = Array(
            ("GET /chat?token=s3cr3t&a=%7Bb%7D HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Cookie: id=s3cr3t; b=s3cr3t\r\nAuthorization: Bearer s3cr3t\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").utf8)
        for showSecrets in [false, true] {
            let both = Both(showSecrets: showSecrets)
            var analyzer = Analyzer(output: both)
            var talk = Talk()
            talk.open()
            talk.client(request)
            talk.feed(&analyzer)
            analyzer.finish()
            let report = both.collector.finish(captures: [], counters: analyzer.counters)
            let text = String(decoding: try report.renderedBytes("har"), as: UTF8.self)
            #expect(text.contains("s3cr3t") == showSecrets)
            let entry = try #require(JSONValue(Array(text.utf8))?["log"]?["entries"]?.array?.first)
            #expect(entry["response"]?["status"]?.int == 0)
            #expect(entry["request"]?["cookies"]?.array?.map { $0["name"]?.string } == ["id", "b"])
            #expect(entry["request"]?["queryString"]?.array?.map { $0["name"]?.string } == ["token", "a"])
            if showSecrets { #expect(entry["request"]?["url"]?.string == "ws://a/chat?token=s3cr3t&a=%7Bb%7D") }
            #expect(try HARLog(Array(text.utf8)).sessions().count == 1)
        }
    }

    /// By the JSON Schema files of Debian's node-har-schema.
    @Test func theFileIsValidByTheSchemaOfTheFormat() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("har-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var paths: [String] = []
        for capture in Self.samples + Self.lab.prefix(150) {
            let file = folder.appendingPathComponent(capture.lastPathComponent + ".har")
            try Data(try Self.read(capture, showSecrets: false).har).write(to: file)
            paths.append(file.path)
        }
        let (status, output) = try SchemaTests.run(["-c", Self.validator] + paths)
        if status == 77 || status == 127 {
            #expect(
                ProcessInfo.processInfo.environment["CI"] == nil, "node-har-schema and jsonschema are needed: \(output)"
            )
            return print("SKIPPED: node-har-schema or python3-jsonschema is not here; HAR files were not checked")
        }
        #expect(status == 0, "\(output)")
        // The validator is not blind.
        let broken = folder.appendingPathComponent("broken.har")
        let text = try String(contentsOfFile: try #require(paths.first), encoding: .utf8)
        try Data(text.replacing("\"headersSize\"", with: "\"headersSiz\"").utf8).write(to: broken)
        #expect(try SchemaTests.run(["-c", Self.validator, broken.path]).status == 1)
    }

    static let validator = """
        import glob, json, os, sys
        try:
            from jsonschema import Draft7Validator, FormatChecker, RefResolver
        except ImportError:
            sys.exit(77)
        folder = "/usr/share/nodejs/har-schema/lib"
        if not os.path.isdir(folder):
            sys.exit(77)
        store = {}
        for path in glob.glob(folder + "/*.json"):
            schema = json.load(open(path))
            # The files are of draft 6, whose identifiers are names relative to one another.
            store[os.path.basename(path)] = store["har:/" + os.path.basename(path)] = schema
            schema["$id"] = "har:/" + os.path.basename(path)
        root = store["har.json"]
        validator = Draft7Validator(root, resolver=RefResolver("har:/har.json", root, store=store), format_checker=FormatChecker())
        status = 0
        for path in sys.argv[1:]:
            for error in list(validator.iter_errors(json.load(open(path))))[:3]:
                print(path.rsplit("/", 1)[-1], error.json_path, error.message[:200])
                status = 1
        sys.exit(status)
        """
}

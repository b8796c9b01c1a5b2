// What a replay found, in every format: valid by the format's own reader, the same on every run, and harmless whatever
// the texts hold.

import Foundation
import Inspection
import Replay
import Testing
import Traffic

@testable import ReplayReports
@testable import Reports

@Suite struct ReplayReportTests {
    static let hostile = "</script><img src=x onerror=alert(1)>&\"'\u{1b}[31m\u{202e}\u{0}\u{ffff}]]>\n\tend"

    /// One exchange of each verdict, with every field in use.
    static let report: ReplayReport = {
        let planned = (1...4).map { id in
            PlannedExchange(
                id: id, title: "GET /\(id)", upgraded: .websocket, protocolName: "websocket", clientSteps: id,
                clientBytes: 10 * id, serverSteps: 2, skipped: id == 4 ? "the recording has no answer" : nil,
                notes: id == 1 ? ["Cookie is not sent (credentials)"] : [])
        }
        var plan = ReplayPlan(
            target: "ws://127.0.0.1:9000", pace: "causal", exchanges: planned, sendsCredentials: false)
        plan.concurrency = 8
        plan.repeats = 100
        plan.rate = 12.5
        var report = ReplayReport(target: "ws://127.0.0.1:9000", plan: plan)
        var outline = SessionOutline()
        outline.status = 101
        outline.outcome = .switched
        outline.protocolName = "websocket"
        outline.subprotocol = "chat"
        outline.extensions = ["permessage-deflate"]
        outline.messages = PerDirection(client: 3, server: 2)
        outline.bytes = PerDirection(client: 4711, server: 12)
        outline.closeCode = 1000
        outline.handshake = 1_234_567
        outline.duration = 98_765_432_100
        outline.packet = Arrival(packet: 4, capture: 1, time: Timestamp(nanoseconds: 0), heard: nil)

        var same = ReplayedExchange(id: 1, title: "GET /1", verdict: .same, recorded: outline)
        same.live = outline
        same.notes = ["Cookie is not sent (credentials)"]
        var differs = ReplayedExchange(id: 2, title: "GET /\(hostile)", verdict: .differs, recorded: outline)
        var live = outline
        live.closeCode = 1005
        differs.live = live
        differs.differences = Difference.Kind.allCases.map { kind in
            Difference(
                kind, at: kind == .messageChanged ? "server message 3, /user/name" : hostile, recorded: hostile,
                live: kind == .messageMissing ? nil : hostile, packet: outline.packet, liveTime: 3_200_000)
        }
        differs.omittedDifferences = 7
        var finding = Finding(
            rule: "WS005", name: "ws-accept-wrong", level: .error, certainty: .proven, fault: .server,
            message: "seen: \(hostile)", source: "RFC 6455 4.2.2", fix: "Do it.", fingerprint: "0123456789abcdef")
        let mark = Arrival(packet: 5, time: Timestamp(nanoseconds: 1_000), heard: 1)
        finding.evidence = [
            Evidence(
                label: "accept", place: Place(direction: .server, offset: 3, length: 5, first: mark, last: mark),
                excerpt: Array("hello".utf8))
        ]
        differs.findings = [finding, finding]
        var failed = ReplayedExchange(id: 3, title: "GET /3", verdict: .failed, recorded: outline)
        failed.reason = "the server reset the connection \(hostile)"
        failed.failure = "reset"
        var skipped = ReplayedExchange(id: 4, title: "GET /4", verdict: .skipped, recorded: SessionOutline())
        skipped.reason = "the recording has no answer"
        report.exchanges = [same, differs, failed, skipped]
        report.verdicts = [.same: 1, .differs: 1, .failed: 1, .skipped: 1]
        report.latencies = ["connect", "handshake"].map { name in
            LatencySummary(
                name: name, count: 1000, minimum: 0.12, mean: 1.5, maximum: 1e6 / 3,
                percentiles: [(50, 1.25), (99, 3), (99.9, 1e6 / 7)], isCorrected: name == "handshake")
        }
        var load = LoadReport()
        load.started = 1000
        load.finished = 999
        load.mostConcurrent = 8
        load.seconds = 12.3456789
        load.messages = PerDirection(client: 3000, server: 2000)
        load.failures = ["reset": 3, "refused": 1]
        load.differences = [.close: 2]
        load.late = 4
        load.mostLateMilliseconds = 17.25
        report.load = load
        return report
    }()

    static func bytes(_ format: String, _ report: ReplayReport = report) throws -> [UInt8] {
        let format = try #require(ReplayFormat.named(format))
        var sink: any ByteSink = ByteArraySink()
        try format.write(report, RenderOptions(tool: ToolName(version: "1.2.3")), &sink)
        return (sink as? ByteArraySink)?.bytes ?? []
    }

    static func text(_ format: String, _ report: ReplayReport = report) throws -> String {
        String(decoding: try bytes(format, report), as: UTF8.self)
    }

    static let empty = ReplayReport(
        target: "ws://a", plan: ReplayPlan(target: "ws://a", pace: "fast", exchanges: [], sendsCredentials: true))

    @Test(arguments: ReplayFormat.all.map(\.name)) func theSameReportGivesTheSameBytes(format: String) throws {
        #expect(try Self.bytes(format) == Self.bytes(format))
        #expect(!(try Self.bytes(format, Self.empty)).isEmpty)
    }

    @Test(arguments: ReplayFormat.all.map(\.name)) func nothingThatATerminalObeysIsIn(format: String) throws {
        for byte in try Self.bytes(format) { #expect(byte >= 0x20 && byte != 0x7f || byte == 0x0a || byte == 0x09) }
        #expect(!(try Self.text(format)).unicodeScalars.contains("\u{202e}"))
    }

    // MARK: JSON

    @Test func theJSONFulfilsItsSchema() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("replay-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var wrong = Self.report
        wrong.target = ""
        let files = [
            ("schema", ReplaySchema.bytes), ("full", try Self.bytes("json")),
            ("empty", try Self.bytes("json", Self.empty)),
            (
                "wrong",
                Array(try Self.text("json").replacing("\"verdict\":\"same\"", with: "\"verdict\":\"fine\"").utf8)
            ),
            (
                "more",
                Array(
                    try Self.text("json").replacing("\"verdict\":\"same\"", with: "\"x\":1,\"verdict\":\"same\"").utf8)
            ),
        ].map { name, bytes in (folder.appendingPathComponent("\(name).json"), bytes) }
        for (url, bytes) in files { try Data(bytes).write(to: url) }
        // SchemaTests says what the validator does; it needs the definition it opens.
        let validator = SchemaTests.validator.replacing(
            "closed[\"$defs\"][\"message_fields\"].pop(\"unevaluatedProperties\")", with: "pass")
        let paths = files.map(\.0.path)
        let (status, output) = try SchemaTests.run(["-c", validator, paths[0], paths[1], paths[2]])
        if status == 77 || status == 127 {
            #expect(ProcessInfo.processInfo.environment["CI"] == nil, "python3 with jsonschema is needed")
            return print("SKIPPED: python3 with jsonschema is not here; the replay report was not checked")
        }
        #expect(status == 0, "\(output)")
        for path in paths[3...] {
            #expect(try SchemaTests.run(["-c", validator, paths[0], path]).0 == 1, "\(path) is accepted")
        }
    }

    @Test func theJSONSaysWhatTheContractPromises() throws {
        let root = try #require(JSONValue(try Self.bytes("json")))
        #expect(root["schema"]?.string == "upgradescope-replay/1")
        #expect(root["target"]?.string == "ws://127.0.0.1:9000")
        #expect(root["summary"]?["differs"]?.int == 1)
        #expect(root["summary"]?["latency_ms"]?["handshake"]?["p99_9"]?.number?.text == "142857.142857")
        #expect(root["summary"]?["latency_ms"]?["connect"]?["p50"]?.number?.text == "1.25")
        let exchanges = try #require(root["exchanges"]?.array)
        #expect(exchanges.map { $0["verdict"]?.string } == ["same", "differs", "failed", "skipped"])
        #expect(exchanges.map { $0["live"] == nil } == [false, false, true, true])
        let difference = try #require(
            exchanges[1]["differences"]?.array?.first { $0["kind"]?.string == "message-changed" })
        #expect(difference["at"]?.string == "server message 3, /user/name")
        #expect(difference["recorded"]?.string == Self.hostile)
        #expect(difference["recorded_packet"]?.int == 4)
        #expect(difference["live_ms"]?.number?.text == "3.2")
        #expect(exchanges[1]["findings"]?.array?.map { $0["id"]?.int } == [1, 2])
        #expect(exchanges[1]["recorded"]?["handshake_ms"]?.number?.text == "1.234567")
    }

    // MARK: JUnit

    @Test func theJUnitReportIsXMLAndCountsRight() throws {
        let (suites, cases) = try JUnitReader.read(try Self.bytes("junit"))
        let suite = try #require(suites.first)
        #expect(suite["tests"] == "4")
        #expect(suite["failures"] == "1")
        #expect(suite["errors"] == "1")
        #expect(suite["skipped"] == "1")
        #expect(suite["time"] == "197.533")
        #expect(cases.map(\.children) == [["system-out"], ["failure", "system-out"], ["error"], ["skipped"]])
        #expect(cases.map { $0.attributes["name"] ?? "" }.first == "#1 GET /1")
        #expect(cases[1].text.contains("message-changed at server message 3, /user/name (packet 4; +3.200 ms live)"))
        #expect(cases[1].text.contains("recorded: </script>"))
        #expect(cases[2].text.isEmpty || cases[2].text.allSatisfy(\.isWhitespace))
    }

    // MARK: HTML

    @Test func thePageRunsNothingAndLoadsNothing() throws {
        let page = try Self.text("html")
        #expect(page.hasPrefix("<!doctype html>"))
        #expect(page.hasSuffix("</html>\n"))
        #expect(!page.contains("<img"))
        #expect(!page.contains("http://") && !page.contains("https://"))
        #expect(page.ranges(of: "<script>").count == 1)
        #expect(page.ranges(of: "</script>").count == 1)
        #expect(page.contains("default-src 'none'"))
        #expect(page.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;"))
        #expect(page.contains("4 exchanges: 1 same, 1 differs, 1 failed, 1 skipped."))
        for tag in ["details", "table", "div", "ul", "dl", "section", "tr", "td", "pre", "span", "p"] {
            let opened = page.ranges(of: "<\(tag)>").count + page.ranges(of: "<\(tag) ").count
            #expect(opened == page.ranges(of: "</\(tag)>").count, "\(tag)")
        }
    }

    @Test(arguments: [
        ([Verdict.same: 1], false, "The exchange is the same as recorded."),
        ([.same: 3, .skipped: 1], false, "All 3 exchanges are the same as recorded."),
        ([.differs: 2, .skipped: 1], false, "All 2 exchanges differ from what was recorded."),
        ([.failed: 1], false, "The exchange failed."),
        ([.skipped: 2], false, "Nothing was said: 2 exchanges, all skipped."),
        ([.same: 1, .differs: 2, .failed: 1], true, "4 exchanges: 1 same, 2 differ, 1 failed. Interrupted."),
    ])
    func theVerdictIsASentence(verdicts: [Verdict: Int], interrupted: Bool, sentence: String) {
        var report = Self.empty
        report.verdicts = verdicts
        report.interrupted = interrupted
        #expect(ReplayWords.verdict(of: report) == sentence)
    }
}

import Foundation
import Ground
import Inspection
import Testing
import Traffic

@testable import Investigation
@testable import Reports

@Suite("The JSON report")
struct JSONTests {
    private func object(_ report: Report) throws -> [String: Any] {
        let data = Data(try report.renderedBytes("json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func exchanges(_ report: Report) throws -> [[String: Any]] {
        try #require(try object(report)["exchanges"] as? [[String: Any]])
    }

    @Test("an exchange has the fields of the contract")
    func exchange() throws {
        let early = try #require(try exchanges(Fixture.report()).first)
        #expect(early["id"] as? Int == 1)
        #expect(early["kind"] as? String == "upgrade")
        #expect(early["outcome"] as? String == "switched")
        #expect(early["protocol"] as? String == "websocket")
        #expect(early["preference_rank"] as? Int == 0)
        #expect(early["started"] as? String == "2026-01-01T00:00:00.133956789Z")
        let request = try #require(early["request"] as? [String: Any])
        #expect(request["host"] as? String == "server.example.com")
        #expect(request["upgrade"] as? [String] == ["websocket", "h2c"])
        #expect(request["connection"] as? [String] == ["keep-alive", "Upgrade"])
        #expect(request["version"] as? String == "1.1")
        let headers = try #require(request["headers"] as? [[String]])
        #expect(headers.first == ["Host", "server.example.com"])
        let websocket = try #require(early["websocket"] as? [String: Any])
        #expect(websocket["key_valid"] as? Bool == true)
        #expect(websocket["accept_valid"] as? Bool == true)
        #expect(websocket["subprotocols_offered"] as? [String] == ["chat", "superchat"])
        #expect(
            websocket["frames"] as? [String: [String: Int]] == [
                "client": ["text": 3, "close": 1], "server": ["binary": 40000, "ping": 2],
            ])
        let close = try #require(websocket["close"] as? [String: Any])
        #expect(close["by"] as? String == "client" && close["clean"] as? Bool == false)
        let data = try #require(early["early_data"] as? [String: Any])
        #expect(data["verdict"] as? String == "proven" && data["first_packet"] as? Int == 8)
        let connection = try #require(early["connection"] as? [String: Any])
        #expect(connection["handshake_ms"] as? Double == 1.24 && connection["tap"] as? String == "client")
        #expect(early["latency_ms"] as? [String: Double] == ["handshake": 4.5, "first_message": 1.5])
        #expect(early["capture"] == nil && request["capture"] == nil)
    }

    @Test("credentials are hidden unless asked for")
    func redaction() throws {
        var options = ReportOptions()
        options.spoolBytes = 1000
        for format in ["json", "text", "html"] {
            let text = try Fixture.report(options).rendered(format)
            #expect(!text.contains("verysecret") && !text.contains("dXNlcjpwYXNz"), "\(format)")
        }
        #expect(try Fixture.report(options).rendered("json").contains("‹redacted "))
        options.showSecrets = true
        #expect(try Fixture.report(options).rendered("json").contains("verysecret"))
    }

    @Test("what is not UTF-8 has one U+FFFD for each byte and its bytes beside it")
    func notUTF8() throws {
        let hostile = try exchanges(Fixture.report())[3]
        let request = try #require(hostile["request"] as? [String: Any])
        let headers = try #require(request["headers"] as? [[String]])
        #expect(headers[2] == ["X-Bad", String(repeating: "\u{fffd}", count: 6) + "\u{0}A"])
        let twins = try #require(request["headers_hex"] as? [[String]])
        #expect(twins[2][1] == "ffc0afeda0800041")
        #expect(request["target_hex"] == nil)
        let text = try Fixture.report().rendered("json")
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || !HiddenCharacters.isTreacherous($0.value) })
    }

    @Test("with several captures every packet says which one it is of")
    func severalCaptures() throws {
        let collector = Fixture.collector()
        let report = collector.finish(
            captures: [Fixture.capture(), Fixture.capture("b.pcap")], counters: Fixture.counters())
        let root = try object(report)
        func check(_ value: Any, _ path: String) {
            if let object = value as? [String: Any] {
                if object["packet"] != nil { #expect(object["capture"] != nil, "\(path)") }
                for (key, value) in object { check(value, path + "/" + key) }
            } else if let array = value as? [Any] {
                for value in array { check(value, path) }
            }
        }
        check(root, "")
    }

    @Test("Community ID has the value other tools give, in either direction")
    func communityID() {
        // A TCP flow of the specification's reference set.
        let one = Endpoint(address: IPAddress(v4: 0x80e8_6e78), port: 34855)
        let two = Endpoint(address: IPAddress(v4: 0x4223_facc), port: 80)
        #expect(CommunityID.text(one, two) == "1:LQU9qZlK+B5F3KDmev6m5PMibrg=")
        #expect(CommunityID.text(two, one) == "1:LQU9qZlK+B5F3KDmev6m5PMibrg=")
    }

    @Test(
        "times",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000000000Z"), (-1, "1969-12-31T23:59:59.999999999Z"),
            (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z"), (.max, "2262-04-11T23:47:16.854775807Z"),
            (.min, "1677-09-21T00:12:43.145224192Z"),
        ])
    func times(nanoseconds: Int64, text: String) {
        #expect(Timestamp(nanoseconds: nanoseconds).text == text)
    }
}

@Suite("Events")
struct NDJSONTests {
    @Test("every line is an object that refers to keys")
    func lines() throws {
        let bytes = Fixture.events(Fixture.entries(), [Fixture.encrypted(id: 9, name: nil)], Fixture.report())
        let objects = try String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(
            objects.map { $0["event"] as? String ?? "" } == [
                "exchange", "finding", "finding", "exchange", "exchange", "exchange", "finding", "exchange", "exchange",
                "exchange", "exchange", "finding", "finding", "stats", "capture",
            ])
        #expect(objects[0]["key"] as? String == "0:7:c:0")
        #expect(objects[1]["exchange_key"] as? String == "0:7:c:0")
        #expect(objects[2]["consequence_of_key"] as? String == objects[1]["key"] as? String)
        #expect(objects[8]["parent_key"] as? String == "0:93:c:0")
        #expect(objects[12]["connection"] as? Int == 9)
    }
}

@Suite("The report as text")
struct TextTests {
    @Test("nothing of a capture reaches the terminal as a control, with or without colour", arguments: [false, true])
    func controls(colour: Bool) throws {
        let layout = TextLayout(colour: colour)
        let text = try Fixture.report().rendered("text", layout: layout)
        let own = [
            "\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[1;31m", "\u{1b}[1;33m", "\u{1b}[1;34m", "\u{1b}[1;32m",
            "\u{1b}[36m",
        ]
        var rest = text
        #expect(text.contains("\u{1b}") == colour)
        for sequence in own { rest = rest.replacing(sequence, with: "") }
        #expect(rest.unicodeScalars.allSatisfy { $0 == "\n" || !HiddenCharacters.isTreacherous($0.value) })
        #expect(text.contains("\\x1b[2J"))
        #expect(text.contains("\\u{202e}"))
    }

    @Test("no line is wider than asked", arguments: [60, 80, 100])
    func width(width: Int) throws {
        let text = try Fixture.report().rendered("text", layout: TextLayout(width: width))
        let wrapped = text.split(separator: "\n").filter { $0.hasPrefix("    ") && !$0.contains("  |") }
        #expect(wrapped.count > 10)
        // The rows of a dump keep their shape.
        for line in wrapped where !line.contains(/^ {12}[0-9a-f]{4}\s/) {
            #expect(TerminalText.columns(line) <= width, "\(line)")
        }
    }

    @Test("findings are told with proof, clean exchanges in a line, and the end says what was not seen")
    func content() throws {
        let text = try Fixture.report().rendered("text")
        #expect(text.contains("error EARLY001 early-websocket-data"))
        #expect(text.contains("packet 8: early bytes (client, bytes "))
        #expect(text.contains("81 85 37 fa"))
        #expect(text.contains("#2  192.0.2.1:49182 → 198.51.100.2:80 GET server.example.com/chat?room=1 → 101"))
        #expect(text.contains("3 encrypted connections"))
        #expect(text.contains("one.example ×2"))
        #expect(text.contains("Findings: 3 errors, 1 warning, 1 note in 8 exchanges."))
    }

    @Test("a rule stands with the level it was found at, and a source can be looked up")
    func levels() throws {
        let exchange = Fixture.websocket(early: .none)
        let lowered = Fixture.finding("WS009", "ws-accept-mismatch", .note, message: "One.", for: exchange)
        var own = Fixture.finding("CAP004", "cap-early-undetermined", .warning, message: "Two.", for: exchange)
        own.source = "section D"
        let report = Fixture.report(entries: [(exchange, [lowered, own])])
        let page = try report.rendered("html")
        #expect(page.contains("<td><span class=\"badge note\">WS009</span></td>"))
        #expect(page.contains("<td><span class=\"badge warning\">CAP004</span></td>"))
        #expect(try !report.rendered("text").contains("section D"))
        #expect(!page.contains("section D"))
    }

    @Test("no exchange at all is said")
    func none() throws {
        let report = ReportCollector().finish(captures: [Fixture.capture()], counters: TrafficCounters())
        #expect(try report.rendered("text").hasSuffix("No exchange was found.\n"))
        #expect(try report.rendered("html").contains("No exchange was found."))
    }

    @Test("one exchange in full")
    func show() throws {
        let report = Fixture.report()
        let reported = try #require(try report.exchange(id: 1))
        var sink: any ByteSink = ByteArraySink()
        try ShowReport(follow: Direction.allCases).write(reported, of: report, to: &sink)
        try ShowReport(hex: true).write(reported, of: report, to: &sink)
        let text = String(decoding: (sink as? ByteArraySink)?.bytes ?? [], as: UTF8.self)
        #expect(text.contains("> GET /chat?room=1 HTTP/1.1"))
        #expect(text.contains("< HTTP/1.1 101 Switching Protocols"))
        #expect(text.contains("frames: text 3, close 1"))
        #expect(text.contains("Close 1000"))
        #expect(text.contains("47 45 54 20"))
        #expect(!text.contains("verysecret"))
    }

    @Test(
        "wrapping",
        arguments: [
            ("one two three", 20, ["one two three"]),
            ("aaaaaaaaaa bbbbbbbbbb cccc", 20, ["aaaaaaaaaa", "bbbbbbbbbb cccc"]),
            ("aaaaaaaaaaaaaaaaaaaaaaaaa b", 20, ["aaaaaaaaaaaaaaaaaaaa", "aaaaa b"]),
            ("a\n    b  c\n", 20, ["a", "    b c", ""]),
            ("", 20, [""]), ("aaaaaaaaaaaaaaa bbbbbbbbbbbb", 20, ["aaaaaaaaaaaaaaa", "bbbbbbbbbbbb"]),
        ])
    func wrap(text: String, width: Int, lines: [String]) {
        #expect(TerminalText.wrap(text, width: width) == lines)
    }

    @Test(
        "captured text keeps its spaces",
        arguments: [
            ("", [""]), ("  a  b ", ["  a  b "]), ("aaaaaaaaaaaa  bbbbbbbbb c", ["aaaaaaaaaaaa  ", "bbbbbbbbb c"]),
            ("a bbbbbbbbbbbbbbbbbbbbbbbb", ["a bbbbbbbbbbbbbbbbbb", "bbbbbb"]),
            ("                         x", ["                    ", "     x"]),
        ])
    func fold(text: String, lines: [String]) {
        #expect(TerminalText.fold(text, width: 20) == lines)
        #expect(TerminalText.fold(text, width: 20).joined() == text)
    }

    @Test("the spaces of a head are shown as they were, in proofs and in full")
    func spaces() throws {
        var exchange = Fixture.websocket()
        exchange.request = Fixture.head(
            "GET /chat HTTP/1.1\nHost:  a   b  c\n\n", packet: 4, direction: .client)
        let finding = Fixture.finding(
            "SMG003", "framing-obfuscated", .error, message: "One.", for: exchange,
            excerpt: Array("Host:  a   b  c".utf8))
        let report = Fixture.report(entries: [(exchange, [finding])])
        #expect(try report.rendered("text").contains("| Host:  a   b  c"))
        var sink: any ByteSink = ByteArraySink()
        try ShowReport().write(try #require(try report.exchange(id: 1)), of: report, to: &sink)
        let shown = String(decoding: (sink as? ByteArraySink)?.bytes ?? [], as: UTF8.self)
        #expect(shown.contains("> Host:  a   b  c\n"))
    }
}

@Suite("The page")
struct HTMLTests {
    @Test("nothing of a capture becomes markup")
    func hostile() throws {
        let page = try Fixture.report().rendered("html")
        #expect(!page.contains("<script>alert"))
        #expect(!page.contains("<img"))
        #expect(page.contains("&lt;/style&gt;&lt;/script&gt;&lt;script&gt;alert(1)"))
        #expect(page.components(separatedBy: "<script>").count == 2)
        #expect(page.components(separatedBy: "</script>").count == 2)
        #expect(page.components(separatedBy: "</style>").count == 2)
        // Directions could turn a line around.
        #expect(page.unicodeScalars.allSatisfy { $0 == "\n" || !HiddenCharacters.isTreacherous($0.value) })
    }

    @Test("the page needs no network and names its own script by hash")
    func policy() throws {
        let page = try Fixture.report().rendered("html")
        #expect(page.contains("default-src 'none'"))
        #expect(page.contains("script-src 'sha256-"))
        #expect(!page.contains("http://www") && !page.contains("https://") && !page.contains(" src=\""))
        #expect(!page.contains("style=\"") && !page.contains("onclick"))
    }

    @Test("elements are closed in the order they were opened")
    func balanced() throws {
        let page = try Fixture.report().rendered("html")
        let void: Set<Substring> = ["meta", "input", "!doctype"]
        var open: [Substring] = []
        var rest = page[...]
        while let start = rest.firstIndex(of: "<") {
            rest = rest[rest.index(after: start)...]
            guard let end = rest.firstIndex(of: ">") else { break }
            let name = rest[..<end].split(separator: " ").first ?? ""
            if name.hasPrefix("/") {
                #expect(open.popLast() == name.dropFirst())
            } else if !void.contains(name) {
                open.append(name)
                if name == "script" || name == "style", let close = rest.range(of: "</\(name)>") {
                    rest = rest[close.lowerBound...]
                    continue
                }
            }
            rest = rest[end...]
        }
        #expect(open.isEmpty)
    }

    @Test("ten thousand exchanges make a page of bounded size that says so")
    func bounded() throws {
        let entries = (0..<2100).map { index in (Fixture.refused(packet: UInt32(10 * index + 10)), [Finding]()) }
        let page = try Fixture.report(entries: entries).rendered("html")
        #expect(page.contains("100 exchanges more; the JSON report has all of them."))
        #expect(page.components(separatedBy: "<details").count == 2001)
    }
}

@Suite("Secrets in kept bytes")
struct KeptSecretTests {
    @Test("a head among early or tunnelled bytes has its secrets hidden too")
    func early() throws {
        var exchange = Fixture.websocket(early: .proven)
        let smuggled = Array("GET /x HTTP/1.1\r\nCookie: id=topsecret\r\n\r\n".utf8)
        exchange.early?.excerpt = smuggled
        exchange.websocket = nil
        exchange.switched.client.excerpt = smuggled
        for showSecrets in [false, true] {
            var options = ReportOptions()
            options.showSecrets = showSecrets
            let report = Fixture.report(options, entries: [(exchange, [])])
            var sink: any ByteSink = ByteArraySink()
            let reported = try #require(try report.exchange(id: 1))
            try ShowReport(follow: [.client]).write(reported, of: report, to: &sink)
            let shown = String(decoding: (sink as? ByteArraySink)?.bytes ?? [], as: UTF8.self)
            // "topsecret" falls on two rows of the dump.
            #expect(shown.contains("74 6f 70 73") == showSecrets)
            #expect(try report.rendered("html").contains("74 6f 70 73") == showSecrets)
        }
    }
}

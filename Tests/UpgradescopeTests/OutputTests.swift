// Where results go, and what happens when they cannot.

import Foundation
import Reports
import TestSupport
import Testing

@Suite struct OutputTests {
    @Test func jsonOnStandardOutputIsTheFile() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.faulty())
        let printed = try Program.run("analyze", capture, "--format", "json")
        let dash = try Program.run("analyze", capture, "--json", "-")
        let written = try Program.run("analyze", capture, "--json", folder.path("report.json"))
        #expect(try !folder.read("report.json").isEmpty)
        #expect(printed.output == dash.output)
        #expect(try printed.output == folder.read("report.json"))
        #expect(written.text.contains("UPG001"))
        #expect(written.errors.contains("wrote \(folder.path("report.json"))"))
    }

    @Test func everyFormatIsWritten() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.faulty())
        let run = try Program.run(
            "analyze", capture, "--quiet", "--json", folder.path("r.json"), "--html", folder.path("r.html"), "--ndjson",
            folder.path("r.ndjson"))
        #expect(run.status == 1)
        #expect(run.output.isEmpty)
        #expect(run.errors.isEmpty)
        #expect(folder.names == ["a.pcap", "r.html", "r.json", "r.ndjson"])
        #expect(String(decoding: try folder.read("r.html"), as: UTF8.self).contains("UPG001"))
        let lines = String(decoding: try folder.read("r.ndjson"), as: UTF8.self).split(separator: "\n")
        for line in lines {
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        }
        #expect(lines.contains { $0.contains("UPG001") })
    }

    /// The line in the table is all it takes.
    @Test(arguments: ReportFormat.all.filter { $0.product != nil }.map(\.name))
    func everyFormatOfTheTableHasItsOption(_ name: String) throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.faulty())
        let run = try Program.run(
            "analyze", capture, "--quiet", "--fail-on", "never", "--\(name)", folder.path("report"))
        #expect(run.status == 0, "\(run.errors)")
        #expect(try !folder.read("report").isEmpty)
        #expect(
            try Program.run("analyze", capture, "--fail-on", "never", "--format", name).output == folder.read("report"))
        let over = try Program.run("analyze", capture, "--\(name)", capture)
        #expect(over.status == 2 && over.errors.contains("--\(name): \(capture) is an input"), "\(over.errors)")
        #expect(try Program.run("analyze", "--help").text.contains("--\(name) <file>"))
    }

    @Test func digestsComeWithTheTableOfConnections() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        let plain = try Program.run("analyze", capture, "--format", "json", "--connections")
        let digests = try Program.run("analyze", capture, "--format", "json", "--stream-digests")
        #expect(plain.text.contains("\"contiguous\"") && !plain.text.contains("\"sha256\""))
        #expect(digests.text.contains("\"sha256\""))
        let table = try Program.run("analyze", capture, "--stream-digests").text
        #expect(table.contains("192.0.2.10:40000 → 198.51.100.1:80 http, 11 packets, 1 to 11, ended by FIN"))
        #expect(table.contains("    server  133 bytes\n    sha256  "))
        #expect(try !Program.run("analyze", capture).text.contains("sha256"))
    }

    @Test func aThresholdIsALimit() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        #expect(try Program.run("analyze", capture, "--limits", "idle-seconds=30").status == 0)
        #expect(try Program.run("analyze", capture, "--limits", "idle-hours=1").status == 2)
    }

    @Test func anOldReportIsReplacedAndItsModeKept() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        let old = try folder.write("real.json", Array("old".utf8))
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: old)
        try FileManager.default.createSymbolicLink(atPath: folder.path("link.json"), withDestinationPath: old)
        #expect(try Program.run("analyze", capture, "--json", folder.path("link.json")).status == 0)
        #expect(try folder.read("real.json").first == UInt8(ascii: "{"))
        let mode = try FileManager.default.attributesOfItem(atPath: old)[.posixPermissions] as? Int
        #expect(mode == 0o640)
        #expect(folder.names == ["a.pcap", "link.json", "real.json"])
    }

    @Test func missingFolderIs6AndTheOthersAreComplete() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.faulty())
        let run = try Program.run(
            "analyze", capture, "--html", folder.path("missing/r.html"), "--json", folder.path("r.json"))
        #expect(run.status == 6)
        #expect(run.errors.contains("missing/r.html"))
        #expect(run.text.contains("UPG001"))
        #expect(try JSONSerialization.jsonObject(with: Data(try folder.read("r.json"))) is [String: Any])
    }

    @Test func aFolderAsTargetIs6() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        #expect(try Program.run("analyze", capture, "--json", folder.url.path).status == 6)
    }

    @Test(arguments: ["json", "html", "ndjson", "junit"])
    func fullDeviceIs6(format: String) throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.faulty())
        let run = try Program.run("analyze", capture, "--\(format)", "/dev/full")
        #expect(run.status == 6)
        #expect(run.errors.contains("/dev/full"))
        let printed = try Program.shell("\"$0\" analyze \"$1\" --format \(format) > /dev/full", capture)
        #expect(printed.status == 6)
        #expect(printed.errors.contains("standard output"))
    }

    @Test func closedStandardOutputIs6() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        let run = try Program.shell("\"$0\" analyze \"$1\" --html \"$2\" >&-", capture, folder.path("r.html"))
        #expect(run.status == 6)
        #expect(try folder.read("r.html").first == UInt8(ascii: "<"))
    }

    @Test(arguments: ["text", "json", "ndjson", "html", "junit"])
    func aReaderThatLeavesIsNoError(format: String) throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        let run = try Program.shell(
            "{ \"$0\" analyze \"$1\" --format \(format); echo $? >&2; } | { exec 0<&-; sleep 0.2; }", capture)
        #expect(run.errors == "0\n")
        let short = try Program.shell("\"$0\" analyze \"$1\" --format \(format) | head -c 10", capture)
        #expect(short.output.count == 10)
        #expect(short.errors.isEmpty)
    }

    @Test func devicesAndPipesAreWrittenDirectly() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        #expect(try Program.run("analyze", capture, "--json", "/dev/null").status == 0)
        let run = try Program.shell(
            "mkfifo \"$2\" && { cat \"$2\" & } && \"$0\" analyze \"$1\" --quiet --json \"$2\"; wait", capture,
            folder.path("fifo"))
        #expect(run.text.hasPrefix("{"))
    }

    @Test func hostileNamesDoNotReachTheTerminal() throws {
        let folder = try Folder()
        let run = try Program.run("analyze", folder.path("\u{1b}]0;owned\u{7}.pcap"))
        #expect(run.status == 3)
        #expect(!run.errors.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    }
}

@Suite struct RulesTests {
    @Test func theCatalogueIsListed() throws {
        let run = try Program.run("rules")
        #expect(run.status == 0)
        for id in ["UPG001", "EARLY001", "WSF001", "CAP006"] { #expect(run.text.contains(id)) }
    }

    @Test(arguments: ["UPG001", "upg001", "upgrade-without-connection-option"])
    func aRuleIsExplained(name: String) throws {
        let run = try Program.run("rules", name)
        #expect(run.status == 0)
        #expect(run.text.contains("RFC 9110"))
        #expect(run.text.contains("proxy_set_header"))
    }

    @Test func rulesAreData() throws {
        let run = try Program.run("rules", "--format", "json")
        let rules = try #require(try JSONSerialization.jsonObject(with: Data(run.output)) as? [[String: Any]])
        #expect(rules.contains { $0["id"] as? String == "UPG001" })
        let one = try Program.run("rules", "UPG001", "--format", "json")
        let rule = try #require(try JSONSerialization.jsonObject(with: Data(one.output)) as? [String: Any])
        #expect(rule["id"] as? String == "UPG001")
        #expect(try Program.run("rules", "UPG001", "--format", "markdown").text.hasPrefix("#"))
    }

    @Test func theSchemaIsPrinted() throws {
        let run = try Program.run("schema")
        let schema = try #require(try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any])
        #expect((schema["$schema"] as? String)?.contains("2020-12") == true)
    }
}

@Suite struct ShowTests {
    @Test func anExchangeIsShown() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.faulty())
        let run = try Program.run("show", capture, "1")
        #expect(run.status == 0)
        for text in ["GET /chat HTTP/1.1", "101 Switching Protocols", "UPG001", "switched"] {
            #expect(run.text.contains(text), "\(run.text)")
        }
    }

    @Test func anUnknownIdIs2() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.faulty())
        let run = try Program.run("show", capture, "2")
        #expect(run.status == 2)
        #expect(run.errors.contains("1"))
    }

    @Test func bytesAreFollowed() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        let run = try Program.run("show", capture, "1", "--hex", "--follow", "client")
        #expect(run.status == 0)
        // The first frame after the switch, and what it says.
        #expect(run.text.contains("81 82 01 02 03 04"))
        #expect(run.text.contains("0000  68 69 "))
    }

    @Test func messagesAreShown() throws {
        let folder = try Folder()
        var session = TestCapture.talk()
        session.open()
        session.client(Handshake.request())
        session.server(Handshake.response())
        session.client([0x01, 0x82, 1, 2, 3, 4, 0x68 ^ 1, 0x69 ^ 2, 0x80, 0x81, 0, 0, 0, 0, 0x1b])
        session.server([0x89, 0x01, 0x70, 0x82, 0x02, 0x00, 0xff])
        session.server([0x81, 0x7e, 0x01, 0x2c] + [UInt8](repeating: 0x78, count: 300))
        session.server([0x88, 0x05, 0x03, 0xe8] + Array("bye".utf8))
        session.client([0x88, 0x80, 0, 0, 0, 0])
        session.close()
        let capture = try folder.write("a.pcap", session.pcap)
        func said(_ options: String...) throws -> [String] {
            let run = try Program.run(["show", capture, "1"] + options)
            #expect(run.status == 0)
            let lines = run.text.split(separator: "\n", omittingEmptySubsequences: false)
            let messages = lines.drop { !$0.hasPrefix("Messages") }.prefix { !$0.isEmpty }
            return messages.map { $0.split(separator: " ").joined(separator: " ") }
        }
        let rows = try said()
        #expect(
            rows.prefix(5) == [
                "Messages", "packet after type bytes", "6 +2 ms > text 3 (in 2 fragments) hi\\x1b",
                "7 +3 ms < ping 1 p", "7 +3 ms < binary 2 00 ff",
            ])
        #expect(rows.dropFirst(5).first?.hasSuffix("xxx…") == true)
        #expect(rows.suffix(2) == ["9 +5 ms < close 5 1000 “bye”", "10 +6 ms > close 0 without a code"])
        #expect(
            try said("--follow", "client") == [
                "Messages of the client", "packet after type bytes", "6 +2 ms > text 3 (in 2 fragments)", "hi\\x1b",
                "10 +6 ms > close 0 without a code",
            ])
        let full = try said("--follow", "server")
        #expect(full.contains("0000 00 ff ··"))
        #expect(full.filter { $0.allSatisfy { $0 == "x" } }.reduce(0) { $0 + $1.count } == 300)
        #expect(!full.contains { $0.contains("…") })
    }
}

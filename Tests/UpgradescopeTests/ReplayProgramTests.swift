// `replay` as its users run it, and messages as events.

import Foundation
import TestSupport
import Testing

@Suite("replay, as a program")
struct ReplayProgramTests {
    private var clean: String { SharedMaterial.samples.appending(path: "clean-session.pcap").path }
    private var smuggling: String {
        SharedMaterial.samples.appending(path: "request-behind-a-refused-upgrade-answered.pcap").path
    }
    /// Nobody listens on the discard port here.
    private let nobody = "ws://127.0.0.1:9"

    @Test("wrong usage is status 2")
    func usage() throws {
        let rows: [[String]] = [
            [clean], [clean, "--to", "127.0.0.1:80"], [clean, "--to", "ws://user@h/"], [clean, "--to", "ws://h/path"],
            [clean, "--to", nobody, "--raw"], [clean, "--to", nobody, "--pace", "slow"],
            [clean, "--to", nobody, "--ignore", "xml:/a"], [clean, "--to", nobody, "--ignore", "regex:("],
            [clean, "--to", nobody, "--carry", "token"], [clean, "--to", nobody, "--set-header", "no colon"],
            [clean, "--to", nobody, "--set-header", "a: b\r\nc: d"], [clean, "--to", nobody, "--exchange", "99"],
            [clean, "--to", nobody, "--rate", "0"], [clean, "--to", nobody, "--rate", "5", "--concurrency", "2"],
            [clean, "--to", nobody, "--repeat", "1000000"], [clean, "--to", nobody, "-w", clean],
            [clean, "--to", nobody, "--timeout", "soon"], [clean, "--to", nobody, "--host", "elsewhere.test"],
            [clean, "--to", nobody, "--target", "/elsewhere"],
        ]
        for arguments in rows {
            let run = try Program.run(["replay"] + arguments)
            #expect(run.status == 2, "\(arguments): \(run.status) \(run.text)\(run.errors)")
            #expect(!run.signalled)
        }
    }

    @Test("a plan is printed and nothing is sent")
    func plan() throws {
        let run = try Program.run("replay", clean, "--to", nobody, "--dry-run")
        #expect(run.status == 0)
        #expect(run.text.contains("Nothing was sent"))
        let cookie = SharedMaterial.samples.appending(path: "cookie-in-clear-and-a-foreign-origin.pcap").path
        let told = try Program.run("replay", cookie, "--to", nobody, "--dry-run")
        #expect(told.text.contains("cookie is not sent"))
        let sent = try Program.run("replay", cookie, "--to", nobody, "--dry-run", "--send-credentials")
        #expect(!sent.text.contains("cookie is not sent"))
    }

    @Test("a target that never answers is status 3, an input that cannot be read as well")
    func unreachable() throws {
        let run = try Program.run("replay", clean, "--to", nobody)
        #expect(run.status == 3)
        #expect(run.text.contains("refuses connections"), "\(run.text)")
        #expect(try Program.run("replay", "/no/such/file", "--to", nobody).status == 3)
    }

    @Test("analyze names a HAR file, and who reads it")
    func archive() throws {
        let folder = try Folder()
        let har = try folder.write("chat.har", Array(ReplayExitStatusTests.recording.utf8))
        let run = try Program.run("analyze", har)
        #expect(run.status == 3)
        #expect(run.output.isEmpty)
        #expect(run.errors == "\(har) is a HAR file, not a capture: 'replay' and 'serve' read it\n")
        let text = try folder.write("text", Array("hello".utf8))
        #expect(try Program.run("analyze", text).errors.contains("is not a capture: it begins with"))
    }

    /// The packets of a HAR file are made up: no difference points at one.
    @Test("a difference from a HAR file names no packet")
    func noPackets() throws {
        let folder = try Folder()
        let har = try folder.write("chat.har", Array(ReplayExitStatusTests.recording.utf8))
        let server = try PythonServer("changed_server", "field")
        let run = try Program.run("replay", har, "--to", "ws://127.0.0.1:\(server.port)")
        #expect(run.text.contains("\"bob\"   +"), "\(run.text)")
        #expect(!run.text.contains("packet"), "\(run.text)")
    }

    /// One line that is written over again and again, and gone before the report.
    @Test("progress is one line of a terminal, wiped out at the end")
    func progress() throws {
        guard let terminal = try Tmux(columns: 60, rows: 30) else { return }
        let folder = try Folder()
        let har = try folder.write("chat.har", Array(ReplayExitStatusTests.recording.utf8))
        let server = try PythonServer("failing_server", "stall")
        let line = "'\(Program.path)' replay '\(har)' --to ws://127.0.0.1:\(server.port) --timeout 1s"
        try terminal.type("clear; " + line + " --color never; echo \"status $?\"", "Enter")
        let during = try terminal.wait("progress") { $0.contains { $0.hasPrefix("0 of 1 sessions, 1 open") } }
        #expect(during.filter { $0.contains("sessions") }.count == 1, "\(during)")
        let after = try terminal.wait("the end") { $0.contains("status 1") }
        #expect(!after.contains { $0.contains("1 open") }, "\(after)")
        #expect(after.contains { $0.hasPrefix("#1  GET /chat  failed") }, "\(after)")
        // Nothing stands before the report or between its lines.
        let report = try #require(after.firstIndex { $0.hasPrefix("#1") })
        #expect(report == 0 || after[report - 1].contains("status $?"), "\(after)")
        #expect(after.last?.hasPrefix("$") == true || after.last == "status 1", "\(after)")
    }

    @Test("a report about a dry run holds the plan, and says that nothing was sent")
    func dryRunReports() throws {
        let folder = try Folder()
        let (html, junit) = (folder.path("r.html"), folder.path("r.xml"))
        let run = try Program.run(
            "replay", clean, "--to", nobody, "--dry-run", "--json", "-", "--html", html, "--junit", junit, "-w",
            folder.path("r.pcapng"))
        #expect(run.status == 0, "\(run.errors)")
        let report = try #require(try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any])
        #expect((report["plan"] as? [String: Any])?["target"] as? String == nobody)
        let exchanges = try #require(report["exchanges"] as? [[String: Any]])
        #expect(exchanges.map { $0["verdict"] as? String } == ["skipped"])
        #expect(exchanges.map { $0["reason"] as? String } == ["nothing is sent in a dry run"])
        #expect((report["summary"] as? [String: Any])?["skipped"] as? Int == 1)
        // No packets were said, and there is no file of them.
        #expect(folder.names == ["r.html", "r.xml"])
        #expect(String(decoding: try folder.read("r.xml"), as: UTF8.self).contains("skipped=\"1\""))
        let quiet = try Program.run("replay", clean, "--to", nobody, "--dry-run", "--quiet")
        #expect(quiet.text.contains("Nothing was sent"))
    }

    @Test("a HAR file is one wherever it comes from: a pipe, a directory")
    func archives() throws {
        let folder = try Folder()
        let har = Array(ReplayExitStatusTests.recording.utf8)
        try folder.write("chat.har", har)
        try folder.write("notes.txt", Array("nothing".utf8))
        let piped = try Program.run("replay", "-", "--to", nobody, "--dry-run", input: har)
        #expect(piped.status == 0, "\(piped.errors)")
        #expect(piped.text.contains("#1  GET /chat"), "\(piped.text)")
        let capture = try Program.run(
            "replay", "-", "--to", nobody, "--dry-run", input: Array(try Data(contentsOf: URL(filePath: clean))))
        #expect(capture.text.contains("#1  GET /echo"), "\(capture.text)\(capture.errors)")
        let alone = try Program.run("replay", folder.url.path, "--to", nobody, "--dry-run")
        #expect(alone.text.contains("1 exchange to"), "\(alone.text)\(alone.errors)")
        try FileManager.default.copyItem(atPath: clean, toPath: folder.path("a.pcap"))
        let both = try Program.run("replay", folder.url.path, "--to", nobody, "--dry-run")
        #expect(both.text.contains("2 exchanges to"), "\(both.text)\(both.errors)")
        let empty = try Folder()
        let none = try Program.run("replay", empty.url.path, "--to", nobody, "--dry-run")
        #expect(none.status == 3)
        #expect(none.errors == "\(empty.url.path) holds no captures and no HAR files\n")
    }

    @Test("who finds no exchange hears what may have hidden it")
    func nothingFound() throws {
        let encrypted = SharedMaterial.samples.appending(path: "encrypted-without-keys.pcap").path
        let run = try Program.run("replay", encrypted, "--to", nobody)
        #expect(run.status == 0)
        #expect(
            run.errors
                == "no exchange was found; 1 connection is encrypted: what was said in it cannot be said again\n")
        let serve = try Program.run("serve", encrypted, "--listen", "0")
        #expect(serve.status == 2)
        #expect(serve.errors.hasSuffix("there is nothing to serve\n"), "\(serve.errors)")
    }

    @Test("-w - writes the packets to standard output, which takes one thing")
    func packetsToStandardOutput() throws {
        let har = ReplayExitStatusTests.recording
        let folder = try Folder()
        let file = try folder.write("chat.har", Array(har.utf8))
        let server = try PythonServer("changed_server", "none")
        let run = try Program.run("replay", file, "--to", "ws://127.0.0.1:\(server.port)", "-w", "-")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.isEmpty)
        let again = try Program.run("analyze", "-", "--fail-on", "never", input: run.output)
        #expect(again.status == 0, "\(again.errors)")
        #expect(again.text.contains("1 switched (websocket ×1)"), "\(again.text)")
        let rows: [([String], String)] = [
            (["-w", "-", "--json", "-"], "--json: standard output is taken already"),
            (["-w", "-", "--format", "text"], "--format: standard output is taken already"),
            (["--json", "-", "--html", "-"], "--html: standard output is taken already"),
            (["--json", "a", "--html", "a"], "--html: a is written already"),
            (["-w", "a", "--json", "a"], "--json: a is written already"), (["-w", ""], "-w: the name is empty"),
            (["--json", ""], "--json: the name is empty"), (["--json", file], "--json: \(file) is an input"),
            (["--ignore", "regex:("], "'(' is not a regular expression"), (["-", "-"], "'-' can be given once"),
        ]
        for (arguments, words) in rows {
            let run = try Program.run(["replay", file, "--to", nobody] + arguments)
            #expect(run.status == 2, "\(arguments)")
            #expect(run.errors.contains(words), "\(arguments): \(run.errors)")
        }
    }

    /// What can be written is written, and what cannot is named.
    @Test("an output that cannot be opened is status 6, and the others are whole", arguments: ["--json", "-w"])
    func unwritable(option: String) throws {
        let folder = try Folder()
        let file = try folder.write("chat.har", Array(ReplayExitStatusTests.recording.utf8))
        let server = try PythonServer("changed_server", "field")
        let lost = folder.path("none/r")
        let run = try Program.run(
            "replay", file, "--to", "ws://127.0.0.1:\(server.port)", option, lost, "--junit", folder.path("r.xml"))
        #expect(run.status == 6, "\(run.text)")
        #expect(run.errors.contains("\(lost): No such file or directory\n"), "\(run.errors)")
        #expect(run.text.contains("1 differs"), "\(run.text)")
        #expect(String(decoding: try folder.read("r.xml"), as: UTF8.self).hasSuffix("</testsuites>\n"))
    }

    @Test("--raw refuses bytes with credentials")
    func raw() throws {
        let cookie = SharedMaterial.samples.appending(path: "cookie-in-clear-and-a-foreign-origin.pcap").path
        let run = try Program.run("replay", cookie, "--to", nobody, "--raw", "--i-own-the-target")
        #expect(run.status == 2)
        #expect(run.errors.contains("--send-credentials"))
        // Who believes that something is left out would send it all the same.
        for words in [["--drop-header", "cookie"], ["--set-header", "a: b"], ["--path-prefix", "/a"]] {
            let run = try Program.run(
                ["replay", cookie, "--to", nobody, "--raw", "--i-own-the-target", "--send-credentials", "--dry-run"]
                    + words)
            #expect(run.status == 2)
            #expect(run.errors.contains("\(words[0]) changes what is sent"), "\(run.errors)")
        }
        let plan = try Program.run("replay", smuggling, "--to", nobody, "--raw", "--i-own-the-target", "--dry-run")
        #expect(plan.status == 0)
        #expect(plan.text.contains("raw pacing"))
    }

    @Test("messages are events of their own")
    func messages() throws {
        let run = try Program.run("analyze", clean, "--format", "ndjson", "--messages")
        let events = run.text.split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        let messages = events.filter { $0["event"] as? String == "message" }
        #expect(messages.count > 2)
        #expect(messages.contains { $0["type"] as? String == "text" && $0["text"] is String })
        #expect(messages.contains { $0["type"] as? String == "close" && $0["close_code"] as? Int == 1000 })
        let keys = Set(events.filter { $0["event"] as? String == "exchange" }.compactMap { $0["key"] as? String })
        #expect(messages.allSatisfy { keys.contains($0["exchange_key"] as? String ?? "") })
        #expect(try Program.run("analyze", clean, "--messages").status == 2)
        let without = try Program.run("analyze", clean, "--format", "ndjson")
        #expect(!without.text.contains("\"message\","))
    }
}

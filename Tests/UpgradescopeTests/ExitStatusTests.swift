// What the program answers to the shell.

import Foundation
import TestSupport
import Testing

@Suite struct UsageTests {
    static let wrong: [[String]] = [
        ["analyze"],
        ["nonsense"],
        ["analyze", "--nonsense", "a.pcap"],
        ["analyze", "--format", "pdf", "a.pcap"],
        ["analyze", "--fail-on", "fatal", "a.pcap"],
        ["analyze", "--level", "UPG001=loud", "a.pcap"],
        ["analyze", "--level", "UPG001", "a.pcap"],
        ["analyze", "--rules", "NOSUCH1", "a.pcap"],
        ["analyze", "--disable", "NOSUCH1", "a.pcap"],
        ["analyze", "--limits", "head-bytes=0", "a.pcap"],
        ["analyze", "--limits", "nonsense=5", "a.pcap"],
        ["analyze", "--limits", "head-bytes=99999999999999999999", "a.pcap"],
        ["analyze", "--since", "yesterday", "a.pcap"],
        ["analyze", "--since", "2026-02-30T00:00:00Z", "a.pcap"],
        ["analyze", "--since", "20", "--until", "10", "a.pcap"],
        ["analyze", "--overlap", "middle", "a.pcap"],
        ["analyze", "-c", "-1", "a.pcap"],
        ["analyze", "-c", "many", "a.pcap"],
        ["analyze", "-c", "0", "a.pcap"],
        ["live", "-i", "lo", "-c", "0"],
        ["analyze", "--allow-origin", "", "a.pcap"],
        ["analyze", "--allow-origin", "http://a", "a.pcap"],
        ["analyze", "--rules", "WS001,UPG001", "--disable", "UPG001,WS001", "a.pcap"],
        ["analyze", "--json", "-", "--html", "-", "a.pcap"],
        ["analyze", "-", "a.pcap", "-"],
        ["analyze", "--json", "-", "--format", "html", "a.pcap"],
        ["analyze", "--json", "same", "--html", "same", "a.pcap"],
        ["analyze", "--json", "", "a.pcap"],
        ["analyze", "--color", "blue", "a.pcap"],
        ["rules", "NOSUCH1"],
        ["rules", "--format", "html"],
        ["show", "a.pcap"],
        ["show", "a.pcap", "first"],
        ["show", "a.pcap", "0"],
        ["show", "a.pcap", "1", "--follow", "nobody"],
    ]

    @Test(arguments: wrong)
    func wrongUsageIs2(arguments: [String]) throws {
        let line = arguments.map { "'\($0)'" }.joined(separator: " ")
        let run = try Program.shell("exec \"$0\" \(line)")
        #expect(run.status == 2, "\(run.errors)")
        #expect(run.output.isEmpty)
        #expect(!run.errors.isEmpty)
    }

    @Test(arguments: [["--help"], ["--version"], ["help", "analyze"], ["analyze", "--help"], ["rules", "--help"]])
    func helpIs0(arguments: [String]) throws {
        let run = try Program.shell("exec \"$0\" \(arguments.joined(separator: " "))")
        #expect(run.status == 0)
        #expect(!run.output.isEmpty)
        #expect(run.errors.isEmpty)
    }

    @Test func anInputIsNeverOverwritten() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        let run = try Program.run("analyze", capture, "--json", folder.path("./a.pcap"))
        #expect(run.status == 2)
        #expect(try folder.read("a.pcap") == TestCapture.clean())
    }
}

@Suite struct InputTests {
    @Test func missingFileIs3() throws {
        let folder = try Folder()
        let run = try Program.run("analyze", folder.path("missing.pcap"))
        #expect(run.status == 3)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("missing.pcap"))
    }

    @Test func folderWithoutCapturesIs3() throws {
        let folder = try Folder()
        try folder.write("notes.txt", Array("nothing here".utf8))
        let run = try Program.run("analyze", folder.url.path)
        #expect(run.status == 3)
        #expect(run.errors.contains(folder.url.lastPathComponent))
    }

    @Test(.enabled(if: geteuid() != 0, "root may read everything"))
    func unpermittedFileIs3() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: capture)
        let run = try Program.run("analyze", capture)
        #expect(run.status == 3)
        #expect(run.errors.contains("a.pcap"))
    }

    @Test(arguments: [("text", "GET / HTTP/1.1\r\n\r\n this is no capture at all\n"), ("empty", "")])
    func whatIsNoCaptureIs3(name: String, text: String) throws {
        let bytes = Array(text.utf8)
        let folder = try Folder()
        let capture = try folder.write(name, bytes)
        for run in [try Program.run("analyze", capture), try Program.run("analyze", "-", input: bytes)] {
            #expect(run.status == 3)
            #expect(run.output.isEmpty)
            #expect(!run.errors.isEmpty)
        }
    }

    @Test func oneUnreadableOfTwoIs3AndTheOtherIsReported() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.faulty())
        let run = try Program.run("analyze", folder.path("missing.pcap"), capture)
        #expect(run.status == 3)
        #expect(run.text.contains("UPG001"))
    }

    @Test func cleanIs0() throws {
        let folder = try Folder()
        let run = try Program.run("analyze", try folder.write("a.pcap", TestCapture.clean()))
        #expect(run.status == 0, "\(run.text)\(run.errors)")
        #expect(run.errors.isEmpty)
    }

    @Test func findingsAre1() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.faulty())
        #expect(try Program.run("analyze", capture).status == 1)
        #expect(try Program.run("analyze", capture, "--fail-on", "never").status == 0)
        #expect(try Program.run("analyze", capture, "--rules", "RES010").status == 0)
        #expect(try !Program.run("analyze", capture, "--disable", "UPG001,RES010").text.contains(" UPG001 upgrade-"))
        #expect(try Program.run("analyze", capture, "--level", "UPG001=note", "--rules", "UPG001").status == 0)
    }

    @Test func cutFileIs4AndItsFindingsWin() throws {
        let folder = try Folder()
        let clean = try folder.write("clean.pcap", TestCapture.clean().dropLast(7))
        let faulty = try folder.write("faulty.pcap", TestCapture.faulty().dropLast(7))
        let first = try Program.run("analyze", clean)
        #expect(first.status == 4, "\(first.text)\(first.errors)")
        #expect(first.errors.contains("clean.pcap"))
        #expect(try Program.run("analyze", faulty).status == 1)
    }

    @Test func standardInputIsRead() throws {
        let run = try Program.run("analyze", "-", input: TestCapture.faulty())
        #expect(run.status == 1)
        #expect(run.text.contains("UPG001"))
    }

    @Test func packetsCanBeLeftOut() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.faulty(start: 1_700_000_000))
        #expect(try Program.run("analyze", capture, "-c", "3").text.contains("UPG001") == false)
        #expect(try Program.run("analyze", capture, "--since", "2023-11-14T22:13:21Z").text.contains("UPG001") == false)
        #expect(try Program.run("analyze", capture, "--until", "1699999999.5").text.contains("UPG001") == false)
        #expect(try Program.run("analyze", capture, "--since", "2023-11-14T23:13:20.0+01:00").text.contains("UPG001"))
    }
}

@Suite struct SeveralCapturesTests {
    /// A connection that spans two files is one connection, in whatever order they are named.
    @Test func filesThatFollowOneAnotherAreOneCapture() throws {
        let folder = try Folder()
        let whole = TestCapture.faulty()
        // The request is the fourth packet: the cut lies after it.
        var cut = 24
        for _ in 0..<4 { cut += 16 + Int(whole[cut + 8]) + Int(whole[cut + 9]) << 8 }
        let first = try folder.write("b.pcap", Array(whole[..<cut]))
        let second = try folder.write("a.pcap", Array(whole[..<24] + whole[cut...]))
        for order in [[first, second], [second, first]] {
            let run = try Program.run("analyze", order[0], order[1], "--format", "json")
            #expect(run.status == 1)
            let report = try #require(try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any])
            let exchanges = try #require(report["exchanges"] as? [[String: Any]])
            #expect(exchanges.count == 1)
            #expect(exchanges.first?["outcome"] as? String == "switched")
        }
    }

    /// Two taps saw the same connection: two exchanges, neither disturbed by the other.
    @Test func filesThatOverlapAreSeparate() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        let copy = try folder.write("b.pcap", TestCapture.clean())
        let run = try Program.run("analyze", capture, copy, "--format", "json")
        #expect(run.status == 0)
        let report = try #require(try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any])
        let exchanges = try #require(report["exchanges"] as? [[String: Any]])
        #expect(exchanges.map { $0["outcome"] as? String } == ["switched", "switched"])
        let ids = exchanges.map { ($0["connection"] as? [String: Any])?["id"] as? Int }
        #expect(Set(ids).count == 2)
        let summary = try #require(report["summary"] as? [String: Any])
        #expect(summary["connections"] as? Int == 2)
    }

    @Test func aFolderIsReadWhole() throws {
        let folder = try Folder()
        try folder.write("one.pcap", TestCapture.clean(start: 1_700_000_000))
        try folder.write("two.pcap", TestCapture.clean(start: 1_700_000_100))
        try folder.write("notes.txt", Array("no capture".utf8))
        let run = try Program.run("analyze", folder.url.path, "--format", "json")
        #expect(run.status == 0, "\(run.errors)")
        let report = try #require(try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any])
        #expect((report["captures"] as? [Any])?.count == 2)
        #expect((report["exchanges"] as? [Any])?.count == 2)
    }
}

@Suite struct InterruptTests {
    @Test func interruptIs130AndWhatWasSeenIsReported() throws {
        let folder = try Folder()
        let fifo = folder.path("fifo")
        #expect(try Program.shell("mkfifo \"$1\"", fifo).status == 0)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Program.path)
        process.arguments = ["analyze", fifo, "--json", folder.path("report.json")]
        let output = try folder.write("stdout", [])
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
        // Opening for writing waits for the program to open it for reading.
        let writer = try #require(FileHandle(forWritingAtPath: fifo))
        try writer.write(contentsOf: Data(TestCapture.faulty()))
        Thread.sleep(forTimeInterval: 0.5)
        #expect(process.isRunning)
        process.interrupt()
        try process.wait(seconds: 20)
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 130)
        #expect(String(decoding: try folder.read("stdout"), as: UTF8.self).contains("UPG001"))
        let report = try JSONSerialization.jsonObject(with: Data(try folder.read("report.json"))) as? [String: Any]
        #expect((report?["exchanges"] as? [Any])?.count == 1)
    }
}

// One job or many: the same report. Captures one after the other, beside one another, or put together.

import Foundation
import TestSupport
import Testing

@Suite struct JobsTests {
    /// Many connections, some clean, some faulty, some let go of.
    static func crowd(start: Int64 = 1_700_000_000, ports: Range<Int> = 40000..<40150) -> [UInt8] {
        ports.flatMap { port in
            var talk = TestCapture.talk(start: start + Int64(port % 10), port: port)
            talk.open()
            switch port % 4 {
            case 0: talk.client("hello there\r\n")
            case 1: talk.client([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])
            default:
                talk.client(Handshake.request(connection: port % 4 == 2 ? "keep-alive" : "Upgrade"))
                talk.server(Handshake.response())
            }
            if port % 3 == 0 { talk.close() }
            return talk.packets
        }.pcap
    }

    @Test func theReportIsTheSameForAnyNumberOfJobs() throws {
        let folder = try Folder()
        let first = try folder.write("a.pcap", Self.crowd())
        let second = try folder.write("b.pcap", Self.crowd(start: 1_700_000_100, ports: 40100..<40200))
        for format in ["json", "text", "html"] {
            let one = try Program.run("analyze", first, second, "--format", format, "--connections", "--color", "never")
            #expect(one.status == 1 && one.text.contains("UPG001"))
            for jobs in ["1", "2", "3", "16"] {
                let many = try Program.run(
                    "analyze", first, second, "--format", format, "--connections", "--color", "never", "--jobs", jobs)
                #expect(many.output == one.output, "\(format), \(jobs) jobs")
                #expect(many.status == one.status && many.errors == one.errors)
            }
        }
    }

    @Test func limitsOnPacketsHoldForAllJobsTogether() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", Self.crowd())
        for options in [["-c", "300"], ["--since", "1700000004", "--until", "1700000006.002"]] {
            let one = try Program.shell("exec \"$0\" analyze \"$@\" --json - --quiet", [capture] + options)
            let many = try Program.shell("exec \"$0\" analyze \"$@\" --json - --quiet --jobs 3", [capture] + options)
            #expect(!one.output.isEmpty && one.output == many.output, "\(options)")
        }
    }

    @Test func moreThanTheReportHasRoomForIsTheSameToo() throws {
        let folder = try Folder()
        // More servers with names of their own than are kept.
        let packets = (20000..<22500).flatMap { port in
            var talk = TestCapture.talk(start: 1_700_000_000 + Int64(port % 50), port: port)
            talk.open()
            talk.client(Self.hello("host\(UInt16(port) &* 7919).example"))
            return talk.packets
        }
        let path = try folder.write("a.pcap", packets.pcap)
        let one = try Program.run("analyze", path, "--json", "-", "--quiet")
        #expect(one.text.contains("only 1000 names of encrypted servers are kept"))
        for jobs in ["2", "5"] {
            #expect(try Program.run("analyze", path, "--json", "-", "--quiet", "--jobs", jobs).output == one.output)
        }
    }

    /// A ClientHello with that server name.
    static func hello(_ name: String) -> [UInt8] {
        func counted(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes }
        let serverName = [0, 0] + counted(counted([0] + counted(Array(name.utf8))))
        let body =
            [3, 3] + [UInt8](repeating: 9, count: 32) + [0] + counted([0x13, 1]) + [1, 0] + counted(serverName)
        return [0x16, 3, 1] + counted([1, 0] + counted(body))
    }

    @Test func whatCanBeReadOnceIsForOneJob() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", Self.crowd())
        let file = try Program.run("analyze", capture)
        let pipe = try Program.shell("cat \"$1\" | \"$0\" analyze - --jobs 4", capture)
        #expect(pipe.errors.contains("one job"))
        #expect(pipe.status == 1 && pipe.text.contains("UPG001") && pipe.output == file.output)
        let events = try Program.run("analyze", capture, "--format", "ndjson", "--jobs", "4")
        #expect(events.errors.contains("one job"))
        #expect(events.output == (try Program.run("analyze", capture, "--format", "ndjson").output))
    }

    @Test(arguments: ["0", "-1", "257", "x"]) func impossibleNumbersAreWrongUsage(jobs: String) throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.clean())
        #expect(try Program.run("analyze", capture, "--jobs=\(jobs)").status == 2)
    }

    @Test func aDamagedInputIsSaidOnce() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", Array(TestCapture.faulty().dropLast(7)))
        let one = try Program.run("analyze", capture, "--fail-on", "never")
        let many = try Program.run("analyze", capture, "--fail-on", "never", "--jobs", "5")
        #expect(one.status == 4 && many.status == 4)
        #expect(one.errors == many.errors && one.output == many.output)
    }
}

/// Captures put together.
@Suite struct MergeTests {
    /// The packets of a capture file with a 24-byte header, little endian.
    static func packets(_ capture: [UInt8]) -> [[UInt8]] {
        var packets: [[UInt8]] = []
        var at = 24
        while at + 16 <= capture.count {
            let length = (0..<4).reduce(0) { $0 | Int(capture[at + 8 + $1]) << (8 * $1) }
            packets.append(Array(capture[at..<(at + 16 + length)]))
            at += 16 + length
        }
        return packets
    }

    static func capture(_ packets: some Sequence<[UInt8]>) -> [UInt8] { [TimedPacket]().pcap + packets.flatMap { $0 } }

    /// Source port of a packet of ours: what the client sent has a high one.
    static func isClient(_ packet: [UInt8]) -> Bool { packet[16 + 34] >= 0x9c }

    static func report(_ arguments: [String]) throws -> [String: Any] {
        let run = try Program.shell("exec \"$0\" analyze \"$@\" --json - --quiet --connections", arguments)
        return try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any] ?? [:]
    }

    static func outcomes(_ report: [String: Any]) -> [String] {
        (report["exchanges"] as? [[String: Any]] ?? []).compactMap { $0["outcome"] as? String }
    }

    static func connections(_ report: [String: Any]) -> Int { (report["connections"] as? [Any])?.count ?? -1 }

    @Test func filesThatFollowOneAnotherAreOneCapture() throws {
        let folder = try Folder()
        let packets = Self.packets(TestCapture.clean())
        for cut in 1..<packets.count {
            // Given in the wrong order on purpose.
            let second = try folder.write("a-second.pcap", Self.capture(packets[cut...]))
            let first = try folder.write("b-first.pcap", Self.capture(packets[..<cut]))
            for jobs in ["1", "2"] {
                let report = try Self.report([second, first, "--jobs", jobs])
                #expect(Self.outcomes(report) == ["switched"], "cut at \(cut)")
                #expect(Self.connections(report) == 1, "cut at \(cut)")
            }
        }
    }

    /// A packet with another time: so many microseconds after the beginning.
    static func packet(_ packet: [UInt8], at time: Int) -> [UInt8] {
        let fields = [1_700_000_000 + time / 1_000_000, time % 1_000_000]
        return fields.flatMap { field in (0..<4).map { UInt8(truncatingIfNeeded: field >> (8 * $0)) } } + packet[8...]
    }

    /// The files of a ring whose packets come from several queues: the seam is a little out of order.
    @Test(arguments: [(1, 1), (400, 1), (1100, 2), (60_000, 2)]) func seamsAreOutOfOrder(overlap: Int, taps: Int) throws
    {
        let folder = try Folder()
        let packets = Self.packets(TestCapture.clean())
        // A packet each tenth of a second: files that are shorter are too short to have a seam.
        for cut in 3..<packets.count {
            let timed = packets.indices.map { index in
                Self.packet(packets[index], at: index == cut ? (cut - 1) * 100_000 - overlap : index * 100_000)
            }
            let first = try folder.write("first.pcap", Self.capture(timed[..<cut]))
            let second = try folder.write("second.pcap", Self.capture(timed[cut...]))
            for jobs in ["1", "2"] {
                let report = try Self.report([second, first, "--jobs", jobs])
                #expect(Self.connections(report) == taps, "cut at \(cut)")
                if taps == 1 { #expect(Self.outcomes(report) == ["switched"], "cut at \(cut)") }
            }
        }
    }

    @Test func filesThatOverlapAreSeparateTaps() throws {
        let folder = try Folder()
        let first = try folder.write("a.pcap", TestCapture.clean())
        let second = try folder.write("b.pcap", TestCapture.clean())
        let report = try Self.report([first, second])
        #expect(Self.outcomes(report) == ["switched", "switched"])
        #expect(Self.connections(report) == 2)
    }

    @Test func oneDirectionInEachFile() throws {
        let folder = try Folder()
        let packets = Self.packets(TestCapture.clean())
        let client = try folder.write("client.pcap", Self.capture(packets.filter(Self.isClient)))
        let server = try folder.write("server.pcap", Self.capture(packets.filter { !Self.isClient($0) }))
        let whole = try Self.report([try folder.write("whole.pcap", TestCapture.clean())])
        #expect(Self.outcomes(whole) == ["switched"])
        #expect(Self.outcomes(try Self.report([client, server])) != ["switched"])
        for arguments in [[client, server], [server, client], [client, server, "--jobs", "3"]] {
            let report = try Self.report(arguments + ["--merge"])
            #expect(Self.outcomes(report) == ["switched"])
            #expect(Self.connections(report) == 1)
            let summary = report["summary"] as? [String: Any]
            #expect(summary?["packets"] as? Int == packets.count)
            #expect(summary?["verdict"] as? String == (whole["summary"] as? [String: Any])?["verdict"] as? String)
            // Packet numbers are those of each capture.
            let exchange = (report["exchanges"] as? [[String: Any]])?.first
            let request = exchange?["request"] as? [String: Any]
            let isFirst = arguments.first == client
            #expect(request?["capture"] as? Int == (isFirst ? 0 : 1) && request?["packet"] as? Int == 3)
        }
    }

    @Test func mergedCapturesEndWhereTheCountSays() throws {
        let folder = try Folder()
        let packets = Self.packets(TestCapture.clean())
        let client = try folder.write("client.pcap", Self.capture(packets.filter(Self.isClient)))
        let server = try folder.write("server.pcap", Self.capture(packets.filter { !Self.isClient($0) }))
        for count in 1...packets.count {
            let report = try Self.report([client, server, "--merge", "-c", "\(count)"])
            let captures = report["captures"] as? [[String: Any]] ?? []
            #expect(captures.compactMap { $0["packets"] as? Int }.reduce(0, +) == count)
            #expect((report["summary"] as? [String: Any])?["packets"] as? Int == count)
        }
    }

    @Test func aMissingFileIsSaidAndTheOthersAreRead() throws {
        let folder = try Folder()
        let capture = try folder.write("a.pcap", TestCapture.faulty())
        let run = try Program.run("analyze", "--merge", capture, folder.path("none.pcap"), "--jobs", "2")
        #expect(run.text.contains("UPG001"))
        #expect(run.errors.contains("none.pcap"))
    }
}

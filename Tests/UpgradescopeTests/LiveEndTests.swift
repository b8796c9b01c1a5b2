// How live captures end, and what remains: signals, full disks, interfaces that go away, readers that leave.

import Dispatch
import Foundation
import TestSupport
import Testing

@Suite(.tags(.live), .serialized) struct LiveEndTests {
    /// A small server on the server's host that answers as it is told, and clients for it.
    private static let server = """
        import socket
        s = socket.create_server(("0.0.0.0", 22200))
        print("ready", flush=True)
        while True:
            c, _ = s.accept()
            data = c.recv(65536)
            if b"Upgrade" in data:
                c.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\\r\\n")
            else:
                c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 60000\\r\\n\\r\\n" + b"x" * 60000)
            c.recv(65536)
            c.close()
        """

    private static func client(_ count: Int, upgrades: Bool = true, connection: String = "Upgrade") -> String {
        let fields =
            upgrades
            ? "Upgrade: websocket\\r\\nConnection: \(connection)\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nSec-WebSocket-Version: 13\\r\\n"
            : ""
        return """
            import socket
            for _ in range(\(count)):
                c = socket.create_connection(("\(TestNetwork.serverAddress)", 22200))
                c.sendall(b"GET / HTTP/1.1\\r\\nHost: example.org\\r\\n\(fields)\\r\\n")
                got = 0
                while got < \(upgrades ? 1 : 60000): got += len(c.recv(65536))
                c.close()
            """
    }

    /// A network in which somebody answers.
    private final class Scene {
        let network: TestNetwork
        let server: Background
        let folder: Folder

        init?(for test: String = #function) throws {
            guard let network = try TestNetwork(for: test, needs: ["python3"]) else { return nil }
            self.network = network
            folder = try Folder()
            server = try network.start(on: network.server, ["python3", "-c", LiveEndTests.server])
            try server.wait("server") { [server] in server.output.contains("ready") }
        }

        func talk(_ count: Int, upgrades: Bool = true, connection: String = "Upgrade") throws {
            let line = try network.start(
                on: network.client,
                ["python3", "-c", LiveEndTests.client(count, upgrades: upgrades, connection: connection)])
            #expect(try line.end(nil) == 0, "\(line.errors)")
        }

        func events(_ name: String = "events.ndjson") -> [String] {
            let text = (try? folder.read(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            return text.split(separator: "\n").map(String.init)
        }

        func exchanges(in capture: String) throws -> Int {
            let run = try Program.run("analyze", folder.path(capture), "--format", "json", "--fail-on", "never")
            #expect(run.status == 0, "\(capture): \(run.errors)")
            let report = try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any]
            return (report?["exchanges"] as? [Any])?.count ?? -1
        }
    }

    @Test(arguments: [SIGINT, SIGTERM]) func theSignalIsTheNaturalEnd(_ signal: Int32) throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live([
            "--json", scene.folder.path("r.json"), "--html", scene.folder.path("r.html"), "-w",
            scene.folder.path("a.pcapng"),
        ])
        try scene.talk(3)
        try live.wait("3 exchanges") {
            live.output.split(separator: "\n").count { $0.hasPrefix("{\"event\":\"exchange\"") } == 3
        }
        #expect(try live.end(signal) == 0)
        #expect(live.output.split(separator: "\n").last?.hasPrefix("{\"event\":\"capture\"") == true)
        #expect(try JSONReportFile(scene.folder.path("r.json")).exchanges.count == 3)
        #expect(try scene.exchanges(in: "a.pcapng") == 3)
        #expect(scene.folder.names == ["a.pcapng", "r.html", "r.json"])
    }

    @Test func findingsDecideTheStatus() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live(
            ["--quiet", "--json", scene.folder.path("r.json"), "-a", "exchanges:1"].filter { $0 != "--quiet" })
        try scene.talk(1, connection: "keep-alive")
        #expect(try live.end(nil) == 1)
        #expect(try JSONReportFile(scene.folder.path("r.json")).rules.contains("UPG001"))
    }

    /// What a frame shows is told when it was sent, once, and not when the session ends.
    @Test func aFaultyFrameIsToldWhenItIsSent() throws {
        guard let network = try TestNetwork(needs: ["python3"]) else { return }
        let server = try network.start(
            on: network.server,
            [
                "python3", "-c",
                """
                import socket
                s = socket.create_server(("0.0.0.0", 22200))
                print("ready", flush=True)
                c, _ = s.accept()
                c.recv(65536)
                c.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\\r\\n")
                while c.recv(65536): pass
                """,
            ])
        try server.wait("server") { server.output.contains("ready") }
        let folder = try Folder()
        let live = try network.live(["--json", folder.path("r.json"), "--fail-on", "never"])
        func findings(_ rule: String) -> Int {
            live.output.split(separator: "\n").count {
                $0.hasPrefix("{\"event\":\"finding\"") && $0.contains("\"rule\":\"\(rule)\"")
            }
        }
        let client = try network.start(
            on: network.client,
            [
                "python3", "-c",
                """
                import socket, time
                c = socket.create_connection(("\(TestNetwork.serverAddress)", 22200))
                c.sendall(b"GET / HTTP/1.1\\r\\nHost: example.org\\r\\nUpgrade: websocket\\r\\nConnection: keep-alive\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n")
                c.recv(65536)
                for _ in range(3):
                    c.sendall(b"\\x81\\x05Hello")
                    time.sleep(0.1)
                print("sent", flush=True)
                time.sleep(60)
                """,
            ])
        try live.wait("the handshake's finding") { findings("UPG001") == 1 }
        try live.wait("the frame's finding") { findings("WSF001") == 1 }
        try client.wait("all frames") { client.output.contains("sent") }
        // What was sent last is read within the time that the kernel gathers packets for.
        Thread.sleep(forTimeInterval: 1)
        #expect(!live.output.contains("\"event\":\"exchange\"") && client.process.isRunning)
        #expect(try live.end() == 0, "\(live.errors)")
        #expect(findings("UPG001") == 1 && findings("WSF001") == 1)
        let exchange = try #require(live.output.split(separator: "\n").first { $0.contains("\"event\":\"exchange\"") })
        #expect(exchange.contains("/WSF001\"") && exchange.contains("/UPG001\""))
        let report = try JSONReportFile(folder.path("r.json"))
        #expect(report.findings.first { $0["rule"] as? String == "WSF001" }?["count"] as? Int == 3)
    }

    @Test(arguments: [["-c", "5"], ["-a", "packets:5"], ["-a", "duration:1"], ["-a", "filesize:1"]])
    func itStopsWhenItWasToldTo(_ options: [String]) throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live(
            options + ["-w", scene.folder.path("a.pcapng"), "--json", scene.folder.path("r.json")])
        try scene.talk(2, upgrades: false)
        #expect(try live.end(nil) == 0, "\(live.errors)")
        let packets = try JSONReportFile(scene.folder.path("r.json")).summary["packets"] as? Int
        if options.last?.hasSuffix("5") == true { #expect(packets == 5) }
    }

    /// SIGHUP as a log rotation sends it: what was moved away is whole, what follows is in a new file.
    @Test func hangupReopensTheFiles() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live([
            "-w", scene.folder.path("a.pcapng"), "--ndjson", scene.folder.path("events.ndjson"),
        ])
        try scene.talk(2)
        try live.wait("2 exchanges") { scene.events().count { $0.hasPrefix("{\"event\":\"exchange\"") } == 2 }
        for name in ["a.pcapng", "events.ndjson"] {
            try FileManager.default.moveItem(
                atPath: scene.folder.path(name), toPath: scene.folder.path("old-" + name))
        }
        live.signal(SIGHUP)
        try live.wait("new files") {
            scene.folder.names.contains("a.pcapng") && scene.folder.names.contains("events.ndjson")
        }
        try scene.talk(3)
        try live.wait("3 exchanges") { scene.events().count { $0.hasPrefix("{\"event\":\"exchange\"") } == 3 }
        #expect(try live.end() == 0)
        #expect(try scene.exchanges(in: "old-a.pcapng") == 2)
        #expect(try scene.exchanges(in: "a.pcapng") == 3)
        #expect(scene.events("old-events.ndjson").count { $0.hasPrefix("{\"event\":\"exchange\"") } == 2)
        #expect(scene.events().last?.hasPrefix("{\"event\":\"capture\"") == true)
    }

    @Test func aQuestionIsAnswered() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live([])
        try scene.talk(2)
        try live.wait("2 exchanges") {
            live.output.split(separator: "\n").count { $0.hasPrefix("{\"event\":\"exchange\"") } == 2
        }
        live.signal(SIGUSR1)
        try live.wait(for: "2 of 2 exchanges finished")
        #expect(try live.end() == 0)
    }

    /// A full disk: said at once, the capture goes on, what was written can be read.
    @Test func aFullDiskIsSaidAndTheCaptureGoesOn() throws {
        guard let scene = try Scene() else { return }
        let disk = scene.folder.path("disk")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        let mounted = try Program.shell("mount -t tmpfs -o size=256k none \"$1\"", [disk])
        guard mounted.status == 0 else { return print("SKIPPED: no tmpfs may be mounted: \(mounted.errors)") }
        defer { _ = try? Program.shell("umount \"$1\"", [disk]) }
        let live = try scene.network.live([
            "-w", disk + "/a.pcapng", "--json", scene.folder.path("r.json"), "--ndjson",
            scene.folder.path("events.ndjson"),
        ])
        try scene.talk(2)
        try scene.talk(20, upgrades: false)
        try live.wait(for: "No space left on device")
        try scene.talk(3)
        try live.wait("5 exchanges") { scene.events().count { $0.hasPrefix("{\"event\":\"exchange\"") } == 5 }
        #expect(try live.end() == 6)
        #expect(live.errors.components(separatedBy: "No space left on device").count == 2)
        #expect(try JSONReportFile(scene.folder.path("r.json")).exchanges.count == 5)
        #expect(try scene.exchanges(in: "disk/a.pcapng") == 2)
        // Its end says what was dropped, as that of every recording does: here that nothing was.
        let run = try Program.run("analyze", disk + "/a.pcapng", "--format", "json", "--fail-on", "never")
        let report = try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any]
        let interfaces = (report?["captures"] as? [[String: Any]])?.first?["interfaces"] as? [[String: Any]]
        #expect(interfaces?.first?["drops"] as? Int == 0, "\(String(describing: interfaces))")
    }

    @Test func anInterfaceThatGoesDownAndComesBackIsHeardAgain() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live(["--ndjson", scene.folder.path("events.ndjson")])
        try scene.talk(1)
        try scene.network.run(on: scene.network.server, "ip link set \(TestNetwork.interface) down")
        try scene.network.run(on: scene.network.server, "ip link set \(TestNetwork.interface) up")
        try scene.talk(2)
        try live.wait("3 exchanges") { scene.events().count { $0.hasPrefix("{\"event\":\"exchange\"") } == 3 }
        #expect(try live.end() == 0, "\(live.errors)")
    }

    /// An interface that is gone for good ends the capture: what was seen is reported, and that it was cut is said.
    @Test func anInterfaceThatIsRemovedEndsTheCapture() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live([
            "-w", scene.folder.path("a.pcapng"), "--json", scene.folder.path("r.json"), "--ndjson",
            scene.folder.path("events.ndjson"),
        ])
        try scene.talk(2)
        try live.wait("2 exchanges") { scene.events().count { $0.hasPrefix("{\"event\":\"exchange\"") } == 2 }
        try scene.network.run(on: scene.network.server, "ip link del \(TestNetwork.interface)")
        #expect(try live.end(nil) == 4)
        #expect(live.errors.contains(TestNetwork.interface))
        let report = try JSONReportFile(scene.folder.path("r.json"))
        #expect(report.exchanges.count == 2)
        #expect((report.object["captures"] as? [[String: Any]])?.first?["complete"] as? Bool == false)
        #expect(try scene.exchanges(in: "a.pcapng") == 2)
    }

    /// The reader of the events has gone: with nothing else to do, that is the end; no error.
    @Test func aReaderThatLeavesEndsACaptureThatIsForItAlone() throws {
        guard let scene = try Scene() else { return }
        let pipe = Pipe()
        let live = try scene.network.live([], output: pipe)
        try pipe.fileHandleForWriting.close()
        try pipe.fileHandleForReading.close()
        try scene.talk(2)
        #expect(try live.end(nil) == 0, "\(live.errors)")
    }

    /// A reader who sleeps holds nothing up: every packet is read, and what could not be kept for it is counted.
    @Test func aReaderThatSleepsHoldsNothingUp() throws {
        guard let scene = try Scene() else { return }
        let pipe = Pipe()
        let live = try scene.network.live(
            ["--json", scene.folder.path("r.json"), "--limits", "event-bytes=20k", "--fail-on", "never"], output: pipe)
        try pipe.fileHandleForWriting.close()
        try scene.talk(200)
        live.signal(SIGUSR1)
        // Nobody has read a byte until now, and a pipe holds 64 KiB.
        try live.wait(for: "200 of 200 exchanges finished")
        let reader = Reading(pipe.fileHandleForReading)
        #expect(try live.end() == 0, "\(live.errors)")
        let lines = reader.lines()
        let events = try lines.map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
        }
        #expect(events.suffix(2).map { $0["event"] as? String } == ["stats", "capture"])
        func lost(_ summary: [String: Any]) -> Int {
            ((summary["unseen"] as? [String: Any])?["limits_hit"] as? [String: Any])?["event-bytes"] as? Int ?? 0
        }
        let report = try JSONReportFile(scene.folder.path("r.json"))
        let missing = lost(try #require(events.dropLast().last))
        #expect(missing > 0 && missing == lost(report.summary))
        #expect(events.count - 2 + missing == report.exchanges.count + report.findings.count)
        #expect(report.exchanges.count == 200)
        let interfaces = (report.object["captures"] as? [[String: Any]])?.first?["interfaces"] as? [[String: Any]]
        #expect(interfaces?.first?["drops"] as? Int == 0)
        #expect(live.errors.contains("\(missing) events lost, whose reader was too slow"), "\(live.errors)")
    }

    /// A reader who will never read again is waited for a while at the end, and no longer.
    @Test func aReaderThatNeverReadsIsGivenUp() throws {
        guard let scene = try Scene() else { return }
        let pipe = Pipe()
        let live = try scene.network.live(["--json", scene.folder.path("r.json")], output: pipe)
        try pipe.fileHandleForWriting.close()
        try scene.talk(150)
        live.signal(SIGUSR1)
        try live.wait(for: "150 of 150 exchanges finished")
        #expect(try live.end() == 6)
        #expect(live.errors.contains("standard output: its reader takes nothing any more"), "\(live.errors)")
        #expect(try JSONReportFile(scene.folder.path("r.json")).exchanges.count == 150)
        try pipe.fileHandleForReading.close()
    }

    /// Reads to the end, beside the test.
    private final class Reading: @unchecked Sendable {
        private let done = DispatchSemaphore(value: 0)
        private var data = Data()

        init(_ handle: FileHandle) {
            Thread.detachNewThread { [self] in
                data = handle.readDataToEndOfFile()
                done.signal()
            }
        }

        func lines() -> [String] {
            done.wait()
            return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    @Test func aReaderOfTheRecordingThatLeavesIsNoErrorEither() throws {
        guard let scene = try Scene() else { return }
        let pipe = Pipe()
        let live = try scene.network.live(["-w", "-"], output: pipe)
        try pipe.fileHandleForWriting.close()
        try pipe.fileHandleForReading.close()
        try scene.talk(2)
        #expect(try live.end(nil) == 0, "\(live.errors)")
        #expect(!live.errors.contains("Broken pipe"))
    }

    @Test func aRecordingGoesThroughAPipe() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live(["-w", "-", "-a", "packets:30"])
        try scene.talk(4)
        #expect(try live.end(nil) == 0, "\(live.errors)")
        try scene.folder.write(
            "a.pcapng", Array(try Data(contentsOf: URL(fileURLWithPath: live.folder.path("stdout")))))
        #expect(try scene.exchanges(in: "a.pcapng") > 2)
    }

    @Test func aReaderThatLeavesDoesNotEndARecording() throws {
        guard let scene = try Scene() else { return }
        let pipe = Pipe()
        let live = try scene.network.live(
            ["-w", scene.folder.path("a.pcapng"), "--json", scene.folder.path("r.json"), "-a", "exchanges:4"],
            output: pipe)
        try pipe.fileHandleForWriting.close()
        try pipe.fileHandleForReading.close()
        try scene.talk(4)
        #expect(try live.end(nil) == 0, "\(live.errors)")
        #expect(try JSONReportFile(scene.folder.path("r.json")).exchanges.count == 4)
        #expect(try scene.exchanges(in: "a.pcapng") == 4)
    }

    /// Only connections with an exchange are kept, from their handshake on.
    @Test func onlyExchangesAreKept() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live([
            "-w", scene.folder.path("a.pcapng"), "--only-exchanges", "--json", scene.folder.path("r.json"),
            "--connections",
            "--ndjson", scene.folder.path("events.ndjson"),
        ])
        try scene.talk(2, upgrades: false)
        try scene.talk(3)
        try scene.talk(2, upgrades: false)
        try live.wait("3 exchanges") { scene.events().count { $0.hasPrefix("{\"event\":\"exchange\"") } == 3 }
        #expect(try live.end() == 0)
        let run = try Program.run(
            "analyze", scene.folder.path("a.pcapng"), "--json", scene.folder.path("again.json"), "--quiet",
            "--connections",
            "--fail-on", "never")
        #expect(run.status == 0)
        let report = try JSONReportFile(scene.folder.path("r.json"))
        let again = try JSONReportFile(scene.folder.path("again.json"))
        #expect(try report.facts(numbers: false) == again.facts(numbers: false))
        #expect(report.summary["connections"] as? Int == 7)
        #expect(again.summary["connections"] as? Int == 3)
        func packets(_ report: JSONReportFile, _ exchange: [String: Any]) -> Int? {
            let wanted = ((exchange["connection"] as? [String: Any])?["client"] as? [String: Any])?["port"] as? Int
            let all = report.object["connections"] as? [[String: Any]] ?? []
            return all.first { ($0["client"] as? [String: Any])?["port"] as? Int == wanted }?["packets"] as? Int
        }
        for exchange in report.exchanges { #expect(packets(report, exchange) == packets(again, exchange)) }
    }

    /// The kernel takes what the filter lets through, and nothing else.
    @Test func theKernelFilters() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live([
            "-f", "tcp port 1", "--json", scene.folder.path("r.json"), "-w", scene.folder.path("a.pcapng"),
        ])
        try scene.talk(1)
        #expect(try live.end() == 0)
        let report = try JSONReportFile(scene.folder.path("r.json"))
        #expect(report.summary["packets"] as? Int == 0)
        let interface = ((report.object["captures"] as? [[String: Any]])?.first?["interfaces"] as? [[String: Any]])?
            .first
        #expect(interface?["filter"] as? String == "tcp port 1")
    }

    /// What found no room is said while it runs, and no report is clean after it; neither is that of the recording.
    @Test func dropsMakeTheReportInconclusive() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live([
            "-B", "256", "--json", scene.folder.path("r.json"), "-w", scene.folder.path("a.pcapng"), "--strict",
        ])
        live.signal(SIGSTOP)
        try scene.talk(60, upgrades: false)
        live.signal(SIGCONT)
        try live.wait(for: "dropped so far")
        #expect(try live.end() == 4, "\(live.errors)")
        let again = try Program.run(
            "analyze", scene.folder.path("a.pcapng"), "--json", scene.folder.path("again.json"), "--quiet", "--strict")
        #expect(again.status == 4)
        for name in ["r.json", "again.json"] {
            let report = try JSONReportFile(scene.folder.path(name))
            #expect(report.verdict == "inconclusive")
            let interfaces = (report.object["captures"] as? [[String: Any]])?.first?["interfaces"] as? [[String: Any]]
            #expect((interfaces?.first?["drops"] as? Int ?? 0) > 0)
        }
        #expect(try JSONReportFile(scene.folder.path("r.json")).exchanges.isEmpty)
    }

    /// What is cut off is counted, and times are as fine as they were asked for.
    @Test func packetsAreCutAndTimedAsAskedFor() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.live([
            "-s", "96", "-p", "--time-stamp-precision", "micro", "--json",
            scene.folder.path("r.json"), "-w", scene.folder.path("a.pcapng"), "--fail-on", "never",
        ])
        try scene.talk(2, upgrades: false)
        #expect(try live.end() == 0, "\(live.errors)")
        let report = try JSONReportFile(scene.folder.path("r.json"))
        let capture = try #require((report.object["captures"] as? [[String: Any]])?.first)
        #expect(capture["snapped_packets"] as? Int ?? 0 > 0)
        #expect((capture["interfaces"] as? [[String: Any]])?.first?["snaplen"] as? Int == 96)
        #expect((capture["first_packet"] as? String)?.hasSuffix("000Z") == true)
        #expect(try scene.exchanges(in: "a.pcapng") == 0)
    }

    /// All interfaces at once: each packet with the header that Linux makes for them.
    @Test func anyIsAllInterfaces() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.start(
            on: scene.network.server,
            [Program.path, "live", "-i", "any", "--json", scene.folder.path("r.json"), "-a", "exchanges:2"])
        try live.wait(for: "listening on any")
        try scene.talk(2)
        #expect(try live.end(nil) == 0, "\(live.errors)")
        #expect(try JSONReportFile(scene.folder.path("r.json")).exchanges.count == 2)
    }

    /// The link types of an interface, and a capture with one of them.
    @Test func linkTypesAreListedAndChosen() throws {
        guard let scene = try Scene() else { return }
        func list(_ interface: String) throws -> [String] {
            let run = try scene.network.start(on: scene.network.server, [Program.path, "live", "-i", interface, "-L"])
            #expect(try run.end(nil) == 0, "\(run.errors)")
            return run.output.split(separator: "\n").map { String($0.prefix { $0 != " " }) }
        }
        #expect(try list(TestNetwork.interface).contains("EN10MB"))
        let any = try list("any")
        #expect(any.contains("LINUX_SLL") && any.contains("LINUX_SLL2"), "\(any)")
        for type in ["LINUX_SLL", "LINUX_SLL2"] {
            let live = try scene.network.start(
                on: scene.network.server,
                [
                    Program.path, "live", "-i", "any", "-y", type, "-w", scene.folder.path("a.pcapng"), "--json",
                    scene.folder.path("r.json"), "-a", "exchanges:1",
                ])
            try live.wait(for: "listening on any")
            try scene.talk(1)
            #expect(try live.end(nil) == 0, "\(live.errors)")
            let report = try JSONReportFile(scene.folder.path("r.json"))
            let capture = try #require((report.object["captures"] as? [[String: Any]])?.first)
            #expect(capture["link_types"] as? [String] == [type])
            #expect(report.exchanges.count == 1)
            #expect(try scene.exchanges(in: "a.pcapng") == 1)
        }
        let wrong = try scene.network.start(
            on: scene.network.server,
            [Program.path, "live", "-i", TestNetwork.interface, "-y", "LINUX_SLL2"])
        #expect(try wrong.end(nil) == 2, "\(wrong.errors)")
        #expect(wrong.errors.contains("-L lists what it can"))
    }

    /// A namespace whose test is gone does not stay.
    @Test func namespacesOfKilledTestsAreTheirs() {
        #expect(TestNetwork.owner(of: "usc4711-3") == 4711 && TestNetwork.owner(of: "uss22-10") == 22)
        for name in ["usc4711", "usc-1-3", "usc0-3", "uscope-3", "usx4711-3", "usc4711-3b", "usc4711-3-4"] {
            #expect(TestNetwork.owner(of: name) == nil, "\(name)")
        }
    }

    // MARK: Privileges

    @Test func withoutTheCapabilityTheCommandThatGrantsItIsSaid() throws {
        guard geteuid() == 0, try Program.shell("command -v setpriv", []).status == 0 else {
            return print("SKIPPED: privileges can be given up by root with setpriv only")
        }
        let folder = try Folder()
        let line =
            "setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all \"$0\" live -i lo -c 1"
        let program = try Self.copy(into: folder)
        let run = try Program.shell(line.replacingOccurrences(of: "$0", with: program), [])
        #expect(run.status == 5, "\(run.errors)")
        #expect(run.errors.contains("CAP_NET_RAW"))
        #expect(run.errors.contains("sudo setcap cap_net_raw+ep '\(program)'"))
    }

    @Test func privilegesAreGivenUpOnceTheInterfaceIsOpen() throws {
        guard let scene = try Scene() else { return }
        let open = try Program.shell("chmod 777 \"$1\"", [scene.folder.url.path])
        #expect(open.status == 0)
        let live = try scene.network.live(["-Z", "nobody", "-w", scene.folder.path("a.pcapng")])
        #expect(live.errors.contains("as nobody"))
        let status = try String(contentsOfFile: "/proc/\(live.process.processIdentifier)/status", encoding: .utf8)
        for line in status.split(separator: "\n") where line.hasPrefix("Uid:") || line.hasPrefix("Gid:") {
            #expect(line.split(separator: "\t").dropFirst().allSatisfy { $0 == "65534" }, "\(line)")
        }
        for line in status.split(separator: "\n") where line.hasPrefix("CapEff:") || line.hasPrefix("CapPrm:") {
            #expect(line.hasSuffix("0000000000000000"), "\(line)")
        }
        try scene.talk(1)
        try live.wait("an exchange") { live.output.contains("{\"event\":\"exchange\"") }
        #expect(try live.end() == 0, "\(live.errors)")
        let attributes = try FileManager.default.attributesOfItem(atPath: scene.folder.path("a.pcapng"))
        #expect(attributes[.ownerAccountID] as? Int == 65534)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    /// As the systemd unit starts it: a user without rights, and one capability, which is gone once it listens.
    @Test func theCapabilityAloneIsEnough() throws {
        guard let scene = try Scene(), try Program.shell("command -v setpriv", []).status == 0 else { return }
        let folder = try Folder()
        let program = try Self.copy(into: folder)
        let live = try scene.network.start(
            on: scene.network.server,
            [
                "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all,+net_raw",
                "--ambient-caps=-all,+net_raw", "--bounding-set=-all,+net_raw", program, "live", "-i",
                TestNetwork.interface,
            ])
        try live.wait(for: "listening on")
        let status = try String(contentsOfFile: "/proc/\(live.process.processIdentifier)/status", encoding: .utf8)
        for line in status.split(separator: "\n")
        where line.hasPrefix("CapEff:") || line.hasPrefix("CapPrm:") || line.hasPrefix("CapAmb:") {
            #expect(line.hasSuffix("0000000000000000"), "\(line)")
        }
        try scene.talk(1)
        try live.wait("an exchange") { live.output.contains("{\"event\":\"exchange\"") }
        #expect(try live.end() == 0, "\(live.errors)")
    }

    /// Under sudo the invoking user is meant.
    @Test func underSudoTheInvokingUserGoesOn() throws {
        guard let scene = try Scene() else { return }
        let live = try scene.network.start(
            on: scene.network.server,
            ["env", "SUDO_UID=65534", "SUDO_GID=65534", Program.path, "live", "-i", TestNetwork.interface])
        try live.wait(for: "as nobody")
        #expect(try live.end() == 0)
    }

    private static func copy(into folder: Folder) throws -> String {
        let target = folder.path("upgradescope")
        try FileManager.default.copyItem(atPath: Program.path, toPath: target)
        _ = try Program.shell("chmod 755 \"$1\" \"$2\"", [folder.url.path, target])
        return target
    }

    // MARK: The command line

    static let wrong: [[String]] = [
        ["live"], ["live", "-i", "lo", "-b", "packets:3"], ["live", "-i", "lo", "--only-exchanges"],
        ["live", "-i", "lo", "-w", "a", "-b", "files:3"], ["live", "-i", "lo", "-a", "forever:1"],
        ["live", "-i", "lo", "-a", "duration:0"], ["live", "-i", "lo", "-a", "filesize:1"],
        ["live", "-i", "lo", "-s", "0"], ["live", "-i", "lo", "-w", "-", "--ndjson", "-"],
        ["live", "-i", "lo", "-w", "x", "--json", "x"], ["live", "-i", "lo", "-Z", "no-such-user"],
        ["analyze", "x.pcap", "-f", "tcp porto"], ["analyze", "x.pcap", "--connect-port", "0"],
    ]

    @Test(arguments: wrong) func wrongUsageIs2(_ arguments: [String]) throws {
        let run = try Program.shell("exec \"$0\" \"$@\"", arguments)
        #expect(run.status == 2, "\(run.errors)")
        #expect(!run.errors.isEmpty)
    }

    @Test func anInterfaceThatDoesNotExistIs3() throws {
        guard geteuid() == 0 else { return print("SKIPPED: needs the privilege to capture") }
        let run = try Program.run("live", "-i", "nosuch0")
        #expect(run.status == 3, "\(run.errors)")
        #expect(run.errors.contains("nosuch0"))
    }

    @Test func interfacesAreListed() throws {
        let run = try Program.run("live", "-D")
        #expect(run.status == 0)
        if geteuid() == 0 { #expect(run.text.contains("lo  [up")) }
    }
}

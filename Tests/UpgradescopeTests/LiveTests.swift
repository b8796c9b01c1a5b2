// Live captures of real programs that talk over a network of their own. What is reported while they talk must be what
// the recording of it holds, and what tcpdump saw at the same time.

import Foundation
import TestSupport
import Testing

@Suite(.tags(.live, .servers), .serialized) struct LiveTests {
    /// A server, and what is said to it.
    struct Scene: CustomTestStringConvertible, Sendable {
        var name: String
        /// Arguments of ctl.py start, for the servers in their order; the last one is talked to.
        var servers: [String]
        /// Lines of the shell on the client's host; $K is the kit, $P its Python.
        var clients: [String]
        var needs: [String] = []
        /// At least so many exchanges.
        var exchanges = 1
        var testDescription: String { name }
    }

    private static let ws = "$P $K/clients/ws_client.py"
    private static let host = TestNetwork.serverAddress

    static let scenes = [
        Scene(
            name: "python websockets", servers: ["pyws --port 22101 --host \(host)"],
            clients: [
                "\(ws) ws://\(host):22101/echo --msgs text:hi,bin:300,frag:3,ping,big:200000",
                "\(ws) ws://\(host):22101/echo --no-deflate --n 4", "\(ws) ws://\(host):22101/403",
                "\(ws) ws://\(host):22101/close/1011",
            ], exchanges: 7),
        Scene(
            name: "aiohttp", servers: ["aiohttp --port 22102 --host \(host)"],
            clients: [
                "\(ws) ws://\(host):22102/ws --msgs text:a,big:100000", "curl -s http://\(host):22102/need",
                "curl -s -H 'Connection: Upgrade' -H 'Upgrade: websocket' http://\(host):22102/page",
            ], needs: ["curl"], exchanges: 2),
        Scene(
            name: "nginx in front of websockets, with and without its Upgrade lines",
            servers: [
                "pyws --port 22103", "nginx-good --port 22104 --host \(host) --backend 127.0.0.1:22103",
                "nginx-bad --port 22105 --host \(host) --backend 127.0.0.1:22103",
            ],
            clients: [
                "\(ws) ws://\(host):22104/echo --msgs text:hi,bin:70000", "\(ws) ws://\(host):22105/echo",
                "curl -s http://\(host):22104/200",
            ], needs: ["nginx", "curl"], exchanges: 2),
        Scene(
            name: "HAProxy in front of websockets",
            servers: ["pyws --port 22106", "haproxy --port 22107 --host \(host) --backend 127.0.0.1:22106"],
            clients: [
                "\(ws) ws://\(host):22107/echo --msgs text:hi,ping", "\(ws) ws://\(host):22107/admin",
            ], needs: ["haproxy"], exchanges: 2),
        Scene(
            name: "h2c of curl and Java",
            servers: ["apache --port 22108 --host \(host)", "nghttpd --port 22109 --host \(host)"],
            clients: [
                "curl -s --http2 http://\(host):22108/", "curl -s --http2 http://\(host):22109/",
                "java $K/clients/HttpGet.java http://\(host):22108/",
            ], needs: ["apache2", "nghttpd", "curl", "java"], exchanges: 2),
        Scene(
            name: "Chromium", servers: ["aiohttp --port 22110 --host \(host)"],
            clients: ["$P $K/clients/chromium_visit.py http://\(host):22110/ ws://\(host):22110/ws basic"],
            needs: ["chromium"], exchanges: 1),
    ]

    @Test(arguments: scenes) func theLiveReportIsThatOfTheRecordingAndOfTcpdump(_ scene: Scene) throws {
        guard SharedMaterial.hasServers(for: scene.name),
            let network = try TestNetwork(for: scene.name, needs: scene.needs + ["tcpdump"])
        else { return }
        let kit = SharedMaterial.servers.path
        let folder = try Folder()
        var running: [(name: String, port: String)] = []
        defer {
            for (name, port) in running {
                _ = try? network.run(on: network.server, "python3 \(kit)/ctl.py stop \(name) --port \(port)")
            }
        }
        for server in scene.servers {
            let words = server.split(separator: " ").map(String.init)
            running.append((words[0], words[2]))
            let started = try network.run(on: network.server, "python3 \(kit)/ctl.py start \(server)")
            try #require(started.status == 0, "\(server): \(started.errors)\(started.text)")
        }

        let live = try network.live([
            "-w", folder.path("recording.pcapng"), "--json", folder.path("live.json"), "--ndjson",
            folder.path("events.ndjson"), "--fail-on", "never",
        ])
        let dump = try network.tcpdump(folder.path("dump.pcap"))
        for client in scene.clients {
            try network.run(on: network.client, "K=\(kit) P=\(SharedMaterial.python); \(client)")
        }
        func events(_ kind: String) -> Int {
            let text = (try? folder.read("events.ndjson")).map { String(decoding: $0, as: UTF8.self) } ?? ""
            return text.split(separator: "\n").count { $0.hasPrefix("{\"event\":\"\(kind)\"") }
        }
        try live.wait("\(scene.exchanges) exchanges among the events") { events("exchange") >= scene.exchanges }
        try dump.end()
        let status = try live.end()
        #expect(status == 0, "\(live.errors)")

        for (capture, report) in [("recording.pcapng", "recording.json"), ("dump.pcap", "dump.json")] {
            let run = try Program.run(
                "analyze", folder.path(capture), "--json", folder.path(report), "--fail-on", "never", "--quiet")
            #expect(run.status == 0, "\(capture): \(run.errors)")
        }
        let report = try JSONReportFile(folder.path("live.json"))
        let recorded = try JSONReportFile(folder.path("recording.json"))
        let dumped = try JSONReportFile(folder.path("dump.json"))
        #expect(report.exchanges.count >= scene.exchanges)
        #expect(report.verdict != "inconclusive" || scene.name == "Chromium")
        #expect(try report.facts(numbers: true) == recorded.facts(numbers: true))
        #expect(try report.facts(numbers: false) == dumped.facts(numbers: false))
        // At the end the events have everything that the report has.
        #expect(events("exchange") == report.exchanges.count)
        #expect(events("finding") == report.findings.count)
        #expect(events("stats") == 1 && events("capture") == 1)
        print("\(scene.name): \(report.exchanges.count) exchanges, findings \(report.rules.sorted())")
    }

    /// What only a request that offers nothing shows (TLS004) is reported live as it is of a file.
    @Test func aPlainRequestAfterADemandForTLSIsReported() throws {
        guard let network = try TestNetwork(needs: ["tcpreplay"]) else { return }
        let folder = try Folder()
        let request = "GET /ipp HTTP/1.1\r\nHost: printer.example\r\n\r\n"
        var capture = TestCapture.talk()
        capture.open()
        capture.client(request)
        capture.server(
            "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n")
        capture.client(request)
        capture.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        capture.close()
        let sent = try folder.write("sent.pcap", capture.pcap)

        let live = try network.live([
            "--json", folder.path("live.json"), "--fail-on", "never", "-f", "ip and tcp port 80", "-a", "packets:10",
        ])
        let replay = try network.run(on: network.client, "tcpreplay -q -K -i \(TestNetwork.interface) \(sent)")
        try #require(replay.status == 0, "\(replay.errors)")
        #expect(try live.end(nil) == 0, "\(live.errors)")
        let file = try Program.run("analyze", sent, "--json", folder.path("file.json"), "--quiet", "--fail-on", "never")
        #expect(file.status == 0, "\(file.errors)")
        let rules = try JSONReportFile(folder.path("live.json")).rules
        #expect(rules.contains("TLS004"))
        #expect(try rules == JSONReportFile(folder.path("file.json")).rules)
    }
}

// Targets behind TLS, bytes sent as they were, what was said as a capture, and many sessions at once.

import Foundation
import Inspection
import Synchronization
import TestSupport
import Testing
import Traffic

@testable import Replay

@Suite("Targets of a replay", .serialized, .timeLimit(.minutes(30)))
struct TargetTests {
    @Test("wss: with a test authority, and with certificates that are wrong", .tags(.servers))
    func tls() throws {
        guard SharedMaterial.hasServers(for: "wss targets") else { return }
        let server = try LabServer("pywss")
        let sessions = try Lab.sessions("A06-py-mixed")
        let authority = SharedMaterial.servers.appending(path: "certs/ca.pem").path
        for host in ["127.0.0.1", "localhost"] {
            let trusted = try Lab.replay(
                sessions, to: "wss://\(host):\(server.port)", security: TargetSecurity(authorities: authority))
            #expect(trusted.verdicts == [.same: 1], "\(host): \(trusted.exchanges)")
        }
        let unknown = try Lab.replay(sessions, to: "wss://127.0.0.1:\(server.port)")
        #expect(unknown.exchanges.first?.failure == "tls")
        #expect(
            unknown.exchanges.first?.reason?.contains("not signed by a trusted authority") == true,
            "\(unknown.exchanges)")
        #expect(!unknown.wasAnswered)
        let any = try Lab.replay(
            sessions, to: "wss://127.0.0.1:\(server.port)", security: TargetSecurity(isInsecure: true))
        #expect(any.verdicts == [.same: 1])
        #expect(throws: ReplayFailure.self) {
            try Lab.replay(
                sessions, to: "wss://127.0.0.1:\(server.port)", security: TargetSecurity(authorities: "/no/such/file"))
        }
    }

    /// The stand-in's own certificate is for 127.0.0.1 and localhost, and is its own authority.
    @Test("wss: with a certificate for another name, one that is out of date, and none of the chosen authorities")
    func certificates() throws {
        let session = try #require(
            Recording.webSocket([.client("a"), .server("b"), .clientClose(1000), .serverClose(1000)]))
        let folder = FileManager.default.temporaryDirectory.appending(path: "certificates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func replay(at host: String, _ certificate: SelfMadeCertificate, isInsecure: Bool = false) throws
            -> ReplayedExchange
        {
            let authority = folder.appending(path: "ca.pem")
            try Data(certificate.pem.utf8).write(to: authority)
            let standIn = try LiveStandIn([session], host: host, security: .selfMade(certificate))
            let security =
                isInsecure ? TargetSecurity(isInsecure: true) : TargetSecurity(authorities: authority.path)
            let report = try Lab.replay([session], to: "wss://\(host):\(standIn.port)", security: security)
            let exchange = try #require(report.exchanges.first)
            #expect(report.wasAnswered == (exchange.failure == nil))
            // A failed handshake ends no stand-in.
            let (served, refused, _) = standIn.stop()
            #expect(served.count == (exchange.failure == nil ? 1 : 0), "\(refused)")
            return exchange
        }
        let mine = try SelfMadeCertificate(names: [], now: Lab.now)
        for host in ["127.0.0.1", "localhost"] {
            #expect(try replay(at: host, mine).verdict == .same)
        }
        let other = try replay(at: "127.0.0.2", mine)
        #expect(other.failure == "tls" && other.verdict == .failed)
        #expect(
            other.reason == "the certificate is not for 127.0.0.2 (--insecure accepts any certificate)",
            "\(other.reason ?? "")")
        #expect(try replay(at: "127.0.0.2", mine, isInsecure: true).verdict == .same)
        let old = try SelfMadeCertificate(names: [], now: Timestamp(nanoseconds: 1_500_000_000_000_000_000))
        let expired = try replay(at: "127.0.0.1", old)
        #expect(expired.failure == "tls" && expired.reason?.contains("out of date") == true, "\(expired)")
        #expect(try replay(at: "127.0.0.1", old, isInsecure: true).verdict == .same)
    }

    @Test("Upgrade: tcp against the engine stand-in", .tags(.servers))
    func tcp() throws {
        guard SharedMaterial.hasServers(for: "Upgrade: tcp") else { return }
        let engine = try Lab.dockerEngine()
        let sessions = try Lab.sessions("K01-docker-exec")
        let report = try Lab.replay(sessions, to: "http://127.0.0.1:\(engine.port)")
        #expect(report.verdicts == [.same: 1], "\(report.exchanges)")
        #expect((report.exchanges.first?.live?.bytes.server ?? 0) > 60)
    }

    /// A WebSocket session inside a tunnel, said as the bytes it was: the key is the recorded one, so the answer is too.
    @Test("CONNECT through a proxy", .tags(.servers), arguments: ["squid"])
    func connect(_ name: String) throws {
        guard SharedMaterial.hasServers(for: "CONNECT") else { return }
        let proxy = try LabServer(name)
        let backend = try PythonServer("changed_server", "none")
        var recording = Recording()
        recording.client("CONNECT 127.0.0.1:\(backend.port) HTTP/1.1\r\nHost: 127.0.0.1:\(backend.port)\r\n\r\n")
        recording.server("HTTP/1.1 200 Connection established\r\n\r\n")
        recording.client(Handshake.request())
        recording.server(
            "HTTP/1.1 101 Switching Protocols\r\nServer: lab\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        recording.server(Frame.server(1, Array("welcome".utf8)))
        recording.client(Frame.client(1, Array("1".utf8)))
        recording.server(Frame.server(1, Array(#"{"n": 1, "user": {"name": "alice"}}"#.utf8)))
        recording.client(Frame.client(8, Frame.close(1000)))
        recording.server(Frame.server(8, Frame.close(1000)))
        let sessions = recording.sessions()
        #expect(sessions.map(\.upgraded) == [.tunnel, .websocket])
        var options = ReplayOptions()
        options.compare.headers = ["proxy-agent"]
        let report = try Lab.replay(
            Array(sessions.prefix(1)), to: "http://127.0.0.1:\(proxy.port)", options: options)
        #expect(report.verdicts == [.same: 1], "\(report.exchanges)")
    }

    /// The second answer is seen, and judged by the same rules as a capture.
    @Test(
        "--raw shows the smuggling again", .tags(.servers),
        arguments: [
            ("apache", "F02b-optimistic-refused-smuggle-apache"),
            ("nginx-good", "F02a-optimistic-refused-smuggle-nginx-static"),
            ("squid", "F06-connect-refused-smuggle-squid-403"),
            ("apache-fwd", "F06-connect-refused-smuggle-apache-fwd-403"),
        ])
    func raw(_ name: String, _ capture: String) throws {
        guard SharedMaterial.hasServers(for: "smuggling") else { return }
        let backend = name == "nginx-good" ? try LabServer("aiohttp") : nil
        let server = try LabServer(name, backend: backend)
        var options = ReplayOptions()
        options.raw = true
        let sessions = try Lab.sessions(capture, keepsRaw: true).filter { !$0.raw.isEmpty }
        let report = try Lab.replay(Array(sessions.prefix(1)), to: "http://127.0.0.1:\(server.port)", options: options)
        let rules = report.exchanges.flatMap { $0.findings.map(\.rule) }
        #expect(rules.contains("EARLY005"), "\(rules)")
    }

    @Test("what was said is a capture with the same exchanges", .tags(.servers))
    func written() throws {
        guard SharedMaterial.hasServers(for: "written captures") else { return }
        let server = try LabServer("pyws")
        let sink = MemorySink()
        let sessions = try Lab.sessions("A06-py-mixed") + Lab.sessions("A11-ipv6")
        let report = try Lab.replay(sessions, to: "ws://127.0.0.1:\(server.port)", sink: sink)
        #expect(report.verdicts == [.same: 2])
        let file = FileManager.default.temporaryDirectory.appending(path: "replay-\(UUID().uuidString).pcapng")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(sink.bytes).write(to: file)
        let again = try Lab.sessions(of: file.path)
        #expect(again.count == 2)
        for (old, new) in zip(sessions, again) {
            #expect(new.outcome == .switched && new.request.target == old.request.target)
            let data = { (session: RecordedSession, side: Direction) in
                session.steps(of: side).filter { ($0.message?.opcode ?? 0) < 9 }.map(\.payload)
            }
            #expect(data(old, .client) == data(new, .client))
            #expect(data(old, .server) == data(new, .server))
        }
        // An independent reader finds the same frames, and nothing to complain about.
        let frames = again.compactMap { $0.exchange?.websocket?.sides }.flatMap { sides in
            [sides.client, sides.server].flatMap { side in side.frames.indices.map { side.frames[$0] } }
        }
        let opcodes = try Lab.tshark(file, "websocket", field: "websocket.opcode")
        #expect(UInt64(opcodes.count) == frames.reduce(0, +) && opcodes.count > 8)
        #expect(try Lab.tshark(file, "http.response.code == 101", field: "frame.number").count == 2)
        #expect(try Lab.tshark(file, "_ws.malformed or _ws.expert.severity >= 6291456", field: "frame.number") == [])
        // What is written is said again in the same way.
        #expect(try Lab.replay(again, to: "ws://127.0.0.1:\(server.port)").verdicts == [.same: 2])
    }

    @Test("many sessions at once, by concurrency and by rate", .tags(.servers))
    func load() throws {
        guard SharedMaterial.hasServers(for: "load") else { return }
        let server = try LabServer("pyws")
        let sessions = try Lab.sessions("A06-py-mixed")
        var load = LoadOptions()
        load.concurrency = 100
        load.repeats = 300
        let many = try Lab.replay(sessions, to: "ws://127.0.0.1:\(server.port)", load: load)
        #expect(many.verdicts == [.same: 300], "\(many.load?.failures ?? [:])")
        #expect(many.load?.mostConcurrent == 100)
        #expect(
            many.latencies.map(\.name) == [
                "connect", "handshake", "handshake (corrected)", "message", "message (corrected)", "session",
                "session (corrected)",
            ])
        load = LoadOptions()
        load.repeats = 100
        load.rate = 200
        load.ramp = 200_000_000
        let paced = try Lab.replay(sessions, to: "ws://127.0.0.1:\(server.port)", load: load)
        #expect(paced.verdicts == [.same: 100], "\(paced.load?.failures ?? [:])")
        #expect((0.5...5).contains(paced.load?.seconds ?? 0))
        #expect(paced.latencies.first { $0.name == "session" }?.isCorrected == true)
    }

    /// Hundreds of clients at once before a stand-in: none waits for ever, and each is told what was recorded.
    @Test("a stand-in before hundreds of clients")
    func crowd() throws {
        let lines = (0..<20).flatMap { [Line.client("\($0)"), .server("{\"n\":\($0)}")] }
        let session = try #require(Recording.webSocket(lines + [.clientClose(1000), .serverClose(1000)]))
        let standIn = try LiveStandIn([session])
        var load = LoadOptions()
        load.concurrency = 400
        load.repeats = 1200
        let report = try Lab.replay([session], to: "ws://127.0.0.1:\(standIn.port)", load: load)
        #expect(report.verdicts == [.same: 1200], "\(report.load?.failures ?? [:]) \(report.load?.differences ?? [:])")
        #expect(report.load?.mostConcurrent == 400)
        let (served, refused, connections) = standIn.stop()
        #expect(served.count == 1200 && connections == 1200 && refused.isEmpty)
        #expect(served.allSatisfy { $0.said == 21 && $0.heard == 20 && $0.remarks.isEmpty })
    }

    /// Who comes when there are too many already is turned away, and the others are not disturbed.
    @Test("a stand-in that is full")
    func full() throws {
        let session = try #require(
            Recording.webSocket([.client("a"), .pause(300), .server("b"), .clientClose(1000), .serverClose(1000)]))
        var options = ServeOptions()
        options.connections = 10
        let standIn = try LiveStandIn([session], options: options)
        var load = LoadOptions()
        load.concurrency = 50
        load.repeats = 50
        var pace = ReplayOptions()
        pace.pace = .recorded(1)
        let report = try Lab.replay([session], to: "ws://127.0.0.1:\(standIn.port)", options: pace, load: load)
        let (served, refused, _) = standIn.stop()
        #expect(report.load?.finished == 50)
        #expect(report.count(.same) == served.count && report.count(.failed) == refused.count)
        #expect(served.count >= 10 && !refused.isEmpty && served.count + refused.count == 50)
        #expect(refused.allSatisfy { $0 == "there are 10 connections already" })
    }

    /// A server that answers one at a time: what waits after the slow one is counted from when it was due.
    @Test("latencies by rate count the waiting")
    func omission() {
        var load = LoadOptions()
        load.rate = 100
        #expect(load.due(50, rate: 100) == 500_000_000)
        load.ramp = 1_000_000_000
        // During the ramp half as many begin.
        #expect(load.due(50, rate: 100) == 1_000_000_000)
        #expect(load.due(150, rate: 100) == 2_000_000_000)
        var recorder = LatencyRecorder()
        for _ in 0..<99 { recorder.record("session", 1_000_000) }
        recorder.record("session", 1_000_000_000)
        let summaries = recorder.summaries(isScheduled: false, isLoad: true)
        #expect(summaries.map(\.name) == ["session", "session (corrected)"])
        #expect(summaries[0].percentiles[2].milliseconds < 2)
        // A second of standing still hides a thousand sessions.
        #expect(summaries[1].count > 1000)
        #expect(summaries[1].percentiles[0].milliseconds > 400)
    }
}

/// Packets as a capture in memory.
private final class MemorySink: PacketSink {
    private let state = Mutex((writer: PcapngWriter(), count: UInt32(0)))

    init() {
        state.withLock {
            $0.writer.section(application: "test")
            $0.writer.interface(RecordedInterface(name: "replay", linkType: ConnectionPackets.linkType))
        }
    }

    func write(_ packet: [UInt8], at time: Timestamp) -> UInt32 {
        state.withLock {
            $0.count += 1
            $0.writer.packet(packet.span, time: time, originalLength: UInt32(packet.count))
            return $0.count
        }
    }

    var bytes: [UInt8] { state.withLock { $0.writer.bytes } }
}

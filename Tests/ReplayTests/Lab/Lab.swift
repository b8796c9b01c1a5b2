// Real servers and the captures that were made of them. Both lie beside the clone, in `../shared`; without them the tests
// that need them say so loudly, and where `../shared` is there but a server does not start, they fail.

import Foundation
import Inspection
import TestSupport
import Testing
import Traffic

@testable import Replay

enum Lab {
    /// A lab capture by the beginning of its name.
    static func capture(_ name: String) throws -> URL {
        let folder = SharedMaterial.root.appending(path: "captures/lab")
        for suffix in ["pcap", "pcapng"] {
            let file = folder.appending(path: "\(name).\(suffix)")
            if FileManager.default.fileExists(atPath: file.path) { return file }
        }
        throw Failure("no capture \(name)")
    }

    /// The sessions of a capture.
    static func sessions(_ name: String, keepsRaw: Bool = false) throws -> [RecordedSession] {
        try sessions(of: capture(name).path, keepsRaw: keepsRaw)
    }

    static func sessions(of path: String, keepsRaw: Bool = false) throws -> [RecordedSession] {
        let recorder = SessionRecorder(keepsRaw: keepsRaw)
        var options = AnalyzerOptions()
        options.transcript = .all
        var analyzer = Analyzer(options: options, output: recorder)
        analyzer.receive(try CaptureReader(path: path))
        analyzer.finish()
        return recorder.sessions()
    }

    static var now: Timestamp { Timestamp(nanoseconds: Int64(Date().timeIntervalSince1970 * 1e9)) }

    /// Says sessions to a target.
    static func replay(
        _ sessions: [RecordedSession], to target: String, options: ReplayOptions = ReplayOptions(),
        load: LoadOptions = LoadOptions(), security: TargetSecurity = TargetSecurity(), sink: (any PacketSink)? = nil
    ) throws -> ReplayReport {
        let server = try ReplayTarget(target)
        let scripts = sessions.map { ReplayScript($0, target: server, options: options) }
        let runner = try ReplayRunner(
            scripts: scripts, target: server, options: options, load: load, security: security,
            inspector: Inspector(), start: now, threads: 2, sink: sink)
        let plan = ReplayPlan(
            target: target, pace: options.pace.name, exchanges: scripts.map(\.plan), sendsCredentials: false)
        return runner.run(plan: plan, isStopped: { false }, progress: { _ in })
    }

    /// Runs the lab's Python client to its end; throws where it saw an error.
    static func client(_ arguments: [String]) throws {
        let client = SharedMaterial.servers.appending(path: "clients/ws_client.py").path
        let run = try Program.other([SharedMaterial.python, client] + arguments)
        guard run.status == 0, run.text.contains("\"err\": null") else {
            throw Failure("the client \(arguments): \(run.text)")
        }
    }

    /// The values of a field in all packets of a capture that match, as tshark reads it.
    static func tshark(_ file: URL, _ filter: String, field: String) throws -> [String] {
        let run = try Program.other(["tshark", "-r", file.path, "-Y", filter, "-T", "fields", "-e", field])
        guard run.status == 0 else { throw Failure("tshark (Debian package) with \(filter)") }
        return run.text.split { $0 == "\n" || $0 == "," }.map(String.init)
    }

    /// The engine stand-in of the lab, `Upgrade: tcp`; made to say when it listens.
    static func dockerEngine() throws -> PythonServer {
        let script = SharedMaterial.servers.appending(path: "servers/fake_docker.py").path
        let code = """
            import http.server, sys
            class Server(http.server.ThreadingHTTPServer):
                def server_activate(self):
                    super().server_activate()
                    print("ready", flush=True)
            http.server.ThreadingHTTPServer = Server
            exec(open(sys.argv.pop(2)).read())
            """
        return try PythonServer { ["-u", "-c", code, "\($0)", script] }
    }
}

/// A real server for the time of one test.
final class LabServer {
    let port: Int
    private let name: String

    /// Starts a server of `../shared/servers`.
    init(_ name: String, backend: LabServer? = nil, host: String = "127.0.0.1", extra: String = "") throws {
        self.name = name
        port = try PythonServer.freePort()
        var arguments = ["start", name, "--port", "\(port)", "--host", host]
        if let backend { arguments += ["--backend", "127.0.0.1:\(backend.port)"] }
        if !extra.isEmpty { arguments += ["--extra=\(extra)"] }
        guard try Self.control(arguments) == 0 else { throw Failure("the server \(name) does not start") }
    }

    deinit { _ = try? Self.control(["stop", "\(name):\(port)"]) }

    private static func control(_ arguments: [String]) throws -> Int32 {
        let script = SharedMaterial.servers.appending(path: "ctl.py").path
        return try Program.other(["python3", script] + arguments).status
    }
}

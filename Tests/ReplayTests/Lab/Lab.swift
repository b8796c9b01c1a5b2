// Real servers and the captures that were made of them. Both lie beside the clone, in `../shared`; without them the tests
// that need them say so loudly, and where `../shared` is there but a server does not start, they fail.

import Foundation
import Inspection
import NIOCore
import NIOPosix
import Testing
import Traffic

@testable import Replay

enum Lab {
    static let shared: URL = {
        if let path = ProcessInfo.processInfo.environment["UPGRADESCOPE_SHARED"], !path.isEmpty {
            return URL(filePath: path)
        }
        var folder = URL(filePath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        return folder.deletingLastPathComponent().appending(path: "shared")
    }()

    static var isPresent: Bool {
        FileManager.default.fileExists(atPath: shared.appending(path: "servers/ctl.py").path)
    }

    /// Whether a test can run; says it where not.
    static func isReady(for test: String) -> Bool {
        if !isPresent { print("SKIPPED: \(test): no servers at \(shared.path)/servers (set UPGRADESCOPE_SHARED)") }
        return isPresent
    }

    /// A lab capture by the beginning of its name.
    static func capture(_ name: String) throws -> URL {
        let folder = shared.appending(path: "captures/lab")
        for suffix in ["pcap", "pcapng"] {
            let file = folder.appending(path: "\(name).\(suffix)")
            if FileManager.default.fileExists(atPath: file.path) { return file }
        }
        throw LabFailure("no capture \(name)")
    }

    /// The sessions of a capture.
    static func sessions(_ name: String, keepsRaw: Bool = false) throws -> [RecordedSession] {
        try sessions(of: capture(name).path, keepsRaw: keepsRaw)
    }

    static func sessions(of path: String, keepsRaw: Bool = false) throws -> [RecordedSession] {
        var reader = try CaptureReader(path: path)
        let recorder = SessionRecorder(keepsRaw: keepsRaw)
        var options = AnalyzerOptions()
        options.transcript = .all
        var analyzer = Analyzer(options: options, output: recorder)
        var batch: [CapturedPacket] = []
        while reader.readBatch(&batch) {
            for packet in batch { analyzer.receive(packet, capture: 0, bytes: reader.window.extracting(packet.range)) }
        }
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

    /// The Python with the libraries of the lab's servers and clients.
    static var python: String {
        let variables = ProcessInfo.processInfo.environment
        let home = variables["SERVERS_HOME"] ?? (variables["HOME"] ?? "") + "/.cache/upgradescope-servers"
        return home + "/venv/bin/python"
    }

    /// Runs the lab's Python client to its end; throws where it saw an error.
    static func client(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [shared.appending(path: "servers/clients/ws_client.py").path] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let words = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0, words.contains("\"err\": null") else {
            throw LabFailure("the client \(arguments): \(words)")
        }
    }

    /// The values of a field in all packets of a capture that match, as tshark reads it.
    static func tshark(_ file: URL, _ filter: String, field: String) throws -> [String] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["tshark", "-r", file.path, "-Y", filter, "-T", "fields", "-e", field]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let words = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw LabFailure("tshark (Debian package) with \(filter)") }
        return words.split { $0 == "\n" || $0 == "," }.map(String.init)
    }

    /// A port that nobody listens on.
    static func freePort() throws -> Int {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let channel = try ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).wait()
        defer { try? channel.close().wait() }
        return try #require(channel.localAddress?.port)
    }
}

struct LabFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A real server for the time of one test.
final class LabServer {
    let port: Int
    private let name: String

    /// Starts a server of `../shared/servers`.
    init(_ name: String, backend: LabServer? = nil, host: String = "127.0.0.1", extra: String = "") throws {
        self.name = name
        port = try Lab.freePort()
        var arguments = ["start", name, "--port", "\(port)", "--host", host]
        if let backend { arguments += ["--backend", "127.0.0.1:\(backend.port)"] }
        if !extra.isEmpty { arguments += ["--extra=\(extra)"] }
        guard try Self.control(arguments) == 0 else { throw LabFailure("the server \(name) does not start") }
    }

    deinit { _ = try? Self.control(["stop", "\(name):\(port)"]) }

    private static func control(_ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", Lab.shared.appending(path: "servers/ctl.py").path] + arguments
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}

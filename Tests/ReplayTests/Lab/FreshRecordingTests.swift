// Recordings made in the test itself: a real client talks to a real server while tcpdump looks on, and what it saw is said to the
// same server again.
//
// The captures of the laboratory do not hold every server with every shape of session: hypercorn refused what was recorded
// of it, of node, tornado and uvicorn there is one session with early data each. Here each server gets all shapes.

import Foundation
import Ground
import TestSupport
import Testing
import Traffic

@testable import Replay

@Suite(
    "A recording of now and the server it was made of", .tags(.live, .servers), .serialized, .timeLimit(.minutes(30)))
struct FreshRecordingTests {
    struct Row: CustomTestStringConvertible {
        var server: String
        var path = "/"
        var proxy: String?
        var host = "127.0.0.1"
        /// Whether the server takes permessage-deflate, and chooses a subprotocol of those offered.
        var compresses = true
        var chooses = true
        var testDescription: String { (proxy.map { "\($0) in front of " } ?? "") + "\(server) on \(host)" }
    }

    static let rows: [Row] = [
        Row(server: "hypercorn"), Row(server: "uvicorn", compresses: true), Row(server: "tornado", path: "/ws"),
        Row(server: "aiohttp", path: "/ws"), Row(server: "node", compresses: false, chooses: false),
        Row(server: "pyws", path: "/echo"), Row(server: "pyws", path: "/echo", proxy: "nginx-good"),
        Row(server: "pyws", path: "/echo", proxy: "haproxy"), Row(server: "hypercorn", proxy: "nginx-good"),
        Row(server: "pyws", path: "/echo", host: "::1"), Row(server: "hypercorn", host: "::1"),
        Row(server: "aiohttp", path: "/ws", host: "::1"),
    ]

    /// What is said, and what the recording must hold for the shape to have been there at all.
    static let shapes: [(name: String, arguments: [String], holds: @Sendable (RecordedSession, Row) -> Bool)] = [
        (
            "plain", ["--no-deflate", "--msgs", "text:hello,bin:300,ping,text:bye"],
            { session, _ in session.steps(of: .server).contains { $0.message?.payload == Array("bye".utf8) } }
        ),
        (
            "compressed", ["--msgs", "text:hello hello hello hello,bin:5000"],
            { session, row in
                !row.compresses
                    || session.steps(of: .client).contains { $0.message?.isCompressed == true }
                        && session.response?.has(.secWebSocketExtensions) == true
            }
        ),
        (
            "subprotocol", ["--no-deflate", "--sub", "chat.v2,chat.v1", "--msgs", "text:hello"],
            { session, row in
                !row.chooses || session.response?.value(.secWebSocketProtocol)?.text == "chat.v2"
            }
        ),
        (
            "fragmented", ["--no-deflate", "--msgs", "frag:5,text:bye"],
            { session, _ in session.steps(of: .client).contains { ($0.message?.fragments.count ?? 0) >= 5 } }
        ),
        (
            "1 MiB", ["--no-deflate", "--msgs", "big:1048576,text:bye"],
            { session, _ in
                session.steps.filter { $0.message?.payload.count == 1 << 20 }.map(\.direction) == [.client, .server]
            }
        ),
        (
            "1 MiB compressed", ["--msgs", "big:1048576"],
            { session, _ in
                session.steps.filter { $0.message?.payload.count == 1 << 20 }.map(\.direction) == [.client, .server]
            }
        ),
    ]

    @Test("is the same", arguments: rows)
    func same(_ row: Row) throws {
        guard Tap.isReady(for: "fresh recordings, \(row.testDescription)") else { return }
        let server = try LabServer(row.server, host: row.host)
        let proxy = try row.proxy.map { try LabServer($0, backend: server) }
        let port = proxy?.port ?? server.port
        let authority = row.host.contains(":") ? "[\(row.host)]:\(port)" : "\(row.host):\(port)"
        for shape in Self.shapes {
            let tap = try Tap(port: port)
            try Lab.client(["ws://\(authority)\(row.path)"] + shape.arguments)
            let sessions = try tap.sessions(1)
            let session = try #require(sessions.first)
            #expect(shape.holds(session, row), "\(shape.name): it was not recorded")
            for isFragmented in [false, true] {
                var options = ReplayOptions()
                options.keepsFragments = isFragmented
                let report = try Lab.replay(sessions, to: "ws://\(authority)", options: options)
                #expect(report.verdicts == [.same: 1], "\(shape.name)")
                for exchange in report.exchanges where exchange.verdict != .same {
                    Issue.record("\(shape.name): \(exchange.reason ?? "") \(exchange.differences)")
                }
            }
        }
    }

    /// It mirrors everything as text, and each fragment as a message of its own: so fragments are kept.
    ///
    /// The client reads one message for each that it sends and closes: what the server says of a fragmented message beyond that
    /// is in the recording only if it came before the close. So the client waits before its last word, and a recording that still
    /// lacks a message is made again: it would rightly differ.
    @Test(
        "a mirror of libwebsockets, plain and fragmented",
        arguments: [
            ("text:hello,ping,text:bye", 2), ("frag:3", 4), ("text:" + String(repeating: "long", count: 900), 1),
        ])
    func mirror(_ shape: String, _ answers: Int) throws {
        guard Tap.isReady(for: "fresh recordings, lws") else { return }
        let server = try LabServer("lws")
        for attempt in 1... {
            let tap = try Tap(port: server.port)
            let words = ["--sub", "lws-mirror-protocol", "--delay", "0.5", "--msgs", shape + ",pong"]
            try Lab.client(["ws://127.0.0.1:\(server.port)/"] + words)
            let sessions = try tap.sessions(1)
            let said = sessions[0].steps(of: .server).count { $0.message != nil }
            guard said >= answers else {
                try #require(attempt < 10, "\(said) messages of \(answers)")
                continue
            }
            var options = ReplayOptions()
            options.keepsFragments = true
            let report = try Lab.replay(sessions, to: "ws://127.0.0.1:\(server.port)", options: options)
            #expect(report.verdicts == [.same: 1], "\(report.exchanges.first?.differences ?? [])")
            return
        }
    }
}

/// tcpdump on the loopback interface, for one port.
private final class Tap {
    private let process = Process()
    private let file = FileManager.default.temporaryDirectory.appending(path: "tap-\(UUID().uuidString).pcap")

    /// Whether it can run here; where the servers are and it cannot, the test has failed.
    static func isReady(for test: String) -> Bool {
        guard SharedMaterial.hasServers(for: test) else { return false }
        if geteuid() != 0 { Issue.record("\(test): only root may capture on lo") }
        return geteuid() == 0
    }

    init(port: Int) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        // The kernel's ring has a place for each packet, as large as the longest one may be: room for two thousand.
        process.arguments = ["tcpdump", "-i", "lo", "-s", "65600", "-U", "-n", "-B", "131072", "--immediate-mode"]
        process.arguments? += ["-Z", "root", "-w", file.path, "tcp port \(port)"]
        let words = Pipe()
        process.standardError = words
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        var said = ""
        while !said.contains("listening on"), case let data = words.fileHandleForReading.availableData, !data.isEmpty {
            said += String(decoding: data, as: UTF8.self)
        }
        guard said.contains("listening on") else { throw Failure("tcpdump does not run: \(said)") }
    }

    /// The sessions, once there are so many and both sides have ended them.
    func sessions(_ count: Int) throws -> [RecordedSession] {
        for _ in 0..<100 {
            let sessions = (try? Lab.sessions(of: file.path)) ?? []
            if sessions.count == count,
                sessions.allSatisfy({ session in
                    session.cut == nil && Direction.allCases.allSatisfy { session.ended[$0] != .open }
                })
            {
                return sessions
            }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw Failure("the recording does not hold \(count) whole sessions")
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        try? FileManager.default.removeItem(at: file)
    }
}

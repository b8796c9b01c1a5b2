// A live server may fail in any way: a clear verdict each, in time, and nothing is left behind.

import Foundation
import TestSupport
import Testing
import Traffic

@testable import Replay

@Suite("Servers that fail", .serialized, .timeLimit(.minutes(30)))
struct FailureTests {
    struct Row: CustomTestStringConvertible {
        var way: String
        /// The word for the failure; `nil` where the session only differs.
        var failure: String?
        var kinds: [Difference.Kind] = []
        var testDescription: String { way }
    }

    static let rows: [Row] = [
        Row(way: "refuse", failure: "refused"),
        Row(way: "gone", failure: "closed-early"),
        Row(way: "reset", failure: "closed-early"),
        Row(way: "silent", failure: "handshake-timeout"),
        Row(way: "garbage", failure: "not-http"),
        Row(way: "flood", failure: "too-much"),
        Row(way: "reset-later", failure: "reset"),
        Row(way: "stall", failure: "stalled"),
        Row(way: "garbage-later", failure: "not-websocket"),
        Row(way: "flood-later", failure: "too-much"),
        Row(way: "endless-message", failure: "too-much"),
        Row(way: "never-closes", kinds: [.close]),
        Row(way: "half", kinds: [.messageMissing, .messageMissing, .messageMissing, .close]),
    ]

    private func recording(_ count: Int = 3) throws -> RecordedSession {
        try #require(
            Recording.webSocket(
                (0..<count).flatMap { [Line.client("\($0)"), .server("\($0)")] }
                    + [.clientClose(1000), .serverClose(1000)]))
    }

    private var options: ReplayOptions {
        var options = ReplayOptions()
        options.timeout = 300_000_000
        options.mostBytes = 1 << 20
        return options
    }

    @Test("get a verdict each, in time", arguments: rows)
    func failing(_ row: Row) throws {
        let server = try PythonServer("failing_server", row.way)
        var options = options
        // On a slow machine a mebibyte may take longer to arrive than the others may take to fail.
        if row.failure == "too-much" { options.timeout = 5_000_000_000 }
        let start = ContinuousClock.now
        let report = try Lab.replay([recording()], to: "ws://127.0.0.1:\(server.port)", options: options)
        #expect(ContinuousClock.now - start < .seconds(10))
        let exchange = try #require(report.exchanges.first)
        #expect(exchange.failure == row.failure, "\(exchange.reason ?? "") \(exchange.differences)")
        if row.failure != nil {
            #expect(exchange.verdict == .failed && exchange.reason?.isEmpty == false)
        } else {
            #expect(exchange.differences.map(\.kind) == row.kinds, "\(exchange.differences)")
        }
    }

    @Test("a name that does not exist, and a target that speaks no TLS")
    func unreachable() throws {
        let named = try Lab.replay([recording()], to: "ws://no-such-host.invalid:1", options: options)
        #expect(named.exchanges.first?.failure == "unknown-host")
        #expect(!named.wasAnswered)
        let plain = try PythonServer("changed_server", "none")
        let secure = try Lab.replay([recording()], to: "wss://127.0.0.1:\(plain.port)", options: options)
        #expect(secure.exchanges.first?.failure == "tls", "\(secure.exchanges)")
        #expect(!secure.wasAnswered)
    }

    /// Hundreds of failures in a row leave no file open and no memory after.
    ///
    /// In a process of its own: what other tests open and keep would be counted here.
    @Test(
        "hundreds in a row leave nothing behind",
        arguments: [
            "refuse", "gone", "reset", "silent", "garbage", "garbage-later", "reset-later", "stall", "never-closes",
            "half", "flood-later", "no-tls", "untrusted",
        ])
    func leaks(_ way: String) async {
        await #expect(processExitsWith: .success) { [way] in
            try LeakTrial(way).run()
        }
    }
}

/// One way to fail, again and again, with what is open and what is held counted before and after.
private struct LeakTrial {
    private let server: PythonServer?
    private let standIn: LiveStandIn?
    private let target: String
    private let session: RecordedSession
    private var options = ReplayOptions()
    /// So many times; those that run into a time-out wait side by side.
    private let count: Int
    /// Rounds until the allocator has all that it keeps.
    ///
    /// Fifty floods side by side hold a MiB each, and how many of them meet at once is chance: in a dozen rounds what is resident
    /// grew by up to 10 MiB in the first five and not after them.
    private let warmUps: Int

    init(_ way: String) throws {
        let lines = (0..<3).flatMap { [Line.client("\($0)"), .server("\($0)")] }
        session = try #require(Recording.webSocket(lines + [.clientClose(1000), .serverClose(1000)]))
        switch way {
        case "untrusted":
            server = nil
            let certificate = try SelfMadeCertificate(names: [], now: Lab.now)
            standIn = try LiveStandIn([session], security: .selfMade(certificate))
            target = "wss://127.0.0.1:\(standIn?.port ?? 0)"
        case "no-tls":
            server = try PythonServer("changed_server", "none")
            standIn = nil
            target = "wss://127.0.0.1:\(server?.port ?? 0)"
        default:
            server = try PythonServer("failing_server", way)
            standIn = nil
            target = "ws://127.0.0.1:\(server?.port ?? 0)"
        }
        options.timeout = 300_000_000
        options.mostBytes = 1 << 20
        count = way == "flood-later" ? 60 : 200
        warmUps = way == "flood-later" ? 6 : 1
    }

    func run() throws {
        for _ in 0..<warmUps { try round(count) }
        let (files, memory) = (try Self.openFiles(), try Self.memory())
        try round(count)
        try round(count)
        let (filesAfter, memoryAfter) = (try Self.openFiles(), try Self.memory())
        // What the stand-in's last connections hold is closed within a moment.
        guard filesAfter <= files + 8 else { throw Failure("\(files) files were open, \(filesAfter) are") }
        guard memoryAfter < memory + 8 << 20 else { throw Failure("\(memory) bytes were held, \(memoryAfter) are") }
        print("\(target): \(files) files and \(memory >> 10) KiB, then \(filesAfter) and \(memoryAfter >> 10) KiB")
    }

    private func round(_ count: Int) throws {
        var load = LoadOptions()
        load.repeats = count
        load.concurrency = 50
        let report = try Lab.replay([session], to: target, options: options, load: load)
        guard report.load?.finished == count, report.count(.failed) + report.count(.differs) == count else {
            throw Failure("of \(count) \(report.verdicts)")
        }
    }

    private static func openFiles() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }

    /// Resident bytes.
    private static func memory() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
    }
}

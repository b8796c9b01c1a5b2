// A live server may fail in any way: a clear verdict each, in time, and nothing is left behind.

import Foundation
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
        let server = try ScriptedServer("failing_server", row.way)
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
        let plain = try ScriptedServer("changed_server", "none")
        let secure = try Lab.replay([recording()], to: "wss://127.0.0.1:\(plain.port)", options: options)
        #expect(secure.exchanges.first?.failure == "tls", "\(secure.exchanges)")
        #expect(!secure.wasAnswered)
    }

    /// Hundreds of failures in a row leave no file open and no memory behind.
    @Test(
        "hundreds in a row leave nothing behind",
        arguments: ["refuse", "gone", "reset", "garbage-later", "half", "flood-later"])
    func leaks(_ way: String) throws {
        let server = try ScriptedServer("failing_server", way)
        let session = try recording()
        var load = LoadOptions()
        load.repeats = 40
        load.concurrency = 8
        func round() throws {
            let report = try Lab.replay([session], to: "ws://127.0.0.1:\(server.port)", options: options, load: load)
            #expect(report.load?.finished == load.repeats)
            #expect(report.count(.failed) + report.count(.differs) == load.repeats, "\(report.verdicts)")
        }
        try round()
        let files = try Self.openFiles()
        let memory = try Self.memory()
        load.repeats = way == "flood-later" ? 100 : 400
        try round()
        #expect(try Self.openFiles() <= files + 4)
        #expect(try Self.memory() < memory + 64 << 20)
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

// A server that is changed on purpose: each change is found, named exactly, and nothing else is.

import Foundation
import Inspection
import TestSupport
import Testing
import Traffic

@testable import Replay

@Suite("A changed server", .serialized, .timeLimit(.minutes(30)))
struct ChangedServerTests {
    struct Row: CustomTestStringConvertible {
        var way: String
        var verdict = Verdict.differs
        /// Kind, place, recorded, live of each difference.
        var differences: [(Difference.Kind, String, String?, String?)]
        /// Rules that speak of the live server.
        var rules: [String] = []
        var testDescription: String { way }
    }

    static let rows: [Row] = [
        Row(way: "none", verdict: .same, differences: []),
        Row(way: "close", differences: [(.close, "close", "1000", "1011")]),
        Row(
            way: "dropped",
            differences: [
                (.messageMissing, "server message 3", #""{"n": 2, "user": {"name": "alice"}}""#, nil)
            ]),
        Row(way: "field", differences: [(.messageChanged, "server message 3, /user/name", #""alice""#, #""bob""#)]),
        Row(way: "added", differences: [(.messageExtra, "live message 4", nil, #""{"news": true}""#)]),
        Row(
            way: "order",
            differences: [
                (
                    .messageReordered, "server message 2", #"message 2: "{"n": 1, "user": {"name": "alice"}}""#,
                    "came as message 3"
                )
            ]),
        Row(way: "slow", differences: [(.latency, "server message 3", nil, nil)]),
        Row(
            way: "refused",
            differences: [
                (.status, "status", "101 Switching Protocols", "403 Forbidden"),
                (.outcome, "outcome", "switched", "failed"),
            ]),
        Row(
            way: "accept", differences: [(.header, "header sec-websocket-accept", "right for its key", nil)],
            rules: ["WS009"]),
        Row(way: "extension", differences: [(.extension, "extensions", nil, "permessage-deflate")], rules: ["WS011"]),
        Row(way: "header", differences: [(.header, "header server", "lab", "other")]),
        Row(
            way: "leaves",
            differences: [
                (.messageMissing, "server message 4", #""{"n": 3, "user": {"name": "alice"}}""#, nil),
                (.close, "close", "1000", "1001"),
            ]),
        Row(
            way: "mute",
            differences: [
                (.messageMissing, "server message 4", #""{"n": 3, "user": {"name": "alice"}}""#, nil),
                (.close, "close", "1000", "connection ended without close"),
            ]),
    ]

    /// What the unchanged server said.
    private func recording() throws -> RecordedSession {
        try #require(
            Recording.webSocket(
                [.server("welcome")]
                    + (1...3).flatMap { [Line.client("\($0)"), .server(#"{"n": \#($0), "user": {"name": "alice"}}"#)] }
                    + [.clientClose(1000), .serverClose(1000)], response: "Server: lab\r\n"))
    }

    @Test("is told exactly", arguments: rows)
    func changed(_ row: Row) throws {
        let server = try PythonServer("changed_server", row.way)
        var options = ReplayOptions()
        options.timeout = 3_000_000_000
        options.compare.latencyBudget = 500_000_000
        let session = try recording()
        let report = try Lab.replay([session], to: "ws://127.0.0.1:\(server.port)", options: options)
        let exchange = try #require(report.exchanges.first)
        #expect(exchange.verdict == row.verdict)
        // An answer that never came, or came in another place, may also be late.
        let found = exchange.differences.filter { $0.kind != .latency || row.way == "slow" }
        #expect(found.map(\.kind) == row.differences.map(\.0), "\(exchange.differences)")
        for (difference, expected) in zip(found, row.differences) {
            #expect(difference.at == expected.1)
            if expected.2 != nil { #expect(difference.recorded == expected.2) }
            if expected.3 != nil { #expect(difference.live == expected.3) }
            if difference.kind != .messageExtra { #expect(difference.packet != nil, "\(difference.at)") }
            if difference.kind != .messageMissing { #expect(difference.liveTime != nil, "\(difference.at)") }
        }
        for rule in row.rules {
            #expect(exchange.findings.contains { $0.rule == rule }, "\(exchange.findings.map(\.rule))")
        }
    }

    @Test("what is to be ignored is")
    func ignored() throws {
        let session = try recording()
        var options = ReplayOptions()
        options.timeout = 3_000_000_000
        options.compare.pointers = [JSONPointer(["user", "name"])]
        let field = try PythonServer("changed_server", "field")
        #expect(try Lab.replay([session], to: "ws://127.0.0.1:\(field.port)", options: options).verdicts == [.same: 1])
        options.compare.pointers = []
        options.compare.patterns = [try #require(IgnorePattern("alice|bob"))]
        #expect(try Lab.replay([session], to: "ws://127.0.0.1:\(field.port)", options: options).verdicts == [.same: 1])
        options.compare = CompareOptions()
        options.compare.ignoresOrder = true
        let order = try PythonServer("changed_server", "order")
        #expect(try Lab.replay([session], to: "ws://127.0.0.1:\(order.port)", options: options).verdicts == [.same: 1])
    }
}

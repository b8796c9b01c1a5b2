// A recording said to the server it was recorded from shows zero differences.

import Foundation
import TestSupport
import Testing
import Traffic

@testable import Replay

@Suite("A recording and the server it was made of", .tags(.servers), .serialized, .timeLimit(.minutes(30)))
struct IdentityTests {
    struct Row: CustomTestStringConvertible {
        var server: String
        var captures: [String]
        /// What stands before it.
        var proxy: String?
        var extra = ""
        /// Of several hops, the port that the client of this one talked to.
        var port: UInt16?
        var testDescription: String { "\(proxy ?? server): \(captures.joined(separator: ", "))" }
    }

    static let rows: [Row] = [
        Row(
            server: "pyws",
            captures: [
                "A01-chromium-pyws-basic", "A02-chromium-push", "A03-chromium-big", "A04-chromium-subprotocol",
                "A05-chromium-many", "A06-py-mixed", "A07-py-1MB", "A08-node-client", "A09-java-client", "A11-ipv6",
                "A12-many-200",
                "A14-websocket-client-lib", "B01-refused-301", "B01-refused-401", "B01-refused-403",
                "B01-refused-404", "B01-refused-503", "B01-refused-200", "B11-close-1002", "B11-close-1011",
                "B11-close-4001", "L01a-bad-network-loss", "L01b-bad-network-reorder", "L01c-bad-network-duplicate",
                "L01d-bad-network-all",
            ]),
        Row(server: "pyws", captures: ["B11-close-1009"], extra: "--max-size 100"),
        Row(server: "aiohttp", captures: ["A10-aiohttp-keepalive-then-ws", "A15-chromium-page-and-ws-same-port"]),
        Row(server: "node", captures: ["F01c-optimistic-accepted-node"]),
        Row(server: "tornado", captures: ["F01d-optimistic-accepted-tornado"]),
        Row(server: "uvicorn", captures: ["F01f-optimistic-accepted-uvicorn"]),
        Row(server: "lws", captures: ["A13-lws-server", "F01g-optimistic-accepted-lws"]),
        Row(server: "pyws", captures: ["C02-nginx-good"], proxy: "nginx-good", port: 18004),
        Row(server: "pyws", captures: ["C04-haproxy"], proxy: "haproxy", port: 18008),
        Row(server: "pyws", captures: ["C05-nghttpx"], proxy: "nghttpx", port: 18010),
        Row(server: "pyws", captures: ["C06-apache-wstunnel"], proxy: "apache-wstunnel", port: 18012),
    ]

    @Test("is the same", arguments: rows)
    func same(_ row: Row) throws {
        guard SharedMaterial.hasServers(for: "identity, \(row.testDescription)") else { return }
        let server = try LabServer(row.server, extra: row.extra)
        let proxy = try row.proxy.map { try LabServer($0, backend: server) }
        for capture in row.captures {
            var sessions = try Lab.sessions(capture)
            if let port = row.port { sessions.removeAll { $0.exchange?.connection.server.port != port } }
            #expect(!sessions.isEmpty, "\(capture)")
            let report = try Lab.replay(sessions, to: "ws://127.0.0.1:\(proxy?.port ?? server.port)")
            #expect(report.count(.same) == sessions.count, "\(capture)")
            for exchange in report.exchanges where exchange.verdict != .same {
                Issue.record("\(capture) \(exchange.title): \(exchange.reason ?? "") \(exchange.differences)")
            }
        }
    }

    @Test("requests before the upgrade are sent as well")
    func history() throws {
        guard SharedMaterial.hasServers(for: "history") else { return }
        let server = try LabServer("aiohttp")
        var options = ReplayOptions()
        options.withHistory = true
        let sessions = try Lab.sessions("A10-aiohttp-keepalive-then-ws")
        #expect(sessions.contains { $0.history.count > 1 })
        let report = try Lab.replay(sessions, to: "ws://127.0.0.1:\(server.port)", options: options)
        #expect(report.verdicts == [.same: sessions.count])
    }

    @Test("every pace says the same")
    func paces() throws {
        guard SharedMaterial.hasServers(for: "paces") else { return }
        let server = try LabServer("pyws")
        let sessions = try Lab.sessions("A06-py-mixed") + Lab.sessions("A01-chromium-pyws-basic")
        for pace in [ReplayOptions.Pace.causal, .recorded(1), .recorded(10), .fast] {
            for isFragmented in [false, true] {
                var options = ReplayOptions()
                options.pace = pace
                options.keepsFragments = isFragmented
                options.replaysControl = isFragmented
                let report = try Lab.replay(sessions, to: "ws://127.0.0.1:\(server.port)", options: options)
                #expect(report.verdicts == [.same: sessions.count], "\(pace.name)")
            }
        }
    }

    @Test("h2c, other tokens and CONNECT by bytes")
    func bytes() throws {
        guard SharedMaterial.hasServers(for: "protocols by bytes") else { return }
        let aiohttp = try LabServer("aiohttp")
        let nghttpx = try LabServer("nghttpx", backend: aiohttp)
        let lighttpd = try LabServer("lighttpd")
        for (capture, server) in [("D01b-h2c-nghttpx-aiohttp", nghttpx), ("D01k-h2c-lighttpd", lighttpd)] {
            let report = try Lab.replay(try Lab.sessions(capture), to: "http://127.0.0.1:\(server.port)")
            #expect(report.verdicts == [.same: 1], "\(capture): \(report.exchanges)")
            #expect((report.exchanges.first?.live?.bytes.server ?? 0) > 0)
        }
    }
}

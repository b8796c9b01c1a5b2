// `replay` against `serve` over real sockets, for every capture of the laboratory that holds a complete WebSocket session.
//
// Which those are is not asked of the program: the truth beside each capture says which exchanges switched to WebSocket and were
// closed by both sides. Each of them has to be said and be `same`, or stand in the table of those that cannot be, with the reason.

import Foundation
import Ground
import Testing
import Traffic

@testable import Replay

@Suite("Replay and stand-in, over sockets", .serialized, .timeLimit(.minutes(30)))
struct SocketDuelTests {
    /// A WebSocket session that both sides closed, as the truth about a capture has it.
    struct CompleteSession: Hashable {
        var client: String
        var target: String
        /// Why `replay` cannot be asked to say it from this file alone; `nil` when it can.
        var obstacle: String?
    }

    /// Captures with sessions that are not said, and why: named here one by one, so that none is lost in silence.
    static let obstacles: [String: String] = [
        "G05-ws-in-connect-squid": "inside a tunnel, said with it",
        "G05-ws-in-connect-tinyproxy": "inside a tunnel, said with it",
        "H01a-wss-tls13-aesgcm-dsb": "TLS", "H01a-wss-tls13-aesgcm": "TLS",
        "H01b-wss-tls12-ecdhe-aesgcm-dsb": "TLS", "H01b-wss-tls12-ecdhe-aesgcm": "TLS",
        "H01c-wss-tls12-chacha": "TLS", "H01e-wss-tls12-aes256gcm": "TLS", "H02-wss-tls13-chacha": "TLS",
        "H03-wss-resumption": "TLS", "H04-chromium-wss-dsb": "TLS", "H04-chromium-wss": "TLS",
        "I01a-chromium-ws-h2-hypercorns-dsb": "HTTP/2", "I01a-chromium-ws-h2-hypercorns": "HTTP/2",
        "I01b-chromium-ws-h2-haproxy-tls-dsb": "HTTP/2", "I01b-chromium-ws-h2-haproxy-tls": "HTTP/2",
        "I01c-chromium-ws-h2-nghttpx-tls-dsb": "HTTP/2", "I01c-chromium-ws-h2-nghttpx-tls": "HTTP/2",
        "I02-h2c-prior-knowledge-ws": "HTTP/2", "J01-ws-over-h3-dsb": "HTTP/3", "J01-ws-over-h3": "HTTP/3",
    ]

    /// What the truth says of one capture.
    static func truth(of capture: URL) throws -> [CompleteSession] {
        let name = Self.name(of: capture)
        let file = capture.deletingLastPathComponent().appending(path: "\(name).expected.json")
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        let exchanges = try #require(json?["exchanges"] as? [[String: Any]], "\(name)")
        return exchanges.compactMap { exchange in
            guard exchange["protocol"] as? String == "websocket", exchange["outcome"] as? String == "switched",
                let codes = exchange["close_code"] as? [String: Any], codes["client"] is Int, codes["server"] is Int
            else { return nil }
            let version = exchange["http_version"] as? String ?? ""
            let isTrue = { (key: String) in exchange[key] != nil && exchange[key] as? Bool != false }
            let obstacle =
                version != "1.1"
                ? "HTTP/\(version)"
                : isTrue("tls") ? "TLS" : isTrue("inside_connect") ? "inside a tunnel, said with it" : nil
            return CompleteSession(
                client: exchange["client"] as? String ?? "", target: exchange["target"] as? String ?? "",
                obstacle: obstacle)
        }
    }

    static func name(of capture: URL) -> String {
        String(capture.lastPathComponent.prefix { $0 != "." })
    }

    @Test("every complete session of the laboratory is the same")
    func everyCompleteSession() throws {
        guard !Lab.captures.isEmpty else { return }
        var count = 0
        var captures = 0
        var found: [String: String] = [:]
        for capture in Lab.captures {
            let name = Self.name(of: capture)
            let truth = try Self.truth(of: capture)
            for session in truth { if let obstacle = session.obstacle { found[name] = obstacle } }
            let wanted = truth.filter { $0.obstacle == nil }
            guard !wanted.isEmpty else { continue }
            let sessions = try Lab.sessions(of: capture.path)
            let chosen = wanted.compactMap { wanted in
                sessions.first {
                    $0.exchange?.connection.client.description == wanted.client
                        && $0.request.target.text == wanted.target && $0.upgraded == .websocket
                }
            }
            #expect(chosen.count == wanted.count, "\(name): not every session is found")
            let standIn = try LiveStandIn(chosen)
            let report = try Lab.replay(chosen, to: "ws://127.0.0.1:\(standIn.port)")
            let (served, refused, _) = standIn.stop()
            #expect(report.verdicts == [.same: wanted.count], "\(name)")
            for exchange in report.exchanges where exchange.verdict != .same {
                Issue.record("\(name) #\(exchange.id): \(exchange.reason ?? "") \(exchange.differences)")
            }
            // The client under test is our own: it says and hears all that was recorded.
            #expect(refused.isEmpty && served.count == wanted.count, "\(name): \(refused)")
            for exchange in served {
                #expect(
                    exchange.said == exchange.scripted && exchange.heard == exchange.expected
                        && exchange.remarks.isEmpty, "\(name): \(exchange)")
            }
            count += wanted.count
            captures += 1
        }
        #expect(found == Self.obstacles)
        print("\(count) complete sessions of \(captures) captures were said over sockets;", "not said:")
        for (name, obstacle) in found.sorted(by: { $0.key < $1.key }) { print("  \(name): \(obstacle)") }
        #expect(captures > 60 && count > 280)
    }
}

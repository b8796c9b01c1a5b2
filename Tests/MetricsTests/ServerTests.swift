// The server as its peers see it, those with no manners too.

import Foundation
import TestSupport
import Testing

@testable import Metrics

@Suite(.timeLimit(.minutes(30))) struct ServerTests {
    private func server(_ change: (inout MetricsServer.Limits) -> Void = { _ in }) throws -> (MetricsServer, Int) {
        var limits = MetricsServer.Limits()
        change(&limits)
        let address = try #require(MetricsAddress("127.0.0.1:0"))
        let server = try MetricsServer(address, limits: limits)
        server.publish([MetricFamily("upgradescope_packets_total", .counter, "Packets.", value: 42)])
        let port = try #require(server.address.split(separator: ":").last.flatMap { Int($0) })
        return (server, port)
    }

    static let rows: [(request: String, answer: String)] = [
        ("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 OK"),
        ("GET /metrics?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 OK"),
        ("GET /metrics HTTP/1.0\r\n\r\n", "200 OK"),
        ("HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 OK"),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 OK"),
        ("GET /../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404 Not Found"),
        ("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd", "413 "),
        (
            "PUT /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            "405 Method Not Allowed"
        ),
        ("no HTTP at all\r\n\r\n", "400 Bad Request"),
        ("\u{16}\u{3}\u{1}\r\n\r\n", "400 Bad Request"),
    ]

    @Test(arguments: rows.named { "\($0.request.prefix { $0 != "\r\n" }): \($0.answer)" })
    func answers(_ row: Named<(request: String, answer: String)>) throws {
        let (server, port) = try server()
        defer { server.stop() }
        let peer = try #require(Peer(port: port))
        peer.say(row.request)
        let heard = try #require(peer.hear())
        #expect(heard.split(separator: "\r\n").first?.contains(row.answer) == true, "\(heard.prefix(100))")
        let isPage = row.request.hasPrefix("GET /metrics")
        #expect(heard.contains("upgradescope_packets_total 42\n") == isPage)
        #expect(heard.contains("process_resident_memory_bytes ") == isPage)
    }

    @Test func oneConnectionManyRequests() throws {
        let (server, port) = try server()
        defer { server.stop() }
        let peer = try #require(Peer(port: port))
        for packets in 1...5 {
            server.publish([MetricFamily("upgradescope_packets_total", .counter, "Packets.", value: Double(packets))])
            peer.say("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            let heard = peer.hear { $0.contains("process_start_time_seconds 1") }
            #expect(heard?.contains("upgradescope_packets_total \(packets)\n") == true)
        }
    }

    @Test func aPeerThatHasSaidAllIsAnswered() throws {
        let (server, port) = try server()
        defer { server.stop() }
        let peer = try #require(Peer(port: port))
        peer.say("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        peer.finish()
        #expect(peer.hear()?.contains("packets_total 42") == true)
    }

    @Test func slowPeersAreClosed() throws {
        let (server, port) = try server { $0.idleSeconds = 1 }
        defer { server.stop() }
        for start in ["", "GET /metrics HT"] {
            let peer = try #require(Peer(port: port))
            peer.say(start)
            let heard = try #require(peer.hear(seconds: 10))
            #expect(!heard.contains("200 OK"))
        }
    }

    /// A byte now and then keeps a connection from being idle, and does not keep it for ever.
    @Test func drippingPeersAreClosed() throws {
        let (server, port) = try server { $0.lifetimeSeconds = 2 }
        defer { server.stop() }
        let peer = try #require(Peer(port: port))
        let dripping = Thread { while peer.say("G") { Thread.sleep(forTimeInterval: 0.1) } }
        dripping.start()
        #expect(peer.hear(seconds: 15) != nil)
    }

    @Test func longHeadsAreClosed() throws {
        let (server, port) = try server()
        defer { server.stop() }
        let peer = try #require(Peer(port: port))
        peer.say("GET /metrics HTTP/1.1\r\n")
        var line = 0
        while line < 10_000, peer.say("X-\(line): \(String(repeating: "v", count: 500))\r\n") { line += 1 }
        #expect(line < 10_000)
        #expect(peer.hear()?.contains("200 OK") != true)
    }

    @Test func onlySoManyAtOnce() throws {
        let (server, port) = try server { $0.connections = 4 }
        defer { server.stop() }
        let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        var peers: [Peer] = []
        for _ in 0..<4 {
            let peer = try #require(Peer(port: port))
            peer.say(request)
            #expect(peer.hear { $0.contains("process_start_time_seconds 1") } != nil)
            peers.append(peer)
        }
        let refused = try #require(Peer(port: port))
        #expect(refused.hear() == "")
        peers.removeLast()
        // Its place is free as soon as the server has seen it go.
        var served = false
        for _ in 0..<100 where !served {
            guard let peer = Peer(port: port) else { continue }
            peer.say(request)
            served = peer.hear { $0.contains("process_start_time_seconds 1") }?.contains("200 OK") == true
        }
        #expect(served)
    }

    @Test func aPortThatIsTakenIsSaid() throws {
        let (server, port) = try server()
        defer { server.stop() }
        let address = try #require(MetricsAddress("127.0.0.1:\(port)"))
        #expect {
            try MetricsServer(address)
        } throws: { error in
            "\(error)" == "the address is in use"
        }
    }

    @Test func listensOnLoopbackUnlessToldOtherwise() throws {
        let address = try #require(MetricsAddress("0"))
        let server = try MetricsServer(address)
        defer { server.stop() }
        #expect(server.address.hasPrefix("127.0.0.1:"))
    }
}

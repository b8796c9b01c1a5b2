// What several exchanges show together: rows of conversations in, findings and retries out, in any order.

import TestSupport
import Testing
import Traffic

@_spi(Judging) @testable import Inspection

/// A rule, conversations that break it, and some that come close and do not.
struct CorrelationRow: CustomTestStringConvertible {
    var name: String
    var talks: [Session]
    /// What is found: rule, level and certainty.
    var found: [String] = []
    /// Which exchange answers the demand of which, by their places in the capture.
    var retries: [Int: Int] = [:]
    var testDescription: String { name }
}

private let other = Head.ws.with("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA==")
private let otherAnswer = Head.wsAnswer.with("Sec-WebSocket-Accept", "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=")
private let get = Head.get
private let demandTLS = Head.answer("426 Upgrade Required", [("Upgrade", "TLS/1.2"), ("Connection", "Upgrade")])
private let demandVersion = Head.answer(
    "426 Upgrade Required",
    [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")])
private let challenge = Head.answer("401 Unauthorized", [("WWW-Authenticate", "Basic realm=x")])
private let proxyChallenge = Head.answer("407 Proxy Authentication Required", [("Proxy-Authenticate", "Basic realm=x")])

/// A demand of TLS, and what came later.
private func demanded(then talks: Session..., asked: Head = get) -> [Session] {
    [Session(start: 0, port: 50000, steps: [.client(asked), .server(demandTLS)])] + talks
}
private func handshakes(at times: [Double], _ steps: [Step]) -> [Session] {
    times.enumerated().map { Session(start: $1, port: 50000 + UInt16($0), steps: steps) }
}
/// A fresh key for each, and a connection that breaks.
private func broken(at times: [Double], goodbye: Bool = false) -> [Session] {
    times.enumerated().map { index, start in
        let key = "AQIDBAUGBwgJCgsMDQ4P" + ["EA", "EQ", "Eg", "Ew", "FA", "FQ"][index] + "=="
        let closes: [Step] = goodbye ? [.client(hex: "88 82 37 fa 21 3d 34 12"), .server(hex: "88 02 03 e8")] : []
        return Session(
            start: start, port: 50000 + UInt16(index),
            steps: [.client(Head.ws.with("Sec-WebSocket-Key", key)), .server(.wsAnswer)] + closes + [.clientRST])
    }
}

let correlationRows: [CorrelationRow] = [
    CorrelationRow(
        name: "WS003: two connections with the same key",
        talks: handshakes(at: [0, 5], [.client(other), .server(otherAnswer)]), found: ["WS003 error proven"]),
    CorrelationRow(
        name: "WS003: the key of the RFC is a test tool's",
        talks: handshakes(at: [0, 5, 9], [.client(.ws), .server(.wsAnswer)]), found: ["WS003 note proven"]),
    CorrelationRow(
        name: "WS003: the same addresses, ports and key much later: one connection captured twice, perhaps",
        talks: [0, 40].map {
            Session(start: $0, port: 50000, steps: [.client(other), .server(otherAnswer), .clientRST])
        },
        found: ["WS003 error inferred"]),
    CorrelationRow(
        name: "WS003: two keys",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(.ws), .server(.wsAnswer)]),
            Session(start: 5, port: 50001, steps: [.client(other), .server(otherAnswer)]),
        ]),
    CorrelationRow(
        name: "WS003: two hops that nothing links",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(other), .wait(seconds: 0.5), .server(otherAnswer)]),
            Session(start: 0.1, client: 0, port: 41000, server: 9, steps: [.client(other), .server(otherAnswer)]),
        ], found: ["WS003 error inferred"]),
    CorrelationRow(
        name: "WS003: in front of a proxy and behind it, linked by the address",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(other), .wait(seconds: 0.5), .server(otherAnswer)]),
            Session(
                start: 0.1, client: Session.proxy, port: 41000, server: 9,
                steps: [.client(other), .server(otherAnswer)]),
        ]),
    CorrelationRow(
        name: "WS003: in front of a proxy and behind it, linked by a forwarding field",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(other), .wait(seconds: 0.5), .server(otherAnswer)]),
            Session(
                start: 0.1, client: 0, port: 41000, server: 9,
                steps: [.client(other.adding("X-Forwarded-For", "198.51.100.7")), .server(otherAnswer)]),
        ]),
    CorrelationRow(
        name: "WS003: in front of a proxy and behind it, the answer in front not captured",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(other), .lostServer(otherAnswer.bytes)]),
            Session(
                start: 0.1, client: Session.proxy, port: 41000, server: 9,
                steps: [.client(other), .server(otherAnswer)]),
        ]),
    CorrelationRow(
        name: "WS003: in front of a proxy and behind it, captured out of order",
        talks: [
            Session(start: 0.0004, port: 50000, steps: [.client(other), .wait(seconds: 0.5), .server(otherAnswer)]),
            Session(
                start: 0, client: Session.proxy, port: 41000, server: 9, steps: [.client(other), .server(otherAnswer)]),
        ]),
    CorrelationRow(
        name: "WS003: one connection in front of an address translator and behind it, the server's address changed",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(other), .wait(seconds: 0.5), .server(otherAnswer)]),
            Session(start: 0.1, port: 50000, server: 9, steps: [.client(other), .server(otherAnswer)]),
        ]),
    CorrelationRow(
        name: "WS003: one connection in front of an address translator and behind it, the client's address changed",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(other), .wait(seconds: 0.5), .server(otherAnswer)]),
            Session(start: 0.1, client: 1, port: 50000, steps: [.client(other), .server(otherAnswer)]),
        ]),
    CorrelationRow(
        name: "WS003: the same server, one within the other, nothing links them",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(other), .wait(seconds: 0.5), .server(otherAnswer)]),
            Session(start: 0.1, client: 1, port: 50001, steps: [.client(other), .server(otherAnswer)]),
        ], found: ["WS003 error inferred"]),
    CorrelationRow(
        name: "WS003: linked, but one after the other",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(other), .server(otherAnswer)]),
            Session(
                start: 1, client: 0, port: 41000, server: 9,
                steps: [.client(other.adding("X-Forwarded-For", "198.51.100.7")), .server(otherAnswer)]),
        ], found: ["WS003 error proven"]),
    CorrelationRow(
        name: "WS016: six in three seconds", talks: broken(at: [0, 0.6, 1.2, 1.8, 2.4, 3]),
        found: ["WS016 warning proven"]),
    CorrelationRow(name: "WS016: growing delays", talks: broken(at: [0, 1, 3, 7, 15, 31])),
    CorrelationRow(name: "WS016: five only", talks: broken(at: [0, 0.6, 1.2, 1.8, 2.4])),
    CorrelationRow(name: "WS016: each with a goodbye", talks: broken(at: [0, 0.6, 1.2, 1.8, 2.4, 3], goodbye: true)),
    CorrelationRow(
        name: "WS016: six whose answers were not captured",
        talks: broken(at: [0, 0.6, 1.2, 1.8, 2.4, 3]).map { talk in
            var talk = talk
            talk.steps = [talk.steps[0], .lostServer(Head.wsAnswer.bytes), .client(hex: hello), .clientRST]
            return talk
        }),
    CorrelationRow(
        name: "WS016: six whose goodbyes were not captured",
        talks: broken(at: [0, 0.6, 1.2, 1.8, 2.4, 3]).map { talk in
            var talk = talk
            talk.steps.insert(contentsOf: [.lostClient(bytes("88 82 37 fa 21 3d 34 12")), .serverFIN], at: 2)
            return talk
        }),
    CorrelationRow(
        name: "WS016: six users",
        talks: broken(at: [0, 0.6, 1.2, 1.8, 2.4, 3]).enumerated().map { index, talk in
            var talk = talk
            talk.client = UInt32(20 + index)
            return talk
        }),
    CorrelationRow(
        name: "TLS004: the same again in clear text",
        talks: handshakes(at: [0, 5], [.client(get), .server(demandTLS)]), found: ["TLS004 warning proven"]),
    CorrelationRow(
        name: "TLS004: TLS is offered, as demanded",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(get), .server(demandTLS)]),
            Session(start: 5, port: 50001, steps: [.client(.tls()), .server(.tlsAnswer)]),
        ], retries: [1: 0]),
    CorrelationRow(
        name: "TLS004: more than a minute later", talks: handshakes(at: [0, 65], [.client(get), .server(demandTLS)])),
    CorrelationRow(
        name: "TLS004: another user behind the same address",
        talks: [
            Session(
                start: 0, port: 50000,
                steps: [.client(get.adding("User-Agent", "a")), .server(demandTLS)]),
            Session(
                start: 5, port: 50001,
                steps: [.client(get.adding("User-Agent", "b")), .server(demandTLS)]),
        ]),
    CorrelationRow(
        name: "TLS004: a 426 that demands no TLS",
        talks: handshakes(at: [0, 5], [.client(get), .server(demandVersion)])),
    CorrelationRow(
        name: "TLS004: the same again on another connection, and answered",
        talks: demanded(then: Session(start: 5, port: 50001, steps: [.client(get), .server(ok)])),
        found: ["TLS004 warning proven"]),
    CorrelationRow(
        name: "TLS004: the same again on another connection, after TLS was offered in vain",
        talks: demanded(
            then: Session(start: 5, port: 50001, steps: [.client(get), .server(ok)]),
            asked: get.adding("Upgrade", "TLS/1.2").adding("Connection", "Upgrade")),
        found: ["TLS004 warning proven"]),
    CorrelationRow(
        name: "TLS004: the same again on the same connection, and answered",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(get), .server(demandTLS), .client(get), .server(ok)])
        ], found: ["TLS004 warning proven"]),
    CorrelationRow(
        name: "TLS004: again on both, once answered and once refused",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(get), .server(demandTLS), .client(get), .server(ok)]),
            Session(start: 5, port: 50001, steps: [.client(get), .server(demandTLS)]),
        ], found: ["TLS004 warning proven"]),
    CorrelationRow(
        name: "TLS004: again behind a demand in two segments",
        talks: [
            Session(
                start: 0, port: 50000,
                steps: [
                    .client(get), .server(Array(demandTLS.bytes.prefix(32))),
                    .server(Array(demandTLS.bytes.dropFirst(32))),
                ]),
            Session(start: 5, port: 50001, steps: [.client(get), .server(ok)]),
        ], found: ["TLS004 warning proven"]),
    CorrelationRow(
        name: "TLS004: another target",
        talks: demanded(
            then: Session(
                start: 5, port: 50001, steps: [.client(get.line("GET /public HTTP/1.1")), .server(ok)]))),
    CorrelationRow(
        name: "TLS004: another target, on the same connection",
        talks: [
            Session(
                start: 0, port: 50000,
                steps: [
                    .client(get), .server(demandTLS), .client(get.line("GET /public HTTP/1.1")), .server(ok),
                ])
        ]),
    CorrelationRow(
        name: "TLS004: another host",
        talks: demanded(
            then: Session(start: 5, port: 50001, steps: [.client(get.with("Host", "other.example")), .server(ok)]))),
    CorrelationRow(
        name: "TLS004: another client",
        talks: demanded(then: Session(start: 5, client: 9, port: 50001, steps: [.client(get), .server(ok)]))),
    CorrelationRow(
        name: "TLS004: another user behind the same address, answered",
        talks: demanded(
            then: Session(start: 5, port: 50001, steps: [.client(get.adding("User-Agent", "b")), .server(ok)]))),
    CorrelationRow(
        name: "TLS004: more than a minute later, and answered",
        talks: demanded(then: Session(start: 65, port: 50001, steps: [.client(get), .server(ok)]))),
    CorrelationRow(
        name: "TLS004: the same, sent before the demand",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(get), .wait(seconds: 3), .server(demandTLS)]),
            Session(start: 1, port: 50001, steps: [.client(get), .server(ok)]),
        ]),
    CorrelationRow(
        name: "TLS004: the same in clear text, after TLS was offered as demanded",
        talks: demanded(
            then: Session(start: 5, port: 50001, steps: [.client(.tls()), .server(.tlsAnswer)]),
            Session(start: 9, port: 50002, steps: [.client(get), .server(ok)])), retries: [1: 0]),
    CorrelationRow(
        name: "TLS004: again behind a 426 that demands no TLS",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(get), .server(demandVersion), .client(get), .server(ok)]),
            Session(start: 5, port: 50001, steps: [.client(get), .server(ok)]),
        ]),
    CorrelationRow(
        name: "a retry with another version",
        talks: [
            Session(
                start: 0, port: 50000,
                steps: [.client(other.with("Sec-WebSocket-Version", "99")), .server(demandVersion)]),
            Session(start: 5, port: 50001, steps: [.client(.ws), .server(.wsAnswer)]),
        ], retries: [1: 0]),
    CorrelationRow(
        name: "a retry with credentials",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(other), .server(challenge)]),
            Session(
                start: 5, port: 50001,
                steps: [.client(Head.ws.adding("Authorization", "Basic eDp5")), .server(.wsAnswer)]),
        ], retries: [1: 0]),
    CorrelationRow(
        name: "a retry without credentials is none",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(other), .server(challenge)]),
            Session(start: 5, port: 50001, steps: [.client(.ws), .server(.wsAnswer)]),
        ]),
    CorrelationRow(
        name: "a retry of CONNECT with credentials, on the same connection",
        talks: [
            Session(
                start: 0, port: 50000,
                steps: [
                    .client(.connect), .server(proxyChallenge),
                    .client(Head.connect.adding("Proxy-Authorization", "Basic eDp5")),
                    .server(Head("HTTP/1.1 200 OK")),
                ])
        ], retries: [1: 0]),
    CorrelationRow(
        name: "credentials for another place are no retry",
        talks: [
            Session(start: 0, port: 50000, steps: [.client(other), .server(challenge)]),
            Session(
                start: 5, port: 50001,
                steps: [
                    .client(Head.ws.line("GET /other HTTP/1.1").adding("Authorization", "Basic eDp5")),
                    .server(.wsAnswer),
                ]),
        ]),
]

@Suite struct CorrelationTests {
    private func correlation(
        _ exchanges: [Exchange], plain: [(request: MessageHead, connection: ConnectionFacts)] = [],
        limit: Int = 65_536, plainLimit: Int = 4096, _ thresholds: Thresholds = Thresholds()
    ) -> Correlation {
        var table = CorrelationTable(limit: limit, plainLimit: plainLimit)
        for request in plain { table.add(plain: request.request, on: request.connection) }
        for exchange in exchanges { table.add(exchange) }
        return table.finish(thresholds)
    }

    private func described(_ correlation: Correlation) -> [String] {
        correlation.suspicions.map { suspicion in
            let finding = Inspector().inspect(suspicion)
            return "\(suspicion.key) \(suspicion.earlier) \(suspicion.message) \(finding?.level.name ?? "")"
        } + correlation.retries.map { "\($0.key) \($0.value)" }.sorted()
    }

    @Test(arguments: correlationRows)
    func row(_ row: CorrelationRow) throws {
        let heard = Wire.run(row.talks)
        let exchanges = heard.exchanges.sorted { $0.key < $1.key }
        let correlation = correlation(exchanges, plain: heard.plain)
        let found = correlation.suspicions.compactMap { Inspector().inspect($0) }
        #expect(found.map { "\($0.rule) \($0.level.name) \($0.certainty.name)" } == row.found)
        var retries: [Int: Int] = [:]
        for (later, demand) in correlation.retries {
            let place = try #require(exchanges.firstIndex { $0.key == later })
            retries[place] = exchanges.firstIndex { $0.key == demand }
        }
        #expect(retries == row.retries)
    }

    /// Every threshold of comparing, a value for it, and a row whose outcome that value turns.
    static let thresholds: [(name: String, value: Int, talks: [Session], usual: [String], changed: [String])] = [
        (
            "hop-seconds", 1,
            [
                Session(start: 0, port: 50000, steps: [.client(other), .wait(seconds: 3), .server(otherAnswer)]),
                Session(
                    start: 1.5, client: Session.proxy, port: 41000, server: 9,
                    steps: [.client(other), .server(otherAnswer)]),
            ], [], ["WS003"]
        ),
        ("reconnects", 6, broken(at: [0, 0.6, 1.2, 1.8, 2.4, 3]), ["WS016"], []),
        ("reconnect-seconds", 1, broken(at: [0, 0.6, 1.2, 1.8, 2.4, 3]), ["WS016"], []),
        ("demand-seconds", 70, handshakes(at: [0, 65], [.client(get), .server(demandTLS)]), [], ["TLS004"]),
    ]

    @Test func thresholdsAreSetByName() {
        for row in Self.thresholds {
            let exchanges = Wire.run(row.talks).exchanges
            #expect(correlation(exchanges).suspicions.map(\.rule) == row.usual, "\(row.name)")
            var thresholds = Thresholds()
            let isKnown = thresholds.set(row.name, to: row.value)
            let suspicions = correlation(exchanges, thresholds).suspicions
            #expect(isKnown && suspicions.map(\.rule) == row.changed, "\(row.name) changed")
        }
    }

    /// Findings name both sides, and the later exchange shows its own bytes and the earlier one's.
    @Test(arguments: correlationRows.filter { !$0.found.isEmpty })
    func evidence(_ row: CorrelationRow) throws {
        let heard = Wire.run(row.talks)
        let exchanges = heard.exchanges.sorted { $0.key < $1.key }
        let inspector = Inspector()
        for suspicion in correlation(exchanges, plain: heard.plain).suspicions {
            let finding = try #require(inspector.inspect(suspicion))
            // Two requests are shown, the later one here if it is no exchange.
            #expect(finding.evidence.isEmpty == (suspicion.plain == nil))
            #expect(suspicion.plain != nil || !suspicion.earlier.isEmpty)
            #expect(finding.message.hasSuffix("."))
            #expect(suspicion.earlier.allSatisfy { $0 < suspicion.key })
            for key in [suspicion.key] + suspicion.earlier {
                let exchange = try #require(exchanges.first { $0.key == key })
                let evidence = inspector.evidence(of: finding, in: exchange)
                #expect(!evidence.isEmpty && evidence.allSatisfy { !$0.excerpt.isEmpty })
                #expect(evidence.allSatisfy { $0.label.hasSuffix(", earlier") == (key != suspicion.key) })
            }
        }
    }

    @Test(arguments: correlationRows)
    func orderDoesNotMatter(_ row: CorrelationRow) {
        let heard = Wire.run(row.talks)
        let (exchanges, plain) = (heard.exchanges, heard.plain)
        let expected = described(correlation(exchanges, plain: plain))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<8 {
            let shuffled = (exchanges.shuffled(using: &random), plain.shuffled(using: &random))
            #expect(described(correlation(shuffled.0, plain: shuffled.1)) == expected)
        }
        #expect(described(correlation(exchanges.reversed(), plain: plain.reversed())) == expected)
    }

    /// What clocks of two captures say of what came first proves nothing.
    @Test func timesOfTwoCapturesAreNotCompared() {
        let talks = [
            Session(start: 0, port: 50000, steps: [.client(other), .server(otherAnswer)]),
            Session(start: 0.5, client: 9, port: 41000, server: 9, steps: [.client(other), .server(otherAnswer)]),
        ]
        var exchanges = Wire.run(talks).exchanges
        #expect(correlation(exchanges).suspicions.map(\.certainty) == [.proven])
        exchanges[1].request?.place.first.capture = 1
        #expect(correlation(exchanges).suspicions.map(\.certainty) == [.inferred])
    }

    /// What a full table leaves out does not depend on the order either, and is counted.
    @Test func theTableIsBounded() {
        let talks = (0..<60).map { index in
            Session(start: Double(index), port: 50000 + UInt16(index), steps: [.client(other), .server(otherAnswer)])
        }
        let exchanges = Wire.run(talks).exchanges
        let expected = correlation(exchanges, limit: 10)
        #expect(expected.leftOut == 50)
        #expect(expected.suspicions.first?.count == 9)
        for _ in 0..<8 {
            let shuffled = correlation(exchanges.shuffled(), limit: 10)
            #expect(described(shuffled) == described(expected) && shuffled.leftOut == 50)
        }
    }

    /// Nor does what is left out of the requests that are no exchanges; what no demand came before is not reported at all.
    @Test func plainRequestsAreBounded() {
        let later = (1...30).map {
            Session(start: Double($0), port: 50000 + UInt16($0), steps: [.client(get), .server(ok)])
        }
        #expect(Wire.run(later).plain.isEmpty)
        let heard = Wire.run([Session(start: 0, port: 50000, steps: [.client(get), .server(demandTLS)])] + later)
        #expect(heard.plain.count == 30)
        for _ in 0..<8 {
            let found = correlation(heard.exchanges, plain: heard.plain.shuffled(), plainLimit: 10)
            #expect(found.leftOut == 20)
            #expect(found.suspicions.map(\.count) == [10])
        }
    }

    /// Each shard knows of a demand that travelled on another's flow.
    @Test func shardsKnowOfDemands() {
        let talks = demanded(then: Session(start: 5, port: 50001, steps: [.client(get), .server(ok)]))
        for count in 1...8 {
            let plain = (0..<count).map { index in
                var options = AnalyzerOptions()
                options.shard = Shard(index: index, count: count)
                return Wire.run(talks, options).plain.count
            }
            #expect(plain.reduce(0, +) == 1, "of \(count)")
        }
    }

    @Test func aRuleThatIsOffSaysNothing() throws {
        let row = try #require(correlationRows.first)
        let suspicion = try #require(correlation(Wire.run(row.talks).exchanges).suspicions.first)
        var selection = RuleSelection()
        selection.disabled = ["WS003"]
        #expect(Inspector(selection: selection).inspect(suspicion) == nil)
        selection = RuleSelection()
        selection.levels = ["ws-key-reused": .warning]
        #expect(Inspector(selection: selection).inspect(suspicion)?.level == .warning)
    }

    @Test func everyCorrelatedRuleIsSeenToSpeakAndToBeSilent() {
        for rule in Catalogue.all where rule.correlates != nil {
            #expect(correlationRows.contains { $0.found.contains { $0.hasPrefix(rule.id) } })
            #expect(correlationRows.contains { $0.name.hasPrefix(rule.id) && $0.found.isEmpty })
        }
    }
}

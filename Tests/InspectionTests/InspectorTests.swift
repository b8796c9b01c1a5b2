// The inspector itself: selection, levels, links between findings, validity, fingerprints.

import TestSupport
import Testing
import Traffic

@_spi(Judging) @testable import Inspection

@Suite struct InspectorTests {
    let badKey: [Step] = [.client(.ws.without("Sec-WebSocket-Key")), .server(.wsAnswer)]

    private func inspector(_ change: (inout RuleSelection) -> Void) -> Inspector {
        var selection = RuleSelection()
        change(&selection)
        return Inspector(selection: selection)
    }

    @Test func aDisabledRuleIsSilentAndStillCauses() {
        let findings = Wire.run(badKey).findings(inspector { $0.disabled = ["WS001"] })
        #expect(findings.map(\.rule) == ["WS014"])
        #expect(findings.first?.message.contains("WS001") == true)
    }

    @Test func onlyNamedRulesSpeak() {
        let findings = Wire.run(badKey).findings(inspector { $0.only = ["ws-key-missing"] })
        #expect(findings.map(\.rule) == ["WS001"])
    }

    @Test func levelsAreSetByHand() {
        let findings = Wire.run(badKey).findings(inspector { $0.levels = ["WS001": .note, "WS014": .warning] })
        #expect(findings.map(\.level) == [.note, .warning])
    }

    @Test func theSelectionCanChange() {
        var subject = Inspector()
        subject.selection.disabled = ["WS001", "WS014"]
        #expect(Wire.run(badKey).findings(subject).isEmpty)
    }

    @Test func aConsequenceNamesItsCauseOnlyWhenThatSpeaks() {
        let steps: [Step] = [.client(Head.ws + Head.get.bytes), .server(.answer("403 Forbidden"))]
        let all = Wire.run(steps).findings()
        #expect(all.first { $0.rule == "EARLY004" }?.consequenceOf == "EARLY001")
        let some = Wire.run(steps).findings(inspector { $0.disabled = ["EARLY001"] })
        #expect(some.map(\.rule) == ["EARLY004"])
        #expect(some.first?.consequenceOf == nil)
    }

    @Test func aForged101ReplacesWhatItExplains() {
        let steps: [Step] = [
            .client(.ws.line("POST /health HTTP/1.1")), .server(Head("HTTP/1.1 101 Switching Protocols")),
            .client("GET /internal HTTP/1.1\r\nHost: a\r\n\r\n"),
        ]
        let all = Set(Wire.run(steps).findings().map(\.rule))
        #expect(all.contains("SMG006") && !all.contains("WSF020"))
        let some = Set(Wire.run(steps).findings(inspector { $0.disabled = ["SMG006"] }).map(\.rule))
        #expect(some.contains("WSF020"))
    }

    typealias ValidityRow = (name: String, steps: [Step], valid: Bool?)

    static let validity: [ValidityRow] = [
        ("good", [.client(.ws), .server(.wsAnswer)], true),
        ("refused", [.client(.ws), .server(.answer("403 Forbidden"))], nil),
        ("no protocol", [.client(.ws), .server(.wsAnswer.without("Upgrade"))], false),
        ("not offered", [.client(.h2c), .server(.wsAnswer)], false),
        ("unsolicited", [.client(.get), .server(.wsAnswer)], false),
        ("no option", [.client(.ws), .server(.wsAnswer.without("Connection"))], false),
        ("no option, other protocol", [.client(.h2c), .server(.h2cAnswer.without("Connection"))], true),
        (
            "a list where one was asked for",
            [
                .client(.ws.with("Upgrade", "websocket, foo")), .server(.wsAnswer.with("Upgrade", "websocket, foo")),
            ], false
        ),
        ("accept", [.client(.ws), .server(.wsAnswer.without("Sec-WebSocket-Accept"))], false),
        ("extension", [.client(.ws), .server(.wsAnswer.with("Sec-WebSocket-Extensions", "x"))], false),
        ("subprotocol", [.client(.ws), .server(.wsAnswer.with("Sec-WebSocket-Protocol", "x"))], false),
        ("client's fault", [.client(.ws.without("Sec-WebSocket-Version")), .server(.wsAnswer)], true),
        ("layers", [.client(.tls()), .server(.tlsAnswer)], true),
        ("two lines for masque", [.client(.udp), .server(.udpAnswer.adding("Upgrade", "connect-udp"))], false),
        ("tunnel", [.client(.connect), .server(Head("HTTP/1.1 200 OK"))], true),
    ]

    @Test(arguments: validity.named(\.name))
    func validityComesFromFacts(_ row: Named<ValidityRow>) throws {
        let exchange = try #require(Wire.run(row.steps).exchanges.first)
        #expect(Validity(exchange).isValid == row.valid, "\(row.name)")
    }

    /// A key is Base64 of 16 bytes, whatever its unused bits are: the RFC's own sample (4.1) has some that are not zero.
    @Test(arguments: [
        ("dGhlIHNhbXBsZSBub25jZQ==", true), ("AQIDBAUGBwgJCgsMDQ4PEC==", true), ("AQIDBAUGBwgJCgsMDQ4PEA==", true),
        ("AQIDBAUGBwgJCgsMDQ4PEA=", false), ("aGVsbG8=", false), ("AQIDBAUGBwgJCgsMDQ4PEBE=", false),
    ])
    func theReportJudgesAKeyAsTheRulesDo(_ key: String, isValid: Bool) throws {
        let run = Wire.run([.client(.ws.with("Sec-WebSocket-Key", key)), .server(.wsAnswer)])
        let exchange = try #require(run.exchanges.first)
        #expect(Validity(exchange).isKeyValid == isValid)
        #expect(run.findings().contains { $0.rule == "WS002" } == !isValid)
    }

    @Test func fingerprintsForgetPortsTimesPacketsAndQueries() throws {
        func print(_ head: Head, wait: Double = 0) throws -> String {
            let run = Wire.run([.wait(seconds: wait), .client(head), .server(.answer("400 Bad Request"))])
            return try #require(run.findings().first { $0.rule == "WS001" }).fingerprint
        }
        let bare = Head.ws.without("Sec-WebSocket-Key").without("Origin")
        let usual = try print(bare)
        #expect(try print(bare, wait: 20) == usual)
        #expect(try print(bare.line("GET /chat?x=1 HTTP/1.1")) == usual)
        #expect(try print(bare.with("Host", "SERVER.example.com:8080")) == usual)
        #expect(try print(bare.line("GET http://server.example.com/chat HTTP/1.1")) == usual)
        #expect(try print(bare.line("GET /other HTTP/1.1")) != usual)
        #expect(try print(bare.with("Host", "other.example.com")) != usual)
        // Promised to stay the same from one version to the next.
        #expect(
            Fingerprint.of(
                rule: "UPG001", host: Array("example.org".utf8)[...], path: Array("/ws".utf8)[...], fault: .client)
                == "5c3882a503f7bf38")
    }

    @Test func whatOneCaptureCannotShowIsNamed() throws {
        let gap = Wire.run([
            .client(.ws), .lostServer(Head.wsAnswer.bytes), .client(bytes("81 80 01 02 03 04")), .server(hex: "81 00"),
        ]).findings()
        let undecided = try #require(gap.first { $0.rule == "CAP004" })
        #expect(undecided.withheld == ["EARLY001"])
        #expect(undecided.certainty == .undetermined)
        let missing = try #require(gap.first { $0.rule == "CAP002" })
        #expect(missing.withheld.contains("RES011") == false && missing.withheld.contains("EARLY008"))
        #expect(missing.exchange != nil)
    }

    /// A 101 whose request was lost: what would need it is named, and silent.
    @Test(arguments: [true, false]) func whatALostRequestHidesIsNamed(_ startsWithHandshake: Bool) throws {
        let steps: [Step] =
            startsWithHandshake
            ? [.lostClient(Head.ws.bytes), .client(.get), .server(.wsAnswer), .server(.answer("200 OK"))]
            : [.clientACK, .server(.wsAnswer), .server(.answer("200 OK"))]
        let findings = Wire.run(steps, handshake: startsWithHandshake).findings()
        #expect(findings.map(\.rule) == [startsWithHandshake ? "CAP002" : "CAP003"], "\(described(findings))")
        #expect(findings.first?.withheld.contains("RES012") == true)
        #expect(findings.first?.withheld.contains("SMG006") == true)
    }

    /// Where the place was lost nobody is blamed for an opcode, and the rules about frames are named.
    @Test func aLostPlaceIsNoReservedOpcode() throws {
        let findings = Wire.run([
            .client(.ws), .server(.wsAnswer), .server(hex: "83 01 41"), .server(hex: "c1 00 00 41"),
            .wait(seconds: 5), .client(hex: "81 80 00 00 00 01"),
        ]).findings()
        let lost = try #require(findings.first)
        #expect(findings.count == 1 && lost.rule == "CAP002" && lost.fault == .capture, "\(described(findings))")
        #expect(lost.withheld.contains("WSF005") && lost.message.contains("reserved opcode 3"))
    }

    /// Every threshold of a rule can be set by name, and does something.
    @Test func thresholdsAreSetByName() throws {
        let close: [Step] = [
            .client(.ws), .server(.wsAnswer), .server(hex: "88 02 03 e8"), .clientACK, .wait(seconds: 8), .clientACK,
        ]
        let refused: [Step] = [
            .client(.connect), .server(.answer("403 Forbidden")), .clientACK, .wait(seconds: 3), .serverFIN,
        ]
        let left: [Step] = [
            .client(.ws.with("Sec-WebSocket-Protocol", "mqtt")), .server(.wsAnswer), .wait(seconds: 2),
            .client(hex: "88 82 00 00 00 01 03 ea"),
        ]
        let key = "81 81 37 fa 21 3d 76"
        let rows: [(name: String, value: Int, steps: [Step], rule: String, usual: Level?, changed: Level?)] = [
            ("close-answer-seconds", 10, close, "WSF013", .error, nil),
            (
                "close-linger-seconds", 40,
                session(.server(hex: "88 00"), .client(hex: "88 80 00 00 00 01"), .wait(seconds: 30), .clientACK),
                "WSF015", .warning, nil
            ),
            (
                "pong-seconds", 20, session(.server(hex: "89 00"), .clientACK, .wait(seconds: 12), .clientACK),
                "WSF016", .warning, nil
            ),
            (
                "idle-seconds", 90, session(.server(hex: "82 00"), .wait(seconds: 70), .server(hex: "82 00")),
                "WSF017", .note, nil
            ),
            (
                "fault-reaction-seconds", 5,
                session(.server(hex: "83 00"), .wait(seconds: 3), .client(hex: "82 80 00 00 00 01")), "WSF019",
                .error, nil
            ),
            (
                "upgraded-answer-seconds", 60,
                [
                    .client(.h2c), .server(.h2cAnswer), .client(preface), .server(hex: "00 00 00 04 00 00 00 00 00"),
                    .wait(seconds: 31), .clientACK,
                ], "H2C007", .warning, nil
            ),
            ("connect-close-seconds", 5, refused, "CON002", .error, nil),
            ("subprotocol-close-seconds", 3, left, "WS012", .note, .warning),
            ("masked-frames", 9, session(.client(times(4, key))), "WSF003", .error, nil),
            ("equal-masks", 5, session(.client(times(4, key))), "WSF003", .error, nil),
        ]
        let several = CorrelationTests.thresholds.map(\.name)
        #expect(Set(rows.map(\.name) + several) == Set(Thresholds.names.keys))
        for row in rows {
            var thresholds = Thresholds()
            let run = Wire.run(row.steps)
            func level() -> Level? {
                run.findings(Inspector(thresholds: thresholds)).first { $0.rule == row.rule }?.level
            }
            #expect(level() == row.usual, "\(row.name)")
            let isKnown = thresholds.set(row.name, to: row.value)
            #expect(isKnown && level() == row.changed, "\(row.name) changed")
        }
        var thresholds = Thresholds()
        let unknown = thresholds.set("idle", to: 1)
        let nothing = thresholds.set("idle-seconds", to: 0)
        #expect(!unknown && !nothing)
    }

    /// Sibling hosts and local ports are no breach where the user says so.
    @Test func whatIsUsualHereCanBeSaid() {
        func speaks(_ rule: String, _ steps: [Step], _ change: (inout Thresholds) -> Void) -> Bool {
            var thresholds = Thresholds()
            change(&thresholds)
            return Wire.run(steps).findings(Inspector(thresholds: thresholds)).contains { $0.rule == rule }
        }
        func from(_ origin: String) -> [Step] { [.client(.ws.with("Origin", origin)), .server(.wsAnswer)] }
        let rows: [(origin: String, allowed: [String], speaks: Bool)] = [
            ("https://app.example.com", [], true), ("https://app.example.com", ["app.example.com"], false),
            ("https://APP.example.com:443", ["https://app.example.com"], false),
            ("https://app.example.com:8443", ["app.example.com"], true),
            ("https://app.example.com:8443", ["x", "app.example.com:8443"], false),
            ("https://a.b.example.com", ["*.example.com"], false), ("https://example.com", ["*.example.com"], true),
            ("https://evilexample.com", ["*.example.com"], true), ("null", ["*.example.com", "null"], true),
        ]
        for row in rows {
            #expect(
                speaks("SMG007", from(row.origin)) { $0.origins = row.allowed } == row.speaks,
                "\(row.origin) and \(row.allowed)")
        }
        let mail: [Step] = [
            .client(.connect.line("CONNECT mail.example.com:25 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK")),
        ]
        let inside: [Step] = [
            .client(.connect.line("CONNECT 10.0.0.1:25 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK")),
        ]
        #expect(speaks("CON006", mail) { $0.connectPorts = [26] })
        #expect(!speaks("CON006", mail) { $0.connectPorts = [25] })
        #expect(speaks("CON006", inside) { $0.connectPorts = [25] })
    }

    /// The ceilings from which on the decoder calls something oversized or extreme are set by name as well.
    @Test func ceilingsAreSetByName() {
        let rows: [(name: String, value: Int, steps: [Step], rule: String)] = [
            ("frame-bytes", 3, session(.server(hex: greeting)), "WSF018"),
            ("message-bytes", 3, session(.server(hex: "01 02 41 42 80 02 41 42")), "WSF018"),
            ("message-fragments", 2, session(.server(hex: "01 01 41 00 01 41 80 01 41")), "WSF018"),
            ("empty-fragments", 1, session(.server(hex: "01 01 41 00 00 00 00 80 01 41")), "WSF018"),
            ("inflated-bytes", 100, compressed(.server(zeros(matches: 80))), "WSD009"),
            ("inflation-bytes", 1000, compressed(.server(zeros(matches: 400))), "WSD009"),
        ]
        for row in rows {
            #expect(Wire.run(row.steps).findings().isEmpty, "\(row.name)")
            var options = AnalyzerOptions()
            let isKnown = options.limits.set(row.name, to: row.value)
            let findings = Wire.run(row.steps, options: options).findings()
            #expect(isKnown && findings.map(\.rule) == [row.rule], "\(row.name): \(described(findings))")
        }
        var options = AnalyzerOptions()
        let isKnown = options.limits.set("inflation-ratio", to: 2000)
        #expect(isKnown && Wire.run(compressed(.server(zeros(matches: 4065))), options: options).findings().isEmpty)
        #expect(Set(Limits.names).count == Limits.names.count)
        for name in Limits.names {
            let isKnown = options.limits.set(name, to: 1)
            #expect(isKnown, "\(name)")
        }
    }

    @Test func equalConnectionsCanBeCountedAsOne() throws {
        let hello = bytes(
            "16 03 01 00 2f 01 00 00 2b 03 03 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 "
                + "18 19 1a 1b 1c 1d 1e 1f 00 00 02 13 01 01 00 00 00")
        let one = try #require(Wire.run([.client(hello)]).findings().first)
        let other = try #require(Wire.run([.wait(seconds: 9), .client(hello)]).findings().first)
        #expect(one.mergeKey != nil && one.mergeKey == other.mergeKey)
        let exchange = try #require(Wire.run(badKey).findings().first)
        #expect(exchange.mergeKey == nil)
    }

    @Test func foreignTrafficDoesNotFlood() {
        #expect(Wire.run([.client(hex: "01 02 03 04 05 06 07 08"), .server(hex: "09 08")]).findings().isEmpty)
        #expect(
            Wire.run([.client(hex: "01 02 03 04 05 06 07 08"), .server(hex: "09 08")], handshake: false).findings()
                .isEmpty)
        #expect(Wire.run([.client(hex: "01 02 03 04 05 06")], unseen: .server).findings().isEmpty)
    }

    @Test func hostileValuesStayOnTheirLine() throws {
        let evil = "web\u{1b}[31msocket\u{202e}"
        let findings = Wire.run([.client(.ws.with("Upgrade", evil)), .server(.answer("400 Bad Request"))]).findings()
        #expect(!findings.isEmpty)
        for finding in findings {
            let scalars = finding.message.unicodeScalars
            #expect(!scalars.contains { $0.value < 0x20 || $0.value == 0x202e }, "\(finding.message)")
        }
    }
}

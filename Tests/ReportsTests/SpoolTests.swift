import Inspection
import Testing
import Traffic

@testable import Investigation
@testable import Reports

@Suite("The spool and the order of the report")
struct SpoolTests {
    @Test("records come out in key order, from memory or from the file", arguments: [256, 4096, 1 << 20])
    func sorted(limit: Int) throws {
        var spool = SortedSpool(limit: limit)
        var expected: [(SortKey, [UInt8])] = []
        var state: UInt64 = 42
        for index in 0..<3000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let key = SortKey(high: state >> 54, low: state >> 33 & 3)
            let record = [UInt8](repeating: UInt8(index & 255), count: index % 70)
            expected.append((key, record))
            try spool.add(record, key: key)
        }
        // One that is larger than any window.
        expected.append((SortKey(high: 500, low: 9), [UInt8](repeating: 7, count: 300_000)))
        try spool.add(expected[3000].1, key: expected[3000].0)
        expected.sort { $0.0 == $1.0 ? $0.1.lexicographicallyPrecedes($1.1) : $0.0 < $1.0 }
        for _ in 0..<2 {
            var index = 0
            try spool.forEach { key, record in
                #expect(key == expected[index].0 && record == expected[index].1)
                index += 1
                return true
            }
            #expect(index == 3001)
        }
        #expect(spool.hasSpilled == (limit < 1 << 20))
    }

    @Test("spilling changes no byte of the report")
    func spilling() throws {
        var small = ReportOptions()
        small.spoolBytes = 300
        small.connections = true
        var large = ReportOptions()
        large.connections = true
        let spilled = Fixture.report(small)
        let held = Fixture.report(large)
        #expect(spilled.hasSpilled && !held.hasSpilled)
        #expect(try spilled.renderedBytes("json") == held.renderedBytes("json"))
        #expect(try spilled.renderedBytes("html") == held.renderedBytes("html"))
    }

    @Test("the order of arrival does not show", arguments: 0..<8)
    func shuffled(round: Int) throws {
        let report = try Fixture.report().renderedBytes("json")
        let entries = Fixture.entries()
        #expect(try Fixture.report(entries: entries.shuffled()).renderedBytes("json") == report)
    }

    @Test("ids are dense, in order of the request, and name their parent")
    func ids() throws {
        var ids: [Int] = []
        var findings: [Int] = []
        var keys: [ExchangeKey] = []
        var parents: [Int: Int] = [:]
        try Fixture.report(entries: Fixture.entries().reversed()).forEachExchange { reported in
            ids.append(reported.id)
            keys.append(reported.exchange.key)
            findings += reported.findings.map(\.id)
            parents[reported.id] = reported.parent
            for finding in reported.findings where finding.finding.consequenceOf != nil {
                #expect(finding.consequenceOf == reported.findings.first { $0.finding.rule == "EARLY001" }?.id)
            }
        }
        #expect(ids == Array(1...8))
        #expect(findings == Array(1...4))
        #expect(keys == keys.sorted())
        #expect(parents == [6: 5])
    }

    @Test("without every exchange the ids stay, and what is left out is counted", arguments: [300, 8 << 20])
    func bounded(spoolBytes: Int) throws {
        var options = ReportOptions()
        options.everyExchange = false
        options.exchangesWithFindings = 5
        options.cleanExchanges = 3
        options.spoolBytes = spoolBytes
        let entries = (0..<200).map { index -> Fixture.Entry in
            let exchange = Fixture.websocket(packet: UInt32(10 + index * 10), early: index % 2 == 0 ? .proven : .none)
            return (exchange, index % 2 == 0 ? Fixture.earlyFindings(exchange) : [])
        }
        let report = Fixture.report(options, entries: entries.shuffled())
        var told: [Int] = []
        var findings: [Int] = []
        try report.forEachExchange { told.append($0.id) }
        try report.forEachFinding { findings.append($0.id) }
        #expect(told == [1, 2, 3, 4, 5, 6, 7, 9])
        #expect(findings == Array(1...10) + [201])
        let left = report.leftOut
        #expect(left == (withFindings: 95, clean: 97))
        #expect(report.summary.exchanges == 200)
        let text = try report.rendered("text")
        #expect(text.contains("95 exchanges with findings and 97 clean not listed here"))
        #expect(try report.exchange(id: 9)?.exchange.key == entries[8].0.key)
        #expect(try report.exchange(id: 8) == nil)
    }

    /// Clean exchanges, two of them with the same key, and a 426 with its retry.
    private func related() throws -> [Fixture.Entry] {
        var entries = (0..<20).map { index -> Fixture.Entry in
            (Fixture.websocket(packet: UInt32(10 + index * 10)), [])
        }
        let key = try #require(entries[2].0.request)
        var reused = try #require(entries[5].0.request)
        reused.bytes = key.bytes
        reused.lines = key.lines
        entries[5].0.request = reused
        entries[7].0.outcome = .required
        entries[7].0.response = Fixture.head(
            "HTTP/1.1 426 Upgrade Required\nUpgrade: TLS/1.2\n\n", packet: 86, direction: .server)
        entries[9].0.request = Fixture.head(
            "OPTIONS * HTTP/1.1\nHost: server.example.com\nUpgrade: TLS/1.2\nConnection: Upgrade\n\n",
            packet: 103, direction: .client)
        for index in [7, 9] { entries[index].0.connection.client.address = IPAddress(v4: 0xc000_0299) }
        return entries
    }

    @Test("a report of so many exchanges counts the others")
    func spoolCeiling() throws {
        var options = ReportOptions()
        options.spooledExchanges = 3
        let entries = (0..<5).map { index -> Fixture.Entry in (Fixture.websocket(packet: UInt32(10 + index * 10)), []) }
        let report = Fixture.report(options, entries: entries)
        #expect(report.summary.exchanges == 5)
        #expect(report.omitted.exchanges == 2)
        var told = 0
        try report.forEachExchange { _ in told += 1 }
        #expect(told == 3)
        #expect(report.omitted.why.contains("only the first 3 exchanges"))
    }

    @Test("what several exchanges show together is told with the later one, whatever the order", arguments: 0..<6)
    func correlated(round: Int) throws {
        var options = ReportOptions()
        options.spoolBytes = round % 2 == 0 ? 300 : 8 << 20
        let entries = try related()
        let report = Fixture.report(options, entries: round < 2 ? entries : entries.shuffled())
        #expect(report.summary.rules["WS003"] == 1)
        var retries: [Int: Int] = [:]
        try report.forEachExchange { reported in
            retries[reported.id] = reported.retryOf
            #expect(reported.findings.map(\.finding.rule) == (reported.id == 6 ? ["WS003"] : []))
        }
        #expect(retries == [10: 8])
        let finding = try #require(try report.exchange(id: 6)?.findings.first)
        #expect(finding.id == 1 && finding.exchange == 6)
        #expect(finding.finding.evidence.map(\.place.first.packet) == [33, 63])
        #expect(
            finding.finding.fingerprint != Fixture.report(entries: []).connectionFindings.first?.finding.fingerprint)
        var ids: [Int] = []
        try report.forEachFinding { ids.append($0.id) }
        #expect(ids == [1, 2])
        #expect(try report.rendered("json").contains("\"id\":10,\"retry_of\":8"))
        #expect(try report.rendered("text").contains("retry of #8"))
    }

    @Test("it is not lost where the exchange itself is not told of")
    func correlatedAdrift() throws {
        var options = ReportOptions()
        options.everyExchange = false
        options.cleanExchanges = 3
        let report = Fixture.report(options, entries: try related())
        var told: [Int] = []
        try report.forEachExchange { told.append($0.id) }
        #expect(told == [1, 2, 3])
        let text = try report.rendered("text")
        #expect(text.contains("error WS003 ws-key-reused"))
        #expect(text.contains("packet 33: Sec-WebSocket-Key of the request, earlier"))
        options.cleanExchanges = 8
        let finding = try Fixture.report(options, entries: related()).exchange(id: 6)?.findings.first
        #expect(finding?.finding.rule == "WS003")
    }

    @Test("findings about connections that say the same are one")
    func grouped() throws {
        let collector = ReportCollector()
        for id in [UInt64(40), 10, 30, 20, 50] {
            let (record, findings) = Fixture.encrypted(id: id, name: "x.example")
            collector.add(record, findings: findings)
        }
        let report = collector.finish(captures: [Fixture.capture()], counters: Fixture.counters())
        let findings = report.connectionFindings
        #expect(findings.count == 1)
        #expect(findings.first?.finding.count == 5)
        #expect(findings.first?.finding.connection == 10)
        #expect(findings.first?.finding.evidence.map(\.place.first.packet) == [10, 20, 30])
        #expect(report.summary.levels[.note] == 1)
        #expect(report.unseenNames.map(\.connections) == [5])
    }

    @Test("findings about connections beyond the limit are counted as left out")
    func omitted() throws {
        var options = ReportOptions()
        options.connectionFindings = 2
        let collector = ReportCollector(options: options)
        for id in UInt64(1)...5 {
            let (record, findings) = Fixture.encrypted(id: id, name: nil)
            var finding = findings[0]
            finding.message = "\(id)"
            collector.add(record, findings: [finding])
        }
        let report = collector.finish(captures: [], counters: TrafficCounters())
        #expect(report.connectionFindings.count == 2)
        #expect(report.omitted.findings == 3)
        #expect(try report.rendered("json").contains("\"omitted\":{\"exchanges\":0,\"findings\":3,"))
    }

    @Test("the verdict: findings before inconclusive before clean")
    func verdict() throws {
        func verdict(
            _ entries: [Fixture.Entry], counters: TrafficCounters = TrafficCounters(), complete: Bool = true
        ) -> Summary.Verdict {
            let collector = ReportCollector()
            for (exchange, findings) in entries { collector.add(exchange, Fixture.judgement(exchange, findings)) }
            return collector.finish(captures: [Fixture.capture(complete: complete)], counters: counters).summary.verdict
        }
        let plain = Fixture.websocket()
        let note = Fixture.finding("CAP003", "cap-midstream", .note, message: "")
        let warning = Fixture.finding("EARLY004", "early-data-then-declined", .warning, message: "")
        var encrypted = TrafficCounters()
        encrypted.encryptedConnections = 1
        var gap = plain
        gap.touchesGap = true
        #expect(verdict([]) == .clean)
        #expect(verdict([(plain, [])]) == .clean)
        #expect(verdict([(plain, [note])]) == .clean)
        #expect(verdict([(plain, [])], counters: encrypted) == .inconclusive)
        #expect(verdict([(plain, [])], complete: false) == .inconclusive)
        #expect(verdict([(gap, [])]) == .inconclusive)
        #expect(verdict([(plain, [warning])], counters: encrypted) == .findings)
        for (offset, expected) in [(Int64(0), Summary.Verdict.inconclusive), (41, .clean)] {
            let collector = ReportCollector()
            var record = ConnectionRecord(facts: Fixture.facts(id: 1, packet: 1))
            record.firstGap = Place(
                direction: .client, offset: offset, length: 9, first: Fixture.mark(4), last: Fixture.mark(4))
            collector.add(record, findings: [])
            let report = collector.finish(captures: [Fixture.capture()], counters: TrafficCounters())
            #expect(report.summary.verdict == expected)
        }
    }
}

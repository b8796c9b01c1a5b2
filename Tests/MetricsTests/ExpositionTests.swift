// Counts in, text out; and what Prometheus thinks of it.

import Foundation
import Inspection
import TestSupport
import Testing
import Traffic

@testable import Metrics

@Suite struct ExpositionTests {
    static func traffic() -> TrafficMetrics {
        var traffic = TrafficMetrics(version: "1.2.3")
        traffic.packets = 12_345
        traffic.kernelDrops = 7
        traffic.connections = 40
        traffic.openConnections = 3
        traffic.limitsHit = ["head-bytes": 2]
        let mark = Arrival(packet: 1, time: Timestamp(nanoseconds: 0), heard: nil)
        let facts = ConnectionFacts(
            id: 1, client: Endpoint(address: IPAddress(v4: 1), port: 1),
            server: Endpoint(address: IPAddress(v4: 2), port: 80),
            first: mark)
        var exchange = Exchange(kind: .upgrade, connection: facts, first: mark)
        exchange.outcome = .switched
        exchange.upgraded = .websocket
        exchange.protocolName = "\"}\nevil 1\n"
        var finding = Finding(
            rule: "EARLY001", name: "early-websocket-data", level: .error, certainty: .proven, fault: .client,
            message: "", source: "", fix: "")
        finding.count = 2
        traffic.finished(exchange, findings: [finding])
        traffic.finished(exchange, findings: [])
        exchange.outcome = .failed
        traffic.finished(exchange, findings: [])
        return traffic
    }

    @Test func lines() {
        let lines = Exposition.text(Self.traffic().families).split(separator: "\n").map(String.init)
        for line in [
            "# TYPE upgradescope_packets_total counter", "upgradescope_packets_total 12345",
            "upgradescope_dropped_packets_total{by=\"kernel\"} 7",
            "upgradescope_dropped_packets_total{by=\"interface\"} 0",
            "upgradescope_exchanges_total{outcome=\"switched\",protocol=\"websocket\"} 2",
            "upgradescope_exchanges_total{outcome=\"failed\",protocol=\"none\"} 1",
            "upgradescope_findings_total{rule=\"EARLY001\",level=\"error\"} 2", "upgradescope_connections_open 3",
            "upgradescope_limits_hit_total{limit=\"head-bytes\"} 2", "upgradescope_build_info{version=\"1.2.3\"} 1",
        ] { #expect(lines.contains(line), "\(line)") }
        #expect(!lines.contains { $0.hasPrefix("evil") })
    }

    @Test func valuesAreEscaped() {
        let family = MetricFamily("m", .gauge, "a\\b\nc", [.init(1, labels: [("l", "a\"b\\c\nd")])])
        #expect(Exposition.text([family]) == "# HELP m a\\\\b\\nc\n# TYPE m gauge\nm{l=\"a\\\"b\\\\c\\nd\"} 1\n")
    }

    @Test func numbers() {
        let rows: [(Double, String)] = [
            (0, "0"), (1e15, "1000000000000000"), (0.5, "0.5"), (.infinity, "+Inf"), (.nan, "NaN"),
            (1_767_225_600.25, "1767225600.25"),
        ]
        for (number, text) in rows { #expect(Exposition.number(number) == text) }
    }

    @Test func addresses() {
        let rows: [(String, String?)] = [
            ("9090", "127.0.0.1:9090"), (":9090", "127.0.0.1:9090"), ("0.0.0.0:9090", "0.0.0.0:9090"),
            ("[::1]:9090", "[::1]:9090"), ("localhost:0", "localhost:0"), ("::1:9090", nil), ("host", nil), ("", nil),
            ("1.2.3.4:", nil), ("1.2.3.4:70000", nil), ("[::1]", nil), ("[::1]9090", nil), ("[host]:1", nil),
            ("a b:1", nil), ("1.2.3.4:+1", nil),
        ]
        for (text, address) in rows { #expect(MetricsAddress(text)?.description == address, "\(text)") }
    }

    /// The parser of Prometheus's own client library reads it.
    @Test func theClientLibraryReadsIt() throws {
        let text = Exposition.text(Self.traffic().families + ProcessUsage.families(started: 1_767_225_600.5))
        let script = """
            import sys
            from prometheus_client.parser import text_string_to_metric_families
            for family in text_string_to_metric_families(sys.stdin.read()):
                for sample in family.samples: print(sample.name, sorted(sample.labels.items()), sample.value)
            """
        let (status, said) = try run(["/usr/bin/python3", "-c", script], input: text)
        #expect(status == 0, "\(said)")
        #expect(said.contains("upgradescope_exchanges_total [('outcome', 'switched'), ('protocol', 'websocket')] 2.0"))
        #expect(said.contains("upgradescope_findings_total [('level', 'error'), ('rule', 'EARLY001')] 2.0"))
    }

    /// `promtool check metrics`, of Debian's package prometheus, has nothing to complain of.
    @Test func promtoolAgrees() throws {
        let text = Exposition.text(Self.traffic().families + ProcessUsage.families(started: 1_767_225_600.5))
        let (status, said) = try run(["promtool", "check", "metrics"], input: text)
        if status == 127 {
            print("SKIPPED promtoolAgrees: promtool (Debian: prometheus) is not installed")
            return
        }
        #expect(status == 0, "\(said)")
        #expect(said.isEmpty)
    }

    /// Status (127 for a program that is not there) and all that was said.
    private func run(_ line: [String], input text: String) throws -> (Int32, String) {
        let run = try Program.other(line, input: Array(text.utf8))
        return (run.status, run.text + run.errors)
    }
}

// What is counted while a capture runs. Labels are words of ours or come from a short list: a peer that invents
// protocols must not invent time series.

public import Inspection
public import Traffic

/// Counts of exchanges and findings, and what the capture says of itself.
public struct TrafficMetrics: Sendable {
    private struct Ending: Hashable {
        var outcome: Outcome
        var name: String
    }

    private struct Rule: Hashable {
        var id: String
        var level: Level
    }

    public var packets: UInt64 = 0
    public var bytes: UInt64 = 0
    /// By the kernel because its buffer was full, and by the interface or its driver.
    public var kernelDrops: UInt64 = 0
    public var interfaceDrops: UInt64 = 0
    /// Connections that were seen, and those that are followed now.
    public var connections: UInt64 = 0
    public var openConnections = 0
    public var encryptedConnections: UInt64 = 0
    public var requests: UInt64 = 0
    public var openExchanges = 0
    public var gapBytes: UInt64 = 0
    /// Limits that cut something short, and how often.
    public var limitsHit: [String: UInt64] = [:]
    public var recordedBytes: UInt64 = 0
    /// Packets that could not be written.
    public var lostPackets: UInt64 = 0
    private var exchanges: [Ending: UInt64] = [:]
    private var findings: [Rule: UInt64] = [:]
    private let version: String

    public init(version: String) { self.version = version }

    /// Counts an exchange that is finished.
    public mutating func finished(_ exchange: Exchange, findings: [Finding]) {
        exchanges[Ending(outcome: exchange.outcome, name: Self.name(of: exchange)), default: 0] += 1
        found(findings)
    }

    /// Counts findings about a connection, or about several exchanges.
    public mutating func found(_ findings: [Finding]) {
        for finding in findings {
            self.findings[Rule(id: finding.rule, level: finding.level), default: 0] += UInt64(finding.count)
        }
    }

    /// The protocol that speaks after the switch; "none" where nothing was switched.
    private static func name(of exchange: Exchange) -> String {
        guard exchange.outcome == .switched else { return "none" }
        return switch exchange.upgraded {
        case .none: "none"
        case .connectUDP: "connect-udp"
        case .connectIP: "connect-ip"
        case .connectTCP: "connect-tcp"
        default: "\(exchange.upgraded)"
        }
    }

    /// All of it, in an order that stays the same.
    public var families: [MetricFamily] {
        typealias Sample = MetricFamily.Sample
        var families = [
            MetricFamily(
                "upgradescope_build_info", .gauge, "The program that is running.",
                [Sample(1, labels: [("version", version)])]),
            MetricFamily("upgradescope_packets_total", .counter, "Packets captured.", value: Double(packets)),
            MetricFamily("upgradescope_captured_bytes_total", .counter, "Bytes of them.", value: Double(bytes)),
            MetricFamily(
                "upgradescope_dropped_packets_total", .counter, "Packets that were not captured, by who dropped them.",
                [
                    Sample(Double(interfaceDrops), labels: [("by", "interface")]),
                    Sample(Double(kernelDrops), labels: [("by", "kernel")]),
                ]),
            MetricFamily(
                "upgradescope_connections_total", .counter, "TCP connections seen.", value: Double(connections)),
            MetricFamily(
                "upgradescope_connections_open", .gauge, "TCP connections that are followed.",
                value: Double(openConnections)),
            MetricFamily(
                "upgradescope_encrypted_connections_total", .counter, "Ended connections whose content was encrypted.",
                value: Double(encryptedConnections)),
            MetricFamily("upgradescope_requests_total", .counter, "HTTP requests seen.", value: Double(requests)),
        ]
        families.append(
            MetricFamily(
                "upgradescope_exchanges_total", .counter, "Exchanges that are finished, by outcome and protocol.",
                exchanges.sorted { ($0.key.outcome.rawValue, $0.key.name) < ($1.key.outcome.rawValue, $1.key.name) }
                    .map { Sample(Double($1), labels: [("outcome", $0.outcome.name), ("protocol", $0.name)]) }))
        families.append(
            MetricFamily(
                "upgradescope_exchanges_open", .gauge, "Exchanges that go on.", value: Double(openExchanges)))
        families.append(
            MetricFamily(
                "upgradescope_findings_total", .counter, "Findings, by rule and level.",
                findings.sorted { ($0.key.id, $0.key.level) < ($1.key.id, $1.key.level) }
                    .map { Sample(Double($1), labels: [("rule", $0.id), ("level", $0.level.name)]) }))
        families.append(
            MetricFamily(
                "upgradescope_missing_bytes_total", .counter, "Stream bytes that were not captured.",
                value: Double(gapBytes)))
        families.append(
            MetricFamily(
                "upgradescope_limits_hit_total", .counter, "How often a limit cut something short.",
                limitsHit.sorted { $0.key < $1.key }.map { Sample(Double($1), labels: [("limit", $0)]) }))
        families.append(
            MetricFamily(
                "upgradescope_recorded_bytes_total", .counter, "Bytes written to recordings.",
                value: Double(recordedBytes)))
        families.append(
            MetricFamily(
                "upgradescope_unrecorded_packets_total", .counter, "Packets that could not be written to recordings.",
                value: Double(lostPackets)))
        return families
    }
}

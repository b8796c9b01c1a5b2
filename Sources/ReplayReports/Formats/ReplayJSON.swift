// What a replay found, as JSON: `upgradescope-replay/1`, by the schema that `schema --replay` prints.

import Inspection
public import Replay
public import Reports
import Traffic

extension ReplayFormat {
    public static let json = ReplayFormat(name: "json", product: "the JSON report") {
        try ReplayJSONReport.write($0, tool: $1.tool, to: &$2)
    }
}

/// Writes the JSON report about a replay.
public enum ReplayJSONReport {
    public static func write(_ report: ReplayReport, tool: ToolName, to sink: inout any ByteSink) throws {
        var json = JSONWriter()
        var findings = 0
        try json.object { json in
            json.newline()
            json.member("schema", ReplayReport.schema)
            json.object("tool") { json in
                json.member("name", tool.name)
                json.member("version", tool.version)
            }
            json.newline()
            json.member("target", report.target)
            json.newline()
            json.object("plan") { plan(report.plan, to: &$0) }
            json.newline()
            json.object("summary") { summary(report, to: &$0) }
            json.newline()
            try json.array("exchanges") { json in
                for exchange in report.exchanges {
                    json.newline()
                    json.object { self.exchange(exchange, findings: &findings, to: &$0) }
                    try sink.drain(&json.bytes)
                }
            }
            json.newline()
            json.member("interrupted", report.interrupted)
        }
        json.endLine()
        try sink.drain(&json.bytes, atLeast: 1)
    }

    private static func plan(_ plan: ReplayPlan, to json: inout JSONWriter) {
        json.member("target", plan.target)
        json.member("pace", plan.pace)
        json.member("sends_credentials", plan.sendsCredentials)
        json.member("concurrency", plan.concurrency)
        json.member("repeat", plan.repeats)
        if let rate = plan.rate { json.member("rate", decimal: rate) }
        json.array("exchanges") { json in
            for exchange in plan.exchanges {
                json.object { json in
                    json.member("exchange", exchange.id)
                    json.member("title", exchange.title)
                    if exchange.upgraded != .none { json.member("protocol", exchange.protocolName) }
                    json.member("client_steps", exchange.clientSteps)
                    json.member("client_bytes", exchange.clientBytes)
                    json.member("server_steps", exchange.serverSteps)
                    if let why = exchange.skipped { json.member("skipped", why) }
                    json.member("notes", exchange.notes)
                }
            }
        }
    }

    private static func summary(_ report: ReplayReport, to json: inout JSONWriter) {
        for verdict in Verdict.allCases { json.member(verdict.rawValue, report.count(verdict)) }
        json.object("latency_ms") { json in
            for latency in report.latencies {
                json.object(latency.name.replacing(" (corrected)", with: "_corrected")) { json in
                    json.member("count", latency.count)
                    json.member("min", decimal: latency.minimum)
                    json.member("mean", decimal: latency.mean)
                    json.member("max", decimal: latency.maximum)
                    for (percentile, milliseconds) in latency.percentiles {
                        json.member(percentileName(percentile), decimal: milliseconds)
                    }
                    json.member("corrected", latency.isCorrected)
                }
            }
        }
        guard let load = report.load else { return }
        json.object("load") { json in
            json.member("started", load.started)
            json.member("finished", load.finished)
            json.member("most_concurrent", load.mostConcurrent)
            json.member("seconds", decimal: load.seconds)
            json.object("messages") { json in
                for direction in Direction.allCases { json.member(direction.name, load.messages[direction]) }
            }
            json.object("bytes") { json in
                for direction in Direction.allCases { json.member(direction.name, load.bytes[direction]) }
            }
            json.object("failures") { json in
                for (word, count) in load.failures.sorted(by: { $0.key < $1.key }) { json.member(word, count) }
            }
            json.object("differences") { json in
                for kind in Difference.Kind.allCases {
                    if let count = load.differences[kind] { json.member(kind.rawValue, count) }
                }
            }
            json.member("late", load.late)
            json.member("most_late_ms", decimal: load.mostLateMilliseconds)
        }
    }

    private static func exchange(_ exchange: ReplayedExchange, findings: inout Int, to json: inout JSONWriter) {
        json.member("exchange", exchange.id)
        json.member("title", exchange.title)
        json.member("verdict", exchange.verdict.rawValue)
        if let reason = exchange.reason { json.member("reason", reason) }
        if let failure = exchange.failure { json.member("failure", failure) }
        json.object("recorded") { outline(exchange.recorded, to: &$0) }
        if let live = exchange.live { json.object("live") { outline(live, to: &$0) } }
        json.array("differences") { json in
            for difference in exchange.differences {
                json.object { json in
                    json.member("kind", difference.kind.rawValue)
                    json.member("at", difference.at)
                    if let recorded = difference.recorded { json.member("recorded", recorded) }
                    if let live = difference.live { json.member("live", live) }
                    if let packet = difference.packet {
                        if packet.capture > 0 { json.member("recorded_capture", packet.capture) }
                        json.member("recorded_packet", packet.packet)
                        json.member("recorded_time", packet.time.text)
                    }
                    if let time = difference.liveTime { json.member("live_ms", milliseconds: time) }
                }
            }
        }
        if exchange.omittedDifferences > 0 { json.member("omitted_differences", exchange.omittedDifferences) }
        json.array("findings") { json in
            for finding in exchange.findings {
                findings += 1
                json.object { json in
                    json.member("id", findings)
                    JSONFacts(severalCaptures: false, showSecrets: false).finding(
                        finding, mark: finding.firstMark, to: &json)
                    json.member("exchange", exchange.id)
                }
            }
        }
        json.member("notes", exchange.notes)
    }

    private static func outline(_ outline: SessionOutline, to json: inout JSONWriter) {
        if let packet = outline.packet {
            if packet.capture > 0 { json.member("capture", packet.capture) }
            json.member("packet", packet.packet)
        }
        if let status = outline.status { json.member("status", status) }
        if let outcome = outline.outcome { json.member("outcome", outcome.name) }
        if let name = outline.protocolName { json.member("protocol", name) }
        if let subprotocol = outline.subprotocol { json.member("subprotocol", subprotocol) }
        json.member("extensions", outline.extensions)
        json.object("messages") { json in
            for direction in Direction.allCases { json.member(direction.name, outline.messages[direction]) }
        }
        json.object("payload_bytes") { json in
            for direction in Direction.allCases { json.member(direction.name, outline.bytes[direction]) }
        }
        if let code = outline.closeCode { json.member("close_code", code) }
        if let handshake = outline.handshake { json.member("handshake_ms", milliseconds: handshake) }
        if let duration = outline.duration { json.member("duration_ms", milliseconds: duration) }
    }

    /// "p50", "p99_9".
    static func percentileName(_ percentile: Double) -> String {
        let tenths = Int((percentile * 1000).rounded())
        var digits = String(tenths % 1000 + 1000).dropFirst()
        while digits.last == "0" { digits = digits.dropLast() }
        return "p\(tenths / 1000)" + (digits.isEmpty ? "" : "_\(digits)")
    }
}

extension Finding {
    /// The packet that shows it first.
    var firstMark: Arrival {
        evidence.first?.place.first ?? Arrival(packet: 1, time: Timestamp(nanoseconds: 0), heard: nil)
    }
}

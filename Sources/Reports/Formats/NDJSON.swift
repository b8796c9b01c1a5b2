// The same facts as events, one JSON object a line, written while they happen.
//
//     {"event":"exchange","key":"0:12:c:0", …}     at the exchange's end; the fields of an exchange in the report
//     {"event":"finding","key":"0:12:c:0/UPG001","exchange_key":"0:12:c:0", …}      after its exchange, or before
//                        it where it was told while a live session went on; then `count` is what it was at that time
//     {"event":"message","exchange_key":"0:12:c:0", …}     a WebSocket message or control frame, where asked for
//     {"event":"finding", …}                       at the end: what several exchanges show together
//     {"event":"stats", …}                         at the end: the fields of `summary`
//     {"event":"capture", …}                       at the end, one for each: the fields of `captures`
//
// Dense ids need the whole input, so an event goes by its key: capture, packet, "c" or "s" for the direction,
// and stream offset of its first byte. A key is the same on every run. What follows from another finding names
// that one's key in `consequence_of_key`, what travelled inside another exchange in `parent_key`. Findings
// about connections have `connection` and no `exchange_key`.

import Ground
import Inspection
public import Investigation
public import Traffic

extension ReportFormat {
    /// For whoever follows.
    public static let ndjson = ReportFormat(
        name: "ndjson", product: "events, one JSON object a line, while they happen",
        writing: .events { NDJSONReport($0, sink: $1) })
}

/// Writes events while the input is read.
public final class NDJSONReport: InvestigationObserver {
    private var json = JSONWriter()
    private var facts: JSONFacts
    private var sink: any ByteSink
    private let tellsMessages: Bool
    /// Findings of exchanges that go on which were events already.
    private var told: [ExchangeKey: Set<FindingEvent>] = [:]

    public init(_ options: EventOptions, sink: any ByteSink) {
        facts = JSONFacts(severalCaptures: false, showSecrets: options.showSecrets)
        tellsMessages = options.messages
        self.sink = sink
    }

    /// What fails is kept by the sink, which is asked for it at the end.
    public func receive(_ event: InvestigationEvent) { try? write(event) }

    private func write(_ event: InvestigationEvent) throws {
        switch event {
        case .started(let captures): facts.severalCaptures = captures > 1
        case .decided(let exchange, let judgement):
            // Each finding is an event once.
            try add(
                judgement.findings.filter { told[exchange.key, default: []].insert(FindingEvent($0)).inserted },
                of: exchange)
        case .said(let message, in: let exchange): if tellsMessages { try add(message, in: exchange) }
        case .finished(let exchange, let judgement): try add(exchange, judgement)
        case .ended(let connection, let findings): try add(connection, findings: findings)
        case .batchRead: try flush()
        case .reported(let report): try finish(report)
        case .unreadable, .undivided, .began, .read: break
        }
    }

    /// An exchange is finished; findings that were events while it went on are none again.
    private func add(_ exchange: Exchange, _ judgement: Judgement) throws {
        let told = told.isEmpty ? [] : told.removeValue(forKey: exchange.key) ?? []
        let findings = judgement.findings
        let key = exchange.key.text
        let slash = key + "/"
        try line("exchange") { json, facts in
            json.member("key", key)
            if let parent = exchange.parent { json.member("parent_key", parent.text) }
            facts.exchange(exchange, judgement.validity, to: &json)
            json.array("findings") { json in for finding in findings { json.value(slash, finding.rule) } }
        }
        try add(told.isEmpty ? findings : findings.filter { !told.contains(FindingEvent($0)) }, of: exchange)
    }

    /// Findings of one exchange, which may go on.
    private func add(_ findings: [Finding], of exchange: Exchange) throws {
        guard !findings.isEmpty else { return }
        let key = exchange.key.text
        let slash = key + "/"
        for finding in findings {
            try line("finding") { json, facts in
                json.member("key", slash, finding.rule)
                json.member("exchange_key", key)
                if let cause = finding.consequenceOf { json.member("consequence_of_key", slash, cause) }
                facts.finding(finding, mark: exchange.firstMark, to: &json)
            }
        }
    }

    /// A connection ended.
    private func add(_ connection: ConnectionRecord, findings: [Finding]) throws {
        for finding in findings {
            var finding = finding
            finding.connection = connection.facts.id
            try line("finding") { json, facts in
                json.member("key", "connection-\(connection.facts.id)/\(finding.rule)")
                facts.finding(finding, mark: connection.facts.first, to: &json)
            }
        }
    }

    /// A WebSocket message or control frame was said; it comes before its exchange.
    private func add(_ message: TranscriptMessage, in exchange: ExchangeKey) throws {
        try line("message") { json, facts in
            json.member("exchange_key", exchange.text)
            json.member("direction", message.direction.name)
            json.member("type", WebSocketFacts.opcodeName(Int(message.opcode)))
            facts.mark(message.place.first, to: &json)
            if message.place.last.packet != message.place.first.packet {
                json.member("last_packet", message.place.last.packet)
            }
            json.member("length", message.length)
            json.member("fragments", message.fragmentCount)
            if message.isCompressed { json.member("compressed_length", message.wireLength) }
            if !message.isWhole { json.member("complete", false) }
            if let code = message.closeCode {
                json.member("close_code", code)
                json.member("close_reason", message.closeReason.text)
            } else if message.opcode == 1, let text = String(validating: message.payload, as: UTF8.self) {
                json.member("text", text)
            } else {
                json.key("hex")
                json.hex(message.payload)
            }
        }
    }

    /// The input is over.
    private func finish(_ report: Report) throws {
        for finding in report.correlatedFindings {
            guard let key = finding.exchange?.text else { continue }
            try line("finding") { json, facts in
                json.member("key", "\(key)/\(finding.rule)")
                json.member("exchange_key", key)
                facts.finding(finding, mark: finding.mark, to: &json)
            }
        }
        try line("stats") { $1.summary(report.summary, to: &$0) }
        for capture in report.captures {
            try line("capture") { $1.capture(capture, to: &$0) }
        }
        try flush()
    }

    /// Writes what is still held; for a reader that waits.
    private func flush() throws { try sink.drain(&json.bytes, atLeast: 1) }

    private func line(_ event: String, _ body: (inout JSONWriter, JSONFacts) -> Void) throws {
        let facts = facts
        json.line { json in
            json.member("event", event)
            body(&json, facts)
        }
        try sink.drain(&json.bytes)
    }
}

/// What makes two findings of one exchange the same event: one that became graver is told again.
private struct FindingEvent: Hashable, Sendable {
    private let rule: String
    private let fault: Fault
    private let level: Level

    init(_ finding: Finding) {
        rule = finding.rule
        fault = finding.fault
        level = finding.level
    }
}

extension ExchangeKey {
    /// "0:12:c:0": what an exchange goes by where there are no numbers yet; in a stream inside the connection's, which
    /// counts its own bytes, that stream's number comes last.
    public var text: String {
        var text: [UInt8] = []
        text.append(decimal: UInt64(capture))
        text.append(UInt8(ascii: ":"))
        text.append(decimal: UInt64(packet))
        text.append(contentsOf: (direction == .client ? ":c:" : ":s:").utf8)
        if offset < 0 { text.append(UInt8(ascii: "-")) }
        text.append(decimal: offset.magnitude)
        if stream != .connection {
            text.append(UInt8(ascii: ":"))
            text.append(decimal: UInt64(stream.rawValue))
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension JSONWriter {
    /// One object and a line end.
    fileprivate mutating func line(_ body: (inout JSONWriter) -> Void) {
        object(body)
        endLine()
    }
}

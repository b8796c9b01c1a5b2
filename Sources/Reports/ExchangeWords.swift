// Sentences about exchanges, findings and what could not be seen, shared by the renderers for people.
// Everything here is safe to show on a terminal; HTML escapes it once more.

import Ground
import Inspection
import Investigation
import Traffic

struct ExchangeWords {
    let exchange: Exchange
    let showSecrets: Bool
    private let validity: Validity
    private let request: HeadText?

    init(_ reported: ReportedExchange, showSecrets: Bool) {
        self.init(reported.exchange, reported.validity, showSecrets: showSecrets)
    }

    init(_ exchange: Exchange, _ validity: Validity, showSecrets: Bool) {
        self.exchange = exchange
        self.validity = validity
        self.showSecrets = showSecrets
        request = exchange.request.map { HeadText($0, showSecrets: showSecrets) }
    }

    /// "192.0.2.1:49152 → 192.0.2.2:80".
    ///
    /// Who spoke to whom, and for whom where a PROXY header said so.
    var endpoints: String {
        let facts = exchange.connection
        let proxied = facts.proxied.map { " (for \($0.client) → \($0.server))" } ?? ""
        return "\(facts.client) → \(facts.server)\(proxied)"
    }

    /// "GET example.org/chat", "CONNECT example.org:443", "an answer nobody asked for".
    var asked: String {
        guard let request else {
            if exchange.isHandshakeUnseen { return "a session whose handshake was not captured" }
            return exchange.kind == .upgrade ? "a request that was not captured" : "no request"
        }
        let method = TerminalText.safe(request.method, limit: 32)
        let target = TerminalText.safe(request.target, limit: 200)
        guard exchange.kind != .connect, request.head.target.first == UInt8(ascii: "/"), let host = request.host else {
            return "\(method) \(target)"
        }
        return "\(method) \(TerminalText.safe(host, limit: 100))\(target)"
    }

    /// What the request offered: "websocket", "h2c, websocket".
    var offered: String {
        guard let request else { return "" }
        return request.members(.upgrade).map { TerminalText.safe($0, limit: 40) }.joined(separator: ", ")
    }

    /// "101 Switching Protocols".
    var answered: String {
        guard let response = exchange.response else {
            return exchange.isHandshakeUnseen ? "not captured" : "no answer"
        }
        let reason = TerminalText.safe(CapturedText(response.reason), limit: 60)
        return reason.isEmpty ? "\(response.status)" : "\(response.status) \(reason)"
    }

    /// Asked, answered and what came of it; `more` stands after what was asked.
    func story(_ more: String = "") -> String {
        exchange.isHandshakeUnseen ? "\(asked), \(result)" : "\(asked)\(more) → \(answered), \(result)"
    }

    /// "switched to websocket", "declined", "redirected to https", "failed (auth)".
    var result: String {
        var text = exchange.outcome.name
        if exchange.outcome == .switched, let name = protocolName {
            text += " to \(name)" + (exchange.protocolInferred ? " (inferred)" : "")
        }
        switch (exchange.outcome, exchange.reason.name) {
        case (_, nil): break
        case (.redirected, let scheme?): text += scheme == "other" ? " to another scheme" : " to \(scheme)"
        case (_, let reason?): text += " (\(reason))"
        }
        if validity.isValid == false { text += ", not valid" }
        return text
    }

    var protocolName: String? {
        guard let word = exchange.protocolWord else { return nil }
        if exchange.upgraded == .tunnel, exchange.inner != .unknown {
            return "tunnel of \(exchange.inner.protocolWord)"
        }
        return TerminalText.safe(CapturedText(Array(word.utf8)), limit: 60)
    }

    /// "packets 4 to 19".
    var packets: String {
        let (first, last) = (exchange.firstMark.packet, exchange.lastMark.packet)
        return first == last ? "packet \(first)" : "packets \(first) to \(last)"
    }
}

extension Evidence {
    /// "Host of the request (client, bytes 23 to 40)": offsets into the stream of the side that sent them.
    var words: String {
        let (from, sender) = (place.offset, place.direction.name)
        let label = TerminalText.safe(label)
        switch place.length {
        case ..<1: return from == 0 ? "\(label) (\(sender))" : "\(label) (\(sender), at byte \(from))"
        case 1: return "\(label) (\(sender), byte \(from))"
        default:
            return
                "\(label) (\(sender), bytes \(from) to \(from.addingReportingOverflow(place.length - 1).partialValue))"
        }
    }
}

/// What a rule says beyond a finding's own words.
enum RuleWording {
    static func why(_ rule: String) -> String? { Catalogue.rule(rule).map(\.why) }
    static func title(_ rule: String) -> String? { Catalogue.rule(rule).map(\.title) }
}

extension Finding {
    /// "proven, client at fault".
    var standing: String {
        let blame =
            switch fault {
            case .unknown: "fault unknown"
            case .capture: "about the capture"
            default: "\(fault.name) at fault"
            }
        return "\(certainty.name), \(blame)" + (count > 1 ? ", \(count) times" : "")
    }
}

/// The end of a report for people.
struct SummaryWords {
    let report: Report

    private var summary: Summary { report.summary }

    /// One sentence.
    var verdict: String {
        let exchanges = counted(summary.exchanges, "exchange")
        switch summary.verdict {
        case .findings: return "Findings: \(findings) in \(summary.exchanges == 0 ? "the capture" : exchanges)."
        case .inconclusive:
            let none =
                summary.exchanges == 0
                ? "no exchange was found" : "nothing was found wrong with \(exchanges)"
            return "Inconclusive: \(none), but more may be hidden: \(summary.doubts.joined(separator: ", "))."
        case .clean:
            return summary.exchanges == 0
                ? "No exchange was found." : "Clean: nothing was found wrong with \(exchanges)."
        }
    }

    /// "2 errors, 1 warning, 3 notes".
    var findings: String {
        let parts = Level.allCases.reversed().compactMap { level -> String? in
            let count = summary.levels[level] ?? 0
            return count > 0 ? counted(count, level.name) : nil
        }
        return parts.isEmpty ? "no findings" : parts.joined(separator: ", ")
    }

    /// "3 switched, 1 declined".
    var outcomes: String {
        Outcome.allCases.compactMap { outcome in
            summary.outcomes[outcome.name].map { "\(grouped($0)) \(outcome.name)" }
        }.joined(separator: ", ")
    }

    var protocols: String { Self.list(summary.protocols) }
    var rules: String { Self.list(rulesByLevel.map { ($0.rule, $0.count) }) }

    /// The rules that found something, the gravest first.
    var rulesByLevel: [(rule: String, level: Level, count: UInt64)] {
        summary.rules.map { ($0.key, summary.ruleLevels[$0.key] ?? .note, $0.value) }
            .sorted { ($1.level, $1.count, $0.rule) < ($0.level, $0.count, $1.rule) }
    }

    /// What could not be seen, a line each; empty when everything was.
    var unseen: [String] {
        let traffic = summary.traffic
        var lines: [String] = []
        if traffic.encryptedConnections > 0 {
            lines.append(
                "\(counted(traffic.encryptedConnections, "encrypted connection")): an upgrade inside cannot be seen"
                    + names)
        }
        if traffic.gapBytes > 0 {
            lines.append("\(counted(traffic.gapBytes, "byte")) missing from the captured streams")
        }
        if traffic.oneDirectionConnections > 0 {
            lines.append("\(counted(traffic.oneDirectionConnections, "connection")) with one direction only")
        }
        if traffic.malformed > 0 { lines.append("\(counted(traffic.malformed, "packet")) malformed") }
        let kinds = traffic.kinds.byName
        if !kinds.isEmpty { lines.append("not dissected: \(Self.list(kinds))") }
        for capture in report.captures {
            let path = TerminalText.safe(CapturedText(Array(capture.path.utf8)))
            for problem in capture.problems {
                lines.append(
                    "\(path): \(TerminalText.safe(problem.message)) (\(problem.kind), at byte \(problem.offset) of the file)"
                )
            }
            if !capture.complete, capture.problems.isEmpty { lines.append("\(path): not complete") }
            let drops = capture.interfaces.reduce(UInt64(0)) { $0.addingReportingOverflow($1.drops ?? 0).partialValue }
            if drops > 0 { lines.append("\(path): \(counted(drops, "packet")) dropped while capturing") }
            if capture.snappedPackets > 0 {
                lines.append("\(path): \(counted(capture.snappedPackets, "packet")) captured in part")
            }
        }
        if !traffic.limitsHit.isEmpty { lines.append("limits hit: \(Self.list(traffic.limitsHit))") }
        let omitted = report.omitted
        if !omitted.isEmpty {
            let what = "\(counted(omitted.exchanges, "exchange")) and \(counted(omitted.findings, "finding"))"
            let isNothing = omitted.exchanges == 0 && omitted.findings == 0
            lines.append(isNothing ? omitted.why : "left out: \(what) (\(omitted.why))")
        }
        return lines
    }

    private var names: String {
        let known = report.unseenNames.filter { $0.name.serverName != nil }
        guard !known.isEmpty else { return "" }
        let shown = known.prefix(5).map { name, count in
            TerminalText.safe(CapturedText(Array((name.serverName ?? "").utf8)), limit: 80)
                + (count > 1 ? " ×\(grouped(count))" : "")
        }
        let more = known.count > 5 ? " and \(grouped(known.count - 5)) more" : ""
        return " (\(shown.joined(separator: ", "))\(more))"
    }

    private static func list(_ counts: [String: UInt64]) -> String {
        list(counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) })
    }

    private static func list(_ counts: [(name: String, count: UInt64)]) -> String {
        var words = counts.prefix(20).map { name, count in
            "\(TerminalText.safe(CapturedText(Array(name.utf8)), limit: 60)) ×\(grouped(count))"
        }
        if counts.count > 20 { words.append("and \(grouped(counts.count - 20)) more") }
        return words.joined(separator: ", ")
    }
}

// Sentences about a replay, shared by its renderers for people. Everything here is safe to show on a terminal; HTML
// and XML escape it once more.

import Ground
import Investigation
import Replay
import Reports
import Traffic

/// Words about one exchange of a replay.
struct ReplayWords {
    let exchange: ReplayedExchange

    init(_ exchange: ReplayedExchange) { self.exchange = exchange }

    /// "3 differences: status, message-changed".
    var differences: String {
        let count = exchange.differences.count + exchange.omittedDifferences
        var kinds: [String] = []
        for difference in exchange.differences where !kinds.contains(difference.kind.rawValue) {
            kinds.append(difference.kind.rawValue)
        }
        return counted(count, "difference") + (kinds.isEmpty ? "" : ": " + kinds.joined(separator: ", "))
    }

    /// "1 same, 2 differ, 1 failed, 3 skipped".
    static func verdicts(of report: ReplayReport) -> String {
        let words = [
            (report.count(.same), "same"), (report.count(.differs), report.count(.differs) == 1 ? "differs" : "differ"),
            (report.count(.failed), "failed"), (report.count(.skipped), "skipped"),
        ]
        return words.filter { $0.0 > 0 }.map { "\(grouped($0.0)) \($0.1)" }.joined(separator: ", ")
    }

    /// The whole replay in a sentence.
    static func verdict(of report: ReplayReport) -> String {
        let total = Verdict.allCases.reduce(0) { $0 + report.count($1) }
        let said = total - report.count(.skipped)
        let stopped = report.interrupted ? " Interrupted." : ""
        if said == 0 { return "Nothing was said: \(counted(total, "exchange")), all skipped.\(stopped)" }
        if report.count(.same) == said {
            let all = said == 1 ? "The exchange is" : "All \(grouped(said)) exchanges are"
            return "\(all) the same as recorded.\(stopped)"
        }
        for (verdict, words) in [(Verdict.differs, "differ from what was recorded"), (.failed, "failed")]
        where report.count(verdict) == said {
            let all = said == 1 ? "The exchange \(verdict == .differs ? "differs from what was recorded" : words)" : nil
            return "\(all ?? "All \(grouped(said)) exchanges \(words)").\(stopped)"
        }
        return "\(counted(total, "exchange")): \(verdicts(of: report)).\(stopped)"
    }

    /// "101, websocket, chat; 3 messages, Close 1000".
    static func outline(_ outline: SessionOutline) -> [(name: String, value: String)] {
        var rows: [(name: String, value: String)] = []
        rows.append(("Answer", outline.status.map { "\($0)" } ?? "none"))
        if let outcome = outline.outcome { rows.append(("Outcome", outcome.name)) }
        if let name = outline.protocolName, !name.isEmpty { rows.append(("Protocol", safe(name))) }
        if let name = outline.subprotocol { rows.append(("Subprotocol", safe(name))) }
        if !outline.extensions.isEmpty {
            rows.append(("Extensions", outline.extensions.map { safe($0) }.joined(separator: ", ")))
        }
        for direction in Direction.allCases {
            let words = "\(counted(outline.messages[direction], "message")), \(grouped(outline.bytes[direction])) bytes"
            rows.append((direction == .client ? "From the client" : "From the server", words))
        }
        if let code = outline.closeCode { rows.append(("Close", code == 1005 ? "without a code" : "\(code)")) }
        if let handshake = outline.handshake { rows.append(("Handshake", milliseconds(handshake))) }
        if let duration = outline.duration { rows.append(("Duration", milliseconds(duration))) }
        return rows
    }

    /// Milliseconds with three decimals.
    static func milliseconds(_ nanoseconds: Int64) -> String {
        let micro = nanoseconds / 1000
        return "\(micro < 0 ? "-" : "")\(grouped(micro.magnitude / 1000))."
            + Digits.decimal(micro.magnitude % 1000, 3) + " ms"
    }

    /// The same of what was measured in milliseconds.
    static func milliseconds(_ value: Double) -> String {
        milliseconds(Int64(clamping: JSONWriter.millionths(value))).replacing(" ms", with: "")
    }

    static func safe(_ text: String) -> String { TerminalText.safe(CapturedText(Array(text.utf8)), limit: 4000) }
}

/// Words about one difference.
struct DifferenceWords {
    let difference: Difference

    init(_ difference: Difference) { self.difference = difference }

    /// "message-changed at server message 3, /user/name".
    var title: String {
        difference.kind.rawValue + (difference.at.isEmpty ? "" : " at \(ReplayWords.safe(difference.at))")
    }

    /// "packet 12; +3.200 ms live".
    var place: String {
        var parts: [String] = []
        if let packet = difference.packet { parts.append("packet \(packet.packet)") }
        if let time = difference.liveTime { parts.append("+\(ReplayWords.milliseconds(time)) live") }
        return parts.joined(separator: "; ")
    }

    var recorded: String? { difference.recorded.map { ReplayWords.safe($0) } }
    var live: String? { difference.live.map { ReplayWords.safe($0) } }
}

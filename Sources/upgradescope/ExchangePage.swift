// One exchange as a page of text. Captured bytes are escaped before they reach a terminal, and what is secret is
// blotted out by length.

import Inspection
import Reports
import Traffic

struct ExchangePage {
    private let shown: ReportedExchange
    private let hex: Bool
    private let follow: [Direction]
    private let showSecrets: Bool
    private var exchange: Exchange { shown.exchange }

    init(_ shown: ReportedExchange, hex: Bool, follow: [Direction], showSecrets: Bool) {
        self.shown = shown
        self.hex = hex
        self.follow = follow
        self.showSecrets = showSecrets
    }

    var text: String {
        var lines = title
        for head in [exchange.request].compactMap({ $0 }) + exchange.interim + [exchange.response].compactMap({ $0 }) {
            lines += [""] + self.lines(of: head)
        }
        if let early = exchange.early, early.verdict != .none { lines += [""] + self.lines(of: early) }
        lines += afterSwitch
        for direction in follow { lines += [""] + followed(direction) }
        lines += findings
        return lines.map { printable($0) + "\n" }.joined()
    }

    private var title: [String] {
        let facts = exchange.connection
        var outcome = exchange.outcome.name
        if let reason = exchange.reason.name { outcome += " (\(reason))" }
        if exchange.outcome == .switched, !exchange.protocolName.isEmpty { outcome += " to \(exchange.protocolName)" }
        var lines = [
            "exchange \(shown.id): \(outcome)",
            "  client \(facts.client), server \(facts.server)" + facts.tunnels.map { ", \($0)" }.joined(),
            "  packets \(exchange.firstMark.packet) to \(exchange.lastMark.packet), "
                + "\(exchange.firstMark.time.text) to \(exchange.lastMark.time.text)",
        ]
        if let parent = shown.parent { lines.append("  inside exchange \(parent)") }
        if exchange.touchesGap { lines.append("  bytes are missing between the request and the end of the response") }
        if !exchange.limitsHit.isEmpty { lines.append("  limits hit: \(exchange.limitsHit.joined(separator: ", "))") }
        return lines
    }

    private func lines(of head: MessageHead) -> [String] {
        let place = head.place
        let secrets = showSecrets ? [] : Redaction.secretRanges(of: head)
        return [
            "\(place.direction.name), packet \(place.first.packet), \(place.first.time.text), "
                + "stream bytes \(place.offset) to \(place.end)"
        ] + shownBytes(head.bytes, secrets: secrets, offset: place.offset)
    }

    private func lines(of early: EarlyData) -> [String] {
        var line = "early data (\(early.verdict.name)): \(early.clientBytes) bytes from packet "
        line += "\(early.place.first.packet) on, \(early.place.first.time.text)"
        if early.looksLike != .unknown { line += ", looks like \(early.looksLike.name)" }
        return [line] + shownBytes(early.excerpt, secrets: secrets(in: early.excerpt), offset: early.place.offset)
    }

    private var afterSwitch: [String] {
        guard exchange.outcome == .switched else { return [] }
        var lines = [""]
        for direction in Direction.allCases {
            var line = "\(direction.name) behind the switch: \(exchange.switched[direction].bytes) bytes"
            if let side = exchange.websocket?.sides[direction] {
                var frames: [String] = []
                for opcode in 0..<16 where side.frames[opcode] > 0 {
                    frames.append("\(side.frames[opcode]) \(WebSocketFacts.opcodeName(opcode))")
                }
                if !frames.isEmpty { line += "; frames: " + frames.joined(separator: ", ") }
                if let close = side.close {
                    line += "; closed in packet \(close.place.first.packet)"
                    if let code = close.code { line += " with \(code)" }
                    if !close.reason.isEmpty { line += " \"\(String(decoding: close.reason, as: UTF8.self))\"" }
                }
            }
            if let side = exchange.http2?.sides[direction] {
                var frames: [String] = []
                for kind in side.frames.indices where side.frames[kind] > 0 {
                    let known = kind < HTTP2Facts.frameNames.count
                    frames.append("\(side.frames[kind]) \(known ? HTTP2Facts.frameNames[kind] : "other")")
                }
                if !frames.isEmpty { line += "; frames: " + frames.joined(separator: ", ") }
            }
            lines.append(line)
        }
        return lines
    }

    private func followed(_ direction: Direction) -> [String] {
        let stream = exchange.switched[direction]
        guard let start = stream.start, !stream.excerpt.isEmpty else {
            return ["\(direction.name): no bytes behind a switch"]
        }
        let mark = stream.first.map { ", packet \($0.packet), \($0.time.text)" } ?? ""
        let amount = "the first \(stream.excerpt.count) of \(stream.bytes) bytes behind the switch"
        return ["\(direction.name), \(amount)\(mark)"]
            + shownBytes(stream.excerpt, secrets: secrets(in: stream.excerpt), offset: start)
    }

    private var findings: [String] {
        guard !shown.findings.isEmpty else { return ["", "no findings"] }
        return shown.findings.flatMap { reported -> [String] in
            let finding = reported.finding
            let standing = "\(finding.certainty.name), at fault: \(finding.fault.name)"
            var lines = [
                "", "\(finding.level.name) \(finding.rule) \(finding.name) (\(standing))", "  \(finding.message)",
            ]
            if let rule = Catalogue.rule(finding.rule), !rule.why.isEmpty { lines.append("  why: \(rule.why)") }
            lines.append("  source: \(finding.source)")
            lines += finding.fix.split(separator: "\n").enumerated().map { ($0 == 0 ? "  fix: " : "       ") + $1 }
            for evidence in finding.evidence {
                let place = evidence.place
                lines.append(
                    "  \(evidence.label): packet \(place.first.packet), \(place.direction.name) stream bytes "
                        + "\(place.offset) to \(place.end)")
                if hex { lines += hexLines(evidence.excerpt, offset: place.offset).map { "  " + $0 } }
            }
            return lines
        }
    }

    // MARK: Bytes

    /// Tunnelled HTTP carries credentials too.
    private func secrets(in bytes: [UInt8]) -> [Range<Int>] {
        showSecrets ? [] : Redaction.secretRanges(in: bytes[...])
    }

    private func shownBytes(_ bytes: [UInt8], secrets: [Range<Int>], offset: Int64) -> [String] {
        if hex {
            var blotted = bytes
            _ = Redaction.blot(&blotted, at: 0, secrets: secrets)
            return hexLines(blotted, offset: offset)
        }
        let text = Redaction.text(bytes[...], hiding: secrets)
        // Line ends of the wire end a line here; whatever else is odd is escaped by the page.
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false).map {
            "  " + $0.replacing("\n", with: "\\n")
        }
        if lines.last == "  " { lines.removeLast() }
        if lines.last == "  " { lines.removeLast() }
        return lines
    }

    private func hexLines(_ bytes: [UInt8], offset: Int64) -> [String] {
        stride(from: 0, to: bytes.count, by: 16).map { start in
            let row = bytes[start..<min(start + 16, bytes.count)]
            let numbers = row.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
            let shown = String(String.UnicodeScalarView(row.map { 0x20...0x7e ~= $0 ? UnicodeScalar($0) : "." }))
            let place = String(offset + Int64(start), radix: 16)
            return "  " + String(repeating: "0", count: max(0, 8 - place.count)) + place + "  "
                + numbers + String(repeating: " ", count: 49 - numbers.count) + shown
        }
    }
}

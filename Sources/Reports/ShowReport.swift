// One exchange in full, for `show CAPTURE ID`: heads as they were, what came early, what was spoken after the
// switch (message by message, where the report has messages), times, and each finding with all bytes that were kept.

import Ground
import Inspection
public import Investigation
public import Traffic

/// Writes one exchange as text.
public struct ShowReport: Sendable {
    /// Heads and messages are dumped as bytes.
    public var hex = false
    /// What these directions said after the switch is shown in full: their messages, or the bytes that were kept.
    public var follow: [Direction] = []
    public var layout = TextLayout()

    public init(hex: Bool = false, follow: [Direction] = [], layout: TextLayout = TextLayout()) {
        self.hex = hex
        self.follow = follow
        self.layout = layout
    }

    public func write(_ reported: ReportedExchange, of report: Report, to sink: inout any ByteSink) throws {
        var text = TextLines(layout: layout)
        let exchange = reported.exchange
        let showSecrets = report.options.showSecrets
        TextReport.heading(reported, report: report, to: &text)
        connection(exchange, to: &text)
        if let request = exchange.request {
            head("Request", request, sign: ">", showSecrets: showSecrets, since: exchange.firstMark, to: &text)
        }
        for interim in exchange.interim {
            head("Interim response", interim, sign: "<", showSecrets: showSecrets, since: exchange.firstMark, to: &text)
        }
        if let response = exchange.response {
            head("Response", response, sign: "<", showSecrets: showSecrets, since: exchange.firstMark, to: &text)
        }
        if let early = exchange.early, early.verdict != .none { self.early(early, showSecrets: showSecrets, to: &text) }
        session(exchange, to: &text)
        let messages = ShowMessages(
            exchange: exchange, directions: follow.isEmpty ? Direction.allCases : follow,
            isFull: hex || !follow.isEmpty, hex: hex, showSecrets: showSecrets, layout: layout)
        let isTold = try report.withMessages(of: reported) { try messages.write(&$0, to: &text, sink: &sink) }
        if hex || !isTold {
            for direction in follow { followed(exchange, direction, showSecrets: showSecrets, to: &text) }
        }
        times(exchange, to: &text)
        findings(reported, report: report, to: &text)
        try text.drain(to: &sink, atLeast: 1)
    }

    private func title(_ title: String, _ note: String = "", to text: inout TextLines) {
        text.line()
        text.line(layout.paint(title, .bold) + (note.isEmpty ? "" : layout.paint("  \(note)", .dim)))
    }

    private func connection(_ exchange: Exchange, to text: inout TextLines) {
        let facts = exchange.connection
        title("Connection", to: &text)
        text.labelled(
            "id", "\(facts.id), community \(CommunityID.text(facts.client, facts.server))", indent: 2, column: 11)
        if let proxied = facts.proxied {
            text.labelled("made for", "\(proxied.client) → \(proxied.server)", indent: 2, column: 11)
        }
        if !facts.tunnels.isEmpty {
            text.labelled("inside", TerminalText.safe(facts.tunnels.joined(separator: ", ")), indent: 2, column: 11)
        }
        if let server = facts.serverRoundTrip, let client = facts.clientRoundTrip {
            let near = facts.tap.map { $0 == "middle" ? ", captured in the middle" : ", captured near the \($0)" } ?? ""
            text.labelled(
                "handshake",
                "\(DurationText.milliseconds(server)) ms to the server, \(DurationText.milliseconds(client)) ms to the client\(near)",
                indent: 2, column: 11)
        }
        if facts.gapBytes.client > 0 || facts.gapBytes.server > 0 {
            text.labelled(
                "missing", "\(facts.gapBytes.client) bytes of the client, \(facts.gapBytes.server) of the server",
                indent: 2, column: 11)
        }
    }

    private func head(
        _ name: String, _ head: MessageHead, sign: String, showSecrets: Bool, since start: Arrival,
        to text: inout TextLines
    ) {
        let place = head.place
        let after = place.first.time.nanoseconds(since: start.time)
        title(
            name,
            "packet \(place.first.packet), +\(DurationText.milliseconds(after)) ms, \(counted(place.length, "byte")) "
                + "from byte \(place.offset) of the stream", to: &text)
        let captured = HeadText(head, showSecrets: showSecrets)
        if hex {
            let dump = HexDump(head.bytes, redacted: captured.secrets, firstOffset: place.offset)
            for line in dump.lines { text.line("  " + line) }
            return
        }
        var start = head.bytes.startIndex
        while start < head.bytes.endIndex {
            var end = head.bytes[start...].firstIndex(of: 0x0a) ?? head.bytes.endIndex
            let next = min(end + 1, head.bytes.endIndex)
            if end > start, head.bytes[end - 1] == 0x0d { end -= 1 }
            let line = TerminalText.safe(captured.text(head.bytes[start..<end]))
            for piece in TerminalText.fold(line, width: layout.width - 4) {
                text.line("  \(layout.paint(sign, .dim)) \(piece)")
            }
            start = next
        }
    }

    /// Kept bytes; a head among them has its secrets hidden like any other.
    private func dump(_ bytes: [UInt8], offset: Int64, showSecrets: Bool) -> [String] {
        let secrets = showSecrets ? [] : Redaction.secretRanges(in: bytes[...])
        return HexDump(bytes, redacted: secrets, firstOffset: offset).lines
    }

    private func early(_ early: EarlyData, showSecrets: Bool, to text: inout TextLines) {
        let missing = early.missing.isEmpty ? "" : " (\(early.missing))"
        title("Early data", "\(early.verdict.name)\(missing)", to: &text)
        var line = "\(counted(early.clientBytes, "client byte")) from packet \(early.place.first.packet) on"
        if let acknowledged = early.acknowledged {
            line += ", sent when \(acknowledged) server bytes had been received"
        }
        if let start = early.responseStart, let end = early.responseEnd {
            line += "; the answer is bytes \(start) to \(end - 1)"
        }
        text.labelled("seen", line, indent: 2, column: 11)
        if let atServer = early.atServerBytes {
            text.labelled(
                "at server", "\(counted(atServer, "byte")) had arrived when it answered", indent: 2, column: 11)
        }
        text.labelled("looks like", early.looksLike.name, indent: 2, column: 11)
        let shown = Array(early.excerpt.prefix(Int(clamping: max(early.place.length, 1))))
        for line in dump(shown, offset: early.place.offset, showSecrets: showSecrets) { text.line("  " + line) }
    }

    private func session(_ exchange: Exchange, to text: inout TextLines) {
        guard exchange.outcome == .switched else { return }
        let words = ExchangeWords(exchange, Validity(), showSecrets: false)
        title("After the switch", words.protocolName ?? "", to: &text)
        for direction in Direction.allCases {
            text.labelled(
                direction.name, sessionLine(exchange, direction), indent: 2, column: 11)
        }
        if let facts = exchange.websocket {
            text.labelled(
                "closed by",
                facts.closedBy
                    + (facts.sides.client.close != nil && facts.sides.server.close != nil
                        ? ", cleanly" : ""),
                indent: 2, column: 11)
            if let times = facts.pings.spread {
                text.labelled(
                    "pings",
                    "\(counted(facts.pings.count, "round trip")): \(DurationText.milliseconds(times.min)) to "
                        + "\(DurationText.milliseconds(times.max)) ms, median \(DurationText.milliseconds(times.median)) ms",
                    indent: 2, column: 11)
            }
        }
    }

    private func sessionLine(_ exchange: Exchange, _ direction: Direction) -> String {
        var parts = [counted(exchange.switched[direction].bytes, "byte")]
        if let side = exchange.websocket?.sides[direction] {
            let frames = side.frameWords
            parts.append(frames.isEmpty ? "no frames" : "frames: " + frames)
            parts.append(
                "\(counted(side.textMessages, "text message")), \(grouped(side.binaryMessages)) binary, "
                    + counted(side.payloadBytes, "payload byte"))
            if let close = side.close {
                let reason =
                    close.reason.isEmpty ? "" : " \u{201c}\(TerminalText.safe(CapturedText(close.reason)))\u{201d}"
                parts.append(
                    "Close \(close.code.map { "\($0)" } ?? "without a code")\(reason) in packet \(close.place.first.packet)"
                )
            }
            if let compression = side.compressionWords { parts.append(compression) }
            if let resumed = side.resumedWords {
                parts.append(resumed)
            } else if side.lost {
                parts.append("frames could not be followed to the end")
            }
        }
        if let session = exchange.session { parts += session.words[direction].map { TerminalText.safe($0) } }
        return parts.joined(separator: "; ")
    }

    private func followed(
        _ exchange: Exchange, _ direction: Direction, showSecrets: Bool, to text: inout TextLines
    ) {
        let stream = exchange.switched[direction]
        guard !stream.excerpt.isEmpty else { return }
        title(
            "First bytes of the \(direction.name)", "\(stream.excerpt.count) of \(counted(stream.bytes, "byte")) kept",
            to: &text)
        for line in dump(stream.excerpt, offset: stream.start ?? 0, showSecrets: showSecrets) {
            text.line("  " + layout.paint(line, .cyan))
        }
    }

    private func times(_ exchange: Exchange, to text: inout TextLines) {
        title("Times", to: &text)
        text.labelled("started", exchange.firstMark.time.text, indent: 2, column: 11)
        text.labelled("ended", exchange.lastMark.time.text, indent: 2, column: 11)
        if let latency = exchange.latency {
            let first = latency.firstMessage.map { ", first message \(DurationText.milliseconds($0)) ms later" } ?? ""
            text.labelled(
                "answered", "after \(DurationText.milliseconds(latency.handshake)) ms\(first)", indent: 2, column: 11)
        }
    }

    private func findings(_ reported: ReportedExchange, report: Report, to text: inout TextLines) {
        title("Findings", reported.findings.isEmpty ? "none" : "", to: &text)
        var told = TextReport.Told()
        for finding in reported.findings {
            TextReport.finding(
                finding, report: report, place: "#\(reported.id)", told: &told, evidenceRows: 64, to: &text)
            text.line()
        }
    }
}

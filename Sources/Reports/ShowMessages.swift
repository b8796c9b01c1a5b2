// What was said in a WebSocket session, for `show`: a line for each message, or the messages of a side in full.

import Ground
import Inspection
import Investigation
import Traffic

/// Writes the messages of one exchange as text.
struct ShowMessages {
    let exchange: Exchange
    /// Which sides are reported.
    let directions: [Direction]
    /// Everything that was kept of a message is shown, not its beginning.
    let isFull: Bool
    let hex: Bool
    let showSecrets: Bool
    let layout: TextLayout

    /// The columns before what a message says.
    private static let margin = "    "
    private static let head = "  packet         after     type       bytes"

    /// Writes what the walk gives; `false` when it gives nothing.
    func write(_ walk: inout MessageWalk, to text: inout TextLines, sink: inout any ByteSink) throws -> Bool {
        var hasAny = false
        var hasTold = false
        while let message = try walk.next() {
            hasAny = true
            guard directions.contains(message.direction) else { continue }
            if !hasTold {
                text.line()
                text.line(layout.paint(title, .bold))
                text.line(layout.paint(Self.head, .dim))
            }
            hasTold = true
            tell(message, to: &text)
            try text.drain(to: &sink)
        }
        if hasAny, !hasTold {
            text.line()
            text.line(layout.paint(title, .bold) + layout.paint("  none", .dim))
        }
        return hasAny
    }

    private var title: String {
        directions.count == 1 ? "Messages of the \(directions.map(\.name).joined())" : "Messages"
    }

    private func tell(_ message: TranscriptMessage, to text: inout TextLines) {
        let mark = message.place.first
        let after = DurationText.milliseconds(mark.time.nanoseconds(since: exchange.firstMark.time))
        let start =
            "\(mark.packet)".rightAligned(8) + "+\(after) ms".rightAligned(15) + "  "
            + (message.direction == .client ? ">" : "<") + " "
            + WebSocketFacts.opcodeName(Int(message.opcode)).leftAligned(8) + grouped(message.length).rightAligned(8)
        let notes = notes(message)
        let note = notes.isEmpty ? "" : layout.paint("  (\(notes.joined(separator: ", ")))", .dim)
        let noteColumns = notes.isEmpty ? 0 : TerminalText.columns(notes.joined(separator: ", ")) + 3
        guard isFull, message.opcode != 8 else {
            let room = max(16, layout.width - start.count - 2 - noteColumns)
            let said = cut(beginning(of: message, room: room), to: room)
            return text.line(start + note + (said.isEmpty ? "" : (notes.isEmpty ? "  " : " ") + said))
        }
        text.line(start + note)
        for line in content(of: message) { text.line(Self.margin + layout.paint(line, .cyan)) }
        let left = message.length - Int64(message.payload.count)
        if left > 0 { text.line(Self.margin + "… \(counted(left, "more byte"))") }
    }

    /// What is unusual about how it was said.
    private func notes(_ message: TranscriptMessage) -> [String] {
        var notes: [String] = []
        if message.fragmentCount > 1 { notes.append("in \(message.fragmentCount) fragments") }
        if message.isCompressed { notes.append("compressed to \(grouped(message.wireLength))") }
        if message.isUnreadable { notes.append("cannot be inflated") }
        if message.missing > 0 {
            notes.append("\(counted(message.missing, "byte")) not captured")
        } else if !message.isComplete {
            notes.append("without an end")
        }
        return notes
    }

    /// Enough of it for one line.
    private func beginning(of message: TranscriptMessage, room: Int) -> String {
        if message.opcode == 8 {
            guard let code = message.closeCode else { return "without a code" }
            let reason = message.closeReason
            return "\(code)" + (reason.isEmpty ? "" : " “\(TerminalText.safe(CapturedText(reason)))”")
        }
        guard message.opcode == 1 || message.opcode > 8, UTF8Walk.isValid(message.payload[...]) else {
            let bytes = message.payload.prefix(room / 3 + 1).map { Digits.hex($0) }
            let isAll = bytes.count == message.payload.count && !message.isCut
            return bytes.joined(separator: " ") + (isAll ? "" : " …")
        }
        let isCut = message.isCut ? "…" : ""
        return TerminalText.safe(captured(message), limit: room + 1) + isCut
    }

    private func content(of message: TranscriptMessage) -> [String] {
        if message.payload.isEmpty { return [] }
        guard message.opcode == 1, !hex else {
            let secrets = showSecrets ? [] : Redaction.secretRanges(in: message.payload[...])
            return HexDump(message.payload, redacted: secrets).lines
        }
        // Line ends of the text are line ends here.
        let text = captured(message)
        var lines: [String] = []
        var start = message.payload.startIndex
        while start < message.payload.endIndex {
            let end = message.payload[start...].firstIndex(of: 0x0a) ?? message.payload.endIndex
            lines += TerminalText.fold(
                TerminalText.safe(text[start..<end]), width: layout.width - Self.margin.count)
            start = end + 1
        }
        return lines
    }

    private func captured(_ message: TranscriptMessage) -> CapturedText {
        CapturedText(
            message.payload, secrets: showSecrets ? [] : Redaction.secretRanges(in: message.payload[...]))
    }

    private func cut(_ text: String, to width: Int) -> String {
        guard TerminalText.columns(text) > width else { return text }
        var kept = ""
        var used = 1
        for character in text {
            used += TerminalText.columns(String(character))
            if used > width { break }
            kept.append(character)
        }
        return kept + "…"
    }
}

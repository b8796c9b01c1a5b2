// The table of all connections as text: who, what, how it began and ended, and what was seen of both streams.

import Ground
import Inspection
import Investigation
import Traffic

/// Writes the connections of a report, in order of their first packets.
enum ConnectionLines {
    static func write(_ report: Report, to text: inout TextLines, sink: inout any ByteSink) throws {
        text.line()
        text.line(text.layout.paint("Connections", .bold))
        var isEmpty = true
        try report.forEachConnection { record in
            isEmpty = false
            line(record, report, to: &text)
            for direction in Direction.allCases {
                text.labelled(direction.name, stream(record.streams[direction]), indent: 4)
                guard let digest = record.streams[direction].digest else { continue }
                text.labelled("sha256", digest.map { Digits.hex($0) }.joined(), indent: 4)
            }
            try text.drain(to: &sink)
        }
        if isEmpty { text.line("  none") }
    }

    private static func line(_ record: ConnectionRecord, _ report: Report, to text: inout TextLines) {
        let facts = record.facts
        var parts = [record.application == .unknown ? "unknown protocol" : record.application.name]
        parts.append(
            facts.first.packet == facts.last.packet
                ? "packet \(facts.first.packet)"
                : "\(counted(record.packets, "packet")), \(facts.first.packet) to \(facts.last.packet)")
        if report.hasSeveralCaptures { parts[1] += " of \(report.captureName(facts.first.capture))" }
        if record.startedMidstream { parts.append("begun before the capture") }
        switch record.end {
        case .fin: parts.append("ended by FIN")
        case .rst: parts.append("ended by RST")
        case .timeout: parts.append("fell silent")
        case .captureEnd, .reused: parts.append("not ended")
        }
        if !facts.tunnels.isEmpty { parts.append("inside \(TerminalText.safe(facts.tunnels.joined(separator: ", ")))") }
        if let original = record.copyOf { parts.append("copy of connection \(original)") }
        for (index, piece) in TerminalText.wrap(
            "\(facts.client) → \(facts.server)  \(parts.joined(separator: ", "))", width: text.layout.width - 4
        ).enumerated() {
            text.line((index == 0 ? "  " : "    ") + piece)
        }
    }

    private static func stream(_ stream: StreamCounters) -> String {
        var parts = [counted(stream.bytes, "byte")]
        if stream.gapBytes > 0 {
            parts.append("\(grouped(stream.gapBytes)) more missing")
            parts.append("whole as far as byte \(grouped(stream.contiguous))")
        }
        if stream.retransmittedBytes > 0 { parts.append("\(grouped(stream.retransmittedBytes)) sent again") }
        if stream.outOfOrderSegments > 0 {
            parts.append("\(counted(stream.outOfOrderSegments, "segment")) out of order")
        }
        if stream.conflicts > 0 { parts.append("\(counted(stream.conflicts, "conflict")) between copies") }
        return parts.joined(separator: ", ")
    }
}

// Bytes for eyes: offset, hexadecimal, text. Secret bytes are shown as "**", never as what they were.

import Ground

struct HexDump {
    /// One row of sixteen bytes.
    struct Row {
        var offset: String
        var hex: String
        var text: String
    }

    var rows: [Row] = []
    /// Bytes that did not fit the limit.
    var left = 0

    init(_ bytes: [UInt8], redacted: [Range<Int>] = [], limit: Int = .max, firstOffset: Int64 = 0) {
        let shown = min(bytes.count, limit)
        left = bytes.count - shown
        var start = 0
        while start < shown {
            let row = start..<min(start + 16, shown)
            var hex = ""
            var text = ""
            for index in row {
                let hidden = redacted.contains { $0.contains(index) }
                if index > start { hex += index - start == 8 ? "  " : " " }
                hex += hidden ? "**" : Digits.hex(bytes[index])
                let byte = bytes[index]
                text.append(hidden ? "*" : byte >= 0x20 && byte < 0x7f ? Character(Unicode.Scalar(byte)) : "·")
            }
            let offset = Digits.hex(max(firstOffset, 0) &+ Int64(start), 4)
            rows.append(Row(offset: offset, hex: hex, text: text))
            start += 16
        }
    }

    /// The rows as lines of equal shape.
    var lines: [String] {
        var lines = rows.map { row in
            "\(row.offset)  \(row.hex.leftAligned(48))  \(row.text)"
        }
        if left > 0 { lines.append("… \(left) more bytes") }
        return lines
    }
}

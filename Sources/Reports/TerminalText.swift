// Text for a terminal: captured bytes can neither move the cursor nor turn a line around, lines are wrapped
// by columns, and colour is there only when it was asked for.

import Ground

package enum TerminalText {
    /// Captured text with everything treacherous written as an escape.
    package static func safe(_ text: CapturedText, limit: Int = .max) -> String {
        var result = ""
        var count = 0
        text.forEachPiece { piece in
            guard count < limit else { return }
            switch piece {
            case .redacted(let length): result += CapturedText.note(redacted: length)
            case .bytes(let bytes):
                // Most is plain: it is taken as it is, up to the first byte that is not.
                let whole = limit == .max ? bytes : bytes.prefix(0)
                let plain = whole.prefix { 0x20 <= $0 && $0 < 0x7f && $0 != 0x5c }
                result += String(decoding: plain, as: UTF8.self)
                UTF8Walk.forEach(bytes[plain.endIndex...]) { scalar, sequence in
                    count += 1
                    if count == limit { result += "…" }
                    guard count < limit else { return }
                    append(scalar, sequence, to: &result)
                }
            }
        }
        return result
    }

    /// Words of ours that may hold captured text; line ends stay.
    package static func safe(_ text: String) -> String {
        var result = ""
        if text.utf8.allSatisfy({ $0 == 0x0a || 0x20 <= $0 && $0 < 0x7f }) { return text }
        UTF8Walk.forEach(Array(text.utf8)[...]) { scalar, sequence in
            if scalar == 0x0a || scalar == 0x5c {
                result += scalar == 0x0a ? "\n" : "\\"
            } else {
                append(scalar, sequence, to: &result)
            }
        }
        return result
    }

    private static func append(_ scalar: UInt32?, _ sequence: ArraySlice<UInt8>, to result: inout String) {
        guard let scalar else {
            result += "\\x" + Digits.hex(sequence.first ?? 0)
            return
        }
        switch scalar {
        case 0x5c: result += "\\\\"
        case 0x0d: result += "\\r"
        case 0x0a: result += "\\n"
        case 0x09: result += "\\t"
        case let scalar where scalar < 0x80 && HiddenCharacters.isTreacherous(scalar):
            result += "\\x" + Digits.hex(UInt8(truncatingIfNeeded: scalar))
        case let scalar where HiddenCharacters.isTreacherous(scalar): result += HiddenCharacters.escape(scalar)
        default: result += String(decoding: sequence, as: UTF8.self)
        }
    }

    /// Columns a text takes: two for East Asian wide characters and pictographs, none for combining marks.
    package static func columns(_ text: some StringProtocol) -> Int {
        let bytes = text.utf8
        if bytes.allSatisfy({ $0 < 0x80 }) { return bytes.count }
        return text.unicodeScalars.reduce(0) { sum, scalar in
            switch scalar.value {
            case 0x300...0x36f, 0x1ab0...0x1aff, 0x1dc0...0x1dff, 0x20d0...0x20ff, 0xfe00...0xfe0f, 0xfe20...0xfe2f: sum
            case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60,
                0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
                sum + 2
            default: sum + 1
            }
        }
    }

    /// Lines of at most `width` columns, broken at spaces; a word that is longer is cut.
    ///
    /// Configuration is told by its place: of a text whose further paragraphs are `configuration`, broken lines
    /// of those go on further to the right.
    package static func wrap(_ text: String, width: Int, configuration: Bool = false) -> [String] {
        let width = max(width, 20)
        var lines: [String] = []
        for (number, bytes) in text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let paragraph = Substring(bytes)
            if isOneLine(bytes, width: width) {
                lines.append(String(paragraph))
                continue
            }
            // Indented lines are configuration: their spaces mean something.
            let indent = String(repeating: " ", count: bytes.prefix { $0 == 0x20 }.count)
            let further = configuration && number > 0 ? indent + "    " : indent
            var line = indent
            var used = indent.utf8.count
            var isFresh = true
            for word in bytes.split(separator: 0x20) {
                var rest = Substring(word)
                var columns = columns(rest)
                if !isFresh, used + 1 + columns > width {
                    lines.append(line)
                    line = further
                    used = further.utf8.count
                    isFresh = true
                }
                if !isFresh {
                    line += " "
                    used += 1
                }
                while used + columns > width {
                    let head = cut(&rest, columns: width - used)
                    lines.append(line + head)
                    line = further
                    used = further.utf8.count
                    columns = Self.columns(rest)
                    if rest.isEmpty { break }
                }
                line += rest
                used += columns
                isFresh = rest.isEmpty
            }
            lines.append(line)
        }
        return lines
    }

    /// Nothing is to be done: no byte of it is more than a column, and its words are one space apart.
    private static func isOneLine(_ bytes: Substring.UTF8View, width: Int) -> Bool {
        var count = 0
        var before: UInt8 = 0x2e
        var isIndent = true
        for byte in bytes {
            if byte != 0x20 { isIndent = false } else if before == 0x20, !isIndent { return false }
            before = byte
            count += 1
        }
        return count <= width && (before != 0x20 || isIndent)
    }

    /// Takes the beginning of a word that fits, at least one character.
    private static func cut(_ word: inout Substring, columns: Int) -> Substring {
        var end = word.startIndex
        var used = 0
        while end < word.endIndex {
            let next = word.index(after: end)
            used += Self.columns(word[end..<next])
            if used > columns, end > word.startIndex { break }
            end = next
        }
        let head = word[..<end]
        word = word[end...]
        return head
    }
}

extension TerminalText {
    /// Captured text in lines of at most `width` columns, broken after spaces where there are some: every space of it
    /// stays, because it may be what is wrong.
    package static func fold(_ text: String, width: Int) -> [String] {
        let width = max(width, 20)
        if columns(text) <= width { return [text] }
        var lines: [String] = []
        var line = ""
        var used = 0
        for character in text {
            let needed = columns(String(character))
            if used + needed > width {
                let space = line.lastIndex(of: " ").map { line.index(after: $0) }
                let end = space.flatMap { columns(line[..<$0]) > width / 2 ? $0 : nil } ?? line.endIndex
                lines.append(String(line[..<end]))
                line = String(line[end...])
                used = columns(line)
            }
            line.append(character)
            used += needed
        }
        return lines + [line]
    }
}

/// Colours and weights of the terminal (ECMA-48 SGR).
package enum TextStyle {
    case bold, dim, red, yellow, blue, green, cyan

    package var code: String {
        switch self {
        case .bold: "1"
        case .dim: "2"
        case .red: "1;31"
        case .yellow: "1;33"
        case .blue: "1;34"
        case .green: "1;32"
        case .cyan: "36"
        }
    }
}

/// How text is laid out.
public struct TextLayout: Sendable {
    public var colour = false
    /// Columns of a line.
    public var width = 100
    public init(colour: Bool = false, width: Int = 100) {
        self.colour = colour
        self.width = width
    }

    package func paint(_ text: String, _ style: TextStyle) -> String {
        colour && !text.isEmpty ? "\u{1b}[\(style.code)m\(text)\u{1b}[0m" : text
    }
}

/// Lines on their way to a sink.
package struct TextLines {
    package let layout: TextLayout
    private(set) var bytes: [UInt8] = []

    package init(layout: TextLayout) { self.layout = layout }

    package mutating func line(_ text: String = "") {
        bytes.append(contentsOf: text.utf8)
        bytes.append(0x0a)
    }

    /// A text behind a label, wrapped, its further lines under the first.
    package mutating func labelled(
        _ label: String, _ text: String, indent: Int, style: TextStyle = .dim, column: Int = 8,
        configuration: Bool = false
    ) {
        let gap = String(repeating: " ", count: indent)
        let padding = String(repeating: " ", count: max(1, column - label.count))
        let under = String(repeating: " ", count: indent + max(label.count + 1, column))
        let wrapped = TerminalText.wrap(text, width: layout.width - under.count, configuration: configuration)
        for (index, piece) in wrapped.enumerated() {
            line(index == 0 ? gap + layout.paint(label, style) + padding + piece : piece.isEmpty ? "" : under + piece)
        }
    }

    package mutating func drain(to sink: inout any ByteSink, atLeast threshold: Int = 64 << 10) throws {
        try sink.drain(&bytes, atLeast: threshold)
    }
}

// Text for a terminal: captured bytes can neither move the cursor nor turn a line around, lines are wrapped
// by columns, and colour is there only when it was asked for.

enum TerminalText {
    /// Captured text with everything treacherous written as an escape.
    static func safe(_ text: CapturedText, limit: Int = .max) -> String {
        var result = ""
        var count = 0
        text.forEachPiece { piece in
            guard count < limit else { return }
            switch piece {
            case .redacted(let length): result += CapturedText.note(redacted: length)
            case .bytes(let bytes):
                UTF8Walk.forEach(bytes) { scalar, sequence in
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
    static func safe(_ text: String) -> String {
        var result = ""
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
            result += "\\x" + HexDump.twoDigits(sequence.first ?? 0)
            return
        }
        switch scalar {
        case 0x5c: result += "\\\\"
        case 0x0d: result += "\\r"
        case 0x0a: result += "\\n"
        case 0x09: result += "\\t"
        case let scalar where scalar < 0x80 && UTF8Walk.isTreacherous(scalar):
            result += "\\x" + HexDump.twoDigits(UInt8(truncatingIfNeeded: scalar))
        case let scalar where UTF8Walk.isTreacherous(scalar): result += "\\u{\(String(scalar, radix: 16))}"
        default: result += String(decoding: sequence, as: UTF8.self)
        }
    }

    /// Columns a text takes: two for East Asian wide characters and pictographs, none for combining marks.
    static func columns(_ text: some StringProtocol) -> Int {
        text.unicodeScalars.reduce(0) { sum, scalar in
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
    static func wrap(_ text: String, width: Int, configuration: Bool = false) -> [String] {
        let width = max(width, 20)
        var lines: [String] = []
        for (number, paragraph) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            // Indented lines are configuration: their spaces mean something.
            let indent = String(paragraph.prefix { $0 == " " })
            let further = configuration && number > 0 ? indent + "    " : indent
            var line = indent
            var used = columns(indent)
            var isFresh = true
            for word in paragraph.dropFirst(indent.count).split(separator: " ") {
                var rest = Substring(word)
                if !isFresh, used + 1 + columns(rest) > width {
                    lines.append(line)
                    line = further
                    used = columns(further)
                    isFresh = true
                }
                if !isFresh {
                    line += " "
                    used += 1
                }
                while used + columns(rest) > width {
                    var head = ""
                    while let next = rest.first, used + columns(head) + columns(String(next)) <= width {
                        head.append(next)
                        rest.removeFirst()
                    }
                    if head.isEmpty, let next = rest.first {
                        head.append(next)
                        rest.removeFirst()
                    }
                    lines.append(line + head)
                    line = further
                    used = columns(further)
                    if rest.isEmpty { break }
                }
                line += rest
                used += columns(rest)
                isFresh = rest.isEmpty
            }
            lines.append(line)
        }
        return lines
    }
}

/// Colours and weights of the terminal (ECMA-48 SGR).
enum TextStyle {
    case bold, dim, red, yellow, blue, green, cyan

    var code: String {
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

    func paint(_ text: String, _ style: TextStyle) -> String {
        colour && !text.isEmpty ? "\u{1b}[\(style.code)m\(text)\u{1b}[0m" : text
    }
}

/// Lines on their way to a sink.
struct TextLines {
    let layout: TextLayout
    private(set) var bytes: [UInt8] = []

    init(layout: TextLayout) { self.layout = layout }

    mutating func line(_ text: String = "") {
        bytes.append(contentsOf: text.utf8)
        bytes.append(0x0a)
    }

    /// A text behind a label, wrapped, its further lines under the first.
    mutating func labelled(
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

    mutating func drain(to sink: inout any ByteSink, atLeast threshold: Int = 64 << 10) throws {
        try sink.drain(&bytes, atLeast: threshold)
    }
}

// What has to be sent so that a terminal shows a screen: only what changed, in one piece, so that nothing flickers.
//
// The cursor is put where each run begins, and again after every character beyond ASCII that is not the view's own:
// terminals disagree about how wide some are, and the rest of the line must not depend on who is right.

/// Bytes for a terminal (ECMA-48; private modes of xterm).
public struct ScreenUpdate: Sendable {
    public private(set) var bytes: [UInt8] = []
    private let hasColour: Bool

    /// From what is shown (`nil` when that is unknown) to `screen`.
    public init(from shown: Screen?, to screen: Screen, hasColour: Bool) {
        self.hasColour = hasColour
        let old = shown?.size == screen.size ? shown : nil
        guard old != screen else { return }
        // Between these the terminal shows what was there before (synchronized update).
        append("\u{1b}[?2026h")
        if old == nil { append("\u{1b}[0m\u{1b}[2J") }
        let before = old ?? Screen(screen.size)
        for row in 0..<screen.size.rows { update(row, before, screen) }
        append("\u{1b}[0m\u{1b}[?2026l")
    }

    /// The alternate screen, no cursor, no line that wraps.
    public static let enter = Array("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l".utf8)
    /// All of it undone.
    public static let leave = Array("\u{1b}[?2026l\u{1b}[0m\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l".utf8)

    private mutating func update(_ row: Int, _ old: Screen, _ new: Screen) {
        let columns = new.size.columns
        var style: Style?
        var cursor = -1
        var column = 0
        while column < columns {
            let cell = new[row, column]
            let isWide = column + 1 < columns && new[row, column + 1].text.isEmpty
            let width = isWide ? 2 : 1
            let isSame = cell == old[row, column] && (!isWide || new[row, column + 1] == old[row, column + 1])
            // A few cells that stayed are cheaper to write again than to jump over.
            if isSame, !(cursor == column && changes(row, (column + width)..<(column + 4), old, new)) {
                column += width
                continue
            }
            if cell.text.isEmpty {
                column += 1
                continue
            }
            if cursor != column { append("\u{1b}[\(row + 1);\(column + 1)H") }
            if style != cell.style {
                append(code(cell.style))
                style = cell.style
            }
            append(cell.text)
            column += width
            cursor = isCertain(cell.text) ? column : -1
        }
    }

    private func changes(_ row: Int, _ range: Range<Int>, _ old: Screen, _ new: Screen) -> Bool {
        range.clamped(to: 0..<new.size.columns).contains { new[row, $0] != old[row, $0] }
    }

    private func isCertain(_ text: String) -> Bool {
        text.utf8.count == 1 || ["─", "·", "↑", "↓", "…", "▸", "→"].contains(text)
    }

    private func code(_ style: Style) -> String {
        var code = "\u{1b}[0"
        if style.isBold { code += ";1" }
        if style.isDim { code += ";2" }
        if style.isReversed { code += ";7" }
        if hasColour {
            switch style.colour {
            case .standard: break
            case .red: code += ";31"
            case .green: code += ";32"
            case .yellow: code += ";33"
            case .blue: code += ";34"
            case .cyan: code += ";36"
            }
        }
        return code + "m"
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}

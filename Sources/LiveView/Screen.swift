// What the terminal shall show: rows of cells. Made anew for every change, compared with what is there
// (`ScreenUpdate`), so that whoever fills it need not know what was shown before.

import Ground

/// A filled screen.
public struct Screen: Sendable, Equatable {
    public let size: ScreenSize
    private(set) var cells: [Cell]
    let signs: Signs

    init(_ size: ScreenSize, signs: Signs = .unicode) {
        self.size = size
        self.signs = signs
        cells = Array(repeating: .blank, count: size.columns * size.rows)
    }

    subscript(row: Int, column: Int) -> Cell { cells[row * size.columns + column] }

    /// The rows as text, without the blanks at their ends.
    public var text: [String] {
        (0..<size.rows).map { row in
            var line = (0..<size.columns).map { self[row, $0].text }.joined()
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// Writes `text` from `column` on into at most `width` columns; what does not fit ends in an ellipsis.
    ///
    /// Answers the column after it.
    @discardableResult
    mutating func put(
        _ text: some StringProtocol, row: Int, column: Int, width: Int = .max, style: Style = .plain,
        keepsRightToLeft: Bool = false
    ) -> Int {
        guard (0..<size.rows).contains(row), column >= 0 else { return column }
        let end = column + min(width, max(0, size.columns - column))
        guard column < end else { return column }
        var glyphs = Glyphs.of(text, keepsRightToLeft: keepsRightToLeft)
        if !signs.isUnicode { glyphs = glyphs.flatMap(asASCII) }
        let total = glyphs.reduce(0) { $0 + $1.width }
        let isCut = total > end - column
        let ellipsis = signs.ellipsis
        var position = column
        for glyph in glyphs {
            if position + glyph.width > (isCut ? end - 1 : end) { break }
            set(row, position, Cell(text: glyph.text, style: style))
            if glyph.width == 2 { set(row, position + 1, Cell(text: "", style: style)) }
            position += glyph.width
        }
        if isCut {
            set(row, position, Cell(text: ellipsis, style: style))
            position += 1
        }
        return position
    }

    /// The same with its end at `end`.
    mutating func putRight(_ text: String, row: Int, end: Int, width: Int, style: Style = .plain) {
        let columns = min(Glyphs.columns(text), width)
        put(text, row: row, column: end - columns, width: columns, style: style)
    }

    /// A run of one sign.
    mutating func fill(_ sign: String, row: Int, from: Int, to end: Int, style: Style = .plain) {
        guard (0..<size.rows).contains(row) else { return }
        for column in max(0, from)..<max(0, from, min(end, size.columns)) {
            set(row, column, Cell(text: sign, style: style))
        }
    }

    /// Changes how a whole row looks.
    mutating func restyle(row: Int, _ change: (inout Style) -> Void) {
        guard (0..<size.rows).contains(row) else { return }
        for column in 0..<size.columns { change(&cells[row * size.columns + column].style) }
    }

    /// Gives a run of cells another style.
    mutating func restyle(row: Int, from: Int, to end: Int, _ style: Style) {
        guard (0..<size.rows).contains(row) else { return }
        for column in max(0, from)..<max(0, from, min(end, size.columns)) {
            cells[row * size.columns + column].style = style
        }
    }

    private mutating func set(_ row: Int, _ column: Int, _ cell: Cell) {
        guard column < size.columns else { return }
        let index = row * size.columns + column
        // Half of a wide character is none.
        if cells[index].text.isEmpty, column > 0, !cell.text.isEmpty { cells[index - 1].text = " " }
        if column + 1 < size.columns, cells[index + 1].text.isEmpty { cells[index + 1].text = " " }
        cells[index] = cell
    }

    private func asASCII(_ glyph: Glyph) -> [Glyph] {
        guard let first = glyph.text.unicodeScalars.first, !first.isASCII else { return [glyph] }
        return HiddenCharacters.escape(first.value).unicodeScalars.map { Glyph(text: String($0), width: 1) }
    }
}

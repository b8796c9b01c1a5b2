// The smallest thing on a screen: one character in its style, in one column or two.

/// A colour of the terminal's own palette: its user chose what they look like.
public enum Colour: UInt8, Sendable {
    case standard, red, green, yellow, blue, cyan
}

/// How a cell looks.
public struct Style: Sendable, Equatable {
    public var colour = Colour.standard
    public var isBold = false
    public var isDim = false
    public var isReversed = false

    public init(_ colour: Colour = .standard, bold: Bool = false, dim: Bool = false, reversed: Bool = false) {
        self.colour = colour
        isBold = bold
        isDim = dim
        isReversed = reversed
    }

    static let plain = Style()
    static let bold = Style(bold: true)
    static let dim = Style(dim: true)
    static let reversed = Style(reversed: true)
}

/// One column of a screen.
public struct Cell: Sendable, Equatable {
    /// A character with its combining marks; empty in the second column of a wide one.
    public var text: String
    public var style: Style

    static let blank = Cell(text: " ", style: .plain)
}

/// Columns and rows.
public struct ScreenSize: Sendable, Equatable {
    public var columns: Int
    public var rows: Int

    /// At least one cell, and no more than any terminal has.
    public init(columns: Int, rows: Int) {
        self.columns = min(max(columns, 1), 1000)
        self.rows = min(max(rows, 1), 500)
    }
}

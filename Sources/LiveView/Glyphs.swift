// Text as characters in columns.
//
// What comes from a network has to stay in its cells: a character that is no letter, mark, number, punctuation or
// symbol is written as an escape, so that nothing can move the cursor, hide, or turn a line around. Letters that
// are read from right to left are escaped as well where something stands to their right: a terminal that reorders
// them would take the columns after them along.

import Ground

/// One character and the columns it takes.
struct Glyph {
    var text: String
    var width: Int
}

enum Glyphs {
    /// Combining marks that one character may have: more are for making a mess of the lines above and below.
    private static let marksLimit = 2

    /// The characters of `text`; it may be cut by whoever draws them.
    static func of(_ text: some StringProtocol, keepsRightToLeft: Bool = false) -> [Glyph] {
        var glyphs: [Glyph] = []
        glyphs.reserveCapacity(text.utf8.count)
        var marks = 0
        for scalar in text.unicodeScalars {
            if scalar.isASCII {
                marks = 0
                if scalar.value >= 0x20, scalar.value < 0x7f {
                    glyphs.append(Glyph(text: String(scalar), width: 1))
                } else {
                    escape(scalar, to: &glyphs)
                }
                continue
            }
            switch width(of: scalar) {
            case 0 where marks < marksLimit && !glyphs.isEmpty:
                marks += 1
                glyphs[glyphs.count - 1].text.unicodeScalars.append(scalar)
            case let width? where width > 0 && (keepsRightToLeft || !isRightToLeft(scalar)):
                marks = 0
                glyphs.append(Glyph(text: String(scalar), width: width))
            default:
                marks = marksLimit
                escape(scalar, to: &glyphs)
            }
        }
        return glyphs
    }

    /// Columns `text` takes.
    static func columns(_ text: some StringProtocol) -> Int { of(text).reduce(0) { $0 + $1.width } }

    private static func escape(_ scalar: Unicode.Scalar, to glyphs: inout [Glyph]) {
        for character in HiddenCharacters.escape(scalar.value).unicodeScalars {
            glyphs.append(Glyph(text: String(character), width: 1))
        }
    }

    /// Columns of one scalar; `nil` for what is not shown as it is.
    static func width(of scalar: Unicode.Scalar) -> Int? {
        if HiddenCharacters.isUnprintable(scalar) { return nil }
        return switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: 0
        case .unassigned: nil
        case .spaceSeparator: scalar == " " ? 1 : nil
        default: isWide(scalar.value) || scalar.properties.isEmojiPresentation ? 2 : 1
        }
    }

    /// East Asian Wide and Fullwidth (Unicode Standard Annex 11), as ranges of scripts.
    private static func isWide(_ scalar: UInt32) -> Bool {
        switch scalar {
        case ..<0x1100: false
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x4dbf, 0x4e00...0xa4cf, 0xa960...0xa97c, 0xac00...0xd7a3,
            0xf900...0xfaff, 0xfe10...0xfe19, 0xfe30...0xfe6b, 0xff01...0xff60, 0xffe0...0xffe6, 0x16fe0...0x18d08,
            0x1aff0...0x1b2fb, 0x1f200...0x1f265, 0x20000...0x3fffd:
            true
        default: false
        }
    }

    /// Hebrew, Arabic, Syriac, Thaana, N'Ko and their relatives: the blocks of right-to-left scripts.
    private static func isRightToLeft(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x590...0x8ff, 0xfb1d...0xfdff, 0xfe70...0xfeff, 0x10800...0x10fff, 0x1e800...0x1efff: true
        default: false
        }
    }
}

/// The signs of the view's own; ASCII where the locale is not UTF-8.
public struct Signs: Sendable, Equatable {
    var pointer = "▸"
    var cursor = "▏"
    var rule = "─"
    var dot = "·"
    var up = "↑"
    var down = "↓"
    var ellipsis = "…"
    var arrow = "→"
    var times = "×"
    /// Captured text may be shown beyond ASCII.
    var isUnicode = true

    public static let unicode = Signs()
    public static let ascii = Signs(
        pointer: ">", cursor: "_", rule: "-", dot: "-", up: "^", down: "v", ellipsis: "~", arrow: "->", times: "x",
        isUnicode: false)
}

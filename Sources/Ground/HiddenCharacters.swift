// Characters that cannot be seen, or that change how others look: the lists of them, and how they are made visible.
//
// There are three lists, because there are three readers. A report must not play with any program that shows it
// (`isTreacherous`). A message of ours that quotes a few words only has to stay one line: whoever shows it escapes the
// rest (`isUnquotable`). Text for a terminal of which nothing is known goes by Unicode's own categories, private
// characters included (`isUnprintable`).

/// Which characters are hidden, and what is written for them.
public enum HiddenCharacters {
    /// Characters that change how other text looks or is read: controls, marks of direction, separators, tags.
    @inlinable
    public static func isTreacherous(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x20, 0x7f..<0xa0: true
        case 0x00ad, 0x061c, 0x180e, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff, 0xfff9...0xfffb: true
        case 0xe0000...0xe0fff: true
        default: false
        }
    }

    /// Controls, and what turns the direction of text or takes no room: not quoted in a message.
    public static func isUnquotable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f...0x9f, 0x200b...0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff: true
        default: false
        }
    }

    /// What Unicode calls a control, a format, a separator of lines, or private: a terminal may obey it.
    public static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// What is written for a character that is not shown: "\u{202e}".
    public static func escape(_ scalar: UInt32) -> String { "\\u{\(String(scalar, radix: 16))}" }
}

// HTML text with nothing in it that was not meant: every text is escaped on its way in, captured text after
// its treacherous characters were made visible. Only literals of this program are markup.

package struct HTMLWriter {
    package var bytes: [UInt8] = []
    package init() {}

    /// Markup of ours.
    package mutating func markup(_ literal: StaticString) {
        bytes.append(contentsOf: literal.description.utf8)
    }

    /// Text that is already safe for a terminal, or our own words.
    package mutating func text(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): bytes.append(contentsOf: Array("&amp;".utf8))
            case UInt8(ascii: "<"): bytes.append(contentsOf: Array("&lt;".utf8))
            case UInt8(ascii: ">"): bytes.append(contentsOf: Array("&gt;".utf8))
            case UInt8(ascii: "\""): bytes.append(contentsOf: Array("&quot;".utf8))
            case UInt8(ascii: "'"): bytes.append(contentsOf: Array("&#39;".utf8))
            default: bytes.append(byte)
            }
        }
    }

    /// An element that holds text alone.
    package mutating func element(_ name: StaticString, class style: StaticString? = nil, _ text: String) {
        open(name, class: style)
        self.text(text)
        close(name)
    }

    package mutating func open(_ name: StaticString, class style: StaticString? = nil) {
        markup("<")
        markup(name)
        if let style {
            markup(" class=\"")
            markup(style)
            markup("\"")
        }
        markup(">")
    }

    package mutating func close(_ name: StaticString) {
        markup("</")
        markup(name)
        markup(">")
    }
}

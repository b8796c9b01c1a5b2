// XML 1.0 with nothing in it that was not meant: text is escaped on its way in, and what XML cannot hold at all, not
// even escaped (2.2: controls, U+FFFE, U+FFFF), was made visible before.

import Ground

package struct XMLWriter {
    package var bytes: [UInt8] = Array("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".utf8)
    private var depth = 0
    package init() {}

    /// An element with its attributes, and what `body` puts into it, each element on a line of its own.
    package mutating func element(
        _ name: StaticString, _ attributes: [(name: StaticString, value: String)] = [],
        _ body: (inout XMLWriter) throws -> Void
    ) rethrows {
        begin(name, attributes)
        raw(">\n")
        depth += 1
        try body(&self)
        depth -= 1
        indent()
        raw("</\(name)>\n")
    }

    /// An element without content.
    package mutating func empty(_ name: StaticString, _ attributes: [(name: StaticString, value: String)] = []) {
        begin(name, attributes)
        raw("/>\n")
    }

    /// An element that holds text alone.
    package mutating func element(
        _ name: StaticString, _ attributes: [(name: StaticString, value: String)] = [], text: String
    ) {
        begin(name, attributes)
        raw(">")
        escape(text, attribute: false)
        raw("</\(name)>\n")
    }

    /// Seconds with three decimals, as JUnit wants times.
    package static func seconds(_ nanoseconds: Int64) -> String {
        let milliseconds = max(0, nanoseconds) / 1_000_000
        return "\(milliseconds / 1000)." + Digits.decimal(milliseconds % 1000, 3)
    }

    private mutating func begin(_ name: StaticString, _ attributes: [(name: StaticString, value: String)]) {
        indent()
        raw("<\(name)")
        for (name, value) in attributes {
            raw(" \(name)=\"")
            escape(value, attribute: true)
            raw("\"")
        }
    }

    private mutating func indent() { raw(String(repeating: "  ", count: depth)) }
    private mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func escape(_ text: String, attribute: Bool) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": raw("&amp;")
            case "<": raw("&lt;")
            case ">": raw("&gt;")
            case "\"": raw("&quot;")
            // A parser would make a space of these in an attribute.
            case "\n" where attribute: raw("&#10;")
            case "\t" where attribute: raw("&#9;")
            case "\n", "\t", "\u{20}"..."\u{7e}": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case "\u{fffe}", "\u{ffff}", "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}":
                raw(HiddenCharacters.escape(scalar.value))
            default: raw(String(scalar))
            }
        }
    }
}

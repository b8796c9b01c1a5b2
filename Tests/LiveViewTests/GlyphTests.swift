import TestSupport
import Testing

@testable import LiveView

@Suite struct GlyphTests {
    static let rows: [(text: String, shown: String, columns: Int)] = [
        ("chat", "chat", 4),
        ("日本", "日本", 4),
        ("한글", "한글", 4),
        ("ｆｕｌｌ", "ｆｕｌｌ", 8),
        ("🚀x", "🚀x", 3),
        ("e\u{301}", "e\u{301}", 1),
        // A pile of marks on one letter.
        ("e\u{301}\u{302}\u{303}", "e\u{301}\u{302}\\u{303}", 8),
        // A mark on nothing.
        ("\u{301}", "\\u{301}", 7),
        ("\u{1b}[2J", "\\u{1b}[2J", 9),
        ("a\u{7}b\u{9b}c", "a\\u{7}b\\u{9b}c", 14),
        ("a\u{202e}b", "a\\u{202e}b", 10),
        ("a\u{200b}b", "a\\u{200b}b", 10),
        ("a\u{a0}b", "a\\u{a0}b", 8),
        ("\u{e000}", "\\u{e000}", 8),
        ("\n", "\\u{a}", 5),
    ]

    @Test(arguments: rows.named(\.shown)) func row(_ row: Named<(text: String, shown: String, columns: Int)>) {
        let glyphs = Glyphs.of(row.text)
        #expect(glyphs.map(\.text).joined() == row.shown)
        #expect(Glyphs.columns(row.text) == row.columns)
    }

    @Test func rightToLeftOnlyAtTheEndOfALine() {
        #expect(Glyphs.of("שלום", keepsRightToLeft: true).map(\.text).joined() == "שלום")
        #expect(Glyphs.of("ש").map(\.text).joined() == "\\u{5e9}")
    }

    @Test func numbers() {
        let short: [(Int, String)] = [
            (0, "0"), (999, "999"), (1000, "1.0k"), (9999, "9.9k"), (10_000, "10k"), (999_999, "999k"),
            (1_000_000, "1.0M"), (88_123_456, "88M"), (.max, "9.2E"),
        ]
        for (number, text) in short { #expect(Quantity.short(number) == text) }
    }
}

// What the keys do, and what the table means by its words.

enum HelpPage {
    private static let keys: [(key: String, does: String)] = [
        ("j k, arrows", "select a line; page up and down, g and G go further"),
        ("enter", "show the exchange, follow its messages; n, N the next, the last"),
        ("esc", "back; in the table: no selection, no filter"),
        ("/", "show only hosts and targets with this text"),
        ("s, S", "sort by the next order, or the last; the current one is below"),
        ("o", "only exchanges that are open"),
        ("p, blank", "hold the view still; the capture goes on"),
        ("ctrl-l", "draw everything anew"),
        ("q, ctrl-c", "end the capture and print the report"),
    ]

    private static let words: [(word: String, means: String)] = [
        ("age", "since the request; of what is finished, how long it lasted"),
        ("up, down", "from the client; from the server, behind the switch"),
        ("state", "offered: not answered yet; open: switched; closed: with its code"),
        ("found", "E errors, W warnings, N notes. Times are UTC"),
    ]

    static func draw(on screen: inout Screen) {
        let rows = screen.size.rows - 1
        screen.put("Keys", row: 0, column: 1, style: .bold)
        let isSpacious = rows >= keys.count + words.count + 3
        var row = 1
        for (key, does) in keys {
            line(key, does, row: row, rows, on: &screen)
            row += 1
        }
        if isSpacious {
            row += 1
            screen.put("Words", row: row, column: 1, style: .bold)
            row += 1
        }
        for (word, means) in words {
            line(word, means, row: row, rows, on: &screen)
            row += 1
        }
    }

    private static func line(_ left: String, _ right: String, row: Int, _ rows: Int, on screen: inout Screen) {
        guard row < rows else { return }
        let column = min(14, screen.size.columns / 3 + 1)
        screen.put(left, row: row, column: 1, width: column - 1, style: Style(.cyan))
        screen.put(right, row: row, column: column + 1)
    }
}

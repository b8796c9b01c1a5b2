// The table of exchanges above the latest findings.

import Ground
import Inspection
import Reports
import Traffic

/// Which rows of the screen are for what.
struct TableLayout: Equatable {
    /// Row of the column titles.
    var titles: Int
    var table: Range<Int>
    /// Row of the line above the findings; `nil` where there is no room for them.
    var rule: Int?
    var findings: Range<Int>

    init(rows: Int) {
        let footer = rows - 1
        titles = min(rows >= 12 ? 2 : 1, footer)
        let first = min(titles + 1, footer)
        guard rows >= 9 else {
            (table, rule, findings) = (first..<footer, nil, footer..<footer)
            return
        }
        let lines = rows < 12 ? 2 : min(12, max(3, rows / 4))
        rule = footer - lines - 1
        table = first..<(footer - lines - 1)
        findings = (footer - lines)..<footer
    }
}

struct TablePage {
    let model: LiveModel
    let rows: [LiveExchange]
    let state: LiveState
    let now: Timestamp

    func draw(on screen: inout Screen) {
        let layout = TableLayout(rows: screen.size.rows)
        let columns = Columns.fitting(screen.size.columns)
        titles(columns, row: layout.titles, on: &screen)
        if rows.isEmpty {
            let words =
                (state.draft ?? state.filter).isEmpty && !state.isOpenOnly
                ? "No upgrade was seen yet." : "Nothing matches."
            screen.put(words, row: layout.table.lowerBound, column: Columns.margin, style: .dim)
        }
        for (index, row) in layout.table.enumerated() {
            guard state.top + index < rows.count else { break }
            line(rows[state.top + index], columns, row: row, on: &screen)
        }
        if let rule = layout.rule {
            findingsTitle(row: rule, on: &screen)
            findings(layout.findings, on: &screen)
        }
    }

    private func titles(_ columns: [Column], row: Int, on screen: inout Screen) {
        for column in columns {
            switch column.kind {
            case .age: screen.putRight("AGE", row: row, end: column.start + column.width, width: 3, style: .dim)
            case .client: screen.put("CLIENT", row: row, column: column.start, style: .dim)
            case .server: screen.put("SERVER", row: row, column: column.start, style: .dim)
            case .place:
                screen.put(
                    column.width < 15 ? "HOST" : "HOST AND TARGET", row: row, column: column.start, width: column.width,
                    style: .dim)
            case .name: screen.put("PROTOCOL", row: row, column: column.start, width: column.width, style: .dim)
            case .messages: pairTitle("MSGS", column, row: row, on: &screen)
            case .bytes: pairTitle("BYTES", column, row: row, on: &screen)
            case .state: screen.put("STATE", row: row, column: column.start, style: .dim)
            case .findings: screen.put("FOUND", row: row, column: column.start, width: column.width, style: .dim)
            }
        }
    }

    /// The title above the first number, an arrow above each.
    private func pairTitle(_ title: String, _ column: Column, row: Int, on screen: inout Screen) {
        let end = screen.put(title + screen.signs.up, row: row, column: column.start, width: column.width, style: .dim)
        screen.putRight(screen.signs.down, row: row, end: max(end, column.start + column.width), width: 1, style: .dim)
    }

    private func line(_ exchange: LiveExchange, _ columns: [Column], row: Int, on screen: inout Screen) {
        let base: Style = exchange.isFinished ? .dim : .plain
        for column in columns {
            let (start, width) = (column.start, column.width)
            switch column.kind {
            case .age:
                let age = DurationText.age(nanoseconds: exchange.age(at: now), isExact: exchange.isFinished)
                screen.putRight(age, row: row, end: start + width, width: width, style: base)
            case .client: endpoint(exchange.client, column, row: row, style: base, on: &screen)
            case .server: endpoint(exchange.server, column, row: row, style: base, on: &screen)
            case .place:
                let end = screen.put(exchange.place, row: row, column: start, width: width, style: .dim)
                let host = min(Glyphs.columns(exchange.glance.host), end - start)
                if !exchange.isFinished { screen.restyle(row: row, from: start, to: start + host, .plain) }
            case .name: screen.put(exchange.protocolName, row: row, column: start, width: width, style: base)
            case .messages:
                pair(exchange.hasSwitched ? exchange.messages : nil, column, row: row, style: base, on: &screen)
            case .bytes: pair(exchange.hasSwitched ? exchange.bytes : nil, column, row: row, style: base, on: &screen)
            case .state:
                // Where there is no room for both, the word says more than the number.
                let state = exchange.state
                let word = state.count > width ? state.prefix { $0 != " " } : state[...]
                screen.put(word, row: row, column: start, width: width, style: Self.style(of: exchange))
            case .findings: Self.levels(exchange.levels, row: row, column: start, width: width, on: &screen)
            }
        }
        if exchange.key == state.selected {
            screen.put(screen.signs.pointer, row: row, column: 0)
            screen.restyle(row: row) { style in
                style.isReversed = true
                style.isDim = false
            }
        }
    }

    private func pair(
        _ pair: PerDirection<some BinaryInteger>?, _ column: Column, row: Int, style: Style, on screen: inout Screen
    ) {
        guard let pair else { return }
        let end = column.start + column.width
        screen.putRight(Quantity.short(pair.client), row: row, end: end - 5, width: 4, style: style)
        screen.putRight(Quantity.short(pair.server), row: row, end: end, width: 4, style: style)
    }

    /// With its port where there is room, otherwise the address, cut in its middle.
    private func endpoint(
        _ endpoint: Endpoint, _ column: Column, row: Int, style: Style, on screen: inout Screen
    ) {
        var text = endpoint.description
        if text.count > column.width { text = endpoint.address.description }
        if text.count > column.width {
            let left = (column.width - 1) / 2
            text = text.prefix(left) + screen.signs.ellipsis + text.suffix(column.width - 1 - left)
        }
        screen.put(text, row: row, column: column.start, width: column.width, style: style)
    }

    static func style(of exchange: LiveExchange) -> Style {
        switch exchange.phase {
        case .offered: Style(.yellow)
        case .open: Style(.green)
        case .finished(.switched), .finished(.incomplete), .refused(.switched), .refused(.incomplete): .dim
        case .refused(.failed), .finished(.failed): Style(.red)
        case .refused, .finished: Style(.yellow)
        }
    }

    static func style(of level: Level) -> Style {
        switch level {
        case .error: Style(.red, bold: true)
        case .warning: Style(.yellow)
        case .note: Style(.blue)
        }
    }

    /// "1E 2W", the gravest first; what does not fit is left out.
    static func levels(_ levels: [Level: Int], row: Int, column: Int, width: Int, on screen: inout Screen) {
        var position = column
        for (level, letter) in [(Level.error, "E"), (.warning, "W"), (.note, "N")] {
            guard let count = levels[level], count > 0 else { continue }
            let text = count > 99 ? "99+\(letter)" : "\(count)\(letter)"
            guard position + text.count <= column + width else { break }
            position = screen.put(text, row: row, column: position, style: style(of: level)) + 1
        }
    }

    // MARK: Findings

    private func findingsTitle(row: Int, on screen: inout Screen) {
        screen.fill(screen.signs.rule, row: row, from: 0, to: screen.size.columns, style: .dim)
        var column = screen.put(" Findings ", row: row, column: 2, style: .bold)
        for level in [Level.error, .warning, .note] {
            guard let count = model.levels[level], count > 0 else { continue }
            let text = " \(counted(count, level.name)) "
            guard column + text.count < screen.size.columns else { break }
            column = screen.put(text, row: row, column: column, style: Self.style(of: level))
        }
    }

    private func findings(_ area: Range<Int>, on screen: inout Screen) {
        if model.findings.isEmpty {
            screen.put("None so far.", row: area.lowerBound, column: Columns.margin, style: .dim)
        }
        for (index, row) in area.enumerated() {
            guard index < model.findings.count else { break }
            line(model.findings[model.findings.count - 1 - index], row: row, on: &screen)
        }
    }

    private func line(_ finding: LiveFinding, row: Int, on screen: inout Screen) {
        let columns = screen.size.columns
        var column = Columns.margin
        if columns >= 60 {
            screen.put(finding.time.clockText(), row: row, column: column, style: .dim)
            column += 10
        }
        screen.put(finding.rule, row: row, column: column, width: 8, style: Self.style(of: finding.level))
        column += 10
        if columns >= 100 {
            let width = columns / 4
            screen.put(finding.place, row: row, column: column, width: width, style: .dim)
            column += width + 2
        }
        screen.put(finding.message, row: row, column: column)
    }
}

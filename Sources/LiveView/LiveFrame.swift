// Model, state and size in; a filled screen out. Pure: the same three give the same screen.

import Ground
public import Traffic

/// One picture of the view.
public struct LiveFrame {
    private let model: LiveModel
    private var state: LiveState
    private let size: ScreenSize
    private let signs: Signs
    private let now: Timestamp

    /// Draws, and brings the lines `state` shows to where they can be seen.
    public static func draw(
        _ live: LiveModel, _ state: inout LiveState, size: ScreenSize, now: Timestamp, signs: Signs = .unicode
    ) -> Screen {
        let model = state.frozen ?? live
        // Time stands still as well where the view does.
        let time = state.frozen.map { max($0.latest, $0.status.started) } ?? now
        var frame = LiveFrame(model: model, state: state, size: size, signs: signs, now: time)
        let screen = frame.draw()
        state = frame.state
        return screen
    }

    /// Lines that can be seen at once, and lines there are, on the page of an exchange or in the table.
    static func extent(_ live: LiveModel, _ state: LiveState, size: ScreenSize, signs: Signs, now: Timestamp) -> (
        height: Int, length: Int
    ) {
        let model = state.frozen ?? live
        guard case .exchange(let key) = state.page, let exchange = model[key] ?? state.shown else {
            return (TableLayout(rows: size.rows).table.count, 0)
        }
        let page = ExchangePage(exchange, model: model, size: size, signs: signs, now: now)
        return (ExchangePage.height(rows: size.rows), page.length)
    }

    private mutating func draw() -> Screen {
        var screen = Screen(size, signs: signs)
        if state.isHelp {
            HelpPage.draw(on: &screen)
            footer(["any key goes back"], on: &screen)
            return screen
        }
        switch state.page {
        case .table:
            let rows = state.rows(of: model)
            state.settleTable(rows, height: TableLayout(rows: size.rows).table.count)
            TablePage(model: model, rows: rows, state: state, now: now).draw(on: &screen)
            title(shown: rows.count, on: &screen)
        case .exchange(let key):
            title(shown: nil, on: &screen)
            guard let exchange = model[key] ?? state.shown else { break }
            if let known = model[key] { state.shown = known }
            let page = ExchangePage(exchange, model: model, size: size, signs: signs, now: now)
            state.settleExchange(length: page.length, height: ExchangePage.height(rows: size.rows))
            page.draw(from: state.top, on: &screen)
        }
        footer(keys, on: &screen)
        return screen
    }

    private var keys: [String] {
        switch state.page {
        case .table: ["? help", "q quit", "enter follow", "/ filter", "s sort", "o open only", "p pause"]
        case .exchange: ["? help", "q quit", "esc back", "n next", "end latest", "p pause"]
        }
    }

    // MARK: First and last line

    /// Name and counts; what there is no room for is left out, the least important first.
    private func title(shown: Int?, on screen: inout Screen) {
        let status = model.status
        var parts: [(text: String, style: Style, rank: Int)] = []
        parts.append(("upgradescope", .bold, 3))
        if !status.source.isEmpty { parts.append((status.source, .plain, 5)) }
        if state.isPaused { parts.append((" PAUSED ", .reversed, 0)) }
        if status.drops > 0 {
            parts.append(("\(counted(status.drops, "packet")) dropped", Style(.red, bold: true), 1))
        }
        let open = model.openCount
        let exchanges = max(status.exchanges, UInt64(open + model.finishedCount))
        parts.append(("\(counted(exchanges, "exchange")), \(grouped(open)) open", .plain, 2))
        if let shown, !state.filter.isEmpty || state.isOpenOnly {
            parts.append(("\(grouped(shown)) shown", Style(.cyan), 2))
        }
        if let recording = status.recording {
            parts.append(("\(recording) \(Quantity.short(status.recordedBytes))B", .plain, 7))
        }
        parts.append((counted(status.packets, "packet"), .dim, 6))
        parts.append((counted(status.connections, "connection"), .dim, 8))
        if status.drops == 0 { parts.append(("no drops", .dim, 9)) }
        if model.omitted > 0 { parts.append(("\(grouped(model.omitted)) let go", .dim, 10)) }

        let hasBegun = status.started.nanoseconds > 0
        var clock = hasBegun ? DurationText.clock(nanoseconds: now.nanoseconds(since: status.started)) : ""
        let room = size.columns - 2
        func width(_ parts: [(text: String, style: Style, rank: Int)]) -> Int {
            parts.reduce(0) { $0 + Glyphs.columns($1.text) + 3 } - 3
        }
        while parts.count > 1, width(parts) + clock.count + 2 > room {
            guard let least = parts.indices.max(by: { parts[$0].rank < parts[$1].rank }) else { break }
            if !clock.isEmpty, parts[least].rank < Self.clockRank { clock = "" } else { parts.remove(at: least) }
        }
        var column = 1
        for (index, part) in parts.enumerated() {
            if index > 0 { column = screen.put(" \(signs.dot) ", row: 0, column: column, style: .dim) }
            column = screen.put(part.text, row: 0, column: column, style: part.style)
        }
        screen.putRight(clock, row: 0, end: size.columns - 1, width: clock.count, style: .dim)
    }

    /// Where the clock stands among the parts of the title.
    private static let clockRank = 4

    private func footer(_ keys: [String], on screen: inout Screen) {
        let row = size.rows - 1
        if let draft = state.draft {
            let end = screen.put("/\(draft)", row: row, column: 1, style: .bold)
            let after = screen.put(signs.cursor, row: row, column: end)
            screen.put("  enter keeps, esc leaves it", row: row, column: after, style: .dim)
            return
        }
        var column = 1
        if let notice = model.notice {
            column = screen.put(
                notice, row: row, column: column, width: max(10, size.columns * 2 / 3), style: Style(.yellow))
            column += 3
        }
        // What is left out of the table has to be seen, whatever the room; the keys and the order take the rest.
        var right = ""
        if case .table = state.page, !state.isHelp {
            right = state.filter.isEmpty ? "" : "filter \(state.filter)"
        }
        let end = size.columns - (right.isEmpty ? 0 : min(Glyphs.columns(right) + 2, size.columns - 2))
        screen.put(right, row: row, column: end + 1, style: Style(.cyan))
        for key in keys {
            guard column + Glyphs.columns(key) < end else { break }
            column = screen.put(key, row: row, column: column, style: .dim) + 3
        }
        guard case .table = state.page, !state.isHelp else { return }
        let order = "by \(state.order.rawValue)"
        if column + order.count < end {
            screen.putRight(order, row: row, end: end - 1, width: order.count, style: .dim)
        }
    }
}

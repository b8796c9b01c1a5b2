// One exchange in full: what it is in the first lines, and below them what can be scrolled through: its findings, its
// heads, and its messages as they come.

import Ground
import Inspection
import Reports
import Traffic

/// A line of what can be scrolled through.
private struct PageLine {
    var parts: [(text: String, style: Style)] = []
    /// Before the first part.
    var indent = Columns.margin
    /// A line across the screen, with the first part as its title.
    var isRule = false
}

struct ExchangePage {
    let exchange: LiveExchange
    let now: Timestamp
    private let lines: [PageLine]

    /// Rows above the part that scrolls, and the one for keys below it.
    static func height(rows: Int) -> Int { max(1, rows - headRows(rows) - 1) }
    private static func headRows(_ rows: Int) -> Int { rows >= 14 ? 6 : rows >= 8 ? 3 : 2 }

    /// How many lines can be scrolled through.
    var length: Int { lines.count }

    init(_ exchange: LiveExchange, model: LiveModel, size: ScreenSize, signs: Signs, now: Timestamp) {
        self.exchange = exchange
        self.now = now
        var lines: [PageLine] = []
        let width = max(10, size.columns - Columns.margin - 4)
        if !exchange.findings.isEmpty {
            lines.append(PageLine(parts: [("Findings", .bold)], isRule: true))
            for finding in exchange.findings { lines += Self.lines(finding, width: width) }
        }
        if !exchange.glance.request.isEmpty || !exchange.glance.response.isEmpty {
            lines.append(PageLine(parts: [("Request and answer", .bold)], isRule: true))
            for (sign, head) in [(">", exchange.glance.request), ("<", exchange.glance.response)] {
                for line in head { lines.append(PageLine(parts: [("\(sign) ", .dim), (line, .plain)])) }
            }
        }
        if model.followed == exchange.key, exchange.phase == .open || !model.messages.isEmpty {
            lines.append(PageLine(parts: [("Messages", .bold)], isRule: true))
            for index in 0..<model.messages.count { lines.append(Self.line(model.messages[index], signs: signs)) }
            if model.messages.isEmpty { lines.append(PageLine(parts: [("None so far.", .dim)])) }
        }
        self.lines = lines
    }

    func draw(from top: Int, on screen: inout Screen) {
        let rows = screen.size.rows
        let facts = facts(screen.signs, columns: screen.size.columns)
        let head = Self.headRows(rows)
        // Without room for all of them: what it is, and how it stands.
        let shown = head >= 6 ? facts : head == 3 ? [facts[0], facts[3]] : [facts[0]]
        for (index, parts) in shown.enumerated() { put(parts, row: index + 1, from: 1, on: &screen) }
        let height = Self.height(rows: rows)
        for row in 0..<height {
            guard top + row < lines.count else { break }
            let line = lines[top + row]
            if line.isRule {
                screen.fill(screen.signs.rule, row: head + row, from: 0, to: screen.size.columns, style: .dim)
                put(line.parts.map { (" \($0.text) ", $0.style) }, row: head + row, from: 2, on: &screen)
            } else {
                put(line.parts, row: head + row, from: line.indent, on: &screen)
            }
        }
    }

    private func put(_ parts: [(text: String, style: Style)], row: Int, from column: Int, on screen: inout Screen) {
        guard row < screen.size.rows - 1 else { return }
        var column = column
        for (index, part) in parts.enumerated() {
            column = screen.put(
                part.text, row: row, column: column, style: part.style, keepsRightToLeft: index == parts.count - 1)
        }
    }

    private func facts(_ signs: Signs, columns: Int) -> [[(text: String, style: Style)]] {
        let glance = exchange.glance
        let offered = glance.offered.isEmpty ? "" : "offering \(glance.offered)"
        let age = DurationText.clock(nanoseconds: exchange.age(at: now))
        var tail = [exchange.path, exchange.proxied.map { "for \($0)" } ?? ""].filter { !$0.isEmpty }
        tail.append("packets \(exchange.packets.lowerBound) to \(exchange.packets.upperBound)")
        let method = glance.method.isEmpty ? "" : glance.method + " "
        func number(_ number: some BinaryInteger, _ noun: String) -> String {
            columns < 110 && number > 999 ? "\(Quantity.short(number)) \(noun)s" : counted(number, noun)
        }
        var flow: [(text: String, style: Style)] = []
        for (index, direction) in Direction.allCases.enumerated() where exchange.hasSwitched {
            let arrow = direction == .client ? signs.up : signs.down
            let messages = exchange.messages.map { number($0[direction], "message") + ", " } ?? ""
            let code = exchange.closeCodes[direction].map { ", Close \($0)" } ?? ""
            flow.append((index == 0 ? "" : "  ", .plain))
            flow.append(("\(arrow) \(direction.name) ", .dim))
            flow.append((messages + number(exchange.bytes[direction], "byte") + code, .plain))
        }
        return [
            [("#\(exchange.number)  ", .dim), (method + exchange.place, .bold), ("  \(offered)", .dim)],
            [
                ("\(exchange.client) \(signs.arrow) \(exchange.server)", .plain),
                ("  \(tail.joined(separator: ", "))", .dim),
            ],
            [
                (glance.answered.isEmpty ? "no answer yet" : glance.answered, .plain),
                (glance.result.isEmpty ? "" : "  \(glance.result)", .dim),
                (exchange.isCompressed ? "  compressed" : "", .dim),
            ],
            [
                (exchange.state, TablePage.style(of: exchange)),
                ("  \(exchange.isFinished ? "lasted" : "for") \(age)  ", .dim),
            ] + flow,
        ]
    }

    private static func lines(_ finding: LiveFinding, width: Int) -> [PageLine] {
        var lines = [
            PageLine(parts: [
                ("\(finding.level.name) ", TablePage.style(of: finding.level)), ("\(finding.rule) ", .bold),
                (finding.name, .plain), ("  (\(finding.standing))", .dim),
            ])
        ]
        lines += wrapped(finding.message, width: width).map { PageLine(parts: [($0, .plain)], indent: 4) }
        lines += wrapped(finding.fix, width: width).map { PageLine(parts: [($0, .dim)], indent: 4) }
        return lines
    }

    private static func line(_ message: LiveMessage, signs: Signs) -> PageLine {
        let isUp = message.direction == .client
        let kind = message.kind.leftAligned(7)
        let size = Quantity.short(message.length)
        return PageLine(parts: [
            (message.time.clockText(decimals: 3) + " ", .dim),
            ((isUp ? signs.up : signs.down) + " ", Style(isUp ? .cyan : .green)),
            (kind, .dim), (size.rightAligned(4) + "  ", .dim),
            (message.excerpt, .plain),
        ])
    }

    /// Lines of at most `width` columns, broken at blanks.
    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        var used = 0
        for word in text.split(separator: " ") {
            let columns = Glyphs.columns(word)
            if !line.isEmpty, used + 1 + columns > width {
                lines.append(line)
                (line, used) = ("", 0)
            }
            if !line.isEmpty {
                line += " "
                used += 1
            }
            // A word that is longer than a line is cut by the screen.
            line += word
            used += columns
        }
        if !line.isEmpty { lines.append(line) }
        return lines
    }
}

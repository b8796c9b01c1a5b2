// Which columns a line of the table has room for, and how wide they are. It depends on the width of the screen
// alone: a column that grew with what stands in it would push the others about.

/// A column of the table, with where it stands.
struct Column: Equatable {
    enum Kind: CaseIterable {
        case age, client, server, place, name, messages, bytes, state, findings
    }

    var kind: Kind
    var start: Int
    var width: Int
}

enum Columns {
    private struct Wish {
        var least: Int
        var best: Int
        /// What is left out first has the highest.
        var rank: Int
    }

    /// Before each line: the pointer and a blank.
    static let margin = 2

    private static func wish(_ kind: Column.Kind, of columns: Int) -> Wish {
        switch kind {
        // The place takes all that is left.
        case .place: Wish(least: min(max(6, columns / 4), 24), best: .max, rank: 0)
        case .state: Wish(least: columns < 40 ? 8 : 11, best: 14, rank: 1)
        case .findings: Wish(least: 5, best: 8, rank: 2)
        case .age: Wish(least: 5, best: 5, rank: 3)
        case .name: Wish(least: 9, best: 11, rank: 4)
        case .messages: Wish(least: 10, best: 10, rank: 5)
        case .bytes: Wish(least: 11, best: 11, rank: 6)
        case .client: Wish(least: 15, best: 21, rank: 7)
        case .server: Wish(least: 15, best: 21, rank: 8)
        }
    }

    /// The columns of a screen this wide, from left to right.
    static func fitting(_ columns: Int) -> [Column] {
        let gap = columns < 130 ? 1 : 2
        let wishes = Column.Kind.allCases.map { (kind: $0, wish: wish($0, of: columns)) }
        var room = columns - margin + gap
        var widths: [Column.Kind: Int] = [:]
        for (kind, wish) in wishes.sorted(by: { $0.wish.rank < $1.wish.rank }) {
            // What ranks after something that did not fit is not shown in its stead.
            guard wish.least + gap <= room || kind == .place else { break }
            widths[kind] = wish.least
            room -= wish.least + gap
        }
        for (kind, wish) in wishes.sorted(by: { $0.wish.rank > $1.wish.rank }) where kind != .place {
            guard let width = widths[kind] else { continue }
            // The place comes first: others grow when it has got a fair part, addresses before all else.
            let grown = min(wish.best - width, max(0, room - columns / 16))
            widths[kind] = width + grown
            room -= grown
        }
        widths[.place, default: 0] += max(0, room)
        var start = margin
        return Column.Kind.allCases.compactMap { kind in
            guard let width = widths[kind] else { return nil }
            defer { start += width + gap }
            return Column(kind: kind, start: start, width: width)
        }
    }
}

// Where the person in front of the screen is: which page, which line, in what order, what is left out. Keys change
// it; nothing else does. It knows the model only as rows in an order.

import Inspection
public import Traffic

/// What a key asks of whoever runs the view.
public enum LiveAction: Sendable, Equatable {
    /// The capture shall end.
    case quit
    /// Everything shall be drawn anew.
    case redraw
}

/// The state of the view.
public struct LiveState: Sendable {
    /// What is on the screen.
    public enum Page: Sendable, Equatable {
        case table
        case exchange(ExchangeKey)
    }

    /// Orders of the table; the first is what one begins with.
    public enum Order: String, Sendable, CaseIterable {
        case newest, oldest, activity, messages, bytes, findings, host, state
    }

    public internal(set) var page = Page.table
    public internal(set) var order = Order.newest
    /// Shown are exchanges whose host and target contain this; without case.
    public internal(set) var filter = ""
    /// The filter as it is being written; `nil` when it is not.
    public internal(set) var draft: String?
    /// Finished ones are left out.
    public internal(set) var isOpenOnly = false
    public internal(set) var isHelp = false
    public internal(set) var selected: ExchangeKey?
    /// The first line shown: of the table, or of the page of an exchange.
    public internal(set) var top = 0
    /// The page of an exchange stays at its end, where the latest message is.
    public internal(set) var followsEnd = true
    /// The model as it was when the view was stopped.
    public private(set) var frozen: LiveModel?
    /// What was known of the exchange that is looked at, in case it makes room.
    var shown: LiveExchange?

    static let filterLimit = 100

    public init() {}

    public var isPaused: Bool { frozen != nil }

    /// The exchanges of the table, in its order.
    public func rows(of model: LiveModel) -> [LiveExchange] {
        let wanted = (draft ?? filter).lowercased()
        var rows = model.exchanges.filter { exchange in
            if isOpenOnly, exchange.isFinished { return false }
            return wanted.isEmpty || exchange.place.lowercased().contains(wanted)
        }
        // The number settles what the order leaves open, so that lines never change places for nothing.
        switch order {
        case .newest: rows.sort { $0.number > $1.number }
        case .oldest: rows.sort { $0.number < $1.number }
        case .activity: rows.sort { ($0.last, $0.number) > ($1.last, $1.number) }
        case .messages: rows.sort { ($0.messageSum, $0.number) > ($1.messageSum, $1.number) }
        case .bytes: rows.sort { ($0.byteSum, $0.number) > ($1.byteSum, $1.number) }
        case .findings: rows.sort { ($0.gravity, $0.number) > ($1.gravity, $1.number) }
        case .host: rows.sort { ($0.place, $1.number) < ($1.place, $0.number) }
        case .state: rows.sort { ($0.state, $1.number) < ($1.state, $0.number) }
        }
        return rows
    }

    /// Brings the lines that are shown to where the selected one, or the end, is among them.
    mutating func settleTable(_ rows: [LiveExchange], height: Int) {
        if let index = rows.firstIndex(where: { $0.key == selected }) {
            if index < top { top = index }
            if index >= top + height { top = index - height + 1 }
        }
        top = min(max(0, top), max(0, rows.count - height))
    }

    /// The same for the page of an exchange.
    mutating func settleExchange(length: Int, height: Int) {
        let last = max(0, length - height)
        top = followsEnd ? last : min(max(0, top), last)
    }

    /// Takes a key; `height` is how many lines of the table, or of the page, can be seen.
    public mutating func press(_ key: Key, model live: LiveModel, height: Int, length: Int) -> LiveAction? {
        if key == .control("c") { return .quit }
        if key == .control("l") { return .redraw }
        if draft != nil {
            write(key)
            return nil
        }
        if isHelp {
            isHelp = false
            return key == .character("q") ? .quit : nil
        }
        let model = frozen ?? live
        switch key {
        case .character("q"): return .quit
        case .character("?"), .character("h"): isHelp = true
        case .character("p"), .character(" "): frozen = isPaused ? nil : live
        default:
            switch page {
            case .table: pressInTable(key, model, height: max(1, height))
            case .exchange: pressInExchange(key, model, height: max(1, height), length: length)
            }
        }
        return nil
    }

    private mutating func pressInTable(_ key: Key, _ model: LiveModel, height: Int) {
        switch key {
        case .down, .character("j"): move(by: 1, model)
        case .up, .character("k"): move(by: -1, model)
        case .pageDown, .control("f"), .control("d"): move(by: height, model)
        case .pageUp, .control("b"), .control("u"): move(by: -height, model)
        case .home, .character("g"): move(by: -.max / 2, model)
        case .end, .character("G"): move(by: .max / 2, model)
        case .enter, .right:
            let rows = rows(of: model)
            guard let row = rows.first(where: { $0.key == selected }) ?? rows.first else { return }
            selected = row.key
            open(row)
        case .escape, .left:
            if filter.isEmpty { selected = nil } else { filter = "" }
            top = 0
        case .character("/"): draft = filter
        case .character("s"): step(1)
        case .character("S"): step(-1)
        case .character("o"): isOpenOnly.toggle()
        default: break
        }
    }

    private mutating func pressInExchange(_ key: Key, _ model: LiveModel, height: Int, length: Int) {
        let last = max(0, length - height)
        if followsEnd { top = last }
        switch key {
        case .escape, .left, .backspace, .enter:
            page = .table
            top = 0
            shown = nil
            return
        case .down, .character("j"): top += 1
        case .up, .character("k"): top -= 1
        case .pageDown, .control("f"), .control("d"): top += height
        case .pageUp, .control("b"), .control("u"): top -= height
        case .home, .character("g"): top = 0
        case .end, .character("G"), .character("f"): top = last
        case .character("n"), .tab: neighbour(1, model)
        case .character("N"): neighbour(-1, model)
        default: return
        }
        guard case .exchange = page else { return }
        top = min(max(0, top), last)
        followsEnd = top == last
    }

    /// The line that is selected moves with its exchange; keys move it on from there.
    private mutating func move(by distance: Int, _ model: LiveModel) {
        let rows = rows(of: model)
        guard !rows.isEmpty else { return }
        guard let current = rows.firstIndex(where: { $0.key == selected }) else {
            selected =
                rows[distance > 0 && distance < rows.count ? distance - 1 : distance > 0 ? rows.count - 1 : 0].key
            return
        }
        selected = rows[min(max(0, current + distance), rows.count - 1)].key
    }

    private mutating func neighbour(_ distance: Int, _ model: LiveModel) {
        move(by: distance, model)
        if let selected, let row = model[selected] { open(row) }
    }

    private mutating func open(_ row: LiveExchange) {
        page = .exchange(row.key)
        shown = row
        top = 0
        // Of a session that goes on the latest is wanted; of one that does not, what there is from its beginning.
        followsEnd = row.phase == .open
    }

    private mutating func step(_ distance: Int) {
        let all = Order.allCases
        let index = all.firstIndex(of: order) ?? 0
        order = all[(index + distance + all.count) % all.count]
        top = 0
    }

    private mutating func write(_ key: Key) {
        guard var text = draft else { return }
        switch key {
        case .character(let character): if text.count < Self.filterLimit { text.append(character) }
        case .backspace: if !text.isEmpty { text.removeLast() }
        case .control("u"): text = ""
        case .enter:
            filter = text
            draft = nil
            top = 0
            return
        case .escape:
            draft = nil
            return
        default: return
        }
        draft = text
        top = 0
    }
}

extension LiveExchange {
    var messageSum: UInt64 { messages.map { $0.client &+ $0.server } ?? 0 }
    var byteSum: Int64 { bytes.client &+ bytes.server }
    /// Errors before warnings before notes.
    var gravity: Int {
        min(levels[.error] ?? 0, 999) * 1_000_000 + min(levels[.warning] ?? 0, 999) * 1000
            + min(levels[.note] ?? 0, 999)
    }
}

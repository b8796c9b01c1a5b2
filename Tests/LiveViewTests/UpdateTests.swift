// What is sent is read back by a small terminal: it must show the screen that was drawn, whatever was there before.

import Inspection
import Testing
import Traffic

@testable import LiveView

/// As much of a terminal as the view needs; anything else it is sent is noted as a fault.
private struct SmallTerminal {
    var cells: [[String]]
    var faults: [String] = []
    private var row = 0
    private var column = 0

    init(_ size: ScreenSize, filledWith text: String = "#") {
        cells = Array(repeating: Array(repeating: text, count: size.columns), count: size.rows)
    }

    mutating func feed(_ bytes: [UInt8]) {
        var scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            if scalar == "\u{1b}" {
                guard scalars.popFirst() == "[" else {
                    faults.append("ESC alone")
                    continue
                }
                var parameters = ""
                while let next = scalars.popFirst() {
                    if next.value < 0x40 {
                        parameters.unicodeScalars.append(next)
                    } else {
                        obey(next, parameters); break
                    }
                }
            } else if scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) {
                faults.append("control \(scalar.value)")
            } else {
                show(scalar)
            }
        }
    }

    private mutating func obey(_ command: Unicode.Scalar, _ parameters: String) {
        switch command {
        case "H":
            let numbers = parameters.split(separator: ";").compactMap { Int($0) }
            guard numbers.count == 2 else { return faults.append("H \(parameters)") }
            (row, column) = (numbers[0] - 1, numbers[1] - 1)
        case "J": cells = cells.map { $0.map { _ in " " } }
        case "m": if parameters.contains(where: { !"0123456789;".contains($0) }) { faults.append("m \(parameters)") }
        case "h", "l": if parameters != "?2026" { faults.append("\(parameters)\(command)") }
        default: faults.append("\(command)")
        }
    }

    private mutating func show(_ scalar: Unicode.Scalar) {
        guard let width = Glyphs.width(of: scalar), cells.indices.contains(row) else {
            return faults.append("shown \(scalar.value)")
        }
        if width == 0 {
            let at = column > 0 && cells[row][column - 1].isEmpty ? column - 2 : column - 1
            cells[row][max(0, at)].unicodeScalars.append(scalar)
            return
        }
        guard column + width <= cells[row].count else { return faults.append("beyond the line") }
        cells[row][column] = String(scalar)
        if width == 2 { cells[row][column + 1] = "" }
        column += width
    }
}

@Suite struct UpdateTests {
    private func shown(_ screen: Screen) -> [[String]] {
        (0..<screen.size.rows).map { row in (0..<screen.size.columns).map { screen[row, $0].text } }
    }

    @Test func nothingChangedNothingIsSent() {
        var state = LiveState()
        let size = ScreenSize(columns: 80, rows: 24)
        let screen = LiveFrame.draw(Scene.model(), &state, size: size, now: Scene.time(134))
        #expect(ScreenUpdate(from: screen, to: screen, hasColour: true).bytes.isEmpty)
    }

    @Test func oneNumberIsOneSmallUpdate() {
        var state = LiveState()
        let size = ScreenSize(columns: 120, rows: 30)
        var model = Scene.model()
        let before = LiveFrame.draw(model, &state, size: size, now: Scene.time(134))
        model.status.packets += 1
        let after = LiveFrame.draw(model, &state, size: size, now: Scene.time(134))
        let update = ScreenUpdate(from: before, to: after, hasColour: true)
        #expect(!update.bytes.isEmpty)
        #expect(update.bytes.count < 60)
    }

    @Test func withoutColourThereIsNone() {
        var state = LiveState()
        let screen = LiveFrame.draw(
            Scene.model(), &state, size: ScreenSize(columns: 120, rows: 30), now: Scene.time(134))
        for hasColour in [true, false] {
            let text = String(decoding: ScreenUpdate(from: nil, to: screen, hasColour: hasColour).bytes, as: UTF8.self)
            #expect(text.contains(";31m") == hasColour)
            #expect(text.contains("\u{1b}[0;1m"))
        }
    }

    /// Screens of all sizes one after the other, with everything a stranger may have sent.
    @Test func theTerminalShowsWhatWasDrawn() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "chat", "\u{1b}[2J", "\u{1b}]0;owned\u{7}", "日本語", "e\u{301}\u{301}\u{301}\u{301}", "\u{202e}", "\u{9b}31m",
            "🚀", "שלום", "\r", "\u{7f}", "\u{fffd}", "\u{200d}", "%1b[A", "\\", "\u{e0041}", "👩\u{200d}👩", "\u{ad}",
        ]
        func hostile() -> String {
            let text = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }
            return text.joined().replacing(" ", with: "").replacing("\n", with: "")
        }
        for _ in 0..<60 {
            var model = LiveModel()
            for number in 1...UInt32.random(in: 1...12, using: &random) {
                let offer = Scene.offer(
                    number, host: hostile(), target: "/" + hostile(), fields: "Upgrade: \(hostile())\nX: \(hostile())")
                model.began(offer)
                model.finished(
                    Scene.finished(Scene.switched(offer, after: 1), after: 3),
                    Judgement(findings: [Scene.finding("EARLY001", .error, "Saw \(hostile())", for: offer)]))
            }
            model.status.source = hostile()
            model.say(hostile())
            var state = LiveState()
            let size = ScreenSize(
                columns: Int.random(in: 1...150, using: &random), rows: Int.random(in: 1...40, using: &random))
            var terminal = SmallTerminal(size)
            var before: Screen?
            let keys: [Key] = [
                .down, .enter, .end, .home, .escape, .character("/"), .character("日"), .enter, .character("?"),
            ]
            for key in keys {
                let screen = LiveFrame.draw(model, &state, size: size, now: Scene.time(9))
                terminal.feed(ScreenUpdate(from: before, to: screen, hasColour: true).bytes)
                #expect(terminal.cells == shown(screen))
                #expect(terminal.faults.isEmpty)
                before = screen
                let extent = LiveFrame.extent(model, state, size: size, signs: .unicode, now: Scene.time(9))
                _ = state.press(key, model: model, height: extent.height, length: extent.length)
            }
        }
    }
}

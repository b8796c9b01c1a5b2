// Keys in, the place on the screen out.

import Inspection
import Testing
import Traffic

@testable import LiveView

@Suite struct StateTests {
    private func press(_ keys: [Key], _ state: inout LiveState, _ model: LiveModel, rows: Int = 24) -> LiveAction? {
        var last: LiveAction?
        let size = ScreenSize(columns: 100, rows: rows)
        for key in keys {
            let extent = LiveFrame.extent(model, state, size: size, signs: .unicode, now: Scene.time(134))
            last = state.press(key, model: model, height: extent.height, length: extent.length)
            _ = LiveFrame.draw(model, &state, size: size, now: Scene.time(134))
        }
        return last
    }

    private func places(_ state: LiveState, _ model: LiveModel) -> [String] { state.rows(of: model).map(\.place) }

    @Test func quitIsAskedFor() {
        for key in [Key.character("q"), .control("c")] {
            var state = LiveState()
            #expect(press([key], &state, Scene.model()) == .quit)
        }
        var state = LiveState()
        #expect(press([.character("/"), .character("q")], &state, Scene.model()) == nil)
        #expect(state.draft == "q")
    }

    @Test func selectionMovesAndStaysWithItsExchange() {
        var model = Scene.model()
        var state = LiveState()
        _ = press([.down], &state, model)
        let first = state.selected
        #expect(first == state.rows(of: model).first?.key)
        _ = press([.character("j"), .character("j"), .up], &state, model)
        let second = state.selected
        #expect(second == state.rows(of: model)[1].key)
        model.began(Scene.offer(9, after: 133))
        #expect(state.rows(of: model).firstIndex { $0.key == second } == 2)
        _ = press([.end], &state, model)
        #expect(state.selected == state.rows(of: model).last?.key)
        _ = press([.home], &state, model)
        #expect(state.selected == state.rows(of: model).first?.key)
        _ = press([.escape], &state, model)
        #expect(state.selected == nil)
    }

    @Test func filterByHostOrTarget() {
        let model = Scene.model()
        var state = LiveState()
        _ = press([.character("/")] + "ADMIN".map { Key.character($0) }, &state, model)
        // It works while it is being written, and only for as long if it is left.
        #expect(places(state, model) == ["admin.example/ws"])
        _ = press([.escape], &state, model)
        #expect(places(state, model).count == 4)
        _ = press([.character("/")] + "/subx".map { Key.character($0) } + [.backspace, .enter], &state, model)
        #expect(state.filter == "/sub")
        #expect(places(state, model) == ["slow.example/subscribe"])
        _ = press([.escape], &state, model)
        #expect(places(state, model).count == 4)
    }

    @Test func orders() {
        let model = Scene.model()
        var state = LiveState()
        let hosts: [LiveState.Order: String] = [
            .newest: "slow admin feed chat", .oldest: "chat feed admin slow", .messages: "chat feed slow admin",
            .bytes: "chat feed slow admin", .findings: "feed admin slow chat", .host: "admin chat feed slow",
        ]
        for order in LiveState.Order.allCases {
            #expect(state.order == order)
            if let expected = hosts[order] {
                let seen = places(state, model).map { $0.prefix { $0 != "." } }.joined(separator: " ")
                #expect(seen == expected, "\(order)")
            }
            _ = press([.character("s")], &state, model)
        }
        #expect(state.order == .newest)
        _ = press([.character("S")], &state, model)
        #expect(state.order == .state)
    }

    @Test func onlyOpenOnes() {
        let model = Scene.model()
        var state = LiveState()
        _ = press([.character("o")], &state, model)
        #expect(places(state, model) == ["slow.example/subscribe", "chat.example/room"])
    }

    @Test func pauseHoldsTheViewStill() {
        var model = Scene.model()
        var state = LiveState()
        _ = press([.character("p")], &state, model)
        #expect(state.isPaused)
        model.began(Scene.offer(9, after: 133))
        let size = ScreenSize(columns: 100, rows: 24)
        let held = LiveFrame.draw(model, &state, size: size, now: Scene.time(200))
        #expect(held.text[0].contains("PAUSED"))
        #expect(!held.text.joined().contains("#9"))
        #expect(held.text.filter { $0.contains("chat.example") }.count == 1)
        _ = press([.character("p")], &state, model)
        let goes = LiveFrame.draw(model, &state, size: size, now: Scene.time(200))
        #expect(goes.text.filter { $0.contains("chat.example") }.count == 2)
    }

    @Test func messagesOfTheOneThatIsFollowed() throws {
        var model = Scene.model()
        var state = LiveState()
        _ = press([.character("s"), .enter], &state, model)
        guard case .exchange(let key) = state.page else {
            Issue.record("no page")
            return
        }
        #expect(model[key]?.place == "chat.example/room")
        #expect(state.followsEnd)
        let other = Scene.offer(2, after: 20).key
        // What was said before it is followed is shown as well.
        model.said(Scene.message("earlier", .server), in: key)
        model.follow(key)
        #expect(model.messages.count == 1)
        for index in 0..<3000 {
            model.said(Scene.message("hello \(index)", index % 2 == 0 ? .client : .server), in: key)
            model.said(Scene.message("elsewhere \(index)", .client), in: other)
        }
        #expect(model.messages.count == 1000)
        let size = ScreenSize(columns: 100, rows: 24)
        let screen = LiveFrame.draw(model, &state, size: size, now: Scene.time(134))
        #expect(screen.text[22].contains("hello 2999"))
        _ = press([.up], &state, model)
        #expect(!state.followsEnd)
        var binary = Scene.message("", .client)
        binary.opcode = 2
        binary.payload = [0, 255, 16]
        model.said(binary, in: key)
        _ = press([.character("f")], &state, model)
        #expect(LiveFrame.draw(model, &state, size: size, now: Scene.time(134)).text[22].contains("00 ff 10"))
        _ = press([.escape], &state, model)
        #expect(state.page == .table)
        #expect(state.selected == key)
    }

    @Test func linesStayInsideAfterAResize() {
        var model = LiveModel()
        for number in 1...100 { model.began(Scene.offer(UInt32(number), after: Double(number))) }
        var state = LiveState()
        _ = press([.end], &state, model, rows: 50)
        for rows in [50, 5, 9, 1, 24] {
            let size = ScreenSize(columns: 100, rows: rows)
            let screen = LiveFrame.draw(model, &state, size: size, now: Scene.time(134))
            let table = TableLayout(rows: rows).table
            #expect(table.isEmpty || screen.text[table].contains { $0.hasPrefix("▸") })
        }
    }
}

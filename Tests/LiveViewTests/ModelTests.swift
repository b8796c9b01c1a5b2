// Events in, what is known out; and nothing that grows.

import Inspection
import Reports
import Testing
import Traffic

@testable import LiveView

@Suite struct ModelTests {
    @Test func lifeOfAnExchange() throws {
        var model = LiveModel()
        let offer = Scene.offer(1, after: 1)
        model.began(offer)
        var entry = try #require(model[offer.key])
        #expect(entry.state == "offered")
        #expect(entry.protocolName == "websocket")
        #expect(entry.messages == nil)
        #expect(entry.age(at: Scene.time(4)) == 3_000_000_000)
        let switched = Scene.switched(offer, after: 1.5)
        model.decided(switched, Judgement(findings: [Scene.finding("UPG001", .error, "No Connection.", for: offer)]))
        entry = try #require(model[offer.key])
        #expect(entry.state == "open")
        #expect(entry.levels == [.error: 1])
        model.progressed(Scene.progress(offer, messages: (1, 2), bytes: (30, 40), after: 5))
        entry = try #require(model[offer.key])
        #expect(entry.messages == PerDirection(client: 1, server: 2))
        #expect(entry.bytes == PerDirection(client: 30, server: 40))
        #expect(model.openCount == 1)
        let finished = Scene.finished(switched, code: 1001, after: 9)
        model.finished(
            finished,
            Judgement(findings: [
                Scene.finding("UPG001", .error, "No Connection.", for: offer),
                Scene.finding("WSF009", .warning, "Odd.", for: offer),
            ]))
        entry = try #require(model[offer.key])
        #expect(entry.state == "closed 1001")
        #expect(entry.age(at: Scene.time(100)) == 8_000_000_000)
        #expect(entry.levels == [.error: 1, .warning: 1])
        #expect(model.openCount == 0)
        // What was told when it was decided is not told again.
        #expect((0..<model.findings.count).map { model.findings[$0].rule } == ["UPG001", "WSF009"])
        #expect(model.levels == [.error: 1, .warning: 1])
    }

    @Test func states() throws {
        let offer = Scene.offer(1)
        let rows: [(Exchange, String)] = [
            (Scene.refused(offer, status: 200, outcome: .declined, after: 1), "declined 200"),
            (Scene.refused(offer, status: 426, outcome: .required, after: 1), "required 426"),
            (Scene.finished(Scene.switched(offer, after: 1), code: nil, after: 2), "ended"),
            (offer, "incomplete"),
        ]
        for (exchange, state) in rows {
            var model = LiveModel()
            model.finished(exchange)
            #expect(model[exchange.key]?.state == state)
        }
    }

    @Test func credentialsAreHidden() throws {
        for showSecrets in [false, true] {
            var model = LiveModel(showSecrets: showSecrets)
            let offer = Scene.offer(
                1, target: "/ws?token=s3cret", fields: "Upgrade: websocket\nAuthorization: Basic czNjcmV0")
            model.finished(offer)
            var state = LiveState()
            let size = ScreenSize(columns: 200, rows: 50)
            _ = state.press(.enter, model: model, height: 10, length: 10)
            let text = LiveFrame.draw(model, &state, size: size, now: Scene.time(1)).text.joined()
            #expect(text.contains("s3cret") == showSecrets)
            #expect(text.contains("czNjcmV0") == showSecrets)
        }
    }

    @Test func tablesHaveCeilings() {
        var limits = LiveModel.Limits()
        limits.open = 100
        limits.finished = 50
        limits.findings = 20
        var model = LiveModel(limits: limits)
        for number in 1...5000 as ClosedRange<UInt32> {
            let offer = Scene.offer(number, after: Double(number))
            model.began(offer)
            if number % 2 == 0 {
                model.finished(
                    Scene.refused(offer, status: 403, outcome: .failed, after: Double(number)),
                    Judgement(findings: [Scene.finding("RES010", .note, "No.", for: offer)]))
            }
            #expect(model.openCount <= 100)
            #expect(model.finishedCount <= 50)
        }
        #expect(model.findings.count == 20)
        #expect(model.levels == [.note: 2500])
        #expect(model.omitted == 5000 - model.openCount - model.finishedCount)
        // The latest stay.
        #expect(model[Scene.offer(5000, after: 5000).key] != nil)
        #expect(model[Scene.offer(4999, after: 4999).key] != nil)
    }

    @Test func longHeadsAreCut() throws {
        var model = LiveModel()
        let fields = (0..<200).map { "X-\($0): " + String(repeating: "v", count: 5000) }.joined(separator: "\n")
        let offer = Scene.offer(1, host: String(repeating: "h", count: 9000), fields: fields)
        model.began(offer)
        let entry = try #require(model[offer.key])
        #expect(entry.place.utf8.count < 1000)
        #expect(entry.glance.request.count <= 41)
        #expect(entry.glance.request.allSatisfy { $0.utf8.count < 1000 })
    }
}

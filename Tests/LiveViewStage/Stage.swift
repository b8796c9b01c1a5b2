// A capture played to the live view, for tests of the view alone: no interface, no permission, the same every time.
//
//     LiveViewStage SPEED CAPTURE…     SPEED times as fast as it was captured; 0 for at once
//
// What is open at the end stays open, and time stands still there, until the view is left.

import Glibc
@_spi(Judging) import Inspection
import LiveView
import Synchronization
import Traffic

@main enum Stage {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        guard let speed = arguments.first.flatMap({ Double($0) }) else { return }
        let stage = Player(speed: speed)
        let isOver = Atomic<Bool>(false)
        var model = LiveModel()
        model.status.source = "stage"
        let view = LiveView(
            model: model, hasColour: CommandLine.arguments.contains("--color"), clock: { stage.now },
            onQuit: { isOver.store(true, ordering: .relaxed) })
        guard let view, view.start() else {
            print("no terminal")
            return
        }
        let play = Play(stage, view)
        for (index, path) in arguments.dropFirst().filter({ $0 != "--color" }).enumerated() {
            play.capture(path, UInt16(index)) { isOver.load(ordering: .relaxed) }
        }
        while !isOver.load(ordering: .relaxed) { usleep(20_000) }
        view.stop()
        print("left")
    }
}

/// The time of the packets.
final class Player: Sendable {
    private let speed: Double
    private let clock = Mutex<(latest: Int64, started: ContinuousClock.Instant?, first: Int64)>((0, nil, 0))

    init(speed: Double) { self.speed = speed }

    var now: Timestamp { Timestamp(nanoseconds: clock.withLock { $0.latest }) }

    /// Waits until it is time for a packet.
    func reach(_ time: Timestamp) {
        let wait = clock.withLock { clock -> Duration in
            if clock.started == nil { (clock.started, clock.first) = (.now, time.nanoseconds) }
            clock.latest = max(clock.latest, time.nanoseconds)
            guard speed > 0, let started = clock.started else { return .zero }
            let due = started + .nanoseconds(Int64(Double(time.nanoseconds - clock.first) / speed))
            return due - .now
        }
        let microseconds = wait / .microseconds(1)
        if microseconds > 0 { usleep(UInt32(min(microseconds, 5e6))) }
    }
}

/// An analyzer whose output is the view.
final class Play: AnalyzerObserver {
    private let stage: Player
    private let view: LiveView
    private let inspector = Inspector()

    init(_ stage: Player, _ view: LiveView) {
        self.stage = stage
        self.view = view
    }

    func receive(_ event: AnalyzerEvent) {
        switch event {
        case .began(let exchange): view.update { $0.began(exchange) }
        case .answered(let exchange), .faulted(let exchange):
            let judgement = inspector.judgeSoFar(exchange)
            view.update { $0.decided(exchange, judgement) }
        case .said(let message, in: let exchange): view.update { $0.said(message, in: exchange) }
        case .finished(let exchange):
            let judgement = inspector.judge(exchange)
            view.update { $0.finished(exchange, judgement) }
        case .ended(let connection):
            let findings = inspector.inspect(connection)
            view.update { model in
                model.found(findings, at: connection.facts.last.time, place: connection.facts.server.description)
            }
        case .askedPlainly, .lostTrack, .requested, .responded, .streamed, .streamGap: break
        }
    }

    func capture(_ path: String, _ index: UInt16, isOver: () -> Bool) {
        guard var reader = try? CaptureReader(path: path) else { return }
        var options = AnalyzerOptions()
        options.tellsProgress = true
        options.transcript.messages = true
        options.transcript.payloadBytes = LiveMessage.excerptLimit
        var analyzer = Analyzer(options: options, output: self)
        var packets: [CapturedPacket] = []
        while reader.readBatch(&packets) {
            let window = reader.window
            for packet in packets {
                if isOver() { return }
                stage.reach(packet.time)
                analyzer.receive(packet, capture: index, bytes: window.extracting(packet.range))
            }
            var progress: [ExchangeProgress] = []
            analyzer.forEachOpenExchange { progress.append($0) }
            let (connections, exchanges) = (analyzer.openConnections, analyzer.counters.exchanges)
            let read = UInt64(packets.count)
            view.update { model in
                for one in progress { model.progressed(one) }
                if model.status.started.nanoseconds == 0, let first = packets.first {
                    model.status.started = first.time
                }
                model.status.packets += read
                model.status.connections = connections
                model.status.exchanges = exchanges
            }
        }
    }
}

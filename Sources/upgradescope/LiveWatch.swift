// The loop of a live capture: waits for packets, for signals and for the time, and says how it goes.

import Glibc
import Ground
import Investigation
import LiveCapture
import Traffic

struct LiveWatch {
    private var deadline: ContinuousClock.Instant?
    private var packetLimit = UInt64.max
    private var exchangeLimit = UInt64.max
    private var byteLimit = Int64.max
    private let quiet: Bool
    private var line: Progress
    private var saidDrops: UInt64 = 0
    private var nextWord = ContinuousClock.now
    private let hasTerminal = Terminal.isTerminal(2)

    /// How often events and screens are brought up to date while packets come.
    private static let interval = Duration.milliseconds(200)
    /// What came before the end may still be on its way through the kernel's buffer.
    private static let grace = Duration.milliseconds(150)

    init(stops: [StopCondition], quiet: Bool, hasScreen: Bool, hasEventsOnTerminal: Bool) {
        for stop in stops {
            switch stop.kind {
            case .duration:
                let end = ContinuousClock.now + .seconds(Int64(stop.value))
                deadline = min(deadline ?? end, end)
            case .packets: packetLimit = min(packetLimit, stop.value)
            case .exchanges: exchangeLimit = min(exchangeLimit, stop.value)
            case .filesize: byteLimit = min(byteLimit, Int64(stop.value) << 10)
            }
        }
        // A screen shows all of that itself.
        self.quiet = quiet || hasScreen
        // Events on the same terminal would be torn apart by a line that comes back.
        line = Progress(total: nil, quiet: self.quiet || hasEventsOnTerminal)
    }

    /// Captures until something ends it; answers what, when that was not asked for.
    mutating func run(_ source: PacketSource, _ session: LiveSession, _ outputs: Outputs) -> String? {
        var next = ContinuousClock.now
        var end: ContinuousClock.Instant?
        defer { line.end() }
        while true {
            let now = ContinuousClock.now
            let isDue = deadline.map { now >= $0 } ?? false
            if end == nil, Signals.interrupted || isDue || isForsaken(session, outputs) { end = now + Self.grace }
            if let end, now >= end { return nil }
            System.wait(for: source.descriptor, milliseconds: end == nil ? 200 : 20)
            do throws(CaptureFailure) {
                try source.read { packet, bytes in
                    session.receive(packet, bytes)
                    return session.packets < packetLimit && session.judge.exchanges < exchangeLimit
                }
            } catch {
                say(error.description)
                return error.description
            }
            if isFull(session) { return nil }
            if now >= next {
                next = now + Self.interval
                let statistics = source.statistics()
                session.refresh(statistics)
                attend(session, statistics, outputs)
            }
        }
    }

    /// Whoever read what comes out has gone, and there is nobody else it is for.
    private func isForsaken(_ session: LiveSession, _ outputs: Outputs) -> Bool {
        let hasLostRecording = session.recorder?.hasLostReader ?? false
        guard outputs.hasLostReader || hasLostRecording else { return false }
        let isRecorded = session.recorder != nil && !hasLostRecording
        return !outputs.isWanted && !isRecorded && session.observers.isEmpty
    }

    private func isFull(_ session: LiveSession) -> Bool {
        session.packets >= packetLimit || session.judge.exchanges >= exchangeLimit
            || session.recorder.map { $0.counts.bytes >= byteLimit } ?? false
    }

    /// Answers signals, and says what the user has to know.
    private mutating func attend(_ session: LiveSession, _ statistics: InterfaceStatistics, _ outputs: Outputs) {
        if Signals.takeHangup() {
            // A terminal that was closed takes its programs with it.
            if hasTerminal, !Terminal.isTerminal(2) { return Signals.interrupt() }
            session.recorder?.reopen(statistics)
            outputs.reopenEvents()
        }
        if Signals.takeQuestion() {
            line.end()
            say(LiveWords.progress(session))
        }
        let now = ContinuousClock.now
        if statistics.dropped > saidDrops, now >= nextWord, !quiet {
            line.end()
            say(LiveWords.drops(statistics))
            saidDrops = statistics.dropped
            nextWord = now + .seconds(10)
        }
        line.update(LiveWords.progress(session))
    }
}

/// What a capture says of itself, in words.
enum LiveWords {
    static func drops(_ statistics: InterfaceStatistics) -> String {
        "\(counted(statistics.dropped, "packet", isGrouped: false)) dropped so far: \(statistics.droppedByKernel) by the kernel, "
            + "\(statistics.droppedByInterface) by the interface; -B enlarges the buffer"
    }

    static func progress(_ session: LiveSession) -> String {
        let counters = session.counters
        return [
            counted(session.packets, "packet", isGrouped: false), "\(session.statistics.dropped) dropped",
            "\(session.openConnections) of \(counted(counters.connections, "connection", isGrouped: false)) open",
            "\(session.judge.exchanges) of \(counted(counters.exchanges, "exchange", isGrouped: false)) finished",
        ].joined(separator: ", ") + recorded(session)
    }

    static func end(_ session: LiveSession) -> String {
        let statistics = session.statistics
        let lost = session.lostEvents
        return
            "\(counted(session.packets, "packet", isGrouped: false)), \(statistics.droppedByKernel) dropped by the kernel, "
            + "\(statistics.droppedByInterface) by the interface" + recorded(session)
            + (lost > 0 ? "; \(counted(lost, "event", isGrouped: false)) lost, whose reader was too slow" : "")
    }

    private static func recorded(_ session: LiveSession) -> String {
        guard let recorder = session.recorder else { return "" }
        let counts = recorder.counts
        var text = "; recorded \(counted(counts.packets, "packet", isGrouped: false)), \(sizeText(counts.bytes))"
        if counts.files > 1 { text += " in \(counts.files) files" }
        if counts.leftOut > 0 { text += ", left out \(counts.leftOut)" }
        if counts.letGo > 0 { text += ", let go \(counts.letGo) in front of the first exchange" }
        if counts.lost > 0 { text += ", \(counts.lost) could not be written" }
        return text
    }
}

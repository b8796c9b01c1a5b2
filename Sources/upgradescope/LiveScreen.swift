// The live view as an observer of the session: what happens goes into its model, a few times a second the counts.

import Inspection
import Investigation
import LiveCapture
import LiveView
import Synchronization
import Traffic

final class LiveScreen: LiveObserver {
    private let view: LiveView
    private let held = HeldMessages()
    private let recording: String?
    private var nextWalk = ContinuousClock.now

    /// `nil` where there is no terminal.
    init?(_ interface: RecordedInterface, recording: String?, hasColour: Bool, showSecrets: Bool) {
        var model = LiveModel(showSecrets: showSecrets)
        model.status.source = interface.name
        model.status.started = LiveView.now
        self.recording = recording
        let view = LiveView(
            model: model, hasColour: hasColour, signs: Terminal.hasUnicode ? .unicode : .ascii,
            isEnding: { Signals.interrupted }, onQuit: { Signals.interrupt() })
        guard let view else { return nil }
        self.view = view
    }

    /// Takes the terminal over, and what would be printed on it.
    func start() -> Bool {
        guard view.start() else { return false }
        guard Terminal.isTerminal(2) else { return true }
        let (view, held) = (view, held)
        Messages.listener.withLock { listener in
            listener = { message in
                held.add(message)
                view.update { $0.say(message) }
            }
        }
        return true
    }

    /// Gives it back, and prints what had to wait.
    func stop() {
        view.stop()
        Messages.listener.withLock { $0 = nil }
        for message in held.take() { say(message) }
    }

    // MARK: What happens

    var messageBytes: Int? { LiveMessage.excerptLimit }

    func receive(_ event: InvestigationEvent) {
        switch event {
        case .began(let exchange): view.update { $0.began(exchange) }
        case .decided(let exchange, let judgement): view.update { $0.decided(exchange, judgement) }
        case .said(let message, in: let exchange): view.update { $0.said(message, in: exchange) }
        case .finished(let exchange, let judgement): view.update { $0.finished(exchange, judgement) }
        case .ended(let connection, let findings):
            guard !findings.isEmpty else { return }
            let place = connection.serverName ?? connection.facts.server.description
            view.update { $0.found(findings, at: connection.facts.last.time, place: place) }
        case .started, .unreadable, .undivided, .batchRead, .read, .reported: break
        }
    }

    func refresh(_ session: LiveSession) {
        var progress: [ExchangeProgress] = []
        let start = ContinuousClock.now
        if start >= nextWalk {
            session.forEachOpenExchange { progress.append($0) }
            // All connections were walked through: of the time there is, that may take a fiftieth.
            let end = ContinuousClock.now
            nextWalk = end.advanced(by: start.duration(to: end) * 50)
        }
        let exchanges = session.counters.exchanges
        view.update { model in
            for one in progress { model.progressed(one) }
            var status = model.status
            status.packets = session.packets
            status.exchanges = exchanges
            status.connections = session.openConnections
            status.drops = session.statistics.dropped
            status.recording = recording
            status.recordedBytes = session.recorder?.counts.bytes ?? 0
            model.status = status
        }
    }
}

/// What is printed when the screen is gone.
private final class HeldMessages: Sendable {
    private let messages = Mutex<[String]>([])
    private static let limit = 100

    func add(_ message: String) {
        messages.withLock { messages in
            if messages.count == Self.limit { messages.removeFirst() }
            messages.append(message)
        }
    }

    func take() -> [String] {
        messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }
}

extension Terminal {
    /// Whether the locale's characters are UTF-8: the first of these variables that is set says so (POSIX 8.2).
    static var hasUnicode: Bool {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = Terminal.environment(name), !value.isEmpty else { continue }
            let lowercased = value.lowercased()
            return lowercased.hasSuffix("utf-8") || lowercased.hasSuffix("utf8")
        }
        return false
    }
}

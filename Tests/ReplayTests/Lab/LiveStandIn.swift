// A stand-in that really listens, for the time of one test: the server of `serve`, on a port of loopback.

import Foundation
import Synchronization
import TestSupport
import Testing
import Traffic

@testable import Replay

/// A `ServeServer` on a thread of its own; ends with the test.
final class LiveStandIn: Sendable {
    let port: Int
    private let log = Log()
    private let isOver = DispatchSemaphore(value: 0)

    /// What it tells, seen from two threads.
    private final class Log: Sendable {
        struct State {
            var port: Int?
            var error: String?
            var isStopped = false
            var connections = 0
            var served: [ServedExchange] = []
            var refused: [String] = []
        }
        let state = Mutex(State())

        func tell(_ event: ServeEvent) {
            state.withLock { state in
                switch event {
                case .served(_, let exchange): state.served.append(exchange)
                case .refused(_, let reason): state.refused.append(reason)
                case .closed: state.connections += 1
                case .began, .finished: break
                }
            }
        }
    }

    /// Serves these sessions; returns once it listens.
    init(
        _ sessions: [RecordedSession], host: String = "127.0.0.1", options: ServeOptions = ServeOptions(),
        security: ServeSecurity? = nil
    ) throws {
        let (log, isOver, hasBegun) = (log, isOver, DispatchSemaphore(value: 0))
        Thread.detachNewThread {
            do throws(ServeError) {
                let server = ServeServer(
                    answers: RecordedAnswers(sessions), options: options, security: security, start: Lab.now)
                try server.run(
                    host: host, port: 0, isStopped: { log.state.withLock { $0.isStopped } },
                    listening: { address in
                        log.state.withLock { $0.port = Int(address.port) }
                        hasBegun.signal()
                    }, tell: { log.tell($0) })
            } catch {
                log.state.withLock { $0.error = error.description }
            }
            hasBegun.signal()
            isOver.signal()
        }
        hasBegun.wait()
        guard let port = log.state.withLock({ $0.port }) else {
            throw Failure("the stand-in does not serve: \(log.state.withLock { $0.error } ?? "")")
        }
        self.port = port
    }

    /// Ends it; returns what it served, and why connections were not served.
    func stop() -> (served: [ServedExchange], refused: [String], connections: Int) {
        log.state.withLock { $0.isStopped = true }
        isOver.wait()
        isOver.signal()
        return log.state.withLock { ($0.served, $0.refused, $0.connections) }
    }

    deinit { log.state.withLock { $0.isStopped = true } }
}

// Says sessions to a target: sockets, threads and the clock are here, decisions are not.
//
// Every session has a channel of its own on one of the event loops; what it found is compared there and handed to one place under
// a lock. A new session begins when one has ended (concurrency), or when its time has come (rate). The target is resolved
// once: the first session that connects says which address all others use, and no other address is ever spoken to.

import Glibc
import Ground
public import Inspection
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
public import Traffic

/// Runs a replay from beginning to end.
public final class ReplayRunner: Sendable {
    private let scripts: [ReplayScript]
    private let said: [ReplayScript]
    private let target: ReplayTarget
    private let options: ReplayOptions
    private let load: LoadOptions
    private let comparison: SessionComparison
    private let security: NIOSSLContext?
    private let sink: (any PacketSink)?
    private let clock: LiveClock
    private let group: MultiThreadedEventLoopGroup
    private let state: Mutex<State>
    private let finished: EventLoopPromise<Void>

    /// Exchanges kept in full of a load; of the rest there are figures.
    private static let mostDetailed = 100

    private struct State {
        var next = 0
        var open = 0
        var finished = 0
        var mostOpen = 0
        var isStopped = false
        var begun: Timestamp?
        var ended: Timestamp?
        var address: SocketAddress?
        var channels: [Int: any Channel] = [:]
        var verdicts: [Verdict: Int] = [:]
        var exchanges: [Int: ReplayedExchange] = [:]
        var detailed = 0
        var latencies = LatencyRecorder()
        var report = LoadReport()
        var answered = 0
    }

    /// `start` is the time of day now; throws a failure when TLS cannot be set up.
    public init(
        scripts: [ReplayScript], target: ReplayTarget, options: ReplayOptions, load: LoadOptions,
        security: TargetSecurity, inspector: Inspector, start: Timestamp, threads: Int,
        sink: (any PacketSink)? = nil
    ) throws(ReplayFailure) {
        self.scripts = scripts
        said = scripts.filter { $0.plan.skipped == nil }
        self.target = target
        self.options = options
        self.load = load
        comparison = SessionComparison(options: options.compare, inspector: inspector)
        self.security = target.isSecure ? try security.context() : nil
        self.sink = sink
        clock = LiveClock(start: start)
        group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, threads))
        state = Mutex(State())
        finished = group.next().makePromise()
    }

    private var total: Int { said.count * load.repeats }

    /// Says everything and waits for it; `isStopped` is asked ten times a second, `progress` is told as often.
    ///
    /// Not to be called on an event loop.
    public func run(
        plan: ReplayPlan, isStopped: @escaping @Sendable () -> Bool,
        progress: @escaping @Sendable (ReplayProgress) -> Void
    ) -> ReplayReport {
        let watch = group.next().scheduleRepeatedTask(initialDelay: .milliseconds(100), delay: .milliseconds(100)) {
            _ in
            if isStopped() { self.stop() }
            progress(self.progress)
        }
        state.withLock { $0.begun = clock.now }
        if total == 0 {
            finished.succeed()
        } else if let rate = load.rate {
            scheduleByRate(rate)
        } else {
            begin()
        }
        try? finished.futureResult.wait()
        watch.cancel()
        try? group.syncShutdownGracefully()
        return report(plan)
    }

    public var progress: ReplayProgress {
        let now = clock.now
        return state.withLock { state in
            let seconds = Double(now.nanoseconds(since: state.begun ?? now)) / 1e9
            return ReplayProgress(
                total: total, started: state.next, finished: state.finished, open: state.open, verdicts: state.verdicts,
                rate: seconds > 0 ? Double(state.finished) / seconds : 0)
        }
    }

    // MARK: Beginning

    /// The first session finds the address; then there are as many as allowed, one after another during the ramp.
    private func begin() {
        startNext(due: nil) { [self] in
            let more = min(load.concurrency, total) - 1
            guard more > 0 else { return }
            for index in 0..<more {
                let delay = TimeAmount.nanoseconds(load.ramp / Int64(max(1, load.concurrency)) * Int64(index + 1))
                if load.ramp == 0 {
                    startNext(due: nil)
                } else {
                    group.next().scheduleTask(in: delay) { self.startNext(due: nil) }
                }
            }
        }
    }

    private func scheduleByRate(_ rate: Double) {
        let begun = clock.now
        // One timer for the next session, not one for each.
        @Sendable func schedule(_ index: Int) {
            guard index < total else { return }
            let due = begun.adding(load.due(index, rate: rate))
            let loop = group.next()
            loop.scheduleTask(deadline: clock.deadline(due)) { [self] in
                let (isStopped, isFull) = state.withLock { ($0.isStopped, $0.open >= load.mostOpen) }
                guard !isStopped else { return }
                if isFull {
                    // It stays due: the time it waits counts.
                    loop.scheduleTask(in: .milliseconds(1)) { retry(index, due) }
                } else {
                    startNext(due: due)
                    schedule(index + 1)
                }
            }
        }
        @Sendable func retry(_ index: Int, _ due: Timestamp) {
            let (isStopped, isFull) = state.withLock { ($0.isStopped, $0.open >= load.mostOpen) }
            guard !isStopped else { return }
            if isFull {
                group.next().scheduleTask(in: .milliseconds(1)) { retry(index, due) }
            } else {
                startNext(due: due)
                schedule(index + 1)
            }
        }
        schedule(0)
    }

    /// Begins the next session; `connected` is called once it is (or cannot be).
    private func startNext(due: Timestamp?, connected: (@Sendable () -> Void)? = nil) {
        let now = clock.now
        let index: Int? = state.withLock { state in
            guard !state.isStopped, state.next < total else { return nil }
            state.next += 1
            state.open += 1
            state.mostOpen = max(state.mostOpen, state.open)
            state.report.started += 1
            if let due, now.nanoseconds(since: due) > 1_000_000 {
                state.report.late += 1
                state.report.mostLateMilliseconds = max(
                    state.report.mostLateMilliseconds, Double(now.nanoseconds(since: due)) / 1e6)
            }
            return state.next - 1
        }
        guard let index else { return }
        let script = said[index % said.count]
        connect(index, script, due: due, start: now, connected: connected)
    }

    private func connect(
        _ index: Int, _ script: ReplayScript, due: Timestamp?, start: Timestamp, connected: (@Sendable () -> Void)?
    ) {
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(.nanoseconds(options.timeout))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
        let known = state.withLock { $0.address }
        let channel =
            known.map { bootstrap.connect(to: $0) } ?? bootstrap.connect(host: target.host, port: target.port)
        // Of several addresses of a name one wins: only that one is ever spoken to.
        channel.flatMapThrowing { [self] channel in
            state.withLock { state in if state.address == nil { state.address = channel.remoteAddress } }
            do {
                if state.withLock({ $0.isStopped }) { throw ReplayFailure(.interrupted, "interrupted") }
                try prepare(channel, index, script, due: due, start: start)
            } catch {
                channel.close(promise: nil)
                throw error
            }
        }.whenComplete { [self] result in
            switch result {
            case .success: break
            case .failure(let error):
                var run = LiveRun(start: start)
                run.failure = ConnectFailure.of(error, target: target, timeout: options.timeout)
                run.end = clock.now
                ended(index, script, run, due: due)
            }
            connected?()
        }
    }

    private func prepare(
        _ channel: any Channel, _ index: Int, _ script: ReplayScript, due: Timestamp?, start: Timestamp
    ) throws {
        let sink = self.sink
        let streams = !script.isWebSocket
        let payloadBytes = Int(clamping: script.mostBytes)
        var generator = SystemRandomNumberGenerator()
        let key = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let client = ReplayClient(
            script: script, options: options, key: Base64.encode(key.span), start: start,
            maskKey: {
                var generator = SystemRandomNumberGenerator()
                return generator.next()
            },
            witness: { client, server in
                LiveWitness(client: client, server: server, streams: streams, payloadBytes: payloadBytes, sink: sink)
            })
        let handler = SessionHandler(client: client, clock: clock, target: target) { [self] run in
            ended(index, script, run, due: due)
        }
        if let security {
            let name = IPAddress(target.host) == nil ? target.host : nil
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: security, serverHostname: name))
        }
        state.withLock { $0.channels[index] = channel }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    // MARK: Ending

    private func stop() {
        let open: [any Channel] = state.withLock { state in
            guard !state.isStopped else { return [] }
            state.isStopped = true
            if state.open == 0 { finished.succeed() }
            return Array(state.channels.values)
        }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(SessionHandler.Stop()) }
    }

    private func ended(_ index: Int, _ script: ReplayScript, _ run: LiveRun, due: Timestamp?) {
        let result = comparison.result(script, run)
        let isLoad = load.isLoad
        let isOver: Bool = state.withLock { state in
            state.channels[index] = nil
            state.open -= 1
            state.finished += 1
            state.ended = run.end
            state.verdicts[result.verdict, default: 0] += 1
            if run.answer != nil { state.answered += 1 }
            note(run, script, due: due, into: &state)
            for difference in result.differences { state.report.differences[difference.kind, default: 0] += 1 }
            if let failure = result.failure { state.report.failures[failure, default: 0] += 1 }
            if !isLoad || result.verdict != .same && state.detailed < Self.mostDetailed || index < said.count {
                state.detailed += 1
                state.exchanges[index] = result
            }
            return state.finished == (state.isStopped ? state.next : total)
        }
        if isOver {
            finished.succeed()
        } else if load.rate == nil {
            // Not from within the event that ended the last one: a chain of refusals must not grow the stack.
            group.next().execute { self.startNext(due: nil) }
        }
    }

    private func note(_ run: LiveRun, _ script: ReplayScript, due: Timestamp?, into state: inout State) {
        let begin = due ?? run.start
        if let connected = run.connected {
            state.latencies.record("connect", connected.nanoseconds(since: run.start))
        }
        if let answered = run.answered {
            // By a schedule, time runs from the moment the session was due.
            state.latencies.record("handshake", answered.nanoseconds(since: due ?? run.requestSent ?? run.start))
        }
        if run.failure == nil, let end = run.end {
            state.latencies.record("session", end.nanoseconds(since: begin))
        }
        var arrived = 0
        for message in run.messages where message.said.opcode < 9 {
            if arrived < script.expected.count, message.said.opcode < 8, let line = script.expected[arrived].follows,
                let from = line < 0 ? run.answered : line < run.sent.count ? run.sent[line] : nil
            {
                state.latencies.record("message", message.time.nanoseconds(since: from))
            }
            arrived += 1
        }
        // Of other protocols there are runs of bytes.
        state.report.messages.client += script.isWebSocket ? run.saidMessages : run.sent.count
        state.report.messages.server += run.messages.reduce(0) { $0 + ($1.said.isControl ? 0 : 1) }
        state.report.bytes.client += run.sentBytes
        state.report.bytes.server += run.receivedBytes
    }

    private func report(_ plan: ReplayPlan) -> ReplayReport {
        state.withLock { state in
            var report = ReplayReport(target: target.description, plan: plan)
            let skipped = scripts.filter { $0.plan.skipped != nil }.map { SessionComparison.planned($0, .skipped) }
            // Of one exchange that was said several times, the first come first.
            let found = state.exchanges.map { (id: $0.value.id, order: $0.key, exchange: $0.value) }
            let left = skipped.map { (id: $0.id, order: 0, exchange: $0) }
            report.exchanges = (found + left).sorted { ($0.id, $0.order) < ($1.id, $1.order) }.map(\.exchange)
            report.verdicts = state.verdicts
            if !skipped.isEmpty { report.verdicts[.skipped] = skipped.count }
            report.latencies = state.latencies.summaries(isScheduled: load.rate != nil, isLoad: load.isLoad)
            report.interrupted = state.isStopped
            report.wasAnswered = state.answered > 0
            if load.isLoad {
                state.report.finished = state.finished
                state.report.mostConcurrent = state.mostOpen
                if let begun = state.begun, let ended = state.ended {
                    state.report.seconds = Double(ended.nanoseconds(since: begun)) / 1e9
                }
                report.load = state.report
            }
            return report
        }
    }
}

/// Why no connection came about, in words.
enum ConnectFailure {
    static func of(_ error: any Error, target: ReplayTarget, timeout: Int64) -> ReplayFailure {
        if let failure = error as? ReplayFailure { return failure }
        if let error = error as? NIOConnectionError {
            if error.connectionErrors.isEmpty, error.dnsAError != nil || error.dnsAAAAError != nil {
                return ReplayFailure(.unknownHost, "the name \(target.host) is not known")
            }
            let inner = error.connectionErrors.map { of($0.error, target: target, timeout: timeout) }
            return inner.first { $0.kind == .refused } ?? inner.first
                ?? ReplayFailure(.unreachable, "\(target) cannot be reached")
        }
        if let error = error as? IOError {
            switch error.errnoCode {
            case ECONNREFUSED: return ReplayFailure(.refused, "\(target) refuses connections")
            case ENETUNREACH, EHOSTUNREACH: return ReplayFailure(.unreachable, "\(target) cannot be reached")
            case EMFILE, ENFILE:
                return ReplayFailure(.local, "no more files can be opened here (ulimit -n): fewer sessions at a time")
            case EADDRNOTAVAIL:
                return ReplayFailure(.local, "no more local ports to this target: fewer sessions a second")
            case ECONNRESET: return ReplayFailure(.reset, "the server reset the connection")
            default: return ReplayFailure(.unreachable, "\(target): \(error)")
            }
        }
        if let error = error as? ChannelError, case .connectTimeout = error {
            return ReplayFailure(.connectTimeout, "\(target) does not answer")
        }
        return ReplayFailure(.unreachable, "\(target): \(error)")
    }
}

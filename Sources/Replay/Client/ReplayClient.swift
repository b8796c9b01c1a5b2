// The client of a replay, as a machine: what happened goes in, what to do comes out.
//
//     idle ── connected ──► history ──► awaiting the answer ──► talking ──► ending ──► over
//
// No socket, no clock, no task: times are passed in, and where the machine wants to be asked again it says when. The bytes of the
// server are read by `LiveWitness`, which is the analyzer of captures; nothing here parses HTTP or frames.

import Ground
public import Traffic

/// Says one session once.
public struct ReplayClient {
    public enum Event: Sendable {
        /// The connection is there; these are its addresses.
        case connected(client: Endpoint, server: Endpoint)
        case received([UInt8])
        /// The server ended its side.
        case ended
        /// The connection is gone, or never came.
        case failed(ReplayFailure)
        /// The time that was asked for has come.
        case timer
    }

    public enum Action: Sendable, Equatable {
        case send([UInt8])
        /// End the sending side.
        case halfClose
        case close
        /// Come back with `.timer` at this time; it replaces an earlier wish.
        case wake(at: Timestamp)
        /// Nothing will follow; `run` holds what happened.
        case over
    }

    private enum Phase: Equatable {
        case idle
        /// The request of the history that is waited for.
        case history(Int)
        case awaitingAnswer
        /// A refusal's content is coming.
        case readingRefusal
        case talking
        /// Close was sent or answered: the end of the connection is waited for.
        case ending
        case over
    }

    public let script: ReplayScript
    private let options: ReplayOptions
    private let key: [UInt8]
    private let maskKey: () -> UInt32
    private let makeWitness: (Endpoint, Endpoint) -> LiveWitness
    private var witness: LiveWitness?
    public private(set) var run: LiveRun

    private var phase = Phase.idle
    private var encoder: FrameEncoder
    /// The next line or run.
    private var next = 0
    /// Lines that count as come although they did not: one that is lost is waited for once.
    private var forgiven = 0
    /// Messages and closes of the server so far, and which recorded ones they were (`--match content`).
    private var arrived = 0
    private var matched: [Bool]
    private var expectedKeys: [[UInt8]] = []
    private var silentTimeouts: Int64 = 0
    private var lastHeard: Timestamp
    private var lastProgress: Timestamp
    private var heardAtLastSend: Int64 = 0
    private var switchBytes: Int64 = 0
    /// When all recorded bytes had come, or as many.
    private var wholeSince: Timestamp?
    private var hasSentClose = false
    private var hasEnded = false
    private var deadline: Timestamp?
    /// The server's first bytes, for the case that they are no answer.
    private var beginning: [UInt8] = []
    /// Recorded values and what stands for them now (`--carry`).
    private var carried: [Carried] = []

    private struct Carried {
        var recorded: JSONValue.Content
        var live: JSONValue.Content

        /// The JSON text that a value becomes; `nil` where it is not the recorded one.
        func replacement(for value: JSONValue.Content) -> String? {
            switch (value, recorded, live) {
            case (.string(let text), .string(let old), .string(let new)):
                if text == old { return JSONValue.quoted(new) }
                // A token inside a longer text, such as "Bearer …".
                guard old.utf8.count >= 4, text.contains(old) else { return nil }
                return JSONValue.quoted(text.replacing(old, with: new))
            case (.number(let number), .number(let old), .number(let new)): return number == old ? new.text : nil
            case (.string(let text), .string(let old), .number(let new)): return text == old ? new.text : nil
            case (.number(let number), .number(let old), .string(let new)):
                return number == old ? JSONValue.quoted(new) : nil
            default: return nil
            }
        }
    }

    /// How long the server of a byte protocol must be silent for what it said to count as an answer, when it was less
    /// than recorded; and how long extra messages are waited for where a recording has no end.
    private static let settle: Int64 = 300_000_000
    /// How long the end of the connection is waited for once everything was said.
    private static let farewell: Int64 = 1_000_000_000
    /// So many times in a row nothing may come.
    private static let mostSilentTimeouts: Int64 = 3

    /// `key` is the 16 random bytes of Sec-WebSocket-Key in Base64; `maskKey` gives a fresh key for each frame.
    public init(
        script: ReplayScript, options: ReplayOptions, key: [UInt8], start: Timestamp, maskKey: @escaping () -> UInt32,
        witness: @escaping (Endpoint, Endpoint) -> LiveWitness
    ) {
        self.script = script
        self.options = options
        self.key = key
        self.maskKey = maskKey
        makeWitness = witness
        run = LiveRun(start: start)
        encoder = FrameEncoder(.client, agreement: nil)
        matched = [Bool](repeating: false, count: script.expected.count)
        lastHeard = start
        lastProgress = start
        if options.match == .content {
            expectedKeys = script.expected.map {
                ComparedMessage(opcode: $0.message.opcode, payload: $0.message.payload, options: options.compare).key
            }
        }
    }

    public var isOver: Bool { phase == .over }
    /// How long an answer is waited for, in nanoseconds.
    var patience: Int64 { options.timeout }

    /// Takes an event; returns what is to be done, in order.
    public mutating func handle(_ event: Event, at now: Timestamp) -> [Action] {
        guard phase != .over else { return [] }
        var actions: [Action] = []
        switch event {
        case .connected(let client, let server): connected(client, server, now, &actions)
        case .received(let bytes): received(bytes, now, &actions)
        case .ended: peerEnded(now, &actions)
        case .failed(let failure): failed(failure, now, &actions)
        case .timer: break
        }
        if phase != .over { advance(now, &actions) }
        return actions
    }

    // MARK: Events

    private mutating func connected(
        _ client: Endpoint, _ server: Endpoint, _ now: Timestamp, _ actions: inout [Action]
    ) {
        let witness = makeWitness(client, server)
        witness.opened(at: now)
        self.witness = witness
        run.connected = now
        lastHeard = now
        lastProgress = now
        if options.raw {
            phase = .talking
            run.requestSent = now
        } else if script.history.isEmpty {
            sendRequest(now, &actions)
        } else {
            send(script.history[0], now, &actions)
            phase = .history(0)
        }
    }

    private mutating func sendRequest(_ now: Timestamp, _ actions: inout [Action]) {
        send(script.request.bytes(key: key), now, &actions)
        run.requestSent = now
        phase = .awaitingAnswer
    }

    private mutating func received(_ bytes: [UInt8], _ now: Timestamp, _ actions: inout [Action]) {
        guard let witness else { return }
        run.receivedBytes += Int64(bytes.count)
        beginning += bytes.prefix(64 - beginning.count)
        lastHeard = now
        silentTimeouts = 0
        if run.receivedBytes > script.mostBytes {
            return fail(
                ReplayFailure(.tooMuch, "the server sent more than \(script.mostBytes >> 20) MiB"), now, &actions)
        }
        witness.said(.server, bytes[...], at: now)
        take(witness.news(), now, &actions)
    }

    private mutating func take(_ news: LiveNews, _ now: Timestamp, _ actions: inout [Action]) {
        if let answer = news.answer, run.answer == nil { answered(answer, now, &actions) }
        for piece in news.bytes where piece.direction == .server {
            // The head of the answer is no content of the new protocol.
            let start = options.raw ? 0 : run.answer?.response?.place.end ?? .max
            let skipped = max(0, start - piece.offset)
            if skipped < piece.bytes.count { run.bytes += piece.bytes[Int(skipped)...] }
        }
        for message in news.messages where message.direction == .server { heard(message, now, &actions) }
        if news.lost?.direction == .server, phase == .talking || phase == .ending {
            fail(
                ReplayFailure(.notWebSocket, "what the server says behind the switch cannot be read as frames"), now,
                &actions)
        }
    }

    private mutating func answered(_ answer: Exchange, _ now: Timestamp, _ actions: inout [Action]) {
        run.answer = answer
        run.answered = now
        lastProgress = now
        switchBytes = answer.response?.place.end ?? 0
        guard !options.raw else { return }
        if answer.outcome == .switched {
            encoder = FrameEncoder(.client, agreement: DeflateAgreement(answer.websocket, for: .client))
            phase = .talking
            // What was recorded as a refusal, or as another protocol, has no lines for this one.
            if script.session.outcome != .switched || answer.upgraded != script.session.upgraded {
                leave(now, &actions)
            }
        } else {
            phase = .readingRefusal
        }
    }

    private mutating func heard(_ message: TranscriptMessage, _ now: Timestamp, _ actions: inout [Action]) {
        // A few bytes may inflate to very many.
        run.heldBytes += Int64(message.payload.count)
        guard run.heldBytes <= script.mostBytes else {
            return fail(
                ReplayFailure(.tooMuch, "the server's messages are more than \(script.mostBytes >> 20) MiB"), now,
                &actions)
        }
        run.messages.append(LiveRun.Message(said: message, time: now))
        switch message.opcode {
        case 8:
            arrived += 1
            if !hasSentClose, phase == .talking {
                // RFC 6455 5.5.1: a close is answered with its own code.
                sendFrame(8, FrameEncoder.closePayload(code: message.closeCode), now, &actions)
                hasSentClose = true
            }
            if phase == .talking || phase == .ending { waitForEnd(now) }
        case 9: if !hasSentClose { sendFrame(10, message.payload, now, &actions) }
        case 10: break
        default:
            // What nobody waits for must not keep the waiting alive.
            if isAwaited(message) { lastProgress = now }
            takeCarried(from: message)
            arrived += 1
        }
    }

    /// Whether it is one of the recorded messages, and the first that came of it; by order each is.
    private mutating func isAwaited(_ message: TranscriptMessage) -> Bool {
        guard options.match == .content else { return true }
        let key = ComparedMessage(opcode: message.opcode, payload: message.payload, options: options.compare).key
        guard let index = expectedKeys.indices.first(where: { !matched[$0] && expectedKeys[$0] == key }) else {
            return false
        }
        matched[index] = true
        return true
    }

    /// Takes the values that are carried.
    private mutating func takeCarried(from message: TranscriptMessage) {
        guard !options.carried.isEmpty, message.opcode == 1, arrived < script.expected.count,
            let live = JSONValue(message.payload), let recorded = JSONValue(script.expected[arrived].message.payload)
        else { return }
        for pointer in options.carried {
            guard let old = pointer.value(in: recorded), let new = pointer.value(in: live) else { continue }
            // Who never asks for old values again does not keep them for ever.
            if carried.count >= 256 { carried.removeFirst() }
            carried.append(Carried(recorded: old.content, live: new.content))
        }
    }

    private mutating func peerEnded(_ now: Timestamp, _ actions: inout [Action]) {
        guard !hasEnded else { return }
        hasEnded = true
        run.ended = .fin
        witness?.ended(.server, reset: false, at: now)
        if let news = witness?.news() { take(news, now, &actions) }
        switch phase {
        case .over: break
        case .idle: fail(withoutAnswer("closed the connection"), now, &actions)
        case .history(let index):
            fail(
                ReplayFailure(
                    .closedEarly, "the server closed the connection behind request \(index + 1) of the history"),
                now, &actions)
        case .awaitingAnswer: fail(withoutAnswer("closed the connection"), now, &actions)
        case .readingRefusal, .talking, .ending: finish(now, &actions)
        }
    }

    private mutating func failed(_ failure: ReplayFailure, _ now: Timestamp, _ actions: inout [Action]) {
        if failure.kind == .reset {
            run.ended = .rst
            witness?.ended(.server, reset: true, at: now)
            if phase == .ending || phase == .readingRefusal || options.raw || isResetExpected {
                return finish(now, &actions)
            }
            if phase == .awaitingAnswer { return fail(withoutAnswer("reset the connection"), now, &actions) }
            let place = run.messages.isEmpty ? "the answer" : "message \(run.messages.count)"
            return fail(ReplayFailure(.reset, "the server reset the connection behind \(place)"), now, &actions)
        }
        fail(failure, now, &actions)
    }

    private var isResetExpected: Bool { script.session.ended.server == .rst && next >= script.lines.count }

    private func withoutAnswer(_ what: String) -> ReplayFailure {
        run.receivedBytes == 0
            ? ReplayFailure(.closedEarly, "the server \(what) without an answer")
            : ReplayFailure(.notHTTP, "the server \(what) behind what is no HTTP answer: \(unexpected)")
    }

    /// What came instead of an answer.
    private var unexpected: String {
        let count = "\(run.receivedBytes) bytes"
        if beginning.starts(with: [0x15, 0x03]) { return "\(count), a TLS alert (wss:// instead of ws://?)" }
        // A SETTINGS frame is what a server says first (RFC 9113 3.4).
        let isSettings = beginning.count >= 9 && beginning[3] == 4 && beginning[5..<9].allSatisfy { $0 == 0 }
        if isSettings || beginning[...].starts(with: "PRI * HTTP/2") {
            return "\(count) of HTTP/2, and HTTP/1.1 is spoken here"
        }
        let line = beginning.prefix { $0 != 0x0d && $0 != 0x0a }
        let isText = !line.isEmpty && line.allSatisfy { (0x20..<0x7f).contains($0) }
        return "\(count) that begin with \(isText ? Excerpt.quoted(line.text) : Excerpt.hex(beginning[...]))"
    }

    // MARK: What is due

    private mutating func advance(_ now: Timestamp, _ actions: inout [Action]) {
        switch phase {
        case .idle, .over: break
        case .history(let index):
            if witness?.unansweredRequests == 0 {
                lastProgress = now
                if index + 1 < script.history.count {
                    send(script.history[index + 1], now, &actions)
                    phase = .history(index + 1)
                } else {
                    sendRequest(now, &actions)
                }
                wake(at: now.adding(options.timeout), &actions)
            } else if isOverdue(now) {
                let words = "no answer to request \(index + 1) of the history"
                fail(ReplayFailure(.handshakeTimeout, words), now, &actions)
            } else {
                wake(at: lastProgress.adding(options.timeout), &actions)
            }
        case .awaitingAnswer:
            if isOverdue(now) {
                run.timeouts += 1
                fail(
                    run.receivedBytes > 0
                        ? ReplayFailure(.notHTTP, "no whole HTTP answer came, but \(unexpected)")
                        : ReplayFailure(.handshakeTimeout, "no answer within \(Self.seconds(options.timeout))"),
                    now, &actions)
            } else {
                wake(at: lastProgress.adding(options.timeout), &actions)
            }
        case .readingRefusal:
            if witness?.unansweredRequests == 0 || isOverdue(now) {
                finish(now, &actions)
            } else {
                wake(at: lastProgress.adding(options.timeout), &actions)
            }
        case .talking:
            if script.isWebSocket { sayLines(now, &actions) } else { sayRuns(now, &actions) }
        case .ending:
            if let deadline, now >= deadline {
                finish(now, &actions)
            } else if let deadline {
                wake(at: deadline, &actions)
            }
        }
    }

    private func isOverdue(_ now: Timestamp) -> Bool {
        now.nanoseconds(since: lastProgress) >= options.timeout
    }

    /// Sends every line whose time has come; at the end, waits for what is still due.
    private mutating func sayLines(_ now: Timestamp, _ actions: inout [Action]) {
        while next < script.lines.count, !hasSentClose {
            let line = script.lines[next]
            if let due = waits(for: line, now) {
                guard due <= now else { return wake(at: due, &actions) }
                guard timedOut(line.needs, now, &actions) else { return }
                continue
            }
            say(line, now, &actions)
        }
        guard phase == .talking, !hasSentClose else { return }
        // Everything is said: what is still missing may come, then the end.
        let missing = script.expected.count - arrived - forgiven
        if missing > 0 {
            let due = lastProgress.adding(options.timeout)
            guard due <= now else { return wake(at: due, &actions) }
            run.timeouts += 1
        }
        leave(now, &actions)
    }

    /// Until when a line has to wait; `nil` when it is due.
    private func waits(for line: ReplayScript.Line, _ now: Timestamp) -> Timestamp? {
        // A close ends what the server may still say: it waits for that at any pace.
        let waits = options.pace == .causal || line.message.opcode == 8
        let isReady =
            !waits
            || (options.match == .order
                ? arrived + forgiven >= line.needs
                : matched[..<min(line.needs, matched.count)].reduce(0) { $0 + ($1 ? 0 : 1) } <= forgiven)
        if !isReady { return lastProgress.adding(options.timeout) }
        guard case .recorded(let factor) = options.pace else { return nil }
        let due = (run.answered ?? now).adding(Int64(Double(max(0, line.time)) / factor))
        return due <= now ? nil : due
    }

    /// What a line waits for has not come; `false` when it is given up altogether.
    private mutating func timedOut(_ needs: Int, _ now: Timestamp, _ actions: inout [Action]) -> Bool {
        run.timeouts += 1
        silentTimeouts += 1
        if silentTimeouts >= Self.mostSilentTimeouts {
            fail(
                ReplayFailure(
                    .stalled, "nothing came for \(Self.seconds(options.timeout)), \(silentTimeouts) times in a row"),
                now, &actions)
            return false
        }
        if options.match == .order {
            forgiven = max(forgiven, needs - arrived)
        } else {
            forgiven = matched[..<min(needs, matched.count)].reduce(0) { $0 + ($1 ? 0 : 1) }
        }
        lastProgress = now
        return true
    }

    private mutating func say(_ line: ReplayScript.Line, _ now: Timestamp, _ actions: inout [Action]) {
        var message = line.message
        if !carried.isEmpty, message.opcode == 1 { message.payload = carry(into: message.payload) }
        let bytes = encoder.encode(message, keepsFragments: options.keepsFragments, maskKey: maskKey)
        send(bytes, now, &actions)
        run.sent.append(now)
        if !message.isControl {
            run.saidMessages += 1
            run.saidBytes += Int64(message.payload.count)
        }
        lastProgress = now
        next += 1
        if message.opcode == 8 {
            hasSentClose = true
            run.closeWasAsked = true
            phase = .ending
            deadline = now.adding(options.timeout)
            wake(at: now.adding(options.timeout), &actions)
        }
    }

    /// Sends every run of bytes whose time has come.
    private mutating func sayRuns(_ now: Timestamp, _ actions: inout [Action]) {
        let heard = run.receivedBytes - (options.raw ? 0 : switchBytes)
        while next < script.runs.count {
            let line = script.runs[next]
            if let due = waits(forBytes: line, heard, now), due > now { return wake(at: due, &actions) }
            if options.pace == .causal, heard < line.needs, heard <= heardAtLastSend { run.timeouts += 1 }
            send(line.bytes, now, &actions)
            run.sent.append(now)
            heardAtLastSend = heard
            lastProgress = now
            next += 1
        }
        if let behind = script.halfCloseBehind, !hasSentClose, heard >= behind {
            hasSentClose = true
            actions.append(.halfClose)
            witness?.ended(.client, reset: false, at: now)
        }
        let isWhole = heard >= Int64(script.expectedBytes.count) && !options.raw
        var quiet = max(lastHeard, lastProgress).adding(
            isWhole || heard > heardAtLastSend ? Self.settle : options.timeout)
        // Who never stops talking is not listened to for ever.
        if options.raw {
            quiet = min(quiet, lastProgress.adding(Self.mostSilentTimeouts * options.timeout))
        } else if isWhole {
            let since = wholeSince ?? now
            wholeSince = since
            quiet = min(quiet, since.adding(options.timeout))
        }
        if now >= quiet { finish(now, &actions) } else { wake(at: quiet, &actions) }
    }

    private func waits(forBytes line: ReplayScript.Run, _ heard: Int64, _ now: Timestamp) -> Timestamp? {
        switch options.pace {
        case .fast: return nil
        case .recorded(let factor):
            let base = options.raw ? run.connected : run.answered
            return (base ?? now).adding(Int64(Double(max(0, line.time)) / factor))
        case .causal:
            if heard >= line.needs { return nil }
            // It says less than it did, but it has said something and is silent now.
            if heard > heardAtLastSend { return lastHeard.adding(Self.settle) }
            return max(lastHeard, lastProgress).adding(options.timeout)
        }
    }

    // MARK: The end

    /// Everything was said: a client says goodbye.
    private mutating func leave(_ now: Timestamp, _ actions: inout [Action]) {
        guard phase == .talking else { return }
        if run.answer?.upgraded == .websocket, !hasSentClose {
            let wasLeft = script.session.ended.client != .open && script.session.exchange != nil
            // A recorded client that just went, goes.
            if wasLeft, !script.clientCloses, !script.serverCloses, script.isWebSocket { return finish(now, &actions) }
            sendFrame(8, FrameEncoder.closePayload(code: 1000), now, &actions)
            hasSentClose = true
            run.closeWasAsked = true
            waitForEnd(now)
            wake(at: now.adding(Self.farewell), &actions)
        } else {
            finish(now, &actions)
        }
    }

    private mutating func waitForEnd(_ now: Timestamp) {
        phase = .ending
        deadline = now.adding(min(options.timeout, Self.farewell))
    }

    private mutating func fail(_ failure: ReplayFailure, _ now: Timestamp, _ actions: inout [Action]) {
        if run.failure == nil { run.failure = failure }
        finish(now, &actions)
    }

    private mutating func finish(_ now: Timestamp, _ actions: inout [Action]) {
        guard phase != .over else { return }
        phase = .over
        run.end = now
        if let witness {
            if run.ended != .rst { witness.ended(.client, reset: false, at: now) }
            witness.finish()
            run.exchanges = witness.news().finished
        }
        witness = nil
        actions.append(.close)
        actions.append(.over)
    }

    // MARK: Sending

    private mutating func send(_ bytes: [UInt8], _ now: Timestamp, _ actions: inout [Action]) {
        guard !bytes.isEmpty else { return }
        run.sentBytes += Int64(bytes.count)
        witness?.said(.client, bytes[...], at: now)
        // What was before its time (a decided exchange, held bytes) shows now.
        if let news = witness?.news(), let answer = news.answer, run.answer == nil { run.answer = answer }
        actions.append(.send(bytes))
    }

    private mutating func sendFrame(_ opcode: UInt8, _ payload: [UInt8], _ now: Timestamp, _ actions: inout [Action]) {
        var bytes: [UInt8] = []
        FrameEncoder.frame(opcode, payload[...], mask: maskKey(), into: &bytes)
        send(bytes, now, &actions)
    }

    private func wake(at time: Timestamp, _ actions: inout [Action]) {
        actions.removeAll { if case .wake = $0 { true } else { false } }
        actions.append(.wake(at: time))
    }

    /// The payload with live values in the place of recorded ones.
    private func carry(into payload: [UInt8]) -> [UInt8] {
        guard let document = JSONValue(payload) else { return payload }
        var changes: [(range: Range<Int>, text: String)] = []
        func walk(_ value: JSONValue) {
            switch value.content {
            case .array(let values): values.forEach(walk)
            case .object(let members): members.forEach { walk($0.value) }
            default:
                // The value carried last stands for the recorded one.
                for pair in carried.reversed() {
                    guard let text = pair.replacement(for: value.content) else { continue }
                    changes.append((value.range, text))
                    break
                }
            }
        }
        walk(document)
        var result = payload
        for change in changes.reversed() { result.replaceSubrange(change.range, with: Array(change.text.utf8)) }
        return result
    }

    private static func seconds(_ nanoseconds: Int64) -> String {
        nanoseconds % 1_000_000_000 == 0
            ? "\(nanoseconds / 1_000_000_000) s" : "\(nanoseconds / 1_000_000) ms"
    }
}

extension Timestamp {
    /// So many nanoseconds later.
    func adding(_ nanoseconds: Int64) -> Timestamp {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return Timestamp(nanoseconds: overflow ? .max : sum)
    }
}

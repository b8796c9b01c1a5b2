// A session as recorded and as it went now: what a person wants to know of the difference.

import Ground
@_spi(Judging) public import Inspection
import Traffic

/// Compares one run of a script with its recording.
public struct SessionComparison: Sendable {
    private let options: CompareOptions
    private let inspector: Inspector
    /// Differences listed of one exchange.
    private static let mostDifferences = 200
    /// Differences listed of one message.
    private static let mostOfMessage = 8

    public init(options: CompareOptions, inspector: Inspector) {
        self.options = options
        self.inspector = inspector
    }

    /// What became of it.
    public func result(_ script: ReplayScript, _ run: LiveRun) -> ReplayedExchange {
        var result = Self.planned(script, .same)
        result.live = run.connected == nil ? nil : outline(script, run)
        let exchanges = run.exchanges
        // What the client says is the recording's; only where nothing was changed it is judged as well.
        result.findings = exchanges.flatMap { inspector.inspect($0) }.filter { script.isRaw || $0.fault != .client }
        var differences = differences(script, run)
        if script.session.isWithoutPackets {
            for index in differences.indices { differences[index].packet = nil }
        }
        if differences.count > Self.mostDifferences {
            result.omittedDifferences = differences.count - Self.mostDifferences
            differences.removeLast(result.omittedDifferences)
        }
        result.differences = differences
        if let failure = run.failure, !leftAsRecorded(script, run) {
            result.verdict = .failed
            result.failure = failure.kind.rawValue
            result.reason = failure.words
        } else if !differences.isEmpty {
            result.verdict = .differs
        }
        return result
    }

    /// An exchange that was not said.
    public static func planned(_ script: ReplayScript, _ verdict: Verdict) -> ReplayedExchange {
        var result = ReplayedExchange(
            id: script.plan.id, title: script.plan.title, verdict: verdict, recorded: outline(script))
        result.notes = script.plan.notes
        result.reason = script.plan.skipped
        return result
    }

    /// A server that left without an answer when it was recorded, and has done so again.
    private func leftAsRecorded(_ script: ReplayScript, _ run: LiveRun) -> Bool {
        let wentAway = run.failure?.kind == .closedEarly || run.failure?.kind == .notHTTP && run.ended != .open
        return wentAway && run.answer == nil && script.session.exchange?.reason == .serverAbort && !script.isRaw
    }

    // MARK: Differences

    private func differences(_ script: ReplayScript, _ run: LiveRun) -> [Difference] {
        let session = script.session
        guard let live = run.answer?.response else {
            // Without an answer there is nothing to compare; that there was none before either is no difference.
            if run.failure == nil, let recorded = session.response, !script.runs.isEmpty || session.exchange != nil {
                return [
                    Difference(
                        .outcome, at: "outcome", recorded: "\(session.outcome.name) (\(recorded.status))",
                        live: "no answer", packet: recorded.place.first)
                ]
            }
            return []
        }
        let answered = run.answered.map { $0.nanoseconds(since: run.start) }
        var found: [Difference] = []
        if let recorded = session.response {
            found += HeadComparison(options: options, showsSecrets: inspector.showSecrets).differences(
                recorded, live, recordedAccept: session.exchange?.websocket?.expectedAccept,
                liveAccept: run.answer?.websocket?.expectedAccept, liveTime: answered)
        }
        if let outcome = run.answer?.outcome, outcome != session.outcome {
            found.append(
                Difference(
                    .outcome, at: "outcome", recorded: session.outcome.name, live: outcome.name,
                    packet: session.response?.place.first ?? session.request.place.first, liveTime: answered))
        } else if session.outcome == .switched, run.answer?.upgraded != session.upgraded {
            found.append(
                Difference(
                    .outcome, at: "protocol", recorded: session.protocolName, live: run.answer?.protocolName,
                    packet: session.response?.place.first, liveTime: answered))
        }
        found += latency(
            "answer", recorded: session.responseTime?.nanoseconds(since: session.requestTime),
            live: run.answered?.nanoseconds(since: run.requestSent ?? run.start), packet: session.response?.place.first,
            liveTime: answered)
        guard run.answer?.outcome == .switched, session.outcome == .switched else { return found }
        if script.isWebSocket, run.answer?.upgraded == .websocket {
            found += messageDifferences(script, run)
            found += closeDifferences(script, run)
        } else if !script.runs.isEmpty || !script.expectedBytes.isEmpty, script.session.raw.isEmpty {
            found += byteDifferences(script, run)
        }
        return found
    }

    private func latency(
        _ what: String, recorded: Int64?, live: Int64?, packet: Arrival?, liveTime: Int64?
    ) -> [Difference] {
        guard let budget = options.latencyBudget, let live, live > budget else { return [] }
        let limit = DurationText.short(budget)
        return [
            Difference(
                .latency, at: what, recorded: recorded.map { DurationText.short(max(0, $0)) },
                live: "\(DurationText.short(live)) (budget \(limit))", packet: packet, liveTime: liveTime)
        ]
    }

    private func messageDifferences(_ script: ReplayScript, _ run: LiveRun) -> [Difference] {
        let isCompared = { (opcode: UInt8) in opcode < 8 || options.comparesControl && opcode > 8 }
        let steps = script.session.steps(of: .server).filter { isCompared($0.message?.opcode ?? 0) }
        let lives = run.messages.filter { isCompared($0.said.opcode) }
        let recorded = steps.map {
            ComparedMessage(opcode: $0.message?.opcode ?? 0, payload: $0.payload, options: options)
        }
        let live = lives.map { ComparedMessage(opcode: $0.said.opcode, payload: $0.said.payload, options: options) }
        let alignment = Alignment(recorded, live, ignoresOrder: options.ignoresOrder)
        let follows = Dictionary(
            script.expected.compactMap { expected in
                expected.follows.map { (expected.mark.packet, ($0, expected.latency)) }
            }
        ) { first, _ in first }
        var found: [Difference] = []
        func time(_ index: Int) -> Int64 { lives[index].time.nanoseconds(since: run.start) }
        func name(_ index: Int) -> String { "server message \(index + 1)" }
        let isOpenEnded = script.session.cut != nil || !script.serverCloses && script.session.ended.server == .open
        let lastKnown = alignment.pairs.lastIndex { if case .extra = $0 { false } else { true } }
        for (position, pair) in alignment.pairs.enumerated() {
            switch pair {
            case .same(let old, let new), .reordered(let old, let new), .changed(let old, let new):
                if case .reordered = pair {
                    found.append(
                        Difference(
                            .messageReordered, at: name(old),
                            recorded: "message \(old + 1): \(Excerpt.of(recorded[old]))",
                            live: "came as message \(new + 1)", packet: steps[old].first, liveTime: time(new)))
                } else if case .changed = pair {
                    found += changes(
                        recorded[old], live[new], name(old), packet: steps[old].first, liveTime: time(new))
                }
                if let (line, latency) = follows[steps[old].first.packet],
                    let from = line < 0 ? run.answered : line < run.sent.count ? run.sent[line] : nil
                {
                    found += self.latency(
                        name(old), recorded: latency, live: lives[new].time.nanoseconds(since: from),
                        packet: steps[old].first, liveTime: time(new))
                }
            case .missing(let old):
                found.append(
                    Difference(
                        .messageMissing, at: name(old), recorded: Excerpt.of(recorded[old]), live: nil,
                        packet: steps[old].first))
            case .extra(let new):
                // Where the recording just stops, what comes later is not known to be new.
                if isOpenEnded, position > lastKnown ?? -1 { continue }
                let place = position == 0 ? "in front of server message 1" : "live message \(new + 1)"
                found.append(
                    Difference(
                        .messageExtra, at: place, recorded: nil, live: Excerpt.of(live[new]), packet: nil,
                        liveTime: time(new)))
            }
        }
        return found
    }

    /// What differs between two messages that stand for each other.
    private func changes(
        _ recorded: ComparedMessage, _ live: ComparedMessage, _ name: String, packet: Arrival, liveTime: Int64
    ) -> [Difference] {
        func difference(_ at: String, _ old: String?, _ new: String?) -> Difference {
            Difference(.messageChanged, at: at, recorded: old, live: new, packet: packet, liveTime: liveTime)
        }
        if recorded.opcode != live.opcode {
            return [difference(name, Excerpt.of(recorded), Excerpt.of(live))]
        }
        if let a = recorded.json, let b = live.json, a.isContainer, b.isContainer {
            let places = JSONDifference.between(
                (a, Array((recorded.text ?? "").utf8)), (b, Array((live.text ?? "").utf8)), ignoring: options.pointers)
            if !places.isEmpty {
                let shown = places.prefix(Self.mostOfMessage).map {
                    difference(
                        $0.place.steps.isEmpty ? name : "\(name), \($0.place)", $0.recorded.map { Excerpt.cut($0) },
                        $0.live.map { Excerpt.cut($0) })
                }
                guard places.count > shown.count else { return shown }
                return shown + [difference("\(name), \(places.count - shown.count) more places", nil, nil)]
            }
        }
        let (old, new, place) = Excerpt.around(recorded, live)
        return [difference("\(name), \(place)", old, new)]
    }

    private func closeDifferences(_ script: ReplayScript, _ run: LiveRun) -> [Difference] {
        let session = script.session
        // A recording that stops in the middle does not say how it would have ended.
        guard session.cut == nil else { return [] }
        let recorded = session.steps.first { $0.direction == .server && $0.message?.opcode == 8 }
        let live = run.close
        func difference(_ at: String, _ old: String?, _ new: String?) -> Difference {
            Difference(
                .close, at: at, recorded: old, live: new,
                packet: recorded?.first ?? session.exchange?.connection.endMark.server,
                liveTime: live?.time.nanoseconds(since: run.start)
                    ?? (run.ended == .open ? nil : run.end?.nanoseconds(since: run.start)))
        }
        let unsaid = script.lines.count - run.sent.count
        switch (recorded?.message, live?.said) {
        case (let old?, let new?):
            if old.closeCode != new.closeCode {
                return [difference("close", Self.closeText(old.payload), Self.closeText(new.payload))]
            }
            if old.closeReason != new.closeReason {
                return [difference("close, reason", old.closeReason.text, new.closeReason.text)]
            }
            if unsaid > 0 {
                let code = Self.closeText(old.payload)
                let messages = script.lines.dropFirst(run.sent.count).filter { !$0.message.isControl }.count
                let words = messages == 0 ? "before the client's close" : "\(messages) client messages earlier"
                return [difference("close", "\(code), when the client had said everything", "\(code), \(words)")]
            }
        case (let old?, nil):
            let end =
                run.ended == .rst ? "connection reset" : run.ended == .fin ? "connection ended without close" : nil
            // A reset instead of the answer to a close is what many servers do; the failure is told elsewhere.
            if run.failure == nil { return [difference("close", Self.closeText(old.payload), end ?? "none")] }
        case (nil, let new?):
            // An answer to the client's own close is no news where the recording has none of the server.
            if !run.closeWasAsked || unsaid > 0 {
                return [difference("close", "none", Self.closeText(new.payload))]
            }
        case (nil, nil):
            if run.failure == nil, unsaid > 0 {
                return [difference("close", "open", "connection ended, \(unsaid) client messages unsaid")]
            }
        }
        return []
    }

    private static func closeText(_ payload: [UInt8]) -> String {
        guard payload.count >= 2 else { return "close without a code" }
        let code = Int(payload[0]) << 8 | Int(payload[1])
        let reason = payload.dropFirst(2).text
        return reason.isEmpty ? "\(code)" : "\(code) \(reason)"
    }

    /// Bytes of a protocol that is not read here.
    private func byteDifferences(_ script: ReplayScript, _ run: LiveRun) -> [Difference] {
        if script.session.upgraded == .h2c {
            return HTTP2Comparison.differences(script.session, run)
        }
        let old = ByteText.comparable(script.expectedBytes, options)
        let new = ByteText.comparable(run.bytes, options)
        guard old != new else { return [] }
        let recorded = ComparedMessage(opcode: 2, payload: old, options: CompareOptions())
        let live = ComparedMessage(opcode: 2, payload: new, options: CompareOptions())
        let (a, b, place) = Excerpt.around(recorded, live)
        let kind: Difference.Kind = new.isEmpty ? .messageMissing : .messageChanged
        let packet = script.session.steps.first { $0.direction == .server }?.first
        return [
            Difference(
                kind, at: "server bytes, \(place)", recorded: a, live: new.isEmpty ? nil : b, packet: packet,
                liveTime: run.end?.nanoseconds(since: run.start))
        ]
    }

    // MARK: Outlines

    private static func outline(_ script: ReplayScript) -> SessionOutline {
        let session = script.session
        var outline = SessionOutline()
        outline.status = session.response?.status
        outline.outcome = session.outcome
        outline.protocolName = session.protocolName.isEmpty ? nil : session.protocolName
        outline.subprotocol = session.response?.value(.secWebSocketProtocol)?.text
        outline.extensions = session.response.map { HeadComparison.extensions($0) } ?? []
        for step in session.steps where (step.message?.opcode ?? 0) < 8 {
            outline.messages[step.direction] += 1
            outline.bytes[step.direction] += Int64(step.payload.count)
        }
        let close = session.steps.first { $0.direction == .server && $0.message?.opcode == 8 }?.message
        outline.closeCode = close.map { Int($0.closeCode ?? 1005) }
        outline.handshake = session.responseTime?.nanoseconds(since: session.requestTime)
        if let last = session.steps.last?.last.time, let start = session.responseTime {
            outline.duration = last.nanoseconds(since: start)
        }
        outline.packet = session.isWithoutPackets || session.exchange == nil ? nil : session.request.place.first
        return outline
    }

    private func outline(_ script: ReplayScript, _ run: LiveRun) -> SessionOutline {
        var outline = SessionOutline()
        let answer = run.exchanges.first { $0.response != nil } ?? run.answer
        outline.status = run.answer?.response?.status
        outline.outcome = (run.answer ?? run.exchanges.last)?.outcome
        outline.protocolName = (run.answer?.protocolName).flatMap { $0.isEmpty ? nil : $0 }
        outline.subprotocol = run.answer?.response?.value(.secWebSocketProtocol)?.text
        outline.extensions = run.answer?.response.map { HeadComparison.extensions($0) } ?? []
        if script.isWebSocket {
            outline.messages.client = run.saidMessages
            outline.bytes.client = run.saidBytes
        } else if let websocket = answer?.websocket {
            for direction in Direction.allCases {
                let side = websocket.sides[direction]
                outline.messages[direction] = Int(clamping: side.textMessages + side.binaryMessages)
            }
            outline.bytes.client = websocket.sides.client.payloadBytes
        }
        if !run.messages.isEmpty {
            let data = run.messages.filter { !$0.said.isControl }
            outline.messages.server = data.count
            outline.bytes.server = data.reduce(0) { $0 + $1.said.length }
        } else {
            outline.bytes.server = Int64(run.bytes.count)
        }
        if answer?.websocket == nil { outline.bytes.client = answer?.switched.client.bytes ?? 0 }
        outline.closeCode = run.close.map { Int($0.said.closeCode ?? 1005) }
        if let sent = run.requestSent { outline.handshake = run.answered?.nanoseconds(since: sent) }
        if let answered = run.answered { outline.duration = run.end?.nanoseconds(since: answered) }
        return outline
    }
}

/// Byte streams made comparable: of HTTP inside a tunnel, fields that change anyway are left out.
enum ByteText {
    static func comparable(_ bytes: [UInt8], _ options: CompareOptions) -> [UInt8] {
        guard bytes[...].starts(with: "HTTP/1.") else { return bytes }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
            let name = line.prefix { $0 != UInt8(ascii: ":") }
            if name.count < min(line.count, 64), name.allSatisfy(\.isTokenByte) {
                let word = name.text.lowercasedASCII
                if word != "content-length",
                    CompareOptions.changingHeaders.contains(word) || options.headers.contains(word)
                {
                    continue
                }
            }
            result += line
            result.append(0x0a)
        }
        return result
    }
}

/// HTTP/2 after an upgrade: frames are compared by kind, because their bytes hold dates and compressed fields.
enum HTTP2Comparison {
    private static let names = [
        "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE",
        "CONTINUATION", "other",
    ]
    /// Frames that say something of the answer; the rest is housekeeping.
    private static let telling = [1, 3, 5]

    static func differences(_ session: RecordedSession, _ run: LiveRun) -> [Difference] {
        guard let recorded = session.exchange?.http2?.sides.server,
            let live = run.exchanges.first(where: { $0.http2 != nil })?.http2?.sides.server
        else { return [] }
        return telling.filter { recorded.frames[$0] != live.frames[$0] }.map { kind in
            Difference(
                live.frames[kind] < recorded.frames[kind] ? .messageMissing : .messageExtra,
                at: "\(names[kind]) frames of the server", recorded: "\(recorded.frames[kind])",
                live: "\(live.frames[kind])", packet: session.response?.place.last,
                liveTime: run.end?.nanoseconds(since: run.start))
        }
    }
}

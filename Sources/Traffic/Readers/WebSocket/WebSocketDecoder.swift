// A WebSocket session after its handshake (RFC 6455 5): both directions, and what they show together.
//
// Each direction is read by a `WebSocketSideDecoder`. Together they tell which Pong answers which Ping, how long nobody spoke,
// and who went on after what should have ended the session. Payload is never gathered: text is unmasked and checked where
// it lies, binary payload is skipped by subtraction, compressed payload goes through the window of an inflater, control
// frames (at most 125 bytes) are kept. After the first fatal error of a direction its frames are still counted, as far as
// lengths can be believed, but no further error is reported: what follows a broken frame is noise. After a hole that is
// not inside one payload the direction is lost: frames are looked for, and those found are counted apart (`FrameSearch`).

import Ground

final class WebSocketDecoder: SessionReader {
    private let session: UncheckedCell<WebSocketSession>

    /// What has to be known of the exchange.
    struct Start {
        let key: ExchangeKey
        let stream: StreamID
        /// The last packet of the handshake, and the stream offset after its answer; `nil` where that was not seen.
        let last: Arrival
        let answerEnd: Int64?
        /// Nobody saw where the request ends and the frames of the client begin.
        let isRequestUnseen: Bool

        init(_ exchange: borrowing Exchange) {
            key = exchange.key
            stream = key.stream
            let answer = exchange.response?.place
            if let answer { last = answer.last } else { last = exchange.lastMark }
            answerEnd = answer?.end
            isRequestUnseen = answer != nil && exchange.request?.place == nil
        }
    }

    convenience init(_ facts: WebSocketFacts, _ start: Start, _ context: AnalysisContext) {
        self.init(facts, start, context.budget.limits, context.budget.inflaterMemory)
        guard context.options.transcript.messages else { return }
        session.with { session in
            session.record { MessageRecorder(context: context, exchange: start.key) }
        }
    }

    convenience init(exchange: Exchange, limits: Limits) {
        self.init(
            exchange.websocket ?? WebSocketFacts(), Start(exchange), SharedLimits(limits),
            InflaterMemory(limit: limits.totalInflatingBytes))
    }

    private init(_ facts: WebSocketFacts, _ start: Start, _ limits: SharedLimits, _ memory: InflaterMemory) {
        session = UncheckedCell(WebSocketSession(facts.agreement, start, limits, memory))
        session.with { $0.begin(start) }
    }

    @discardableResult
    func receive(_ chunk: borrowing Chunk) -> StreamEffects {
        session.with { $0.receive(chunk) }
        return .wereRead
    }

    @discardableResult
    func gap(_ gap: Gap) -> StreamEffects {
        session.with { $0.gap(gap) }
        return []
    }

    func finish(into exchange: inout Exchange) { session.with { $0.finish(into: &exchange) } }

    var messages: PerDirection<UInt64>? { session.with { $0.messages } }
    var anomalies: [Anomaly] { session.with { $0.anomalies } }
    var anomalyCount: Int { session.with { $0.anomalyCount } }
}

/// Everything a session knows; a value in one place, as a conversation's is.
private struct WebSocketSession {
    private var sides: [2 of WebSocketSideDecoder]
    private var pings = PingTimes()
    private var longestIdle: IdleTime?
    /// Pings waiting for their Pong, for each direction that sent them.
    private var waiting = PerDirection<[WaitingPing]>(both: [])
    /// The packet that carried bytes last, of either side.
    private var lastSeen: Arrival
    private var longestIdleTime: Int64 = 1_000_000_000
    /// One side has sent Close: nobody has to answer or to keep the session alive any more.
    private var isClosing = false
    private let limits: SharedLimits

    private struct WaitingPing {
        var payload: [UInt8]
        var place: Place
        var sawOtherPong = false
        /// When the other side was done with the frame it was sending.
        var freeFrom: Timestamp?
    }

    init(
        _ agreement: WebSocketAgreement, _ start: WebSocketDecoder.Start, _ limits: SharedLimits,
        _ memory: InflaterMemory
    ) {
        self.limits = limits
        lastSeen = start.last
        sides = [
            WebSocketSideDecoder(.client, of: start.stream, agreement, limits, memory),
            WebSocketSideDecoder(.server, of: start.stream, agreement, limits, memory),
        ]
    }

    mutating func begin(_ start: WebSocketDecoder.Start) {
        if let end = start.answerEnd { sides[0].informedFrom = end }
        if start.isRequestUnseen { sides[0].seek() }
    }

    mutating func receive(_ chunk: borrowing Chunk) {
        let direction = chunk.direction
        let mark = chunk.arrival
        if mark.packet != lastSeen.packet { noteTime(mark) }
        var unfinished = sides[direction.index].unfinishedFrame
        var index = 0
        while index < chunk.count {
            index = sides[direction.index].advance(chunk, from: index)
            if unfinished >= 0, sides[direction.index].unfinishedFrame != unfinished {
                unfinished = -1
                excuse(direction.opposite, mark)
            }
            if sides[direction.index].hasNews { takeNews(direction, mark) }
            if sides[direction.index].controlIsComplete { takeControl(direction, mark) }
        }
    }

    /// A Pong may wait after the frame that was being sent when the Ping came, and after no other.
    private mutating func excuse(_ pinger: Direction, _ mark: Arrival) {
        for index in waiting[pinger].indices where waiting[pinger][index].freeFrom == nil {
            waiting[pinger][index].freeFrom = mark.time
        }
    }

    /// How long nobody said anything.
    private mutating func noteTime(_ mark: Arrival) {
        let idle = mark.time.nanoseconds(since: lastSeen.time)
        if idle > longestIdleTime, !isClosing {
            longestIdleTime = idle
            longestIdle = IdleTime(from: lastSeen, to: mark)
        }
        lastSeen = mark
    }

    /// The side has sent Close, or what its peer must not accept.
    private mutating func takeNews(_ direction: Direction, _ mark: Arrival) {
        sides[direction.index].hasNews = false
        if let fault = sides[direction.index].fault { sides[direction.opposite.index].watch(behind: fault) }
        guard sides[direction.index].sentClose, !isClosing else { return }
        for pinger in Direction.allCases {
            if let ping = waiting[pinger].last { noteWait(ping, pinger, mark, isAnswered: false) }
        }
        isClosing = true
    }

    mutating func gap(_ gap: Gap) { sides[gap.direction.index].gap(gap) }

    private mutating func takeControl(_ direction: Direction, _ mark: Arrival) {
        sides[direction.index].controlIsComplete = false
        switch sides[direction.index].opcode {
        case 9:
            // Only the latest Ping asks for an answer (RFC 6455 5.5.3): an older one has waited until now.
            if let last = waiting[direction].last { noteWait(last, direction, mark, isAnswered: false) }
            if waiting[direction].count >= limits.values.outstandingPings { waiting[direction].removeFirst() }
            let ping = WaitingPing(
                payload: sides[direction.index].control, place: sides[direction.index].controlPlace(mark))
            waiting[direction].append(ping)
        case 10:
            // A Pong answers the Ping with its payload and all older ones (RFC 6455 5.5.3).
            let payload = sides[direction.index].control
            let pinger = direction.opposite
            guard let index = waiting[pinger].lastIndex(where: { $0.payload == payload }) else {
                if let last = waiting[pinger].indices.last { waiting[pinger][last].sawOtherPong = true }
                return
            }
            let ping = waiting[pinger][index]
            if index == waiting[pinger].count - 1 { noteWait(ping, pinger, mark, isAnswered: true) }
            pings.count += 1
            if pings.samples.count < 1024 {
                pings.samples.append(mark.time.nanoseconds(since: ping.place.last.time))
            }
            waiting[pinger].removeFirst(index + 1)
        default: break
        }
    }

    /// A Ping was answered, or there is nothing to wait for any more.
    ///
    /// Behind a long frame a Pong has to wait.
    private mutating func noteWait(_ ping: WaitingPing, _ pinger: Direction, _ mark: Arrival, isAnswered: Bool) {
        let waited = mark.time.nanoseconds(since: ping.freeFrom ?? ping.place.last.time)
        guard waited > 1_000_000_000, !isClosing, waited > sides[pinger.index].slowestPing?.waited ?? 0,
            isAnswered || !sides[pinger.opposite.index].isInsidePayload
        else { return }
        sides[pinger.index].slowestPing = PingWait(
            place: ping.place, payload: ping.payload, waited: waited, isAnswered: isAnswered,
            sawOtherPong: ping.sawOtherPong)
    }

    mutating func record(by recorder: () -> MessageRecorder) {
        for direction in Direction.allCases { sides[direction.index].recorder = recorder() }
    }

    var messages: PerDirection<UInt64>? {
        PerDirection(client: sides[0].messages, server: sides[1].messages)
    }

    var anomalies: [Anomaly] { sides[0].anomalies.list + sides[1].anomalies.list }
    var anomalyCount: Int { sides[0].anomalies.list.count + sides[1].anomalies.list.count }

    mutating func finish(into exchange: inout Exchange) {
        finish(.client, in: &exchange)
        finish(.server, in: &exchange)
        let facts = exchange.websocket ?? WebSocketFacts()
        facts.take(&sides[0].facts, of: .client)
        facts.take(&sides[1].facts, of: .server)
        facts.pings = pings
        facts.longestIdle = longestIdle
        exchange.websocket = facts
    }

    private mutating func finish(_ direction: Direction, in exchange: inout Exchange) {
        sides[direction.index].finish(
            ended: exchange.connection.ended[direction], hadGap: exchange.connection.gapBytes[direction] > 0)
        for limit in sides[direction.index].limitsHit where !exchange.limitsHit.contains(limit) {
            exchange.limitsHit.append(limit)
        }
        if !sides[direction.index].anomalies.list.isEmpty {
            exchange.anomalies.append(contentsOf: sides[direction.index].anomalies.list)
        }
        if let ping = waiting[direction].last, !isClosing, !sides[direction.opposite.index].isInsidePayload {
            sides[direction.index].facts.openPing = PingWait(
                place: ping.place, payload: ping.payload, waited: 0, isAnswered: false, sawOtherPong: ping.sawOtherPong)
        }
    }
}

extension WebSocketDecoder {
    /// The reader of the draft that an exchange agreed on; `nil` for one that is not read.
    static func reader(of exchange: borrowing Exchange, _ context: AnalysisContext) -> (any SessionReader)? {
        let facts = exchange.websocket ?? WebSocketFacts()
        switch facts.draft {
        case .none: return WebSocketDecoder(facts, Start(exchange), context)
        case .hixie75, .hixie76: return HixieDecoder(facts)
        case .earlyHybi: return nil
        }
    }
}

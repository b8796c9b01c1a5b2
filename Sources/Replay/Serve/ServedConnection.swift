// One connection of a stand-in, as a machine: what the client said goes in, what to do comes out.
//
//     requests ── recorded switch ──► messages or bytes ──► over
//        ▲ └─ recorded refusal ─┐
//        └──────────────────────┘
//
// No socket and no clock: times are passed in. What the client says is read by `LiveWitness`, which is the analyzer of
// captures, so that the client is judged by what it said and not by a second reader.

import Ground
public import Traffic

/// How a stand-in serves.
public struct ServeOptions: Sendable {
    /// Messages are cut into frames as they were recorded.
    public var keepsFragments = false
    /// Bytes of one message of a client that are taken at most.
    public var messageBytes = 1 << 20
    /// Connections at the same time.
    public var connections = 1024
    /// Nanoseconds without a word of the client until the connection is closed.
    public var idle: Int64 = 60_000_000_000
    /// Bytes of a connection's beginning that must hold a request.
    public var headBytes = 64 << 10
    public init() {}
}

/// One request that was answered, and what came of it.
public struct ServedExchange: Sendable {
    /// The number of the recorded exchange; `nil` where nothing was recorded.
    public var recording: Int?
    /// The request, credentials hidden; not escaped.
    public var title: String
    /// What was answered; 0 when nothing was.
    public var status: Int
    /// Behind a switch: the protocol, and how many messages (or runs of bytes) of the recorded were said.
    public var protocolName: String?
    public var said = 0
    public var scripted = 0
    /// Messages (or bytes) of the client that came, and that were recorded.
    public var heard = 0
    public var expected = 0
    /// What the client did otherwise than recorded, in words.
    public var remarks: [String] = []
}

/// Answers one client.
public final class ServedConnection {
    public enum Action: Equatable {
        case send([UInt8])
        /// Close once everything is sent.
        case close
        case reset
    }

    private enum Phase {
        case requests
        case messages(ServedSession, FrameEncoder)
        case bytes(ServedBytes, start: Int64)
        case over
    }

    private let answers: RecordedAnswers
    private let options: ServeOptions
    private let witness: LiveWitness
    private var phase = Phase.requests
    /// What came before the first request.
    private var beginning: [UInt8] = []
    private var hasRequest = false
    private var received: Int64 = 0
    private var current: ServedExchange?
    /// What is to be sent, and how the connection is to end then.
    private var output: [UInt8] = []
    private var ending: Action?
    /// What the witness told while an answer was made.
    private var untold: LiveNews?

    private var served: [ServedExchange] = []
    private var exchanges: [Exchange] = []

    /// The exchange after whose switch the client and we are now.
    public var ongoing: ServedExchange? {
        switch phase {
        case .messages, .bytes: current
        case .requests, .over: nil
        }
    }

    public init(
        client: Endpoint, server: Endpoint, answers: RecordedAnswers, options: ServeOptions = ServeOptions(),
        sink: (any PacketSink)? = nil
    ) {
        self.answers = answers
        self.options = options
        witness = LiveWitness(
            client: client, server: server, streams: false, requests: true, payloadBytes: options.messageBytes,
            sink: sink)
    }

    /// Packets that what was said makes.
    public var packets: UInt32 { witness.packetCount }

    /// Requests that were answered since this was asked last, and are over.
    public func takeServed() -> [ServedExchange] {
        let taken = served
        served = []
        return taken
    }

    /// Exchanges that are over since this was asked last, as the analyzer saw them.
    public func takeExchanges() -> [Exchange] {
        let taken = exchanges
        exchanges = []
        return taken
    }

    // MARK: What happens

    /// The connection is established.
    public func opened(at time: Timestamp) { witness.opened(at: time) }

    /// The client said something.
    public func received(_ bytes: [UInt8], at time: Timestamp) -> [Action] {
        if case .over = phase { return [] }
        received += Int64(bytes.count)
        if !hasRequest, beginning.count <= options.headBytes { beginning += bytes }
        witness.said(.client, bytes[...], at: time)
        follow(at: time)
        if case .bytes(var player, let start) = phase {
            let (bytes, end) = player.received(received - start)
            phase = .bytes(player, start: start)
            send(bytes, at: time)
            if let end { self.end(reset: end == .rst) }
        }
        let hasLine = bytes.contains(0x0a) || beginning.count == bytes.count || beginning.count > options.headBytes
        if !hasRequest, hasLine, case .requests = phase { refuseWhatIsNoRequest(at: time) }
        return taken()
    }

    /// The client ended its side: nothing more will come.
    public func ended(at time: Timestamp) -> [Action] {
        witness.ended(.client, reset: false, at: time)
        if case .bytes(var player, let start) = phase {
            let (bytes, end) = player.ended()
            phase = .bytes(player, start: start)
            send(bytes, at: time)
            self.end(reset: end == .rst)
        }
        end(reset: false)
        return taken()
    }

    /// Nothing came for `ServeOptions.idle`.
    public func timedOut(at time: Timestamp) -> [Action] {
        if case .messages(var player, var encoder) = phase {
            let next = player.timedOut()
            phase = .messages(player, encoder)
            perform(next, &encoder, at: time)
        }
        end(reset: false)
        return taken()
    }

    /// The connection is gone, and every exchange finished; `reset` says by whom it was reset.
    public func closed(reset: Direction?, at time: Timestamp) {
        if let reset {
            witness.ended(reset, reset: true, at: time)
        } else {
            witness.ended(.server, reset: false, at: time)
        }
        finishCurrent()
        witness.finish()
        exchanges += witness.news().finished
        phase = .over
    }

    // MARK: Requests

    /// Takes what the witness has heard, until there is no more.
    private func follow(at time: Timestamp) {
        while true {
            let news = untold ?? witness.news()
            untold = nil
            exchanges += news.finished
            for request in news.requests {
                hasRequest = true
                beginning = []
                if case .requests = phase { answer(request, at: time) }
            }
            for message in news.messages where message.direction == .client { hear(message, at: time) }
            if news.lost?.direction == .client, case .messages(var player, var encoder) = phase {
                let next = player.lostTrack()
                phase = .messages(player, encoder)
                perform(next, &encoder, at: time)
            }
            if news.requests.isEmpty, news.messages.isEmpty, untold == nil { return }
        }
    }

    private func answer(_ request: MessageHead, at time: Timestamp) {
        finishCurrent()
        switch answers.answer(to: request) {
        case .nothing(let refusal):
            current = ServedExchange(recording: nil, title: request.redactedTitle, status: refusal.status)
            current?.remarks = [refusal.reason.split(separator: "\n").first.map { String($0) } ?? ""]
            send(RecordedHead.refusal(refusal), at: time)
            end(reset: false)
        case .plain(let recorded):
            current = ServedExchange(recording: nil, title: request.redactedTitle, status: 0)
            guard let response = recorded.response else { return end(reset: false) }
            current?.status = response.status
            send(response.bytes, at: time)
            sendBody(recorded.responseBody, of: response, toHEAD: request.isMethod("HEAD"), at: time)
        case .session(let session): answer(request, as: session, at: time)
        }
    }

    private func answer(_ request: MessageHead, as session: RecordedSession, at time: Timestamp) {
        current = ServedExchange(
            recording: session.id, title: request.redactedTitle, status: session.response?.status ?? 0)
        guard let response = session.response else {
            current?.remarks = ["the recorded server did not answer"]
            if session.ended.server != .open { end(reset: session.ended.server == .rst) }
            return
        }
        for interim in session.exchange?.interim ?? [] { send(interim.bytes, at: time) }
        send(RecordedHead.answer(session, to: request), at: time)
        guard session.outcome == .switched else {
            return sendBody(session.responseBody, of: response, toHEAD: request.isMethod("HEAD"), at: time)
        }
        // What was agreed to is what the analyzer read in our own answer.
        let news = witness.news()
        untold = news
        current?.protocolName = session.protocolName
        if session.upgraded == .websocket {
            var player = ServedSession(session)
            var encoder = FrameEncoder(
                .server, agreement: DeflateAgreement(news.answer?.websocket, for: .server))
            let next = player.begin()
            phase = .messages(player, encoder)
            perform(next, &encoder, at: time)
        } else {
            let start = news.answer?.framing.end ?? request.place.end
            var player = ServedBytes(session)
            let (bytes, end) = player.received(max(0, received - start))
            phase = .bytes(player, start: start)
            send(bytes, at: time)
            if let end { self.end(reset: end == .rst) }
        }
    }

    /// The content of an answer; the connection ends where the content does not say where it ends.
    private func sendBody(_ body: [UInt8], of response: MessageHead, toHEAD: Bool, at time: Timestamp) {
        let status = response.status
        let isEmpty = toHEAD || status < 200 || status == 204 || status == 304
        if !isEmpty { send(body, at: time) }
        let length = response.value(.contentLength).flatMap { Int($0.text) }
        let isWhole = isEmpty || response.has(.transferEncoding) || length == body.count
        if let length, !isWhole, length > body.count {
            current?.remarks.append("of \(length) bytes of content \(body.count) were recorded")
        }
        if !isWhole || response.hasMember(.connection, "close") || response.isHTTP10 { end(reset: false) }
    }

    /// Bytes that are no HTTP, or another HTTP, get an answer that says so.
    private func refuseWhatIsNoRequest(at time: Timestamp) {
        if beginning.starts(with: [0x16, 0x03]) {
            current = ServedExchange(recording: nil, title: "TLS", status: 0)
            current?.remarks = ["the client speaks TLS, which is served with --tls"]
            return end(reset: false)
        }
        let lines = beginning.filter { $0 != 0x0d }
        let isWhole = lines.indices.dropFirst().contains { lines[$0] == 0x0a && lines[$0 - 1] == 0x0a }
        guard isWhole || beginning.count > options.headBytes else { return }
        let isHTTP2 = beginning.starts(with: Array("PRI * HTTP/2.0".utf8))
        let reason = isHTTP2 ? "HTTP/2 is not served, only HTTP/1.1." : "This is no request of HTTP/1.1."
        current = ServedExchange(recording: nil, title: isHTTP2 ? "HTTP/2" : "no HTTP", status: 400)
        current?.remarks = [reason]
        send(RecordedHead.refusal(RecordedAnswers.Refusal(status: 400, reason: reason)), at: time)
        end(reset: false)
    }

    // MARK: Behind a switch

    private func hear(_ message: TranscriptMessage, at time: Timestamp) {
        guard case .messages(var player, var encoder) = phase else { return }
        // Never ended, or not to be inflated: nothing that could be answered.
        guard message.isComplete, message.missing == 0 else { return }
        if message.isCut || message.isUnreadable {
            let code: UInt16 = message.isCut ? 1009 : 1007
            let close = SessionMessage(opcode: 8, payload: FrameEncoder.closePayload(code: code))
            perform([.say(close), .end(reset: false)], &encoder, at: time)
            return
        }
        let next = player.received(message)
        phase = .messages(player, encoder)
        perform(next, &encoder, at: time)
    }

    private func perform(_ next: [ServedSession.Action], _ encoder: inout FrameEncoder, at time: Timestamp) {
        for action in next {
            switch action {
            case .say(let message):
                send(encoder.encode(message, keepsFragments: options.keepsFragments) { 0 }, at: time)
            case .end(let reset): end(reset: reset)
            }
        }
        if case .messages(let player, _) = phase { phase = .messages(player, encoder) }
    }

    // MARK: Doing

    private func send(_ bytes: [UInt8], at time: Timestamp) {
        guard !bytes.isEmpty else { return }
        witness.said(.server, bytes[...], at: time)
        output += bytes
    }

    private func end(reset: Bool) {
        if case .over = phase { return }
        finishCurrent()
        phase = .over
        ending = reset ? .reset : .close
    }

    private func taken() -> [Action] {
        let taken = (output.isEmpty ? [] : [.send(output)]) + [ending].compactMap { $0 }
        output = []
        ending = nil
        return taken
    }

    private func finishCurrent() {
        guard var exchange = current else { return }
        switch phase {
        case .messages(let player, _):
            (exchange.said, exchange.scripted) = (player.saidCount, player.scriptCount)
            (exchange.heard, exchange.expected) = (player.heard, player.expectedCount)
            exchange.remarks += player.remarks
        case .bytes(let player, _):
            (exchange.said, exchange.scripted) = (player.saidCount, player.scriptCount)
            (exchange.heard, exchange.expected) = (Int(clamping: player.heard), Int(clamping: player.expectedBytes))
        case .requests, .over: break
        }
        served.append(exchange)
        current = nil
    }
}

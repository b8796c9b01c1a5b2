// The decision: an answer came to an offer, and each direction goes on as it says.

import Ground

extension ConversationState {
    mutating func decide(_ index: Int, _ response: MessageHead, _ front: Outstanding, _ bytes: Span<UInt8>) {
        open[index].exchange.response = response
        open[index].answerEnd = response.place.end
        open[index].exchange.lastMark = response.place.last
        let status = response.status
        let isConnect = open[index].exchange.kind == .connect
        if status == 101 || isConnect && (200..<300).contains(status) {
            open[index].exchange.outcome = .switched
            chooseProtocol(index, response)
            tellAnswer(index)
            startSwitch(index, response.place.end)
            return
        }
        let (outcome, reason) = Self.refusal(response, isConnect: isConnect)
        open[index].exchange.outcome = outcome
        open[index].exchange.reason = reason
        open[index].isRefused = true
        wantsAcknowledgments = true
        tellAnswer(index)
        startResponseBody(bytes, toHEAD: front.isHEAD)
        if client.state == .held {
            client.after(.answered)
            release()
        }
    }

    /// The outcome table of RULES A for everything but a switch.
    static func refusal(_ response: MessageHead, isConnect: Bool) -> (Outcome, OutcomeReason) {
        switch response.status {
        case 200..<300, 304: return (.declined, .none)
        case 300..<400: return (.redirected, scheme(of: response.value(.location)))
        case 426:
            if response.has(.secWebSocketVersion) { return (.required, .version) }
            let tls = response.members(.upgrade).contains { UpgradedProtocol.named($0) == .tls }
            return (.required, tls ? .tls : .other)
        case 401, 407: return (.failed, .auth)
        case 403: return (.failed, .forbidden)
        case 404: return (.failed, .notFound)
        case 400: return (.failed, response.has(.secWebSocketVersion) ? .version : .badRequest)
        case 502, 503, 504: return (.failed, .gateway)
        default: return (.failed, .other)
        }
    }

    /// The scheme a Location names; none where it is relative (RFC 9110 10.2.2).
    private static func scheme(of location: ArraySlice<UInt8>?) -> OutcomeReason {
        guard let location, let colon = location.firstIndex(of: 0x3a) else { return .none }
        let scheme = location[..<colon]
        guard !scheme.contains(where: { $0 == 0x2f || $0 == 0x3f || $0 == 0x23 }) else { return .none }
        if scheme.matchesIgnoringCase("https") { return .https }
        if scheme.matchesIgnoringCase("http") { return .http }
        if scheme.matchesIgnoringCase("wss") { return .wss }
        if scheme.matchesIgnoringCase("ws") { return .ws }
        return .other
    }

    /// What speaks from here on: what the response says; what was offered only where it says nothing (RULES A).
    mutating func chooseProtocol(_ index: Int, _ response: MessageHead) {
        if open[index].exchange.kind == .connect {
            open[index].exchange.upgraded = .tunnel
            open[index].exchange.protocolName = open[index].exchange.request?.target.text ?? ""
            return
        }
        let request = open[index].exchange.request
        // What nearly all of them say.
        if let value = response.value(.upgrade), value.matchesIgnoringCase("websocket"), response.count(.upgrade) == 1 {
            open[index].exchange.upgraded = .websocket
            open[index].exchange.protocolName = "websocket"
            noteWebSocket(index, request, response)
            return
        }
        let stated = response.members(.upgrade)
        if let last = stated.last, let first = stated.first {
            // TLS under HTTP (RFC 2817 3.3), or several versions of TLS: TLS is what begins.
            let isTLS = UpgradedProtocol.named(first) == .tls
            let upgraded = isTLS ? .tls : UpgradedProtocol.named(last)
            open[index].exchange.upgraded = upgraded
            open[index].exchange.protocolName = upgraded.name(of: isTLS ? first : last)
        } else {
            let offered = request?.members(.upgrade) ?? []
            let chosen =
                offered.count == 1
                ? offered.first
                : offered.first { UpgradedProtocol.named($0) == sniffedProtocol() } ?? offered.first
            guard let chosen else { return }
            open[index].exchange.upgraded = UpgradedProtocol.named(chosen)
            open[index].exchange.protocolName = UpgradedProtocol.named(chosen).name(of: chosen)
            open[index].exchange.protocolInferred = true
        }
        if open[index].exchange.upgraded == .websocket { noteWebSocket(index, request, response) }
    }

    mutating func sniffedProtocol() -> UpgradedProtocol {
        let bytes = held.bytes
        return switch Sniffer.client(bytes.span) {
        case .tls: .tls
        case .http2Preface: .h2c
        default: .websocket
        }
    }

    mutating func noteWebSocket(_ index: Int, _ request: MessageHead?, _ response: MessageHead) {
        let facts = WebSocketFacts()
        facts.draft = WebSocketDraft(request, response)
        open[index].exchange.websocket = facts
        if let key = request?.value(.secWebSocketKey) { facts.expectedAccept = WebSocketAccept.value(for: key) }
        guard response.has(.secWebSocketExtensions) else { return }
        var agreement = WebSocketAgreement()
        for member in response.members(.secWebSocketExtensions) {
            let name = member.prefix { $0 != UInt8(ascii: ";") }.trimmingWhitespace()
            if name.matchesIgnoringCase("permessage-deflate") {
                agreement.deflate = true
                agreement.agree(on: member)
            } else {
                agreement.unknownExtension = true
            }
        }
        facts.agreement = agreement
    }

    mutating func startSwitch(_ index: Int, _ serverStart: Int64) {
        let number = open[index].number
        switched = number
        session = Readers.session(of: open[index].exchange, context, inside: enclosure)
        // A switch voids every request after the one that was answered (RULES A, Association).
        outstanding = []
        kept.requestBytes = 0
        // Nor is what their client says early for them, once it has received the answer that voids them.
        for other in open.indices where open[other].answerEnd == nil { open[other].answerEnd = serverStart }
        server.after(.switches)
        switchedStreams[1].start = serverStart
        switch client.state {
        case .held:
            var start = open[index].exchange.framing.end ?? client.position
            if open[index].exchange.upgraded == .websocket { start += held.dropLineEnds() }
            startClient(at: start)
            release()
        case .head, .resync:
            let pending = client.buffer
            let first = client.bufferFirst
            let start = pending.isEmpty ? client.position : client.bufferOffset
            client.buffer = []
            startClient(at: start)
            if !pending.isEmpty, let first {
                pass(Chunk(pending.span, .client, stream: stream, offset: start, arrival: first))
            }
        default: break  // inside the request's content: the client switches at its end
        }
    }

    mutating func startClient(at offset: Int64) {
        client.after(.switches)
        switchedStreams[0].start = offset
    }

    mutating func switchUnsolicited(_ bytes: Span<UInt8>, _ place: Place, _ front: Outstanding?) {
        exchanges &+= 1
        shared.exchanges += 1
        let response = shared.head.copied(from: bytes, place: place)
        var exchange = Exchange(kind: .unsolicited, connection: startFacts, first: place.first)
        exchange.request = front?.plain?.head
        if let framing = front?.framing { exchange.framing = framing }
        if front == nil, answeredRequests > 0 {
            exchange.anomalies.append(Anomaly(kind: .responseWithoutRequest, place: place, excerpt: []))
        }
        exchange.response = response
        exchange.outcome = .switched
        // An answer may lie in a hole, and the request that this one belongs to be forgotten.
        exchange.touchesGap = front == nil && serverHole != nil
        exchange.lastMark = place.last
        let number = add(exchange)
        guard let index = index(of: number) else { return }
        open[index].answerEnd = response.place.end
        if context.options.tellsProgress { tellBeginning() }
        chooseProtocol(index, response)
        tellAnswer(index)
        startSwitch(index, place.end)
    }

    /// Tells whoever watches that the newest exchange has begun.
    func tellBeginning() {
        if let newest = open.last { context.output.receive(.began(newest.exchange)) }
    }

    /// Tells whoever follows what is said.
    mutating func tellAnswer(_ index: Int) {
        let options = context.options
        if options.transcript.messages || options.tellsProgress {
            context.output.receive(.answered(open[index].exchange))
        }
    }

    /// A 101 whose request was not captured: it stood in a hole, or before the capture began.
    mutating func switchUnseen(_ bytes: Span<UInt8>, _ place: Place, isBehindHole: Bool) {
        exchanges &+= 1
        shared.exchanges += 1
        let response = shared.head.copied(from: bytes, place: place)
        var exchange = Exchange(kind: .upgrade, connection: startFacts, first: place.first)
        exchange.response = response
        exchange.outcome = .switched
        exchange.touchesGap = isBehindHole
        exchange.lastMark = place.last
        guard let index = index(of: add(exchange)) else { return }
        chooseProtocol(index, response)
        startSwitch(index, place.end)
    }

    /// A 426 demands what was not offered (RFC 9110 15.5.22): an exchange that the server began.
    mutating func requireUnsolicited(_ bytes: Span<UInt8>, _ place: Place, _ front: Outstanding) {
        let response = shared.head.copied(from: bytes, place: place)
        noteLaterResponse(front, response, 426)
        guard let request = front.plain?.head else { return startResponseBody(bytes, toHEAD: front.isHEAD) }
        exchanges &+= 1
        shared.exchanges += 1
        var exchange = Exchange(kind: .unsolicited, connection: startFacts, first: request.place.first)
        exchange.request = request
        exchange.framing = front.framing
        guard let index = index(of: add(exchange)) else { return }
        if context.options.tellsProgress { tellBeginning() }
        decide(index, response, front, bytes)
    }

    mutating func pass(_ chunk: borrowing Chunk) {
        guard chunk.count > 0 else { return }
        switchedStreams[chunk.direction.index].take(chunk.bytes, chunk.arrival)
        session?.receive(chunk)
        if context.options.tellsProgress { tellFaults() }
    }

    /// A hole after the switch; where nobody reads what is said there it is noted here.
    mutating func gapAfterSwitch(_ gap: Gap) {
        session?.gap(gap)
        guard session?.isOpaque ?? true else { return }
        opaqueHoles.note(.gapAfterSwitch, gap.place, [], value: gap.length)
    }

    /// Tells whoever watches of faults that were not there before.
    private mutating func tellFaults() {
        guard !isInner, let session, session.anomalyCount != toldAnomalies, let switched,
            let index = index(of: switched)
        else { return }
        toldAnomalies = session.anomalyCount
        var exchange = open[index].exchange
        exchange.anomalies += session.anomalies
        context.output.receive(.faulted(exchange))
    }
}

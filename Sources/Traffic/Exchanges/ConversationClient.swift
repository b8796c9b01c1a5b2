// The client's side of a conversation: requests, their content, and what is held after an offer.

import Ground

extension ConversationState {
    mutating func receiveClient(_ chunk: borrowing Chunk) {
        let bytes = chunk.bytes
        var index = 0
        while index < bytes.count {
            switch client.state {
            case .head: index = readRequestHead(chunk, index)
            case .opening: index = readOpening(chunk, index)
            case .body:
                let step = Int(min(Int64(bytes.count - index), client.remaining))
                index += step
                client.remaining -= Int64(step)
                noteBody(step)
                if client.remaining == 0 { requestEnded(at: chunk.offset + Int64(index)) }
            case .chunked:
                let step = client.chunked.consume(bytes.extracting(index...))
                index += step
                noteBody(step)
                if client.chunked.isDone {
                    requestEnded(at: chunk.offset + Int64(index))
                } else if client.chunked.isBroken {
                    requestEndUnknown()
                }
            case .held:
                hold(chunk.from(index))
                return
            case .switched:
                pass(chunk.from(index))
                return
            case .resync:
                guard Sniffer.isRequestLine(bytes.extracting(index...)) else {
                    if client.position == 0, index == 0, case .found = ProxyHeader.read(bytes) {
                        client.after(.proxyHeader)
                        continue
                    }
                    unrecognized(chunk.from(index))
                    return
                }
                client.after(.startLine)
                // Requests that a hole swallowed are answered before this one is: not yet, if nothing came since.
                if !isAssociated, outstanding.isEmpty, server.buffer.isEmpty, server.position > serverAtClientHole {
                    isAssociated = true
                }
            case .untilClose, .outOfTurn, .ignored: return
            }
            if isLetGo { return }
        }
    }

    mutating func readRequestHead(_ chunk: borrowing Chunk, _ index: Int) -> Int {
        if client.buffer.isEmpty {
            let rest = chunk.from(index)
            switch shared.head.parseRequest(rest.bytes) {
            case .complete:
                let length = shared.head.length
                guard length <= context.options.limits.headBytes else {
                    refuseHead(.client, at: rest.offset)
                    return chunk.count
                }
                takeRequest(rest.bytes, headPlace(.client, rest.offset, first: rest.arrival, last: rest.last))
                return index + length
            case .incomplete:
                keepClient(rest)
                return chunk.count
            case .notHTTP:
                clientIsNotHTTP(rest.bytes)
                return chunk.count
            }
        }
        let before = client.buffer.count
        client.buffer.append(chunk.bytes.extracting(index...))
        let buffer = client.buffer
        switch client.endOfHead(request: true) {
        case .incomplete:
            if buffer.count > context.options.limits.headBytes { refuseHead(.client, at: client.bufferOffset) }
            return chunk.count
        case .notHTTP:
            client.buffer = []
            clientIsNotHTTP(buffer.span)
            return chunk.count
        case .complete: break
        }
        guard shared.head.parseRequest(buffer.span) == .complete else {
            client.buffer = []
            clientIsNotHTTP(buffer.span)
            return chunk.count
        }
        let length = shared.head.length
        guard length <= context.options.limits.headBytes else {
            refuseHead(.client, at: client.bufferOffset)
            return chunk.count
        }
        let place = headPlace(
            .client, client.bufferOffset, first: client.bufferFirst ?? chunk.arrival, last: chunk.last)
        client.buffer = []
        takeRequest(buffer.span, place)
        return index + max(0, length - before)
    }

    /// The place of the head in `shared.head`, parsed from bytes at `offset`.
    mutating func headPlace(_ direction: Direction, _ offset: Int64, first: Arrival, last: Arrival) -> Place {
        Place(
            direction: direction, stream: stream, offset: offset + Int64(shared.head.skipped),
            length: Int64(shared.head.length - shared.head.skipped), first: first, last: last)
    }

    mutating func keepClient(_ rest: borrowing Chunk) {
        client.bufferOffset = rest.offset
        client.bufferFirst = rest.arrival
        client.searched = 0
        client.buffer.append(rest.bytes)
        if client.buffer.count > context.options.limits.headBytes { refuseHead(.client, at: rest.offset) }
    }

    /// The head that begins there is longer than heads may be: what it says is not read, however it came.
    mutating func refuseHead(_ direction: Direction, at offset: Int64) {
        context.hit("head-bytes")
        // Whoever acknowledged more than its beginning may have read all of it.
        if direction == .server { noteServerHole(at: offset) }
        lose(direction)
    }

    mutating func takeRequest(_ bytes: Span<UInt8>, _ place: Place) {
        application = .http
        client.spokeHTTP = true
        requests &+= 1
        shared.requests += 1
        let isHixie = shared.head.has(.secWebSocketKey1)
        let (length, framing) = shared.head.requestBody(bytes)
        let kind: ExchangeKind? =
            shared.head.isMethod(bytes, "CONNECT")
            ? .connect
            : shared.head.has(.upgrade)
                ? .upgrade
                : shared.head.has(.secWebSocketKey) || shared.head.has(.http2Settings)
                    || shared.head.has(.capsuleProtocol)
                    ? .lostOffer : nil
        var request = Outstanding(
            isHEAD: shared.head.isMethod(bytes, "HEAD"), exchange: nil, plain: nil, framing: framing, earlyFor: nil,
            later: nil)
        let transcript = context.options.transcript
        if transcript.streams || transcript.requests {
            let head = shared.head.copied(from: bytes, place: place, isPlain: kind == nil)
            context.output.receive(.requested(head, connection: startFacts.id))
        }
        if let refused = open.lastIndex(where: { $0.isRefused }) {
            kept.headsChanged = true
            noteLater(&request, refused, shared.head.copied(from: bytes, place: place, isPlain: kind == nil))
        }
        if let kind {
            let head = shared.head.copied(from: bytes, place: place)
            exchanges &+= 1
            shared.exchanges += 1
            request.exchange = add(Exchange(kind: kind, connection: startFacts, request: head, framing))
            if context.options.tellsProgress { tellBeginning() }
            if outOfTurn != nil, outOfTurn?.exchange == nil { outOfTurn?.exchange = request.exchange }
        } else {
            request.plain = PlainRequest(
                bytes: shared.head.bytes(in: bytes).array, place: place, defects: shared.head.defects)
            if wasAskedForTLS(at: place.first.time) {
                let head = shared.head.copied(from: bytes, place: place, isPlain: true)
                context.output.receive(.askedPlainly(head, on: startFacts))
            }
            if shared.head.mentions("upgrade", in: .connection, of: bytes) {
                let head = shared.head.copied(from: bytes, place: place, isPlain: true)
                if head.hasMember(.connection, "upgrade") {
                    kept.headsChanged = true
                    remark.loneUpgradeOptions &+= 1
                    if remark.firstLoneUpgradeOption == nil { remark.firstLoneUpgradeOption = head }
                }
            }
        }
        reading = request.exchange
        if outstanding.count < context.options.limits.outstandingRequests {
            kept.requestBytes += request.plain?.bytes.count ?? 0
            outstanding.append(request)
        } else {
            context.hit("outstanding-requests")
            lose(.client)
            return
        }
        switch length {
        case .none where kind != nil && isHixie:
            // Eight bytes of the hixie-76 handshake after the head belong to it (RULES D, trap 9).
            client.after(.content)
            client.remaining = 8
        case .none, .untilClose: requestEnded(at: place.end)
        case .bytes(let count):
            client.after(.content)
            client.remaining = count
        // CONNECT has no content: if nothing comes the tunnel may begin here (RULES B 5).
        case .chunked:
            client.after(.chunks)
            client.chunked = ChunkedReader()
        case .unknown: requestEndUnknown()
        }
    }

    /// Whether this client may have been told to use TLS, here or on another connection.
    private func wasAskedForTLS(at time: Timestamp) -> Bool {
        shared.demands.concern(startFacts.client.address, at: time)
            || open.contains { $0.isRefused && $0.exchange.outcome == .required }
    }

    mutating func noteLater(_ request: inout Outstanding, _ refused: Int, _ head: MessageHead) {
        let start = open[refused].exchange.response?.place.end ?? 0
        let early = head.place.first.heard.map { $0 < start } ?? false
        if early { request.earlyFor = open[refused].number }
        guard open[refused].exchange.laterRequests.count < 8 else { return }
        request.later = (open[refused].number, open[refused].exchange.laterRequests.count)
        let forwarding =
            head.has(.via) || head.has(.forwarded) || head.has(.xForwardedFor) || head.has(.xForwardedHost)
            || head.has(.xForwardedProto) || head.has(.xRealIP) || head.has(.xForwardedServer)
        open[refused].exchange.laterRequests.append(
            LaterRequest(
                head: Array(head.bytes.prefix(1024)), place: head.place, hasForwardingFields: forwarding,
                wasEarly: early, status: 0))
    }

    mutating func noteBody(_ count: Int) {
        guard let number = reading, let index = index(of: number) else { return }
        open[index].exchange.framing.bodyBytes += Int64(count)
    }

    mutating func requestEnded(at end: Int64) {
        defer { reading = nil }
        guard let number = reading, let index = index(of: number) else {
            client.after(.messageEnded)
            return
        }
        open[index].exchange.framing.end = end
        open[index].watch = EarlyWatch(stream: stream, start: end)
        open[index].isWatched = true
        open[index].watch?.serverHole = serverHole
        // A head that came before the request and was not received by whoever sent that may be the answer.
        if strayAnswer > open[index].exchange.request?.place.first.heard ?? 0 {
            open[index].watch?.strayAnswer = strayAnswer
        }
        if switched == number {
            startClient(at: end)
        } else if open[index].isRefused {
            client.after(.messageEnded)
        } else {
            client.after(.offerEnded)
        }
    }

    mutating func requestEndUnknown() {
        client.after(.unreadable)
        if let number = reading, let index = index(of: number) { open[index].exchange.framing.endUnknown = true }
        reading = nil
    }

    mutating func hold(_ chunk: borrowing Chunk) {
        let bytes = chunk.bytes
        let limit = context.options.limits.pendingBytes
        // A piece costs as much as some dozens of bytes, however short it is.
        let room = held.pieces.count < max(16, limit / 64) ? limit - held.bytes.count : 0
        let taken = min(bytes.count, max(0, room))
        if taken > 0 {
            held.bytes.append(bytes.extracting(0..<taken))
            held.pieces.append(
                Held.Piece(
                    offset: chunk.offset, length: taken, isHole: false, arrival: chunk.arrival, last: chunk.last))
        }
        if taken < bytes.count {
            context.hit("pending-bytes")
            held.addHole(at: chunk.offset + Int64(taken), bytes.count - taken, chunk.arrival)
        }
    }

    /// What was held goes to whoever the answer says it belongs to.
    mutating func release() {
        let all = held
        held = Held()
        let bytes = all.bytes.span
        var index = 0
        for piece in all.pieces {
            if piece.isHole {
                clientGap(
                    Gap(
                        stream: stream, direction: .client, from: piece.offset,
                        to: piece.offset + Int64(piece.length), arrival: piece.arrival))
            } else {
                receiveClient(
                    Chunk(
                        bytes.extracting(index..<(index + piece.length)), .client, stream: stream,
                        offset: piece.offset, arrival: piece.arrival, last: piece.last))
                index += piece.length
            }
        }
    }

    mutating func noteEarly(_ chunk: borrowing Chunk) {
        for index in open.indices where open[index].isWatched {
            if let end = open[index].answerEnd, let acknowledged = chunk.arrival.heard,
                acknowledged >= end, acknowledged <= server.position, serverHole == nil
            {
                // Its sender has the whole answer: nothing from here on is early.
                open[index].closeWatch(serverSeen: server.position)
            } else {
                open[index].watch?.note(chunk)
            }
        }
    }

    mutating func clientIsNotHTTP(_ bytes: Span<UInt8>) {
        guard client.spokeHTTP else {
            if remark.firstBytes.isEmpty { remark.firstBytes = bytes.extracting(0..<min(64, bytes.count)).array }
            if let hello = ClientHello(bytes) {
                application = .tls
                remark.note(hello)
            } else if bytes.has("PRI * HTTP/2.0", at: 0) {
                application = .http2
            }
            isLetGo = open.isEmpty
            client.after(.unreadable)
            return
        }
        client.after(.lost)
        client.buffer = []
    }

    mutating func unrecognized(_ chunk: borrowing Chunk) {
        let rest = chunk.bytes
        if chunk.direction == .client {
            client.unrecognized += Int64(rest.count)
            if !client.spokeHTTP, remark.firstBytes.isEmpty {
                remark.firstBytes = rest.extracting(0..<min(64, rest.count)).array
                remark.firstBytesUnknown = true
            }
        } else {
            server.unrecognized += Int64(rest.count)
        }
        guard !client.spokeHTTP, !server.spokeHTTP else { return }
        if !isInner {
            let session = unseenSession ?? UnseenSession()
            unseenSession = session
            session.take(chunk)
            if session.isBelieved { return }
        }
        // A TLS record, or too much that is nothing we know.
        if rest.count >= 3, (0x14...0x17).contains(rest[0]), rest[1] == 3, rest[2] <= 4 {
            application = .tls
            if let hello = ClientHello(rest) { remark.note(hello) }
            isLetGo = true
        } else if client.unrecognized + server.unrecognized > 1 << 18 {
            isLetGo = true
        }
    }

    mutating func clientGap(_ gap: Gap) {
        client.position = gap.to
        if clientHole == nil { clientHole = gap.from }
        serverAtClientHole = server.position
        let missing = gap.length
        switch client.state {
        case .body where client.remaining > missing:
            client.remaining -= missing
            noteBody(Int(min(missing, Int64(Int32.max))))
        case .body where client.remaining == missing:
            client.remaining = 0
            requestEnded(at: gap.to)
        case .chunked where client.chunked.skip(missing): noteBody(Int(min(missing, Int64(Int32.max))))
        case .held: held.addHole(at: gap.from, Int(missing), gap.arrival)
        case .switched: gapAfterSwitch(gap)
        case .ignored, .untilClose: break
        default:
            if let number = reading, let index = index(of: number) { open[index].exchange.touchesGap = true }
            lose(.client)
        }
    }
}

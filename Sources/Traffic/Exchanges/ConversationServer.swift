// The server's side of a conversation: responses, and which request each of them answers.

import Ground

extension ConversationState {
    mutating func receiveServer(_ chunk: borrowing Chunk) {
        let bytes = chunk.bytes
        var index = 0
        while index < bytes.count {
            switch server.state {
            case .head: index = readResponseHead(chunk, index)
            case .body:
                let step = Int(min(Int64(bytes.count - index), server.remaining))
                index += step
                server.remaining -= Int64(step)
                if server.remaining == 0 { server.after(.messageEnded) }
            case .chunked:
                index += server.chunked.consume(bytes.extracting(index...))
                if server.chunked.isDone {
                    server.after(.messageEnded)
                } else if server.chunked.isBroken {
                    server.after(.lost)
                    return
                }
            case .switched:
                pass(chunk.from(index))
                return
            case .resync:
                guard bytes.has("HTTP/1.", at: index) else {
                    unrecognized(chunk.from(index))
                    return
                }
                server.after(.startLine)
            case .outOfTurn: index = scanOutOfTurn(chunk, index)
            case .untilClose, .opening, .held, .ignored: return
            }
            if isLetGo { return }
        }
    }

    private mutating func readResponseHead(_ chunk: borrowing Chunk, _ index: Int) -> Int {
        if server.buffer.isEmpty {
            let rest = chunk.from(index)
            switch shared.head.parseResponse(rest.bytes) {
            case .complete:
                let length = shared.head.length
                guard length <= context.options.limits.headBytes else {
                    refuseHead(.server, at: rest.offset)
                    return chunk.count
                }
                takeResponse(rest.bytes, headPlace(.server, rest.offset, first: rest.arrival, last: rest.last))
                return index + length
            case .incomplete:
                server.bufferOffset = rest.offset
                server.bufferFirst = rest.arrival
                server.searched = 0
                server.buffer.append(rest.bytes)
                limitServerHead()
                return chunk.count
            case .notHTTP:
                beginOutOfTurn(rest)
                return server.state == .resync ? chunk.count : index + 1
            }
        }
        let before = server.buffer.count
        server.buffer.append(chunk.bytes.extracting(index...))
        let buffer = server.buffer
        let first = server.bufferFirst ?? chunk.arrival
        switch server.endOfHead(request: false) {
        case .incomplete:
            limitServerHead()
            return chunk.count
        case .notHTTP:
            readAgain(buffer, first)
            return chunk.count
        case .complete: break
        }
        guard shared.head.parseResponse(buffer.span) == .complete else {
            readAgain(buffer, first)
            return chunk.count
        }
        let length = shared.head.length
        guard length <= context.options.limits.headBytes else {
            refuseHead(.server, at: server.bufferOffset)
            return chunk.count
        }
        server.buffer = []
        takeResponse(buffer.span, headPlace(.server, server.bufferOffset, first: first, last: chunk.last))
        return index + max(0, length - before)
    }

    /// What was gathered for a head is none: it is read again, as bytes out of turn.
    private mutating func readAgain(_ buffer: [UInt8], _ first: Arrival) {
        server.buffer = []
        let again = Chunk(buffer.span, .server, stream: stream, offset: server.bufferOffset, arrival: first)
        beginOutOfTurn(again)
        if server.state != .resync { receiveServer(again.from(1)) }
    }

    mutating func limitServerHead() {
        if server.buffer.count > context.options.limits.headBytes { refuseHead(.server, at: server.bufferOffset) }
    }

    /// Bytes that are no status line stand where one is due.
    ///
    /// After an offer, or where the server speaks first, they are new-protocol bytes before the answer (RULES EARLY008: real servers send them).
    mutating func beginOutOfTurn(_ chunk: borrowing Chunk) {
        let speaksFirst = !client.spokeHTTP && !server.spokeHTTP && client.buffer.isEmpty
        let number = outstanding.first?.exchange
        guard speaksFirst || number != nil else {
            server.after(.lost)
            return
        }
        outOfTurn = OutOfTurn(exchange: number, offset: chunk.offset, first: chunk.arrival)
        outOfTurn?.take(chunk.bytes[0], chunk.arrival)
        server.after(.otherBytes)
    }

    /// Looks for the status line after bytes out of turn; it may begin in an earlier segment.
    private mutating func scanOutOfTurn(_ chunk: borrowing Chunk, _ start: Int) -> Int {
        let bytes = chunk.bytes
        guard var early = outOfTurn else {
            server.after(.lost)
            return bytes.count
        }
        var index = start
        while index < bytes.count {
            if early.take(bytes[index], chunk.arrival) {
                endOutOfTurn(early)
                server.after(.startLine)
                let began = index - (OutOfTurn.line.count - 1)
                if began >= start { return began }
                server.buffer = OutOfTurn.line
                server.bufferOffset = early.offset + early.count
                server.bufferFirst = early.lineMark
                server.searched = 0
                return index + 1
            }
            index += 1
        }
        outOfTurn = early
        if early.count > Int64(context.options.limits.headBytes) {
            endOutOfTurn(early)
            server.after(.unreadable)
        }
        return index
    }

    /// Tells of the bytes out of turn, where an exchange is there to tell it of.
    mutating func endOutOfTurn(_ early: OutOfTurn) {
        outOfTurn = nil
        guard let number = early.exchange, let index = index(of: number) else { return }
        let place = Place(
            direction: .server, stream: stream, offset: early.offset, length: early.count, first: early.first,
            last: early.last ?? early.first)
        open[index].exchange.anomalies.append(
            Anomaly(kind: .serverBytesBeforeResponse, place: place, excerpt: early.excerpt, value: early.count))
    }

    mutating func takeResponse(_ bytes: Span<UInt8>, _ place: Place) {
        server.spokeHTTP = true
        kept.headsChanged = true
        if application == .unknown { application = .http }
        let status = Int(shared.head.status)
        // A hole in the client's stream below what this answer acknowledges: whose answer it is cannot be known.
        if let hole = clientHole, !isAssociated, let acknowledged = place.first.heard, acknowledged > hole {
            forgetOutstanding()
            // What the client had said was held and has been read meanwhile: the head is that of a request then.
            guard shared.head.parseResponse(bytes) == .complete else { return }
            takeOrphan(bytes, place, status, mayAnswerUnseen: true)
            return
        }
        guard let front = outstanding.first else {
            takeOrphan(bytes, place, status)
            return
        }
        if (100..<200).contains(status), status != 101 {
            if let number = front.exchange, let index = index(of: number), open[index].exchange.interim.count < 8 {
                open[index].exchange.interim.append(shared.head.copied(from: bytes, place: place))
            }
            return
        }
        outstanding.removeFirst()
        kept.requestBytes -= front.plain?.bytes.count ?? 0
        answeredRequests += 1
        if context.options.transcript.answers {
            let head = shared.head.copied(from: bytes, place: place)
            context.output.receive(.responded(head, connection: startFacts.id))
        }
        guard let number = front.exchange, let index = index(of: number) else {
            if status == 101 {
                switchUnsolicited(bytes, place, front)
            } else if status == 426 {
                requireUnsolicited(bytes, place, front)
            } else {
                finalOfPlain(bytes, place, front, status)
            }
            return
        }
        let response = shared.head.copied(from: bytes, place: place)
        if let early = front.earlyFor {
            noteEarlyAnswer(early, response, front, requestOf: open[index].exchange.request)
        }
        noteLaterResponse(front, response, status)
        decide(index, response, front, bytes)
    }

    mutating func finalOfPlain(_ bytes: Span<UInt8>, _ place: Place, _ front: Outstanding, _ status: Int) {
        if let early = front.earlyFor {
            noteEarlyAnswer(early, shared.head.copied(from: bytes, place: place), front, requestOf: front.plain?.head)
        }
        if shared.head.has(.upgrade) { noteAdvertisement(bytes, place) }
        if open.contains(where: { $0.isRefused }) {
            noteLaterResponse(front, shared.head.copied(from: bytes, place: place), status)
        }
        startResponseBody(bytes, toHEAD: front.isHEAD)
    }

    /// An answer to a plain request may say what the server would also speak (RFC 9110 7.8).
    private mutating func noteAdvertisement(_ bytes: Span<UInt8>, _ place: Place) {
        let response = shared.head.copied(from: bytes, place: place)
        if !response.hasMember(.connection, "upgrade") {
            remark.bareUpgrades &+= 1
            if remark.firstBareUpgrade == nil { remark.firstBareUpgrade = response }
        }
        let names = response.members(.upgrade)
        guard names.contains(where: { $0.matchesIgnoringCase("h2") || $0.matchesIgnoringCase("h2c") }) else { return }
        remark.advertisements &+= 1
        if remark.firstAdvertisement == nil { remark.firstAdvertisement = response }
    }

    mutating func startResponseBody(_ bytes: Span<UInt8>, toHEAD: Bool) {
        switch shared.head.responseBody(bytes, toHEAD: toHEAD) {
        case .none: server.after(.messageEnded)
        case .bytes(let count):
            server.after(.content)
            server.remaining = count
        case .chunked:
            server.after(.chunks)
            server.chunked = ChunkedReader()
        case .untilClose: server.after(.contentUntilClose)
        case .unknown: server.after(.lost)
        }
    }

    /// An answer without a request that it could belong to.
    mutating func takeOrphan(_ bytes: Span<UInt8>, _ place: Place, _ status: Int, mayAnswerUnseen: Bool = false) {
        // Its sender had received a request that was not seen here; one byte more may be a FIN.
        let mayAnswerUnseen = mayAnswerUnseen || (place.first.heard ?? 0) > client.position + 1
        if status >= 200 || status == 101 {
            strayAnswer = place.end
            for index in open.indices where open[index].watch?.strayAnswer == nil {
                open[index].watch?.strayAnswer = place.end
            }
        }
        if status == 101 {
            if mayAnswerUnseen || clientHole != nil || !isAssociated || client.state == .resync {
                let isBehindHole = mayAnswerUnseen || clientHole != nil || serverHole != nil
                switchUnseen(bytes, place, isBehindHole: isBehindHole)
            } else {
                switchUnsolicited(bytes, place, nil)
            }
            return
        }
        if let refused = open.lastIndex(where: { $0.isRefused }), status >= 200 {
            let response = shared.head.copied(from: bytes, place: place)
            open[refused].exchange.laterResponses += 1
            if open[refused].exchange.firstLaterResponse == nil { open[refused].exchange.firstLaterResponse = response }
            // The early bytes were no request that we could read, yet the server answered something.
            if isAssociated, earlyRuns(refused) { noteEarlyAnswer(open[refused].number, response, nil, requestOf: nil) }
        }
        startResponseBody(bytes, toHEAD: false)
    }

    mutating func earlyRuns(_ index: Int) -> Bool {
        guard let end = open[index].exchange.response?.place.end else { return false }
        if let early = open[index].exchange.early { return early.verdict != .undetermined && !early.onlyLineEnds }
        guard let watch = open[index].watch, !watch.onlyLineEnds else { return false }
        return watch.runs.contains { ($0.mark.heard ?? .max) < end }
    }

    mutating func noteEarlyAnswer(
        _ number: Int, _ response: MessageHead, _ front: Outstanding?, requestOf request: MessageHead?
    ) {
        guard response.status >= 200 || response.status == 101, let index = index(of: number) else { return }
        if earlyAnswers[number] == nil {
            let line = request.map { head in Array(head.bytes.prefix { $0 != 0x0d && $0 != 0x0a }) } ?? []
            earlyAnswers[number] = EarlyAnswer(
                status: UInt16(response.status), place: response.place, requestLine: Array(line.prefix(1024)))
        }
        open[index].exchange.lastMark = response.place.last
    }

    mutating func noteLaterResponse(_ front: Outstanding, _ response: MessageHead, _ status: Int) {
        if let later = front.later, let index = index(of: later.exchange),
            later.index < open[index].exchange.laterRequests.count
        {
            open[index].exchange.laterRequests[later.index].status = UInt16(status)
        }
        for index in open.indices where open[index].isRefused && open[index].number != front.exchange {
            open[index].exchange.laterResponses += 1
            if open[index].exchange.firstLaterResponse == nil { open[index].exchange.firstLaterResponse = response }
        }
    }

    /// What the server says from there on is not known.
    mutating func noteServerHole(at offset: Int64) {
        if serverHole == nil { serverHole = offset }
        for index in open.indices where open[index].isWatched && open[index].watch?.serverHole == nil {
            open[index].watch?.serverHole = offset
        }
    }

    mutating func serverGap(_ gap: Gap) {
        server.position = gap.to
        noteServerHole(at: gap.from)
        let missing = gap.length
        switch server.state {
        case .body where server.remaining >= missing:
            server.remaining -= missing
            if server.remaining == 0 { server.after(.messageEnded) }
        case .chunked where server.chunked.skip(missing): break
        case .untilClose, .ignored: break
        case .switched: gapAfterSwitch(gap)
        default:
            for request in outstanding {
                if let number = request.exchange, let index = index(of: number) {
                    open[index].exchange.touchesGap = true
                }
            }
            lose(.server)
        }
    }

    /// A direction lost its place: it waits for a line that begins a message, and answers are not told to requests
    /// until both sides are quiet again.
    mutating func lose(_ direction: Direction) {
        if application == .unknown, isInsideHead(direction) { application = .http }
        if direction == .client {
            client.after(.lost)
            client.buffer = []
            if let number = reading, let index = index(of: number) { open[index].exchange.touchesGap = true }
            reading = nil
            isAssociated = false
        } else {
            server.after(.lost)
            server.buffer = []
            isAssociated = false
            forgetOutstanding()
        }
    }

    /// Whether what was gathered of a head is one beyond doubt: a start line, or as much as no other protocol begins with.
    private func isInsideHead(_ direction: Direction) -> Bool {
        let head = (direction == .client ? client.buffer : server.buffer).drop { $0 == 0x0d || $0 == 0x0a }
        if head.contains(0x0a) { return true }
        guard direction == .client else { return head.starts(with: "HTTP/1.".utf8) }
        guard let space = head.firstIndex(of: 0x20), space + 1 < head.endIndex else { return false }
        return head[space + 1] == UInt8(ascii: "/")
    }

    mutating func forgetOutstanding() {
        for request in outstanding {
            if let number = request.exchange, let index = index(of: number) { open[index].exchange.touchesGap = true }
        }
        outstanding = []
        kept.requestBytes = 0
        isAssociated = true
        clientHole = nil
        if client.state == .held {
            client.after(.lost)
            release()
        }
    }
}

// HTTP/1.1 between two peers who might switch.
//
// Two readers, one for each direction, and a queue of requests that wait for their answer (RFC 9112 9.2). The
// client's reader has a state of its own for our subject: behind a request that offers a switch its bytes are HELD,
// because nobody can know yet whose they are. The answer decides:
//
//     client:   head -> body -> (offered?) held -+-- 101 / 2xx to CONNECT --> switched
//                 ^                              +-- any other final answer --> head   (the held bytes are HTTP)
//     server:   head -> body -> head ...  101 / 2xx to CONNECT --> switched
//
// Each direction switches at its own byte: the client's at the end of its request, the server's behind the empty line
// of the 101. The conversation takes bytes in order, holes, and ends; it knows neither packets nor files, so a replay
// can feed it as well as a capture can. It records and never stops for a mistake of a peer: where it cannot know what
// bytes mean it waits for a line that cannot be anything else, and says so.

final class Conversation {
    /// What one direction's reader is doing.
    enum State {
        /// Between messages or inside a head.
        case head
        /// Inside content of known length.
        case body
        case chunked
        /// Content up to the end of the connection.
        case untilClose
        /// Behind an offer, unanswered.
        case held
        case switched
        /// Lost: waiting for a line that begins a message.
        case resync
        /// Nothing more can be said of this direction.
        case ignored
    }

    struct Side {
        var state = State.head
        var remaining: Int64 = 0
        var chunked = ChunkedReader()
        /// A head whose end has not come.
        var buffer: [UInt8] = []
        var bufferOffset: Int64 = 0
        var bufferFirst: PacketMark?
        /// How far the buffer was searched for the end of its head.
        var searched = 0
        /// Bytes up to here have been taken.
        var position: Int64 = 0
        /// Some head of this direction was read.
        var spokeHTTP = false
        var unrecognized: Int64 = 0

        /// Whether the buffer holds a whole head, searching only what was not searched before.
        mutating func endOfHead(request: Bool) -> HeadResult {
            let (result, looked) = Self.endOfHead(buffer, searched: searched, request: request)
            searched = looked
            return result
        }

        private static func endOfHead(
            _ buffer: [UInt8], searched: Int, request: Bool
        ) -> (HeadResult, searched: Int) {
            let bytes = buffer.span
            var content = 0
            while content < bytes.count, bytes[content] == 0x0d || bytes[content] == 0x0a { content += 1 }
            if bytes.firstIndex(of: 0x0a, from: max(content, searched)) == nil, searched <= content + 64,
                bytes.firstIndex(of: 0x0a, from: content) == nil
            {
                let may = ParsedHead.mayBecomeStartLine(bytes, content, request: request)
                return (may ? .incomplete : .notHTTP, max(content, bytes.count - 1))
            }
            var from = max(searched, content)
            while let lf = bytes.firstIndex(of: 0x0a, from: from) {
                if lf + 1 < bytes.count, bytes[lf + 1] == 0x0a { return (.complete, lf) }
                if lf + 2 < bytes.count, bytes[lf + 1] == 0x0d, bytes[lf + 2] == 0x0a { return (.complete, lf) }
                if lf + 2 >= bytes.count { break }
                from = lf + 1
            }
            return (.incomplete, max(from, bytes.count - 3))
        }
    }

    /// A request without its final answer.
    private struct Outstanding {
        var isHEAD: Bool
        /// Index into `open`, by number.
        var exchange: Int?
        /// Of a plain request: needed if a 101 answers it.
        var head: MessageHead?
        var framing: RequestFraming
        /// The exchange in whose early bytes this request was found.
        var earlyFor: Int?
        /// The exchange behind whose refusal it came, and its place in that one's list.
        var later: (exchange: Int, index: Int)?
    }

    /// An exchange that is not told of yet. A class, so that touching a counter moves nothing else.
    private final class Open {
        let number: Int
        var exchange: Exchange
        var watch: EarlyWatch?
        var isRefused = false

        init(number: Int, exchange: Exchange) {
            self.number = number
            self.exchange = exchange
        }
    }

    /// Client bytes behind an unanswered offer.
    private struct Held {
        var bytes: [UInt8] = []
        var pieces: [Piece] = []
        struct Piece {
            var offset: Int64
            /// Bytes in `bytes`; for a hole, bytes that are not.
            var length: Int
            var isHole: Bool
            var mark: PacketMark
        }
    }

    private let context: AnalysisContext
    private(set) var client = Side()
    private(set) var server = Side()
    private var outstanding: [Outstanding] = []
    private var open: [Open] = []
    private var nextNumber = 0
    private var held = Held()
    private var decoder: (any UpgradedDecoder)?
    /// Number of the exchange that switched, and what was seen behind the switch.
    private var switched: Int?
    private var switchedStreams = PerDirection(both: SwitchedStream())
    /// The request being read belongs to this exchange.
    private var reading: Int?
    private var clientHole: Int64?
    private var serverHole: Int64?
    /// Answers can be told to requests; false between a hole and the next quiet moment.
    private var isAssociated = true
    /// What the server said before any request.
    private var serverFirst: Anomaly?
    private var answeredRequests = 0
    private let startFacts: ConnectionFacts

    /// Exchanges that are over; the owner takes them.
    var finished: [Exchange] = []
    private(set) var requests: UInt32 = 0
    private(set) var exchanges: UInt32 = 0
    private(set) var application = ConnectionProtocol.unknown
    private(set) var hello: ClientHello?
    /// Nothing of interest will come: the owner may drop this conversation.
    private(set) var isLetGo = false
    /// Acknowledgments of the client matter (a refusal waits to be seen).
    private(set) var wantsAcknowledgments = false
    /// First client bytes of a connection whose beginning was not seen, when they were no request.
    private(set) var firstBytesUnknown = false
    private(set) var firstBytes: [UInt8] = []

    init(context: AnalysisContext, facts: ConnectionFacts, midstream: Bool) {
        self.context = context
        startFacts = facts
        if midstream {
            client.state = .resync
            server.state = .resync
        }
    }

    /// The server's answers matter only once their requests were read: HTTP is being spoken.
    var isCausal: Bool { !isLetGo && server.state != .switched && server.state != .ignored }

    /// Content is being skipped in that direction.
    func isSkipping(_ direction: Direction) -> Bool {
        let state = direction == .client ? client.state : server.state
        return state == .body || state == .untilClose || state == .ignored
    }

    // MARK: What the stream tells

    func receive(_ bytes: Span<UInt8>, _ direction: Direction, offset: Int64, mark: PacketMark) {
        guard bytes.count > 0, !isLetGo else { return }
        if direction == .client {
            receiveClient(bytes, offset: offset, mark: mark)
            noteEarly(bytes, offset, mark)
            client.position = offset + Int64(bytes.count)
        } else {
            receiveServer(bytes, offset: offset, mark: mark)
            server.position = offset + Int64(bytes.count)
        }
    }

    func gap(_ direction: Direction, from: Int64, to: Int64, mark: PacketMark) {
        guard to > from, !isLetGo else { return }
        if direction == .client { clientGap(from, to, mark) } else { serverGap(from, to, mark) }
    }

    /// The client has acknowledged the server's stream up to `offset`.
    func acknowledged(upTo offset: Int64, mark: PacketMark) {
        wantsAcknowledgments = false
        for index in open.indices where open[index].isRefused && open[index].exchange.responseAcknowledged == nil {
            guard let response = open[index].exchange.response else { continue }
            if offset >= response.place.end {
                open[index].exchange.responseAcknowledged = mark
            } else {
                wantsAcknowledgments = true
            }
        }
    }

    /// The connection is over: every exchange is finished with what is known of the connection now.
    func finish(_ facts: ConnectionFacts) {
        for index in open.indices { finish(index, facts) }
        open = []
    }

    // MARK: The client's bytes

    private func receiveClient(_ bytes: Span<UInt8>, offset: Int64, mark: PacketMark) {
        var index = 0
        while index < bytes.count {
            switch client.state {
            case .head: index = readRequestHead(bytes, index, offset, mark)
            case .body:
                let step = Int(min(Int64(bytes.count - index), client.remaining))
                index += step
                client.remaining -= Int64(step)
                noteBody(step)
                if client.remaining == 0 { requestEnded(at: offset + Int64(index)) }
            case .chunked:
                let step = client.chunked.consume(bytes.extracting(index...))
                index += step
                noteBody(step)
                if client.chunked.isDone {
                    requestEnded(at: offset + Int64(index))
                } else if client.chunked.isBroken {
                    requestEndUnknown()
                }
            case .held:
                hold(bytes.extracting(index...), offset + Int64(index), mark)
                return
            case .switched:
                pass(bytes.extracting(index...), .client, offset + Int64(index), mark)
                return
            case .resync:
                guard Sniffer.isRequestLine(bytes.extracting(index...)) else {
                    unrecognized(bytes, index, .client)
                    return
                }
                client.state = .head
                if !isAssociated, outstanding.isEmpty, server.buffer.isEmpty { isAssociated = true }
            case .untilClose, .ignored: return
            }
            if isLetGo { return }
        }
    }

    private func readRequestHead(_ bytes: Span<UInt8>, _ index: Int, _ offset: Int64, _ mark: PacketMark) -> Int {
        if client.buffer.isEmpty {
            let rest = bytes.extracting(index...)
            switch context.head.parseRequest(rest) {
            case .complete:
                let length = context.head.length
                let place = headPlace(.client, offset + Int64(index), first: mark, last: mark)
                takeRequest(rest, place)
                return index + length
            case .incomplete:
                keepClient(rest, offset + Int64(index), mark)
                return bytes.count
            case .notHTTP:
                clientIsNotHTTP(rest, offset + Int64(index), mark)
                return bytes.count
            }
        }
        let before = client.buffer.count
        client.buffer.append(bytes.extracting(index...))
        let buffer = client.buffer
        switch client.endOfHead(request: true) {
        case .incomplete:
            if buffer.count > context.options.limits.headBytes {
                context.hit("head-bytes")
                lose(.client)
            }
            return bytes.count
        case .notHTTP:
            client.buffer = []
            clientIsNotHTTP(buffer.span, client.bufferOffset, client.bufferFirst ?? mark)
            return bytes.count
        case .complete: break
        }
        guard context.head.parseRequest(buffer.span) == .complete else {
            client.buffer = []
            clientIsNotHTTP(buffer.span, client.bufferOffset, client.bufferFirst ?? mark)
            return bytes.count
        }
        let length = context.head.length
        let place = headPlace(.client, client.bufferOffset, first: client.bufferFirst ?? mark, last: mark)
        client.buffer = []
        takeRequest(buffer.span, place)
        return index + max(0, length - before)
    }

    /// The place of the head in `context.head`, parsed from bytes at `offset`.
    private func headPlace(_ direction: Direction, _ offset: Int64, first: PacketMark, last: PacketMark) -> Place {
        Place(
            direction: direction, offset: offset + Int64(context.head.skipped),
            length: Int64(context.head.length - context.head.skipped), first: first, last: last)
    }

    private func keepClient(_ rest: Span<UInt8>, _ offset: Int64, _ mark: PacketMark) {
        client.bufferOffset = offset
        client.bufferFirst = mark
        client.searched = 0
        client.buffer.append(rest)
        if client.buffer.count > context.options.limits.headBytes {
            context.hit("head-bytes")
            lose(.client)
        }
    }

    private func takeRequest(_ bytes: Span<UInt8>, _ place: Place) {
        application = .http
        client.spokeHTTP = true
        requests &+= 1
        context.counters.requests += 1
        let isConnect = isMethod(bytes, "CONNECT")
        let isHEAD = isMethod(bytes, "HEAD")
        let (length, framing) = context.head.requestBody(bytes)
        let kind: ExchangeKind? =
            isConnect
            ? .connect
            : context.head.has(.upgrade)
                ? .upgrade
                : context.head.has(.secWebSocketKey) || context.head.has(.http2Settings)
                    || context.head.has(.capsuleProtocol) ? .lostOffer : nil
        let head = context.head.copied(from: bytes, place: place)
        var request = Outstanding(isHEAD: isHEAD, exchange: nil, head: nil, framing: framing, earlyFor: nil, later: nil)
        if let refused = open.lastIndex(where: { $0.isRefused }) { noteLater(&request, refused, head) }
        if let kind {
            exchanges &+= 1
            context.counters.exchanges += 1
            var exchange = Exchange(kind: kind, connection: startFacts, first: place.first)
            exchange.request = head
            exchange.framing = framing
            exchange.lastMark = place.last
            if let serverFirst, requests == 1 { exchange.anomalies.append(serverFirst) }
            request.exchange = add(exchange)
        } else {
            request.head = head
        }
        reading = request.exchange
        if outstanding.count < context.options.limits.outstandingRequests {
            outstanding.append(request)
        } else {
            context.hit("outstanding-requests")
            lose(.client)
            return
        }
        switch length {
        case .none, .untilClose: requestEnded(at: place.end)
        case .bytes(let count):
            client.state = .body
            client.remaining = count
            // CONNECT has no content: if nothing comes the tunnel may begin here (RULES B 5).
        case .chunked:
            client.state = .chunked
            client.chunked = ChunkedReader()
        case .unknown: requestEndUnknown()
        }
    }

    private func isMethod(_ bytes: Span<UInt8>, _ method: StaticString) -> Bool {
        context.head.method.count == method.utf8CodeUnitCount && bytes.has(method, at: context.head.skipped)
    }

    private func noteLater(_ request: inout Outstanding, _ refused: Int, _ head: MessageHead) {
        let start = open[refused].exchange.response?.place.end ?? 0
        let early = head.place.first.acknowledged.map { $0 < start } ?? false
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

    private func noteBody(_ count: Int) {
        guard let number = reading, let index = index(of: number) else { return }
        open[index].exchange.framing.bodyBytes += Int64(count)
    }

    private func requestEnded(at end: Int64) {
        defer { reading = nil }
        guard let number = reading, let index = index(of: number) else {
            client.state = .head
            return
        }
        open[index].exchange.framing.end = end
        open[index].watch = EarlyWatch(start: end)
        open[index].watch?.serverHole = serverHole
        if switched == number {
            startClient(at: end)
        } else if open[index].isRefused {
            client.state = .head
        } else {
            client.state = .held
        }
    }

    private func requestEndUnknown() {
        client.state = .ignored
        if let number = reading, let index = index(of: number) { open[index].exchange.framing.endUnknown = true }
        reading = nil
    }

    private func hold(_ bytes: Span<UInt8>, _ offset: Int64, _ mark: PacketMark) {
        let room = context.options.limits.pendingBytes - held.bytes.count
        let taken = min(bytes.count, max(0, room))
        if taken > 0 {
            held.bytes.append(bytes.extracting(0..<taken))
            held.pieces.append(Held.Piece(offset: offset, length: taken, isHole: false, mark: mark))
        }
        if taken < bytes.count {
            context.hit("pending-bytes")
            held.pieces.append(
                Held.Piece(offset: offset + Int64(taken), length: bytes.count - taken, isHole: true, mark: mark))
        }
    }

    /// What was held goes to whoever the answer says it belongs to.
    private func release() {
        let all = held
        held = Held()
        let bytes = all.bytes.span
        var index = 0
        for piece in all.pieces {
            if piece.isHole {
                clientGap(piece.offset, piece.offset + Int64(piece.length), piece.mark)
            } else {
                receiveClient(
                    bytes.extracting(index..<(index + piece.length)), offset: piece.offset, mark: piece.mark)
                index += piece.length
            }
        }
    }

    private func noteEarly(_ bytes: Span<UInt8>, _ offset: Int64, _ mark: PacketMark) {
        for index in open.indices where open[index].watch != nil {
            if let end = open[index].exchange.response?.place.end, let acknowledged = mark.acknowledged,
                acknowledged >= end
            {
                // Its sender has the whole answer: nothing from here on is early.
                closeWatch(index)
            } else {
                open[index].watch?.note(bytes, offset: offset, mark: mark)
            }
        }
    }

    private func clientIsNotHTTP(_ bytes: Span<UInt8>, _ offset: Int64, _ mark: PacketMark) {
        guard client.spokeHTTP else {
            if firstBytes.isEmpty { firstBytes = bytes.extracting(0..<min(64, bytes.count)).array }
            if let hello = ClientHello(bytes) {
                application = .tls
                self.hello = hello
            } else if bytes.has("PRI * HTTP/2.0", at: 0) {
                application = .http2
            }
            isLetGo = open.isEmpty
            client.state = .ignored
            return
        }
        client.state = .resync
        client.buffer = []
    }

    private func unrecognized(_ bytes: Span<UInt8>, _ index: Int, _ direction: Direction) {
        let rest = bytes.extracting(index...)
        if direction == .client {
            client.unrecognized += Int64(rest.count)
            if !client.spokeHTTP, firstBytes.isEmpty {
                firstBytes = rest.extracting(0..<min(64, rest.count)).array
                firstBytesUnknown = true
            }
        } else {
            server.unrecognized += Int64(rest.count)
        }
        guard !client.spokeHTTP, !server.spokeHTTP else { return }
        // A TLS record, or too much that is nothing we know.
        if rest.count >= 3, (0x14...0x17).contains(rest[0]), rest[1] == 3, rest[2] <= 4 {
            application = .tls
            if let hello = ClientHello(rest) { self.hello = hello }
            isLetGo = true
        } else if client.unrecognized + server.unrecognized > 1 << 18 {
            isLetGo = true
        }
    }

    private func clientGap(_ from: Int64, _ to: Int64, _ mark: PacketMark) {
        client.position = to
        if clientHole == nil { clientHole = from }
        let missing = to - from
        switch client.state {
        case .body where client.remaining > missing:
            client.remaining -= missing
            noteBody(Int(min(missing, Int64(Int32.max))))
        case .body where client.remaining == missing:
            client.remaining = 0
            requestEnded(at: to)
        case .chunked where client.chunked.skip(missing): noteBody(Int(min(missing, Int64(Int32.max))))
        case .held: held.pieces.append(Held.Piece(offset: from, length: Int(missing), isHole: true, mark: mark))
        case .switched:
            decoder?.gap(.client, from: from, to: to, mark: mark)
            if let number = switched, let index = index(of: number) { open[index].exchange.touchesGap = true }
        case .ignored, .untilClose: break
        default:
            if let number = reading, let index = index(of: number) { open[index].exchange.touchesGap = true }
            lose(.client)
        }
    }

    // MARK: The server's bytes

    private func receiveServer(_ bytes: Span<UInt8>, offset: Int64, mark: PacketMark) {
        var index = 0
        while index < bytes.count {
            switch server.state {
            case .head: index = readResponseHead(bytes, index, offset, mark)
            case .body:
                let step = Int(min(Int64(bytes.count - index), server.remaining))
                index += step
                server.remaining -= Int64(step)
                if server.remaining == 0 { server.state = .head }
            case .chunked:
                index += server.chunked.consume(bytes.extracting(index...))
                if server.chunked.isDone {
                    server.state = .head
                } else if server.chunked.isBroken {
                    server.state = .resync
                    return
                }
            case .switched:
                pass(bytes.extracting(index...), .server, offset + Int64(index), mark)
                return
            case .resync:
                guard bytes.has("HTTP/1.", at: index) else {
                    unrecognized(bytes, index, .server)
                    return
                }
                server.state = .head
            case .untilClose, .held, .ignored: return
            }
            if isLetGo { return }
        }
    }

    private func readResponseHead(_ bytes: Span<UInt8>, _ index: Int, _ offset: Int64, _ mark: PacketMark) -> Int {
        if server.buffer.isEmpty {
            let rest = bytes.extracting(index...)
            switch context.head.parseResponse(rest) {
            case .complete:
                let length = context.head.length
                takeResponse(rest, headPlace(.server, offset + Int64(index), first: mark, last: mark))
                return index + length
            case .incomplete:
                server.bufferOffset = offset + Int64(index)
                server.bufferFirst = mark
                server.searched = 0
                server.buffer.append(rest)
                limitServerHead()
                return bytes.count
            case .notHTTP: return serverIsNotHTTP(rest, offset + Int64(index), mark) + index
            }
        }
        let before = server.buffer.count
        server.buffer.append(bytes.extracting(index...))
        let buffer = server.buffer
        let first = server.bufferFirst ?? mark
        switch server.endOfHead(request: false) {
        case .incomplete:
            limitServerHead()
            return bytes.count
        case .notHTTP:
            server.buffer = []
            _ = serverIsNotHTTP(buffer.span, server.bufferOffset, first)
            return bytes.count
        case .complete: break
        }
        guard context.head.parseResponse(buffer.span) == .complete else {
            server.buffer = []
            let skipped = serverIsNotHTTP(buffer.span, server.bufferOffset, first)
            // What is left of the buffer begins a head: it lies in the bytes at hand, or is read again from here.
            if skipped < buffer.count {
                let rest = buffer.span.extracting(skipped...)
                if context.head.parseResponse(rest) == .complete {
                    let length = context.head.length
                    takeResponse(
                        rest, headPlace(.server, server.bufferOffset + Int64(skipped), first: first, last: mark))
                    return index + max(0, skipped + length - before)
                }
            }
            return bytes.count
        }
        let length = context.head.length
        server.buffer = []
        takeResponse(buffer.span, headPlace(.server, server.bufferOffset, first: first, last: mark))
        return index + max(0, length - before)
    }

    private func limitServerHead() {
        guard server.buffer.count > context.options.limits.headBytes else { return }
        context.hit("head-bytes")
        lose(.server)
    }

    /// Bytes that are no status line where one was due. Returns how many of them are done with.
    private func serverIsNotHTTP(_ bytes: Span<UInt8>, _ offset: Int64, _ mark: PacketMark) -> Int {
        guard client.spokeHTTP || server.spokeHTTP || !client.buffer.isEmpty else {
            // The server speaks first, and not HTTP: what the client says will tell whether that matters.
            let first = bytes.extracting(0..<min(32, bytes.count)).array
            let place = Place(direction: .server, offset: offset, length: Int64(bytes.count), first: mark, last: mark)
            serverFirst = Anomaly(
                kind: .serverBytesBeforeResponse, place: place, excerpt: first, value: Int64(bytes.count))
            server.state = .resync
            return bytes.count
        }
        guard let number = outstanding.first?.exchange, let place = index(of: number) else {
            server.state = .resync
            return bytes.count
        }
        // Behind an offer: new-protocol bytes in front of the answer, which real servers send (RULES EARLY008).
        var index = 1
        while index < bytes.count, !bytes.has("HTTP/1.", at: index) { index += 1 }
        var anomalies = AnomalyLog(limit: context.options.limits.anomalies)
        anomalies.list = open[place].exchange.anomalies
        anomalies.note(
            .serverBytesBeforeResponse,
            Place(direction: .server, offset: offset, length: Int64(index), first: mark, last: mark),
            bytes.extracting(0..<min(32, index)).array, value: Int64(index))
        open[place].exchange.anomalies = anomalies.list
        if index >= bytes.count { server.state = .resync }
        return index
    }

    private func takeResponse(_ bytes: Span<UInt8>, _ place: Place) {
        server.spokeHTTP = true
        if application == .unknown { application = .http }
        let status = Int(context.head.status)
        // A hole in the client's stream below what this answer acknowledges: whose answer it is cannot be known.
        if let hole = clientHole, !isAssociated, let acknowledged = place.first.acknowledged, acknowledged > hole {
            forgetOutstanding()
        }
        guard let front = outstanding.first else {
            takeOrphan(bytes, place, status)
            return
        }
        if (100..<200).contains(status), status != 101 {
            if let number = front.exchange, let index = index(of: number), open[index].exchange.interim.count < 8 {
                open[index].exchange.interim.append(context.head.copied(from: bytes, place: place))
            }
            return
        }
        outstanding.removeFirst()
        answeredRequests += 1
        guard let number = front.exchange, let index = index(of: number) else {
            if status == 101 {
                switchUnsolicited(bytes, place, front)
            } else {
                finalOfPlain(bytes, place, front, status)
            }
            return
        }
        let response = context.head.copied(from: bytes, place: place)
        if let early = front.earlyFor { noteEarlyAnswer(early, response, front, requestOf: open[index].exchange.request) }
        noteLaterResponse(front, response, status)
        decide(index, response, front, bytes)
    }

    private func finalOfPlain(_ bytes: Span<UInt8>, _ place: Place, _ front: Outstanding, _ status: Int) {
        if let early = front.earlyFor {
            noteEarlyAnswer(early, context.head.copied(from: bytes, place: place), front, requestOf: front.head)
        }
        if open.contains(where: { $0.isRefused }) {
            noteLaterResponse(front, context.head.copied(from: bytes, place: place), status)
        }
        startResponseBody(bytes, toHEAD: front.isHEAD)
    }

    private func startResponseBody(_ bytes: Span<UInt8>, toHEAD: Bool) {
        switch context.head.responseBody(bytes, toHEAD: toHEAD) {
        case .none: server.state = .head
        case .bytes(let count):
            server.state = .body
            server.remaining = count
        case .chunked:
            server.state = .chunked
            server.chunked = ChunkedReader()
        case .untilClose: server.state = .untilClose
        case .unknown: server.state = .resync
        }
    }

    /// An answer without a request that it could belong to.
    private func takeOrphan(_ bytes: Span<UInt8>, _ place: Place, _ status: Int) {
        if status == 101, clientHole == nil, isAssociated, client.state != .resync {
            switchUnsolicited(bytes, place, nil)
            return
        }
        if let refused = open.lastIndex(where: { $0.isRefused }), status >= 200 {
            let response = context.head.copied(from: bytes, place: place)
            open[refused].exchange.laterResponses += 1
            if open[refused].exchange.firstLaterResponse == nil { open[refused].exchange.firstLaterResponse = response }
            // The early bytes were no request that we could read, yet the server answered something.
            if isAssociated, earlyRuns(refused) { noteEarlyAnswer(open[refused].number, response, nil, requestOf: nil) }
        }
        startResponseBody(bytes, toHEAD: false)
    }

    private func earlyRuns(_ index: Int) -> Bool {
        guard let end = open[index].exchange.response?.place.end else { return false }
        if let early = open[index].exchange.early { return early.verdict != .undetermined && !early.onlyLineEnds }
        guard let watch = open[index].watch, !watch.onlyLineEnds else { return false }
        return watch.runs.contains { ($0.mark.acknowledged ?? .max) < end }
    }

    private func noteEarlyAnswer(
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
    private var earlyAnswers: [Int: EarlyAnswer] = [:]

    private func noteLaterResponse(_ front: Outstanding, _ response: MessageHead, _ status: Int) {
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

    private func serverGap(_ from: Int64, _ to: Int64, _ mark: PacketMark) {
        server.position = to
        if serverHole == nil { serverHole = from }
        for index in open.indices where open[index].watch != nil && open[index].watch?.serverHole == nil {
            open[index].watch?.serverHole = from
        }
        let missing = to - from
        switch server.state {
        case .body where server.remaining >= missing:
            server.remaining -= missing
            if server.remaining == 0 { server.state = .head }
        case .chunked where server.chunked.skip(missing): break
        case .untilClose, .ignored: break
        case .switched:
            decoder?.gap(.server, from: from, to: to, mark: mark)
            if let number = switched, let index = index(of: number) { open[index].exchange.touchesGap = true }
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
    private func lose(_ direction: Direction) {
        if direction == .client {
            client.state = .resync
            client.buffer = []
            if let number = reading, let index = index(of: number) { open[index].exchange.touchesGap = true }
            reading = nil
            isAssociated = false
        } else {
            server.state = .resync
            server.buffer = []
            isAssociated = false
            forgetOutstanding()
        }
    }

    private func forgetOutstanding() {
        for request in outstanding {
            if let number = request.exchange, let index = index(of: number) { open[index].exchange.touchesGap = true }
        }
        outstanding = []
        isAssociated = true
        clientHole = nil
        if client.state == .held {
            client.state = .resync
            release()
        }
    }

    // MARK: The decision

    private func decide(_ index: Int, _ response: MessageHead, _ front: Outstanding, _ bytes: Span<UInt8>) {
        open[index].exchange.response = response
        open[index].exchange.lastMark = response.place.last
        let status = response.status
        let isConnect = open[index].exchange.kind == .connect
        if status == 101 || isConnect && (200..<300).contains(status) {
            open[index].exchange.outcome = .switched
            chooseProtocol(index, response)
            startSwitch(index, response.place.end)
            return
        }
        let (outcome, reason) = Self.refusal(response, isConnect: isConnect)
        open[index].exchange.outcome = outcome
        open[index].exchange.reason = reason
        open[index].isRefused = true
        wantsAcknowledgments = true
        startResponseBody(bytes, toHEAD: front.isHEAD)
        if client.state == .held {
            client.state = .head
            release()
        }
    }

    /// The outcome table of RULES A for everything but a switch.
    static func refusal(_ response: MessageHead, isConnect: Bool) -> (Outcome, OutcomeReason) {
        switch response.status {
        case 200..<300, 304: return (.declined, .none)
        case 300..<400: return (.redirected, .scheme)
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

    /// What speaks from here on: what the response says; what was offered only where it says nothing (RULES A).
    private func chooseProtocol(_ index: Int, _ response: MessageHead) {
        if open[index].exchange.kind == .connect {
            open[index].exchange.upgraded = .tunnel
            open[index].exchange.protocolName = open[index].exchange.request?.target.text ?? ""
            return
        }
        let stated = response.members(.upgrade)
        let request = open[index].exchange.request
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

    private func sniffedProtocol() -> UpgradedProtocol {
        let bytes = held.bytes
        return switch Sniffer.client(bytes.span) {
        case .tls: .tls
        case .http2Preface: .h2c
        default: .websocket
        }
    }

    private func noteWebSocket(_ index: Int, _ request: MessageHead?, _ response: MessageHead) {
        var facts = WebSocketFacts()
        if let key = request?.value(.secWebSocketKey) { facts.expectedAccept = WebSocketAccept.value(for: key) }
        for member in response.members(.secWebSocketExtensions) {
            let name = member.prefix { $0 != UInt8(ascii: ";") }.trimmingWhitespace()
            if name.matchesIgnoringCase("permessage-deflate") {
                facts.deflate = true
            } else {
                facts.unknownExtension = true
            }
        }
        open[index].exchange.websocket = facts
    }

    private func startSwitch(_ index: Int, _ serverStart: Int64) {
        let number = open[index].number
        switched = number
        decoder = open[index].exchange.upgraded.makeDecoder(for: open[index].exchange, context: context)
        // A switch voids every request behind the one that was answered (RULES A, Association).
        outstanding = []
        server.state = .switched
        switchedStreams.server.start = serverStart
        switch client.state {
        case .held:
            startClient(at: open[index].exchange.framing.end ?? client.position)
            release()
        case .head, .resync:
            let pending = client.buffer
            let first = client.bufferFirst
            let start = pending.isEmpty ? client.position : client.bufferOffset
            client.buffer = []
            startClient(at: start)
            if !pending.isEmpty, let first { pass(pending.span, .client, start, first) }
        default: break  // inside the request's content: the client switches at its end
        }
    }

    private func startClient(at offset: Int64) {
        client.state = .switched
        switchedStreams.client.start = offset
    }

    private func switchUnsolicited(_ bytes: Span<UInt8>, _ place: Place, _ front: Outstanding?) {
        exchanges &+= 1
        context.counters.exchanges += 1
        let response = context.head.copied(from: bytes, place: place)
        var exchange = Exchange(kind: .unsolicited, connection: startFacts, first: place.first)
        exchange.request = front?.head
        if let framing = front?.framing { exchange.framing = framing }
        if front == nil, answeredRequests > 0 {
            exchange.anomalies.append(Anomaly(kind: .responseWithoutRequest, place: place, excerpt: []))
        }
        exchange.response = response
        exchange.outcome = .switched
        exchange.lastMark = place.last
        let number = add(exchange)
        guard let index = index(of: number) else { return }
        chooseProtocol(index, response)
        startSwitch(index, place.end)
    }

    private func pass(_ bytes: Span<UInt8>, _ direction: Direction, _ offset: Int64, _ mark: PacketMark) {
        guard bytes.count > 0 else { return }
        switchedStreams[direction].bytes += Int64(bytes.count)
        switchedStreams[direction].last = mark
        let kept = switchedStreams[direction].excerpt.count
        if kept < 256 {
            if kept == 0 { switchedStreams[direction].first = mark }
            let more = bytes.extracting(0..<min(bytes.count, 256 - kept))
            switchedStreams[direction].excerpt.append(more)
        }
        decoder?.receive(bytes, direction, offset: offset, mark: mark)
    }

    // MARK: Keeping and finishing

    private func add(_ exchange: Exchange) -> Int {
        if open.count >= context.options.limits.openExchanges { evict() }
        nextNumber += 1
        open.append(Open(number: nextNumber, exchange: exchange))
        return nextNumber
    }

    /// Makes room: the oldest exchange whose answer is known is told of before the connection ends.
    private func evict() {
        guard let index = open.firstIndex(where: { $0.isRefused && $0.exchange.response != nil }) ?? open.indices.first
        else { return }
        let number = open[index].number
        finish(index, startFacts)
        open.remove(at: index)
        outstanding.indices.forEach { if outstanding[$0].exchange == number { outstanding[$0].exchange = nil } }
        if reading == number { reading = nil }
    }

    private func index(of number: Int) -> Int? {
        var index = open.count - 1
        while index >= 0 {
            if open[index].number == number { return index }
            index -= 1
        }
        return nil
    }

    private func closeWatch(_ index: Int) {
        guard let watch = open[index].watch else { return }
        let exchange = open[index].exchange
        if !watch.runs.isEmpty {
            open[index].exchange.early = watch.verdict(
                EarlyWatch.Answer(
                    response: exchange.response, serverSeen: server.position,
                    clientRoundTrip: exchange.connection.clientRoundTrip, requestCut: exchange.request == nil))
        }
        open[index].watch = nil
    }

    private func finish(_ index: Int, _ facts: ConnectionFacts) {
        open[index].exchange.connection = facts
        closeWatch(index)
        let number = open[index].number
        if let answer = earlyAnswers[number] { open[index].exchange.early?.answer = answer }
        if switched == number {
            open[index].exchange.switched = switchedStreams
            for direction in Direction.allCases {
                if let last = switchedStreams[direction].last, open[index].exchange.lastMark.precedes(last) {
                    open[index].exchange.lastMark = last
                }
            }
            decoder?.finish(into: &open[index].exchange)
        }
        if open[index].exchange.outcome == .incomplete {
            open[index].exchange.reason = incompleteReason(open[index].exchange, facts)
        }
        finished.append(open[index].exchange)
        if switched == number, let inner = decoder?.innerExchanges(of: open[index].exchange) {
            finished.append(contentsOf: inner)
            requests &+= UInt32(truncatingIfNeeded: inner.count)
        }
    }

    private func incompleteReason(_ exchange: Exchange, _ facts: ConnectionFacts) -> OutcomeReason {
        if exchange.touchesGap { return .gap }
        switch (facts.endMark.client, facts.endMark.server) {
        case (let client?, let server?): return client.precedes(server) ? .clientAbort : .serverAbort
        case (_?, nil): return .clientAbort
        case (nil, _?): return .serverAbort
        case (nil, nil): return .captureEnd
        }
    }
}

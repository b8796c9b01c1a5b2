// HTTP/1.1 between two peers who might switch.
//
// Two readers, one for each direction, and a queue of requests that wait for their answer (RFC 9112 9.2). The
// client's reader has a state of its own for our subject: after a request that offers a switch its bytes are HELD,
// because nobody can know yet whose they are. The answer decides:
//
//     client:   head -> body -> (offered?) held -+-- 101 / 2xx to CONNECT --> switched
//                 ^                              +-- any other final answer --> head   (the held bytes are HTTP)
//     server:   head -> body -> head ...  101 / 2xx to CONNECT --> switched
//
// Each direction switches at its own byte: the client's at the end of its request, the server's after the empty line
// of the 101. The conversation takes chunks, gaps and ends; it does not know what carries its bytes: a connection, a
// tunnel, or records inside either. It records and never stops for a mistake of a peer: where it cannot know what
// bytes mean it waits for a line that cannot be anything else, and says so.

import Ground

final class Conversation: ExchangeReader {
    private let cell: UncheckedCell<ConversationState>

    init(
        context: AnalysisContext, shared: ConversationContext, facts: ConnectionFacts,
        stream: StreamID = .connection, midstream: Bool, inside enclosure: Enclosure? = nil
    ) {
        cell = UncheckedCell(
            ConversationState(
                context: context, shared: shared, facts: facts, stream: stream, midstream: midstream,
                inside: enclosure))
    }

    @discardableResult
    func receive(_ chunk: borrowing Chunk) -> StreamEffects { cell.with { $0.receive(chunk) } }

    @discardableResult
    func gap(_ gap: Gap) -> StreamEffects { cell.with { $0.gap(gap) } }

    func acknowledged(upTo offset: Int64, arrival: Arrival) -> Bool {
        cell.with { state in
            state.acknowledged(upTo: offset, mark: arrival)
            return state.wantsAcknowledgments
        }
    }

    func finish(_ facts: ConnectionFacts) { cell.with { $0.finish(facts) } }

    /// HTTP is being spoken.
    var isCausal: Bool { cell.with { $0.isCausal } }
    var application: ConnectionProtocol { cell.with { $0.application } }
    var requests: UInt32 { cell.with { $0.requests } }
    var exchanges: UInt32 { cell.with { $0.exchanges } }
    var unanswered: Int { cell.with { $0.unanswered } }
    var remarks: ConnectionRemarks? { cell.with { $0.currentRemarks } }
    var finished: (waiting: [Exchange], count: Int) { cell.with { ($0.finished, $0.finishedCount) } }

    func forEachOpen(_ body: (ExchangeProgress) -> Void) { cell.with { $0.forEachOpen(body) } }
}

/// Everything a conversation knows; a value in one place, so that reading and changing it needs no check at run time.
struct ConversationState {
    struct Side {
        private let direction: Direction
        private(set) var state: ReadingState
        var remaining: Int64 = 0
        var chunked = ChunkedReader()
        /// A head whose end has not come.
        var buffer: [UInt8] = []
        var bufferOffset: Int64 = 0
        var bufferFirst: Arrival?
        /// How far the buffer was searched for the end of its head.
        var searched = 0
        /// Line ends before that head.
        private var blank = 0
        /// Bytes up to here have been taken.
        var position: Int64 = 0
        /// Some head of this direction was read.
        var spokeHTTP = false
        var unrecognized: Int64 = 0

        init(_ direction: Direction, _ state: ReadingState = .head) {
            self.direction = direction
            self.state = state
        }

        /// Goes on as the table says; what is not in it is our own mistake, and ends the reading.
        mutating func after(_ event: ReadingEvent) {
            let next = state.after(event, direction)
            assert(next != nil, "\(direction) \(state): \(event)")
            state = next ?? .ignored
        }

        /// Whether the buffer holds a whole head, searching only what was not searched before.
        mutating func endOfHead(request: Bool) -> HeadResult {
            if searched == 0 { blank = 0 }
            while blank < buffer.count, buffer[blank] == 0x0d || buffer[blank] == 0x0a { blank += 1 }
            let (result, looked) = Self.endOfHead(buffer, content: blank, searched: searched, request: request)
            searched = looked
            return result
        }

        static func endOfHead(
            _ buffer: [UInt8], content: Int, searched: Int, request: Bool
        ) -> (HeadResult, searched: Int) {
            let bytes = buffer.span
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
    struct Outstanding {
        var isHEAD: Bool
        /// Index into `open`, by number.
        var exchange: Int?
        /// Of a plain request: needed if a 101 answers it.
        var plain: PlainRequest?
        var framing: RequestFraming
        /// The exchange in whose early bytes this request was found.
        var earlyFor: Int?
        /// The exchange after whose refusal it came, and its place in that one's list.
        var later: (exchange: Int, index: Int)?
    }

    /// The head of a request that offers nothing, as it came: few of them are ever asked for.
    struct PlainRequest {
        var bytes: [UInt8]
        var place: Place
        /// Those that the bytes do not show: what stood before them.
        var defects: HeadDefects

        var head: MessageHead? {
            var head = MessageHead(request: bytes, at: place)
            head?.defects.formUnion(defects)
            return head
        }
    }

    /// An exchange that is not told of yet.
    struct Open {
        let number: Int
        var exchange: Exchange
        var watch: EarlyWatch?
        /// There is a watch.
        var isWatched = false
        /// Offset after the head of the final answer.
        var answerEnd: Int64?
        var isRefused = false

        init(number: Int, exchange: consuming Exchange) {
            self.number = number
            self.exchange = exchange
        }

        /// Nothing that comes now is early; `serverSeen` is what was read of the server.
        ///
        /// Where the server was read as content of another answer, or was not understood, the answer may have passed
        /// unseen.
        mutating func closeWatch(serverSeen: Int64, server: ReadingState = .head) {
            guard isWatched, var watch else { return }
            if server == .untilClose || server == .resync, watch.strayAnswer == nil { watch.strayAnswer = 1 }
            if !watch.runs.isEmpty {
                exchange.early = watch.verdict(
                    EarlyWatch.Answer(
                        response: exchange.response, serverSeen: serverSeen,
                        clientRoundTrip: exchange.connection.clientRoundTrip,
                        requestCut: exchange.request == nil))
            }
            self.watch = nil
            isWatched = false
        }
    }

    /// Bytes of the server before its status line.
    struct OutOfTurn {
        static let line = [UInt8]("HTTP/1.".utf8)

        /// The exchange whose answer is due; `nil` while no request was read.
        var exchange: Int?
        let offset: Int64
        let first: Arrival
        private(set) var last: Arrival?
        /// Bytes that belong to no status line.
        private(set) var count: Int64 = 0
        private(set) var excerpt: [UInt8] = []
        private var matched = 0
        private(set) var lineMark: Arrival?

        init(exchange: Int?, offset: Int64, first: Arrival) {
            self.exchange = exchange
            self.offset = offset
            self.first = first
        }

        /// Takes the next byte; true when it completes the beginning of a status line.
        @discardableResult
        mutating func take(_ byte: UInt8, _ mark: Arrival) -> Bool {
            // The very first byte was found to begin none.
            if byte == Self.line[matched], matched > 0 || count > 0 {
                if matched == 0 { lineMark = mark }
                matched += 1
                return matched == Self.line.count
            }
            for index in 0..<matched { add(Self.line[index], mark) }
            matched = 0
            if byte == Self.line[0], count > 0 {
                lineMark = mark
                matched = 1
            } else {
                add(byte, mark)
            }
            return false
        }

        private mutating func add(_ byte: UInt8, _ mark: Arrival) {
            count += 1
            last = mark
            if excerpt.count < 32 { excerpt.append(byte) }
        }
    }

    /// Client bytes after an unanswered offer.
    struct Held {
        var bytes: [UInt8] = []
        var pieces: [Piece] = []

        /// One or two stray line ends after the request belong to nobody (RULES D, trap 8).
        mutating func dropLineEnds() -> Int64 {
            var dropped: Int64 = 0
            while dropped < 2, let first = pieces.first, !first.isHole, let byte = bytes.first,
                byte == 0x0d || byte == 0x0a
            {
                bytes.removeFirst()
                pieces[0].offset += 1
                pieces[0].length -= 1
                if pieces[0].length == 0 { pieces.removeFirst() }
                dropped += 1
            }
            return dropped
        }

        /// Adds bytes that are not kept.
        mutating func addHole(at offset: Int64, _ length: Int, _ arrival: Arrival) {
            if let last = pieces.last, last.isHole, last.offset + Int64(last.length) == offset {
                pieces[pieces.count - 1].length += length
            } else {
                pieces.append(Piece(offset: offset, length: length, isHole: true, arrival: arrival, last: arrival))
            }
        }

        struct Piece {
            var offset: Int64
            /// Bytes in `bytes`; for a hole, bytes that are not.
            var length: Int
            var isHole: Bool
            var arrival: Arrival
            var last: Arrival
        }
    }

    let context: AnalysisContext
    let shared: ConversationContext
    /// The stream that it is held on.
    let stream: StreamID
    var client: Side
    var server: Side
    var outstanding: [Outstanding] = []
    var open: [Open] = []
    var nextNumber = 0
    var held = Held()
    var session: (any SessionReader)?
    /// Number of the exchange that switched, and what was seen after the switch.
    var switched: Int?
    var switchedStreams = [2 of SwitchedStream](repeating: SwitchedStream())
    /// Holes after the switch in what nobody reads.
    var opaqueHoles = AnomalyLog(limit: 2)
    /// Faults after the switch that were reported.
    var toldAnomalies = 0
    /// The request being read belongs to this exchange.
    var reading: Int?
    /// Responses that early bytes drew, by the number of the exchange they were early for.
    var earlyAnswers: [Int: EarlyAnswer] = [:]
    var clientHole: Int64?
    var serverHole: Int64?
    /// How much of the server had been read at the last hole of the client.
    var serverAtClientHole: Int64 = -1
    /// Answers can be told to requests; false between a hole and the next quiet moment.
    var isAssociated = true
    /// What the server says where a status line is due.
    var outOfTurn: OutOfTurn?
    var answeredRequests = 0
    /// The end of the last final head that could be told to no request.
    var strayAnswer: Int64 = 0
    private(set) var startFacts: ConnectionFacts
    /// Whom the connection was made for, where a PROXY header said so.
    var proxied: ProxiedAddresses? {
        get { startFacts.proxied }
        set {
            startFacts.proxied = newValue
            remark.proxied = newValue
        }
    }
    /// What is unusual; made when there is something.
    private(set) var remarks: ConnectionRemarks?
    var remark: ConnectionRemarks {
        mutating get {
            if let remarks { return remarks }
            let remarks = ConnectionRemarks()
            self.remarks = remarks
            return remarks
        }
    }

    /// Exchanges of an inner conversation that are over and wait: their tunnel is reported first, as long as few of them do.
    var finished: [Exchange] = []
    /// Those that are over, told of or not.
    var finishedCount = 0
    /// The tunnel that it goes on in.
    let enclosure: Enclosure?
    var isInner: Bool { enclosure != nil }
    /// What is kept here, as the context knows it.
    var kept = KeptBytes()
    /// No SYN was seen.
    let isMidstream: Bool
    var requests: UInt32 = 0
    var exchanges: UInt32 = 0
    var application = ConnectionProtocol.unknown
    /// Nothing of interest will come: the owner may drop this conversation.
    var isLetGo = false
    /// Acknowledgments of the client matter (a refusal waits to be seen).
    var wantsAcknowledgments = false
    /// What is no HTTP may be a WebSocket session whose handshake was not captured.
    var unseenSession: UnseenSession?
    /// The remarks with what is counted elsewhere until somebody asks.
    var currentRemarks: ConnectionRemarks? {
        if let evidence = unseenSession?.evidence { remarks?.guessedFrames = evidence }
        return remarks
    }

    init(
        context: AnalysisContext, shared: ConversationContext, facts: ConnectionFacts,
        stream: StreamID = .connection, midstream: Bool, inside enclosure: Enclosure? = nil
    ) {
        self.context = context
        self.shared = shared
        self.stream = stream
        startFacts = facts
        self.enclosure = enclosure
        isMidstream = midstream
        client = Side(.client, midstream ? .resync : enclosure == nil ? .opening : .head)
        server = Side(.server, midstream ? .resync : .head)
    }

    /// The server's answers matter only once their requests were read: HTTP is being spoken.
    var isCausal: Bool {
        !isLetGo && server.state != .ignored && (server.state != .switched || session?.isCausal == true)
    }

    /// Requests without an answer, and the answer that is being read.
    var unanswered: Int {
        outstanding.count + (server.state == .body || server.state == .chunked || server.state == .untilClose ? 1 : 0)
    }

    // MARK: What the stream tells

    mutating func receive(_ chunk: borrowing Chunk) -> StreamEffects {
        guard chunk.count > 0, !isLetGo else { return effects }
        noteUnseenBeginning(chunk)
        // Content that nobody reads is not worth a copy.
        let wereRead = !(chunk.direction == .client ? client.state : server.state).isSkipping
        if chunk.direction == .client {
            receiveClient(chunk)
            noteEarly(chunk)
            client.position = chunk.end
        } else {
            receiveServer(chunk)
            server.position = chunk.end
        }
        countKept()
        return wereRead ? effects.union(.wereRead) : effects
    }

    /// A stream that does not begin at its first byte: how much is missing there is not known, and no gap is reported;
    /// but what was asked may have been answered there.
    @inline(__always)
    private mutating func noteUnseenBeginning(_ chunk: borrowing Chunk) {
        guard chunk.offset > 0, (chunk.direction == .client ? client.position : server.position) == 0, !isInner else {
            return
        }
        guard !isMidstream || !open.isEmpty else { return }
        _ = gap(Gap(stream: stream, direction: chunk.direction, from: 0, to: chunk.offset, arrival: chunk.arrival))
    }

    mutating func gap(_ gap: Gap) -> StreamEffects {
        guard gap.length > 0, !isLetGo else { return effects }
        unseenSession?.gap(gap.direction, gap.length)
        if gap.direction == .client { clientGap(gap) } else { serverGap(gap) }
        countKept()
        return effects
    }

    private var effects: StreamEffects {
        var effects: StreamEffects = []
        if isLetGo { effects.insert(.letGo) }
        if wantsAcknowledgments { effects.insert(.wantsAcknowledgments) }
        if !open.isEmpty { effects.insert(.hasOffer) }
        return effects
    }

    /// The client has acknowledged the server's stream up to `offset`.
    mutating func acknowledged(upTo offset: Int64, mark: Arrival) {
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
    mutating func finish(_ facts: ConnectionFacts) {
        if let outOfTurn { endOutOfTurn(outOfTurn) }
        if open.count > 1 { open.reverse() }
        while !open.isEmpty { finish(open.removeLast(), facts) }
        if exchanges == 0, let exchange = unseenSession?.exchange(on: facts) {
            exchanges &+= 1
            shared.exchanges += 1
            context.output.receive(.finished(exchange))
        }
        kept.count(0, context)
    }

    /// How far the exchanges have come that are not over.
    func forEachOpen(_ body: (ExchangeProgress) -> Void) {
        for one in open {
            var progress = ExchangeProgress(key: one.exchange.key, last: one.exchange.lastMark)
            if switched == one.number {
                for direction in Direction.allCases {
                    progress.bytes[direction] = switchedStreams[direction.index].bytes
                    guard let last = switchedStreams[direction.index].last, progress.last.precedes(last) else {
                        continue
                    }
                    progress.last = last
                }
                progress.messages = session?.messages
            }
            body(progress)
            if switched == one.number { session?.forEachOpen(body) }
        }
    }

    // MARK: Keeping and finishing

    mutating func add(_ exchange: consuming Exchange) -> Int {
        if open.count >= context.options.limits.openExchanges { evict() }
        nextNumber += 1
        open.append(Open(number: nextNumber, exchange: exchange))
        kept.headsChanged = true
        return nextNumber
    }

    /// Makes room: the oldest exchange whose answer is known is reported before the connection ends.
    mutating func evict() {
        guard let index = open.firstIndex(where: { $0.isRefused && $0.exchange.response != nil }) ?? open.indices.first
        else { return }
        let oldest = open.remove(at: index)
        let number = oldest.number
        finish(oldest, startFacts)
        outstanding.indices.forEach { if outstanding[$0].exchange == number { outstanding[$0].exchange = nil } }
        if reading == number { reading = nil }
    }

    mutating func index(of number: Int) -> Int? {
        var index = open.count - 1
        while index >= 0 {
            if open[index].number == number { return index }
            index -= 1
        }
        return nil
    }

    /// An exchange is over, and not among the open ones any more.
    private mutating func finish(_ over: consuming Open, _ facts: ConnectionFacts) {
        let number = over.number
        over.exchange.connection = facts
        over.closeWatch(serverSeen: server.position, server: server.state)
        if !earlyAnswers.isEmpty, let answer = earlyAnswers.removeValue(forKey: number) {
            over.exchange.early?.answer = answer
        }
        if switched == number {
            for direction in Direction.allCases {
                if let last = switchedStreams[direction.index].last, over.exchange.lastMark.precedes(last) {
                    over.exchange.lastMark = last
                }
            }
            swap(&over.exchange.switched.client, &switchedStreams[0])
            swap(&over.exchange.switched.server, &switchedStreams[1])
            let limits = over.exchange.limitsHit.count
            session?.finish(into: &over.exchange)
            for limit in over.exchange.limitsHit.dropFirst(limits) { context.hit(limit) }
            over.exchange.anomalies += opaqueHoles.list
        }
        if over.exchange.outcome == .incomplete {
            over.exchange.reason = Self.incompleteReason(touchesGap: over.exchange.touchesGap, facts)
        }
        // Exchanges inside need their parent first.
        let inner: (waiting: [Exchange], count: Int) =
            switched == number ? session?.innerExchanges ?? ([], 0) : ([], 0)
        tell(over.exchange)
        for exchange in inner.waiting { tell(exchange) }
        finishedCount += inner.count - inner.waiting.count
        requests &+= UInt32(truncatingIfNeeded: inner.count)
        kept.headsChanged = true
    }

    private mutating func tell(_ exchange: consuming Exchange) {
        finishedCount += 1
        guard let enclosure else { return context.output.receive(.finished(exchange)) }
        if exchange.parent == nil { exchange.parent = enclosure.parent }
        finished.append(exchange)
        // A tunnel that never ends may carry any number.
        if finished.count > context.options.limits.openExchanges {
            context.output.receive(.finished(finished.removeFirst()))
        }
    }

    private static func incompleteReason(touchesGap: Bool, _ facts: ConnectionFacts) -> OutcomeReason {
        if touchesGap { return .gap }
        switch (facts.endMark.client, facts.endMark.server) {
        case (let client?, let server?): return client.precedes(server) ? .clientAbort : .serverAbort
        case (_?, nil): return .clientAbort
        case (nil, _?): return .serverAbort
        case (nil, nil): return .captureEnd
        }
    }
}

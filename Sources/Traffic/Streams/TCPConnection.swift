// One TCP connection: two streams, and the reader of what is spoken on them.
//
// A segment is delivered, held, recognized as a duplicate, or in conflict with what came before (RFC 9293 3.10.7.4,
// read by a witness: what the receiver did cannot be seen, so the first copy counts). A hole is waited for. It is
// declared missing when the other side has acknowledged it and it still does not come, when too much is held after
// it, or when the connection ends. Bytes of the server wait for the client bytes that their segment acknowledges, so
// that an answer never comes before its question, however the capture was shuffled.

import Ground

struct TCPConnection {
    let id: UInt64
    /// As given by the first packet; turned round if it was the server's.
    private(set) var client: Endpoint
    private(set) var server: Endpoint
    let tunnel: UInt32
    let tunnels: [String]
    /// The client's and the server's.
    ///
    /// An inline array, because its elements are changed in place without a call.
    private(set) var streams = [2 of StreamState](repeating: StreamState())
    /// Reads what is spoken; `nil` before anything was, and where nothing of interest speaks.
    private(set) var reader: (any ExchangeReader)?
    /// The roles are known: from a SYN, or from what was said.
    private var isOriented: Bool
    let first: Arrival
    private(set) var last: Arrival
    private var synTime: Timestamp?
    private var synAckTime: Timestamp?
    private var serverRoundTrip: Int64?
    private var clientRoundTrip: Int64?
    private var endMark = PerDirection<Arrival?>(both: nil)
    private var duplicates: UInt32 = 0
    private var firstPayload = [2 of Arrival?](repeating: nil)
    private var application = ConnectionProtocol.unknown
    /// What is unusual: of the reader, and of the streams.
    private var remarks: ConnectionRemarks?
    private var requests: UInt32 = 0
    private var exchanges: UInt32 = 0
    private var sawSYN = false
    /// Whether it is a copy, or has one.
    var copy = CopyState()
    private var wasLetGo = false
    /// The reader waits for an acknowledgment of the client.
    private var wantsAcknowledgments = false
    /// No packet of the client came in time: what the server says does not wait for it any more.
    private var missesClient = false
    private var digests: StreamDigests?
    /// Both sides have ended, or one has reset.
    private(set) var isClosed = false
    private(set) var wasReset = false
    /// Waits to leave the table.
    var isRetired = false

    init(
        _ segment: Segment, id: UInt64, mark: Arrival, hasDigests: Bool = false, tunnels: [String] = []
    ) {
        self.id = id
        tunnel = segment.tunnel
        self.tunnels = tunnels
        first = mark
        last = mark
        let isAnswer = segment.flags.contains([.syn, .ack])
        client = isAnswer ? segment.destination : segment.source
        server = isAnswer ? segment.source : segment.destination
        isOriented = segment.flags.contains(.syn)
        sawSYN = segment.flags.contains(.syn)
        if hasDigests { digests = StreamDigests() }
    }

    /// Whether a SYN, or a packet after the end, does not belong to this connection any more.
    func isReplaced(by segment: Segment) -> Bool {
        let direction: Direction = segment.source == client ? .client : .server
        if segment.flags.contains(.syn), !segment.flags.contains(.ack) {
            guard streams[direction.index].hasBase else { return isClosed }
            let start = segment.sequence &+ 1
            if start == streams[direction.index].base { return false }
            // The SYN of data that was captured before it.
            let distance = Int32(bitPattern: streams[direction.index].base &- start)
            return streams[direction.index].sawSYN || isClosed || distance < 0 || distance > 1 << 16
        }
        guard isClosed, streams[direction.index].hasBase, !segment.flags.contains(.rst) else { return false }
        let offset = streams[direction.index].offset(of: segment.sequence)
        let reach = max(streams[direction.index].highest, streams[direction.index].next) + 1 << 20
        if offset < -(1 << 20) || offset > reach { return true }
        let fin = streams[direction.index].fin
        return !wasReset && fin >= 0 && offset + Int64(segment.payload.count) > fin + 1
    }

    // MARK: A segment comes

    mutating func receive(_ segment: Segment, payload: Span<UInt8>, mark: Arrival, context: AnalysisContext) {
        last = mark
        if !isOriented { orient(segment, payload, mark) }
        let direction: Direction = segment.source == client ? .client : .server
        if isLoop { return }
        streams[direction.index].packets += 1
        if segment.flags.contains(.syn) { synchronize(segment, direction, mark) }
        if !streams[direction.index].hasBase {
            streams[direction.index].setBase(segment.sequence &+ (segment.flags.contains(.syn) ? 1 : 0))
        }
        var mark = mark
        if segment.flags.contains(.ack), !segment.flags.contains(.rst) {
            mark.heard = acknowledge(segment.acknowledgment, direction, mark)
        } else if segment.flags.contains(.syn), direction == .client {
            // Whoever opens a connection has received nothing of the other side (TCP Fast Open).
            mark.heard = 0
        }
        let start = segment.sequence &+ (segment.flags.contains(.syn) ? 1 : 0)
        // What a RST carries tells people why: it is not of the stream (RFC 1122 4.2.2.12).
        if payload.count > 0 || segment.missing > 0, !segment.flags.contains(.rst) {
            if reader == nil, !wasLetGo, !isClosed { open(context) }
            take(payload, at: start, segment, direction, mark, context)
        } else if segment.flags == .ack {
            streams[direction.index].noteShown(segment.sequence)
        }
        if segment.flags.contains(.fin) {
            let offset = streams[direction.index].offset(of: start) + Int64(payload.count) + Int64(segment.missing)
            if streams[direction.index].fin < 0, offset >= streams[direction.index].next {
                streams[direction.index].fin = offset
                streams[direction.index].ended = .fin
                noteEnd(of: direction, mark)
            }
        }
        if streams[0].hasHole || streams[1].hasHole { attend(mark, context) }
        if segment.flags.contains(.rst) { reset(segment, direction, mark) }
        if !isClosed, streams[0].isFinished, streams[1].isFinished {
            isClosed = true
            endConversation(context)
        }
    }

    /// The first packet that ends a side counts.
    private mutating func noteEnd(of direction: Direction, _ mark: Arrival) {
        if direction == .client {
            endMark.client = endMark.client ?? mark
        } else {
            endMark.server = endMark.server ?? mark
        }
    }

    /// Some payload was seen, of either side.
    var hasSpoken: Bool { firstPayload[0] != nil || firstPayload[1] != nil }

    /// Exchanges that were begun on it so far.
    var exchangeCount: UInt32 { reader?.exchanges ?? exchanges }
    /// It is not known to be something else than HTTP.
    var mayCarryExchange: Bool { reader != nil || !wasLetGo && !isClosed }

    /// A packet from an endpoint to itself has no direction that could be told.
    private var isLoop: Bool { client == server }

    /// Roles of a connection whose SYN was not seen: by what is said, else by port.
    private mutating func orient(_ segment: Segment, _ payload: Span<UInt8>, _ mark: Arrival) {
        if segment.flags.contains(.syn) {
            setClient(segment.flags.contains(.ack) ? segment.destination : segment.source)
            sawSYN = true
            return
        }
        guard payload.count > 0 else { return }
        if Sniffer.isRequestLine(payload) || payload.count > 5 && payload[0] == 0x16 && payload[5] == 1 {
            setClient(segment.source)
        } else if payload.has("HTTP/1.", at: 0) {
            setClient(segment.destination)
        } else {
            let from = segment.source.port
            let to = segment.destination.port
            var isFromServer = from < 1024 && to >= 1024 || from < 32768 && to >= 32768
            // Where the ports say nothing: a frame without a mask is a server's.
            if (from < 1024) == (to < 1024), (from < 32768) == (to < 32768) { isFromServer = isUnmaskedFrame(payload) }
            setClient(isFromServer ? segment.destination : segment.source)
        }
    }

    /// The segment is one short WebSocket frame without a mask.
    private func isUnmaskedFrame(_ payload: Span<UInt8>) -> Bool {
        payload.count >= 2 && [0x81, 0x82, 0xc1, 0xc2, 0x89, 0x8a, 0x88].contains(payload[0])
            && Int(payload[1]) + 2 == payload.count
    }

    private mutating func setClient(_ endpoint: Endpoint) {
        isOriented = true
        guard endpoint != client else { return }
        swap(&client, &server)
        streams.swapAt(0, 1)
        endMark = PerDirection(client: endMark.server, server: endMark.client)
    }

    private mutating func synchronize(_ segment: Segment, _ direction: Direction, _ mark: Arrival) {
        let start = segment.sequence &+ 1
        if !streams[direction.index].hasBase
            || streams[direction.index].counters.bytes == 0 && streams[direction.index].next == 0
        {
            streams[direction.index].setBase(start)
        }
        if direction == .client {
            if synTime == nil { synTime = mark.time }
        } else if synAckTime == nil {
            synAckTime = mark.time
            if let synTime { serverRoundTrip = mark.time.nanoseconds(since: synTime) }
        }
        streams[direction.index].sawSYN = true
    }

    /// Notes what `direction` has received of the other stream; returns it as an offset.
    private mutating func acknowledge(_ number: UInt32, _ direction: Direction, _ mark: Arrival) -> Int64? {
        let other = direction.opposite
        if !streams[other.index].hasBase {
            streams[other.index].setBase(number)
            return 0
        }
        if direction == .client, clientRoundTrip == nil, let synAckTime {
            clientRoundTrip = mark.time.nanoseconds(since: synAckTime)
        }
        let offset = streams[other.index].offset(of: number)
        // Far beyond everything that was seen: no acknowledgment of this stream.
        guard offset <= max(streams[other.index].highest, streams[other.index].next) + 1 << 24 else { return nil }
        if offset > streams[other.index].acknowledged { streams[other.index].acknowledged = offset }
        return offset
    }

    private var remark: ConnectionRemarks {
        mutating get {
            if let remarks { return remarks }
            let remarks = ConnectionRemarks()
            self.remarks = remarks
            return remarks
        }
    }

    private mutating func open(_ context: AnalysisContext) {
        reader = context.makeReader(context, facts(context), .connection, !sawSYN, nil)
    }

    private mutating func reset(_ segment: Segment, _ direction: Direction, _ mark: Arrival) {
        let offset = streams[direction.index].offset(of: segment.sequence)
        // One that is far from the stream was not sent by the peer, or not for this connection.
        guard segment.sequence == 0 || abs(offset - streams[direction.index].next) < 1 << 20 else { return }
        streams[direction.index].ended = .rst
        noteEnd(of: direction, mark)
        wasReset = true
        isClosed = true
    }

    // MARK: Bytes in order

    private mutating func take(
        _ payload: Span<UInt8>, at sequence: UInt32, _ segment: Segment, _ direction: Direction, _ mark: Arrival,
        _ context: AnalysisContext
    ) {
        if firstPayload[direction.index] == nil { firstPayload[direction.index] = mark }
        var offset = streams[direction.index].offset(of: sequence)
        let count = Int64(payload.count)
        if streams[direction.index].isUnread, offset < 0 {
            // The other side's acknowledgment, or a packet out of order, was a bad guess of where the stream begins.
            streams[direction.index].rebase(sequence)
            offset = 0
        }
        let end = offset + count + Int64(segment.missing)
        if end > streams[direction.index].highest { streams[direction.index].highest = end }
        if end <= streams[direction.index].next {
            takeOld(payload, offset, sequence, segment, direction, mark)
            return
        }
        noteSegment(sequence, payload.count, segment.identification, direction, mark)
        if wasLetGo, !context.options.allConnections {
            streams[direction.index].counters.bytes += min(count, end - streams[direction.index].next)
            streams[direction.index].next = end
            return
        }
        if offset > streams[direction.index].next || isBlocked(direction, mark) {
            makeRoom(for: payload.count, at: offset, direction, mark, context)
            if offset > streams[direction.index].next || isBlocked(direction, mark) {
                hold(payload, at: offset, missing: Int64(segment.missing), direction, mark, context)
                return
            }
        }
        let known = Int(min(streams[direction.index].next - offset, count))
        if known > 0 {
            let old = payload.extracting(0..<known)
            compare(old, offset, direction)
            streams[direction.index].assembler.retransmittedBytes += Int64(known)
        }
        if !streams[direction.index].held.isEmpty {
            deliverAround(payload.extracting(known...), direction, mark, context)
        } else {
            deliver(payload.extracting(known...), direction, mark, context)
        }
        if segment.missing > 0 {
            declareGap(direction, to: max(end, streams[direction.index].next), mark, context)
        }
        if !streams[direction.index].held.isEmpty { flush(direction, context) }
        if direction == .client, !streams[1].held.isEmpty { flush(.server, context) }
    }

    /// Held bytes may overlap what is delivered now: the earlier copy wins unless asked otherwise.
    private mutating func deliverAround(
        _ bytes: Span<UInt8>, _ direction: Direction, _ mark: Arrival, _ context: AnalysisContext
    ) {
        let start = streams[direction.index].next
        let end = start + Int64(bytes.count)
        streams[direction.index].assembler.compareHeld(bytes, at: start, last: context.options.overlap == .last)
        while streams[direction.index].next < end {
            let next = streams[direction.index].next
            let rest = bytes.extracting(Int(next - start)...)
            guard let held = streams[direction.index].held.first, held.offset < end else {
                return deliver(rest, direction, mark, context)
            }
            if held.offset > next { deliver(rest.extracting(0..<Int(held.offset - next)), direction, mark, context) }
            flush(direction, context)
            if streams[direction.index].next < held.end, !streams[direction.index].held.isEmpty {
                // What is held waits for the other side: so does what comes after it.
                hold(rest, at: next, missing: 0, direction, mark, context)
                return
            }
        }
    }

    private mutating func hold(
        _ bytes: Span<UInt8>, at offset: Int64, missing: Int64, _ direction: Direction, _ mark: Arrival,
        _ context: AnalysisContext
    ) {
        let due = max(0, streams[direction.index].next - offset)
        let before = streams[direction.index].heldBytes
        streams[direction.index].assembler.hold(
            bytes.extracting(Int(min(due, Int64(bytes.count)))...), at: offset + due, missing: missing, mark: mark,
            last: context.options.overlap == .last)
        context.budget.heldBytes += streams[direction.index].heldBytes - before
    }

    /// Makes room for bytes to hold, for this connection and for all of them.
    private mutating func makeRoom(
        for count: Int, at offset: Int64, _ direction: Direction, _ mark: Arrival, _ context: AnalysisContext
    ) {
        let limits = context.options.limits
        let cost = count + HeldSegment.overhead
        if streams[0].packets == 0, !missesClient,
            streams[1].heldBytes + cost > limits.heldBytes || context.budget.heldBytes + cost > limits.totalHeldBytes
        {
            // Nothing is lost by it: that is no ceiling that was hit.
            doWithoutClient(context)
            if offset <= streams[direction.index].next { return }
        }
        if streams[direction.index].heldBytes + cost > limits.heldBytes {
            context.hit("held-bytes")
        } else if context.budget.heldBytes + cost > limits.totalHeldBytes {
            context.hit("total-held-bytes")
        } else {
            return
        }
        giveUp(direction, mark, context)
        if context.budget.heldBytes + cost > limits.totalHeldBytes, streams[direction.index].held.isEmpty,
            offset > streams[direction.index].next
        {
            declareGap(direction, to: offset, mark, context)
        }
    }

    private mutating func takeOld(
        _ payload: Span<UInt8>, _ offset: Int64, _ sequence: UInt32, _ segment: Segment, _ direction: Direction,
        _ mark: Arrival
    ) {
        // A keep-alive probe repeats the last byte, or sends any byte there (RFC 9293 3.8.4).
        if payload.count <= 1, offset == streams[direction.index].next - 1 { return }
        if streams[direction.index].lastSequence == sequence, streams[direction.index].lastLength == payload.count,
            streams[direction.index].lastIdentification == segment.identification,
            mark.time.nanoseconds(since: streams[direction.index].lastMark.time) <= 5_000_000
        {
            duplicates &+= 1
            if remark.firstDuplicate == nil { remark.firstDuplicate = (mark, streams[direction.index].lastMark) }
        }
        streams[direction.index].assembler.retransmittedBytes += Int64(payload.count)
        compare(payload, offset, direction)
    }

    private mutating func compare(_ bytes: Span<UInt8>, _ offset: Int64, _ direction: Direction) {
        if streams[direction.index].assembler.differs(bytes, at: offset) {
            streams[direction.index].assembler.conflicts += 1
        }
    }

    @inline(__always)
    private mutating func noteSegment(
        _ sequence: UInt32, _ count: Int, _ identification: UInt16, _ direction: Direction, _ mark: Arrival
    ) {
        streams[direction.index].lastSequence = sequence
        streams[direction.index].lastLength = count
        streams[direction.index].lastIdentification = identification
        streams[direction.index].lastMark = mark
    }

    /// The server had client bytes that were not read here yet: its bytes wait.
    @inline(__always)
    private func isBlocked(_ direction: Direction, _ mark: Arrival) -> Bool {
        guard direction == .server, mark.rawHeard > streams[0].next else { return false }
        // A client of which nothing has come may only be late: another queue of the card, the other file of two.
        guard streams[0].packets > 0 || streams[1].sawSYN && !missesClient else { return false }
        guard let reader, reader.isCausal else { return false }
        return min(mark.rawHeard, streams[0].acknowledgedBytes) > streams[0].next
    }

    private mutating func deliver(
        _ bytes: Span<UInt8>, _ direction: Direction, _ mark: Arrival, _ context: AnalysisContext
    ) {
        let count = bytes.count
        guard count > 0 else { return }
        let offset = streams[direction.index].next
        streams[direction.index].next = offset + Int64(count)
        streams[direction.index].counters.bytes += Int64(count)
        if !streams[direction.index].hadGap {
            streams[direction.index].counters.contiguous += Int64(count)
            digests?.update(bytes, direction)
        }
        guard let reader else {
            if context.options.allConnections {
                streams[direction.index].assembler.recent.append(bytes, limit: context.options.limits.compareBytes)
            }
            return
        }
        let effects = reader.receive(Chunk(bytes, direction, offset: offset, arrival: mark))
        wantsAcknowledgments = effects.contains(.wantsAcknowledgments)
        if context.options.allConnections || effects.contains(.wereRead) {
            streams[direction.index].assembler.recent.append(bytes, limit: context.options.limits.compareBytes)
        } else if !streams[direction.index].assembler.recent.isEmpty {
            streams[direction.index].assembler.recent.removeAll()
        }
        if context.options.transcript.streams {
            let isBehindOffer = effects.contains(.hasOffer)
            if isBehindOffer || direction == .client || context.options.transcript.answers {
                let streamed = StreamedBytes(
                    bytes, direction, offset: offset, mark: mark, connection: id, isBehindOffer: isBehindOffer)
                context.output.receive(.streamed(streamed))
            }
        }
        if effects.contains(.letGo) { letGo(context) }
    }

    /// Delivers what is held and due.
    private mutating func flush(_ direction: Direction, _ context: AnalysisContext) {
        var done = 0
        while done < streams[direction.index].held.count,
            streams[direction.index].held[done].offset <= streams[direction.index].next
        {
            let first = streams[direction.index].held[done]
            if isBlocked(direction, first.mark) { break }
            done += 1
            streams[direction.index].assembler.release(first)
            context.budget.heldBytes -= first.cost
            let known = Int(min(streams[direction.index].next - first.offset, Int64(first.bytes.count)))
            deliver(first.bytes.span.extracting(known...), direction, first.mark, context)
            if first.missing > 0, first.end > streams[direction.index].next {
                declareGap(direction, to: first.end, first.mark, context)
            }
        }
        if done > 0 { streams[direction.index].assembler.dropFirst(done) }
    }

    // MARK: Holes

    /// Waits for a hole, but not for ever.
    private mutating func attend(_ mark: Arrival, _ context: AnalysisContext) {
        if streams[0].packets == 0, !missesClient, let first = streams[1].held.first {
            let waited = mark.time.nanoseconds(since: first.mark.time)
            let isMuch = streams[1].held.count >= Self.absencePatience || streams[1].heldBytes >= 1 << 14
            if isMuch || waited > 1_000_000_000 { doWithoutClient(context) }
        }
        for direction in Direction.allCases where streams[direction.index].hasHole {
            let hole = streams[direction.index].next
            guard streams[direction.index].acknowledgedBytes > hole, streams[direction.index].packets > 0 else {
                streams[direction.index].holePackets = 0
                continue
            }
            if streams[direction.index].holePackets == 0 { streams[direction.index].holeSince = mark.time }
            streams[direction.index].holePackets &+= 1
            let waited = mark.time.nanoseconds(since: streams[direction.index].holeSince)
            if streams[direction.index].holePackets > Self.holePatience || waited > 1_000_000_000 {
                streams[direction.index].holePackets = 0
                giveUp(direction, mark, context)
            }
        }
    }

    /// Packets of the connection that may pass before an acknowledged hole is called missing.
    private static var holePatience: UInt32 { 96 }

    /// Segments of the server that wait for a client of which nothing was seen.
    private static var absencePatience: Int { 16 }

    private mutating func doWithoutClient(_ context: AnalysisContext) {
        missesClient = true
        flush(.server, context)
    }

    /// The hole at `next` is missing: up to what is held after it, or to what was acknowledged.
    private mutating func giveUp(_ direction: Direction, _ mark: Arrival, _ context: AnalysisContext) {
        let held = streams[direction.index].held.first
        if let held, held.offset <= streams[direction.index].next {
            // Not a hole of this stream: the server waits for a hole of the client's, or for the client.
            if streams[0].packets == 0 { return doWithoutClient(context) }
            if direction == .server, streams[0].acknowledgedBytes > streams[0].next {
                giveUp(.client, mark, context)
            }
            flush(direction, context)
            return
        }
        let acknowledged = streams[direction.index].acknowledgedBytes
        let to =
            held.map { acknowledged > streams[direction.index].next ? min($0.offset, acknowledged) : $0.offset }
            ?? acknowledged
        guard to > streams[direction.index].next else { return }
        declareGap(direction, to: to, mark, context)
        flush(direction, context)
        if direction == .client { flush(.server, context) }
    }

    private mutating func declareGap(
        _ direction: Direction, to end: Int64, _ mark: Arrival, _ context: AnalysisContext
    ) {
        let from = streams[direction.index].next
        guard end > from else { return }
        streams[direction.index].next = end
        // Where the beginning was not captured there is no telling how much of it is missing.
        if streams[direction.index].isUnread { return }
        streams[direction.index].counters.gapBytes += end - from
        streams[direction.index].hadGap = true
        streams[direction.index].assembler.recent.removeAll()
        if remark.firstGap == nil {
            remark.firstGap = Place(direction: direction, offset: from, length: end - from, first: mark, last: mark)
        }
        let effects = reader?.gap(Gap(direction: direction, from: from, to: end, arrival: mark)) ?? []
        wantsAcknowledgments = effects.contains(.wantsAcknowledgments)
        if context.options.transcript.streams, reader != nil {
            let place = Place(direction: direction, offset: from, length: end - from, first: mark, last: mark)
            context.output.receive(.streamGap(place, connection: id))
        }
        if effects.contains(.letGo) { letGo(context) }
    }

    // MARK: Copies

    /// Numbers are followed, bytes are not.
    mutating func becomeCopy(of original: UInt64, under tunnel: UInt32) {
        copy.of = original
        copy.tunnel = tunnel
        copy.isUndecided = false
        copy.isSpecial = true
        wasLetGo = true
    }

    mutating func noteCopy(_ mark: Arrival, of original: Arrival, under tunnels: [String]) {
        if remark.firstDuplicate == nil { remark.firstDuplicate = (mark, original) }
        let name = tunnels.joined(separator: ", ")
        if copy.seenUnder.count < 4, !copy.seenUnder.contains(name) { copy.seenUnder.append(name) }
    }

    // MARK: The end

    /// Nothing of interest speaks here: numbers are followed, bytes are not.
    private mutating func letGo(_ context: AnalysisContext) {
        guard let reader else { return }
        gather(reader)
        self.reader = nil
        wasLetGo = true
        if !context.options.allConnections {
            for direction in Direction.allCases {
                streams[direction.index].dropHeld(context)
                streams[direction.index].assembler.recent.removeAll()
            }
        }
    }

    private mutating func gather(_ reader: any ExchangeReader) {
        application = reader.application
        if let told = reader.remarks {
            told.firstGap = remarks?.firstGap
            told.firstDuplicate = remarks?.firstDuplicate
            remarks = told
        }
        requests = reader.requests
        exchanges = reader.exchanges
    }

    /// The client acknowledged something a refusal waits for.
    @inline(__always)
    mutating func noteAcknowledgment(_ segment: Segment, _ mark: Arrival) {
        guard wantsAcknowledgments, let reader, segment.source == client, segment.flags.contains(.ack),
            streams[1].hasBase
        else { return }
        wantsAcknowledgments = reader.acknowledged(
            upTo: streams[1].offset(of: segment.acknowledgment), arrival: mark)
    }

    /// Everything that is still waited for is missing; the reader is finished.
    mutating func endConversation(_ context: AnalysisContext) {
        guard let reader else {
            for index in 0..<2 where !streams[index].held.isEmpty { streams[index].dropHeld(context) }
            return
        }
        var rounds = 0
        while rounds < 1 << 16, self.reader != nil {
            let before = (streams[0].next, streams[1].next, streams[0].held.count, streams[1].held.count)
            for direction in Direction.allCases
            where streams[direction.index].hasHole && streams[direction.index].packets > 0 {
                giveUp(direction, last, context)
            }
            let after = (streams[0].next, streams[1].next, streams[0].held.count, streams[1].held.count)
            if before == after { break }
            rounds += 1
        }
        for direction in Direction.allCases where streams[direction.index].hasBase {
            // What was sent after the last bytes that came: nobody has to have acknowledged it.
            declareGap(direction, to: streams[direction.index].sentBytes, last, context)
            if streams[direction.index].lacksFIN, streams[direction.index].ended == .open {
                streams[direction.index].ended = .fin
            }
        }
        guard self.reader != nil else { return }
        gather(reader)
        self.reader = nil
        wasLetGo = true
        reader.finish(facts(context))
        requests = reader.requests
        exchanges = reader.exchanges
        for direction in Direction.allCases { streams[direction.index].assembler.recent.removeAll() }
    }

    /// What is known of the connection at this moment.
    func facts(_ context: AnalysisContext) -> ConnectionFacts {
        var facts = ConnectionFacts(id: id, client: client, server: server, first: first)
        facts.tunnels = tunnels
        facts.sawSYN = streams[0].sawSYN
        facts.sawSYNACK = streams[1].sawSYN
        facts.serverRoundTrip = serverRoundTrip
        facts.clientRoundTrip = clientRoundTrip
        facts.last = last
        facts.observedUntil = context.now
        facts.duplicatePackets = duplicates
        facts.proxied = remarks?.proxied ?? reader?.remarks?.proxied
        facts.endMark = endMark
        facts.gapBytes = both { $0.counters.gapBytes }
        facts.packets = both { $0.packets }
        facts.bytes = both { $0.counters.bytes }
        facts.ended = both { $0.ended }
        facts.acknowledged = both { $0.acknowledgedBytes }
        facts.conflicts = both { UInt32(truncatingIfNeeded: $0.assembler.conflicts) }
        return facts
    }

    /// One fact about each stream.
    @inline(__always)
    private func both<Value>(_ fact: (borrowing StreamState) -> Value) -> PerDirection<Value> {
        PerDirection(client: fact(streams[0]), server: fact(streams[1]))
    }

    /// The connection leaves the table: what is reported of it.
    mutating func close(_ context: AnalysisContext, _ reason: ConnectionEnd) -> ConnectionRecord {
        endConversation(context)
        return finalRecord(context, end: reason)
    }

    private func finalRecord(_ context: AnalysisContext, end: ConnectionEnd) -> ConnectionRecord {
        var record = ConnectionRecord(facts: facts(context))
        record.application = application
        record.startedMidstream = !sawSYN
        record.end =
            wasReset ? .rst : streams[0].ended == .fin && streams[1].ended == .fin ? .fin : end
        record.packets = streams[0].packets + streams[1].packets
        record.requests = requests
        record.exchanges = exchanges
        record.encrypted = application == .tls
        record.copyOf = copy.of
        record.copiesUnder = copy.seenUnder
        record.firstPayload = PerDirection(client: firstPayload[0], server: firstPayload[1])
        record.streams = both { $0.allCounters }
        if let remarks {
            record.firstBytes = remarks.firstBytes
            record.firstBytesUnknown = remarks.firstBytesUnknown
            record.guessedFrames = remarks.guessedFrames
            record.loneUpgradeOptions = remarks.loneUpgradeOptions
            record.firstLoneUpgradeOption = remarks.firstLoneUpgradeOption
            record.advertisements = remarks.advertisements
            record.firstAdvertisement = remarks.firstAdvertisement
            record.bareUpgrades = remarks.bareUpgrades
            record.firstBareUpgrade = remarks.firstBareUpgrade
            record.serverName = remarks.serverName
            record.protocols = remarks.protocols
            record.firstGap = remarks.firstGap
            record.firstDuplicate = remarks.firstDuplicate
        }
        if let digests {
            for direction in Direction.allCases { record.streams[direction].digest = digests.value(direction) }
        }
        if copy.of == nil {
            if streams[0].counters.bytes > 0, streams[1].packets == 0 { record.oneDirection = .client }
            if streams[1].counters.bytes > 0, streams[0].packets == 0 { record.oneDirection = .server }
        }
        return record
    }
}

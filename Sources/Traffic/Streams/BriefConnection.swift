// A connection that has gone, so far, as most short ones go: its packets are kept, and nothing is made of them yet.
//
// A busy server is asked for a million sessions that are over within a second, and they differ in nothing that anybody would
// want to know. To follow each in full, and to make an exchange of it, takes several times as long as to see that it is one of
// those. So what such a session may do is written down here, once, as narrowly as can be: a handshake whose two heads
// have known shapes (`HeadShapes`), frames with which nothing is wrong (`BriefFrames`), both Closes, both FINs; or a
// refusal of a known shape, and both FINs. Every byte comes once and in order, nothing is early, nothing takes long.
//
// Where a packet does anything else, nothing is looked at any more: packets are kept as long as there is room, to be read
// one behind the other when the connection ends, which is cheaper than to come back to it for each. Then, or when there is no
// room, it is unfolded: what was kept goes the way of all packets, in order and with the times it had, and the connection is
// followed in full from there on. Nothing is ever said of a brief connection that was not found out about one that was
// followed in full and has the same two heads (`FamiliarExchange`).

/// What decides whether a packet is what may come next on a brief connection.
///
/// Small, and what every packet asks comes first: of thousands of connections that take turns, each has to be fetched again.
struct BriefConnection {
    private enum Stage: UInt8 {
        case begun, answered, open, asked, switched, refused, odd
    }

    private var first = Timestamp(nanoseconds: 0)
    private(set) var last = Timestamp(nanoseconds: 0)
    /// Sequence numbers: the one that is due of each side, and up to which each side has received the other.
    private var due = [2 of UInt32](repeating: 0)
    private var received = [2 of UInt32](repeating: 0)
    /// The sequence number behind the head of the answer.
    private var answerEnd: UInt32 = 0
    /// How many packets are kept of it, and how many bytes of payload.
    private(set) var packets: UInt16 = 0
    private(set) var bytes: UInt16 = 0
    /// Where the packets lie that were kept first and last.
    let firstKept: KeptPackets.Location
    var lastKept: KeptPackets.Location
    private var hasEnded = [2 of Bool](repeating: false)
    private var stage = Stage.begun
    /// It was told of, and waits to leave the table.
    var isTold = false
    private var frames = [2 of BriefFrames](repeating: BriefFrames())
    /// The packets with the two heads, and the last one with payload.
    private var asked = PacketMark(packet: 0, time: Timestamp(nanoseconds: 0), acknowledged: nil)
    private var answered = Timestamp(nanoseconds: 0)
    private var lastData = Timestamp(nanoseconds: 0)
    private var requestShape: UInt32 = 0
    private var answerShape: UInt32 = 0
    private var status: UInt16 = 0
    private var targetSort: UInt8 = 0
    private var nonce = [24 of UInt8](repeating: 0)
    let id: UInt64
    let tunnels: [String]

    /// How long it may take, in nanoseconds: no rule of time speaks before (see `Thresholds` of the rules).
    private static var patience: Int64 { 1_000_000_000 }
    private static var mostPackets: Int { 48 }
    private static var mostBytes: Int { 3072 }

    /// Whether a connection may begin brief with that packet.
    static func mayBegin(_ segment: Segment) -> Bool {
        isWhole(segment) && segment.flags.contains(.syn) && segment.flags.isDisjoint(with: [.ack, .fin, .rst, .urg])
            && segment.payload.isEmpty && segment.source != segment.destination
    }

    /// Whether ceilings leave room for all that a brief connection may do.
    static func fits(_ limits: Limits) -> Bool {
        let bytes = Int64(mostBytes)
        return limits.headBytes >= mostBytes && limits.frameBytes >= bytes && limits.messageBytes >= bytes
            && limits.messageFragments >= mostPackets && limits.emptyFragments > 0 && limits.pendingBytes >= mostBytes
    }

    /// Begins with a SYN, which is kept there.
    init(_ segment: Segment, id: UInt64, _ mark: PacketMark, tunnels: [String], at location: KeptPackets.Location) {
        self.id = id
        self.tunnels = tunnels
        firstKept = location
        lastKept = location
        first = mark.time
        last = mark.time
        due[0] = segment.sequence &+ 1
        packets = 1
    }

    /// Both sides have ended.
    @inline(__always) var isClosed: Bool { hasEnded[0] && hasEnded[1] }
    /// So much time has passed that it is brief no more.
    @inline(__always)
    func isOverdue(at time: Timestamp) -> Bool { time.nanoseconds(since: first) >= Self.patience }

    /// Nothing of it lies elsewhere or is missing.
    @inline(__always)
    private static func isWhole(_ segment: Segment) -> Bool { segment.missing == 0 && !segment.isReassembled }

    /// Takes a packet; `false` when it cannot be kept.
    @inline(__always)
    mutating func take(
        _ segment: Segment, isClient: Bool, _ payload: Span<UInt8>, _ mark: PacketMark, _ context: AnalysisContext
    ) -> Bool {
        guard Self.isWhole(segment), mark.time >= last, !isOverdue(at: mark.time), Int(packets) < Self.mostPackets,
            Int(bytes) + payload.count <= Self.mostBytes, segment.flags.isDisjoint(with: [.rst, .urg])
        else { return false }
        if !isUsual(segment, isClient: isClient, payload, mark, context), !mayWait(segment, isClient: isClient) {
            return false
        }
        last = mark.time
        packets += 1
        bytes += UInt16(truncatingIfNeeded: payload.count)
        return true
    }

    /// Whether a packet that is not usual can wait until the connection ends.
    private mutating func mayWait(_ segment: Segment, isClient: Bool) -> Bool {
        guard !isTold, !segment.flags.contains(.syn) else { return false }
        stage = .odd
        if segment.flags.contains(.fin) { hasEnded[isClient ? 0 : 1] = true }
        return !isClosed
    }

    /// Whether a packet is what may come next.
    @inline(__always)
    private mutating func isUsual(
        _ segment: Segment, isClient: Bool, _ payload: Span<UInt8>, _ mark: PacketMark, _ context: AnalysisContext
    ) -> Bool {
        let side = isClient ? 0 : 1
        guard stage != .odd, segment.flags.contains(.ack) else { return false }
        guard !segment.flags.contains(.syn), stage != .begun else { return isAnswerToSYN(segment, isClient: isClient) }
        // In order, and acknowledging no less than before and no more than there was.
        guard segment.sequence == due[side], Int32(bitPattern: segment.acknowledgment &- received[side]) >= 0,
            Int32(bitPattern: due[1 - side] &- segment.acknowledgment) >= 0
        else { return false }
        if stage == .answered {
            guard isClient else { return false }
            stage = .open
        }
        if payload.count > 0 {
            guard !hasEnded[side], takePayload(segment, isClient: isClient, payload, mark, context) else {
                return false
            }
            lastData = mark.time
            due[side] = due[side] &+ UInt32(truncatingIfNeeded: payload.count)
        }
        if segment.flags.contains(.fin) {
            guard !hasEnded[side], stage == .refused || stage == .switched && frames[side].hasClosed else {
                return false
            }
            hasEnded[side] = true
            due[side] = due[side] &+ 1
        }
        received[side] = segment.acknowledgment
        return true
    }

    private mutating func isAnswerToSYN(_ segment: Segment, isClient: Bool) -> Bool {
        guard stage == .begun, !isClient, segment.flags.contains(.syn), !segment.flags.contains(.fin),
            segment.payload.isEmpty, segment.acknowledgment == due[0]
        else { return false }
        due[1] = segment.sequence &+ 1
        received = [due[1], due[0]]
        stage = .answered
        return true
    }

    private mutating func takePayload(
        _ segment: Segment, isClient: Bool, _ payload: Span<UInt8>, _ mark: PacketMark, _ context: AnalysisContext
    ) -> Bool {
        switch stage {
        case .open:
            guard isClient, let head = context.head.knownRequest(payload), head.length == payload.count,
                head.nonce.count == nonce.count
            else { return false }
            asked = mark
            requestShape = head.shape
            targetSort = context.output.sort(ofTarget: payload.extracting(head.target))
            for index in nonce.indices { nonce[index] = payload[head.nonce.lowerBound + index] }
            stage = .asked
            return true
        case .asked:
            // The whole request had been received.
            guard !isClient, segment.acknowledgment == due[0], let head = context.head.knownAnswer(payload) else {
                return false
            }
            answered = mark.time
            answerShape = head.shape
            answerEnd = segment.sequence &+ UInt32(head.length)
            status = head.status
            if status != 101 {
                stage = .refused
                return head.length + head.content == payload.count
            }
            stage = .switched
            return WebSocketAccept.isValue(payload.extracting(head.nonce), for: nonce.span)
                && frames[1].take(payload.extracting(head.length...), isClient: false)
        case .switched:
            // What a client says before it has the whole answer is early.
            if isClient, Int32(bitPattern: segment.acknowledgment &- answerEnd) < 0 { return false }
            return frames[isClient ? 0 : 1].take(payload, isClient: isClient)
        case .begun, .answered, .refused, .odd: return false
        }
    }

    /// The exchange it was, if it is over and was one that is like others.
    func exchange(of flow: Flow) -> FamiliarExchange? {
        guard isClosed, stage == .refused || stage == .switched else { return nil }
        return FamiliarExchange(
            key: ExchangeKey(capture: asked.capture, packet: asked.packet, direction: .client, offset: 0),
            connection: id, client: flow.one, server: flow.other, requestShape: requestShape, answerShape: answerShape,
            status: status, asked: asked.time, answered: answered, last: lastData, targetSort: targetSort, nonce: nonce)
    }
}

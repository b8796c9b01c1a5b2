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
/// A cache line, with all that every packet asks: of thousands of connections that take turns, each has to be fetched again.
/// What is said, and all that is asked at the end alone, is `BriefSession`.
struct BriefConnection {
    private enum Stage: UInt8 {
        case begun, answered, silent, spoken, odd
    }

    /// Which sides have sent their FIN, and whether it was told of.
    private struct End: OptionSet {
        let rawValue: UInt8
        static let both = End(rawValue: 3)
        static let told = End(rawValue: 4)
        @inline(__always)
        static func of(_ side: Int) -> End { End(rawValue: UInt8(truncatingIfNeeded: side + 1)) }
    }

    private let first: Timestamp
    private(set) var last: Timestamp
    /// Sequence numbers: the one that is due of each side, and up to which each side has received the other.
    private var due = [2 of UInt32](repeating: 0)
    private var received = [2 of UInt32](repeating: 0)
    /// Where the packets lie that were kept first and last.
    let firstKept: KeptPackets.Location
    var lastKept: KeptPackets.Location
    /// How many packets are kept of it, and how many bytes of payload.
    private var packets: UInt16 = 1
    private var bytes: UInt16 = 0
    /// Source and destination of its first packet, for a comparison at a glance; `none` where it is brief no more.
    var pair: PlainPair
    private var end = End()
    private var stage = Stage.begun

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
    init(_ segment: Segment, _ mark: PacketMark, at location: KeptPackets.Location) {
        firstKept = location
        lastKept = location
        first = mark.time
        last = mark.time
        pair = PlainPair(segment)
        due[0] = segment.sequence &+ 1
    }

    /// Both sides have ended.
    @inline(__always) var isClosed: Bool { end.isSuperset(of: .both) }
    /// They have, and it was not told of.
    @inline(__always) var isUntold: Bool { end == .both }
    /// It was told of, and waits to leave the table.
    @inline(__always) var isTold: Bool {
        get { end.contains(.told) }
        set { if newValue { end.insert(.told) } else { end.remove(.told) } }
    }
    /// All packets were what may come next, and its session says what was said.
    @inline(__always) var hasSession: Bool { stage == .spoken }
    /// So much time has passed that it is brief no more.
    @inline(__always)
    func isOverdue(at time: Timestamp) -> Bool { time.nanoseconds(since: first) >= Self.patience }

    /// Nothing of it lies elsewhere or is missing.
    @inline(__always)
    static func isWhole(_ segment: Segment) -> Bool { segment.missing == 0 && !segment.isReassembled }

    /// Takes a packet; `false` when it cannot be kept.
    ///
    /// `session` is its own once something was said.
    @inline(__always)
    mutating func take(
        _ segment: BriefSegment, _ payload: Span<UInt8>, _ mark: PacketMark,
        _ session: inout BriefSession, _ context: AnalysisContext
    ) -> Bool {
        guard mark.time >= last, !isOverdue(at: mark.time), Int(packets) < Self.mostPackets,
            Int(bytes) + payload.count <= Self.mostBytes, segment.flags.isDisjoint(with: [.rst, .urg])
        else { return false }
        if !isUsual(segment, payload, mark, &session, context), !mayWait(segment) { return false }
        last = mark.time
        packets += 1
        bytes += UInt16(truncatingIfNeeded: payload.count)
        return true
    }

    /// Whether a packet that is not usual can wait until the connection ends.
    private mutating func mayWait(_ segment: BriefSegment) -> Bool {
        guard !isTold, !segment.flags.contains(.syn) else { return false }
        stage = .odd
        if segment.flags.contains(.fin) { end.insert(.of(segment.side)) }
        return !isClosed
    }

    /// Whether a packet is what may come next.
    @inline(__always)
    private mutating func isUsual(
        _ segment: BriefSegment, _ payload: Span<UInt8>, _ mark: PacketMark,
        _ session: inout BriefSession, _ context: AnalysisContext
    ) -> Bool {
        let side = segment.side
        guard stage != .odd, segment.flags.contains(.ack) else { return false }
        guard !segment.flags.contains(.syn), stage != .begun else {
            return isAnswerToSYN(segment, payload)
        }
        // In order, and acknowledging no less than before and no more than there was.
        guard segment.sequence == due[side], Int32(bitPattern: segment.acknowledgment &- received[side]) >= 0,
            Int32(bitPattern: due[1 - side] &- segment.acknowledgment) >= 0
        else { return false }
        if stage == .answered {
            guard segment.isClient else { return false }
            stage = .silent
        }
        if payload.count > 0 {
            if stage == .silent {
                session = BriefSession()
                stage = .spoken
            }
            let hasReceivedAll = segment.acknowledgment == due[1 - side]
            guard end.isDisjoint(with: .of(side)),
                session.take(segment, hasReceivedAll: hasReceivedAll, payload, mark, context)
            else { return false }
            due[side] = due[side] &+ UInt32(truncatingIfNeeded: payload.count)
        }
        if segment.flags.contains(.fin) {
            guard end.isDisjoint(with: .of(side)), stage == .spoken, session.mayEnd(side) else { return false }
            end.insert(.of(side))
            due[side] = due[side] &+ 1
        }
        received[side] = segment.acknowledgment
        return true
    }

    private mutating func isAnswerToSYN(_ segment: BriefSegment, _ payload: Span<UInt8>) -> Bool {
        guard stage == .begun, !segment.isClient, segment.flags.contains(.syn), !segment.flags.contains(.fin),
            payload.count == 0, segment.acknowledgment == due[0]
        else { return false }
        due[1] = segment.sequence &+ 1
        received = [due[1], due[0]]
        stage = .answered
        return true
    }
}

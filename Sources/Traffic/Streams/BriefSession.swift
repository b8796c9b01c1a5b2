// What is said on a brief connection: one handshake and frames, or one refusal.
//
// See `BriefConnection`, which sees to the order in which it comes; here it is read, as far as it takes to see that
// nothing is odd.

/// What is said on a connection that is brief so far.
struct BriefSession {
    private enum Stage: UInt8 {
        case silent, asked, switched, refused
    }

    private var stage = Stage.silent
    private var status: UInt16 = 0
    /// The sequence number behind the head of the answer.
    private var answerEnd: UInt32 = 0
    private var frames = [2 of BriefFrames](repeating: BriefFrames())
    private var requestShape: UInt32 = 0
    private var answerShape: UInt32 = 0
    /// The packets with the two heads, and the last one with payload.
    private var asked = PacketMark(packet: 0, time: Timestamp(nanoseconds: 0), acknowledged: nil)
    private var answered = Timestamp(nanoseconds: 0)
    private var lastData = Timestamp(nanoseconds: 0)
    private var target = TargetNote(sort: 0, hash: 0)
    private var nonce = [24 of UInt8](repeating: 0)

    /// Takes the payload of a segment; `false` where it is not what may come next.
    ///
    /// `hasReceivedAll`: its sender had received all that the other side has sent.
    mutating func take(
        _ segment: BriefSegment, hasReceivedAll: Bool, _ payload: Span<UInt8>, _ mark: PacketMark,
        _ context: AnalysisContext
    ) -> Bool {
        let isClient = segment.isClient
        lastData = mark.time
        switch stage {
        case .switched:
            // What a client says before it has the whole answer is early.
            if isClient, Int32(bitPattern: segment.acknowledgment &- answerEnd) < 0 { return false }
            return frames[segment.side].take(payload, isClient: isClient)
        case .silent:
            guard isClient, let head = context.headCell.with({ $0.knownRequest(payload) }),
                head.length == payload.count,
                head.nonce.count == nonce.count
            else { return false }
            asked = mark
            requestShape = head.shape
            target = context.output.note(ofTarget: payload.extracting(head.target))
            for index in nonce.indices { nonce[index] = payload[head.nonce.lowerBound + index] }
            stage = .asked
            return true
        case .asked:
            guard !isClient, hasReceivedAll, let head = context.headCell.with({ $0.knownAnswer(payload) }) else {
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
            return WebSocketAccept.isValue(payload.extracting(head.nonce), for: nonce)
                && frames[1].take(payload.extracting(head.length...), isClient: false)
        case .refused: return false
        }
    }

    /// Whether a side may say that it is done.
    func mayEnd(_ side: Int) -> Bool { stage == .refused || stage == .switched && frames[side].hasClosed }

    /// The exchange it was, if it was one that is like others.
    @inline(__always)
    func exchange(of flow: Flow) -> FamiliarExchange? {
        guard stage == .refused || stage == .switched else { return nil }
        return FamiliarExchange(
            key: ExchangeKey(capture: asked.capture, packet: asked.packet, direction: .client, offset: 0),
            connection: flow.id, client: flow.one, server: flow.other, requestShape: requestShape,
            answerShape: answerShape, status: status, asked: asked.time, answered: answered, last: lastData,
            target: target, nonce: nonce)
    }
}

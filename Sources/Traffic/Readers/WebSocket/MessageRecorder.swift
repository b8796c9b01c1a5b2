// The messages of one direction, gathered for whoever asked to hear them.

internal import Ground

/// Gathers the messages of one direction for the tap.
final class MessageRecorder {
    private let context: AnalysisContext
    private let exchange: ExchangeKey
    private let limit: Int
    private var message: TranscriptMessage?
    /// A place was lost, and told of.
    private var isLost = false

    init(context: AnalysisContext, exchange: ExchangeKey) {
        self.context = context
        self.exchange = exchange
        limit = context.options.transcript.payloadBytes
    }

    deinit { context.budget.transcriptBytes -= message?.payload.count ?? 0 }

    /// How many of these bytes are kept; they count from now on.
    private func claim(_ count: Int) -> Int {
        let room = min(
            limit - (message?.payload.count ?? 0),
            context.options.transcript.totalBytes - context.budget.transcriptBytes)
        let taken = min(count, max(0, room))
        context.budget.transcriptBytes += taken
        return taken
    }

    /// A data frame begins; `place` is that of its header.
    func begin(_ opcode: UInt8, _ place: Place, length: Int64, isCompressed: Bool) {
        if opcode == 1 || opcode == 2 {
            flush()
            message = TranscriptMessage(direction: place.direction, opcode: opcode, place: place)
            message?.isCompressed = isCompressed
        }
        guard opcode <= 2, message != nil else { return }
        message?.fragmentCount += 1
        if let count = message?.fragments.count, count < TranscriptMessage.mostFragments {
            message?.fragments.append(length)
        }
    }

    /// Payload bytes as they are on the wire: `mask` fits the first of them.
    func take(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, mask: UInt32, isPlain: Bool) {
        guard message != nil else { return }
        message?.wireLength += Int64(end - start)
        guard isPlain else { return }
        message?.length += Int64(end - start)
        let room = claim(end - start)
        guard room > 0 else { return }
        if mask == 0 {
            message?.payload.append(bytes.extracting(start..<(start + room)))
            return
        }
        message?.payload.append(addingCapacity: room) { output in
            for index in 0..<room {
                let key = UInt8(truncatingIfNeeded: mask &>> (UInt32(truncatingIfNeeded: index) & 3 &* 8))
                output.append(bytes[start + index] ^ key)
            }
        }
    }

    /// Bytes that came out of the inflater.
    func takeInflated(_ bytes: Span<UInt8>) {
        guard message != nil else { return }
        message?.length += Int64(bytes.count)
        let room = claim(bytes.count)
        if room > 0 { message?.payload.append(bytes.extracting(0..<room)) }
    }

    /// The message does not inflate any further.
    func giveUp() { message?.isUnreadable = true }

    /// Payload bytes of the frame being read are missing.
    func miss(_ count: Int64) { message?.missing += count }

    /// The last frame of the message is whole.
    func end(at offset: Int64, _ mark: Arrival) {
        message?.isComplete = true
        extend(to: offset, mark)
        flush()
    }

    /// A frame of the message is whole, or as much of it as there will be.
    func extend(to offset: Int64, _ mark: Arrival) {
        guard let start = message?.place.offset else { return }
        message?.place.length = max(0, offset - start)
        message?.place.last = mark
    }

    /// A control frame is whole; of one that is longer than it may be, 125 bytes are known.
    func control(_ opcode: UInt8, _ payload: [UInt8], _ place: Place) {
        let length = Int64(payload.count)
        var frame = TranscriptMessage(direction: place.direction, opcode: opcode, place: place)
        frame.payload = payload
        frame.length = length
        frame.wireLength = length
        frame.isComplete = true
        frame.fragments = [length]
        frame.fragmentCount = 1
        context.output.receive(.said(frame, in: exchange))
    }

    /// Framing is lost.
    func lose(at place: Place) {
        guard !isLost else { return }
        isLost = true
        flush()
        context.output.receive(.lostTrack(at: place, in: exchange))
    }

    /// Tells of what was gathered.
    func flush() {
        guard let message else { return }
        self.message = nil
        context.budget.transcriptBytes -= message.payload.count
        context.output.receive(.said(message, in: exchange))
    }
}

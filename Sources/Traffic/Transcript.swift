// What is said, for whoever asked: the tap.
//
// An analyzer keeps counters of a session, never the session. Who wants to hear it (a recording that will be said again,
// a log of messages, a view that follows) asks for it in `AnalyzerOptions` and is told while the traffic is read: each
// WebSocket message once it is whole, and the bytes of both streams as they become due. Nothing is kept here but the
// message that is being read, up to a limit, and nothing is paid where nobody asked.

import Ground

/// What is told of the traffic while it is read, beyond exchanges and connections; nothing unless asked for.
public struct TranscriptOptions: Sendable, Equatable {
    /// Answers to offers, WebSocket messages and control frames (`AnalyzerOutput.answered`, `said`, `lostTrack`).
    public var messages = false
    /// Heads of requests (`AnalyzerOutput.requested`); comes with `streams` as well.
    public var requests = false
    /// Stream bytes of connections that speak HTTP (`AnalyzerOutput.requested`, `streamed`, `streamGap`).
    public var streams = false
    /// Heads of final answers, whatever was asked (`AnalyzerOutput.responded`); with `streams` also the bytes that a
    /// server sends where nothing was offered.
    public var answers = false
    /// Payload bytes kept of one message; what is longer is said to be cut.
    public var payloadBytes = 64 << 20
    /// Payload bytes kept of all messages that are being read, on all connections together.
    public var totalBytes = 512 << 20
    public init() {}
    /// Everything.
    public static var all: TranscriptOptions {
        var options = TranscriptOptions()
        options.messages = true
        options.streams = true
        options.answers = true
        return options
    }
}

/// One WebSocket message or control frame as it was said (RFC 6455 5).
public struct TranscriptMessage: Sendable, Equatable {
    public var direction: Direction
    /// Of its first frame: 1 text, 2 binary, 8 close, 9 ping, 10 pong.
    public var opcode: UInt8
    /// Unmasked and inflated, whole or its beginning (`isCut`).
    public var payload: [UInt8] = []
    /// Bytes of the whole payload, as far as they were seen.
    public var length: Int64 = 0
    /// Payload bytes on the wire, frame headers left out.
    public var wireLength: Int64 = 0
    /// Sent with RSV1 under permessage-deflate (RFC 7692 6).
    public var isCompressed = false
    /// Compressed, and could not be inflated to its end: `payload` is what came out until then.
    public var isUnreadable = false
    /// Its last frame came whole.
    public var isComplete = false
    /// Payload bytes on the wire of each of its frames, in order; at most `mostFragments` are kept.
    public var fragments: [Int64] = []
    public var fragmentCount = 0
    /// Payload bytes that are not in the capture.
    public var missing: Int64 = 0
    /// From the first byte of its first header to its last payload byte.
    public var place: Place

    /// How many sizes of fragments are kept.
    public static let mostFragments = 4096

    public init(direction: Direction, opcode: UInt8, place: Place) {
        self.direction = direction
        self.opcode = opcode
        self.place = place
    }

    /// Whether this is a close, ping or pong frame.
    public var isControl: Bool { opcode >= 8 }
    /// `payload` is only the beginning: it is longer than the limit.
    public var isCut: Bool { Int64(payload.count) < length }
    /// Every byte of it is known.
    public var isWhole: Bool { isComplete && !isCut && !isUnreadable && missing == 0 }
    /// The status code of a close frame; `nil` for another, or for one without a code.
    public var closeCode: UInt16? {
        opcode == 8 && payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil
    }
    /// The reason of a close frame.
    public var closeReason: ArraySlice<UInt8> { opcode == 8 ? payload.dropFirst(2) : [] }
}

extension AnalyzerOutput {
    /// The final answer to an offer was read: outcome and protocol are decided, nothing behind it was looked at yet.
    ///
    /// Asked for by `TranscriptOptions.messages`, like `said` and `lostTrack`, and by `AnalyzerOptions.tellsProgress`.
    public func answered(_ exchange: Exchange) {}
    /// A message or control frame was said; of one direction in order, of both as their last bytes came.
    ///
    /// One that never ended is told of when the exchange is over, before `finished`.
    public func said(_ message: TranscriptMessage, in exchange: ExchangeKey) {}
    /// From here on the frames of that direction are not known: bytes are missing, or it is not WebSocket.
    public func lostTrack(at place: Place, in exchange: ExchangeKey) {}
    /// The head of a request, whether it offers a switch or not.
    ///
    /// Asked for by `TranscriptOptions.requests` or `streams`.
    public func requested(_ head: MessageHead, connection: UInt64) {}
    /// The head of a final answer, to whatever request.
    ///
    /// Asked for by `TranscriptOptions.answers`.
    public func responded(_ head: MessageHead, connection: UInt64) {}
    /// Bytes of a stream, in order, each once; `isBehindOffer` once an exchange is open on the connection.
    ///
    /// Server bytes are told of only then, or with `TranscriptOptions.answers`. Asked for by `TranscriptOptions.streams`, like `streamGap`.
    public func streamed(
        _ bytes: Span<UInt8>, _ direction: Direction, offset: Int64, mark: PacketMark, connection: UInt64,
        isBehindOffer: Bool
    ) {}
    /// Bytes of a stream that are not in the capture.
    public func streamGap(_ place: Place, connection: UInt64) {}
}

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

    deinit { context.transcriptBytes -= message?.payload.count ?? 0 }

    /// How many of these bytes are kept; they count from now on.
    private func claim(_ count: Int) -> Int {
        let room = min(
            limit - (message?.payload.count ?? 0), context.options.transcript.totalBytes - context.transcriptBytes)
        let taken = min(count, max(0, room))
        context.transcriptBytes += taken
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
    func end(at offset: Int64, _ mark: PacketMark) {
        message?.isComplete = true
        extend(to: offset, mark)
        flush()
    }

    /// A frame of the message is whole, or as much of it as there will be.
    func extend(to offset: Int64, _ mark: PacketMark) {
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
        context.output.said(frame, in: exchange)
    }

    /// Framing is lost.
    func lose(at place: Place) {
        guard !isLost else { return }
        isLost = true
        flush()
        context.output.lostTrack(at: place, in: exchange)
    }

    /// Tells of what was gathered.
    func flush() {
        guard let message else { return }
        self.message = nil
        context.transcriptBytes -= message.payload.count
        context.output.said(message, in: exchange)
    }
}

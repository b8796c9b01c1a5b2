// What is said, for whoever asked: the tap.
//
// An analyzer keeps counters of a session, never the session. Who wants to hear it (a recording that will be said again,
// a log of messages, a view that follows) asks for it in `AnalyzerOptions` and is told while the traffic is read: each
// WebSocket message once it is whole, and the bytes of both streams as they become due. Nothing is kept here but the
// message that is being read, up to a limit, and nothing is paid where nobody asked.

/// What is reported of the traffic while it is read, beyond exchanges and connections; nothing unless asked for.
public struct TranscriptOptions: Sendable, Equatable {
    /// Answers to offers, WebSocket messages and control frames (`AnalyzerEvent.answered`, `said`, `lostTrack`).
    public var messages = false
    /// Heads of requests (`AnalyzerEvent.requested`); comes with `streams` as well.
    public var requests = false
    /// Stream bytes of connections that speak HTTP (`AnalyzerEvent.requested`, `streamed`, `streamGap`).
    public var streams = false
    /// Heads of final answers, whatever was asked (`AnalyzerEvent.responded`); with `streams` also the bytes that a
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

// What an analyzer reports while it reads: one method, one list of events.
//
// An observer switches over all cases and has no `default`. So a new event is a compile error wherever it is not
// decided yet what to do with it, and whoever forwards events hands the whole value on and cannot forget one.

/// Is given every event of an analyzer, in the order in which things happened.
///
/// The event is handed over: an exchange is large, and changes hands without a copy.
public protocol AnalyzerObserver: AnyObject {
    func receive(_ event: consuming AnalyzerEvent)
}

/// Something the analyzer found.
///
/// Only `finished` and `ended` always come; for each other event it says which option asks for it.
public enum AnalyzerEvent: ~Escapable {
    /// The request of an exchange was read.
    ///
    /// Asked for by `AnalyzerOptions.tellsProgress`.
    case began(Exchange)
    /// The final answer to an offer was read: outcome and protocol are decided, nothing after it was looked at yet.
    ///
    /// Asked for by `TranscriptOptions.messages` and by `AnalyzerOptions.tellsProgress`.
    case answered(Exchange)
    /// What is said after the switch shows a fault of form that it had not shown before: the exchange as it is now,
    /// with its anomalies. Not reported for what travels in a tunnel.
    ///
    /// Asked for by `AnalyzerOptions.tellsProgress`.
    case faulted(Exchange)
    /// An exchange is finished; nothing will be added to it.
    case finished(Exchange)
    /// A connection ended, or the capture did.
    case ended(ConnectionRecord)
    /// A request that offers nothing, of a client that may have been asked to use TLS shortly before (426).
    ///
    /// Asked for by `AnalyzerOptions.demandSeconds`: how long after the 426 such requests are reported.
    case askedPlainly(MessageHead, on: ConnectionFacts)
    /// A message or control frame: of one direction in order, of both as their last bytes came. One that never ended
    /// is reported when the exchange is over, before `finished`.
    ///
    /// Asked for by `TranscriptOptions.messages`.
    case said(TranscriptMessage, in: ExchangeKey)
    /// From this place on the frames of that direction are not known: bytes are missing, or it is not WebSocket.
    ///
    /// Asked for by `TranscriptOptions.messages`.
    case lostTrack(at: Place, in: ExchangeKey)
    /// The head of a request, whether it offers a switch or not.
    ///
    /// Asked for by `TranscriptOptions.requests` or `streams`.
    case requested(MessageHead, connection: UInt64)
    /// The head of a final answer, to whatever request.
    ///
    /// Asked for by `TranscriptOptions.answers`.
    case responded(MessageHead, connection: UInt64)
    /// Bytes of a stream, in order, each once. Server bytes are reported once an exchange is open on the connection,
    /// or with `TranscriptOptions.answers`.
    ///
    /// Asked for by `TranscriptOptions.streams`.
    case streamed(StreamedBytes)
    /// Bytes of a stream that are not in the capture.
    ///
    /// Asked for by `TranscriptOptions.streams`.
    case streamGap(Place, connection: UInt64)
}

/// Bytes of a stream as they are delivered; they are there as long as the event is.
public struct StreamedBytes: ~Escapable {
    public let bytes: Span<UInt8>
    public let direction: Direction
    /// Where they lie in the stream.
    public let offset: Int64
    /// The packet that first carried them.
    public let mark: Arrival
    public let connection: UInt64
    /// An exchange is open on the connection.
    public let isBehindOffer: Bool

    @_lifetime(copy bytes)
    init(
        _ bytes: Span<UInt8>, _ direction: Direction, offset: Int64, mark: Arrival, connection: UInt64,
        isBehindOffer: Bool
    ) {
        self.bytes = bytes
        self.direction = direction
        self.offset = offset
        self.mark = mark
        self.connection = connection
        self.isBehindOffer = isBehindOffer
    }
}

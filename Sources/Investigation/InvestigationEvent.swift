// What an investigation reports while it reads: one method, one list of events, as the analyzer's.

public import Inspection
public import Traffic

/// Is given every event of an investigation, in the order in which things happened.
///
/// Of several jobs only the first reports.
public protocol InvestigationObserver: AnyObject {
    func receive(_ event: InvestigationEvent)
}

/// What an investigation reports while it reads.
public enum InvestigationEvent {
    /// The reading begins; so many captures come.
    case started(captures: Int)
    /// An input cannot be read at all.
    case unreadable(CaptureError)
    /// An input can be read only once, so that there is one job and not several.
    case undivided
    /// The request of an exchange was read.
    ///
    /// Asked for by `AnalyzerOptions.tellsProgress`, like `decided`.
    case began(Exchange)
    /// It was answered, or has shown another fault since; the findings are those that will still be true at its end.
    ///
    /// Asked for by `JudgeOptions.judgesEarly` as well.
    case decided(Exchange, Judgement)
    /// A message or control frame.
    ///
    /// Asked for by `TranscriptOptions.messages`.
    case said(TranscriptMessage, in: ExchangeKey)
    case finished(Exchange, Judgement)
    case ended(ConnectionRecord, findings: [Finding])
    /// A batch of packets was read: whoever follows wants to see what came of it.
    case batchRead(ReadingProgress)
    /// A capture was read as far as it can be.
    case read(CaptureDescription)
    /// Everything was read.
    case reported(Report)
}

/// How far the reading is.
public struct ReadingProgress: Sendable {
    /// Of the inputs, as they lie on the disk.
    public var bytes: Int64
    public var packets: UInt64
    public var exchanges: UInt64

    public init(bytes: Int64, packets: UInt64, exchanges: UInt64) {
        self.bytes = bytes
        self.packets = packets
        self.exchanges = exchanges
    }
}

// An exchange that is like one that was told of in full, as far as anything that was found there goes.
//
// Both heads have the shapes of that one's, the status is the same, and what came before, between and behind them is what
// nearly always comes: whole and in order, nothing early, frames without a fault, an orderly end, all of it within a second.
// `BriefConnection` sees to that.

/// What differs from one such exchange to another.
public struct FamiliarExchange: ~Copyable {
    public let key: ExchangeKey
    /// As `ConnectionFacts.id`.
    public let connection: UInt64
    public let client: Endpoint
    public let server: Endpoint
    /// `MessageHead.shape` of request and response.
    public let requestShape: UInt32
    public let answerShape: UInt32
    /// 101, or from 400 on.
    public let status: UInt16
    /// The packets with the two heads, and the last one with payload.
    public let asked: Timestamp
    public let answered: Timestamp
    public let last: Timestamp
    /// What `AnalyzerOutput.note(ofTarget:)` said of the request's target.
    public let target: TargetNote
    /// Its Sec-WebSocket-Key.
    public let nonce: [24 of UInt8]
}

/// What is kept of the target of a request.
public struct TargetNote: Sendable, BitwiseCopyable {
    /// What of it tells exchanges apart that are otherwise alike: two targets of which the same is said make no difference.
    public let sort: UInt8
    /// Stands for its text.
    public let hash: UInt64

    public init(sort: UInt8, hash: UInt64) {
        self.sort = sort
        self.hash = hash
    }
}

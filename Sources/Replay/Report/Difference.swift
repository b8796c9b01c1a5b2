// One thing that is not as it was recorded.

public import Traffic

/// A difference between a recording and what the live peer said.
public struct Difference: Sendable, Equatable {
    /// The words of the report.
    public enum Kind: String, Sendable, CaseIterable {
        case status, header, subprotocol
        case `extension`
        case messageMissing = "message-missing"
        case messageExtra = "message-extra"
        case messageChanged = "message-changed"
        case messageReordered = "message-reordered"
        case close, outcome, latency
    }

    public var kind: Kind
    /// Where, in words: "header server", "server message 3, /user/name", "close".
    public var at: String
    /// What was recorded and what came, as text for people; `nil` where there was nothing.
    ///
    /// Not escaped, at most a few hundred characters.
    public var recorded: String?
    public var live: String?
    /// The packet of the recording that this is about.
    public var packet: Arrival?
    /// Nanoseconds from the beginning of the replayed exchange to what came; `nil` where nothing did.
    public var liveTime: Int64?

    public init(
        _ kind: Kind, at: String, recorded: String?, live: String?, packet: Arrival? = nil, liveTime: Int64? = nil
    ) {
        self.kind = kind
        self.at = at
        self.recorded = recorded
        self.live = live
        self.packet = packet
        self.liveTime = liveTime
    }
}

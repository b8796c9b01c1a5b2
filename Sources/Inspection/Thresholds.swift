// Where a rule has to draw a line that no text draws: in one place, by name.

/// Times and sizes from which on a rule speaks.
public struct Thresholds: Sendable {
    /// Seconds a peer may take to answer Close (WSF013).
    public var closeAnswer = 5
    /// Seconds a server may keep the connection behind both Closes (WSF015).
    public var closeLinger = 5
    /// Seconds a Pong may take (WSF016).
    public var pongAnswer = 10
    /// Seconds of silence that proxies end (WSF017).
    public var idle = 55
    /// Seconds after which somebody who goes on has not noticed a fault (WSF019).
    public var faultReaction = 2
    /// Seconds a server may take to answer the upgraded request (H2C007).
    public var upgradedAnswer = 30

    public init() {}

    /// Sets a threshold by the name used on the command line; `false` for an unknown name.
    public mutating func set(_ name: String, to value: Int) -> Bool {
        guard value > 0, let path = Self.names[name] else { return false }
        self[keyPath: path] = value
        return true
    }

    /// Names for `--limits`.
    public static var names: [String: any WritableKeyPath<Thresholds, Int> & Sendable] {
        [
            "close-answer-seconds": \.closeAnswer, "close-linger-seconds": \.closeLinger,
            "pong-seconds": \.pongAnswer, "idle-seconds": \.idle, "fault-reaction-seconds": \.faultReaction,
            "upgraded-answer-seconds": \.upgradedAnswer,
        ]
    }
}

extension Int {
    /// Seconds as nanoseconds.
    var seconds: Int64 { Int64(self).multipliedReportingOverflow(by: 1_000_000_000).partialValue }
}

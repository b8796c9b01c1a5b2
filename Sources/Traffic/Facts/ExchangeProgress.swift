// How far an exchange has come that is not over: read from the counters of its reader when somebody asks, so that
// nobody pays for it who does not.

/// What an exchange that is still open has carried so far.
public struct ExchangeProgress: Sendable {
    public var key: ExchangeKey
    /// Bytes after the switch.
    public var bytes = PerDirection<Int64>(both: 0)
    /// Messages begun and ended after the switch; `nil` where the protocol has none that are counted.
    public var messages: PerDirection<UInt64>?
    /// The last packet that carried something of it.
    public var last: Arrival
}

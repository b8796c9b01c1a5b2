// How far an exchange has come that is not over: read from the counters of its decoder when somebody asks, so that
// nobody pays for it who does not.

/// What an exchange that is still open has carried so far.
public struct ExchangeProgress: Sendable {
    public var key: ExchangeKey
    /// Bytes behind the switch.
    public var bytes = PerDirection<Int64>(both: 0)
    /// Messages begun and ended behind the switch; `nil` where the protocol has none that are counted.
    public var messages: PerDirection<UInt64>?
    /// The last packet that carried something of it.
    public var last: PacketMark
}

extension ConversationState {
    func forEachOpen(_ body: (ExchangeProgress) -> Void) {
        for one in open {
            var progress = ExchangeProgress(key: one.exchange.key, last: one.exchange.lastMark)
            if switched == one.number {
                for direction in Direction.allCases {
                    progress.bytes[direction] = switchedStreams[direction.index].bytes
                    guard let last = switchedStreams[direction.index].last, progress.last.precedes(last) else {
                        continue
                    }
                    progress.last = last
                }
                progress.messages = decoder?.messages
            }
            body(progress)
            if switched == one.number { decoder?.forEachOpenInside(body) }
        }
    }
}

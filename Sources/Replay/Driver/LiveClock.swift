// Times of live packets: a wall clock that was read once, and a steady clock from there on.

import NIOCore
public import Traffic

/// Gives the time of day without ever going back.
public struct LiveClock: Sendable {
    private let start: Timestamp
    private let origin: NIODeadline

    /// `start` is the time of day at this moment.
    public init(start: Timestamp) {
        self.start = start
        origin = .now()
    }

    public var now: Timestamp { start.adding((NIODeadline.now() - origin).nanoseconds) }

    /// The steady clock's time for a time of day.
    func deadline(_ time: Timestamp) -> NIODeadline { origin + .nanoseconds(time.nanoseconds(since: start)) }
}

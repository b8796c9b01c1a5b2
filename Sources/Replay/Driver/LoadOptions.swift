// How many sessions, and when each begins.

/// The shape of a load; by default each session once, one after another.
public struct LoadOptions: Sendable {
    /// Sessions at the same time.
    public var concurrency = 1
    /// How often each session is said.
    public var repeats = 1
    /// Sessions begun in a second, whatever became of those before; `nil` for as fast as `concurrency` allows.
    public var rate: Double?
    /// Nanoseconds until the full concurrency or rate is reached.
    public var ramp: Int64 = 0
    /// The most sessions open at once with a rate.
    public var mostOpen = 10_000
    /// What the user asked for is a load, not one comparison after the other.
    public var isLoad: Bool { concurrency > 1 || repeats > 1 || rate != nil }

    public init() {}

    /// Nanoseconds from the beginning at which session `index` is due, by the rate.
    ///
    /// During the ramp the rate grows evenly from nothing: by the time t, rate · t² / (2 · ramp) have begun.
    func due(_ index: Int, rate: Double) -> Int64 {
        let ramp = Double(self.ramp) / 1e9
        let inRamp = rate * ramp / 2
        let seconds =
            Double(index) < inRamp
            ? (2 * ramp * Double(index) / rate).squareRoot() : ramp + (Double(index) - inRamp) / rate
        return Int64(seconds * 1e9)
    }
}

/// How far a replay is.
public struct ReplayProgress: Sendable {
    public var total: Int
    public var started: Int
    public var finished: Int
    public var open: Int
    public var verdicts: [Verdict: Int]
    /// Sessions finished a second, since the beginning.
    public var rate: Double
}

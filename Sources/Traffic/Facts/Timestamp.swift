// Moments, as the clock of a capture had them.

/// A moment: nanoseconds since 1970-01-01T00:00:00Z, as the capture's clock had it.
public struct Timestamp: Sendable, Hashable, Comparable, BitwiseCopyable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// So many seconds later.
    func advanced(bySeconds seconds: Int) -> Timestamp {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(Int64(seconds) &* 1_000_000_000)
        return Timestamp(nanoseconds: overflow ? .max : sum)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }
    /// Nanoseconds from `earlier` to `self`; negative when the clock ran backwards.
    public func nanoseconds(since earlier: Timestamp) -> Int64 {
        let (difference, overflow) = nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        return overflow ? (nanoseconds > earlier.nanoseconds ? .max : .min) : difference
    }
}

// What may be held by all connections together, and what is held now. A limit that was hit is a fact in the report.

/// The ceilings of one analyzer, and how far they are used up; never shared by two threads.
final class Budget {
    let limits: SharedLimits
    /// What all connections hold out of order, as `HeldSegment.cost` counts it.
    var heldBytes = 0
    /// What all conversations keep: see `KeptBytes`.
    var pendingBytes = 0
    let totalPendingBytes: Int
    let inflaterMemory: InflaterMemory
    /// Payload of messages that are being read for the transcript.
    var transcriptBytes = 0
    /// Limits that were hit, and how often.
    private(set) var limitsHit: [String: UInt64] = [:]

    init(_ limits: Limits, of shard: Shard) {
        self.limits = SharedLimits(limits)
        totalPendingBytes = shard.share(of: limits.totalPendingBytes)
        inflaterMemory = InflaterMemory(limit: shard.share(of: limits.totalInflatingBytes))
    }

    /// A limit cut something short.
    func hit(_ limit: String) { limitsHit[limit, default: 0] += 1 }
}

/// What the inflaters of all sessions take together, and how much that may be (`Limits.totalInflatingBytes`).
final class InflaterMemory {
    private(set) var bytes = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    var isFull: Bool { bytes >= limit }
    func take(_ count: Int) { bytes += count }
}

// What an analyzer is asked for.

/// What to look at, and how much to hold.
public struct AnalyzerOptions: Sendable {
    public var limits = Limits()
    /// Which copy of overlapping bytes that were not delivered yet is believed.
    public enum Overlap: Sendable { case first, last }
    public var overlap = Overlap.first
    /// Every connection is followed to its end and told of, whatever it carries (`--connections`).
    public var allConnections = false
    /// SHA-256 of each stream's contiguous bytes (`--stream-digests`).
    public var streamDigests = false
    /// Exchanges are reported when they begin (`began`) and are decided (`answered`) as well, not only at their end.
    public var tellsProgress = false
    /// How long a client's plain requests are reported (`askedPlainly`) after it was asked to use TLS.
    public var demandSeconds = 60
    /// After each packet `Analyzer.lastOwner` says whose it was.
    public var tellsOwners = false
    /// What is said, told while it is read.
    public var transcript = TranscriptOptions()
    /// The part of the traffic that is this analyzer's.
    public var shard = Shard.all
    public init() {}
}

/// A part of the traffic: the flows whose addresses say so.
///
/// Analyzers of all parts, each given all packets, find together what one alone would, as long as no ceiling on all
/// connections together is hit.
public struct Shard: Sendable, Equatable {
    public var index: UInt32
    public var count: UInt32

    public init(index: Int, count: Int) {
        self.count = UInt32(clamping: max(1, count))
        self.index = UInt32(clamping: max(0, index)) % self.count
    }

    /// Everything.
    public static let all = Shard(index: 0, count: 1)

    /// What is no flow, such as a packet that is not TCP, is counted by the first alone.
    var isFirst: Bool { index == 0 }

    /// A ceiling on all connections together, divided.
    func share(of limit: Int) -> Int { max(1, limit / Int(count) + (limit % Int(count) > 0 ? 1 : 0)) }
}

// The door of this module: packets in, exchanges and connections out.

/// Who is told what the analyzer found, while it reads.
public protocol AnalyzerOutput: AnyObject {
    /// An exchange is finished; nothing will be added to it.
    func finished(_ exchange: Exchange)
    /// A connection ended (or the capture did).
    func ended(_ connection: ConnectionRecord)
}

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
    public init() {}
}

/// Puts packets together into connections, connections into exchanges.
public struct Analyzer: ~Copyable {
    public private(set) var counters = TrafficCounters()
    let output: any AnalyzerOutput
    let options: AnalyzerOptions

    public init(options: AnalyzerOptions = AnalyzerOptions(), output: any AnalyzerOutput) {
        self.options = options
        self.output = output
    }

    /// Takes one packet; `bytes` are the packet's captured bytes.
    public mutating func receive(_ packet: CapturedPacket, capture: UInt16, bytes: Span<UInt8>) {
        counters.packets += 1
    }

    /// The input is over: everything still open is told of.
    public mutating func finish() {}
}

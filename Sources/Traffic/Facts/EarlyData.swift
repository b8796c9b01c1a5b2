// Bytes that were sent before their sender could know the answer: section D of the rule catalogue.

/// How sure "before the answer" is: the verdicts of section D of the rule catalogue.
public enum EarlyVerdict: UInt8, Sendable, CaseIterable {
    case none, proven, partial, order, timing, undetermined
    public var name: String { "\(self)" }
}

/// Client bytes after the request that were sent before its answer had been received.
public struct EarlyData: Sendable {
    public var verdict: EarlyVerdict = .none
    /// Why the verdict could not be reached, in a few words; empty when it was.
    public var missing: String = ""
    /// How many client bytes were early.
    public var clientBytes: Int64 = 0
    /// How many of them the server's TCP had already acknowledged when it answered; `nil` when unknown.
    public var atServerBytes: Int64?
    /// Where the early bytes lie.
    ///
    /// Meaningful unless the verdict is `.none`.
    public var place: Place
    /// What the sender of the first early byte had received of the server's stream.
    public var acknowledged: Int64?
    /// Stream offsets of the final response head: its first byte and the byte after it.
    public var responseStart: Int64?
    public var responseEnd: Int64?
    public var looksLike: Likeness = .unknown
    /// The first bytes, at most 256.
    public var excerpt: [UInt8] = []
    /// Stray CR LF only: a note, not early data.
    public var onlyLineEnds = false
    /// Early bytes that parsed as a request and were answered (RFC 9931 4.1).
    public var answer: EarlyAnswer?

    public init(place: Place) { self.place = place }
}

/// A response that the server made out of early bytes.
public struct EarlyAnswer: Sendable {
    public var status: UInt16
    public var place: Place
    /// The request line that was found in the early bytes; empty when they parsed as none.
    public var requestLine: [UInt8]
    public init(status: UInt16, place: Place, requestLine: [UInt8]) {
        self.status = status
        self.place = place
        self.requestLine = requestLine
    }
}

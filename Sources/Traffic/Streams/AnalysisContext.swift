// What all streams of one analyzer share, in parts: each reader takes the part that it needs.

/// Shared by the connections of one analyzer; never by two threads.
final class AnalysisContext {
    let options: AnalyzerOptions
    /// What may be held, and what is.
    let budget: Budget
    /// Who is told what was found.
    let output: any AnalyzerObserver
    /// Makes the reader of a stream that may carry exchanges from its first byte on.
    let makeReader: ReaderFactory
    /// The time of the last packet read.
    var now = Timestamp(nanoseconds: 0)

    /// The connection, the stream, whether its beginning was missed, and where it is carried.
    typealias ReaderFactory = (AnalysisContext, ConnectionFacts, StreamID, Bool, Enclosure?) -> any ExchangeReader

    init(options: AnalyzerOptions, output: any AnalyzerObserver, makeReader: @escaping ReaderFactory) {
        self.options = options
        budget = Budget(options.limits, of: options.shard)
        self.output = output
        self.makeReader = makeReader
    }

    /// A limit cut something short.
    func hit(_ limit: String) { budget.hit(limit) }
}

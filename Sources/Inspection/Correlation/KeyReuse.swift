// WS003: one Sec-WebSocket-Key on several connections.
//
// A proxy passes the key on, so the same key in front of it and behind it is one use. The two hops go to
// different servers, one lies inside the other in time, and either the proxy's address or what it adds to the
// request links them; where neither does, a proxy that hides itself is possible and the finding is inferred.
// The same four addresses and ports at nearly the same time are one connection seen twice, and so are those of which an
// address translator on the way has changed one side: the client's address and port, or its port and the server, stay.

import Ground
import Traffic

enum KeyReuse {
    /// How far back the other hop is looked for.
    private static let hopWindow = 32
    /// Captures with several queues put packets this far out of order.
    private static let disorder: Int64 = 1_000_000

    private enum Kinship { case none, possible, same }

    static func found(in summaries: [ExchangeSummary], _ thresholds: Thresholds) -> [Suspicion] {
        var suspicions: [Suspicion] = []
        summaries.forEachRun(where: { $0.nonce != 0 }, by: \.nonce) { run in
            if let suspicion = judge(run, hopTime: thresholds.hopDelay.seconds) { suspicions.append(suspicion) }
        }
        return suspicions
    }

    private static func judge(_ run: [ExchangeSummary], hopTime: Int64) -> Suspicion? {
        guard let first = run.first else { return nil }
        // Each use once, with the connection of its first hop.
        var connections: Set<UInt64> = [first.connection]
        var uses: [ExchangeSummary] = [first]
        var isInferred = false
        for index in run.indices.dropFirst() {
            let summary = run[index]
            guard connections.insert(summary.connection).inserted else { continue }
            var kinship = Kinship.none
            for other in run[max(0, index - hopWindow)..<index].reversed() {
                let isNear = summary.asked.nanoseconds(since: other.asked) <= hopTime
                let found = isNear ? Self.kinship(other, summary) : Self.distantKinship(other, summary)
                if found == .same {
                    kinship = .same
                    break
                }
                if found == .possible { kinship = .possible }
            }
            if kinship == .same { continue }
            // One use that cannot be a hop settles it.
            if uses.count == 1 { isInferred = kinship == .possible }
            if kinship == .none { isInferred = false }
            uses.append(summary)
        }
        guard uses.count > 1 else { return nil }
        let isSample = first.traits.contains(.sampleKey)
        let second = uses[1]
        let gap = DurationText.plain(second.asked.nanoseconds(since: first.asked))
        let more = uses.count - 2
        let rest = more > 0 ? "; \(Words.count(Int64(more), "later connection")) used it too" : ""
        let sample = isSample ? " It is the key of the examples in RFC 6455, which test tools send." : ""
        return Suspicion(
            rule: "WS003", at: second, earlier: [first], certainty: isInferred ? .inferred : .proven,
            level: isSample ? .note : nil, count: uses.count - 1,
            message: "\(second.client) sent \(second.server) a Sec-WebSocket-Key that \(first.client) had sent to "
                + "\(first.server) \(gap) before\(rest).\(sample)")
    }

    private static func kinship(_ left: ExchangeSummary, _ right: ExchangeSummary) -> Kinship {
        if left.client == right.client, left.server == right.server { return .same }
        // Where an answer was not captured, the order of asking is all there is.
        let bothAnswered = left.traits.contains(.answered) && right.traits.contains(.answered)
        let outer = isEarlier(left.asked, right.asked) && (isEarlier(right.answered, left.answered) || !bothAnswered)
        let inner = isEarlier(right.asked, left.asked) && (isEarlier(left.answered, right.answered) || !bothAnswered)
        guard outer || inner else { return shareClock(left, right) ? .none : .possible }
        if left.client == right.client { return .same }
        if left.server == right.server { return left.client.port == right.client.port ? .same : .possible }
        if outer, isLinked(outer: left, inner: right) { return .same }
        if inner, isLinked(outer: right, inner: left) { return .same }
        return .possible
    }

    /// The same, of two that are too far from each other in time to be hops of one use.
    ///
    /// One connection that was captured twice looks like two where the clocks of both captures differ.
    private static func distantKinship(_ left: ExchangeSummary, _ right: ExchangeSummary) -> Kinship {
        left.client == right.client && left.server == right.server ? .possible : .none
    }

    /// Times of one capture say what came first; those of two may be of two clocks.
    private static func shareClock(_ left: ExchangeSummary, _ right: ExchangeSummary) -> Bool {
        left.key.capture == right.key.capture
    }

    private static func isEarlier(_ one: Timestamp, _ other: Timestamp) -> Bool {
        one.nanoseconds(since: other) <= disorder
    }

    private static func isLinked(outer: ExchangeSummary, inner: ExchangeSummary) -> Bool {
        outer.server.address == inner.client.address || outer.forwardingLines < inner.forwardingLines
    }
}

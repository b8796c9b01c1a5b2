// WS016: a client that comes back again and again at once after each failure (RFC 6455 7.2.3).
//
// Five returns within ten seconds, each after an abnormal end, and no growth between them: the longest interval
// is less than twice the shortest, or all are so short that nothing can have been waited for. Users behind one
// address are told apart by User-Agent and Cookie.

import Ground
import Traffic

struct ReconnectStorm {
    private let returns: Int
    private let window: Int64
    private(set) var suspicions: [Suspicion] = []

    private static let meanInterval: Int64 = 1_000_000_000
    /// Below this there is no delay, only the network.
    private static let noDelay: Int64 = 100_000_000

    init(_ summaries: [ExchangeSummary], _ thresholds: Thresholds) {
        returns = thresholds.reconnects
        window = thresholds.reconnectWindow.seconds
        summaries.forEachRun(
            where: { $0.traits.contains(.webSocket) },
            by: { ClientAndText(client: $0.client.address, text: $0.resource ^ $0.visitor &* 3) }
        ) { run in
            var start = 0
            for end in run.indices {
                // The chain is broken where the one before ended well, or had not ended.
                if end > start, !follows(run[end - 1], run[end]) {
                    judge(run[start..<end])
                    start = end
                }
            }
            judge(run[start...])
        }
    }

    private func follows(_ before: ExchangeSummary, _ after: ExchangeSummary) -> Bool {
        before.traits.contains(.abnormalEnd) && before.ended <= after.asked && before.key != after.key
            && after.asked.nanoseconds(since: before.asked) <= window
    }

    /// The first storm of a chain is told, with how long it went on.
    private mutating func judge(_ chain: ArraySlice<ExchangeSummary>) {
        guard chain.count > returns else { return }
        var start = chain.startIndex
        while start + returns < chain.endIndex {
            guard isStorm(chain[start...(start + returns)]) else {
                start += 1
                continue
            }
            var end = start + returns
            while end + 1 < chain.endIndex, isStorm(chain[(end + 1 - returns)...(end + 1)]) { end += 1 }
            let (first, last) = (chain[start], chain[end])
            let times = end - start
            suspicions.append(
                Suspicion(
                    rule: "WS016", at: last, earlier: Array(chain[start..<end]), count: times,
                    message: "\(last.client.address) connected again \(times) times in "
                        + "\(DurationText.plain(last.asked.nanoseconds(since: first.asked))), each time right after an abnormal end, without "
                        + "growing delays."))
            start = end + 1
        }
    }

    private func isStorm(_ run: ArraySlice<ExchangeSummary>) -> Bool {
        guard let first = run.first, let last = run.last else { return false }
        let span = last.asked.nanoseconds(since: first.asked)
        guard span <= window, span < Self.meanInterval * Int64(run.count - 1) else { return false }
        let intervals = zip(run, run.dropFirst()).map { $1.asked.nanoseconds(since: $0.asked) }
        guard let least = intervals.min(), let most = intervals.max() else { return false }
        return most < Self.noDelay || most < 2 * least
    }
}

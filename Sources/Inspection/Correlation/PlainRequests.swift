// Requests that offer nothing, of clients that may have been asked to use TLS: what an ignored demand is seen by.
//
// They are no exchanges, so the bytes to show are kept here. The table is bounded as that of the exchanges is: those
// that were asked first stay, whatever came first.

import Traffic

struct PlainRequests {
    struct Entry {
        let summary: ExchangeSummary
        let place: Place
        /// The start of its head, at most 1024 bytes.
        let head: [UInt8]
    }

    private let limit: Int
    private(set) var entries: [Entry] = []
    private(set) var leftOut: UInt64 = 0

    init(limit: Int) { self.limit = limit }

    mutating func add(_ request: MessageHead, on connection: ConnectionFacts) {
        let summary = ExchangeSummary(plain: request, on: connection)
        entries.append(Entry(summary: summary, place: request.place, head: Array(request.bytes.prefix(1024))))
        if entries.count >= limit + limit / 2 { trim() }
    }

    mutating func absorb(_ other: PlainRequests) {
        leftOut += other.leftOut
        entries += other.entries
        trim()
    }

    mutating func trim() {
        guard entries.count > limit else { return }
        leftOut += UInt64(entries.count - limit)
        entries.sort { $0.summary.key < $1.summary.key }
        entries.removeLast(entries.count - limit)
    }

    func entry(_ key: ExchangeKey) -> Entry? { entries.first { $0.summary.key == key } }
}

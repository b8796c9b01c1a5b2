// One stage after all reading: exchanges are compared with each other.
//
// Each finished exchange leaves a summary here, in any order. The table is bounded: it keeps those that were asked
// first, whatever came first, so that the answer does not depend on the order in which exchanges finish. At the
// end the summaries are sorted three times, and neighbours are looked at: by key (WS003), by client and resource
// (WS016), by client and host (TLS004, retries).

public import Traffic

/// Summaries of exchanges, and what comparing them shows.
public struct CorrelationTable: Sendable {
    private let limit: Int
    private var summaries: [ExchangeSummary] = []
    private var plain: PlainRequests
    /// Set once the table was full: what comes after it was left out and always will be.
    private var lastKept: ExchangeKey?
    /// How many exchanges were not compared.
    public private(set) var leftOut: UInt64 = 0

    /// `limit` is how many exchanges are compared, `plainLimit` how many requests that offer nothing with them.
    public init(limit: Int = 65_536, plainLimit: Int = 4096) {
        self.limit = max(limit, 2)
        plain = PlainRequests(limit: plainLimit)
    }

    /// Takes a request that offers nothing, of a client that may have been asked to use TLS.
    public mutating func add(plain request: MessageHead, on connection: ConnectionFacts) {
        plain.add(request, on: connection)
    }

    public mutating func add(_ exchange: Exchange) {
        guard exchange.request != nil, !leavesOut(exchange.key) else { return }
        if let summary = ExchangeSummary(exchange) { add(summary) }
    }

    /// Whether an exchange comes too late to be compared with others; counts it if so.
    public mutating func leavesOut(_ key: ExchangeKey) -> Bool {
        guard let lastKept, lastKept < key else { return false }
        leftOut += 1
        return true
    }

    /// Of those that are kept so far.
    var keys: [ExchangeKey] { summaries.map(\.key) }

    mutating func add(_ summary: ExchangeSummary) {
        guard !leavesOut(summary.key) else { return }
        // Summaries are large: where they are many, all the room is asked for at once and none of them is moved again.
        if summaries.count == Self.many { summaries.reserveCapacity(limit + limit / 2) }
        summaries.append(summary)
        if summaries.count >= limit + limit / 2 { trim() }
    }

    /// Takes what another table was given, about other exchanges of the same input.
    public mutating func absorb(_ other: CorrelationTable) {
        leftOut += other.leftOut
        plain.absorb(other.plain)
        summaries += other.summaries
        if let last = other.lastKept { lastKept = min(lastKept ?? last, last) }
        trim()
    }

    private static var many: Int { 2048 }

    private mutating func trim() {
        guard summaries.count > limit else { return }
        // They stay in the order they came in: summaries are large, only their keys are sorted.
        let keys = summaries.map(\.key).sorted()
        let last = keys[limit - 1]
        // Of those with the last key that stays, as many as there is room for.
        var room = keys[..<limit].reversed().prefix { $0 == last }.count
        summaries.removeAll { summary in
            guard summary.key == last else { return last < summary.key }
            room -= 1
            return room < 0
        }
        leftOut += UInt64(keys.count - limit)
        lastKept = last
    }

    /// What is seen in all of them together; the table is empty afterwards.
    public mutating func finish(_ thresholds: Thresholds = Thresholds()) -> Correlation {
        trim()
        plain.trim()
        let kept = summaries
        let plain = plain
        summaries = []
        self.plain = PlainRequests(limit: 0)
        var correlation = Correlation(leftOut: leftOut + plain.leftOut)
        guard kept.count > 1 || !plain.entries.isEmpty else { return correlation }
        correlation.suspicions = KeyReuse.found(in: kept, thresholds)
        correlation.suspicions += ReconnectStorm(kept, thresholds).suspicions
        let demands = Demands(kept, plain, thresholds)
        correlation.suspicions += demands.ignored
        correlation.retries = demands.retries
        correlation.suspicions.sort { ($0.key, $0.rule) < ($1.key, $1.rule) }
        return correlation
    }
}

/// What comparing exchanges with each other showed.
public struct Correlation: Sendable {
    /// Breaches of rules, in order of the exchange they are told with.
    public internal(set) var suspicions: [Suspicion] = []
    /// Exchanges that answer the demand of an earlier one, each with that one.
    public internal(set) var retries: [ExchangeKey: ExchangeKey] = [:]
    /// How many exchanges, and requests with them, were not compared.
    public let leftOut: UInt64

    init(leftOut: UInt64) { self.leftOut = leftOut }
}

/// A breach that several exchanges make together.
public struct Suspicion: Sendable {
    public let rule: String
    /// The exchange it is told with: the later one.
    public let key: ExchangeKey
    /// Earlier ones that show it too, at most `proofLimit`, in order.
    public let earlier: [ExchangeKey]
    /// The first request that shows it and is no exchange.
    let plain: PlainRequests.Entry?
    public let connection: UInt64
    let certainty: Certainty
    let level: Level?
    let count: UInt32
    let message: String

    static let proofLimit = 3

    init(
        rule: String, at later: ExchangeSummary, earlier: [ExchangeSummary], plain: PlainRequests.Entry? = nil,
        certainty: Certainty = .proven, level: Level? = nil, count: Int = 1, message: String
    ) {
        self.rule = rule
        self.plain = plain
        key = later.key
        self.earlier = earlier.prefix(Self.proofLimit).map(\.key)
        connection = later.connection
        self.certainty = certainty
        self.level = level
        self.count = UInt32(clamping: count)
        self.message = message
    }
}

extension Array<ExchangeSummary> {
    /// Calls `body` with each run of summaries that have the same value; a run is in order of asking.
    func forEachRun<Value: Comparable & Hashable>(
        where takesPart: (ExchangeSummary) -> Bool, by value: (ExchangeSummary) -> Value,
        _ body: ([ExchangeSummary]) -> Void
    ) {
        var order = thoseWithCompany(where: takesPart, by: value)
        guard order.count > 1 else { return }
        order.sort { left, right in
            let (a, b) = (value(self[left]), value(self[right]))
            return a == b ? ExchangeSummary.precedes(self[left], self[right]) : a < b
        }
        var start = 0
        while start < order.count {
            let first = value(self[order[start]])
            var end = start + 1
            while end < order.count, value(self[order[end]]) == first { end += 1 }
            if end - start > 1 { body(order[start..<end].map { self[$0] }) }
            start = end
        }
    }

    /// Indices of all summaries that share their value with another one, and of a few that do not.
    ///
    /// Nearly all are alone, and need not be put in order: each leaves a mark where the hash of its value says.
    private func thoseWithCompany<Value: Hashable>(
        where takesPart: (ExchangeSummary) -> Bool, by value: (ExchangeSummary) -> Value
    ) -> [Int] {
        let places = Swift.max(64, count.nextPowerOfTwo * 8)
        var marks = [UInt8](repeating: 0, count: places)
        var taking: [(index: Int, place: Int)] = []
        taking.reserveCapacity(count)
        for index in indices where takesPart(self[index]) {
            let place = value(self[index]).hashValue & (places - 1)
            if marks[place] < 2 { marks[place] += 1 }
            taking.append((index, place))
        }
        return taking.filter { marks[$0.place] > 1 }.map(\.index)
    }
}

/// Who asked, and for what.
struct ClientAndText: Comparable, Hashable {
    let client: IPAddress
    let text: UInt64

    static func < (left: ClientAndText, right: ClientAndText) -> Bool {
        left.client == right.client ? left.text < right.text : left.client < right.client
    }
}

extension Int {
    /// The least power of two that is no less.
    fileprivate var nextPowerOfTwo: Int { self < 2 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}

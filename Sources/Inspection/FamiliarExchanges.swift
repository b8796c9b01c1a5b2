// What was found out about an exchange holds for all that are like it.
//
// Two exchanges whose heads have the same shapes and whose status is the same, and of which the rest is as it should be,
// differ in the request's target, in the nonce, in what was said and in when. No rule that can speak of such an exchange looks
// at more of that than at the query. So what one of them showed in full is remembered here, provided that everything that is
// so about it (`Facts`) follows from the heads, and so that of the others only their number has to be known.

public import Traffic

/// Kinds of exchanges of which one was judged: those seen last.
public struct FamiliarExchanges: Sendable {
    /// Exchanges that are alike.
    public struct Kind: Sendable {
        fileprivate let name: Name
        /// What was found, in brief.
        public let findings: [Finding]
        public let outcome: Outcome
        public let isWebSocket: Bool
        let summary: ExchangeSummary
        /// How many were recognized.
        public fileprivate(set) var times: UInt64 = 0
    }

    fileprivate struct Name: Equatable, Sendable {
        let request: UInt32
        let answer: UInt32
        /// Fields of one shape stand behind any refusal.
        let status: UInt16
        let query: UInt8
    }

    private var kinds: [Kind] = []
    private var oldest = 0
    private var dropped: [Kind] = []

    private static var capacity: Int { 32 }

    public init() {}

    public subscript(index: Int) -> Kind { _read { yield kinds[index] } }

    /// How many findings each of that kind has.
    public func findings(of index: Int) -> Int { kinds[index].findings.count }

    /// What rules see in the target of a request, beside its place in the head, and what other exchanges are compared by.
    public static func note(ofTarget target: Span<UInt8>) -> TargetNote {
        TargetNote(sort: QueryCredential.kind(in: target).rawValue, hash: TextHash(target).value)
    }

    /// Which of the kinds that exchange is of; `nil` for none of them.
    public func index(of exchange: borrowing FamiliarExchange) -> Int? {
        let name = Name(
            request: exchange.requestShape, answer: exchange.answerShape, status: exchange.status,
            query: exchange.target.sort)
        return kinds.firstIndex { $0.name == name }
    }

    /// One more of that kind.
    public mutating func count(_ index: Int) { kinds[index].times += 1 }

    /// The kinds that made room for others since they were taken last.
    public mutating func takeDropped() -> [Kind] {
        guard !dropped.isEmpty else { return [] }
        defer { dropped = [] }
        return dropped
    }

    /// All kinds with what was counted; none is known afterwards.
    public mutating func takeAll() -> [Kind] {
        defer { (kinds, oldest) = ([], 0) }
        return takeDropped() + kinds
    }

    /// Remembers what was found of an exchange, if it says what will be found of others.
    mutating func learn(_ exchange: borrowing Exchange, _ facts: Facts, _ findings: [Finding]) {
        guard facts.isSubset(of: Self.ofHeads), let request = exchange.request, request.shape != 0,
            let answer = exchange.response, answer.shape != 0, exchange.kind == .upgrade, exchange.interim.isEmpty,
            exchange.parent == nil, request.defects.isEmpty, answer.defects.isEmpty, !request.isHTTP10,
            request.isMethod("GET"), request.target.first == UInt8(ascii: "/"), exchange.limitsHit.isEmpty
        else { return }
        if exchange.outcome == .switched {
            guard answer.status == 101, exchange.upgraded == .websocket, facts.contains(.closedByBoth),
                exchange.websocket?.draft == WebSocketDraft.none
            else { return }
        } else if answer.status < 400 {
            return
        }
        let name = Name(
            request: request.shape, answer: answer.shape, status: UInt16(clamping: answer.status),
            query: QueryCredential.kind(in: request.target).rawValue)
        guard !kinds.contains(where: { $0.name == name }),
            findings.allSatisfy({ finding in Self.judgingHeads.contains { finding.rule.hasPrefix($0) } }),
            let summary = ExchangeSummary(exchange)
        else { return }
        let kind = Kind(
            name: name, findings: findings, outcome: exchange.outcome,
            isWebSocket: exchange.outcome == .switched && exchange.upgraded == .websocket, summary: summary)
        if kinds.count < Self.capacity {
            kinds.append(kind)
        } else {
            dropped.append(kinds[oldest])
            kinds[oldest] = kind
            oldest = (oldest + 1) % Self.capacity
        }
    }

    /// What may be so about an exchange of which nothing else can be so than about its like.
    ///
    /// Where something else is so, rules may look at more than the heads.
    private static let ofHeads: Facts = [
        .upgradeField, .offersWebSocket, .forwarded, .query, .browserWithoutOrigin, .foreignOrigin, .status101,
        .refusesVersion, .challenge, .responseFraming, .switched, .refused, .websocket, .ended, .clientSpoke,
        .closedByBoth, .informedClient,
    ]
    /// Rules that look at heads alone, as long as nothing else is so.
    private static let judgingHeads = ["UPG", "RES", "WS0", "SMG007", "SMG009"]
}

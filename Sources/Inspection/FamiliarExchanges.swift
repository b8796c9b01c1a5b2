// What was found out about an exchange holds for all that are like it.
//
// Two exchanges whose heads have the same shapes, and of which the rest is as it should be, differ in the request's
// target, in the nonce, in what was said and in when. No rule that can speak of such an exchange looks at more of that than
// at the query. So what one of them showed in full is remembered here, provided that everything that is so about
// it (`Facts`) follows from the heads, and so that of the others only their number has to be known.

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

    /// What rules see in the target of a request, beside its place in the head.
    public static func sort(ofTarget target: Span<UInt8>) -> UInt8 {
        QueryCredential.kind(in: target).rawValue
    }

    /// Which of the kinds that exchange is of; `nil` for none of them.
    public func index(of exchange: borrowing FamiliarExchange) -> Int? {
        let name = Name(
            request: exchange.requestShape, answer: exchange.answerShape, query: exchange.targetSort)
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
            request: request.shape, answer: answer.shape, query: QueryCredential.kind(in: request.target).rawValue)
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

/// Credentials in a query (RULES SMG009).
enum QueryCredential {
    enum Kind: UInt8, Sendable { case none, session, other }

    /// The gravest credential in the query of a target: its name and value.
    static func find(in target: ArraySlice<UInt8>) -> (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
        var found: (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)?
        Redaction.forEachParameter(target) { key, value in
            let isNamed = value.count >= 8 && isName(key)
            guard isNamed || value.starts(with: "eyJ") && Redaction.looksLikeJWT(value) else { return }
            // The first, but one that is more than the number of a session comes before all.
            if found == nil || found?.key.matchesIgnoringCase("sid") == true { found = (key, value) }
        }
        return found
    }

    static func kind(in target: ArraySlice<UInt8>) -> Kind {
        guard let found = find(in: target) else { return .none }
        return found.key.matchesIgnoringCase("sid") ? .session : .other
    }

    /// The same, without a copy of a target that is plain to see.
    static func kind(in target: Span<UInt8>) -> Kind {
        var kind = Kind.none
        var index = 0
        while index < target.count, target[index] != 0x3f { index += 1 }
        index += 1
        while index < target.count {
            let start = index
            var word = Word()
            while index < target.count, !isEnd(target[index]), target[index] != 0x3d {
                // What is encoded in a name, and what may be a token, takes a closer look.
                if target[index] == 0x25 { return self.kind(inCopyOf: target) }
                word.add(target[index])
                index += 1
            }
            let length = index - start
            let value = index + 1
            while index < target.count, !isEnd(target[index]) { index += 1 }
            if index > value, target[value] == UInt8(ascii: "e") { return self.kind(inCopyOf: target) }
            if index - value >= 8, length <= Word.longest, words.contains(word) {
                guard word == session else { return .other }
                kind = .session
            }
            index += 1
        }
        return kind
    }

    private static func kind(inCopyOf target: Span<UInt8>) -> Kind {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(target.count)
        for index in target.indices { bytes.append(target[index]) }
        return kind(in: bytes[...])
    }

    /// What a parameter ends with.
    @inline(__always)
    private static func isEnd(_ byte: UInt8) -> Bool { byte == 0x26 || byte == 0x3b || byte == 0x23 }

    /// A name in lower case, as two numbers.
    private struct Word: Equatable {
        private var count: UInt8 = 0
        private var high: UInt64 = 0
        private var low: UInt64 = 0

        static var longest: Int { 16 }

        init() {}
        init(_ name: String) { for byte in name.utf8 { add(byte) } }

        @inline(__always)
        mutating func add(_ byte: UInt8) {
            count &+= 1
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte.asciiLowercased)
        }
    }

    private static func isName(_ key: ArraySlice<UInt8>) -> Bool {
        guard key.count <= Word.longest else { return false }
        var word = Word()
        for byte in key { word.add(byte) }
        return words.contains(word)
    }

    private static let words = [
        "token", "access_token", "auth", "apikey", "api_key", "jwt", "password", "sid", "session",
    ].map { Word($0) }
    private static let session = Word("sid")
}

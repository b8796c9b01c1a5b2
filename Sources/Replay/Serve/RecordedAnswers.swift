// Which recording answers a request: the one with the same method, target and offer. Several of the same are taken in
// the order they were recorded, then from the first again, whoever asks.
//
// What differs between a recording and a rehearsal does not count: the Host, credentials (in the target as well), keys,
// the order of fields.

internal import Ground
internal import Inspection
internal import Synchronization
public import Traffic

/// What a stand-in can answer, and whose turn it is.
public final class RecordedAnswers: Sendable {
    /// What a request gets.
    public enum Choice: Sendable {
        /// The recorded exchange.
        case session(RecordedSession)
        /// A plain request that was recorded on the way to an exchange.
        case plain(RecordedRequest)
        /// Nothing was recorded for it.
        case nothing(Refusal)
    }

    /// Why nothing fits, as an answer that a person can read.
    public struct Refusal: Sendable, Equatable {
        public var status: Int
        /// Sentences, each on a line.
        public var reason: String
        /// Protocols that would have had to be offered.
        public var upgrade: [String] = []
    }

    /// The recordings of each request, and which is next.
    private let queues: Mutex<[Key: Queue]>
    private let titles: [String]
    private let offers: [Request: [[String]]]

    /// Sessions without any recorded answer stand in only where there is no other of the same request.
    public init(_ sessions: [RecordedSession]) {
        var queues: [Key: Queue] = [:]
        var offers: [Request: [[String]]] = [:]
        var titles: [String] = []
        for session in sessions {
            let key = Key(session.request)
            queues[key, default: Queue()].add(session)
            offers[key.request, default: []].append(key.protocols)
            let offer = key.protocols.isEmpty ? "" : " offering " + key.protocols.joined(separator: ", ")
            titles.append(session.request.redactedTitle + offer)
        }
        for session in sessions {
            for request in session.history where request.response != nil {
                queues[Key(request.head), default: Queue()].add(request)
                titles.append(request.head.redactedTitle)
            }
        }
        self.queues = Mutex(queues)
        self.offers = offers
        var seen: Set<String> = []
        self.titles = titles.filter { seen.insert($0).inserted }
    }

    /// The answer to a request; asking again gets the next recording of the same one.
    public func answer(to request: MessageHead) -> Choice {
        let key = Key(request)
        let (isKnown, choice) = queues.withLock { queues in
            (queues[key] != nil, queues[key]?.next(accepting: { Self.isAcceptable($0, for: request) }))
        }
        if let choice { return choice }
        if isKnown {
            return .nothing(
                Refusal(
                    status: 400,
                    reason: "The recorded server chose a subprotocol that this request does not offer: "
                        + "it offers \(Self.words(request.members(.secWebSocketProtocol)))."))
        }
        if let recorded = offers[key.request] {
            let wanted = recorded.first { !$0.isEmpty } ?? []
            let offer = key.protocols.isEmpty ? "nothing" : key.protocols.joined(separator: ", ")
            let known = wanted.isEmpty ? "no switch" : wanted.joined(separator: ", ")
            return .nothing(
                Refusal(
                    status: wanted.isEmpty || !key.protocols.isEmpty ? 400 : 426,
                    reason: "This request offers \(offer); the recorded one offered \(known).", upgrade: wanted))
        }
        return .nothing(
            Refusal(status: 404, reason: "No such request was recorded.\nThese were:\n" + list()))
    }

    /// The recorded requests, each once, as text.
    private func list() -> String {
        let more = titles.count > 20 ? "\n  and \(titles.count - 20) more" : ""
        return titles.prefix(20).map { "  " + $0 }.joined(separator: "\n") + more
    }

    private static func words(_ members: [ArraySlice<UInt8>]) -> String {
        members.isEmpty ? "none" : members.map(\.text).joined(separator: ", ")
    }

    /// A subprotocol can be chosen only when it is offered (RFC 6455 4.2.2).
    private static func isAcceptable(_ session: RecordedSession, for request: MessageHead) -> Bool {
        guard session.upgraded == .websocket, let response = session.response, response.status == 101,
            let chosen = response.value(.secWebSocketProtocol)
        else { return true }
        // A server that chose what nobody offered is stood in for as it was.
        if !session.request.members(.secWebSocketProtocol).contains(where: { $0.elementsEqual(chosen) }) { return true }
        return request.members(.secWebSocketProtocol).contains { $0.elementsEqual(chosen) }
    }

    /// Method and target.
    private struct Request: Hashable, Sendable {
        var method: [UInt8]
        /// In the form of an origin server: a proxy's absolute form is the same target (RFC 9112 3.2).
        var target: [UInt8]
    }

    /// Requests with the same key are the same.
    private struct Key: Hashable, Sendable {
        var request: Request
        /// Offered protocols in lower case, sorted.
        var protocols: [String]

        init(_ head: MessageHead) {
            var target = head.targetWithoutSecrets[...]
            if let scheme = target.firstIndex(of: UInt8(ascii: ":")), target[scheme...].starts(with: "://") {
                let authority = target[(scheme + 3)...]
                target =
                    authority.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
                    .map { authority[$0...] } ?? [UInt8(ascii: "/")]
            }
            request = Request(method: Array(head.method), target: Array(target))
            // Whoever leaves Upgrade out of Connection offers nothing that a server may take.
            protocols = head.members(.upgrade).map { $0.text.lowercased() }.sorted()
        }
    }

    /// Recordings of the same request.
    private struct Queue: Sendable {
        private var sessions: [RecordedSession] = []
        private var silent: [RecordedSession] = []
        private var plain: [RecordedRequest] = []
        private var position = 0

        mutating func add(_ session: RecordedSession) {
            if session.response == nil { silent.append(session) } else { sessions.append(session) }
        }

        mutating func add(_ request: RecordedRequest) { plain.append(request) }

        /// The next that is acceptable.
        mutating func next(accepting isAcceptable: (RecordedSession) -> Bool) -> Choice? {
            let count = sessions.count + plain.count
            for step in 0..<count {
                let index = (position + step) % count
                if index >= sessions.count {
                    position = index + 1
                    return .plain(plain[index - sessions.count])
                }
                if isAcceptable(sessions[index]) {
                    position = index + 1
                    return .session(sessions[index])
                }
            }
            guard count == 0, let session = silent.first else { return nil }
            return .session(session)
        }
    }
}

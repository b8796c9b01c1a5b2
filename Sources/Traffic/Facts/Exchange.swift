// An exchange: one request that offers a switch of protocol, its responses, and what came after.
//
// This is the word that everything above `Traffic` is about. It holds facts only: what was said, where it
// stood, what followed. Whether that was right is for `Inspection` to say. Its size is bounded whatever the
// session carried: both heads, counters, and the first few bytes and anomalies of each side.

/// How an exchange came to be one.
public enum ExchangeKind: UInt8, Sendable, CaseIterable {
    /// The request has an Upgrade field.
    case upgrade
    /// The method is CONNECT.
    case connect
    /// CONNECT with `:protocol` over HTTP/2 (RFC 8441).
    case extendedConnect
    /// A 101 came without a request that offered anything.
    case unsolicited
    /// No offer, but an unmistakable trace of one: Sec-WebSocket-Key, HTTP2-Settings or Capsule-Protocol.
    case lostOffer
}

/// One exchange, decided or given up.
public struct Exchange: Sendable {
    public var kind: ExchangeKind
    public var connection: ConnectionFacts
    public var request: MessageHead?
    public var framing = RequestFraming()
    /// 1xx other than 101, in order; at most eight are kept.
    public var interim: [MessageHead] = []
    public var response: MessageHead?
    public var outcome: Outcome = .incomplete
    public var reason: OutcomeReason = .none
    public var upgraded: UpgradedProtocol = .none
    /// The token of the response (or, inferred, of the request) as written; `host:port` for a tunnel.
    public var protocolName = ""
    /// The protocol was not stated by the response but concluded (RULES A).
    public var protocolInferred = false
    public var early: EarlyData?
    public var switched = PerDirection(client: SwitchedStream(), server: SwitchedStream())
    public var websocket: WebSocketFacts?
    /// What any other protocol showed, as its reader says it.
    public var session: (any SessionFacts)? {
        get { sessionFacts?.facts }
        set { sessionFacts = newValue.map { SessionFactsReference($0) } }
    }
    private var sessionFacts: SessionFactsReference?
    /// The same of HTTP/2, until the exchange is kept for the report.
    public var http2: HTTP2Facts? {
        get { session as? HTTP2Facts }
        set { session = newValue }
    }
    /// What a tunnel carries, sniffed for display only.
    public var inner: Likeness = .unknown
    public var anomalies: [Anomaly] = []
    public var laterRequests: [LaterRequest] = []
    /// Final responses on this connection after the one that refused, and where the first stood.
    public var laterResponses: UInt32 = 0
    public var firstLaterResponse: MessageHead?
    /// When the client acknowledged the final response head.
    public var responseAcknowledged: Arrival?
    /// First packet of the exchange it travelled inside (CONNECT), with that exchange's request offset.
    public var parent: ExchangeKey?
    /// A hole lay between the start of the request and the end of the response, or the request was cut.
    public var touchesGap = false
    /// Limits that cut something short, as words of `Limits`.
    public var limitsHit: [String] = []
    public var lastMark: Arrival

    public init(kind: ExchangeKind, connection: ConnectionFacts, first: Arrival) {
        self.kind = kind
        self.connection = connection
        self.lastMark = first
    }

    /// An exchange that begins with its request.
    init(kind: ExchangeKind, connection: ConnectionFacts, request: MessageHead, _ framing: RequestFraming) {
        self.kind = kind
        self.connection = connection
        self.request = request
        self.framing = framing
        lastMark = request.place.last
    }

    /// The packet the exchange is ordered by: the first of its request, or of its response without one.
    public var firstMark: Arrival {
        request?.place.first ?? response?.place.first ?? connection.first
    }

    /// What was said before the protocol of this session began was not captured.
    public var isHandshakeUnseen: Bool { outcome == .switched && request == nil && response == nil }

    /// What an exchange is known by while streaming.
    public var key: ExchangeKey {
        let place = request?.place ?? response?.place
        let first = place?.first ?? connection.first
        return ExchangeKey(
            capture: first.capture, packet: first.packet, direction: place?.direction ?? .client,
            stream: place?.stream ?? .connection, offset: place?.offset ?? 0)
    }
}

/// A reference, so that an exchange is moved about like any plain value.
private final class SessionFactsReference: Sendable {
    let facts: any SessionFacts
    init(_ facts: any SessionFacts) { self.facts = facts }
}

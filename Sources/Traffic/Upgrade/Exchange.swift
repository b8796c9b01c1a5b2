// An exchange: one request that offers a switch of protocol, its responses, and what came after.
//
// This is the word that everything above `Traffic` is about. It holds facts only: what was said, where it
// stood, what followed. Whether that was right is for `Inspection` to say. Its size is bounded whatever the
// session carried: both heads, counters, and the first few bytes and anomalies of each side.

import Ground

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

/// What became of the offer; exactly one.
public enum Outcome: UInt8, Sendable, CaseIterable {
    case switched, declined, required, redirected, failed, incomplete
    public var name: String {
        switch self {
        case .switched: "switched"
        case .declined: "declined"
        case .required: "required"
        case .redirected: "redirected"
        case .failed: "failed"
        case .incomplete: "incomplete"
        }
    }
}

/// Why it became that.
public enum OutcomeReason: UInt8, Sendable, CaseIterable {
    case none
    case version, tls, other, auth, forbidden, notFound, badRequest, gateway
    case clientAbort, serverAbort, captureEnd, gap
    /// Where a redirect leads, if its Location names a scheme.
    case http, https, ws, wss

    /// The word of the report; `nil` for `.none`.
    public var name: String? {
        switch self {
        case .none: nil
        case .notFound: "not-found"
        case .badRequest: "bad-request"
        case .clientAbort: "client-abort"
        case .serverAbort: "server-abort"
        case .captureEnd: "capture-end"
        default: "\(self)"
        }
    }
}

/// The protocol that speaks after the switch.
public enum UpgradedProtocol: UInt8, Sendable, CaseIterable {
    case none, websocket, h2c, tls, http, connectUDP, connectIP, connectTCP, tunnel, other
}

/// How sure "before the answer" is: the verdicts of section D of the rule catalogue.
public enum EarlyVerdict: UInt8, Sendable, CaseIterable {
    case none, proven, partial, order, timing, undetermined
    public var name: String { "\(self)" }
}

/// What bytes look like to a reader who does not know where they came from.
public enum Likeness: UInt8, Sendable, CaseIterable {
    case unknown, websocket, httpRequest, tls, http2Preface, httpResponse, ssh, capsule

    /// The word of the report.
    public var name: String {
        switch self {
        case .httpRequest: "http-request"
        case .http2Preface: "http2-preface"
        case .httpResponse: "http-response"
        default: "\(self)"
        }
    }
}

/// Client bytes behind the request that were sent before its answer had been received.
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
    /// Stream offsets of the final response head: its first byte and the byte behind it.
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

/// A request that came later on the same connection, behind a refused offer.
public struct LaterRequest: Sendable {
    /// The start of its head, at most 1024 bytes.
    public var head: [UInt8]
    public var place: Place
    /// Via, Forwarded, X-Forwarded-* or X-Real-IP in the head.
    public var hasForwardingFields: Bool
    /// Lay in the bytes that were early for the exchange before it.
    public var wasEarly: Bool
    /// The status of its final response; 0 when none was seen.
    public var status: UInt16
    public init(head: [UInt8], place: Place, hasForwardingFields: Bool, wasEarly: Bool, status: UInt16) {
        self.head = head
        self.place = place
        self.hasForwardingFields = hasForwardingFields
        self.wasEarly = wasEarly
        self.status = status
    }
}

/// The transfer framing of the request, and what contradicts what (RFC 9112 6).
public struct RequestFraming: Sendable, Equatable {
    /// Both Content-Length and Transfer-Encoding were there.
    public var lengthAndCoding = false
    /// The end cannot be known (bad length, coding that is not chunked, coding in HTTP/1.0).
    public var endUnknown = false
    public var chunked = false
    /// Body bytes announced by Content-Length; `nil` without a valid one.
    public var contentLength: Int64?
    /// Body bytes seen on the wire, chunk framing included.
    public var bodyBytes: Int64 = 0
    /// Stream offset behind the whole message; `nil` when unknown or not reached.
    public var end: Int64?
    public init() {}
}

/// How a TCP direction ended.
public enum StreamEnd: UInt8, Sendable {
    case open, fin, rst
}

/// What is known of the connection an exchange travelled on.
public struct ConnectionFacts: Sendable {
    /// The connection's first packet, and its capture above 32 bits: unique, and the same however many jobs read.
    public var id: UInt64
    public var client: Endpoint
    public var server: Endpoint
    /// VLANs and tunnels from the outside in, as words ("vlan 100").
    public var tunnels: [String] = []
    public var first: PacketMark
    /// SYN seen from the client, SYN-ACK from the server.
    public var sawSYN = false
    public var sawSYNACK = false
    /// Nanoseconds from SYN to SYN-ACK and from SYN-ACK to its ACK, as seen at the tap.
    public var serverRoundTrip: Int64?
    public var clientRoundTrip: Int64?
    /// Missing bytes of each stream, as far as known when the facts were taken.
    public var gapBytes = PerDirection<Int64>(both: 0)
    /// Packets seen from each side.
    public var packets = PerDirection<UInt64>(both: 0)
    /// Payload bytes seen from each side, each stream byte once.
    public var bytes = PerDirection<Int64>(both: 0)
    public var ended = PerDirection<StreamEnd>(both: .open)
    /// How far each stream had been acknowledged by the other side.
    public var acknowledged = PerDirection<Int64>(both: 0)
    /// The packet that carried the FIN or RST of each side.
    public var endMark = PerDirection<PacketMark?>(both: nil)
    /// Last packet of the connection.
    public var last: PacketMark
    /// Time of the last packet of any connection when the facts were taken: so long was this one watched.
    public var observedUntil: Timestamp
    /// Retransmissions whose bytes differ from the first copy.
    public var conflicts = PerDirection<UInt32>(both: 0)
    public var duplicatePackets: UInt32 = 0
    /// Whom the connection was made for, where it began with a PROXY header that said so.
    public var proxied: ProxiedAddresses?

    public init(id: UInt64, client: Endpoint, server: Endpoint, first: PacketMark) {
        self.id = id
        self.client = client
        self.server = server
        self.first = first
        self.last = first
        self.observedUntil = first.time
    }
}

/// A fact about form that a rule may care about: what, where, how often.
public struct Anomaly: Sendable {
    public enum Kind: UInt8, Sendable, CaseIterable {
        // WebSocket frames (RFC 6455 5)
        case clientUnmasked, serverMasked, reservedBits, reservedOpcode, lengthNotMinimal, controlInvalid
        case continuationOrphan, messageInterleaved, textNotUTF8, closeInvalid, dataAfterClose, frameOversized
        case rsv1Misplaced, httpInFrames
        case messageOversized, fragmentFlood, frameCut
        // Compressed messages (RFC 7692)
        case inflateFailed, tailKept, contextReused, windowExceeded, inflationExtreme
        // The server spoke out of turn
        case serverBytesBeforeResponse, responseWithoutRequest, httpAfterSwitch
        // HTTP/2 after an upgrade (RFC 7540 3.2)
        case prefaceMissing, firstFrameNotSettings, upgradedStreamReused
        // The capture
        case gapAfterSwitch, syncLost
        /// Harmless: whoever has sent Close goes on with Ping or Pong.
        case controlAfterClose
    }

    public var kind: Kind
    /// The header or the bytes at fault; `place.length` says how far the fact reaches.
    public var place: Place
    /// The first bytes there, at most 32.
    public var excerpt: [UInt8]
    /// How often in this direction.
    public var count: UInt32 = 1
    /// A value that belongs to the fact: a close code, an opcode, an announced length.
    public var value: Int64 = 0

    public init(kind: Kind, place: Place, excerpt: [UInt8], value: Int64 = 0) {
        self.kind = kind
        self.place = place
        self.excerpt = excerpt
        self.value = value
    }
}

/// The first bytes of one direction behind its switch point.
public struct SwitchedStream: Sendable {
    /// Offset of the first byte of the new protocol; `nil` when unknown.
    public var start: Int64?
    /// Bytes seen from there on.
    public var bytes: Int64 = 0
    /// The first of them, at most 256, and the packet of the first.
    public var excerpt: [UInt8] = []
    public var first: PacketMark?
    /// The last packet that carried any.
    public var last: PacketMark?
    public init() {}

    /// Counts bytes, and keeps the first of them.
    mutating func take(_ new: Span<UInt8>, _ mark: PacketMark) {
        bytes += Int64(new.count)
        last = mark
        guard excerpt.count < 256 else { return }
        if excerpt.isEmpty {
            first = mark
            excerpt.reserveCapacity(256)
        }
        excerpt.append(new.extracting(0..<min(new.count, 256 - excerpt.count)))
    }
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
    public var http2: HTTP2Facts?
    /// What a tunnel carries, sniffed for display only.
    public var inner: Likeness = .unknown
    public var anomalies: [Anomaly] = []
    public var laterRequests: [LaterRequest] = []
    /// Final responses on this connection after the one that refused, and where the first stood.
    public var laterResponses: UInt32 = 0
    public var firstLaterResponse: MessageHead?
    /// When the client acknowledged the final response head.
    public var responseAcknowledged: PacketMark?
    /// First packet of the exchange it travelled inside (CONNECT), with that exchange's request offset.
    public var parent: ExchangeKey?
    /// A hole lay between the start of the request and the end of the response, or the request was cut.
    public var touchesGap = false
    /// Limits that cut something short, as words of `Limits`.
    public var limitsHit: [String] = []
    public var lastMark: PacketMark

    public init(kind: ExchangeKind, connection: ConnectionFacts, first: PacketMark) {
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
    public var firstMark: PacketMark {
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
            offset: place?.offset ?? 0)
    }
}

/// Capture, packet, direction and stream offset: unique, and the same on every run.
public struct ExchangeKey: Sendable, Hashable, Comparable {
    public var capture: UInt16
    public var packet: UInt32
    public var direction: Direction
    public var offset: Int64

    public init(capture: UInt16, packet: UInt32, direction: Direction, offset: Int64) {
        self.capture = capture
        self.packet = packet
        self.direction = direction
        self.offset = offset
    }

    public static func < (left: ExchangeKey, right: ExchangeKey) -> Bool {
        (left.capture, left.packet, left.direction.rawValue, left.offset)
            < (right.capture, right.packet, right.direction.rawValue, right.offset)
    }
}

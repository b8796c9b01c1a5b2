// Who takes over behind the switch: one line for each protocol.
//
// Each direction is handed over at its own byte. A decoder gets bytes in order, learns of holes, reports facts and
// anomalies when the exchange ends, and never judges.

import Ground

/// Reads one upgraded protocol, both directions; an object, so that handing bytes to it moves nothing else.
protocol UpgradedDecoder: AnyObject {
    /// Bytes of one direction, in order; they may begin and end anywhere. `offset` is that of the first.
    func receive(_ bytes: Span<UInt8>, _ direction: Direction, offset: Int64, mark: PacketMark)
    /// The bytes from `from` up to `to` of a direction are not in the capture.
    func gap(_ direction: Direction, from: Int64, to: Int64, mark: PacketMark)
    /// The exchange is over: facts go into it.
    func finish(into exchange: inout Exchange)
    /// Faults of form so far, and how many that are.
    var anomalies: [Anomaly] { get }
    var anomalyCount: Int { get }
    /// Its bytes are only counted.
    var isOpaque: Bool { get }
    /// Exchanges found inside that were not told of yet, once finished, and how many there were.
    var innerExchanges: (waiting: [Exchange], count: Int) { get }
    /// Whole messages so far; `nil` where the protocol has none that are counted.
    var messages: PerDirection<UInt64>? { get }
    /// Exchanges found inside that are not finished.
    func forEachOpenInside(_ body: (ExchangeProgress) -> Void)
    /// What the server says matters only once what it had received was read: HTTP may be spoken inside.
    var isCausal: Bool { get }
}

extension ConversationState.Open {
    /// The decoder for what is spoken behind the switch; `nil` where bytes are only counted.
    func makeDecoder(_ context: AnalysisContext, inside enclosure: Enclosure?) -> (any UpgradedDecoder)? {
        switch exchange.upgraded {
        case .websocket:
            let facts = exchange.websocket ?? WebSocketFacts()
            switch facts.draft {
            case .none: return WebSocketDecoder(facts, WebSocketDecoder.Start(exchange), context)
            case .hixie75, .hixie76: return HixieDecoder(facts)
            case .earlyHybi: return nil
            }
        case .h2c: return HTTP2Decoder(limits: context.options.limits)
        case .tunnel:
            let inside = Enclosure(parent: exchange.key, depth: (enclosure?.depth ?? 0) + 1)
            return TunnelDecoder(exchange.connection, inside, context: context)
        case .none, .tls, .http, .connectUDP, .connectIP, .connectTCP, .other: return nil
        }
    }
}

extension UpgradedProtocol {

    /// The token as a report names it: registered names that have one spelling in it, others as written.
    func name(of token: ArraySlice<UInt8>) -> String {
        switch self {
        case .websocket: "websocket"
        case .h2c: "h2c"
        case .connectUDP: "connect-udp"
        case .connectIP: "connect-ip"
        case .connectTCP: "connect-tcp"
        default: token.text
        }
    }

    /// The protocol a token of the Upgrade field names (RFC 9110 7.8: names compare without case).
    static func named(_ token: ArraySlice<UInt8>) -> UpgradedProtocol {
        let name = token.prefix { $0 != UInt8(ascii: "/") }
        if name.matchesIgnoringCase("websocket") { return .websocket }
        if name.matchesIgnoringCase("h2c") { return .h2c }
        if name.matchesIgnoringCase("tls") { return .tls }
        if name.matchesIgnoringCase("http") { return .http }
        if name.matchesIgnoringCase("connect-udp") { return .connectUDP }
        if name.matchesIgnoringCase("connect-ip") { return .connectIP }
        if name.matchesIgnoringCase("connect-tcp") { return .connectTCP }
        return .other
    }
}

/// Keeps anomalies: one for each kind and direction, with a count, within a limit.
struct AnomalyLog {
    var list: [Anomaly] = []
    var limit: Int

    init(limit: Int) { self.limit = limit }

    /// Adds an anomaly, or counts one that is there.
    mutating func note(_ kind: Anomaly.Kind, _ place: Place, _ excerpt: [UInt8], value: Int64 = 0) {
        if again(kind, place.direction) || list.count >= limit { return }
        list.append(Anomaly(kind: kind, place: place, excerpt: excerpt, value: value))
    }

    /// What was noted turns out to be something else.
    mutating func retract(_ kind: Anomaly.Kind, _ direction: Direction, as other: Anomaly.Kind) {
        for index in list.indices where list[index].kind == kind && list[index].place.direction == direction {
            list[index].kind = other
            return
        }
    }

    /// Counts an anomaly that is there already.
    mutating func again(_ kind: Anomaly.Kind, _ direction: Direction) -> Bool {
        for index in list.indices where list[index].kind == kind && list[index].place.direction == direction {
            list[index].count &+= 1
            return true
        }
        return false
    }
}

/// Looks at first bytes without knowing where they came from.
enum Sniffer {
    /// What the first bytes of a client look like (RULES D, last paragraph).
    static func client(_ bytes: Span<UInt8>) -> Likeness {
        if bytes.count >= 2, bytes[0] == 0x16, bytes[1] == 0x03 { return .tls }
        if beginsPreface(bytes) { return .http2Preface }
        if bytes.has("SSH-", at: 0) { return .ssh }
        if isRequestLine(bytes) { return .httpRequest }
        if bytes.count >= 2, isMaskedFrame(bytes) { return .websocket }
        return .unknown
    }

    /// What the first bytes of a server look like.
    static func server(_ bytes: Span<UInt8>) -> Likeness {
        if bytes.count >= 2, bytes[0] == 0x16 || bytes[0] == 0x15, bytes[1] == 0x03 { return .tls }
        if bytes.has("HTTP/1.", at: 0) { return .httpResponse }
        if bytes.has("SSH-", at: 0) { return .ssh }
        if bytes.count >= 9, bytes[0] == 0, bytes[3] == 4, bytes[4] & 0xfe == 0, bytes[5] == 0, bytes[8] == 0 {
            return .http2Preface
        }
        if bytes.count >= 2, bytes[0] & 0x70 == 0, bytes[1] & 0x80 == 0, isOpcode(bytes[0] & 15) { return .websocket }
        return .unknown
    }

    /// METHOD SP target SP HTTP/1.x, as far as the bytes reach: a whole line must fit, a beginning must have a
    /// method of upper-case letters.
    static func isRequestLine(_ bytes: Span<UInt8>) -> Bool {
        var index = 0
        while index < bytes.count, index < 4, bytes[index] == 0x0d || bytes[index] == 0x0a { index += 1 }
        let start = index
        while index < bytes.count, index - start < 20, (0x41...0x5a).contains(bytes[index]) || bytes[index] == 0x2d {
            index += 1
        }
        guard index - start >= 3, index < bytes.count, bytes[index] == 0x20 else { return false }
        if bytes.has("PRI * HTTP/2.0", at: start) { return false }
        guard let lf = bytes.firstIndex(of: 0x0a, from: index) else { return true }
        var end = lf
        if bytes[end - 1] == 0x0d { end -= 1 }
        return end >= 9 && bytes.has(" HTTP/1.", at: end - 9)
    }

    /// `PRI * HTTP/2.0`, or as much of it as there is: `PRI` is no method of HTTP/1.x (RFC 9113 3.4).
    private static func beginsPreface(_ bytes: Span<UInt8>) -> Bool {
        bytes.has("PRI * HTTP/2.0", at: 0) || bytes.count < 14 && bytes.has("PRI *", at: 0)
    }

    /// Whether first bytes begin a request line; `nil` while they may.
    static func beginsRequest(_ bytes: Span<UInt8>) -> Bool? {
        var index = 0
        while index < bytes.count, index < 4, bytes[index] == 0x0d || bytes[index] == 0x0a { index += 1 }
        let start = index
        while index < bytes.count, index - start < 20, (0x41...0x5a).contains(bytes[index]) || bytes[index] == 0x2d {
            index += 1
        }
        return index == bytes.count && index - start < 20 ? nil : isRequestLine(bytes)
    }

    private static func isMaskedFrame(_ bytes: Span<UInt8>) -> Bool {
        bytes[0] & 0x30 == 0 && bytes[1] & 0x80 != 0 && isOpcode(bytes[0] & 15)
    }

    private static func isOpcode(_ opcode: UInt8) -> Bool { opcode <= 2 || (8...10).contains(opcode) }
}

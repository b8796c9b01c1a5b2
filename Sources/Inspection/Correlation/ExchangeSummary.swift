// What of an exchange takes part in comparing exchanges with each other: a hundred bytes, whatever was said.
//
// Texts are compared as 64-bit hashes. They are never shown, and the bytes of a finding are looked up in the
// exchanges themselves.

import Ground
public import Traffic

/// A finished exchange, as far as others are compared with it.
public struct ExchangeSummary: Sendable {
    struct Traits: OptionSet, Sendable {
        var rawValue: UInt16
        /// A WebSocket handshake.
        static let webSocket = Traits(rawValue: 1)
        /// The key is the one of the examples in RFC 6455.
        static let sampleKey = Traits(rawValue: 2)
        /// Upgrade names a protocol, and TLS among them.
        static let offers = Traits(rawValue: 4)
        static let offersTLS = Traits(rawValue: 8)
        /// The answer is 426, and demands TLS.
        static let demandsUpgrade = Traits(rawValue: 16)
        static let demandsTLS = Traits(rawValue: 32)
        static let authorization = Traits(rawValue: 64)
        static let proxyAuthorization = Traits(rawValue: 128)
        static let cookie = Traits(rawValue: 256)
        /// It ended without a goodbye, or was refused with 4xx or 5xx.
        static let abnormalEnd = Traits(rawValue: 512)
        /// The answer was seen.
        static let answered = Traits(rawValue: 1024)
        /// A request that offers nothing, and is no exchange.
        static let isPlain = Traits(rawValue: 2048)
    }

    public internal(set) var key: ExchangeKey
    let connection: UInt64
    let client: Endpoint
    let server: Endpoint
    /// When the request began, when the response head was complete (or the last packet came), and when it was over.
    var asked: Timestamp
    var answered: Timestamp
    var ended: Timestamp
    /// Sec-WebSocket-Key; 0 without one.
    let nonce: UInt64
    let host: UInt64
    /// Host and target.
    let resource: UInt64
    /// User-Agent and Cookie: what tells two users behind one address apart.
    let visitor: UInt64
    /// Sec-WebSocket-Version.
    let version: UInt16
    private(set) var status: UInt16
    /// Lines that proxies add.
    let forwardingLines: UInt16
    private(set) var traits: Traits

    /// `nil` without a request.
    public init?(_ exchange: borrowing Exchange) {
        guard let request = exchange.request else { return nil }
        self.init(of: request, on: exchange.connection, key: exchange.key)
        answered = (exchange.response?.place.last ?? exchange.lastMark).time

        let response = exchange.response
        status = UInt16(clamping: response?.status ?? 0)
        // A refusal is the end, whatever else the connection is used for.
        ended = status >= 400 ? answered : max(answered, exchange.lastMark.time)
        if response != nil { traits.insert(.answered) }
        if let response, status == 426 {
            traits.insert(.demandsUpgrade)
            for line in response.lines where line.name == .upgrade && Self.namesTLS(response.value(of: line)) {
                traits.insert(.demandsTLS)
            }
        }
        if Self.endedAbnormally(exchange) { traits.insert(.abnormalEnd) }
    }

    /// Of a request that offers nothing: what it asks for, and when.
    init(plain request: MessageHead, on connection: ConnectionFacts) {
        let place = request.place
        self.init(
            of: request, on: connection,
            key: ExchangeKey(
                capture: place.first.capture, packet: place.first.packet, direction: place.direction,
                offset: place.offset))
        traits.insert(.isPlain)
    }

    private init(of request: MessageHead, on connection: ConnectionFacts, key: ExchangeKey) {
        self.key = key
        self.connection = connection.id
        client = connection.client
        server = connection.server
        asked = request.place.first.time
        answered = asked
        ended = asked
        status = 0

        var traits: Traits = []
        var nonce: UInt64 = 0
        var host = TextHash()
        var visitor = TextHash()
        var version: UInt16 = 0
        var forwardingLines: UInt16 = 0
        for line in request.lines {
            switch line.name {
            case .host: host.add(request.value(of: line), folded: true)
            case .secWebSocketKey where nonce == 0:
                let value = request.value(of: line)
                nonce = TextHash(value.span).value | 1
                if value.matches(Self.sampleKey) { traits.insert(.sampleKey) }
            case .secWebSocketVersion:
                for byte in request.value(of: line).prefix(8) { version = version &* 10 &+ UInt16(byte & 15) }
            case .userAgent: visitor.add(request.value(of: line))
            case .cookie:
                visitor.add(request.value(of: line))
                traits.insert(.cookie)
            case .authorization: traits.insert(.authorization)
            case .proxyAuthorization: traits.insert(.proxyAuthorization)
            case .via, .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto, .xRealIP:
                forwardingLines &+= 1
            case .upgrade:
                traits.insert(.offers)
                if Self.namesTLS(request.value(of: line)) { traits.insert(.offersTLS) }
            default: break
            }
        }
        if nonce != 0, traits.contains(.offers) { traits.insert(.webSocket) }
        self.nonce = nonce
        self.host = host.value
        self.visitor = visitor.value
        self.version = version
        self.forwardingLines = forwardingLines
        resource = host.joined(with: TextHash(request.target.span).value)
        self.traits = traits
    }

    private static var sampleKey: StaticString { "dGhlIHNhbXBsZSBub25jZQ==" }

    /// Refused, cut off before the answer, or over without a Close from either side.
    ///
    /// Where bytes are missing an answer or a Close may be among them.
    private static func endedAbnormally(_ exchange: Exchange) -> Bool {
        let connection = exchange.connection
        let isOver = connection.ended.client != .open || connection.ended.server != .open
        let isWhole =
            connection.gapBytes == PerDirection(both: 0) && connection.packets.client > 0
            && connection.packets.server > 0
        guard let response = exchange.response else { return isOver && isWhole && exchange.reason != .gap }
        if response.status >= 400 { return true }
        guard exchange.outcome == .switched, isOver, isWhole, let facts = exchange.websocket else { return false }
        return facts.sides.client.close == nil && facts.sides.server.close == nil
    }

    /// "TLS/" with any version.
    private static func namesTLS(_ value: ArraySlice<UInt8>) -> Bool {
        guard value.count >= 3 else { return false }
        for start in value.startIndex...(value.endIndex - 3)
        where value[start..<start + 3].matchesIgnoringCase("tls") {
            let starts = start == value.startIndex || [0x20, 0x2c, 0x09].contains(value[start - 1])
            let end = start + 3
            if starts, end == value.endIndex || [0x2f, 0x20, 0x2c].contains(value[end]) { return true }
        }
        return false
    }

    /// What comes first in order of asking; the same on every run.
    static func precedes(_ left: ExchangeSummary, _ right: ExchangeSummary) -> Bool {
        left.asked == right.asked ? left.key < right.key : left.asked < right.asked
    }
}

/// Sixty-four bits that stand for a text.
struct TextHash {
    private(set) var value: UInt64 = 0x2545_f491_4f6c_dd1d

    init() {}

    /// Of one text.
    init(_ bytes: Span<UInt8>) { add(bytes) }

    mutating func add(_ bytes: ArraySlice<UInt8>, folded: Bool = false) { add(bytes.span, folded: folded) }

    mutating func add(_ bytes: Span<UInt8>, folded: Bool = false) {
        for index in stride(from: 0, to: bytes.count, by: 8) {
            let word = ByteWord(bytes, at: index)
            step(folded ? word.lettersLowercased : word.word)
        }
        step(UInt64(bytes.count))
    }

    /// The hash of two texts, of the second of which that is the hash.
    func joined(with hash: UInt64) -> UInt64 {
        var both = self
        both.step(hash)
        return both.value
    }

    private mutating func step(_ word: UInt64) {
        value = (value ^ word) &* 0x9e37_79b9_7f4a_7c15
        value ^= value >> 29
    }
}

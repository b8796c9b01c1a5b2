// What a CONNECT tunnel carries. It is opaque by RFC 9110 9.3.6 and its bytes are only counted; but where the client
// plainly speaks HTTP in it, that inner conversation is followed, and its exchanges name the CONNECT as their parent.
//
// Tunnels in tunnels take a frame of the stack each: so many are followed, and what is deeper is opaque.

import Ground

final class TunnelDecoder: UpgradedDecoder {
    private let context: AnalysisContext
    private let facts: ConnectionFacts
    private let enclosure: Enclosure
    private var inner: Conversation?
    private var sniffed = false
    /// What was said before the client's first bytes told what they are.
    private var waiting: [Piece] = []
    private var opening: [UInt8] = []
    private var waitingBytes = 0

    /// Bytes that the server may say, and pieces, before it is clear what the client speaks.
    private static var patience: (bytes: Int, pieces: Int) { (64 * 1024, 64) }

    /// Bytes of one direction, or a hole of as many.
    private enum Piece {
        case bytes([UInt8], Direction, offset: Int64, mark: PacketMark)
        case hole(Direction, from: Int64, to: Int64, mark: PacketMark)
    }

    init(_ facts: ConnectionFacts, _ enclosure: Enclosure, context: AnalysisContext) {
        self.context = context
        self.enclosure = enclosure
        self.facts = facts
    }

    func receive(_ bytes: Span<UInt8>, _ direction: Direction, offset: Int64, mark: PacketMark) {
        if sniffed {
            _ = inner?.receive(bytes, direction, offset: offset, mark: mark)
            return
        }
        if direction == .client { opening.append(bytes) }
        waiting.append(.bytes(bytes.array, direction, offset: offset, mark: mark))
        waitingBytes += bytes.count
        let waitsNoLonger = waiting.count > Self.patience.pieces || waitingBytes > Self.patience.bytes
        guard var isHTTP = Sniffer.beginsRequest(opening.span) ?? (waitsNoLonger ? false : nil) else { return }
        sniffed = true
        if isHTTP, enclosure.depth > context.options.limits.nestedTunnels {
            context.hit("nested-tunnels")
            isHTTP = false
        }
        if isHTTP {
            let conversation = Conversation(context: context, facts: facts, midstream: false, inside: enclosure)
            for piece in waiting {
                switch piece {
                case .bytes(let bytes, let direction, let offset, let mark):
                    _ = conversation.receive(bytes.span, direction, offset: offset, mark: mark)
                case .hole(let direction, let from, let to, let mark):
                    _ = conversation.gap(direction, from: from, to: to, mark: mark)
                }
            }
            inner = conversation
        }
        waiting = []
        opening = []
    }

    func gap(_ direction: Direction, from: Int64, to: Int64, mark: PacketMark) {
        if sniffed {
            _ = inner?.gap(direction, from: from, to: to, mark: mark)
        } else if waiting.count <= Self.patience.pieces {
            waiting.append(.hole(direction, from: from, to: to, mark: mark))
            // What comes behind the hole may begin a request.
            if direction == .client { opening = [] }
        }
    }

    func finish(into exchange: inout Exchange) {
        let client = Sniffer.client(exchange.switched.client.excerpt.span)
        exchange.inner = client == .unknown ? Sniffer.server(exchange.switched.server.excerpt.span) : client
        inner?.finish(exchange.connection)
    }

    func forEachOpenInside(_ body: (ExchangeProgress) -> Void) { inner?.forEachOpen(body) }

    var isCausal: Bool { inner?.isCausal ?? !sniffed }

    var innerExchanges: (waiting: [Exchange], count: Int) { inner?.finished ?? ([], 0) }

    /// What is followed inside tells of its holes itself.
    var isOpaque: Bool { inner == nil }
}

extension UpgradedDecoder {
    /// None, for every protocol but a tunnel.
    var innerExchanges: (waiting: [Exchange], count: Int) { ([], 0) }
    func forEachOpenInside(_ body: (ExchangeProgress) -> Void) {}
    /// Never, for every protocol but a tunnel: where all bytes are only counted there is no decoder.
    var isOpaque: Bool { false }
    /// Never, for every protocol but a tunnel.
    var isCausal: Bool { false }
    /// None, for every protocol but WebSocket.
    var messages: PerDirection<UInt64>? { nil }
    /// Told at the end only, for every protocol but WebSocket.
    var anomalies: [Anomaly] { [] }
    var anomalyCount: Int { 0 }
}

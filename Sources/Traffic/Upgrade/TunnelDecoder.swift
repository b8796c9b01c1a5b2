// What a CONNECT tunnel carries. It is opaque by RFC 9110 9.3.6 and its bytes are only counted; but where the client
// plainly speaks HTTP in it, that inner conversation is followed, and its exchanges name the CONNECT as their parent.

final class TunnelDecoder: UpgradedDecoder {
    private let context: AnalysisContext
    private let facts: ConnectionFacts
    private var inner: Conversation?
    private var sniffed = false
    /// What was said before the client's first bytes told what they are.
    private var waiting: [Piece] = []
    private var opening: [UInt8] = []

    /// Bytes of one direction, or a hole of as many.
    private enum Piece {
        case bytes([UInt8], Direction, offset: Int64, mark: PacketMark)
        case hole(Direction, from: Int64, to: Int64, mark: PacketMark)
    }

    init(_ facts: ConnectionFacts, context: AnalysisContext) {
        self.context = context
        self.facts = facts
    }

    func receive(_ bytes: Span<UInt8>, _ direction: Direction, offset: Int64, mark: PacketMark) {
        if sniffed {
            _ = inner?.receive(bytes, direction, offset: offset, mark: mark)
            return
        }
        if direction == .client { opening.append(bytes) }
        waiting.append(.bytes(bytes.array, direction, offset: offset, mark: mark))
        guard let isHTTP = Sniffer.beginsRequest(opening.span) ?? (waiting.count > 64 ? false : nil) else { return }
        sniffed = true
        if isHTTP {
            let conversation = Conversation(context: context, facts: facts, midstream: false, isInner: true)
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
        } else if waiting.count <= 64 {
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

    func innerExchanges(of parent: ExchangeKey) -> [Exchange] {
        guard let inner else { return [] }
        return inner.finished.map {
            var child = $0
            if child.parent == nil { child.parent = parent }
            return child
        }
    }
}

extension UpgradedDecoder {
    /// None, for every protocol but a tunnel.
    func innerExchanges(of parent: ExchangeKey) -> [Exchange] { [] }
    func forEachOpenInside(_ body: (ExchangeProgress) -> Void) {}
    /// Never, for every protocol but a tunnel.
    var isCausal: Bool { false }
    /// None, for every protocol but WebSocket.
    var messages: PerDirection<UInt64>? { nil }
    /// Told at the end only, for every protocol but WebSocket.
    var anomalies: [Anomaly] { [] }
    var anomalyCount: Int { 0 }
}

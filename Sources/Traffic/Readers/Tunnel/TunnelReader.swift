// What a CONNECT tunnel carries. It is opaque by RFC 9110 9.3.6 and its bytes are only counted; but where the client
// plainly speaks HTTP in it, the stream inside gets a reader of its own, and its exchanges name the CONNECT as their
// parent. Its bytes are those of the stream that carries it, one by one, and go on being counted as there.
//
// Tunnels in tunnels take a frame of the stack each: so many are followed, and what is deeper is opaque.

final class TunnelReader: SessionReader {
    private let context: AnalysisContext
    private let facts: ConnectionFacts
    private let enclosure: Enclosure
    private let stream: StreamID
    private var inner: (any ExchangeReader)?
    /// What came before the client's first bytes showed what they are; `nil` once they did.
    private var detection: Detection? = Detection()

    init(_ exchange: borrowing Exchange, _ outer: Enclosure?, _ context: AnalysisContext) {
        self.context = context
        enclosure = Enclosure(parent: exchange.key, depth: (outer?.depth ?? 0) + 1)
        facts = exchange.connection
        stream = exchange.key.stream
    }

    @discardableResult
    func receive(_ chunk: borrowing Chunk) -> StreamEffects {
        guard detection != nil else { return inner?.receive(chunk) ?? [] }
        detection?.keep(chunk)
        decide()
        return .wereRead
    }

    @discardableResult
    func gap(_ gap: Gap) -> StreamEffects {
        guard detection != nil else { return inner?.gap(gap) ?? [] }
        detection?.keep(gap)
        return []
    }

    private func decide() {
        guard let detection,
            let isHTTP = Sniffer.beginsRequest(detection.opening.span) ?? (detection.isExhausted ? false : nil)
        else { return }
        self.detection = nil
        guard isHTTP else { return }
        guard enclosure.depth <= context.options.limits.nestedTunnels else { return context.hit("nested-tunnels") }
        let reader = context.makeReader(context, facts, stream, false, enclosure)
        detection.replay(to: reader)
        inner = reader
    }

    func finish(into exchange: inout Exchange) {
        let client = Sniffer.client(exchange.switched.client.excerpt.span)
        exchange.inner = client == .unknown ? Sniffer.server(exchange.switched.server.excerpt.span) : client
        inner?.finish(exchange.connection)
    }

    func forEachOpen(_ body: (ExchangeProgress) -> Void) { inner?.forEachOpen(body) }

    var isCausal: Bool { inner?.isCausal ?? (detection != nil) }

    var innerExchanges: (waiting: [Exchange], count: Int) { inner?.finished ?? ([], 0) }

    /// What is followed inside reports its holes itself.
    var isOpaque: Bool { inner == nil }
}

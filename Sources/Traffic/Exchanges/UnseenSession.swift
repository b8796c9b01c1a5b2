// A WebSocket session whose handshake was not captured.
//
// Nobody said that these bytes are frames: they read as frames, in both directions, each with the mask bit it must have.
// So the exchange is inferred, and has neither a request nor an answer. Its frames are counted and not judged, because what
// was agreed on is not known.

final class UnseenSession {
    // Most of what begins in the middle is something else: only its first bytes are looked at one by one.
    private let client = FrameSearch(.client, allowsCompression: true, insideBytes: 1 << 14)
    private let server = FrameSearch(.server, allowsCompression: true, insideBytes: 1 << 14)

    private func search(_ direction: Direction) -> FrameSearch { direction == .client ? client : server }

    func take(_ chunk: borrowing Chunk) { search(chunk.direction).take(chunk) }

    func gap(_ direction: Direction, _ missing: Int64) { search(direction).gap(missing) }

    /// Headers that read as frames.
    var evidence: UInt32 { UInt32(clamping: client.evidence + server.evidence) }

    /// Three headers of one side (RULES CAP003), or of both together where each side begins with a frame and ends with
    /// one; more where the other side speaks and says nothing like it.
    var isBelieved: Bool {
        if client.isBelieved, server.evidence > 0 || server.stream.bytes == 0 { return true }
        if server.isBelieved, client.evidence > 0 || client.stream.bytes == 0 { return true }
        if client.isBelieved && client.evidence >= 8 || server.isBelieved && server.evidence >= 8 { return true }
        return client.isWhole && server.isWhole && evidence >= 3
    }

    /// The exchange that this is, as far as it can be known.
    func exchange(on facts: ConnectionFacts) -> Exchange? {
        guard isBelieved else { return nil }
        var exchange = Exchange(kind: .upgrade, connection: facts, first: facts.first)
        exchange.outcome = .switched
        exchange.upgraded = .websocket
        exchange.protocolName = "websocket"
        exchange.protocolInferred = true
        let session = WebSocketFacts()
        for direction in Direction.allCases {
            let search = search(direction)
            exchange.switched[direction] = search.stream
            if let last = search.stream.last, exchange.lastMark.precedes(last) { exchange.lastMark = last }
            guard let found = search.finish(acceptsShortRun: true) else { continue }
            session.sides[direction] = WebSocketSide(found)
            if found.compressedMessages > 0 { session.agreement.deflate = true }
        }
        exchange.websocket = session
        return exchange
    }
}

extension WebSocketSide {
    fileprivate init(_ found: ResumedFrames) {
        self.init()
        frames = found.frames
        textMessages = found.textMessages
        binaryMessages = found.binaryMessages
        compressedMessages = found.compressedMessages
        payloadBytes = found.payloadBytes
        wireBytes = found.wireBytes
        close = found.close
    }
}

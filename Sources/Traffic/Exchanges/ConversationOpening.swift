// The very beginning of a connection, where a PROXY header may stand before the first request.

internal import Ground

extension ConversationState {
    /// The first bytes of a client that may be a PROXY header; returns the index after what is taken.
    mutating func readOpening(_ chunk: borrowing Chunk, _ index: Int) -> Int {
        let rest = chunk.bytes.extracting(index...)
        if client.remaining > 0 {
            let step = Int(min(Int64(rest.count), client.remaining))
            client.remaining -= Int64(step)
            if client.remaining == 0 { client.after(.firstMessage) }
            return index + step
        }
        let before = client.buffer.count
        guard before > 0 || ProxyHeader.mayBegin(with: rest[0]) else {
            client.after(.firstMessage)
            return index
        }
        var candidate = client.buffer
        candidate.append(rest.extracting(..<min(rest.count, max(0, ProxyHeader.longest - before))))
        switch ProxyHeader.read(candidate.span) {
        case .none:
            // What was kept is the beginning of a request.
            client.after(.firstMessage)
            return index
        case .incomplete:
            if before == 0 {
                keepClient(chunk.from(index))
            } else {
                client.buffer.append(rest)
            }
            return chunk.count
        case .found(let header):
            proxied = header.addresses
            client.buffer = []
            client.remaining = Int64(header.rest)
            client.after(header.rest > 0 ? .proxyHeader : .firstMessage)
            return index + max(0, header.length - before)
        }
    }
}

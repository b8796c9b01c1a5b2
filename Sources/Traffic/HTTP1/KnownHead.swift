// A head that lies whole in one segment and has a known shape: a glance instead of a reading.
//
// The start line is the usual one, and nothing else: GET of a path in HTTP/1.1, or HTTP/1.1 with 101 or a refusal.

/// What a glance shows; ranges count from the first byte of the head.
struct KnownHead {
    /// As `MessageHead.shape`; never 0.
    var shape: UInt32 = 0
    /// Up to the end of the empty line.
    var length = 0
    var target = 0..<0
    var nonce = 0..<0
    /// Of a response.
    var status: UInt16 = 0
    /// Bytes of content behind a refusal.
    var content = 0
}

extension ParsedHead {
    /// The request that `bytes` begin with; `nil` for one that has to be read.
    func knownRequest(_ bytes: Span<UInt8>) -> KnownHead? {
        guard bytes.has("GET /", at: 0), let lf = bytes.firstIndex(of: 0x0a, from: 5), lf >= 15,
            bytes.has(" HTTP/1.1\r", at: lf - 10)
        else { return nil }
        let target = 4..<(lf - 10)
        guard Self.isVisible(bytes.extracting(target)), let shape = requestShapes?.find(bytes, from: lf + 1),
            !shape.has(.contentLength), !shape.has(.transferEncoding), !shape.has(.secWebSocketKey1)
        else { return nil }
        return KnownHead(
            shape: shape.number, length: lf + 1 + shape.bytes.count, target: target,
            nonce: (lf + 1 + shape.nonce.lowerBound)..<(lf + 1 + shape.nonce.upperBound))
    }

    /// The answer that `bytes` begin with: a switch without extensions, or a refusal whose content is counted.
    func knownAnswer(_ bytes: Span<UInt8>) -> KnownHead? {
        guard bytes.has("HTTP/1.1 ", at: 0), let lf = bytes.firstIndex(of: 0x0a, from: 12), lf >= 14,
            bytes[lf - 1] == 0x0d, bytes[12] == 0x20
        else { return nil }
        for index in 13..<(lf - 1) where bytes[index] &- 0x20 > 0x5e { return nil }
        var status: UInt16 = 0
        for index in 9..<12 {
            guard bytes[index] &- 0x30 < 10 else { return nil }
            status = status * 10 + UInt16(bytes[index] - 0x30)
        }
        guard status == 101 || status >= 400,
            let shape = (status == 101 ? answerShapes : refusalShapes)?.find(bytes, from: lf + 1),
            !shape.has(.transferEncoding), !shape.has(.secWebSocketExtensions)
        else { return nil }
        if status == 101 ? shape.has(.contentLength) : shape.content < 0 { return nil }
        return KnownHead(
            shape: shape.number, length: lf + 1 + shape.bytes.count,
            nonce: (lf + 1 + shape.nonce.lowerBound)..<(lf + 1 + shape.nonce.upperBound), status: status,
            content: max(shape.content, 0))
    }

    /// Only bytes that ink shows: no control byte, no space, nothing beyond ASCII.
    private static func isVisible(_ bytes: Span<UInt8>) -> Bool {
        var isVisible = true
        for index in bytes.indices { isVisible = isVisible && bytes[index] &- 0x21 < 0x5e }
        return isVisible
    }
}

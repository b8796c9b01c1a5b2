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

    /// A head whose fields have that shape and begin at `start`.
    fileprivate init(
        _ shape: borrowing HeadShapes.Shape, from start: Int, target: Range<Int> = 0..<0, status: UInt16 = 0
    ) {
        self.shape = shape.number
        length = start + shape.bytes.count
        self.target = target
        nonce = (start + shape.nonce.lowerBound)..<(start + shape.nonce.upperBound)
        self.status = status
        content = max(shape.content, 0)
    }
}

extension FieldName {
    /// As in `HeadShapes.Shape.present`.
    fileprivate var bit: UInt64 { 1 << UInt64(rawValue) }
}

extension ParsedHead {
    /// The request that `bytes` begin with; `nil` for one that has to be read.
    func knownRequest(_ bytes: Span<UInt8>) -> KnownHead? {
        guard bytes.has("GET /", at: 0), let lf = bytes.firstIndex(of: 0x0a, from: 5), lf >= 15,
            bytes.has(" HTTP/1.1\r", at: lf - 10)
        else { return nil }
        let target = 4..<(lf - 10)
        guard Self.isVisible(bytes.extracting(target)), let index = requestShapes.index(of: bytes, from: lf + 1)
        else { return nil }
        let unusual = FieldName.contentLength.bit | FieldName.transferEncoding.bit | FieldName.secWebSocketKey1.bit
        guard requestShapes[index].present & unusual == 0 else { return nil }
        return KnownHead(requestShapes[index], from: lf + 1, target: target)
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
        if status == 101 {
            let unusual =
                FieldName.contentLength.bit | FieldName.transferEncoding.bit | FieldName.secWebSocketExtensions.bit
            guard let index = answerShapes.index(of: bytes, from: lf + 1), answerShapes[index].present & unusual == 0
            else { return nil }
            return KnownHead(answerShapes[index], from: lf + 1, status: status)
        }
        let unusual = FieldName.transferEncoding.bit | FieldName.secWebSocketExtensions.bit
        guard status >= 400, let index = refusalShapes.index(of: bytes, from: lf + 1),
            refusalShapes[index].present & unusual == 0, refusalShapes[index].content >= 0
        else { return nil }
        return KnownHead(refusalShapes[index], from: lf + 1, status: status)
    }

    /// Only bytes that ink shows: no control byte, no space, nothing beyond ASCII.
    private static func isVisible(_ bytes: Span<UInt8>) -> Bool {
        var index = 0
        while bytes.count - index >= 8 {
            guard let word = ByteWord(ascii: bytes.load64(index)),
                word.reaches(0x21) & ~word.reaches(0x7f) & ByteWord.all == ByteWord.all
            else { return false }
            index += 8
        }
        while index < bytes.count {
            guard bytes[index] &- 0x21 < 0x5e else { return false }
            index += 1
        }
        return true
    }
}

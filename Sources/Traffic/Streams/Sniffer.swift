// First bytes, looked at without knowing where they came from.

internal import Ground

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

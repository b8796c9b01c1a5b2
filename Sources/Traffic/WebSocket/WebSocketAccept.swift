// The answer to a key: base64 of SHA-1 of the key's text and a fixed GUID (RFC 6455 4.2.2, 5.4).

import Crypto

/// Sec-WebSocket-Accept.
public enum WebSocketAccept {
    /// Sec-WebSocket-Accept for a key as it stood in the request, white space around it left out.
    public static func value(for key: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(28)
        forEachLetter(of: key.span) { output.append($0) }
        return output
    }

    /// Whether `text` is the Sec-WebSocket-Accept for that key.
    static func isValue(_ text: Span<UInt8>, for key: Span<UInt8>) -> Bool {
        guard text.count == 28 else { return false }
        var index = 0
        var isEqual = true
        forEachLetter(of: key) { letter in
            isEqual = isEqual && text[index] == letter
            index += 1
        }
        return isEqual
    }

    /// Calls `body` with the 28 letters of the Accept for a key.
    private static func forEachLetter(of key: Span<UInt8>, _ body: (UInt8) -> Void) {
        var input: [UInt8] = []
        input.reserveCapacity(key.count + guid.count)
        input.append(key)
        input.append(guid.span)
        var bits: UInt32 = 0
        var count = 0
        for byte in Insecure.SHA1.hash(data: input) {
            bits = bits << 8 | UInt32(byte)
            count += 1
            guard count == 3 else { continue }
            body(letter(bits >> 18))
            body(letter(bits >> 12 & 63))
            body(letter(bits >> 6 & 63))
            body(letter(bits & 63))
            bits = 0
            count = 0
        }
        // SHA-1 has 20 bytes: two are left.
        bits <<= 8
        body(letter(bits >> 18))
        body(letter(bits >> 12 & 63))
        body(letter(bits >> 6 & 63))
        body(UInt8(ascii: "="))
    }

    private static let guid = [UInt8]("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)

    private static func letter(_ value: UInt32) -> UInt8 {
        switch value {
        case 0..<26: UInt8(0x41 + value)
        case 26..<52: UInt8(0x61 + value - 26)
        case 52..<62: UInt8(0x30 + value - 52)
        case 62: 0x2b
        default: 0x2f
        }
    }
}

// The answer to a key: base64 of SHA-1 of the key's text and a fixed GUID (RFC 6455 4.2.2, 5.4).

import Crypto

/// Sec-WebSocket-Accept.
public enum WebSocketAccept {
    /// Sec-WebSocket-Accept for a key as it stood in the request, white space around it left out.
    public static func value(for key: ArraySlice<UInt8>) -> [UInt8] {
        var input: [UInt8] = []
        input.reserveCapacity(key.count + guid.count)
        input.append(contentsOf: key)
        input.append(contentsOf: guid)
        var output: [UInt8] = []
        output.reserveCapacity(28)
        var bits: UInt32 = 0
        var count = 0
        for byte in Insecure.SHA1.hash(data: input) {
            bits = bits << 8 | UInt32(byte)
            count += 1
            guard count == 3 else { continue }
            output.append(letter(bits >> 18))
            output.append(letter(bits >> 12 & 63))
            output.append(letter(bits >> 6 & 63))
            output.append(letter(bits & 63))
            bits = 0
            count = 0
        }
        // SHA-1 has 20 bytes: two are left.
        bits <<= 8
        output.append(letter(bits >> 18))
        output.append(letter(bits >> 12 & 63))
        output.append(letter(bits >> 6 & 63))
        output.append(UInt8(ascii: "="))
        return output
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

// The answer to a key: base64 of SHA-1 of the key's text and a fixed GUID (RFC 6455 4.2.2, 5.4).

import Ground

/// Sec-WebSocket-Accept.
public enum WebSocketAccept {
    /// Sec-WebSocket-Accept for a key as it stood in the request, white space around it left out.
    public static func value(for key: ArraySlice<UInt8>) -> [UInt8] {
        let input = key + guid
        let digest = SHA1.digest(of: input.span)
        return Base64.encode(digest.span)
    }

    private static let guid = [UInt8]("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
}

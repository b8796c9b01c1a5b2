// The one TLS message that is always in clear: whom the client wants and what it would speak (RFC 8446 4.1.2,
// RFC 6066 3, RFC 7301 3.1). Read so that a report can name what it could not see.

import Ground

/// Server name and protocols of a ClientHello.
struct ClientHello {
    var serverName: String?
    var protocols: [String] = []

    /// Reads a TLS record at the start of `bytes`; `nil` when it is none.
    ///
    /// A cut one gives what was read.
    init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= 6, bytes[0] == 0x16, bytes[1] == 0x03, bytes[5] == 0x01 else { return nil }
        var reader = Reader(index: 9, end: bytes.count)
        guard reader.skip(34, bytes), let session = reader.u8(bytes), reader.skip(session, bytes),
            let suites = reader.u16(bytes), reader.skip(suites, bytes), let methods = reader.u8(bytes),
            reader.skip(methods, bytes), let extensions = reader.u16(bytes)
        else { return }
        reader.end = min(reader.end, reader.index + extensions)
        while let type = reader.u16(bytes), let length = reader.u16(bytes) {
            var inner = Reader(index: reader.index, end: min(reader.end, reader.index + length))
            if type == 0 {
                if inner.skip(3, bytes), let count = inner.u16(bytes) { serverName = inner.text(count, bytes) }
            } else if type == 16 {
                let hasList = inner.u16(bytes) != nil
                while hasList, protocols.count < 16, let count = inner.u8(bytes), let name = inner.text(count, bytes) {
                    protocols.append(name)
                }
            }
            guard reader.skip(length, bytes) else { return }
        }
    }

    private struct Reader {
        var index: Int
        var end: Int

        mutating func u8(_ bytes: Span<UInt8>) -> Int? {
            guard index < end else { return nil }
            index += 1
            return Int(bytes[index - 1])
        }
        mutating func u16(_ bytes: Span<UInt8>) -> Int? {
            guard end - index >= 2 else { return nil }
            index += 2
            return Int(bytes[index - 2]) << 8 | Int(bytes[index - 1])
        }
        mutating func skip(_ count: Int, _ bytes: Span<UInt8>) -> Bool {
            guard end - index >= count else { return false }
            index += count
            return true
        }
        mutating func text(_ count: Int, _ bytes: Span<UInt8>) -> String? {
            guard count <= 255, end - index >= count else { return nil }
            index += count
            return String(decoding: bytes.extracting((index - count)..<index).array, as: UTF8.self)
        }
    }
}

extension ConnectionRemarks {
    /// What it asks for.
    func note(_ hello: ClientHello) {
        serverName = hello.serverName
        protocols = hello.protocols
    }
}

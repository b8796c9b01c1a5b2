// Community ID, version 1: a flow's endpoints hashed, so that tools which never met can name the same flow.
// "1:" and the base64 of SHA-1 over seed, addresses, protocol, padding and ports, lesser endpoint first.

import Crypto
import Ground
import Traffic

enum CommunityID {
    private static let tcp: UInt8 = 6

    static func text(_ one: Endpoint, _ other: Endpoint) -> String {
        let (first, second) = one < other ? (one, other) : (other, one)
        var bytes: [UInt8] = [0, 0]
        bytes += networkBytes(first.address) + networkBytes(second.address)
        bytes += [tcp, 0]
        for port in [first.port, second.port] { bytes += [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)] }
        return "1:" + Base64.text(Array(Insecure.SHA1.hash(data: bytes)))
    }

    private static func networkBytes(_ address: IPAddress) -> [UInt8] {
        if address.isV4 {
            return [24, 16, 8, 0].map { (shift: UInt32) in UInt8(truncatingIfNeeded: address.v4 >> shift) }
        }
        return [address.high, address.low].flatMap { (half: UInt64) in
            stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
        }
    }
}

/// Base64 (RFC 4648 4).
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let group = (0..<3).reduce(UInt32(0)) {
                $0 << 8 | (index + $1 < bytes.count ? UInt32(bytes[index + $1]) : 0)
            }
            let characters = min(bytes.count - index, 3) + 1
            for position in 0..<4 {
                text.append(
                    position < characters
                        ? alphabet[Int(group >> UInt32(18 - 6 * position) & 63)] : UInt8(ascii: "="))
            }
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether `text` is what encoding `count` bytes gives, unused bits zero.
    static func isEncoding(ofBytes count: Int, _ text: ArraySlice<UInt8>) -> Bool {
        let length = (count + 2) / 3 * 4
        let padding = (3 - count % 3) % 3
        guard text.count == length, text.suffix(padding).allSatisfy({ $0 == UInt8(ascii: "=") }) else { return false }
        let values = text.dropLast(padding).map { alphabet.firstIndex(of: $0) }
        guard let last = values.last, let last, values.allSatisfy({ $0 != nil }) else { return false }
        return last & ((1 << (2 * padding)) - 1) == 0
    }
}

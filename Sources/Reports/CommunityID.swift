// Community ID, version 1: a flow's endpoints hashed, so that tools which never met can name the same flow.
// "1:" and the base64 of SHA-1 over seed, addresses, protocol, padding and ports, lesser endpoint first.

import Ground
import Traffic

enum CommunityID {
    private static let tcp: UInt8 = 6

    static func text(_ one: Endpoint, _ other: Endpoint) -> String {
        let (first, second) = one < other ? (one, other) : (other, one)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(40)
        // The seed, of two bytes.
        add(0, bytes: 2, to: &bytes)
        add(first.address, to: &bytes)
        add(second.address, to: &bytes)
        bytes.append(tcp)
        bytes.append(0)
        add(UInt64(first.port), bytes: 2, to: &bytes)
        add(UInt64(second.port), bytes: 2, to: &bytes)
        let digest = SHA1.digest(of: bytes.span)
        return "1:" + String(decoding: Base64.encode(digest.span), as: UTF8.self)
    }

    private static func add(_ address: IPAddress, to bytes: inout [UInt8]) {
        if address.isV4 { return add(UInt64(address.v4), bytes: 4, to: &bytes) }
        add(address.high, bytes: 8, to: &bytes)
        add(address.low, bytes: 8, to: &bytes)
    }

    /// In network order.
    private static func add(_ number: UInt64, bytes count: UInt64, to bytes: inout [UInt8]) {
        for place in 1...count { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * (count - place)))) }
    }
}

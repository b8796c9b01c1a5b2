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

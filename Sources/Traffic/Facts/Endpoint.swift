// Addresses. IPv4 is kept as its IPv4-mapped IPv6 form, so that a flow key is the same size for both.

/// An IPv4 or IPv6 address.
public struct IPAddress: Sendable, Hashable, Comparable, BitwiseCopyable {
    /// The first eight bytes, in network order; 0 for IPv4.
    public var high: UInt64
    /// The last eight bytes, in network order; `0000ffff` and the address for IPv4.
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// An IPv4 address from its 32 bits, most significant byte first.
    public init(v4 bits: UInt32) { self.init(high: 0, low: 0x0000_ffff_0000_0000 | UInt64(bits)) }

    /// An address from its text: dotted quad, or any spelling of RFC 4291 2.2 without a zone.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)[...]
        guard let address = Self.parse(bytes, isV4: true) ?? Self.parse(bytes, isV4: false) else { return nil }
        self = address
    }

    /// Whether this is an IPv4 address.
    public var isV4: Bool { high == 0 && low >> 32 == 0xffff }
    /// The 32 bits of an IPv4 address.
    public var v4: UInt32 { UInt32(truncatingIfNeeded: low) }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool { isV4 ? v4 >> 24 == 127 : high == 0 && low == 1 }

    /// Private, link-local or loopback by RFC 1918, RFC 4193, RFC 3927 and RFC 4291.
    public var isPrivate: Bool {
        if isLoopback { return true }
        if isV4 {
            return v4 >> 24 == 10 || v4 >> 20 == 0xac1 || v4 >> 16 == 0xc0a8 || v4 >> 16 == 0xa9fe
        }
        return high >> 57 == 0x7e || high >> 54 == 0x3fa
    }

    public static func < (left: IPAddress, right: IPAddress) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted quad, or the canonical text of RFC 5952.
    public var description: String {
        if isV4 {
            let bits = v4
            return "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
        }
        let groups: [UInt16] = (0..<8).map { (index: Int) -> UInt16 in
            let half = index < 4 ? high : low
            return UInt16(truncatingIfNeeded: half >> UInt64(48 - (index & 3) * 16))
        }
        var best = (start: 0, count: 0)
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > best.count, end - start > 1 { best = (start, end - start) }
            start = max(end, start + 1)
        }
        if best.count == 0 { return groups.map { String($0, radix: 16) }.joined(separator: ":") }
        let before = groups[..<best.start].map { String($0, radix: 16) }.joined(separator: ":")
        let after = groups[(best.start + best.count)...].map { String($0, radix: 16) }.joined(separator: ":")
        return before + "::" + after
    }
}

/// An address and a TCP port.
public struct Endpoint: Sendable, Hashable, Comparable, CustomStringConvertible, BitwiseCopyable {
    public var address: IPAddress
    public var port: UInt16

    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    public static func < (left: Endpoint, right: Endpoint) -> Bool {
        (left.address, left.port) < (right.address, right.port)
    }

    /// `192.0.2.1:80` or `[2001:db8::1]:80`.
    public var description: String { address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}

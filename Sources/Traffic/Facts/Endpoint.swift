// Addresses. IPv4 is kept as its IPv4-mapped IPv6 form, so that a flow key is the same size for both.

internal import Ground

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
        var text: [UInt8] = []
        text.reserveCapacity(39)
        write(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends its text.
    public func write(to text: inout [UInt8]) {
        if isV4 {
            for index in 0..<4 as Range<UInt32> {
                if index > 0 { text.append(UInt8(ascii: ".")) }
                text.append(decimal: UInt64(v4 >> (24 - 8 * index) & 255))
            }
            return
        }
        func group(_ index: Int) -> UInt64 { (index < 4 ? high : low) >> UInt64(48 - (index & 3) * 16) & 0xffff }
        var best = (start: 8, count: 0)
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, group(end) == 0 { end += 1 }
            if end - start > best.count, end - start > 1 { best = (start, end - start) }
            start = max(end, start + 1)
        }
        let after = best.start + best.count
        for index in 0..<8 where index <= best.start || index >= after {
            // Two colons stand for the longest run of zeros.
            guard index != best.start else {
                text.append(contentsOf: "::".utf8)
                continue
            }
            if index > 0, index != after { text.append(UInt8(ascii: ":")) }
            text.append(hex: group(index))
        }
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

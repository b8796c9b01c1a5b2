// Reading an address that was written as text.

import Ground

extension IPAddress {
    /// An IPv4 address, or one of IPv6.
    static func parse(_ text: ArraySlice<UInt8>, isV4: Bool) -> IPAddress? { isV4 ? v4(text) : v6(text) }

    /// Up to five digits, without a leading zero.
    static func decimal(_ digits: ArraySlice<UInt8>, most: UInt32) -> UInt32? {
        guard digits.count == 1 || digits.first != 0x30, let value = digits.decimal(digits: 1...5) else { return nil }
        return value <= most ? UInt32(value) : nil
    }

    private static func v4(_ text: ArraySlice<UInt8>) -> IPAddress? {
        let parts = text.split(separator: 0x2e, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard let byte = decimal(part, most: 255) else { return nil }
            bits = bits << 8 | byte
        }
        return IPAddress(v4: bits)
    }

    /// RFC 4291 2.2: groups, one run of zeros left out, an IPv4 address at the end.
    private static func v6(_ text: ArraySlice<UInt8>) -> IPAddress? {
        var groups: [UInt16] = []
        /// Groups before "::".
        var gap: Int?
        var rest = text
        if rest.starts(with: [0x3a, 0x3a]) {
            gap = 0
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            guard groups.count < 8 else { return nil }
            let group = rest.prefix { $0 != 0x3a }
            if group.count == rest.count, group.contains(0x2e) {
                guard let address = v4(group), groups.count <= 6 else { return nil }
                groups += [UInt16(truncatingIfNeeded: address.v4 >> 16), UInt16(truncatingIfNeeded: address.v4)]
                break
            }
            guard let value = hexadecimal(group) else { return nil }
            groups.append(value)
            rest = rest.dropFirst(group.count)
            guard rest.first == 0x3a else { continue }
            rest = rest.dropFirst()
            if rest.first == 0x3a {
                guard gap == nil else { return nil }
                gap = groups.count
                rest = rest.dropFirst()
            } else if rest.isEmpty {
                return nil
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        let high = groups[..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        return IPAddress(high: high, low: groups[4...].reduce(UInt64(0)) { $0 << 16 | UInt64($1) })
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(digits.count) else { return nil }
        var value: UInt16 = 0
        for digit in digits {
            guard let nibble = digit.hexValue else { return nil }
            value = value << 4 | UInt16(nibble)
        }
        return value
    }
}

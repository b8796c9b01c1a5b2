// The PROXY protocol: what a load balancer says in front of the first request, so that the server learns who the
// client is (HAProxy's proxy-protocol.txt, versions 1 and 2).
//
//     v1   PROXY TCP4 192.0.2.1 198.51.100.1 40000 80 CR LF          at most 107 bytes
//     v2   12 bytes of signature, version and command, family, length, addresses, and records of any kind
//
// It is read where a connection begins and nowhere else. Only the addresses are looked at; the records behind them
// are skipped by their length. What does not keep to the form is no PROXY header, and no HTTP either.

import Ground

struct ProxyHeader: Equatable {
    /// `nil` where the connection is the sender's own, or not of TCP over IP.
    var addresses: ProxiedAddresses?
    /// Bytes that were looked at.
    var length: Int
    /// Bytes after these that belong to it as well.
    var rest: Int = 0

    enum Result: Equatable {
        case found(ProxyHeader)
        /// More bytes are needed.
        case incomplete
        case none
    }

    /// No result needs more bytes than these.
    static let longest = 107

    private static let signature: [UInt8] = [
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
    ]
    private static let word = Array("PROXY ".utf8)

    /// Whether bytes that begin like this may be a header; all others are told apart by one comparison.
    static func mayBegin(with byte: UInt8) -> Bool { byte == 0x50 || byte == 0x0d }

    /// What the first bytes of a connection are.
    static func read(_ bytes: Span<UInt8>) -> Result {
        if begins(bytes, with: word) { return bytes.count < word.count ? .incomplete : readText(bytes) }
        if begins(bytes, with: signature) { return bytes.count < 16 ? .incomplete : readBinary(bytes) }
        return .none
    }

    /// Whether bytes and word are the same as far as the shorter one reaches.
    private static func begins(_ bytes: Span<UInt8>, with word: [UInt8]) -> Bool {
        for index in 0..<min(bytes.count, word.count) where bytes[index] != word[index] { return false }
        return true
    }

    // MARK: Version 1

    private static func readText(_ bytes: Span<UInt8>) -> Result {
        let end = min(bytes.count, longest)
        var lineEnd = word.count
        while lineEnd < end, bytes[lineEnd] != 0x0d {
            guard (0x20...0x7e).contains(bytes[lineEnd]) else { return .none }
            lineEnd += 1
        }
        guard lineEnd + 1 < end else { return bytes.count < longest ? .incomplete : .none }
        guard bytes[lineEnd + 1] == 0x0a else { return .none }
        let words = bytes.extracting(word.count..<lineEnd).array.split(
            separator: 0x20, omittingEmptySubsequences: false)
        var header = ProxyHeader(addresses: nil, length: lineEnd + 2)
        if words.first?.elementsEqual("UNKNOWN".utf8) == true { return .found(header) }
        let isV4 = words.first?.elementsEqual("TCP4".utf8) == true
        guard words.count == 5, isV4 || words[0].elementsEqual("TCP6".utf8),
            let source = IPAddress.parse(words[1], isV4: isV4), let destination = IPAddress.parse(words[2], isV4: isV4),
            let from = IPAddress.decimal(words[3], most: 65535), let to = IPAddress.decimal(words[4], most: 65535)
        else { return .none }
        header.addresses = ProxiedAddresses(
            client: Endpoint(address: source, port: UInt16(truncatingIfNeeded: from)),
            server: Endpoint(address: destination, port: UInt16(truncatingIfNeeded: to)))
        return .found(header)
    }

    // MARK: Version 2

    private static func readBinary(_ bytes: Span<UInt8>) -> Result {
        let command = bytes[12]
        let family = bytes[13]
        let length = Int(bytes.load16(14))
        // LOCAL and PROXY are the only commands; families up to UNIX, transports up to datagrams.
        guard command == 0x20 || command == 0x21, family >> 4 <= 3, family & 15 <= 2 else { return .none }
        guard command == 0x21, family == 0x11 || family == 0x21 else {
            return .found(ProxyHeader(addresses: nil, length: 16, rest: length))
        }
        let size = family == 0x11 ? 12 : 36
        guard length >= size else { return .none }
        guard bytes.count >= 16 + size else { return .incomplete }
        func address(_ index: Int) -> IPAddress {
            if size == 12 { return IPAddress(v4: bytes.load32(16 + 4 * index)) }
            return IPAddress(high: bytes.load64(16 + 16 * index), low: bytes.load64(24 + 16 * index))
        }
        let addresses = ProxiedAddresses(
            client: Endpoint(address: address(0), port: bytes.load16(12 + size)),
            server: Endpoint(address: address(1), port: bytes.load16(14 + size)))
        return .found(ProxyHeader(addresses: addresses, length: 16 + size, rest: length - size))
    }
}

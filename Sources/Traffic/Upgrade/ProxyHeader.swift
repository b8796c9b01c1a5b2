// The PROXY protocol: what a load balancer says in front of the first request, so that the server learns who the
// client is (HAProxy's proxy-protocol.txt, versions 1 and 2).
//
//     v1   PROXY TCP4 192.0.2.1 198.51.100.1 40000 80 CR LF          at most 107 bytes
//     v2   12 bytes of signature, version and command, family, length, addresses, and records of any kind
//
// It is read where a connection begins and nowhere else. Only the addresses are looked at; the records behind them
// are skipped by their length. What does not keep to the form is no PROXY header, and no HTTP either.

import Ground

/// Whom a connection was made for, as its sender said.
public struct ProxiedAddresses: Sendable, Hashable {
    public var client: Endpoint
    public var server: Endpoint

    public init(client: Endpoint, server: Endpoint) {
        self.client = client
        self.server = server
    }
}

struct ProxyHeader: Equatable {
    /// `nil` where the connection is the sender's own, or not of TCP over IP.
    var addresses: ProxiedAddresses?
    /// Bytes that were looked at.
    var length: Int
    /// Bytes behind these that belong to it as well.
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
            let source = isV4 ? v4(words[1]) : v6(words[1]), let destination = isV4 ? v4(words[2]) : v6(words[2]),
            let from = decimal(words[3], most: 65535), let to = decimal(words[4], most: 65535)
        else { return .none }
        header.addresses = ProxiedAddresses(
            client: Endpoint(address: source, port: UInt16(truncatingIfNeeded: from)),
            server: Endpoint(address: destination, port: UInt16(truncatingIfNeeded: to)))
        return .found(header)
    }

    private static func decimal(_ digits: ArraySlice<UInt8>, most: UInt32) -> UInt32? {
        guard digits.count == 1 || digits.first != 0x30, let value = digits.decimal(digits: 1...5) else { return nil }
        return value <= most ? UInt32(value) : nil
    }

    static func v4(_ text: ArraySlice<UInt8>) -> IPAddress? {
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
    static func v6(_ text: ArraySlice<UInt8>) -> IPAddress? {
        var groups: [UInt16] = []
        /// Groups in front of "::".
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

extension ConversationState {
    /// The first bytes of a client that may be a PROXY header; answers the index behind what is taken.
    mutating func readOpening(_ bytes: Span<UInt8>, _ index: Int, _ offset: Int64, _ mark: PacketMark) -> Int {
        let rest = bytes.extracting(index...)
        if client.remaining > 0 {
            let step = Int(min(Int64(rest.count), client.remaining))
            client.remaining -= Int64(step)
            if client.remaining == 0 { client.state = .head }
            return index + step
        }
        let before = client.buffer.count
        guard before > 0 || ProxyHeader.mayBegin(with: rest[0]) else {
            client.state = .head
            return index
        }
        var candidate = client.buffer
        candidate.append(rest.extracting(..<min(rest.count, max(0, ProxyHeader.longest - before))))
        switch ProxyHeader.read(candidate.span) {
        case .none:
            // What was kept is the beginning of a request.
            client.state = .head
            return index
        case .incomplete:
            if before == 0 {
                keepClient(rest, offset + Int64(index), mark)
            } else {
                client.buffer.append(rest)
            }
            return bytes.count
        case .found(let header):
            proxied = header.addresses
            client.buffer = []
            client.remaining = Int64(header.rest)
            client.state = header.rest > 0 ? .opening : .head
            return index + max(0, header.length - before)
        }
    }
}

// Clients that were told not long ago to use TLS (426, RFC 9110 15.5.22).
//
// A request that offers nothing is no exchange, and captures are full of them: they are reported only while their client
// has such an answer in its ears. That must be known alike in all shards, whoever's flow the answer travelled on, so it is
// read off single packets: one that begins with the status line, and names TLS or does not reach the end of the head.
// So it may be believed of too many, and whoever is told compares with the exchanges.

import Ground

struct TLSDemands {
    /// When each client was told last; at most `limit` of them.
    private var told: [IPAddress: Timestamp] = [:]
    private let seconds: Int
    static let limit = 4096

    init(seconds: Int) { self.seconds = max(0, seconds) }

    /// A look at three bytes: the status of a response, should the payload begin with one.
    @inline(__always)
    static func mayBegin(in bytes: Span<UInt8>, at payload: Range<Int>) -> Bool {
        payload.count >= 12 && payload.upperBound <= bytes.count
            && bytes.load24(payload.lowerBound + 9) == 0x34_3236
    }

    /// Takes a segment of which `mayBegin` holds.
    @inline(never)
    mutating func take(_ segment: Segment, _ payload: Span<UInt8>, at time: Timestamp) {
        guard payload.has("HTTP/1.", at: 0), payload[8] == 0x20, Self.namesTLS(payload) else { return }
        let client = segment.destination.address
        if told[client] == nil, told.count >= Self.limit {
            told = told.filter { time.nanoseconds(since: $0.value) <= Int64(seconds) * 1_000_000_000 }
            if told.count >= Self.limit { return }
        }
        told[client] = max(told[client] ?? time, time)
    }

    /// Whether that client was told to use TLS, not too long before.
    @inline(__always)
    func concern(_ client: IPAddress, at time: Timestamp) -> Bool {
        guard !told.isEmpty, let told = told[client] else { return false }
        return time.nanoseconds(since: told) <= Int64(seconds) * 1_000_000_000
    }

    /// A head that names TLS anywhere, or whose end is not there.
    private static func namesTLS(_ head: Span<UInt8>) -> Bool {
        var index = 12
        while index < head.count {
            if head.hasIgnoringCase("tls", at: index) { return true }
            if head.has("\r\n\r\n", at: index) || head.has("\n\n", at: index) { return false }
            index += 1
        }
        return true
    }
}

// A finding's fingerprint: the same for the same fault at the same place of the same site, whoever asked and
// when (FNV-1a, 64 bits, over rule, host, path without query, and who is at fault). No ports, times or packets.

import Ground
import Traffic

struct Fingerprint {
    private var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    static func of(rule: String, host: ArraySlice<UInt8>, path: ArraySlice<UInt8>, fault: Fault) -> String {
        var fingerprint = Fingerprint()
        fingerprint.add(rule.utf8.span)
        fingerprint.add(host.span, folded: true)
        fingerprint.add(path.span)
        fingerprint.add(fault.name.utf8.span)
        return fingerprint.text
    }

    /// Four digits that tell two secrets apart without giving either away.
    static func tag(of secret: ArraySlice<UInt8>) -> String {
        var fingerprint = Fingerprint()
        fingerprint.add(secret.span)
        return String(fingerprint.text.suffix(4))
    }

    private mutating func add(_ bytes: Span<UInt8>, folded: Bool = false) {
        for index in bytes.indices { step(folded ? bytes[index].asciiLowercased : bytes[index]) }
        step(0)
    }

    private mutating func step(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }

    private var text: String { Digits.hex(hash, 16) }
}

/// Host and path of a request target, by which findings are told apart.
struct RequestPlace {
    /// Without user and port.
    var host: ArraySlice<UInt8>
    /// Without query; empty for CONNECT.
    var path: ArraySlice<UInt8>

    init(_ exchange: Exchange) {
        host = []
        path = []
        if let request = exchange.request {
            var target = request.target
            if request.isMethod("CONNECT") {
                host = Authority(target).host
            } else {
                if let authority = Authority(absolute: target) {
                    host = authority.host
                    target = target[authority.end...]
                }
                path = target.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
                if host.isEmpty { host = Authority(request.value(.host) ?? []).host }
            }
        }
        if host.isEmpty { host = Array(exchange.connection.server.address.description.utf8)[...] }
    }
}

/// The authority of a target, Host or Origin: `user@host:port` (RFC 3986 3.2).
struct Authority {
    /// Without brackets' removal: `[2001:db8::1]` stays as it is.
    var host: ArraySlice<UInt8>
    /// Digits after the colon; `nil` without a colon.
    var port: ArraySlice<UInt8>?
    var scheme: ArraySlice<UInt8> = []
    /// Index after the authority.
    var end: Int
    var hasUser = false

    init(_ text: ArraySlice<UInt8>) {
        end = text.endIndex
        // From the end: the last colon counts, unless a bracket closes after it; the last "@" ends the search.
        var start = text.endIndex
        var colon: Int?
        var isBracketed = false
        search: while start > text.startIndex {
            switch text[start - 1] {
            case UInt8(ascii: "@"):
                hasUser = true
                break search
            case UInt8(ascii: ":"): if colon == nil, !isBracketed { colon = start - 1 }
            case UInt8(ascii: "]"): isBracketed = true
            default: break
            }
            start -= 1
        }
        host = text[start..<(colon ?? text.endIndex)]
        port = colon.map { text[($0 + 1)...] }
    }

    /// The authority of `scheme://authority/…`; `nil` when the text is not of that form.
    init?(absolute text: ArraySlice<UInt8>) {
        var index = text.startIndex
        while index < text.endIndex, text[index] != UInt8(ascii: ":"), index - text.startIndex < 16 {
            guard text[index].isTokenByte else { return nil }
            index += 1
        }
        guard index > text.startIndex, text[index...].starts(with: "://") else { return nil }
        let start = index + 3
        var stop = start
        while stop < text.endIndex, text[stop] != 0x2f, text[stop] != 0x3f, text[stop] != 0x23 { stop += 1 }
        self.init(text[start..<stop])
        scheme = text[text.startIndex..<index]
    }

    /// The port's number, or what the scheme stands for; `nil` when it is no number from 1 to 65535.
    func portNumber(default standard: Int? = nil) -> Int? {
        guard let port else { return standard }
        return port.decimal(digits: 1...5).flatMap { (1...65535).contains($0) ? $0 : nil }
    }

    /// Same host and, default ports of the web aside, same port.
    func isSame(as other: Authority) -> Bool {
        guard host.matchesIgnoringCase(other.host) else { return false }
        return (meaningfulPort ?? 0) == (other.meaningfulPort ?? 0)
    }

    private var meaningfulPort: Int? {
        guard let number = portNumber(), number != 80, number != 443 else { return nil }
        return number
    }
}

// What must not leave the capture: credentials, wherever a head carries them (RFC 9110 11, 17.9; RFC 6265).
//
// One reader serves whole heads, heads that were cut, and bytes that merely look like a head: it goes line by
// line, so that early bytes and pipelined requests are covered as well. It marks ranges and changes nothing;
// who shows bytes replaces the ranges. What names a secret stays readable: the scheme of an Authorization, the
// name of a cookie, the key of a query parameter.

import Ground
public import Traffic

public enum Redaction {
    /// Ranges of `head.bytes` that hold secrets, in order, not touching each other.
    public static func secretRanges(of head: MessageHead) -> [Range<Int>] { secretRanges(in: head.bytes[...]) }

    /// Indices of `bytes` that hold secrets, for bytes that are or look like an HTTP head.
    public static func secretRanges(in bytes: ArraySlice<UInt8>) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = bytes.startIndex
        var field = SecretField.none
        var isFirst = true
        while start < bytes.endIndex {
            let end = bytes.index(of: 0x0a, from: start) ?? bytes.endIndex
            var line = bytes[start..<end]
            if line.last == 0x0d { line = line.dropLast() }
            if let byte = line.first, byte == 0x20 || byte == 0x09, !isFirst {
                mark(line.trimmingWhitespace(), as: field, into: &ranges)
            } else if let colon = line.index(of: 0x3a, from: start), SecretField.isName(line[..<colon]) {
                field = SecretField(line[..<colon].trimmingWhitespace())
                mark(line[(colon + 1)...].trimmingWhitespace(), as: field, into: &ranges)
            } else {
                field = .none
                markQuery(line, into: &ranges)
                markUser(line, into: &ranges)
            }
            isFirst = false
            start = end + 1
        }
        guard ranges.count > 1 else { return ranges }
        return ranges.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { merged, range in
            if let last = merged.last, last.upperBound >= range.lowerBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
    }

    /// The request target as text, secrets replaced by their length.
    public static func target(of head: MessageHead) -> String {
        text(head.target, hiding: secretRanges(of: head))
    }

    /// Text of some of a head's bytes, secrets replaced by their length.
    public static func text(_ slice: ArraySlice<UInt8>, hiding secrets: [Range<Int>]) -> String {
        guard secrets.contains(where: { $0.overlaps(slice.startIndex..<slice.endIndex) }) else { return slice.text }
        var text = ""
        var position = slice.startIndex
        for secret in secrets {
            let hidden = secret.clamped(to: slice.startIndex..<slice.endIndex)
            guard !hidden.isEmpty, hidden.lowerBound >= position else { continue }
            text += slice[position..<hidden.lowerBound].text
            text += "‹redacted \(hidden.count) bytes›"
            position = hidden.upperBound
        }
        return text + slice[position...].text
    }

    /// Puts 0x2a over the secrets of `excerpt`, the first byte of which has index `start` in what `secrets`
    /// were found in; returns the runs that were covered.
    public static func blot(_ excerpt: inout [UInt8], at start: Int, secrets: [Range<Int>]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        for secret in secrets {
            let run = secret.clamped(to: start..<(start + excerpt.count))
            guard !run.isEmpty else { continue }
            let local = (run.lowerBound - start)..<(run.upperBound - start)
            for index in local { excerpt[index] = 0x2a }
            runs.append(local)
        }
        return runs
    }

    /// Bytes that were kept on their own, as evidence.
    static func excerpt(_ label: String, _ place: Place, _ bytes: [UInt8], showSecrets: Bool) -> Evidence {
        var excerpt = Array(bytes.prefix(256))
        let runs = showSecrets ? [] : blot(&excerpt, at: 0, secrets: secretRanges(in: bytes[...]))
        return Evidence(label: label, place: place, excerpt: excerpt, redacted: runs)
    }

    /// Whether a word is the name of something secret: a query key, a field, a part of a subprotocol.
    static func isSecretName(_ name: ArraySlice<UInt8>) -> Bool {
        for word in exactNames where name.matchesIgnoringCase(word) { return true }
        let bytes = name.span
        for index in bytes.indices where beginsSecretPart(bytes, at: index) { return true }
        return false
    }

    /// What makes a name that of a secret wherever it stands in it.
    private static func beginsSecretPart(_ name: Span<UInt8>, at index: Int) -> Bool {
        func has(_ text: StaticString) -> Bool { name.hasIgnoringCase(text, at: index) }
        return switch name[index].asciiLowercased {
        case UInt8(ascii: "a"): has("auth") || has("apikey") || has("api_key") || has("api-key")
        case UInt8(ascii: "b"): has("bearer")
        case UInt8(ascii: "c"): has("credential") || has("csrf")
        case UInt8(ascii: "h"): has("hmac")
        case UInt8(ascii: "j"): has("jwt")
        case UInt8(ascii: "p"): has("passw") || has("private")
        case UInt8(ascii: "s"): has("secret") || has("signature") || has("session")
        case UInt8(ascii: "t"): has("token")
        case UInt8(ascii: "x"): has("xsrf")
        default: false
        }
    }

    /// A JSON Web Token, or a long run of letters and digits that no one would choose as a word.
    static func looksLikeToken(_ word: ArraySlice<UInt8>) -> Bool {
        if looksLikeJWT(word) { return true }
        guard word.count >= 32 else { return false }
        var digits = 0
        var upper = 0
        var lower = 0
        for byte in word {
            switch byte {
            case 0x30...0x39: digits += 1
            case 0x41...0x5a: upper += 1
            case 0x61...0x7a: lower += 1
            case 0x2b, 0x2d, 0x2e, 0x2f, 0x3d, 0x5f, 0x7e: break
            default: return false
            }
        }
        return digits >= 3 && upper + lower >= 3 && (digits >= 6 || upper >= 3)
    }

    static func looksLikeJWT(_ word: ArraySlice<UInt8>) -> Bool {
        guard word.count >= 8 else { return false }
        var index = word.startIndex
        while index + 3 <= word.endIndex {
            if word[index...].starts(with: "eyJ"), index == word.startIndex || word[index - 1] == 0x2e { return true }
            index += 1
        }
        return false
    }

    /// Calls `body` with key and value of each parameter after the first "?" of `target`.
    static func forEachParameter(
        _ target: ArraySlice<UInt8>, _ body: (_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void
    ) {
        guard let question = target.firstIndex(of: 0x3f) else { return }
        var start = question + 1
        var index = start
        while index <= target.endIndex {
            let byte = index < target.endIndex ? target[index] : 0x26
            if byte == 0x26 || byte == 0x3b || byte == 0x23 {
                let pair = target[start..<index]
                let equals = pair.firstIndex(of: 0x3d)
                body(decoded(pair[..<(equals ?? pair.endIndex)]), equals.map { pair[($0 + 1)...] } ?? [])
                start = index + 1
            }
            index += 1
        }
    }

    /// A name without its percent-encoding (RFC 3986 2.1): `access%5Ftoken` is as secret as `access_token`.
    private static func decoded(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard name.contains(0x25) else { return name }
        var result: [UInt8] = []
        var index = name.startIndex
        while index < name.endIndex {
            if name[index] == 0x25, index + 2 < name.endIndex, let high = name[index + 1].hexValue,
                let low = name[index + 2].hexValue
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(name[index])
                index += 1
            }
        }
        return result[...]
    }

    private static let exactNames: [StaticString] = [
        "sid", "sig", "pwd", "pass", "key", "apikey", "api_key", "api-key", "code", "jwt", "auth", "ticket", "otp",
        "pin",
        "access", "credential", "credentials", "bearer", "x-api-key", "id_token_hint", "state", "nonce",
    ]
    private static func mark(_ value: ArraySlice<UInt8>, as field: SecretField, into ranges: inout [Range<Int>]) {
        guard !value.isEmpty else { return }
        switch field {
        case .none: break
        case .whole: ranges.append(value.startIndex..<value.endIndex)
        case .authorization: markAuthorization(value, into: &ranges)
        case .cookie: markCookies(value, all: true, into: &ranges)
        case .setCookie: markCookies(value, all: false, into: &ranges)
        case .subprotocols: markSubprotocols(value, into: &ranges)
        case .address:
            markQuery(value, into: &ranges)
            markUser(value, into: &ranges)
        }
    }

    private static func markAuthorization(_ value: ArraySlice<UInt8>, into ranges: inout [Range<Int>]) {
        var start = value.startIndex
        if let space = value.firstIndex(of: 0x20), isScheme(value[..<space]) {
            start = space
            while start < value.endIndex, value[start] == 0x20 { start += 1 }
        }
        if start < value.endIndex { ranges.append(start..<value.endIndex) }
    }

    private static func isScheme(_ word: ArraySlice<UInt8>) -> Bool {
        word.matchesIgnoringCase("basic") || word.matchesIgnoringCase("bearer") || word.matchesIgnoringCase("digest")
            || word.matchesIgnoringCase("negotiate") || word.matchesIgnoringCase("ntlm")
            || word.matchesIgnoringCase("hawk") || word.matchesIgnoringCase("aws4-hmac-sha256")
            || word.matchesIgnoringCase("token")
    }

    private static func markCookies(_ value: ArraySlice<UInt8>, all: Bool, into ranges: inout [Range<Int>]) {
        var start = value.startIndex
        while start < value.endIndex {
            let end = value[start...].firstIndex(of: 0x3b) ?? value.endIndex
            let pair = value[start..<end].trimmingWhitespace()
            if !pair.isEmpty {
                let from = pair.firstIndex(of: 0x3d).map { $0 + 1 } ?? pair.startIndex
                if from < pair.endIndex { ranges.append(from..<pair.endIndex) }
            }
            if !all { return }
            start = end + 1
        }
    }

    private static func markSubprotocols(_ value: ArraySlice<UInt8>, into ranges: inout [Range<Int>]) {
        var afterSecretName = false
        splitList(value) { member in
            if afterSecretName || looksLikeToken(member) {
                ranges.append(member.startIndex..<member.endIndex)
                afterSecretName = false
            } else if isSecretName(member) {
                // "bearer.TOKEN" hides its last part, "bearer, TOKEN" the member after it.
                let dot = member.lastIndex(of: 0x2e).map { $0 + 1 } ?? member.endIndex
                if dot < member.endIndex, member.endIndex - dot >= 8 { ranges.append(dot..<member.endIndex) }
                afterSecretName = dot == member.endIndex
            }
        }
    }

    private static func markQuery(_ line: ArraySlice<UInt8>, into ranges: inout [Range<Int>]) {
        guard let question = line.index(of: 0x3f, from: line.startIndex) else { return }
        let end = line[question...].firstIndex { $0 == 0x20 || $0 == 0x09 } ?? line.endIndex
        forEachParameter(line[..<end]) { key, value in
            guard !value.isEmpty, isSecretName(key) || looksLikeToken(value) else { return }
            ranges.append(value.startIndex..<value.endIndex)
        }
    }

    /// `user:password@` of an absolute address.
    private static func markUser(_ line: ArraySlice<UInt8>, into ranges: inout [Range<Int>]) {
        var from = line.startIndex
        while let colon = line.index(of: 0x3a, from: from), !line[colon...].starts(with: "://") { from = colon + 1 }
        guard let colon = line.index(of: 0x3a, from: from) else { return }
        let start = colon + 3
        let stop = line[start...].firstIndex { [0x2f, 0x3f, 0x23, 0x20].contains($0) } ?? line.endIndex
        if let at = line[start..<stop].lastIndex(of: 0x40), at > start { ranges.append(start..<at) }
    }
}

/// How the value of a field is hidden.
private enum SecretField {
    case none, whole, authorization, cookie, setCookie, subprotocols, address

    init(_ name: ArraySlice<UInt8>) {
        if name.matchesIgnoringCase("authorization") || name.matchesIgnoringCase("proxy-authorization") {
            self = .authorization
        } else if name.matchesIgnoringCase("cookie") || name.matchesIgnoringCase("cookie2") {
            self = .cookie
        } else if name.matchesIgnoringCase("set-cookie") || name.matchesIgnoringCase("set-cookie2") {
            self = .setCookie
        } else if name.matchesIgnoringCase("sec-websocket-protocol") || name.matchesIgnoringCase("websocket-protocol") {
            self = .subprotocols
        } else if name.matchesIgnoringCase("location") || name.matchesIgnoringCase("referer")
            || name.matchesIgnoringCase("content-location") || name.matchesIgnoringCase("link")
        {
            self = .address
        } else if Self.plainNames.contains(where: { name.matchesIgnoringCase($0) }) {
            self = .none
        } else {
            self = Redaction.isSecretName(name) ? .whole : .none
        }
    }

    /// Names that hold a suspicious word and no secret.
    private static let plainNames: [StaticString] = [
        "www-authenticate", "proxy-authenticate", "sec-websocket-key", "authentication-info", "key", "access",
        "proxy-authentication-info", "authority", "access-control-allow-origin", "sec-websocket-key1",
        "sec-websocket-key2", "private", "state", "access-control-allow-credentials", "access-control-allow-headers",
    ]

    /// Whether bytes before a colon can be a field name, white space after it allowed.
    static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        let name = bytes.trimmingWhitespace()
        return !name.isEmpty && name.startIndex == bytes.startIndex && name.allSatisfy(\.isTokenByte)
    }
}

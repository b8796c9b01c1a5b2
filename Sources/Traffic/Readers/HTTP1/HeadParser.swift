// Reading an HTTP/1.x head: tolerant in what it accepts, exact in what it remembers (RFC 9112 2 to 5).
//
// The parser looks at bytes that lie together and fills one reused `ParsedHead` with ranges; nothing is copied
// for a message that nobody will ask about. A line ends at LF; a CR before it belongs to the line end. The head
// ends at the first empty line. What is odd is written down as a defect and read as the most common recipients
// read it. Three outcomes: a head, not yet, not HTTP.

import Ground

/// The head that was parsed last, as ranges into the bytes it was parsed from.
struct ParsedHead: ~Copyable {
    /// Bytes of empty lines before the start line.
    var skipped = 0
    /// Bytes from the first byte looked at to the end of the empty line.
    var length = 0
    var isRequest = false
    /// Relative to the start line, like all ranges here.
    var method: Range<Int32> = 0..<0
    var target: Range<Int32> = 0..<0
    var status: UInt16 = 0
    var reason: Range<Int32> = 0..<0
    var version: (major: UInt8, minor: UInt8) = (1, 1)
    var lines: [FieldLine] = []
    var defects: HeadDefects = []
    /// One bit for each `FieldName` that occurs.
    var present: UInt64 = 0
    func has(_ name: FieldName) -> Bool { present >> UInt64(name.rawValue) & 1 == 1 }

    /// Whether it is a request with that method; `bytes` are those it was parsed from.
    func isMethod(_ bytes: Span<UInt8>, _ name: StaticString) -> Bool {
        method.count == name.utf8CodeUnitCount && bytes.has(name, at: skipped)
    }

    /// Whether that text stands anywhere in a value of that field, whatever its case: a cheap look before a proper one.
    func mentions(_ text: StaticString, in name: FieldName, of bytes: Span<UInt8>) -> Bool {
        guard has(name) else { return false }
        for line in lines where line.name == name {
            var start = skipped + Int(line.valueRange.lowerBound)
            let last = skipped + Int(line.valueRange.upperBound) - text.utf8CodeUnitCount
            while start <= last {
                if bytes.hasIgnoringCase(text, at: start) { return true }
                start += 1
            }
        }
        return false
    }

    /// Its bytes without the empty lines in front.
    @_lifetime(copy bytes)
    func bytes(in bytes: Span<UInt8>) -> Span<UInt8> { bytes.extracting(skipped..<length) }

    /// The head as a value of its own; `bytes` are those it was parsed from.
    ///
    /// Where it is one of the many that nobody will judge, its control bytes are not looked for. Its lines are an array
    /// of their own: the parser goes on with this one.
    func copied(from bytes: Span<UInt8>, place: Place, isPlain: Bool = false) -> MessageHead {
        var head = MessageHead(
            bytes: self.bytes(in: bytes).array,
            startLine: isRequest
                ? .request(method: method, target: target) : .response(status: status, reason: reason),
            version: version, lines: lines.map { $0 }, defects: defects, place: place)
        guard !isPlain else { return head }
        if head.hasControlByte { head.defects.insert(.controlByte) }
        if head.hasBareCR { head.defects.insert(.bareCR) }
        return head
    }
}

enum HeadResult {
    /// `ParsedHead` holds it.
    case complete
    /// The empty line has not come yet.
    case incomplete
    /// No start line of HTTP/1.x.
    case notHTTP
}

extension ParsedHead {
    /// Parses a request head at the start of `bytes`.
    mutating func parseRequest(_ bytes: Span<UInt8>) -> HeadResult { parse(bytes, request: true) }
    /// Parses a response head at the start of `bytes`.
    mutating func parseResponse(_ bytes: Span<UInt8>) -> HeadResult { parse(bytes, request: false) }

    private mutating func parse(_ bytes: Span<UInt8>, request: Bool) -> HeadResult {
        lines.removeAll(keepingCapacity: true)
        defects = []
        present = 0
        isRequest = request
        skipped = 0
        while skipped < bytes.count, bytes[skipped] == 0x0d || bytes[skipped] == 0x0a { skipped += 1 }
        if skipped > 0 { defects.insert(.leadingEmptyLines) }
        let start = skipped
        guard let firstLF = bytes.firstIndex(of: 0x0a, from: start) else {
            return Self.mayBecomeStartLine(bytes, start, request: request) ? .incomplete : .notHTTP
        }
        let firstEnd = lineEnd(bytes, start, firstLF)
        guard request ? parseRequestLine(bytes, start, firstEnd) : parseStatusLine(bytes, start, firstEnd)
        else { return .notHTTP }
        var lineStart = firstLF + 1
        while true {
            guard let lf = bytes.firstIndex(of: 0x0a, from: lineStart) else { return .incomplete }
            let end = lineEnd(bytes, lineStart, lf)
            if end == lineStart {
                length = lf + 1
                return .complete
            }
            parseField(bytes, lineStart, end, base: start)
            lineStart = lf + 1
        }
    }

    /// The index after a line's last byte, its line end left out.
    private mutating func lineEnd(_ bytes: Span<UInt8>, _ start: Int, _ lf: Int) -> Int {
        if lf > start, bytes[lf - 1] == 0x0d { return lf - 1 }
        defects.insert(.bareLF)
        return lf
    }

    private mutating func parseRequestLine(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        var index = start
        while index < end, bytes[index].isTokenByte { index += 1 }
        guard index > start, index - start <= 32, index < end, bytes[index] == 0x20 || bytes[index] == 0x09 else {
            return false
        }
        method = 0..<Int32(index - start)
        // The version is the last word; everything between is the target, odd spaces included.
        var targetStart = index
        while targetStart < end, bytes[targetStart] == 0x20 || bytes[targetStart] == 0x09 { targetStart += 1 }
        var lineEnd = end
        while lineEnd > targetStart, bytes[lineEnd - 1] == 0x20 || bytes[lineEnd - 1] == 0x09 { lineEnd -= 1 }
        var versionStart = lineEnd
        while versionStart > targetStart, bytes[versionStart - 1] != 0x20, bytes[versionStart - 1] != 0x09 {
            versionStart -= 1
        }
        guard parseVersion(bytes, versionStart, lineEnd) else { return false }
        var targetEnd = versionStart
        while targetEnd > targetStart, bytes[targetEnd - 1] == 0x20 || bytes[targetEnd - 1] == 0x09 { targetEnd -= 1 }
        guard targetEnd > targetStart else { return false }
        target = Int32(targetStart - start)..<Int32(targetEnd - start)
        if targetStart - index != 1 || versionStart - targetEnd != 1 || lineEnd != end || bytes[index] == 0x09 {
            defects.insert(.looseStartLine)
        }
        return true
    }

    private mutating func parseStatusLine(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard end - start >= 12, parseVersion(bytes, start, start + 8), bytes[start + 8] == 0x20 else { return false }
        var code: UInt16 = 0
        for index in (start + 9)..<(start + 12) {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return false }
            code = code * 10 + UInt16(digit)
        }
        guard end == start + 12 || bytes[start + 12] == 0x20 else { return false }
        status = code
        reason = Int32(min(13, end - start))..<Int32(end - start)
        return true
    }

    /// `HTTP/` DIGIT `.` DIGIT, major version 1 (HTTP/0.9 and HTTP/2 have no such line).
    private mutating func parseVersion(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard end - start == 8, bytes.has("HTTP/1.", at: start), bytes[start + 7] &- 0x30 < 10 else { return false }
        version = (1, bytes[start + 7] &- 0x30)
        return true
    }

    private mutating func parseField(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, base: Int) {
        if bytes[start] == 0x20 || bytes[start] == 0x09 {
            defects.insert(.folded)
            if let last = lines.indices.last {
                var valueEnd = end
                while valueEnd > start, bytes[valueEnd - 1] == 0x20 || bytes[valueEnd - 1] == 0x09 { valueEnd -= 1 }
                guard valueEnd > start else { return }
                var valueStart = start
                while bytes[valueStart] == 0x20 || bytes[valueStart] == 0x09 { valueStart += 1 }
                // A value that begins on the folded line has no line end before it.
                let known = lines[last].valueRange
                let from = known.isEmpty ? Int32(valueStart - base) : known.lowerBound
                lines[last].valueRange = from..<Int32(valueEnd - base)
            } else {
                defects.insert(.malformedLine)
            }
            return
        }
        let line = bytes.extracting(start..<end)
        var colon = start + (line.firstIndex(of: 0x3a, from: 0) ?? line.count)
        var nameEnd = colon
        var name = colon > start ? FieldName.recognize(bytes, start, colon) : .other
        if name == .other {
            colon = start
            while colon < end, bytes[colon].isTokenByte { colon += 1 }
            nameEnd = colon
        }
        if colon < end, bytes[colon] != 0x3a {
            guard let found = bytes.firstIndex(of: 0x3a, from: colon), found < end else {
                defects.insert(.malformedLine)
                return
            }
            nameEnd = found
            while nameEnd > start, bytes[nameEnd - 1] == 0x20 || bytes[nameEnd - 1] == 0x09 { nameEnd -= 1 }
            defects.insert(nameEnd == colon ? .spaceBeforeColon : .malformedLine)
            colon = found
            if nameEnd > start { name = FieldName.recognize(bytes, start, nameEnd) }
        }
        guard colon < end, nameEnd > start else {
            defects.insert(.malformedLine)
            return
        }
        var valueStart = colon + 1
        var valueEnd = end
        while valueStart < valueEnd, bytes[valueStart] == 0x20 || bytes[valueStart] == 0x09 { valueStart += 1 }
        while valueEnd > valueStart, bytes[valueEnd - 1] == 0x20 || bytes[valueEnd - 1] == 0x09 { valueEnd -= 1 }
        if bytes.extracting(valueStart..<valueEnd).firstIndex(of: 0x0d, from: 0) != nil { defects.insert(.bareCR) }
        present |= 1 << UInt64(name.rawValue)
        lines.append(
            FieldLine(
                name: name, nameRange: Int32(start - base)..<Int32(nameEnd - base),
                valueRange: Int32(valueStart - base)..<Int32(valueEnd - base)))
    }

    /// Whether bytes without a line end may still grow into a start line.
    static func mayBecomeStartLine(_ bytes: Span<UInt8>, _ start: Int, request: Bool) -> Bool {
        if !request {
            var index = start
            for byte in [UInt8]("HTTP/1.".utf8) {
                if index == bytes.count { return true }
                if bytes[index] != byte { return false }
                index += 1
            }
            return true
        }
        return looksLikeMethod(bytes, start)
    }

    /// A method token of at most 32 bytes and a space, or the beginning of one.
    ///
    /// `PRI * HTTP/2.0` is none.
    static func looksLikeMethod(_ bytes: Span<UInt8>, _ start: Int) -> Bool {
        var index = start
        while index < bytes.count, index - start <= 32 {
            if bytes[index] == 0x20 || bytes[index] == 0x09 { return index > start }
            if !bytes[index].isTokenByte { return false }
            index += 1
        }
        return index - start <= 32
    }
}

extension FieldName {
    /// The name for those bytes: one comparison for most, none for most others.
    static func recognize(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> FieldName {
        let first = bytes[start].asciiLowercased
        @inline(__always) func one(_ candidate: FieldName, _ text: StaticString) -> FieldName {
            bytes.hasIgnoringCase(text, at: start) ? candidate : .other
        }
        switch end - start {
        case 2: return one(.te, "te")
        case 3: return one(.via, "via")
        case 4: return one(.host, "host")
        case 6:
            switch first {
            case 0x63: return one(.cookie, "cookie")
            case 0x65: return one(.expect, "expect")
            case 0x6f: return one(.origin, "origin")
            default: return one(.server, "server")
            }
        case 7: return first == 0x75 ? one(.upgrade, "upgrade") : one(.trailer, "trailer")
        case 8: return one(.location, "location")
        case 9: return first == 0x66 ? one(.forwarded, "forwarded") : one(.xRealIP, "x-real-ip")
        case 10:
            switch first {
            case 0x63: return one(.connection, "connection")
            case 0x75: return one(.userAgent, "user-agent")
            case 0x73: return one(.setCookie, "set-cookie")
            default: return one(.keepAlive, "keep-alive")
            }
        case 12: return one(.contentType, "content-type")
        case 13: return one(.authorization, "authorization")
        case 14:
            switch first {
            case 0x63: return one(.contentLength, "content-length")
            case 0x68: return one(.http2Settings, "http2-settings")
            default:
                let mode = one(.secFetchMode, "sec-fetch-mode")
                if mode != .other { return mode }
                let site = one(.secFetchSite, "sec-fetch-site")
                return site == .other ? one(.secFetchDest, "sec-fetch-dest") : site
            }
        case 15: return one(.xForwardedFor, "x-forwarded-for")
        case 16:
            switch first {
            case 0x63: return one(.capsuleProtocol, "capsule-protocol")
            case 0x77:
                let challenge = one(.wwwAuthenticate, "www-authenticate")
                return challenge == .other ? one(.webSocketOrigin, "websocket-origin") : challenge
            case 0x70: return one(.proxyConnection, "proxy-connection")
            default:
                let host = one(.xForwardedHost, "x-forwarded-host")
                return host == .other ? one(.xForwardedPort, "x-forwarded-port") : host
            }
        case 17:
            switch first {
            case 0x74: return one(.transferEncoding, "transfer-encoding")
            case 0x78: return one(.xForwardedProto, "x-forwarded-proto")
            default: return one(.secWebSocketKey, "sec-websocket-key")
            }
        case 18:
            switch first {
            case 0x77:
                let name = one(.webSocketProtocol, "websocket-protocol")
                return name == .other ? one(.webSocketLocation, "websocket-location") : name
            case 0x70: return one(.proxyAuthenticate, "proxy-authenticate")
            case 0x78: return one(.xForwardedServer, "x-forwarded-server")
            default:
                let key = one(.secWebSocketKey1, "sec-websocket-key1")
                return key == .other ? one(.secWebSocketKey2, "sec-websocket-key2") : key
            }
        case 19: return one(.proxyAuthorization, "proxy-authorization")
        case 20: return one(.secWebSocketAccept, "sec-websocket-accept")
        case 21: return one(.secWebSocketVersion, "sec-websocket-version")
        case 22: return one(.secWebSocketProtocol, "sec-websocket-protocol")
        case 24: return one(.secWebSocketExtensions, "sec-websocket-extensions")
        default: return .other
        }
    }
}

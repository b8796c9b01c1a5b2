// The head of an HTTP/1.x message, kept exactly as it was on the wire.
//
// A judge needs the bytes: case, order, spacing, repeated lines, bare LF. So the head is one array of bytes
// and everything else is a range into it. Fields that rules ask for are recognized once, while parsing, as a
// `FieldName`; all other fields are `.other` and are found by their text (RFC 9110 5.1: without case).

import Ground

/// The fields that some fact or rule asks for by name.
public enum FieldName: UInt8, Sendable, CaseIterable {
    case other = 0
    case host, connection, upgrade, contentLength, transferEncoding, expect, via, forwarded, xForwardedFor
    case xForwardedHost, xForwardedProto, xRealIP, origin, cookie, setCookie, authorization, proxyAuthorization
    case proxyAuthenticate, wwwAuthenticate, userAgent, location, http2Settings, capsuleProtocol, contentType
    case secWebSocketKey, secWebSocketAccept, secWebSocketVersion, secWebSocketProtocol, secWebSocketExtensions
    case secWebSocketKey1, secWebSocketKey2, webSocketProtocol, proxyConnection, keepAlive, te, trailer, server
    case secFetchMode, xForwardedServer, xForwardedPort, webSocketLocation, webSocketOrigin
    case secFetchSite, secFetchDest

    /// The name in lower case; empty for `.other`.
    public var text: String { Self.texts[Int(rawValue)] }

    static let texts: [String] = [
        "", "host", "connection", "upgrade", "content-length", "transfer-encoding", "expect", "via", "forwarded",
        "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "origin", "cookie", "set-cookie",
        "authorization", "proxy-authorization", "proxy-authenticate", "www-authenticate", "user-agent", "location",
        "http2-settings", "capsule-protocol", "content-type", "sec-websocket-key", "sec-websocket-accept",
        "sec-websocket-version", "sec-websocket-protocol", "sec-websocket-extensions", "sec-websocket-key1",
        "sec-websocket-key2", "websocket-protocol", "proxy-connection", "keep-alive", "te", "trailer", "server",
        "sec-fetch-mode", "x-forwarded-server", "x-forwarded-port", "websocket-location", "websocket-origin",
        "sec-fetch-site", "sec-fetch-dest",
    ]
}

/// One field line of a head: where its name, its value and the whole line lie in the head's bytes.
public struct FieldLine: Sendable, Hashable {
    public var name: FieldName
    /// The name as written, without trailing space.
    public var nameRange: Range<Int32>
    /// The value without the optional white space around it (RFC 9112 5).
    public var valueRange: Range<Int32>

    public init(name: FieldName, nameRange: Range<Int32>, valueRange: Range<Int32>) {
        self.name = name
        self.nameRange = nameRange
        self.valueRange = valueRange
    }
}

/// What was wrong with the form of a head (RFC 9112 2.2, 3, 5): recorded, not judged.
public struct HeadDefects: OptionSet, Sendable, Hashable {
    public var rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// A line ended in LF alone.
    public static let bareLF = HeadDefects(rawValue: 1)
    /// A CR stood inside a line.
    public static let bareCR = HeadDefects(rawValue: 2)
    /// A line began with white space and so continues the one before (obs-fold).
    public static let folded = HeadDefects(rawValue: 4)
    /// White space stood between a field name and its colon.
    public static let spaceBeforeColon = HeadDefects(rawValue: 8)
    /// A line had no colon, or a name that is not a token.
    public static let malformedLine = HeadDefects(rawValue: 16)
    /// More than one space, or a tab, between the parts of the start line.
    public static let looseStartLine = HeadDefects(rawValue: 32)
    /// Empty lines stood before the start line.
    public static let leadingEmptyLines = HeadDefects(rawValue: 64)
    /// A control byte other than HTAB, CR and LF stood somewhere.
    public static let controlByte = HeadDefects(rawValue: 128)
}

/// The head of a request or a response, with its exact bytes.
public struct MessageHead: Sendable, Equatable {
    public enum StartLine: Sendable, Equatable {
        case request(method: Range<Int32>, target: Range<Int32>)
        case response(status: UInt16, reason: Range<Int32>)
    }

    /// From the first byte of the start line to the end of the empty line.
    public var bytes: [UInt8]
    public var startLine: StartLine
    /// Digits of `HTTP/x.y`.
    public var version: (major: UInt8, minor: UInt8)
    public var lines: [FieldLine] {
        didSet { present = Self.names(in: lines) }
    }
    public var defects: HeadDefects
    /// Where the bytes lay in the stream.
    public var place: Place
    /// One bit for each `FieldName` that occurs.
    private var present: UInt64

    public init(
        bytes: [UInt8], startLine: StartLine, version: (major: UInt8, minor: UInt8), lines: [FieldLine],
        defects: HeadDefects, place: Place
    ) {
        self.bytes = bytes
        self.startLine = startLine
        self.version = version
        self.lines = lines
        self.defects = defects
        self.place = place
        present = Self.names(in: lines)
    }

    private static func names(in lines: [FieldLine]) -> UInt64 {
        var names: UInt64 = 0
        for line in lines { names |= 1 << UInt64(line.name.rawValue) }
        return names
    }

    public static func == (left: MessageHead, right: MessageHead) -> Bool {
        left.bytes == right.bytes && left.place == right.place
    }

    /// Whether a control byte other than the tab, CR and LF, which have defects of their own, stands in it (RFC 9110 5.5).
    var hasControlByte: Bool { bytes.span.hasControlByte }

    /// Whether the first CR ends no line: one stands inside the start line (RFC 9112 2.2).
    var hasBareCR: Bool {
        let bytes = bytes.span
        guard let place = bytes.firstIndex(of: 0x0d, from: 0) else { return false }
        return place + 1 >= bytes.count || bytes[place + 1] != 0x0a
    }

    /// The status code of a response; 0 for a request.
    public var status: Int {
        if case .response(let status, _) = startLine { return Int(status) }
        return 0
    }

    public var method: ArraySlice<UInt8> {
        if case .request(let method, _) = startLine { return slice(method) }
        return []
    }

    public var target: ArraySlice<UInt8> {
        if case .request(_, let target) = startLine { return slice(target) }
        return []
    }

    public var reason: ArraySlice<UInt8> {
        if case .response(_, let reason) = startLine { return slice(reason) }
        return []
    }

    public func isMethod(_ name: StaticString) -> Bool { method.matches(name) }
    public var isHTTP10: Bool { version == (1, 0) }

    public func slice(_ range: Range<Int32>) -> ArraySlice<UInt8> {
        bytes[Int(range.lowerBound)..<Int(range.upperBound)]
    }
    public func name(of line: FieldLine) -> ArraySlice<UInt8> { slice(line.nameRange) }
    public func value(of line: FieldLine) -> ArraySlice<UInt8> { slice(line.valueRange) }

    /// How many lines have that name.
    public func count(_ name: FieldName) -> Int {
        guard has(name) else { return 0 }
        var count = 0
        for line in lines where line.name == name { count += 1 }
        return count
    }
    public func has(_ name: FieldName) -> Bool { present >> UInt64(name.rawValue) & 1 == 1 }
    /// The first line of that name.
    public func line(_ name: FieldName) -> FieldLine? { has(name) ? lines.first { $0.name == name } : nil }
    /// The first value of that name, without white space around it.
    public func value(_ name: FieldName) -> ArraySlice<UInt8>? { line(name).map { value(of: $0) } }
    /// All values of that name, in order.
    public func values(_ name: FieldName) -> [ArraySlice<UInt8>] {
        guard has(name) else { return [] }
        return lines.filter { $0.name == name }.map { value(of: $0) }
    }

    /// The members of a list field: all lines joined in order, split at commas outside quotes, white space
    /// trimmed, empty members dropped (RFC 9110 5.6.1).
    public func members(_ name: FieldName) -> [ArraySlice<UInt8>] {
        var members: [ArraySlice<UInt8>] = []
        guard has(name) else { return members }
        for line in lines where line.name == name { splitList(value(of: line)) { members.append($0) } }
        return members
    }

    /// Whether a list field has that member, compared without ASCII case.
    public func hasMember(_ name: FieldName, _ member: StaticString) -> Bool {
        guard has(name) else { return false }
        var found = false
        for line in lines where line.name == name && !found {
            splitList(value(of: line)) { if $0.matchesIgnoringCase(member) { found = true } }
        }
        return found
    }

    /// Where a line's whole text lies in the stream.
    public func place(of line: FieldLine) -> Place {
        let start = Int64(line.nameRange.lowerBound)
        let end = Int64(max(line.valueRange.upperBound, line.nameRange.upperBound))
        return Place(
            direction: place.direction, offset: place.offset + start, length: end - start,
            first: place.first, last: place.last)
    }
}

/// Calls `body` for each non-empty member of one list field value (RFC 9110 5.6.1).
public func splitList(
    _ value: ArraySlice<UInt8>, separator: UInt8 = UInt8(ascii: ","), _ body: (ArraySlice<UInt8>) -> Void
) {
    var start = value.startIndex
    var index = value.startIndex
    var quoted = false
    while index < value.endIndex {
        let byte = value[index]
        if quoted {
            if byte == UInt8(ascii: "\\") { index += 1 } else if byte == UInt8(ascii: "\"") { quoted = false }
        } else if byte == UInt8(ascii: "\"") {
            quoted = true
        } else if byte == separator {
            let member = value[start..<index].trimmingFold()
            if !member.isEmpty { body(member) }
            start = index + 1
        }
        index += 1
    }
    guard start < value.endIndex else { return }
    let member = value[start...].trimmingFold()
    if !member.isEmpty { body(member) }
}

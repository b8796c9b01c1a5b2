// CONNECT (RFC 9110 9.3.6; RFC 9931 8). After a refusal the proxy must close; that is what CON002 watches for.

import Ground
import Traffic

enum ConnectRules {
    @RuleList static var rules: [Rule] {
        Rule(
            "CON001", "connect-early-payload", .error, .client, core: true,
            source: "RFC 9931 8 (updates RFC 9112)",
            title: "Tunnel payload sent before 2xx to CONNECT",
            requirement: """
                A proxy client acting for untrusted TCP clients waits for 2xx and/or sends Connection: close.
                """,
            detect: """
                CONNECT and EARLY bytes after the head (section D) and Connection lacks close -> error; with close \
                -> note.
                """,
            why: """
                If the tunnelled data can be chosen by someone else and the proxy refuses, that data is parsed as \
                requests of this client, with its credentials.
                """,
            fix: """
                Client: wait for the 2xx, or send Connection: close, or use HTTP/2 or HTTP/3.
                Envoy as CONNECT proxy: runtime envoy.reloadable_features.reject_early_connect_data: true \
                (CVE-2025-64763; off by default)
                """,
            trigger: "CONREQ+`16 03 01` one segment",
            nearMiss: "CONREQ, 200 acked, `16 03 01`",
            scope: [.connect],
            when: [.early]
        ) { it in
            let closes = it.request?.hasMember(.connection, "close") == true
            return [
                it.early(
                    "Tunnel payload was sent before the answer to \(it.requestName)"
                        + (closes ? ", with Connection: close: " : ": "),
                    level: closes ? .note : .error,
                    at: [it.requestLine, it.statusLine] + it.lines(.connection, of: it.request))
            ]
        }
        Rule(
            "CON002", "connect-reject-keeps-open", .error, .server, core: true,
            source: "RFC 9931 8",
            title: "Proxy kept the connection after refusing CONNECT",
            requirement: """
                On refusal the proxy closes without handling more requests, whether or not close was sent; may be \
                waived for clients known to wait.
                """,
            detect: """
                Final non-2xx to CONNECT and (a) a further response on the connection, or (b) no server FIN/RST \
                within 2 s after the client acknowledged the refusal. Warning instead of error when no early bytes \
                were seen and the client only re-sent the CONNECT with credentials after a 407.
                """,
            why: """
                What the client sends next, in the belief that it has a tunnel, is run as requests of its own. Only \
                closing keeps payload from being parsed.
                """,
            fix: """
                HAProxy: http-request reject if METH_CONNECT (closes without an answer).
                Squid: client_persistent_connections off (coarse).
                Go net/http: update (CVE-2026-94439; later releases close after every answer to CONNECT).
                Or serve CONNECT over HTTP/2.
                """,
            trigger: "407 then 2nd request answered",
            nearMiss: "407 + FIN",
            needsEveryByte: true,
            scope: [.connect],
            when: [.refused]
        ) { it in
            guard let response = it.response else { return [] }
            let answered = it.facts.contains(.laterResponses) || it.exchange.laterRequests.contains { $0.status != 0 }
            let kept = it.timeKeptOpen
            guard answered || (kept ?? 0) > it.thresholds.connectClose.seconds else { return [] }
            let onlyRetried = it.exchange.laterRequests.allSatisfy { request in
                request.head[...].starts(with: "CONNECT ")
                    && InnerHead.field("proxy-authorization", in: request.head[...]) != nil
            }
            let mayRetry =
                response.status == 407 && !it.facts.contains(.early) && !it.exchange.laterRequests.isEmpty
                && onlyRetried
            let authenticatesConnection = response.values(.proxyAuthenticate).contains { value in
                value.prefix(4).matchesIgnoringCase("ntlm") || value.prefix(9).matchesIgnoringCase("negotiate")
            }
            let seen =
                answered
                ? "answered another request on the connection"
                : "left the connection open for \(DurationText.plain(kept ?? 0)) after the client had the answer"
            let reason = authenticatesConnection ? "; NTLM and Negotiate depend on that" : ""
            return [
                it.found(
                    "The proxy refused \(it.requestName) with \(Words.status(response)) and \(seen)\(reason).",
                    level: mayRetry || authenticatesConnection ? .warning : .error,
                    at: [it.statusLine] + it.lines(.proxyAuthenticate, of: response)
                        + [
                            it.exchange.laterRequests.first.map { it.raw("next request", $0.place, $0.head) },
                            it.head(it.exchange.firstLaterResponse, "next response"),
                        ])
            ]
        }
        Rule(
            "CON003", "connect-2xx-with-framing", .error, .server,
            source: "RFC 9110 9.3.6, 8.6; RFC 9112 6.1, 6.3",
            title: "2xx to CONNECT carries Content-Length or Transfer-Encoding",
            requirement: "Not allowed; client ignores them and the tunnel starts at the blank line.",
            detect: "CONNECT, 2xx, CL or TE.",
            why: """
                The tunnel starts at the empty line. A client that believes the length takes the first bytes of the \
                tunnel for content.
                """,
            fix: "Correct the proxy: no framing fields on a 2xx to CONNECT.",
            trigger: "200 + `Content-Length: 0`",
            nearMiss: "200 bare",
            scope: [.connect],
            when: [.connectAccepted, .responseFraming]
        ) { it in
            guard let response = it.response, response.has(.contentLength) || response.has(.transferEncoding) else {
                return []
            }
            let isZero = !response.has(.transferEncoding) && response.value(.contentLength)?.matches("0") == true
            return [
                it.found(
                    "The answer \(it.answer) to CONNECT carries "
                        + "\(response.has(.transferEncoding) ? "Transfer-Encoding" : "Content-Length").",
                    level: isZero ? .warning : .error,
                    at: [it.statusLine] + it.lines(.contentLength, .transferEncoding, of: response))
            ]
        }
        Rule(
            "CON004", "connect-target-invalid", .error, .unknown,
            source: "RFC 9110 9.3.6; RFC 9112 3.2.3",
            title: "CONNECT target without valid port, or not authority-form",
            requirement: "Only host:port, port mandatory; server rejects empty/invalid port.",
            detect: "target !~ host:1-65535 (brackets for IPv6). client error; if 2xx also server error.",
            why: "Without a port the proxy has to guess where to connect, and two proxies guess differently.",
            fix: "Client: CONNECT host:port, with brackets around an IPv6 address. Proxy: answer 400.",
            trigger: "`CONNECT h HTTP/1.1`",
            nearMiss: "`CONNECT [2001:db8::1]:443 HTTP/1.1`",
            when: [.connect]
        ) { it in
            guard let request = it.request, ConnectTarget(request.target) == nil else { return [] }
            let seen = "The target \(Words.quoted(request.target)) of CONNECT is no host and port"
            var findings = [it.found("\(seen).", fault: .client, at: [it.requestLine])]
            if it.facts.contains(.connectAccepted) {
                findings.append(
                    it.found(
                        "\(seen), and the server accepted it.", fault: .server, at: [it.requestLine, it.statusLine]))
            }
            return findings
        }
        Rule(
            "CON005", "connect-with-body-framing", .warning, .client,
            source: "RFC 9110 9.3.6; RFC 9112 6",
            title: "CONNECT request with Content-Length or Transfer-Encoding",
            requirement: """
                CONNECT has no content but framing is method-independent: recipients disagree where the tunnel \
                starts.
                """,
            detect: "CONNECT with CL>0 or TE.",
            why: """
                Recipients disagree about where the tunnel starts: behind the head, or behind the announced content.
                """,
            fix: "Remove Content-Length and Transfer-Encoding from CONNECT.",
            trigger: "CONNECT + `Content-Length: 20`",
            nearMiss: "CONNECT",
            when: [.connect, .framingFields]
        ) { it in
            [
                it.found(
                    "The CONNECT request carries framing fields although it never has content.",
                    level: it.facts.contains(.hasBody) ? .warning : .note,
                    at: it.lines(.contentLength, .transferEncoding, of: it.request))
            ]
        }
        Rule(
            "CON006", "connect-unusual-port", .warning, .server,
            source: "RFC 9110 9.3.6",
            title: "Accepted CONNECT to a non-web or internal target",
            requirement: "Proxies should limit ports/targets.",
            detect: """
                2xx and (port not in {443,80,8443,+local}, or host loopback/link-local/RFC1918/169.254.169.254).
                """,
            why: "A proxy that connects anywhere can be used to reach mail servers and internal services.",
            fix: "\(Recipe.connect)",
            trigger: "`CONNECT mail:25` 200",
            nearMiss: "`CONNECT mail:25` 403",
            scope: [.connect],
            when: [.connectAccepted]
        ) { it in
            guard let request = it.request, let target = ConnectTarget(request.target) else { return [] }
            let isWeb = [443, 80, 8443].contains(target.port) || it.thresholds.connectPorts.contains(target.port)
            guard !isWeb || target.isInternal else { return [] }
            return [
                it.found(
                    "The proxy accepted a tunnel to \(Words.plain(request.target.text)), "
                        + (target.isInternal ? "an internal address." : "which is no port of the web."),
                    at: [it.requestLine, it.statusLine])
            ]
        }
        Rule(
            "CON007", "http-after-connect-2xx", .error, .server,
            source: "RFC 9110 9.3.6; RFC 9112 6.3; CVE-2026-94439 (Go net/http)",
            title: "Server goes on speaking HTTP after a 2xx to CONNECT",
            requirement: """
                After a 2xx the connection is a tunnel; the accepting server no longer parses requests on it.
                """,
            detect: """
                CONNECT answered 2xx by the target itself, then s2c bytes at the tunnel start match `HTTP/1.[01] NNN` \
                in answer to c2s bytes that match a request line whose Host/target is not the tunnel destination, or \
                to bytes that are not HTTP (400 Bad Request).
                """,
            why: """
                A proxy in front takes these bytes for a tunnel and looks no further, while the server reads them as \
                requests: anything can be asked past the proxy's rules.
                """,
            fix: "Take the connection over in the handler, or answer CONNECT with 405; update Go.",
            trigger: "CONREQ -> 200 -> `16 03 01` -> `HTTP/1.1 400 Bad Request`",
            nearMiss: "`CONNECT h:80` -> 200 -> GET / Host: h -> 200",
            needsEveryByte: true,
            scope: [.connect],
            when: [.connectAccepted, .clientSpoke]
        ) { it in
            let said = it.exchange.switched.client.excerpt[...]
            let answered = it.exchange.switched.server.excerpt[...]
            // With a hole in the tunnel these need not be its first bytes.
            guard Words.isStatusLine(answered), let request = it.request, let response = it.response,
                it.exchange.connection.gapBytes == PerDirection(both: 0)
            else { return [] }
            let tunnel = Authority(request.target)
            let status = answered.prefix { $0 != 0x0d && $0 != 0x0a }
            let outerName = InnerHead.field("server", in: response.bytes[...])
            var isCertain = true
            let what: String
            if let line = Words.requestLine(said) {
                // A tunnel to the next proxy of a chain names the place behind that.
                if line.starts(with: "CONNECT ".utf8) { return [] }
                // The rest of the head may lie beyond what was kept: without a Host nothing is known.
                guard let host = InnerHead.field("host", in: said) else { return [] }
                if Authority(host).host.matchesIgnoringCase(tunnel.host) { return [] }
                what = "“\(it.shown(line, hiding: Redaction.secretRanges(in: line)))” for another host"
            } else {
                let name = InnerHead.field("server", in: answered)
                guard status.dropFirst(9).starts(with: "400"), name == outerName else { return [] }
                what = "bytes that are no HTTP"
                isCertain = outerName != nil
            }
            return [
                it.found(
                    "Behind its “\(it.answer)” to CONNECT the server answered \(what) with “\(it.shown(status))”.",
                    certainty: isCertain ? nil : .inferred,
                    at: [it.statusLine, it.switched(.client), it.switched(.server)])
            ]
        }
    }
}

/// Fields of a head that was kept only in part.
enum InnerHead {
    /// The value of the first line of that name, lower case, if the line is whole.
    static func field(_ name: StaticString, in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var rest = bytes
        while let end = rest.firstIndex(of: 0x0a) {
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            let length = name.utf8CodeUnitCount
            if line.count > length, line[line.startIndex + length] == UInt8(ascii: ":"),
                line.prefix(length).matchesIgnoringCase(name)
            {
                return line.dropFirst(length + 1).filter { $0 != 0x0d }[...].trimmingWhitespace()
            }
        }
        return nil
    }
}

/// `host:port` of CONNECT, the port mandatory (RFC 9110 9.3.6).
private struct ConnectTarget {
    var host: ArraySlice<UInt8>
    var port: Int

    init?(_ target: ArraySlice<UInt8>) {
        let authority = Authority(target)
        guard let port = authority.portNumber(), !authority.host.isEmpty, !authority.hasUser,
            authority.host.first == UInt8(ascii: "[")
                ? authority.host.last == UInt8(ascii: "]")
                : authority.host.allSatisfy({ $0 > 0x20 && $0 != 0x2f && $0 != 0x3a && $0 != 0x3f && $0 < 0x7f })
        else { return nil }
        self.host = authority.host
        self.port = port
    }

    /// Loopback, link-local or private by its form; names are not looked up.
    var isInternal: Bool {
        if host.matchesIgnoringCase("localhost") || host.suffix(10).matchesIgnoringCase(".localhost") { return true }
        if host.first == UInt8(ascii: "[") {
            let address = host.dropFirst().dropLast()
            // An IPv4 address in the clothes of IPv6 (RFC 4291 2.5.5.2).
            if address.prefix(7).matchesIgnoringCase("::ffff:") { return Self.isPrivate(address.dropFirst(7)) }
            let start = address.prefix(3)
            return address.matches("::1") || start.matchesIgnoringCase("fe8") || start.matchesIgnoringCase("fe9")
                || start.matchesIgnoringCase("fea") || start.matchesIgnoringCase("feb")
                || start.prefix(2).matchesIgnoringCase("fc") || start.prefix(2).matchesIgnoringCase("fd")
        }
        return Self.isPrivate(host)
    }

    /// Whether the text is an IPv4 address that is not routed in public.
    private static func isPrivate(_ host: ArraySlice<UInt8>) -> Bool {
        let parts = host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return false }
        var bits: UInt32 = 0
        for part in parts {
            guard let number = HandshakeLists.number(part), number < 256 else { return false }
            bits = bits << 8 | UInt32(number)
        }
        return IPAddress(v4: bits).isPrivate
    }
}

extension Case {
    /// How long the server kept the connection after the client had the refusal; `nil` when that is not known or
    /// the client itself ended it.
    fileprivate var timeKeptOpen: Int64? {
        guard let acknowledged = exchange.responseAcknowledged else { return nil }
        let connection = exchange.connection
        // When a FIN came that was not captured, nobody knows.
        guard connection.ended.server == .open || connection.endMark.server != nil else { return nil }
        if let end = connection.endMark.client,
            end.time.nanoseconds(since: acknowledged.time) <= thresholds.connectClose.seconds
        {
            return nil
        }
        let end = connection.endMark.server?.time ?? connection.observedUntil
        return end.nanoseconds(since: acknowledged.time)
    }
}

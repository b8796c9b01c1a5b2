// Ways around a front end, and secrets in the open (RFC 9112 11.2; RFC 6455 10). What needs a view of two hops is
// not here.

import Ground
import Traffic

enum SmugglingRules {
    @RuleList static var rules: [Rule] {
        Rule(
            "SMG002", "upgrade-cl-te-conflict", .error, .client, core: true,
            source: "RFC 9112 6.1, 6.2, 6.3, 11.2",
            title: "Content-Length together with Transfer-Encoding on an upgrade/CONNECT exchange",
            requirement: "Sender never sends both; server closes after answering.",
            detect: "Both fields in one message. Second finding on server if connection continues after the answer.",
            why: """
                Two readers that believe different fields see different messages: the rest of one is the start of \
                another. That is request smuggling in its simplest form.
                """,
            fix: Recipe.strict,
            trigger: "WSREQ + CL: 6 + `Transfer-Encoding: chunked`",
            nearMiss: "WSREQ",
            when: [.lengthAndCoding]
        ) { it in
            guard it.facts.holdsAny([.upgradeField, .connect]), let request = it.request else { return [] }
            let framing = it.exchange.framing
            guard framing.lengthAndCoding else {
                return [
                    it.found(
                        "The answer \(it.answer) carries both Content-Length and Transfer-Encoding.", fault: .server,
                        at: [it.statusLine] + it.lines(.contentLength, .transferEncoding, of: it.response))
                ]
            }
            let evidence = it.lines(.contentLength, .transferEncoding, of: request)
            let byLength = framing.contentLength.map { request.place.end.addingReportingOverflow($0).partialValue }
            var ends = ""
            if let byLength { ends += "; by Content-Length it ends at byte \(byLength) of the stream" }
            if let end = framing.end { ends += "\(byLength == nil ? ";" : ",") by Transfer-Encoding at byte \(end)" }
            var findings = [
                it.found(
                    "The request carries both Content-Length and Transfer-Encoding\(ends).", fault: .client,
                    at: evidence)
            ]
            let goesOn = it.facts.holdsAny([.laterResponses, .switched])
            if goesOn {
                findings.append(
                    it.found(
                        "The server answered \(it.answer) to a request with both Content-Length and Transfer-Encoding "
                            + "and did not close the connection.",
                        fault: .server, at: [it.statusLine]))
            }
            return findings
        }
        Rule(
            "SMG003", "framing-obfuscated", .error, .client,
            source: "RFC 9112 2.2, 5.1, 5.2, 6.1, 6.3; RFC 9110 5.5",
            title: "Ambiguous framing syntax around an upgrade",
            requirement: """
                Space before colon, obs-fold, bare CR, non-chunked-final TE, differing or signed Content-Length, \
                duplicates.
                """,
            detect: """
                regex: `^[^:]*[ \\t]+:`; line starting SP/HT; CR not followed by LF; TE last coding != chunked or \
                `xchunked`/quoted; CL not 1*DIGIT or list of different values.
                """,
            why: """
                Readers that handle such syntax differently disagree about where a message ends or what a field is, \
                and so about what the next request is.
                """,
            fix: Recipe.strict,
            trigger: "`Transfer-Encoding : chunked`",
            nearMiss: "`Transfer-Encoding: chunked`",
            when: [.framingDoubtful]
        ) { it in
            guard it.facts.holdsAny([.upgradeField, .connect]), let request = it.request else { return [] }
            let defects = request.defects
            var seen: [String] = []
            if defects.contains(.spaceBeforeColon) { seen.append("white space before a colon") }
            if defects.contains(.folded) { seen.append("a folded line") }
            if defects.contains(.bareCR) { seen.append("a bare CR") }
            if defects.contains(.controlByte), request.bytes.contains(0) { seen.append("a NUL") }
            if it.exchange.framing.endUnknown {
                if it.exchange.framing.chunked {
                    // CONNECT has no content: what does not read as chunks is the tunnel (CON005).
                    if !it.facts.contains(.connect) { seen.append("content that is not chunked as it should be") }
                } else {
                    seen.append(
                        request.has(.transferEncoding)
                            ? "a Transfer-Encoding that does not end in chunked, or stands in HTTP/1.0"
                            : "an invalid Content-Length")
                }
            }
            let isGrave = !seen.isEmpty
            if defects.contains(.bareLF) { seen.append("a line that ends in LF alone") }
            if defects.contains(.controlByte), !request.bytes.contains(0) { seen.append("a control character") }
            if !it.exchange.framing.endUnknown, request.members(.contentLength).count > 1 {
                seen.append("a repeated Content-Length")
            }
            guard !seen.isEmpty else { return [] }
            return [
                it.found(
                    "The request has \(Words.list(seen)).", level: isGrave ? .error : .warning,
                    at: [it.requestHead] + it.lines(.contentLength, .transferEncoding, of: request))
            ]
        }
        Rule(
            "SMG004", "connection-nominates-end-to-end", .error, .client,
            source: "RFC 9110 7.6.1",
            title: "Connection lists an end-to-end or security field",
            requirement: "A field meant for all recipients must never be an option: proxies would delete it.",
            detect: """
                Connection member in {host, authorization, cookie, content-length, content-type, cache-control, \
                origin, x-forwarded-for, x-forwarded-proto, x-real-ip, forwarded, sec-websocket-*}.
                """,
            why: """
                A proxy removes every field that Connection names. Naming a field such as X-Forwarded-For or \
                Authorization makes it disappear on the way and changes who the request seems to come from.
                """,
            fix: """
                Normalise Connection at the edge.
                HAProxy: http-request deny if { req.hdr(Connection) -m sub -i x-forwarded }
                """,
            trigger: "`Connection: upgrade, X-Forwarded-For`",
            nearMiss: "`Connection: upgrade, http2-settings`",
            when: [.nominatesEndToEnd]
        ) { it in
            guard let request = it.request else { return [] }
            let named = request.members(.connection).filter { Facts.isEndToEnd($0) }.map { Words.plain($0.text) }
            return [
                it.found(
                    "Connection names \(Words.list(named)), which a proxy would then delete.",
                    at: it.lines(.connection, of: request))
            ]
        }
        Rule(
            "SMG005", "tunnel-after-refused-upgrade", .error, .intermediary, core: true,
            source: """
                RFC 9110 7.8; CVE-2019-17567 (httpd 2.4.6-2.4.46); CVE-2024-23326 (Envoy took 200 for a switch); \
                0ang3el websocket-smuggle scenario 1
                """,
            title: "Bytes keep flowing as a tunnel although the switch was refused",
            requirement: "Without 101 the connection stays HTTP; proxy must keep parsing.",
            detect: """
                upgrade request, final status != 101, then on the same backend connection further client requests \
                that carry none of the proxy's own fields (X-Forwarded-*, Via, rewritten Host) although the first \
                did, or different Host/path outside the route.
                """,
            why: """
                The proxy believes in a tunnel that the server refused. Whatever the client sends now reaches the \
                server without the rules, the routing and the logging of the proxy.
                """,
            fix: """
                Apache: 2.4.47 or later, ProxyPass with upgrade=websocket.
                Envoy: a release after CVE-2024-23326.
                Varnish (vcl_recv): if (req.http.Upgrade ~ "(?i)^websocket$" && req.http.Sec-WebSocket-Version == \
                "13") { return (pipe); }
                Keep internal paths on another listener.
                """,
            trigger: "WSREQ(XFF) v1337 -> 426, then `GET /internal` no XFF",
            nearMiss: "... then `GET /x` with XFF",
            needsEveryByte: true,
            scope: [.upgradeField, .forwarded],
            when: [.refused, .laterRequests]
        ) { it in
            let bare = it.exchange.laterRequests.filter { !$0.hasForwardingFields }
            guard let first = bare.first, let request = it.request else { return [] }
            let line =
                Words.requestLine(first.head[...]).map { it.shown($0, hiding: Redaction.secretRanges(in: $0)) }
                ?? "a request"
            return [
                it.found(
                    "The offer was refused with \(it.answer); later “\(line)” came on the same connection "
                        + "without the fields "
                        + "the proxy had added to the first request.",
                    count: UInt32(clamping: bare.count),
                    at: it.lines(
                        .via, .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xRealIP, of: request)
                        + [it.statusLine, it.raw("later request", first.place, first.head)])
            ]
        }
        Rule(
            "SMG006", "forged-101", .error, .server,
            source: "RFC 9110 7.8, 15.2.2; 0ang3el scenario 2",
            title: "Application-made 101 makes the proxy tunnel",
            requirement: """
                101 from an endpoint that did not perform an upgrade (e.g. relays an attacker-controlled status).
                """,
            detect: """
                101 fails RES001/RES003/WS009, or method != GET for websocket, and afterwards HTTP/1.1 \
                request/response bytes appear on the connection.
                """,
            why: """
                The 101 did not come from a server that switched: an application was made to send it. The proxy \
                opens a tunnel, and through it the client reaches what the proxy was to protect.
                """,
            fix: """
                Never pass an upstream 1xx on as a status of its own. nginx: no Upgrade in proxy_set_header where no \
                WebSocket is wanted.
                """,
            trigger: "POST /health Upgrade: websocket -> bare 101 -> `GET /internal`",
            nearMiss: "WSREQ -> WSRSP -> frames",
            replaces: ["RES012", "WSF020"],
            needsEveryByte: true,
            scope: [.status101],
            when: [.doubtfulSwitch]
        ) { it in
            let causes: [(Facts, String)] = [
                (.namesNoProtocol, "names no protocol (RES001)"),
                (.selectsNotOffered, "names one that was not offered (RES003)"),
                (.acceptWrong, "has a wrong Sec-WebSocket-Accept (WS009)"),
            ]
            var failed = causes.filter { it.facts.contains($0.0) }.map { $0.1 }
            if it.facts.contains(.notGET), it.facts.contains(.offersWebSocket) {
                failed.append("answers a method other than GET")
            }
            let client = Words.requestLine(it.exchange.switched.client.excerpt[...])
            let server = Words.isStatusLine(it.exchange.switched.server.excerpt[...])
            guard !failed.isEmpty, client != nil || server else { return [] }
            let what =
                client.map { "the client sent “\(it.shown($0, hiding: Redaction.secretRanges(in: $0)))”" }
                ?? "the server sent an HTTP response"
            return [
                it.found(
                    "The 101 \(Words.list(failed)), and behind it \(what): nothing was switched.",
                    at: [it.responseHead, it.switched(.client), it.switched(.server)])
            ]
        }
        Rule(
            "SMG007", "cross-site-websocket", .warning, .server, core: true,
            source: "RFC 6455 10.2; CWE-1385",
            title: "WebSocket accepted from a foreign Origin with ambient credentials",
            requirement: "Server meant for certain sites should verify Origin, answer 403 otherwise.",
            detect: """
                101, Origin host (registrable domain unknown -> exact host[:port]) != Host, and Cookie or \
                Authorization present. Origin `null` or scheme http against wss: also. note when no credentials.
                """,
            why: """
                Browsers send cookies with WebSocket handshakes from any page. A server that does not compare Origin \
                lets a foreign page act as the user and read the answers.
                """,
            fix: Recipe.origin,
            trigger: "Host: bank.example, Origin: https://evil.example, Cookie -> 101",
            nearMiss: "same -> 403",
            scope: [.websocket],
            when: [.status101, .foreignOrigin]
        ) { it in
            guard let request = it.request, !it.thresholds.allows(request.value(.origin)) else { return [] }
            let hasSecrets = request.has(.cookie) || request.has(.authorization)
            let host = it.value(.host, of: request)
            let origin = it.value(.origin, of: request)
            let with = hasSecrets ? "with \(it.secretNames)" : "without credentials"
            return [
                it.found(
                    "The server at “\(host)” accepted a WebSocket from the origin “\(origin)”, \(with).",
                    level: hasSecrets ? .warning : .note,
                    certainty: it.facts.contains(.forwarded) && !request.has(.xForwardedHost) ? .inferred : nil,
                    at: it.lines(.host, .origin, .cookie, .authorization, of: request) + [it.statusLine])
            ]
        }
        Rule(
            "SMG008", "ws-cleartext-credentials", .warning, .client, core: true,
            source: "RFC 6455 10.6; RFC 9110 17.2",
            title: "Credentials or session cookies over clear-text upgrade",
            requirement: "ws:// exposes Authorization, Cookie, tokens and frames.",
            detect: """
                No TLS on this hop and request has Authorization/Proxy-Authorization/Cookie/Sec-WebSocket-Protocol \
                with token-like value (JWT eyJ).
                """,
            why: "Everyone on the path reads the credentials and everything that is said after the switch.",
            fix: Recipe.tls,
            trigger: "port 80 WSREQ + Cookie",
            nearMiss: "loopback, or X-Forwarded-Proto: https",
            scope: [.upgradeField],
            when: [.credentials]
        ) { it in
            guard let request = it.request else { return [] }
            let connection = it.exchange.connection
            let (client, server) = (connection.client.address, connection.server.address)
            guard !client.isLoopback, !server.isLoopback else { return [] }
            let isBehindTLS = request.cameOverTLS
            let isInside = client.isPrivate && server.isPrivate
            return [
                it.found(
                    "The request carries \(it.secretNames) in clear text"
                        + (isBehindTLS ? ", on a hop behind TLS." : isInside ? ", within a private network." : "."),
                    level: isBehindTLS || isInside ? .note : .warning,
                    at: it.lines(.authorization, .proxyAuthorization, .cookie, .secWebSocketProtocol, of: request))
            ]
        }
        Rule(
            "SMG009", "credentials-in-url", .warning, .client,
            source: "RFC 9110 17.9; RFC 6455 10.5",
            title: "Token in the upgrade URL query",
            requirement: "URLs end up in logs.",
            detect: """
                query key in {token,access_token,auth,apikey,api_key,jwt,password,sid,session} with value >=8 chars, \
                or JWT pattern.
                """,
            why: """
                Addresses end up in logs, in histories and in the Referer of other requests, and the token with \
                them.
                """,
            fix: "Use a short-lived ticket or a cookie, and mask the query in log_format.",
            trigger: "`GET /ws?access_token=eyJ...`",
            nearMiss: "`GET /ws?room=42`",
            scope: [.upgradeField],
            when: [.query]
        ) { it in
            guard let request = it.request, let found = QueryCredential.find(in: request.target) else { return [] }
            let isSession = found.key.matchesIgnoringCase("sid")
            return [
                it.found(
                    "The query of the request carries \(Words.quoted(found.key)) of \(found.value.count) bytes "
                        + "(digest \(Fingerprint.tag(of: found.value))).",
                    level: isSession ? .note : .warning, at: [it.requestLine])
            ]
        }
        Rule(
            "SMG010", "mixed-token-offer", .warning, .client,
            source: "RFC 9110 7.8; measured proxy behaviour",
            title: "One request offers websocket together with another token",
            requirement: """
                A list is legal and the server may choose any member; filters that test for websocket while \
                forwarding the whole list let the other member through.
                """,
            detect: """
                Upgrade list (all lines) contains websocket or connect-* and at least one other name. Level error is \
                never used; add SMG001 if h2c is then selected.
                """,
            why: """
                The server may choose any member. A filter that tests for websocket and passes the whole list on \
                lets the other protocol through.
                """,
            fix: """
                Forward a constant and not the value of the client. Apache: refuse values with a comma. HAProxy: \
                req.fhdr(Upgrade) -i websocket.
                \(Recipe.webSocket)
                """,
            trigger: "`Upgrade: websocket, h2c`",
            nearMiss: "`Upgrade: websocket`",
            when: [.upgradeField, .offersMixed]
        ) { it in
            [
                it.found(
                    "The request offers “\(it.value(.upgrade, of: it.request))”: websocket or a tunnel beside "
                        + "another protocol.",
                    at: it.lines(.upgrade, of: it.request) + it.lines(.upgrade, of: it.response))
            ]
        }
    }
}

extension Case {
    /// The credentials of the request by name: "Authorization and the cookies session, theme".
    fileprivate var secretNames: String {
        guard let request else { return "" }
        var names: [String] = []
        if request.has(.authorization) { names.append("Authorization") }
        if request.has(.proxyAuthorization) { names.append("Proxy-Authorization") }
        var cookies: [String] = []
        for value in request.values(.cookie) {
            splitList(value, separator: UInt8(ascii: ";")) { pair in
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { return }
                cookies.append(Words.plain(pair[..<equals].text, limit: 40))
            }
        }
        if request.has(.cookie) {
            let shown = cookies.prefix(6).joined(separator: ", ") + (cookies.count > 6 ? ", …" : "")
            names.append(
                shown.isEmpty ? "a cookie" : cookies.count == 1 ? "the cookie \(shown)" : "the cookies \(shown)")
        }
        if names.isEmpty { names.append("a token in Sec-WebSocket-Protocol") }
        return Words.list(names)
    }
}

extension MessageHead {
    /// A proxy says that its own client spoke TLS: in X-Forwarded-Proto, or in Forwarded (RFC 7239 5.4).
    fileprivate var cameOverTLS: Bool {
        if let scheme = members(.xForwardedProto).first { return scheme.isSecureScheme }
        guard let hop = members(.forwarded).first else { return false }
        var isSecure = false
        splitList(hop, separator: UInt8(ascii: ";")) { part in
            let (name, value) = HandshakeLists.parameter(part)
            if name.matchesIgnoringCase("proto"), let value {
                isSecure = HandshakeLists.unquoted(value).isSecureScheme
            }
        }
        return isSecure
    }
}

extension ArraySlice<UInt8> {
    fileprivate var isSecureScheme: Bool { matchesIgnoringCase("https") || matchesIgnoringCase("wss") }
}

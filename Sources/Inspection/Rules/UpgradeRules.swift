// The offer: the Upgrade field of a request, and what goes with it (RFC 9110 7.8, 7.6.1).
// A request with Upgrade but without the option is UPG001, whoever forwarded it; HOP002 needs a view of two hops.

import Ground
import Traffic

enum UpgradeRules {
    @RuleList static var rules: [Rule] {
        Rule(
            "UPG001", "upgrade-without-connection-option", .error, .client, core: true, reads: .heads,
            source: "RFC 9110 7.8, 7.6.1",
            title: "Upgrade sent without the \"upgrade\" connection option",
            requirement: """
                Whoever sends Upgrade must also name it in Connection so the next hop knows it is hop-by-hop.
                """,
            detect: """
                Request has >=1 Upgrade field line and the union of all Connection list members (split on comma, OWS \
                trimmed, ASCII case-folded) has no member `upgrade`.
                """,
            why: """
                A server has to ignore an Upgrade that Connection does not name, and a proxy that does not know the \
                field passes it on. So the offer either fails for no visible reason or takes effect behind a hop \
                that never agreed to it.
                """,
            fix: """
                Set both fields at the hop that creates the request.
                \(Recipe.webSocket)
                """,
            trigger: "WSREQ with `Connection: keep-alive`",
            nearMiss: "WSREQ with two lines `Connection: keep-alive` + `Connection: uPgRaDe`",
            when: [.upgradeField, .noUpgradeOption]
        ) { it in
            guard let request = it.request else { return [] }
            let options = it.value(.connection, of: request)
            let seen =
                options.isEmpty
                ? "it has no Connection field" : "Connection says “\(options)” and does not name upgrade"
            return [
                it.found(
                    "The request offers “\(it.value(.upgrade, of: request))”, but \(seen).",
                    fault: it.sender,
                    at: it.lines(.upgrade, .connection, .via, .xForwardedFor, .forwarded, of: request))
            ]
        }
        Rule(
            "UPG002", "connection-upgrade-without-upgrade", .warning, .client, reads: .heads,
            source: "RFC 9110 7.6.1",
            title: "Connection lists \"upgrade\" but no Upgrade field",
            requirement: """
                An option may exist without a field, but "upgrade" without Upgrade carries no offer; nearly always a \
                proxy that hard-codes the option.
                """,
            detect: """
                Connection members contain `upgrade` and no Upgrade field line (or Upgrade is an empty list). \
                Aggregated: one finding a connection with a count.
                """,
            why: """
                The option promises an Upgrade field that is not there. Almost always a proxy writes the option on \
                every request; servers then see a broken offer on plain pages.
                """,
            fix: """
                nginx: replace the literal proxy_set_header Connection "upgrade"; by the map, so that plain requests \
                get an empty value.
                \(Recipe.webSocket)
                """,
            trigger: "GET / with `Connection: upgrade`, no Upgrade",
            nearMiss: "GET / with `Connection: keep-alive`",
            when: [.optionWithoutUpgrade],
            check: { it in
                [
                    it.found(
                        "Connection says “\(it.value(.connection, of: it.request))”, but nothing is offered in "
                            + "Upgrade.",
                        at: it.lines(.connection, .upgrade, .userAgent, .via, of: it.request))
                ]
            },
            onConnection: [.loneUpgradeOption],
            connection: { it in
                guard it.record.loneUpgradeOptions > 0, let head = it.record.firstLoneUpgradeOption else { return [] }
                let times = it.record.loneUpgradeOptions == 1 ? "one request" : "several requests"
                return [
                    it.found(
                        "On this connection \(times) named upgrade in Connection without an Upgrade field.",
                        fault: head.has(.via) || head.has(.xForwardedFor) ? .intermediary : .client,
                        count: it.record.loneUpgradeOptions,
                        at: [it.raw("request head", head.place, head.bytes)])
                ]
            }
        )
        Rule(
            "UPG003", "upgrade-malformed-list", .error, .client, reads: .heads,
            source: "RFC 9110 7.8, 5.6.1",
            title: "Upgrade value does not parse as a list of token[\"/\"token]",
            requirement: """
                Members are protocol-name with optional slash and version, both tokens; senders may not emit empty \
                members.
                """,
            detect: """
                After combining lines in order: any non-empty member not matching `tchar+(/tchar+)?`; or sender-side \
                empty member (`,,`, leading/trailing comma) -> downgrade to warning.
                """,
            why: """
                Recipients disagree about values that do not parse: one sees websocket, another sees an unknown \
                token, and a filter that tests for one spelling lets the other pass.
                """,
            fix: "Send a constant such as “websocket”, and never build the value from user input.",
            trigger: "WSREQ with `Upgrade: websocket;v=13`",
            nearMiss: "WSREQ with `Upgrade: h2c , websocket`",
            when: [.upgradeField, .offerMalformed]
        ) { it in
            guard let request = it.request else { return [] }
            let bad = request.members(.upgrade).first { !ProtocolName.isWellFormed($0) }
            let evidence = it.lines(.upgrade, of: request)
            guard let bad else {
                return [it.found("The Upgrade list has an empty member.", level: .warning, at: evidence)]
            }
            return [
                it.found("\(Words.quoted(bad)) in Upgrade is no protocol name with an optional version.", at: evidence)
            ]
        }
        Rule(
            "UPG004", "upgrade-in-http10", .warning, .client, reads: .heads,
            source: "RFC 9110 7.8; RFC 6455 4.1(2)",
            title: "Upgrade sent in an HTTP/1.0 request",
            requirement: """
                A server has to disregard Upgrade in HTTP/1.0 requests, so the offer is pointless and usually a \
                proxy hop speaking 1.0.
                """,
            detect: """
                request-line version == HTTP/1.0 and Upgrade present. Level error when the token is websocket (RFC \
                6455 4.1(2): at least 1.1).
                """,
            why: """
                A server has to disregard Upgrade in HTTP/1.0, so the offer cannot succeed. The usual cause is a \
                proxy that speaks 1.0 to its backend.
                """,
            fix: "nginx (location): proxy_http_version 1.1;",
            trigger: "`GET /ws HTTP/1.0` + Upgrade",
            nearMiss: "`GET /ws HTTP/1.1` + Upgrade",
            when: [.upgradeField, .http10]
        ) { it in
            let level: Level = it.facts.contains(.offersWebSocket) ? .error : .warning
            return [
                it.found(
                    "The request offers “\(it.value(.upgrade, of: it.request))” in HTTP/1.0, where Upgrade must "
                        + "be disregarded.",
                    level: level, at: [it.requestLine] + it.lines(.upgrade, .via, of: it.request))
            ]
        }
        Rule(
            "UPG005", "upgrade-token-unregistered", .note, .client, reads: .heads,
            source: "IANA HTTP Upgrade Tokens; RFC 9110 16.7",
            title: "Offered token is not in the IANA registry",
            requirement: """
                Names ought to be registered; unknown ones have no public definition, so generic rules only apply.
                """,
            detect: """
                lower(name) not in {http,tls,websocket,h2c,connect-udp,connect-ip} and not in the local allow list \
                {connect-tcp (RFC-editor queue), spdy/3.1 (Kubernetes), tcp, http-exec/docker, jboss-remoting, irc, \
                rta, shttp}.
                """,
            why: """
                An unregistered name has no public definition: filters do not know it, and only the general rules of \
                Upgrade can be checked.
                """,
            fix: """
                Register the token or document it; where it is not wanted, block it at the edge.
                \(Recipe.webSocket)
                """,
            trigger: "`Upgrade: foo/2`",
            nearMiss: "`Upgrade: WebSocket`",
            when: [.upgradeField, .offersUnknown]
        ) { it in
            guard let request = it.request else { return [] }
            let unknown = request.members(.upgrade).filter { member in
                Facts.token(member) == .offersUnknown && ProtocolName.isWellFormed(member)
                    && !PrivateProtocols.isKnown(member)
            }
            guard let first = unknown.first else { return [] }
            return [
                it.found(
                    "The offered protocol \(Words.quoted(first)) is in no registry.",
                    count: UInt32(clamping: unknown.count),
                    at: [it.requestLine] + it.lines(.upgrade, of: request))
            ]
        }
        Rule(
            "UPG006", "upgrade-h2-token", .warning, .client, reads: .heads,
            source: "RFC 7540 3.2; RFC 9113 3.1",
            title: "Upgrade offers \"h2\"",
            requirement: """
                h2 names HTTP/2 over TLS chosen by ALPN; servers had to ignore it in Upgrade (the obligation was on \
                the server, so the client only gets a warning).
                """,
            detect: "Any member with name `h2` (no version). If the server answers 101 with h2 -> also H2C008.",
            why: """
                “h2” names HTTP/2 over TLS, chosen in the TLS handshake. Servers ignore it in Upgrade, so the client \
                stays on HTTP/1.1 without noticing.
                """,
            fix: "Use ALPN h2 on TLS, or prior knowledge on clear text.",
            trigger: "`Upgrade: h2`",
            nearMiss: "`Upgrade: h2c`",
            when: [.upgradeField, .offersH2]
        ) { it in
            [
                it.found(
                    "The request offers “h2”, which names HTTP/2 over TLS and cannot be chosen by Upgrade.",
                    at: it.lines(.upgrade, of: it.request))
            ]
        }
        Rule(
            "UPG007", "upgrade-with-body", .warning, .client, reads: .heads,
            source: "RFC 9110 7.8; RFC 9931 7.1; RFC 7540 3.2",
            title: "Upgrade offered on a request that carries content",
            requirement: """
                Legal, but the client may not use the new protocol until the whole message is out; all non-HTTP \
                tokens in use are defined for GET without content.
                """,
            detect: "Upgrade present and body length > 0 by section B (Content-Length>0 or Transfer-Encoding).",
            why: """
                The client may not speak the new protocol before the whole content is out, and the two directions \
                then switch at different times. Many servers and proxies lose count there.
                """,
            fix: """
                Send the offer on a GET or OPTIONS first. HAProxy 2.4 and later drops Upgrade on requests with \
                content.
                """,
            trigger: "POST + `Content-Length: 4` + `Upgrade: h2c`",
            nearMiss: "GET + `Upgrade: h2c` (+ `Content-Length: 0`)",
            when: [.upgradeField, .hasBody]
        ) { it in
            let framing = it.exchange.framing
            let size =
                framing.contentLength.map { Words.count($0, "byte") } ?? "a length that Transfer-Encoding decides"
            let mayCarry =
                it.facts.holdsAny([.offersTLS, .offersHTTP, .offersH2C])
                && !it.facts.holdsAny([.offersWebSocket, .offersMasque])
            return [
                it.found(
                    "The request offers “\(it.value(.upgrade, of: it.request))” and carries content of \(size).",
                    level: mayCarry ? .note : .warning,
                    at: [it.requestLine] + it.lines(.upgrade, .contentLength, .transferEncoding, of: it.request))
            ]
        }
        Rule(
            "UPG008", "upgrade-method-unsuited", .error, .client, reads: .heads,
            source: "RFC 6455 4.1; RFC 9298 3.2; RFC 9484 4.2",
            title: "Token offered with a method it is not defined for",
            requirement: "websocket, connect-udp, connect-ip (and connect-tcp) are defined for GET only.",
            detect: "Token in that set and method != GET (case-sensitive).",
            why: """
                The protocol is defined for GET only. A server that accepts another method may run the request and \
                the switch both.
                """,
            fix: "Use GET.",
            trigger: "`POST /ws` + `Upgrade: websocket`",
            nearMiss: "`OPTIONS *` + `Upgrade: TLS/1.2`",
            when: [.upgradeField, .notGET]
        ) { it in
            guard let request = it.request, it.facts.holdsAny([.offersWebSocket, .offersMasque]) else { return [] }
            return [
                it.found(
                    "“\(it.value(.upgrade, of: request))” is offered with the method "
                        + "\(Words.quoted(request.method)); only GET fits.",
                    at: [it.requestLine] + it.lines(.upgrade, of: request))
            ]
        }
        Rule(
            "UPG009", "pipelined-after-upgrade", .warning, .client, reads: [.heads, .frames],
            source: "RFC 9112 9.3.2; RFC 9931 4.1",
            title: "Further HTTP request pipelined behind an unanswered upgrade request",
            requirement: """
                If the switch is accepted the pipelined bytes are read as the new protocol; if refused, they run as \
                a request.
                """,
            detect: """
                Bytes after end of upgrade request (section B) begin with a plausible method token+SP and were sent \
                EARLY (section D) relative to the final response. For websocket raise EARLY001 instead.
                """,
            why: """
                If the switch is accepted, the pipelined request is read as bytes of the new protocol; if it is \
                refused, it runs as a request. The client cannot know which.
                """,
            fix: "Do not pipeline behind a request that offers Upgrade.",
            trigger: "H2CREQ immediately followed by `GET /2 HTTP/1.1`",
            nearMiss: "H2CREQ -> full 200 -> `GET /2`",
            when: [.upgradeField, .early]
        ) { it in
            guard it.earlyRule == it.rule.id, let early = it.exchange.early else { return [] }
            let line = Words.requestLine(early.excerpt[...]).map {
                it.shown($0, hiding: Redaction.secretRanges(in: $0))
            }
            return [
                it.early(
                    "Behind the offer, and before it was answered, the client sent another "
                        + "request\(line.map { " (\($0))" } ?? ""): ",
                    at: [it.requestLine])
            ]
        }
        Rule(
            "UPG010", "expect-without-content", .error, .client, reads: .heads,
            source: "RFC 9110 10.1.1",
            title: "Expect: 100-continue on an upgrade request without content",
            requirement: "The expectation only makes sense with content to follow.",
            detect: "Expect has 100-continue and computed body length is 0/no framing.",
            why: """
                The client announces that it waits before sending content, but there is none. A server that answers \
                100 and one that does not then differ in what comes next.
                """,
            fix: "Remove Expect.",
            trigger: "WSREQ + `Expect: 100-continue`",
            nearMiss: "POST CL:4 + Expect",
            when: [.upgradeField, .expectsContinue]
        ) { it in
            guard !it.facts.contains(.hasBody) else { return [] }
            let isTunnel = it.exchange.request?.hasMember(.upgrade, "connect-tcp") == true
            return [
                it.found(
                    "The request expects 100 (Continue) but carries no content.", level: isTunnel ? .note : .error,
                    at: it.lines(.expect, .contentLength, .upgrade, of: it.request))
            ]
        }
    }
}

/// Names that are in no registry and yet common: Kubernetes, Docker, WildFly, printers and the examples of the RFC.
private enum PrivateProtocols {
    static func isKnown(_ member: ArraySlice<UInt8>) -> Bool {
        if member.matchesIgnoringCase("spdy/3.1") { return true }
        let name = ProtocolName.name(of: member)
        return names.contains { name.matchesIgnoringCase($0) }
    }

    private static let names: [StaticString] = [
        "tcp", "http-exec", "docker", "jboss-remoting", "irc", "rta", "shttp",
    ]
}

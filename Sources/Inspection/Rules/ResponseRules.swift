// The answer: 101, 426 and the refusals (RFC 9110 15.2.2, 15.5.22; RFC 9112 6).

import Ground
import Traffic

enum ResponseRules {
    @RuleList static var rules: [Rule] {
        Rule(
            "RES001", "101-without-upgrade", .error, .server, core: true, reads: .heads,
            source: "RFC 9110 15.2.2, 7.8",
            title: "101 without Upgrade field",
            requirement: "A switching response must say which protocol(s) will be in effect.",
            detect: "status 101 and no non-empty Upgrade list.",
            why: """
                Client and intermediaries do not know what the bytes that follow are. A WebSocket client has to fail \
                the connection; a proxy that guesses may open a blind tunnel.
                """,
            fix: """
                Origin server: repeat the chosen protocol in Upgrade, and name it in Connection.
                Apache as proxy: ProxyPass "/ws/" "http://127.0.0.1:8080/ws/" upgrade=websocket, so that the field \
                is kept.
                """,
            trigger: "WSRSP without Upgrade line",
            nearMiss: "WSRSP",
            when: [.status101, .namesNoProtocol]
        ) { it in
            [
                it.found(
                    "The answer is 101 but names no protocol in Upgrade.",
                    fault: it.response?.has(.via) == true ? .intermediary : .server, at: [it.responseHead])
            ]
        }
        Rule(
            "RES002", "101-without-connection-upgrade", .error, .server, reads: .heads,
            source: "RFC 9110 7.8; RFC 6455 4.1",
            title: "101 (or 426 / advertisement) Upgrade without Connection: upgrade",
            requirement: "Every sender of Upgrade, responses included, lists it in Connection.",
            detect: """
                Response has Upgrade and its Connection members lack `upgrade` (any status: the rule binds every \
                sender of Upgrade).
                """,
            why: """
                Upgrade belongs to one hop, and only Connection says so. Without the option a proxy may drop the \
                field or pass it to someone it was not meant for, and a WebSocket client must fail the connection.
                """,
            fix: """
                Add “Connection: Upgrade” wherever Upgrade is sent.
                nginx: add_header Connection Upgrade always;
                """,
            trigger: "WSRSP with `Connection: keep-alive`",
            nearMiss: "WSRSP with `Connection: keep-alive, upgrade`",
            when: [.responseWithoutOption],
            check: { it in
                guard let response = it.response else { return [] }
                return [
                    it.found(
                        "The answer \(it.answer) has Upgrade, but Connection does not name it.",
                        at: [it.statusLine] + it.lines(.upgrade, .connection, of: response))
                ]
            },
            onConnection: [.bareUpgrade],
            connection: { it in
                guard it.record.bareUpgrades > 0, let head = it.record.firstBareUpgrade else { return [] }
                let what = it.record.bareUpgrades == 1 ? "An ordinary answer" : "Ordinary answers"
                let names = head.members(.upgrade).map { Words.plain($0.text, limit: 40) }.joined(separator: ", ")
                let verb = it.record.bareUpgrades == 1 ? "advertises" : "advertise"
                return [
                    it.found(
                        "\(what), \(Words.status(head)), \(verb) “\(names)” in Upgrade, but Connection does not "
                            + "name it.",
                        count: it.record.bareUpgrades, at: [it.raw("response head", head.place, head.bytes)])
                ]
            }
        )
        Rule(
            "RES003", "101-protocol-not-offered", .error, .server, core: true, reads: .heads,
            source: "RFC 9110 7.8",
            title: "101 selects a protocol the request did not offer",
            requirement: "The server may switch only to something listed by the client.",
            detect: """
                For each response member: name (case-insensitive) absent from request names -> error; name present \
                but version differs -> warning. Exempt: upper-layer `HTTP/1.1` listed after `TLS/x` (RFC 2817 3.3 \
                bottom-up stack).
                """,
            why: """
                Both sides now speak different protocols on one connection; whatever the client sends next is \
                misread.
                """,
            fix: """
                Correct the selection in the server; at the proxy pass on only the protocols that are wanted.
                \(Recipe.webSocket)
                """,
            trigger: "Req `Upgrade: h2c`, resp `Upgrade: websocket`",
            nearMiss: "Req `Upgrade: TLS/1.2`, resp `Upgrade: TLS/1.2, HTTP/1.1`",
            when: [.status101, .selectsNotOffered]
        ) { it in
            guard let request = it.request, let response = it.response else { return [] }
            let isVersion = Selection(request: request, response: response) == .otherVersion
            let chosen = it.value(.upgrade, of: response)
            let offered = it.value(.upgrade, of: request)
            return [
                it.found(
                    isVersion
                        ? "The answer switches to “\(chosen)”; offered was “\(offered)”, in another version."
                        : "The answer switches to “\(chosen)”, but offered was “\(offered)”.",
                    level: isVersion ? .warning : .error,
                    at: it.lines(.upgrade, of: request) + it.lines(.upgrade, of: response))
            ]
        }
        Rule(
            "RES004", "101-multiple-tokens", .warning, .server, reads: .heads,
            source: "RFC 9110 7.8",
            title: "101 names more than one protocol that are not a layer stack",
            requirement: "A list in 101 means layers from bottom to top, not alternatives.",
            detect: """
                101 Upgrade has >1 member and it is not TLS/x followed by HTTP/x. Level error when websocket was \
                offered: the client must compare the whole value with `websocket` (RFC 6455 4.1 response check 2).
                """,
            why: """
                A list in a 101 means layers, from the bottom up. Read as a choice it leaves open which protocol is \
                spoken, and a WebSocket client, which compares the whole value, must fail the connection.
                """,
            fix: "Answer with exactly the chosen protocol.",
            trigger: "`Upgrade: h2c, websocket` in 101",
            nearMiss: "`Upgrade: TLS/1.2, HTTP/1.1` in 101",
            when: [.status101, .selectsSeveral]
        ) { it in
            guard let response = it.response else { return [] }
            let names = response.members(.upgrade)
            let isRepeated = names.dropFirst().allSatisfy { $0.matchesIgnoringCase(names.first ?? []) }
            let level: Level = isRepeated ? .note : it.facts.contains(.offersWebSocket) ? .error : .warning
            return [
                it.found(
                    "The 101 names several protocols, “\(it.value(.upgrade, of: response))”, which are no "
                        + "layers of each other.",
                    level: level, at: it.lines(.upgrade, of: response))
            ]
        }
        Rule(
            "RES005", "101-unsolicited", .error, .server, core: true, reads: .heads,
            source: "RFC 9110 7.8, 15.2.2",
            title: "101 in answer to a request without Upgrade",
            requirement: "Without an offer there is nothing to switch to; the peer will misread what follows.",
            detect: "101 associated (FIFO, section A) with a request that has no Upgrade field.",
            why: """
                Nobody asked for another protocol. The client goes on reading HTTP, a proxy may open a tunnel, and \
                whatever follows is read by someone who does not expect it.
                """,
            fix: """
                Never let a status from outside reach the wire as it is; answer 101 only where the request has \
                Upgrade. nginx opens a tunnel only when its client sent Upgrade.
                """,
            trigger: "GET / (no Upgrade) -> 101",
            nearMiss: "WSREQ -> WSRSP",
            needsEveryByte: true,
            when: [.status101]
        ) { it in
            guard let request = it.request, !it.facts.contains(.upgradeField) else { return [] }
            let hasTrace = it.exchange.kind == .lostOffer && it.facts.contains(.forwarded)
            return [
                it.found(
                    "The request \(it.requestName) offers nothing, and the answer is 101.",
                    fault: hasTrace ? .intermediary : .server,
                    at: [it.head(request, "request head"), it.responseHead, it.switched(.client), it.switched(.server)])
            ]
        }
        Rule(
            "RES006", "101-to-http10", .error, .server, reads: .heads,
            source: "RFC 9110 15.2, 7.8",
            title: "1xx/101 sent to an HTTP/1.0 request",
            requirement: "1xx do not exist for 1.0 clients and Upgrade in 1.0 must be ignored.",
            detect: "Request version 1.0 and any 1xx response.",
            why: """
                HTTP/1.0 knows no interim responses: the client takes the 1xx for the final answer and what follows \
                for its content.
                """,
            fix: "Speak HTTP/1.1 on that hop. nginx (location): proxy_http_version 1.1;",
            trigger: "`GET /ws HTTP/1.0`+Upgrade -> 101",
            nearMiss: "same -> 200/400",
            when: [.http10]
        ) { it in
            let interim = it.exchange.interim.first
            guard let head = interim ?? (it.facts.contains(.status101) ? it.response : nil) else { return [] }
            return [
                it.found(
                    "The request is HTTP/1.0 and was answered with \(Words.status(head)).",
                    at: [it.requestLine, it.startLine(head, "status line")])
            ]
        }
        Rule(
            "RES007", "1xx-with-framing-fields", .error, .server, reads: .heads,
            source: "RFC 9110 8.6; RFC 9112 6.1",
            title: "101/1xx or 204 carries Content-Length or Transfer-Encoding",
            requirement: "Those responses never have a body, and the fields are forbidden on them.",
            detect: "status 1xx/204 with CL or TE field.",
            why: """
                These responses end at the empty line whatever the fields say. A reader that believes the length \
                takes the first bytes of the new protocol for content.
                """,
            fix: """
                Remove the field where it is set; nginx and Envoy strip it. Look for setHeader calls in the handler \
                that answers.
                """,
            trigger: "WSRSP + `Content-Length: 0`",
            nearMiss: "WSRSP without it",
            when: [.responseFraming]
        ) { it in
            let heads = it.exchange.interim + (it.response.map { [$0] } ?? [])
            let framed = heads.filter { head in
                (head.status < 200 || head.status == 204 && it.exchange.kind != .connect)
                    && (head.has(.contentLength) || head.has(.transferEncoding))
            }
            func announcesNothing(_ head: MessageHead) -> Bool {
                !head.has(.transferEncoding) && head.values(.contentLength).allSatisfy { $0.matches("0") }
            }
            guard let head = framed.first(where: { !announcesNothing($0) }) ?? framed.first else { return [] }
            let isZero = announcesNothing(head)
            let field = head.has(.transferEncoding) ? "Transfer-Encoding" : "Content-Length"
            return [
                it.found(
                    "The answer \(Words.status(head)) carries \(field), although it never has content.",
                    level: isZero ? .warning : .error, count: UInt32(clamping: framed.count),
                    at: [it.startLine(head, "status line")] + it.lines(.contentLength, .transferEncoding, of: head))
            ]
        }
        Rule(
            "RES008", "101-after-final", .error, .server, reads: .heads,
            source: "RFC 9110 15.2; RFC 9112 9.2",
            title: "101 after a final response of the same request",
            requirement: """
                Interim responses precede the final one; after the final response the next response belongs to the \
                next request.
                """,
            detect: "FIFO association: response 101 arrives with zero outstanding requests.",
            why: """
                After a final response the next one belongs to the next request. A 101 that belongs to none makes \
                client and proxy disagree about what is being answered.
                """,
            fix: "Look for a handler that answers twice.",
            trigger: "req -> 200 CL:0 -> 101",
            nearMiss: "req -> 103 -> 101",
            needsEveryByte: true,
            scope: [.unsolicited],
            when: [.status101]
        ) { it in
            let connection = it.exchange.connection
            guard it.request == nil, connection.sawSYN, connection.bytes.client > 0, connection.gapBytes.client == 0
            else {
                return []
            }
            return [it.found("A 101 came while no request was waiting for an answer.", at: [it.responseHead])]
        }
        Rule(
            "RES009", "101-before-request-complete", .warning, .server, reads: [.heads, .frames],
            source: "RFC 9110 7.8; RFC 7540 3.2",
            title: "101 sent before the request message was complete",
            requirement: """
                Not forbidden, but the client must finish the HTTP body first, so each direction switches at a \
                different byte; many stacks mis-frame this.
                """,
            detect: "101 packet ack < seq(end of request body) where body length known > 0.",
            why: """
                The client still has to send the rest of its content as HTTP, so each direction switches at another \
                byte. Many servers read the rest as the new protocol.
                """,
            fix: "Read the whole request before switching, or answer 413 or 400.",
            trigger: "POST CL:10, 3 bytes sent, 101",
            nearMiss: "POST CL:10, all acked, 101",
            needsEveryByte: true,
            when: [.status101, .hasBody]
        ) { it in
            guard let request = it.request, let response = it.response else { return [] }
            let announced = it.exchange.framing.contentLength.map {
                request.place.end.addingReportingOverflow($0).partialValue
            }
            guard let end = it.exchange.framing.end ?? announced, let seen = response.place.first.heard,
                seen < end,
                end > request.place.end
            else { return [] }
            return [
                it.found(
                    "The 101 was sent when \(Words.count(end - seen, "byte")) of the request had not arrived.",
                    at: [it.statusLine] + it.lines(.contentLength, .transferEncoding, of: request))
            ]
        }
        Rule(
            "RES010", "426-without-upgrade", .error, .server, core: true, reads: .heads,
            source: "RFC 9110 15.5.22, 7.8",
            title: "426 without Upgrade field",
            requirement: "426 must list acceptable protocols.",
            detect: "status 426 and no Upgrade field.",
            why: "The client is told to upgrade and not to what, so it cannot comply.",
            fix: "nginx: add_header Upgrade websocket always; add_header Connection Upgrade always; return 426;",
            trigger: "`HTTP/1.1 426` + `Connection: close`",
            nearMiss: "426 + `Upgrade: websocket` + `Connection: Upgrade`",
            when: [.status426, .namesNoProtocol]
        ) { it in
            [it.found("The answer is 426 but names no protocol in Upgrade.", at: [it.responseHead])]
        }
        Rule(
            "RES011", "expect-100-skipped", .error, .server, reads: .heads,
            source: "RFC 9110 7.8, 10.1.1",
            title: "101 sent without the 100 (Continue) the client was waiting for",
            requirement: "With Expect: 100-continue and Upgrade both present, 100 comes first, then 101.",
            detect: """
                Request has Expect member 100-continue and version 1.1, response sequence has 101 with no earlier \
                100 in the same exchange.
                """,
            why: """
                The client holds back its content until 100 (Continue) arrives. Without it the request is never \
                completed, and the new protocol starts inside it.
                """,
            fix: "Send 100 first, or remove Expect at the edge. HAProxy: http-request del-header Expect",
            trigger: "POST Expect CL:4 Upgrade:h2c -> 101",
            nearMiss: "... -> 100 -> (body) -> 101",
            needsEveryByte: true,
            scope: [.upgradeField, .expectsContinue],
            when: [.status101]
        ) { it in
            guard !it.facts.contains(.http10), !it.exchange.interim.contains(where: { $0.status == 100 }) else {
                return []
            }
            return [
                it.found(
                    "The request expects 100 (Continue), and 101 came without it.",
                    level: it.facts.contains(.hasBody) ? .error : .note,
                    at: it.lines(.expect, of: it.request) + [it.statusLine])
            ]
        }
        Rule(
            "RES012", "http-after-101", .error, .server, reads: [.heads, .frames],
            source: "RFC 9110 15.2.2; RFC 6455 5",
            title: "HTTP/1.1 message seen after 101 in the server direction",
            requirement: "Once switched, the stream is no longer HTTP/1.1.",
            detect: """
                Bytes right after 101 head match `^HTTP/1\\.[01] [0-9]{3}` and selected protocol != HTTP/1.x, \
                TLS+HTTP.
                """,
            why: """
                The server switched and then spoke HTTP/1.1 again: two parts of it disagree about whose connection \
                this is, and the client reads an HTTP response as the new protocol.
                """,
            fix: "Look for a handler that answers normally after it has taken over the connection.",
            trigger: "WSRSP + `HTTP/1.1 400 Bad Request`",
            nearMiss: "WSRSP + `81 05 ...`",
            needsEveryByte: true,
            scope: [.status101],
            when: [.serverSpeaksHTTP]
        ) { it in
            let speaksHTTP = it.exchange.upgraded == .http || it.exchange.upgraded == .tls
            guard !speaksHTTP else { return [] }
            let line = it.exchange.switched.server.excerpt.prefix { $0 != 0x0d && $0 != 0x0a }
            return [
                it.found(
                    "Behind the 101 the server sent an HTTP response: \(Words.quoted(line)).",
                    at: [it.statusLine, it.switched(.server)])
            ]
        }
        Rule(
            "RES013", "redirect-of-upgrade", .note, .server, reads: .heads,
            source: "RFC 6455 4.1, 4.2.2",
            title: "Upgrade answered by 3xx",
            requirement: "Redirect is allowed; WebSocket clients are not obliged to follow (browsers do not).",
            detect: """
                status 301/302/303/307/308 to a request with Upgrade. Level warning when this hop is known to be TLS \
                and Location has scheme http/ws (RFC 6455 10.6).
                """,
            why: """
                WebSocket clients need not follow a redirect, and browsers do not. The connection fails for the user \
                although the address exists.
                """,
            fix: "Point the client at the final address. nginx: no return 301 in front of the WebSocket location.",
            trigger: "WSREQ -> 302",
            nearMiss: "WSREQ -> 304 (a decline, not a redirect)",
            when: [.upgradeField, .redirect]
        ) { it in
            [
                it.found(
                    "The offer was answered with a redirect, \(it.answer), to "
                        + "“\(it.value(.location, of: it.response))”.",
                    at: [it.statusLine] + it.lines(.location, of: it.response))
            ]
        }
        Rule(
            "RES014", "challenge-of-upgrade", .note, .server, reads: .heads,
            source: "RFC 6455 4.1; RFC 9931 3; RFC 9110 15.5.2",
            title: "Upgrade answered by 401/407",
            requirement: "A normal refusal; bytes already sent optimistically become HTTP input.",
            detect: """
                status 401/407 to an upgrade or CONNECT request; level error if WWW-Authenticate/Proxy-Authenticate \
                is missing (RFC 9110 15.5.2, 15.5.8).
                """,
            why: """
                A browser cannot answer a challenge on a WebSocket handshake, and bytes that were already sent \
                behind the request become HTTP input.
                """,
            fix: "Authenticate by cookie or ticket before the handshake.",
            trigger: "WSREQ -> 401",
            nearMiss: "WSREQ -> 101",
            when: [.challenge]
        ) { it in
            guard it.facts.holdsAny([.upgradeField, .connect]), let response = it.response else { return [] }
            let name: FieldName = response.status == 401 ? .wwwAuthenticate : .proxyAuthenticate
            let field = response.status == 401 ? "WWW-Authenticate" : "Proxy-Authenticate"
            let isMissing = !response.has(name)
            let what = it.facts.contains(.connect) ? "CONNECT" : "The offer"
            return [
                it.found(
                    isMissing
                        ? "\(what) was answered with \(it.answer), but \(field) is missing."
                        : "\(what) was answered with a challenge, \(it.answer).",
                    level: isMissing ? .error : .note, at: [it.statusLine] + it.lines(name, of: response))
            ]
        }
        Rule(
            "RES015", "upgrade-advertised-insecure", .note, .server, reads: .heads,
            source: "RFC 9110 7.8; RFC 9113 3.1",
            title: "Server advertises h2c or unsupported token on ordinary responses",
            requirement: "Advertising is allowed; advertising obsolete h2c invites the deprecated path.",
            detect: "Non-101/426 response has Upgrade containing h2c/h2.",
            why: """
                An advertised h2c invites clients onto the deprecated path and tells an attacker that a raw HTTP/2 \
                tunnel can be had.
                """,
            fix: "Apache: H2Upgrade off, and Protocols h2 http/1.1 (no h2c).",
            trigger: "200 + `Upgrade: h2,h2c`",
            nearMiss: "200 without",
            when: [.advertisesH2],
            check: { it in
                [
                    it.found(
                        "The answer \(it.answer) advertises “\(it.value(.upgrade, of: it.response))”.",
                        at: [it.statusLine] + it.lines(.upgrade, .connection, of: it.response))
                ]
            },
            onConnection: [.advertisement],
            connection: { it in
                guard it.record.advertisements > 0, let head = it.record.firstAdvertisement else { return [] }
                let times = it.record.advertisements == 1 ? "an ordinary answer" : "ordinary answers"
                let names = head.members(.upgrade).map { Words.plain($0.text, limit: 40) }.joined(separator: ", ")
                return [
                    it.found(
                        "The server advertises “\(names)” in \(times), \(Words.status(head)).",
                        count: it.record.advertisements, at: [it.raw("response head", head.place, head.bytes)])
                ]
            }
        )
    }
}

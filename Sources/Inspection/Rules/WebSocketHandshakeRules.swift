// The opening handshake of WebSocket (RFC 6455 4). A key is compared as text and its padding bits may be anything;
// subprotocols compare exactly, protocol and extension names without case.

import Ground
import Traffic

enum WebSocketHandshakeRules {
    @RuleList static var rules: [Rule] {
        Rule(
            "WS001", "ws-key-missing", .error, .client, reads: .heads,
            source: "RFC 6455 4.1(7), 4.2.1(5)",
            title: "Sec-WebSocket-Key absent",
            requirement: "A 16-byte base64 nonce is required.",
            detect: "websocket token, no key field.",
            why: """
                Without the key the server cannot prove that it understood the handshake, so a cache or a plain HTTP \
                server could be mistaken for a WebSocket server.
                """,
            fix: "Use a conforming client, and check that no proxy strips Sec-WebSocket fields.",
            trigger: "WSREQ minus key",
            nearMiss: "WSREQ",
            when: [.offersWebSocket, .keyMissing]
        ) { it in
            [it.found("The request offers websocket without Sec-WebSocket-Key.", at: [it.requestHead])]
        }
        Rule(
            "WS002", "ws-key-invalid", .error, .client, reads: .heads,
            source: "RFC 6455 4.1(7), 11.3.1",
            title: "Sec-WebSocket-Key is not base64 of 16 bytes",
            requirement: "Key decodes to exactly 16 octets and appears once.",
            detect: """
                Count !=1, or strict base64 decode (after OWS trim) fails or length != 16. Expect 24 chars ending \
                "==".
                """,
            why: "A strict server refuses the handshake; a lenient one hides a broken client.",
            fix: "Correct the client: sixteen random bytes in base64, in one field.",
            trigger: "`Sec-WebSocket-Key: aGVsbG8=`",
            nearMiss: "`Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC==`",
            when: [.offersWebSocket, .keyInvalid]
        ) { it in
            guard let request = it.request else { return [] }
            let count = request.count(.secWebSocketKey)
            return [
                it.found(
                    count > 1
                        ? "Sec-WebSocket-Key stands in \(count) lines; one is allowed."
                        : "Sec-WebSocket-Key “\(it.value(.secWebSocketKey, of: request))” is not the base64 of "
                            + "16 bytes.",
                    at: it.lines(.secWebSocketKey, of: request))
            ]
        }
        Rule(
            "WS004", "ws-version-missing", .error, .client, reads: .heads,
            source: "RFC 6455 4.1(9), 11.3.5",
            title: "Sec-WebSocket-Version absent or repeated",
            requirement: "One version field is needed in the request.",
            detect: "count != 1.",
            why: "The server cannot know which protocol the client speaks and has to refuse.",
            fix: "Correct the client: one line, Sec-WebSocket-Version: 13.",
            trigger: "WSREQ minus version",
            nearMiss: "WSREQ",
            when: [.offersWebSocket, .versionMissing]
        ) { it in
            guard let request = it.request else { return [] }
            let count = request.count(.secWebSocketVersion)
            return [
                it.found(
                    count == 0
                        ? "The request offers websocket without Sec-WebSocket-Version."
                        : "Sec-WebSocket-Version stands in \(count) lines; one is needed.",
                    at: [it.requestLine] + it.lines(.secWebSocketVersion, of: request))
            ]
        }
        Rule(
            "WS005", "ws-version-not-13", .error, .client, reads: .heads,
            source: "RFC 6455 4.1(9), 11.6",
            title: "Sec-WebSocket-Version other than 13",
            requirement: """
                13 is the only standard value; 9-12 never valid; other numbers are probes or smuggling attempts.
                """,
            detect: "value != `13` (grammar 0-255, no leading zero). Raise SMG005 if tunnel continues after refusal.",
            why: """
                13 is the only version of the standard. Odd versions are probes: a proxy that does not look at the \
                answer opens a tunnel although the server refuses.
                """,
            fix: """
                Update the client. At the edge, HAProxy: http-request deny if { req.hdr(Upgrade) -i websocket } !{ \
                req.hdr(Sec-WebSocket-Version) 13 }
                """,
            trigger: "`Sec-WebSocket-Version: 1337`",
            nearMiss: "`Sec-WebSocket-Version: 13`",
            when: [.offersWebSocket, .versionOdd]
        ) { it in
            guard let request = it.request, let version = request.value(.secWebSocketVersion) else { return [] }
            let isDraft = version.matches("7") || version.matches("8")
            return [
                it.found(
                    "Sec-WebSocket-Version is \(Words.quoted(version)); the answer is \(it.answer).",
                    level: isDraft ? .warning : .error,
                    at: it.lines(.secWebSocketVersion, of: request) + [it.statusLine])
            ]
        }
        Rule(
            "WS006", "ws-host-invalid", .error, .client, reads: .heads,
            source: "RFC 6455 4.1(4); RFC 9112 3.2",
            title: "Handshake with missing/duplicate/empty Host",
            requirement: "Exactly one Host, matching the target.",
            detect: "Host line count != 1, or absolute-form authority differs from Host.",
            why: """
                Two readers of this request may route it to two different sites, which is how filters are walked \
                around.
                """,
            fix: "Correct the client: exactly one Host, equal to the authority of the target.",
            trigger: "two Host lines",
            nearMiss: "one Host line",
            when: [.offersWebSocket, .hostInvalid]
        ) { it in
            guard let request = it.request else { return [] }
            let count = request.count(.host)
            let seen =
                switch count {
                case 0: "has no Host"
                case 1 where request.value(.host)?.isEmpty == true: "has an empty Host"
                case 1: "asks for \(it.shownTarget(request)) with the Host “\(it.value(.host, of: request))”"
                default: "has \(count) Host lines"
                }
            return [it.found("The handshake \(seen).", at: [it.requestLine] + it.lines(.host, of: request))]
        }
        Rule(
            "WS007", "ws-origin-missing-browser", .warning, .client, reads: .heads,
            source: "RFC 6455 4.1(8), 10.2",
            title: "Browser-like client without Origin",
            requirement: """
                Browsers always send Origin; absence with browser UA/cookies suggests a stripped header or forged \
                UA.
                """,
            detect: "User-Agent starts `Mozilla/` or Sec-Fetch-*/Cookie present, and no Origin.",
            why: """
                Browsers always send Origin. Where it is missing a hop has stripped it, and with it the only defence \
                against cross-site use, or the client pretends to be a browser.
                """,
            fix: "Do not strip Origin at the proxy.",
            trigger: "UA Mozilla, no Origin",
            nearMiss: "UA python-websockets, no Origin",
            when: [.offersWebSocket, .browserWithoutOrigin]
        ) { it in
            let signs = [
                it.request?.value(.userAgent)?.starts(with: "Mozilla/") == true ? "a browser's User-Agent" : nil,
                it.request?.has(.secFetchMode) == true ? "Sec-Fetch-Mode" : nil,
                it.request?.has(.secFetchSite) == true ? "Sec-Fetch-Site" : nil,
                it.request?.has(.secFetchDest) == true ? "Sec-Fetch-Dest" : nil,
                it.request?.has(.cookie) == true ? "cookies" : nil,
            ].compactMap { $0 }
            return [
                it.found(
                    "The request has \(Words.list(signs)) but no Origin.",
                    at: [it.requestLine]
                        + it.lines(.userAgent, .secFetchMode, .secFetchSite, .secFetchDest, .cookie, of: it.request))
            ]
        }
        Rule(
            "WS008", "ws-offer-malformed", .error, .client, reads: .heads,
            source: "RFC 6455 4.1(10), 9.1",
            title: "Offered subprotocols or extensions malformed",
            requirement: """
                Subprotocols: unique non-empty tokens. Extensions: list of names with parameters; a quoted value \
                must itself be a token.
                """,
            detect: """
                Sec-WebSocket-Protocol member not a token, empty, or duplicated across all lines; \
                Sec-WebSocket-Extensions not matching token *(";" token["=" token/quoted-token]).
                """,
            why: "Servers disagree about malformed lists: one takes the first member, another refuses the handshake.",
            fix: """
                Correct the client: unique tokens, separated by commas, and quoted values that are tokens \
                themselves.
                """,
            trigger: "`chat, chat`",
            nearMiss: "`chat` + second line `superchat`",
            when: [.offersWebSocket, .parametersMalformed]
        ) { it in
            guard let request = it.request else { return [] }
            let protocols = request.values(.secWebSocketProtocol)
            let isProtocol =
                protocols.contains { HandshakeLists.subprotocolsAreMalformed($0) }
                || protocols.count > 1 && HandshakeLists.subprotocolsRepeat(request)
            let name: FieldName = isProtocol ? .secWebSocketProtocol : .secWebSocketExtensions
            let field = isProtocol ? "Sec-WebSocket-Protocol" : "Sec-WebSocket-Extensions"
            return [
                it.found(
                    "\(field) “\(it.value(name, of: request))” is malformed or names something twice.",
                    at: it.lines(name, of: request))
            ]
        }
        Rule(
            "WS009", "ws-accept-mismatch", .error, .server, core: true, reads: .heads,
            source: "RFC 6455 4.2.2(5.4), 4.1, 11.3.3",
            title: "Sec-WebSocket-Accept wrong, missing or repeated",
            requirement: "Value = base64(SHA-1(key text + fixed GUID)).",
            detect: """
                Response 101 for websocket; compare after OWS trim; exact case-sensitive match; count must be 1.
                """,
            why: """
                The accept value is the only proof that the answer was made for this request. A wrong one comes from \
                a cache, a confused proxy or a server that is none; clients must fail the connection.
                """,
            fix: """
                Correct the server: base64 of SHA-1 over the key as text and the fixed GUID. If a cache lies in the \
                path, switch it off for this location (nginx: proxy_cache off;).
                """,
            trigger: "`Sec-WebSocket-Accept: AAAA...=`",
            nearMiss: "WSRSP",
            scope: [.websocket, .offersWebSocket],
            when: [.status101, .acceptWrong]
        ) { it in
            guard let response = it.response else { return [] }
            let expected = it.exchange.websocket?.expectedAccept ?? []
            let count = response.count(.secWebSocketAccept)
            let wanted = expected.isEmpty ? "" : "; for this key it has to be “\(expected[...].text)”"
            let seen =
                switch count {
                case 0: "The 101 has no Sec-WebSocket-Accept"
                case 1: "Sec-WebSocket-Accept is “\(it.value(.secWebSocketAccept, of: response))”"
                default: "Sec-WebSocket-Accept stands in \(count) lines"
                }
            return [
                it.found(
                    seen + wanted + ".",
                    at: it.lines(.secWebSocketKey, of: it.request)
                        + (count == 0 ? [it.responseHead] : it.lines(.secWebSocketAccept, of: response)))
            ]
        }
        Rule(
            "WS010", "ws-subprotocol-not-offered", .error, .server, reads: .heads,
            source: "RFC 6455 4.1 (resp. 6), 4.2.2, 11.3.4",
            title: "Server selected a subprotocol not offered / empty / several",
            requirement: "Server picks one of the offered values or sends none.",
            detect: """
                Response field present and value not (case-sensitive) in offered set, empty, a list, or >1 line.
                """,
            why: """
                Client and server talk past each other about the meaning of messages; clients must fail the \
                connection.
                """,
            fix: """
                Correct the selection in the server: exactly one of the offered values, in the same spelling, or \
                none.
                """,
            trigger: "offer `chat` resp `superchat`",
            nearMiss: "offer `chat, superchat` resp `superchat`",
            scope: [.websocket, .offersWebSocket],
            when: [.status101, .subprotocolWrong]
        ) { it in
            let offered = it.value(.secWebSocketProtocol, of: it.request)
            let chosen = it.value(.secWebSocketProtocol, of: it.response)
            return [
                it.found(
                    "The server selected the subprotocol “\(chosen)”; offered was "
                        + "\(offered.isEmpty ? "none" : "“\(offered)”").",
                    at: it.lines(.secWebSocketProtocol, of: it.request)
                        + it.lines(.secWebSocketProtocol, of: it.response))
            ]
        }
        Rule(
            "WS011", "ws-extension-not-offered", .error, .server, core: true, reads: .heads,
            source: "RFC 6455 4.1 (resp. 5), 9.1",
            title: "Server accepted an extension not offered",
            requirement: "Only requested extensions may be listed.",
            detect: """
                Any response extension name not in offered names. Several Sec-WebSocket-Extensions lines in the \
                response: add a warning (RFC 6455 11.3.2 forbids, 4.2.2(6) allows: the RFC contradicts itself).
                """,
            why: """
                The server will use an extension the client does not know about, and frames become unreadable; \
                clients must fail the connection.
                """,
            fix: "Correct the server. A proxy must strip Sec-WebSocket-Extensions in both directions or in none.",
            trigger: "no offer, resp permessage-deflate",
            nearMiss: "offer+resp permessage-deflate",
            scope: [.websocket, .offersWebSocket],
            when: [.status101, .extensionAnswerOdd]
        ) { it in
            let evidence =
                it.lines(.secWebSocketExtensions, of: it.request) + it.lines(.secWebSocketExtensions, of: it.response)
            if it.facts.contains(.extensionNotOffered) {
                let offered = it.value(.secWebSocketExtensions, of: it.request)
                let chosen = it.value(.secWebSocketExtensions, of: it.response)
                return [
                    it.found(
                        "The server accepted “\(chosen)”; offered was \(offered.isEmpty ? "none" : "“\(offered)”").",
                        at: evidence)
                ]
            }
            guard it.facts.contains(.extensionLines) else { return [] }
            return [
                it.found(
                    "The answer has several Sec-WebSocket-Extensions lines, on which RFC 6455 contradicts "
                        + "itself (11.3.2, 4.2.2).",
                    level: .warning, at: evidence)
            ]
        }
        Rule(
            "WS012", "ws-subprotocol-declined-silently", .note, .server, reads: [.heads, .frames],
            source: "RFC 6455 4.2.2",
            title: "Client offered subprotocols, 101 selected none",
            requirement: """
                Legal (null), but browsers fail the connection if they asked and app expects; most libraries close.
                """,
            detect: "offer present, response lacks field; warning if client closes within 1 s (code 1002/1006/1010).",
            why: """
                It is legal to select none, but a client that needs a subprotocol gives up, and browsers then report \
                a failed connection without saying why.
                """,
            fix: "Let the server answer with a subprotocol the client offered, such as graphql-transport-ws or mqtt.",
            trigger: "offer graphql-ws -> none -> close",
            nearMiss: "offer -> none -> traffic",
            needsEveryByte: true,
            scope: [.websocket],
            when: [.status101, .subprotocolSilent]
        ) { it in
            guard let facts = it.exchange.websocket, let response = it.response else { return [] }
            let client = facts.sides.client
            guard client.frames[1] + client.frames[2] == 0, facts.sides.server.close == nil || client.close != nil,
                it.sawEveryFrame
            else { return [] }
            let closed = client.close?.place.first ?? it.exchange.connection.endMark.client
            guard let closed else { return [] }
            let wait = closed.time.nanoseconds(since: response.place.last.time)
            let code = client.close.map { $0.code ?? 1005 } ?? 1006
            let gaveUp = wait <= it.thresholds.subprotocolClose.seconds && [1002, 1006, 1010].contains(code)
            return [
                it.found(
                    "The client offered “\(it.value(.secWebSocketProtocol, of: it.request))”, the server "
                        + "selected none, "
                        + "and the client left after \(DurationText.plain(max(wait, 0))) without a message.",
                    level: gaveUp ? .warning : .note,
                    at: it.lines(.secWebSocketProtocol, of: it.request) + [it.statusLine]
                        + [client.close.map { it.raw("close frame", $0.place, []) }])
            ]
        }
        Rule(
            "WS013", "ws-version-reject-without-list", .error, .server, reads: .heads,
            source: "RFC 6455 4.2.2, 4.4",
            title: "Version refused without Sec-WebSocket-Version in reply",
            requirement: "The refusal must advertise supported versions.",
            detect: "Request version not 13 (or unsupported), status 400/426 and no Sec-WebSocket-Version.",
            why: "A client that speaks another version cannot learn which one to use, and gives up.",
            fix: "Answer 426 with Sec-WebSocket-Version: 13.",
            trigger: "v25 -> 400 bare",
            nearMiss: "v25 -> 426 + version list",
            scope: [.offersWebSocket],
            when: [.versionOdd, .refusesVersion]
        ) { it in
            [
                it.found(
                    "The version “\(it.value(.secWebSocketVersion, of: it.request))” was refused with \(it.answer), "
                        + "which does not say which versions are supported.",
                    at: it.lines(.secWebSocketVersion, of: it.request) + [it.responseHead])
            ]
        }
        Rule(
            "WS014", "ws-server-accepts-bad-handshake", .error, .server, core: true, reads: .heads,
            source: "RFC 6455 4.2.1",
            title: "101 to an invalid WebSocket handshake",
            requirement: "Server must stop and return an error when the handshake does not match.",
            detect: """
                101(websocket) while any of WS001, WS002, WS004, WS005, WS006, UPG001, UPG004, UPG008 fired on the \
                request.
                """,
            why: """
                A server that accepts what it has to refuse lets requests through that were never meant as \
                WebSocket, such as those a web page can be made to send.
                """,
            fix: "Use a strict library; refuse with 400, or with 426 for the version.",
            trigger: "WSREQ without key -> 101",
            nearMiss: "WSREQ without key -> 400",
            scope: [.websocket],
            when: [.status101, .offersWebSocket, .mustRefuse]
        ) { it in
            let causes: [(Facts, String, String)] = [
                (.keyMissing, "WS001", "no key"), (.keyInvalid, "WS002", "an invalid key"),
                (.versionMissing, "WS004", "no single version"), (.versionOdd, "WS005", "a version other than 13"),
                (.hostInvalid, "WS006", "no valid Host"),
                (.noUpgradeOption, "UPG001", "no upgrade option in Connection"),
                (.http10, "UPG004", "HTTP/1.0"), (.notGET, "UPG008", "a method other than GET"),
            ]
            let failed = causes.filter { it.facts.contains($0.0) }
            return [
                it.found(
                    "The server answered 101 to a handshake it has to refuse: "
                        + Words.list(failed.map { "\($0.2) (\($0.1))" }) + ".",
                    at: [it.requestHead, it.statusLine])
            ]
        }
        Rule(
            "WS015", "ws-client-continues-after-bad-101", .error, .client, reads: [.heads, .frames],
            source: "RFC 6455 4.1",
            title: "Client keeps using a connection whose 101 is invalid",
            requirement: """
                Client must fail the connection when Accept/Upgrade/Connection/extension/subprotocol checks fail.
                """,
            detect: """
                WS009, WS010, WS011 or RES001-RES004 fired and the client sends >=1 ws frame in a segment with ack \
                >= end of the 101.
                """,
            why: """
                The client does not check the answer, so a cache, a proxy or an attacker can make it talk to \
                something that is no WebSocket server.
                """,
            fix: "Use a client that checks Accept, Upgrade, Connection, extensions and subprotocol.",
            trigger: "bad Accept, then `81 85`",
            nearMiss: "bad Accept, then FIN",
            scope: [.websocket],
            when: [.status101, .mustFail, .informedClient]
        ) { it in
            guard let frame = it.exchange.websocket?.sides.client.firstInformedFrame else { return [] }
            return [
                it.found(
                    "The client had the whole 101, on which it had to fail the connection, and sent frames.",
                    at: [it.statusLine, it.raw("frame", frame, []), it.switched(.client)])
            ]
        }
        Rule(
            "WS017", "ws-legacy-draft", .note, .client, reads: .heads,
            source: "RFC 6455 11.6",
            title: "hixie-75/76 or hybi draft handshake",
            requirement: "Obsolete pre-standard versions.",
            detect: "Sec-WebSocket-Key1/Key2 or WebSocket-Protocol headers, or version 0-8.",
            why: "These drafts were never a standard: they have known holes, and current servers refuse them.",
            fix: "Retire the client.",
            trigger: "Key1/Key2",
            nearMiss: "v13",
            when: [.offersWebSocket, .legacyDraft]
        ) { it in
            guard let request = it.request else { return [] }
            return [
                it.found(
                    "The handshake is of a draft from before RFC 6455 (\(WebSocketDraft.name(request))).",
                    at: [it.requestLine]
                        + it.lines(
                            .secWebSocketKey1, .secWebSocketKey2, .webSocketProtocol, .secWebSocketVersion, of: request)
                        + it.lines(.webSocketLocation, .webSocketOrigin, of: it.response)
                )
            ]
        }
    }
}

extension WebSocketDraft {
    /// The draft of a legacy handshake, as the registry of versions and the texts themselves name it (RFC 6455 11.6).
    static func name(_ request: MessageHead) -> String {
        if let version = request.value(.secWebSocketVersion), let number = HandshakeLists.number(version) {
            switch number {
            case 0: return "hybi-00, which is hixie-76"
            case 1...7: return "hybi-0\(number)"
            case 8: return "one of hybi-08 to hybi-12"
            default: break
            }
        }
        return request.has(.secWebSocketKey1) || request.has(.secWebSocketKey2)
            ? "hixie-76, which is hybi-00" : "hixie-75"
    }
}

// Bytes sent before the answer (RULES D; RFC 9931). Which rule a case of early data falls under is decided once,
// in `earlyRule`; EARLY004 and EARLY005 are what follows from it and say so.
// A verdict from order or timing alone is weaker than one from acknowledgments: one level lower, and inferred.

import Ground
import Traffic

enum EarlyRules {
    @RuleList static var rules: [Rule] {
        Rule(
            "EARLY001", "early-websocket-data", .error, .client, core: true,
            source: "RFC 6455 4.1; RFC 9931 6.2",
            title: "WebSocket client sent bytes before the server answered",
            requirement: "After its handshake the client sends nothing until it has the response.",
            detect: """
                websocket offered; a c2s byte at offset >= end(request) was first transmitted in a segment with ack \
                < seq(end of final response head) (section D: PROVEN, or PROVEN-PARTIAL when ack lies inside the \
                head).
                """,
            why: """
                Nobody knows yet whether the server will switch. If it refuses, the frames are parsed as HTTP \
                requests: whoever chooses their content can smuggle requests through.
                """,
            fix: """
                Correct or replace the client library: it must hold its send queue until the 101 has been checked. \
                No proxy setting repairs it.
                """,
            trigger: "seg1 WSREQ+`81 85 ..` in one packet",
            nearMiss: "WSREQ; S>WSRSP; C>ack=end(101) data",
            scope: [.offersWebSocket],
            when: [.early]
        ) { it in
            it.earlyRule == it.rule.id
                ? [it.early("The client sent WebSocket bytes before it had the answer: ", at: [it.statusLine])] : []
        }
        Rule(
            "EARLY002", "early-masque-data", .error, .client, core: true,
            source: "RFC 9931 6.3 (updates RFC 9298 5); RFC 9484 11; draft-ietf-httpbis-connect-tcp",
            title: "connect-udp / connect-ip / connect-tcp payload before 101",
            requirement: "In HTTP/1.x these tokens forbid sending payload before the 101.",
            detect: "token in set and early bytes as EARLY001.",
            why: """
                In HTTP/1.1 these protocols forbid payload before the 101, since a refusal turns it into HTTP \
                requests. RFC 9931 6.3 (March 2026) overrules RFC 9298 5, which had allowed early datagrams.
                """,
            fix: """
                Update the client. An intermediary that converts HTTP/2 or HTTP/3 to HTTP/1.1 must hold capsules \
                back until the 101.
                """,
            trigger: "UDPREQ+`00 05 00 68 69 ..` one segment",
            nearMiss: "UDPRSP acked, then capsule",
            scope: [.offersMasque],
            when: [.early]
        ) { it in
            guard it.earlyRule == it.rule.id else { return [] }
            return [
                it.early(
                    "The client sent payload of “\(it.value(.upgrade, of: it.request))” before it had the answer "
                        + "(RFC 9931, March 2026, forbids what RFC 9298 allowed): ",
                    at: [it.statusLine])
            ]
        }
        Rule(
            "EARLY003", "early-other-token-data", .warning, .client,
            source: "RFC 9110 7.8; RFC 9931 3, 4, 7",
            title: "New-protocol bytes before 101 for any other token",
            requirement: """
                Finishing the request is necessary but not sufficient: the server can refuse. No universal MUST NOT \
                exists for every token.
                """,
            detect: "Upgrade token not covered by EARLY001/002/006/007, early bytes present.",
            why: """
                A complete request is necessary for the new protocol and not sufficient: the server may refuse, and \
                then these bytes are read as HTTP.
                """,
            fix: "Wait for the 101, or use HTTP/2 or HTTP/3.",
            trigger: "`Upgrade: foo/2` + bytes",
            nearMiss: "`Upgrade: foo/2`, 101, bytes",
            scope: [.upgradeField],
            when: [.early]
        ) { it in
            guard it.earlyRule == it.rule.id else { return [] }
            return [
                it.early(
                    "The client sent bytes behind its offer of “\(it.value(.upgrade, of: it.request))” before "
                        + "it had the answer: ",
                    at: [it.statusLine])
            ]
        }
        Rule(
            "EARLY004", "early-data-then-declined", .warning, .client, core: true,
            source: "RFC 9931 4.1",
            title: "Optimistic bytes were sent and the switch was refused",
            requirement: """
                On refusal the server parses the rest as HTTP/1.1: request-smuggling window. The MUST-level breach \
                itself is EARLY001/EARLY002/CON001; this rule states the consequence.
                """,
            detect: "Early bytes exist and outcome in declined/required/redirected/failed.",
            why: """
                The switch was refused, so the connection stays HTTP and the server parses the early bytes as a \
                request. If someone else chose them, that is request smuggling.
                """,
            fix: """
                The client must wait for the answer. A server may close as defence in depth, but only when unread \
                bytes already lie behind the request.
                nginx (in a location that refuses upgrades): keepalive_timeout 0;
                """,
            trigger: "WSREQ + `GET /admin HTTP/1.1...` -> 403",
            nearMiss: "WSREQ -> 403 -> (acked) GET /",
            when: [.early, .refused]
        ) { it in
            guard let early = it.exchange.early, !early.onlyLineEnds, let response = it.response else { return [] }
            let isPipelining =
                it.earlyRule == "UPG009" && it.facts.holdsAny([.offersH2C, .offersTLS]) && it.earlyRequestIsOfSameClient
            let closes = it.request?.hasMember(.connection, "close") == true
            let line = Words.requestLine(early.excerpt[...])
            let look =
                line.map { "they read as the request “\(it.shown($0, hiding: Redaction.secretRanges(in: $0)))”" }
                ?? "they look like \(early.looksLike.phrase)"
            let place = it.earlyLevel(isPipelining || closes ? .note : .warning)
            return [
                it.found(
                    "The offer was refused with \(Words.status(response)) after "
                        + "\(Words.count(early.clientBytes, "byte")) had been sent behind it; \(look).",
                    level: place.level, certainty: place.certainty, follows: it.earlyRule,
                    at: [it.earlyBytes, it.statusLine])
            ]
        }
        Rule(
            "EARLY005", "early-bytes-answered", .error, .unknown, core: true,
            source: "RFC 9931 4.1, 8; RFC 9112 11.2",
            title: "Server answered the optimistic bytes as an HTTP request",
            requirement: """
                Observed smuggling: a second response was produced from payload. For CONNECT the proxy broke RFC \
                9931 8 (close, process nothing more). For a refused Upgrade the server acted within the rules and \
                the fault is the client's.
                """,
            detect: """
                After refused upgrade/CONNECT the number of final responses exceeds the number of requests that were \
                sent non-early; the extra response follows EARLY bytes that parse as a request. error for CONNECT \
                and for tokens with a MUST (websocket, connect-*); warning for others.
                """,
            why: """
                This is request smuggling seen at work: payload that may have been chosen by a third party was run \
                as a request of this client, and its answer lies on the connection.
                """,
            fix: """
                The client must wait for the answer. A proxy must close after refusing CONNECT.
                nginx (in a location that refuses upgrades): keepalive_timeout 0;
                A proxy that pools backend connections must not reuse one with unread bytes behind a refused upgrade \
                (compare CVE-2026-73548).
                """,
            trigger: "CONREQ+GET -> 504 + 200",
            nearMiss: "CONREQ+GET -> 504 + FIN",
            when: [.early, .refused]
        ) { it in
            guard let early = it.exchange.early, let answer = early.answer else { return [] }
            if it.earlyRule == "UPG009", it.facts.holdsAny([.offersH2C, .offersTLS, .offersHTTP]) { return [] }
            let isConnect = it.facts.contains(.connect)
            let isForbidden = isConnect || it.facts.holdsAny([.offersWebSocket, .offersMasque])
            let isRejected = answer.status == 400 || answer.requestLine.isEmpty
            let place = it.earlyLevel(isForbidden && !isRejected ? .error : .warning)
            let line = answer.requestLine[...].prefix { $0 != 0x0d && $0 != 0x0a }
            let request =
                line.isEmpty
                ? "bytes that are no request" : "“\(it.shown(line, hiding: Redaction.secretRanges(in: line)))”"
            return [
                it.found(
                    "The server answered \(answer.status) to \(request), sent behind a refused "
                        + "\(isConnect ? "CONNECT" : "offer").",
                    level: place.level, fault: isConnect ? .server : .client, certainty: place.certainty,
                    follows: it.earlyRule,
                    at: [it.earlyBytes, it.statusLine, it.raw("answer to the early bytes", answer.place, [])])
            ]
        }
        Rule(
            "EARLY006", "early-tls-clienthello", .warning, .client,
            source: "RFC 2817 3.3; RFC 9931 6.1",
            title: "TLS ClientHello sent before the 101 of a TLS upgrade",
            requirement: """
                Handshake starts after 101; early 0x16 is not parseable as HTTP so risk is an aborted connection, \
                not smuggling.
                """,
            detect: "token TLS/*, early bytes start 16 03 0[0-4].",
            why: """
                The handshake starts after the 101. A refusing server meets bytes that no HTTP parser accepts and \
                drops the connection.
                """,
            fix: "Wait for the 101, or use https.",
            trigger: "OPTIONS * Upgrade: TLS/1.2 + `16 03 01`",
            nearMiss: "101 acked then `16 03 01`",
            scope: [.offersTLS],
            when: [.early]
        ) { it in
            it.earlyRule == it.rule.id
                ? [it.early("The client sent a TLS ClientHello before it had the answer: ", at: [it.statusLine])] : []
        }
        Rule(
            "EARLY007", "early-h2-preface", .warning, .client,
            source: "RFC 7540 3.2, 3.5; RFC 9931 7",
            title: "HTTP/2 preface sent before the 101 of an h2c upgrade",
            requirement: """
                The preface follows receipt of 101; it is designed to stop HTTP/1.1 parsers, so risk is limited.
                """,
            detect: "token h2c; early bytes start `PRI * HTTP/2.0`.",
            why: """
                The preface follows the 101. It was made to stop HTTP/1.1 parsers, so the danger is small, but a \
                refusing server will close.
                """,
            fix: "Use prior knowledge instead of Upgrade.",
            trigger: "H2CREQ+`PRI * HTTP/2.0...`",
            nearMiss: "H2CRSP acked then PRI",
            scope: [.offersH2C],
            when: [.early]
        ) { it in
            it.earlyRule == it.rule.id
                ? [it.early("The client sent the HTTP/2 preface before it had the answer: ", at: [it.statusLine])] : []
        }
        Rule(
            "EARLY008", "early-server-data", .error, .server,
            source: "RFC 9110 7.8; RFC 6455 4.2.2",
            title: "Server sent new-protocol bytes before 101",
            requirement: "Server may speak the new protocol only after the blank line of the 101.",
            detect: "s2c bytes between previous response end and the 101 status line are not HTTP.",
            why: """
                The client reads everything before the 101 as HTTP. Bytes of the new protocol there break its \
                parser, or are lost.
                """,
            fix: """
                Write the 101 before the connection is handed to whatever sends first; look for a race in the \
                handler.
                """,
            trigger: "`81 05 48..` then `HTTP/1.1 101`",
            nearMiss: "101 and frame in the same segment",
            needsEveryByte: true,
            scope: [.status101],
            when: [.anomalies]
        ) { it in
            guard let anomaly = it.exchange.anomalies.first(where: { $0.kind == .serverBytesBeforeResponse }),
                !anomaly.excerpt.allSatisfy({ $0 == 0x0d || $0 == 0x0a })
            else { return [] }
            return [
                it.found(
                    "The server sent \(Words.count(anomaly.place.length, "byte")) that are no HTTP before its answer "
                        + "(\(Digits.hex(anomaly.excerpt.prefix(8)))).",
                    at: [it.raw("server bytes before the answer", anomaly.place, anomaly.excerpt), it.statusLine])
            ]
        }
    }
}

extension Case {
    /// The rule that early data of this exchange falls under: the most specific one.
    var earlyRule: String {
        if facts.contains(.connect) { return "CON001" }
        if facts.contains(.offersWebSocket) { return "EARLY001" }
        if facts.contains(.offersMasque) { return "EARLY002" }
        switch exchange.early?.looksLike ?? .unknown {
        case .httpRequest: return "UPG009"
        case .tls where facts.contains(.offersTLS): return "EARLY006"
        case .http2Preface where facts.contains(.offersH2C): return "EARLY007"
        default: return "EARLY003"
        }
    }

    /// The request found in the early bytes names the host and the program of the offer: the client pipelined it itself.
    fileprivate var earlyRequestIsOfSameClient: Bool {
        guard let request, let later = exchange.laterRequests.first(where: \.wasEarly) else { return false }
        let head = later.head[...]
        guard let host = InnerHead.field("host", in: head), host == request.value(.host) else { return false }
        return InnerHead.field("user-agent", in: head) == request.value(.userAgent)
    }

    /// Order and timing are weaker than acknowledgments: one level lower, and inferred.
    func earlyLevel(_ level: Level) -> (level: Level, certainty: Certainty) {
        switch exchange.early?.verdict ?? .none {
        case .order, .timing: (Level(rawValue: level.rawValue &- 1) ?? .note, .inferred)
        default: (level, .proven)
        }
    }

    /// The finding that says early data was sent, with all that makes the verdict.
    func early(_ start: String, level base: Level? = nil, at evidence: [Evidence?]) -> Finding {
        guard let early = exchange.early else { return found(start) }
        if early.onlyLineEnds {
            return found(
                "\(Words.count(early.clientBytes, "stray line-end byte")) stood behind the request.", level: .note,
                at: [earlyBytes])
        }
        let (level, certainty) = earlyLevel(base ?? rule.level)
        return found(
            start + earlyStory(early), level: level, certainty: certainty, at: [earlyBytes] + evidence)
    }

    private func earlyStory(_ early: EarlyData) -> String {
        var story = "\(Words.count(early.clientBytes, "byte")) from packet \(early.place.first.packet)"
        switch early.verdict {
        case .proven, .partial:
            if let acknowledged = early.acknowledged {
                story += ", whose sender had received \(Words.count(acknowledged, "byte")) of the server's stream"
            }
            if let start = early.responseStart, let end = early.responseEnd {
                story += "; the answer's head is bytes \(start) to \(end - 1)"
            } else {
                story += "; there is no complete answer"
            }
            story += early.verdict == .partial ? ", so part of the answer's head was there (proven)" : " (proven)"
        case .order: story += ", captured before the answer (by order of packets)"
        case .timing: story += ", sooner after the answer than a round trip to the client takes (by timing)"
        case .none, .undetermined: break
        }
        story += "; they look like \(early.looksLike.phrase)"
        if let atServer = early.atServerBytes, atServer > 0 {
            story +=
                "; \(Words.count(atServer, "byte")) \(atServer == 1 ? "was" : "were") at the server when it answered"
        }
        if let tap = tapPosition { story += "; captured \(tap)" }
        return story + "."
    }

    /// Where the tap was, from the two legs of the handshake (RULES D).
    private var tapPosition: String? {
        guard let server = exchange.connection.serverRoundTrip, let client = exchange.connection.clientRoundTrip,
            server >= 0, client >= 0, server < .max / 200, client < .max / 200, server + client > 0
        else { return nil }
        let share = client * 100 / (server + client)
        return share < 10 ? "near the client" : share > 90 ? "near the server" : "between client and server"
    }
}

extension Likeness {
    /// For "they look like …".
    var phrase: String {
        switch self {
        case .unknown: "nothing known"
        case .websocket: "masked WebSocket frames"
        case .httpRequest: "an HTTP request"
        case .tls: "a TLS handshake"
        case .http2Preface: "an HTTP/2 preface"
        case .httpResponse: "an HTTP response"
        case .ssh: "SSH"
        case .capsule: "capsules"
        }
    }
}

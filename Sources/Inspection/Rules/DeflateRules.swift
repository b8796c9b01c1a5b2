// permessage-deflate as it is negotiated (RFC 7692 7). What compressed messages hold is for later.

import Traffic

enum DeflateRules {
    @RuleList static var rules: [Rule] {
        Rule(
            "WSD001", "pmd-offer-invalid-param", .error, .client,
            source: "RFC 7692 7, 7.1; RFC 6455 9.1",
            title: "permessage-deflate offer has unknown, duplicate or invalid parameter",
            requirement: "Server must decline that offer; offers with an error are wasted.",
            detect: """
                param not in the four; duplicate; window bits not 8..15 or leading zero; *_no_context_takeover with \
                value; server_max_window_bits without value.
                """,
            why: """
                A server has to decline an offer with an error in it, so the client silently goes without \
                compression.
                """,
            fix: "Correct the client: window bits from 8 to 15, each parameter once.",
            trigger: "`server_max_window_bits=16`",
            nearMiss: "`client_max_window_bits`",
            when: [.offersWebSocket, .deflateOfferInvalid]
        ) { it in
            [
                it.found(
                    "The offer “\(it.value(.secWebSocketExtensions, of: it.request))” has an unknown, repeated "
                        + "or invalid parameter.",
                    at: it.lines(.secWebSocketExtensions, of: it.request))
            ]
        }
        Rule(
            "WSD002", "pmd-response-invalid-param", .error, .server,
            source: "RFC 7692 7, 7.1",
            title: "permessage-deflate response has unknown, duplicate or invalid parameter",
            requirement: "Client must fail the connection.",
            detect: """
                As WSD001 for responses; client_max_window_bits needs a value in responses; permessage-deflate \
                listed more than once in the response.
                """,
            why: "The client must fail the connection.",
            fix: "Correct the server: window bits from 8 to 15, each parameter once, permessage-deflate once.",
            trigger: "resp `client_max_window_bits`",
            nearMiss: "resp `client_max_window_bits=12`",
            scope: [.websocket],
            when: [.status101, .deflateAnswerInvalid]
        ) { it in
            [
                it.found(
                    "The answer “\(it.value(.secWebSocketExtensions, of: it.response))” has an unknown, "
                        + "repeated or invalid parameter.",
                    at: it.lines(.secWebSocketExtensions, of: it.response))
            ]
        }
        Rule(
            "WSD003", "pmd-response-vs-offer", .error, .server,
            source: "RFC 7692 7.1.1.1, 7.1.2.1, 7.1.2.2",
            title: "permessage-deflate response contradicts the offer",
            requirement: """
                client_max_window_bits only if offered; an offered server_no_context_takeover / \
                server_max_window_bits=N must come back (bits <= N).
                """,
            detect: """
                No offer element in the request is consistent with the response: (a) response has \
                client_max_window_bits and the offer lacks it; (b) offer has server_no_context_takeover and response \
                lacks it; (c) offer has server_max_window_bits=N and response lacks it or is > N.
                """,
            why: "The two sides compress and inflate by different rules; the client must fail the connection.",
            fix: "Correct the server, or the proxy that changes one of the two fields.",
            trigger: "offer `permessage-deflate`, resp `permessage-deflate; client_max_window_bits=10`",
            nearMiss: "offer `permessage-deflate; client_max_window_bits`, same resp",
            scope: [.websocket],
            when: [.status101, .deflateContradicts]
        ) { it in
            [
                it.found(
                    "The answer “\(it.value(.secWebSocketExtensions, of: it.response))” contradicts the offer "
                        + "“\(it.value(.secWebSocketExtensions, of: it.request))”.",
                    at: it.lines(.secWebSocketExtensions, of: it.request)
                        + it.lines(.secWebSocketExtensions, of: it.response))
            ]
        }
        Rule(
            "WSD004", "pmd-rsv1-on-control", .error, .unknown,
            source: "RFC 7692 6",
            title: "RSV1 on control frame or on continuation",
            requirement: "Compressed bit only on the first frame of a data message.",
            detect: "PMD agreed and RSV1 on opcode>=8 or opcode 0.",
            why: """
                RSV1 says that a message is compressed, so it belongs on the first frame of a data message only. \
                Receivers fail the connection on any other.
                """,
            fix: "Correct the endpoint: compress data messages only, and set RSV1 on their first frame only.",
            trigger: "`c9 00`; `40 ..` continuation",
            nearMiss: "`41 ..` first, `80 ..`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.rsv1Misplaced) { anomaly in
                "set RSV1 on a \(WebSocketFacts.opcodeName(Int(anomaly.value & 15))) frame, where it has no meaning"
            }
        }
    }
}

// permessage-deflate: as it is negotiated, and as it is used (RFC 7692 7).

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
            "WSD004", "pmd-rsv1-on-control", .error, .unknown, reads: .frames,
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
        Rule(
            "WSD005", "pmd-inflate-error", .error, .unknown, reads: .frames,
            source: "RFC 7692 7.2.2",
            title: "Compressed message does not inflate",
            requirement: "Append 00 00 ff ff and inflate with the agreed context.",
            detect: "raw inflate error (bad block/code/distance).",
            why: "The receiver cannot read the message and fails the connection.",
            fix: "Correct the encoder; look for a proxy that alters frames or drops one of them.",
            trigger: "`c1 03 ff ff ff`",
            nearMiss: "`c1 07 f2 48 cd c9 c9 07 00`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.inflateFailed) { anomaly in
                let failure = InflateFailure(rawValue: UInt8(truncatingIfNeeded: anomaly.value))
                return "sent a compressed message that does not inflate: \(failure?.words ?? "it is damaged")"
            }
        }
        Rule(
            "WSD006", "pmd-tail-not-removed", .warning, .unknown, reads: .frames,
            source: "RFC 7692 7.2.1",
            title: "Sender left the 00 00 ff ff tail",
            requirement: "Sync-flush tail is stripped before framing.",
            detect: "compressed payload ends 00 00 ff ff.",
            why: "The receiver appends these bytes itself; with them twice the next message may not inflate.",
            fix: "Remove the last four bytes of what the compressor flushed.",
            trigger: "`c1 0b f2 48 cd c9 c9 07 00 00 00 ff ff`",
            nearMiss: "`c1 07 f2 48 cd c9 c9 07 00`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.tailKept) { _ in "left the bytes 00 00 ff ff at the end of a compressed message" }
        }
        Rule(
            "WSD007", "pmd-context-takeover-violated", .error, .unknown, reads: .frames,
            source: "RFC 7692 7.1.1",
            title: "Back-reference into previous message although no_context_takeover agreed",
            requirement: "With no_context_takeover each message starts with empty window.",
            detect: """
                message inflates with history but fails ("invalid distance too far back") with fresh context.
                """,
            why: "A receiver that took the agreement by its word has no window left and cannot read the message.",
            fix: "Reset the compressor before each message, or do not agree to no_context_takeover.",
            trigger: "2nd \"Hello\" `c1 05 f2 00 11 00 00` with no_ctx",
            nearMiss: "same without param",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.contextReused) { anomaly in
                let side = anomaly.place.direction.name
                return "agreed to \(side)_no_context_takeover and sent a message that refers to the one before it"
            }
        }
        Rule(
            "WSD008", "pmd-window-exceeded", .error, .unknown, reads: .frames,
            source: "RFC 7692 7.1.2",
            title: "Back-reference beyond the agreed window",
            requirement: "Distances stay within 2^bits.",
            detect: "decoder with limited window: any distance > 2^bits.",
            why: "A receiver that keeps no more than the agreed window cannot read the message.",
            fix: "Set the window of the compressor to what was agreed; zlib makes 9 bits of 8.",
            trigger: "bits=9, distance 1024",
            nearMiss: "bits=10, distance 1024",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            guard let agreed = it.exchange.websocket?.agreement else { return [] }
            return it.frames(.windowExceeded) { anomaly in
                let bits =
                    anomaly.place.direction == .client ? agreed.clientMaxWindowBits : agreed.serverMaxWindowBits
                return "sent a message with a distance of \(anomaly.value), beyond the agreed window of \(bits) bits"
            } level: { anomaly in
                let bits =
                    anomaly.place.direction == .client ? agreed.clientMaxWindowBits : agreed.serverMaxWindowBits
                return bits == 8 && anomaly.value <= 512 ? .warning : .error
            }
        }
        Rule(
            "WSD009", "pmd-compression-bomb", .warning, .unknown, core: true, reads: .frames,
            source: "RFC 6455 10.4; RFC 7692 8",
            title: "Extreme inflation ratio",
            requirement: "Small frame, huge message: memory DoS.",
            detect: """
                inflated/compressed > 200 and inflated > 1 MiB, or inflated > limit (abort inflating at limit).
                """,
            why: "A receiver that limits frames only can be made to fill its memory with a few kilobytes.",
            fix: """
                Limit the size after inflating (Node ws: maxPayload, Java: setMaxTextMessageSize), or do without \
                permessage-deflate.
                """,
            trigger: "~1037 bytes -> 1 MiB zeros",
            nearMiss: "1 KiB -> 20 KiB",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.inflationExtreme) { anomaly in
                // Of a message that was given up only its first header is told.
                if anomaly.place.length <= 14 {
                    return "sent a message that inflates to more than \(anomaly.value) bytes"
                }
                let ratio = anomaly.value / anomaly.place.length
                return
                    "sent a message whose \(anomaly.place.length) bytes on the wire inflate to \(anomaly.value), "
                    + "\(ratio) times as many"
            }
        }
    }
}

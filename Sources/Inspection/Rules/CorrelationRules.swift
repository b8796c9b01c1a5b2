// What only several exchanges together show. The words stand here; `Correlation` compares the exchanges once all
// of them are known, and the inspector puts both together.

import Traffic

enum CorrelationRules {
    @RuleList static var rules: [Rule] {
        Rule(
            "WS003", "ws-key-reused", .error, .client,
            source: "RFC 6455 4.1(7)",
            title: "Same Sec-WebSocket-Key seen on several connections",
            requirement: "The key is chosen at random for each connection.",
            detect: """
                One key on two or more TCP connections that are not the two hops of a proxy: those lie inside each \
                other in time, within 2 s, and forwarding fields or an address link them. The key of the examples \
                in RFC 6455 is a note: test tools send it.
                """,
            why: """
                The key proves that the answer was made for this handshake. One that repeats can be answered from a \
                cache, or by someone who saw an earlier one.
                """,
            fix: "Draw 16 bytes from a cryptographic random number generator for every handshake.",
            trigger: "two connections with the same key",
            nearMiss: "the same handshake in front of a proxy and behind it",
            correlates: { it in it.lines(.secWebSocketKey, of: it.request) }
        )
        Rule(
            "WS016", "ws-reconnect-storm", .warning, .client,
            source: "RFC 6455 7.2.3",
            title: "Reconnect without backoff after abnormal closure",
            requirement: "The first return waits for a random time, and the waiting grows from then on.",
            detect: """
                Five or more returns of one client to one resource in 10 s, each after an abnormal end (no Close, \
                RST, 4xx or 5xx), with intervals that do not grow (the longest is less than twice the shortest, or \
                all are below 100 ms) and are below 1 s on average.
                """,
            why: """
                When a server restarts, all its clients come back at the same moment and keep it down. Random and \
                growing delays spread them.
                """,
            fix: """
                Client: wait a random time up to 5 s, double it with each failure, and stop at a few minutes.
                HAProxy: stick-table type ip size 100k expire 60s store http_req_rate(10s)
                HAProxy: http-request track-sc0 src if { req.hdr(Upgrade) -i websocket }
                HAProxy: http-request deny deny_status 429 if { sc_http_req_rate(0) gt 20 }
                """,
            trigger: "six handshakes in 3 s, each after a reset",
            nearMiss: "returns after 1, 2, 4 and 8 s",
            correlates: { it in [it.requestLine] }
        )
        Rule(
            "TLS004", "tls-required-ignored", .warning, .client, core: true,
            source: "RFC 2817 4.2; RFC 9110 15.5.22",
            title: "426 demanding TLS followed by retry in clear",
            requirement: """
                The server refuses clear text for this resource; repeating the request in clear text leaks it again \
                and loops.
                """,
            detect: """
                A 426 whose Upgrade names TLS, and within 60 s the same client (by User-Agent and Cookie, or on the \
                same connection) asks for the same host and target in clear text without offering TLS, or with \
                credentials again.
                """,
            why: "Everyone on the path reads the request a second time, and the server can only refuse it again.",
            fix: Recipe.tls,
            trigger: "426 with Upgrade: TLS/1.2, and the GET again",
            nearMiss: "426, and OPTIONS * with Upgrade: TLS/1.2",
            correlates: { it in [it.requestLine] + it.lines(.upgrade, of: it.response) }
        )
    }
}

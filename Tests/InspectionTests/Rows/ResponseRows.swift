// Rows of RES: what is wrong with an answer to an offer.

import Inspection
import Traffic

let responseRows: [RuleRow] = [
    RuleRow(
        rule: "RES001", trigger: [.client(.ws), .server(.wsAnswer.without("Upgrade"))], nearMiss: session()),
    RuleRow(
        rule: "RES002", trigger: [.client(.ws), .server(.wsAnswer.with("Connection", "keep-alive"))],
        nearMiss: [.client(.ws), .server(.wsAnswer.with("Connection", "keep-alive, upgrade"))]),
    RuleRow(
        rule: "RES003", trigger: [.client(.h2c), .server(.wsAnswer)], also: ["H2C001"],
        nearMiss: [.client(.tls()), .server(.tlsAnswer)]),
    RuleRow(
        rule: "RES003", trigger: [.client(.tls()), .server(.tlsAnswer.with("Upgrade", "TLS/1.3"))], level: .warning,
        nearMiss: [.client(.ws), .server(.wsAnswer.with("Upgrade", "WebSocket"))]),
    RuleRow(
        rule: "RES004",
        trigger: [
            .client(.ws.with("Upgrade", "h2c, websocket")), .server(.wsAnswer.with("Upgrade", "h2c, websocket")),
        ], also: ["H2C001", "H2C002", "H2C010", "SMG010"], level: .error,
        nearMiss: [.client(.tls()), .server(.tlsAnswer)]),
    RuleRow(
        rule: "RES005", trigger: [.client(.get), .server(.wsAnswer)], nearMiss: session()),
    RuleRow(
        rule: "RES006", trigger: [.client(.foo("GET /ws HTTP/1.0")), .server(.fooAnswer)], also: ["UPG004"],
        nearMiss: [.client(.foo("GET /ws HTTP/1.0")), .server(ok)], nearAlso: ["UPG004"]),
    RuleRow(
        rule: "RES007", trigger: [.client(.ws), .server(.wsAnswer.with("Content-Length", "0"))], level: .warning,
        nearMiss: session()),
    RuleRow(
        rule: "RES007", trigger: [.client(.ws), .server(.wsAnswer.with("Content-Length", "5"))], level: .error,
        nearMiss: [.client(.ws), .server(ok)]),
    RuleRow(
        rule: "RES008", trigger: [.client(.get), .server(ok), .server(.wsAnswer)],
        nearMiss: [.client(.ws), .server(Head("HTTP/1.1 103 Early Hints")), .server(.wsAnswer)]),
    RuleRow(
        rule: "RES009",
        trigger: [
            .client(Head.tls("POST / HTTP/1.1").with("Content-Length", "10") + "abc"), .server(.tlsAnswer),
            .client("defghij"),
        ], also: ["UPG007"],
        nearMiss: [
            .client(Head.tls("POST / HTTP/1.1").with("Content-Length", "10") + "abcdefghij"), .server(.tlsAnswer),
        ], nearAlso: ["UPG007"]),
    RuleRow(
        rule: "RES010",
        trigger: [
            .client(.get.with("Upgrade", "tcp").with("Connection", "Upgrade")),
            .server(Head("HTTP/1.1 426 Upgrade Required", [("Connection", "close"), ("Content-Length", "0")])),
        ],
        nearMiss: [
            .client(.ws),
            .server(.answer("426 Upgrade Required", [("Upgrade", "websocket"), ("Connection", "Upgrade")])),
        ]),
    RuleRow(
        rule: "RES011",
        trigger: [
            .client(Head.tls("POST / HTTP/1.1").with("Content-Length", "4").with("Expect", "100-continue") + "abcd"),
            .server(.tlsAnswer),
        ], also: ["UPG007"],
        nearMiss: [
            .client(.tls("POST / HTTP/1.1").with("Content-Length", "4").with("Expect", "100-continue")),
            .server(Head("HTTP/1.1 100 Continue")), .client("abcd"), .server(.tlsAnswer),
        ], nearAlso: ["UPG007"]),
    RuleRow(
        rule: "RES012", trigger: session(.server("HTTP/1.1 400 Bad Request\r\n\r\n")),
        nearMiss: session(.server(hex: greeting))),
    RuleRow(
        rule: "RES013", trigger: [.client(.ws), .server(.answer("302 Found", [("Location", "/elsewhere")]))],
        nearMiss: [.client(.ws), .server(Head("HTTP/1.1 304 Not Modified"))]),
    RuleRow(
        rule: "RES014",
        trigger: [.client(.ws), .server(.answer("401 Unauthorized", [("WWW-Authenticate", "Basic realm=x")]))],
        nearMiss: session()),
    RuleRow(
        rule: "RES014", trigger: [.client(.ws), .server(.answer("401 Unauthorized"))], level: .error,
        nearMiss: [.client(.ws), .server(.answer("403 Forbidden"))]),
    RuleRow(
        rule: "RES015",
        trigger: [.client(.foo()), .server(.answer("200 OK", [("Upgrade", "h2,h2c"), ("Connection", "Upgrade")]))],
        nearMiss: [.client(.foo()), .server(ok)]),
    RuleRow(
        rule: "RES015",
        trigger: [.client(.get), .server(.answer("200 OK", [("Upgrade", "h2,h2c"), ("Connection", "Upgrade")]))],
        nearMiss: [.client(.get), .server(.answer("200 OK", [("Upgrade", "websocket"), ("Connection", "Upgrade")]))]),
    // A request that was not captured may be what the 101 answers.
    RuleRow(
        rule: "RES005", trigger: [.client(.get), .server(.wsAnswer)],
        nearMiss: [.lostClient(Head.ws.bytes), .client(.get), .server(.wsAnswer)], nearAlso: ["CAP002"]),
]

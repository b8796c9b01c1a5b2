// Rows of UPG: what is wrong with an offer.

import Inspection
import Traffic

let upgradeRows: [RuleRow] = [
    RuleRow(
        rule: "UPG001", trigger: [.client(.ws.with("Connection", "keep-alive")), .server(.answer("400 Bad Request"))],
        nearMiss: [
            .client(.ws.with("Connection", "keep-alive").adding("Connection", "uPgRaDe")), .server(.wsAnswer),
        ]),
    RuleRow(
        rule: "UPG001",
        trigger: [
            .client(.ws.with("Connection", "keep-alive").adding("Via", "1.1 p")), .server(.answer("400 Bad Request")),
        ], fault: .intermediary,
        nearMiss: [.client(.ws.with("Connection", "Keep-Alive , UPGRADE")), .server(.wsAnswer)]),
    RuleRow(
        rule: "UPG001", trigger: [.client(.ws.without("Connection")), .server(.answer("400 Bad Request"))],
        nearMiss: [.client(.ws.with("Connection", "keep-alive,\r\n Upgrade")), .server(.wsAnswer)],
        nearAlso: ["SMG003"]),
    RuleRow(
        rule: "UPG002", trigger: [.client(.ws.without("Upgrade")), .server(ok)],
        nearMiss: [.client(.ws.without("Upgrade").with("Connection", "keep-alive")), .server(ok)]),
    RuleRow(
        rule: "UPG003",
        trigger: [.client(.ws.with("Upgrade", "websocket;v=13")), .server(.answer("400 Bad Request"))],
        nearMiss: [.client(.ws.with("Upgrade", "h2c , websocket")), .server(.answer("400 Bad Request"))],
        nearAlso: ["H2C001", "H2C002", "SMG010"]),
    RuleRow(
        rule: "UPG003", trigger: [.client(.ws.with("Upgrade", "websocket,")), .server(.wsAnswer)], level: .warning,
        nearMiss: session()),
    RuleRow(
        rule: "UPG004", trigger: [.client(.ws.line("GET /ws HTTP/1.0")), .server(.answer("400 Bad Request"))],
        level: .error, nearMiss: [.client(.ws.line("GET /ws HTTP/1.1")), .server(.answer("400 Bad Request"))]),
    RuleRow(
        rule: "UPG005", trigger: [.client(.foo().with("Upgrade", "foo/2")), .server(ok)],
        nearMiss: [.client(.ws.with("Upgrade", "WebSocket")), .server(.wsAnswer)]),
    RuleRow(
        rule: "UPG006", trigger: [.client(.h2c.with("Upgrade", "h2")), .server(ok)],
        nearMiss: [.client(.h2c), .server(ok)], nearAlso: ["H2C001"]),
    RuleRow(
        rule: "UPG007",
        trigger: [.client(Head.h2c.line("POST / HTTP/1.1").with("Content-Length", "4") + "abcd"), .server(ok)],
        also: ["H2C001"], level: .note, nearMiss: [.client(.h2c.with("Content-Length", "0")), .server(ok)],
        nearAlso: ["H2C001"]),
    RuleRow(
        rule: "UPG008", trigger: [.client(.ws.line("POST /ws HTTP/1.1")), .server(.answer("400 Bad Request"))],
        nearMiss: [.client(.tls()), .server(ok)]),
    RuleRow(
        rule: "UPG009", trigger: [.client(Head.h2c + getBytes), .server(ok), .server(ok)],
        also: ["H2C001", "EARLY004"], nearMiss: [.client(.h2c), .server(ok), .client(.get), .server(ok)],
        nearAlso: ["H2C001"]),
    RuleRow(
        rule: "UPG010", trigger: [.client(.ws.with("Expect", "100-continue")), .server(.answer("417 No"))],
        nearMiss: [
            .client(Head.foo("POST / HTTP/1.1").with("Expect", "100-continue").with("Content-Length", "4") + "abcd"),
            .server(ok),
        ], nearAlso: ["UPG007"]),
]

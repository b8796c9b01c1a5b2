// Rows of CON: tunnels by CONNECT.

import Inspection
import Traffic

let connectRows: [RuleRow] = [
    RuleRow(
        rule: "CON001", trigger: [.client(Head.connect + clientHello), .server(Head("HTTP/1.1 200 OK"))],
        nearMiss: [.client(.connect), .server(Head("HTTP/1.1 200 OK")), .client(clientHello)]),
    RuleRow(
        rule: "CON001",
        trigger: [
            .client(Head.connect.with("Connection", "close") + clientHello), .server(Head("HTTP/1.1 200 OK")),
        ], level: .note, nearMiss: [.client(.connect), .server(Head("HTTP/1.1 200 OK"))]),
    RuleRow(
        rule: "CON002",
        trigger: [
            .client(.connect), .server(.answer("403 Forbidden")), .client(.get), .server(ok),
        ],
        nearMiss: [.client(.connect), .server(.answer("403 Forbidden")), .serverFIN]),
    RuleRow(
        rule: "CON002",
        trigger: [
            .client(.connect),
            .server(.answer("407 Proxy Authentication Required", [("Proxy-Authenticate", "Basic realm=x")])),
            .client(.connect.with("Proxy-Authorization", "Basic dTpw")), .server(Head("HTTP/1.1 200 OK")),
        ], also: ["RES014"], level: .warning,
        nearMiss: [
            .client(.connect),
            .server(.answer("407 Proxy Authentication Required", [("Proxy-Authenticate", "Basic realm=x")])),
            .serverFIN,
        ], nearAlso: ["RES014"]),
    RuleRow(
        rule: "CON002",
        trigger: [
            .client(.connect), .server(.answer("403 Forbidden")), .clientACK, .wait(seconds: 3), .clientFIN,
        ], nearMiss: [.client(.connect), .server(.answer("403 Forbidden")), .clientACK, .clientFIN]),
    RuleRow(
        rule: "CON003", trigger: [.client(.connect), .server(.answer("200 OK"))], level: .warning,
        nearMiss: [.client(.connect), .server(Head("HTTP/1.1 200 OK"))]),
    RuleRow(
        rule: "CON004",
        trigger: [.client(.connect.line("CONNECT h HTTP/1.1")), .server(.answer("400 Bad Request")), .serverFIN],
        fault: .client,
        nearMiss: [
            .client(.connect.line("CONNECT [2001:db8::1]:443 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK")),
        ]),
    RuleRow(
        rule: "CON005",
        trigger: [
            .client(Head.connect.with("Content-Length", "4") + "abcd"), .server(.answer("400 Bad Request")), .serverFIN,
        ], nearMiss: [.client(.connect), .server(.answer("400 Bad Request")), .serverFIN]),
    RuleRow(
        rule: "CON006",
        trigger: [.client(.connect.line("CONNECT mail.example.com:25 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK"))],
        nearMiss: [
            .client(.connect.line("CONNECT mail.example.com:25 HTTP/1.1")), .server(.answer("403 Forbidden")),
            .serverFIN,
        ]),
    RuleRow(
        rule: "CON006",
        trigger: [.client(.connect.line("CONNECT 169.254.169.254:80 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK"))],
        nearMiss: [.client(.connect.line("CONNECT 192.0.2.1:443 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK"))]),
]

let goingOnRows: [RuleRow] = [
    RuleRow(
        rule: "CON007",
        trigger: [
            .client(.connect), .server(Head("HTTP/1.1 200 OK")), .client(clientHello),
            .server(.answer("400 Bad Request")),
        ],
        nearMiss: [
            .client(.connect), .server(Head("HTTP/1.1 200 OK", [("Server", "proxy")])), .client(clientHello),
            .server(.answer("400 Bad Request", [("Server", "nginx")])),
        ]),
    // A chain of proxies: each is told of the next.
    RuleRow(
        rule: "CON007",
        trigger: [
            .client(.connect.line("CONNECT server.example.com:80 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK")),
            .client(.get.with("Host", "connect.example")), .server(ok),
        ],
        nearMiss: [
            .client(.connect.line("CONNECT proxy.example.com:80 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK")),
            .client(.connect), .server(Head("HTTP/1.1 200 OK")), .client(clientHello),
        ]),
    RuleRow(
        rule: "CON007",
        trigger: [
            .client(.connect.line("CONNECT server.example.com:80 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK")),
            .client(.get.with("Host", "internal.example")), .server(ok),
        ],
        nearMiss: [
            .client(.connect.line("CONNECT server.example.com:80 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK")),
            .client(.get), .server(ok),
        ]),
]

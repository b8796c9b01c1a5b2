// Rows of SMG: what lets one side be played off against the other.

import Inspection
import Traffic

let smugglingRows: [RuleRow] = [
    RuleRow(
        rule: "SMG002",
        trigger: [
            .client(
                Head.tls("POST / HTTP/1.1").with("Content-Length", "6").with("Transfer-Encoding", "chunked")
                    + "0\r\n\r\n"), .server(ok), .serverFIN,
        ], also: ["UPG007"], fault: .client, nearMiss: [.client(.ws), .server(ok)]),
    RuleRow(
        rule: "SMG003",
        trigger: [
            .client(Head.tls("POST / HTTP/1.1").with("Transfer-Encoding ", "chunked") + "0\r\n\r\n"), .server(ok),
        ], also: ["UPG007"],
        nearMiss: [
            .client(Head.tls("POST / HTTP/1.1").with("Transfer-Encoding", "chunked") + "0\r\n\r\n"), .server(ok),
        ], nearAlso: ["UPG007"]),
    RuleRow(
        rule: "SMG003", trigger: [.client(Head.ws.text.replacing("\r\n", with: "\n")), .server(.wsAnswer)],
        level: .warning, nearMiss: session()),
    RuleRow(
        rule: "SMG003", trigger: [.client(.ws.with("X-Token", "a\u{0}b")), .server(.answer("400 Bad Request"))],
        level: .error, nearMiss: [.client(.ws.with("X-Token", "a\tb")), .server(.wsAnswer)]),
    RuleRow(
        rule: "SMG003", trigger: [.client(.ws.with("X-Token", "a\u{7}b")), .server(.wsAnswer)], level: .warning,
        nearMiss: [.client(.ws.with("X-Token", "a\u{e9}b")), .server(.wsAnswer)]),
    RuleRow(
        rule: "SMG004",
        trigger: [.client(.ws.with("Connection", "upgrade, X-Forwarded-For")), .server(.wsAnswer)],
        nearMiss: [.client(.ws.with("Connection", "upgrade, http2-settings")), .server(.wsAnswer)]),
    RuleRow(
        rule: "SMG005",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Version", "1337").with("X-Forwarded-For", "192.0.2.9")),
            .server(
                .answer(
                    "426 Upgrade Required",
                    [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")])),
            .client(.get.line("GET /internal HTTP/1.1")), .server(ok),
        ], also: ["WS005"],
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Version", "1337").with("X-Forwarded-For", "192.0.2.9")),
            .server(
                .answer(
                    "426 Upgrade Required",
                    [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")])),
            .client(.get.line("GET /x HTTP/1.1").with("X-Forwarded-For", "192.0.2.10")), .server(ok),
        ], nearAlso: ["WS005"]),
    RuleRow(
        rule: "SMG006",
        trigger: [
            .client(.ws.line("POST /health HTTP/1.1")), .server(Head("HTTP/1.1 101 Switching Protocols")),
            .client("GET /internal HTTP/1.1\r\nHost: a\r\n\r\n"),
        ], also: ["UPG008", "RES001", "WS009", "WS014"], nearMiss: session(.client(hex: hello))),
    RuleRow(
        rule: "SMG007",
        trigger: [
            .client(.ws.with("Host", "bank.example").with("Origin", "https://evil.example").with("Cookie", "s=abc")),
            .server(.wsAnswer),
        ], also: ["SMG008"],
        nearMiss: [
            .client(.ws.with("Host", "bank.example").with("Origin", "https://evil.example").with("Cookie", "s=abc")),
            .server(.answer("403 Forbidden")),
        ], nearAlso: ["SMG008"]),
    RuleRow(
        rule: "SMG007", trigger: [.client(.ws.with("Origin", "null")), .server(.wsAnswer)], level: .note,
        nearMiss: [.client(.ws.with("Origin", "https://server.example.com:443")), .server(.wsAnswer)]),
    RuleRow(
        rule: "SMG008", trigger: [.client(.ws.with("Cookie", "session=abc")), .server(.wsAnswer)],
        nearMiss: [.client(.ws.with("Cookie", "session=abc")), .server(.wsAnswer)], nearLoopback: true),
    RuleRow(
        rule: "SMG008",
        trigger: [
            .client(
                .ws.with("Cookie", "session=abc").with("X-Forwarded-Proto", "https")
                    .with("Origin", "https://server.example.com")), .server(.wsAnswer),
        ],
        level: .note, nearMiss: session()),
    RuleRow(
        rule: "SMG009",
        trigger: [.client(.ws.line("GET /ws?access_token=eyJhbGciOiJub25lIn0.e30. HTTP/1.1")), .server(.wsAnswer)],
        nearMiss: [.client(.ws.line("GET /ws?room=42 HTTP/1.1")), .server(.wsAnswer)]),
    RuleRow(
        rule: "SMG010", trigger: [.client(.ws.with("Upgrade", "websocket, tcp")), .server(.wsAnswer)],
        nearMiss: [.client(.ws.with("Upgrade", "websocket, WebSocket")), .server(.wsAnswer)]),
    RuleRow(
        rule: "SMG009",
        trigger: [
            .client(.ws.line("GET /ws?sid=abcdefghijkl&access%5Ftoken=0123456789 HTTP/1.1")), .server(.wsAnswer),
        ],
        level: .warning,
        nearMiss: [.client(.ws.line("GET /ws?access%5Ftoken=0123 HTTP/1.1")), .server(.wsAnswer)]),
]

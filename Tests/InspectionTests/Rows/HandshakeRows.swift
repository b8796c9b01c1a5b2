// Rows of WS: the opening handshake of WebSocket.

import Inspection
import Traffic

let handshakeRows: [RuleRow] = [
    RuleRow(
        rule: "WS001", trigger: [.client(.ws.without("Sec-WebSocket-Key")), .server(.answer("400 Bad Request"))],
        nearMiss: session()),
    RuleRow(
        rule: "WS002",
        trigger: [.client(.ws.with("Sec-WebSocket-Key", "aGVsbG8=")), .server(.answer("400 Bad Request"))],
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEC==")), .server(.answer("400 Bad Request")),
        ]),
    RuleRow(
        rule: "WS004", trigger: [.client(.ws.without("Sec-WebSocket-Version")), .server(.answer("400 Bad Request"))],
        nearMiss: session()),
    RuleRow(
        rule: "WS005",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Version", "1337")),
            .server(.answer("400 Bad Request", [("Sec-WebSocket-Version", "13")])),
        ], nearMiss: session()),
    RuleRow(
        rule: "WS006",
        trigger: [.client(.ws.adding("Host", "other.example.com")), .server(.answer("400 Bad Request"))],
        nearMiss: session()),
    RuleRow(
        rule: "WS006",
        trigger: [
            .client(.ws.line("GET http://other.example.com/chat HTTP/1.1")), .server(.answer("400 Bad Request")),
        ],
        nearMiss: [.client(.ws.line("GET http://server.example.com:80/chat HTTP/1.1")), .server(.wsAnswer)]),
    RuleRow(
        rule: "WS007", trigger: [.client(.ws.without("Origin").with("User-Agent", "Mozilla/5.0")), .server(.wsAnswer)],
        nearMiss: [.client(.ws.without("Origin").with("User-Agent", "python-websockets")), .server(.wsAnswer)]),
    RuleRow(
        rule: "WS008",
        trigger: [.client(.ws.with("Sec-WebSocket-Protocol", "chat, chat")), .server(.answer("400 No"))],
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Protocol", "chat").adding("Sec-WebSocket-Protocol", "superchat")),
            .server(.wsAnswer.with("Sec-WebSocket-Protocol", "chat")),
        ]),
    RuleRow(
        rule: "WS008",
        trigger: [.client(.ws.with("Sec-WebSocket-Extensions", "foo; bar=\"a b\"")), .server(.answer("400 No"))],
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Extensions", "foo; bar=\"ab\", foo; baz")), .server(.wsAnswer),
        ]),
    RuleRow(
        rule: "WS009",
        trigger: [.client(.ws), .server(.wsAnswer.with("Sec-WebSocket-Accept", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="))],
        nearMiss: session()),
    RuleRow(
        rule: "WS009", trigger: [.client(.ws), .server(.wsAnswer.without("Sec-WebSocket-Accept"))],
        nearMiss: [.client(.ws.with("Sec-WebSocket-Key", " dGhlIHNhbXBsZSBub25jZQ== ")), .server(.wsAnswer)]),
    RuleRow(
        rule: "WS010",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Protocol", "chat")),
            .server(.wsAnswer.with("Sec-WebSocket-Protocol", "superchat")),
        ],
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Protocol", "chat, superchat")),
            .server(.wsAnswer.with("Sec-WebSocket-Protocol", "superchat")),
        ]),
    RuleRow(
        rule: "WS011", trigger: [.client(.ws), .server(pmdAnswer)], nearMiss: [.client(pmd), .server(pmdAnswer)]),
    RuleRow(
        rule: "WS012",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Protocol", "graphql-ws")), .server(.wsAnswer),
            .client(hex: clientClose), .clientFIN,
        ],
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Protocol", "graphql-ws")), .server(.wsAnswer), .client(hex: hello),
            .client(hex: clientClose), .server(hex: serverClose), .serverFIN,
        ]),
    RuleRow(
        rule: "WS013",
        trigger: [.client(.ws.with("Sec-WebSocket-Version", "25")), .server(.answer("400 Bad Request"))],
        also: ["WS005"],
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Version", "25")),
            .server(
                .answer(
                    "426 Upgrade Required",
                    [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")])),
        ], nearAlso: ["WS005"]),
    RuleRow(
        rule: "WS014", trigger: [.client(.ws.without("Sec-WebSocket-Key")), .server(.wsAnswer)], also: ["WS001"],
        nearMiss: [.client(.ws.without("Sec-WebSocket-Key")), .server(.answer("400 Bad Request"))],
        nearAlso: ["WS001"]),
    RuleRow(
        rule: "WS015",
        trigger: [.client(.ws), .server(.wsAnswer.without("Sec-WebSocket-Accept")), .client(hex: hello)],
        also: ["WS009"],
        nearMiss: [.client(.ws), .server(.wsAnswer.without("Sec-WebSocket-Accept")), .clientFIN], nearAlso: ["WS009"]),
    // What was on its way before the 101 came says nothing about what the client makes of it.
    RuleRow(
        rule: "WS015",
        trigger: [
            .client(.ws), .early(hex: hello), .server(.wsAnswer.without("Sec-WebSocket-Accept")), .client(hex: hello),
        ], also: ["WS009", "EARLY001"],
        nearMiss: [.client(.ws), .early(hex: hello), .server(.wsAnswer.without("Sec-WebSocket-Accept")), .clientFIN],
        nearAlso: ["WS009", "EARLY001"]),
    RuleRow(
        rule: "WS017",
        trigger: [
            .client(
                .ws.without("Sec-WebSocket-Key").without("Sec-WebSocket-Version").with("Sec-WebSocket-Key1", "4 @1")
                    .with("Sec-WebSocket-Key2", "1 2998 50")), .server(.answer("400 Bad Request")),
        ], nearMiss: session()),  // hixie-75: the answer says which draft it is, and its frames are judged by nothing.
    RuleRow(
        rule: "WS017",
        trigger: [
            .client(.ws.without("Sec-WebSocket-Key").without("Sec-WebSocket-Version")),
            .server(
                Head(
                    "HTTP/1.1 101 Web Socket Protocol Handshake",
                    [
                        ("Upgrade", "WebSocket"), ("Connection", "Upgrade"),
                        ("WebSocket-Origin", "http://server.example.com"),
                        ("WebSocket-Location", "ws://server.example.com/chat"),
                    ])), .client(hex: "00 68 69 ff"), .server(hex: "00 68 69 ff"), .serverFIN,
        ],
        nearMiss: [
            .client(.ws.without("Sec-WebSocket-Key").without("Sec-WebSocket-Version")),
            .server(.answer("400 Bad Request")),
        ], nearAlso: ["WS001", "WS004"]),
    // hixie-76: eight bytes after the request and sixteen after the answer belong to the handshake.
    RuleRow(
        rule: "WS017",
        trigger: [
            .client(
                Head.ws.without("Sec-WebSocket-Key").without("Sec-WebSocket-Version").with("Sec-WebSocket-Key1", "4 @1")
                    .with("Sec-WebSocket-Key2", "1 2998 50") + "^n:ds[4U"),
            .server(
                Head(
                    "HTTP/1.1 101 WebSocket Protocol Handshake",
                    [
                        ("Upgrade", "WebSocket"), ("Connection", "Upgrade"),
                        ("Sec-WebSocket-Origin", "http://server.example.com"),
                        ("Sec-WebSocket-Location", "ws://server.example.com/chat"),
                    ]) + "8jKS'y:G*Co,Wxa-"), .client(hex: "00 68 69 ff"), .server(hex: "ff 00"),
            .client(hex: "ff 00"), .serverFIN,
        ], nearMiss: session()),
    // What comes after those eight is early, however short it is.
    RuleRow(
        rule: "EARLY001",
        trigger: [
            .client(
                Head.ws.without("Sec-WebSocket-Key").without("Sec-WebSocket-Version").with("Sec-WebSocket-Key1", "4 @1")
                    .with("Sec-WebSocket-Key2", "1 2998 50") + ("^n:ds[4U".utf8 + [0, 0x68, 0x69, 0xff])),
            .server(.answer("400 Bad Request")),
        ], also: ["EARLY004", "WS017"],
        nearMiss: [
            .client(
                Head.ws.without("Sec-WebSocket-Key").without("Sec-WebSocket-Version").with("Sec-WebSocket-Key1", "4 @1")
                    .with("Sec-WebSocket-Key2", "1 2998 50").with("Content-Length", "0") + "^n:ds[4U"),
            .server(.answer("400 Bad Request")),
        ], nearAlso: ["WS017"]),
    // Frames of hybi-04 have their opcodes elsewhere.
    RuleRow(
        rule: "WS017",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Version", "4")), .server(.wsAnswer), .server(hex: "04 05 48 65 6c 6c 6f"),
        ], also: ["WS005", "WS014"], nearMiss: session()),
    RuleRow(
        rule: "WS007", trigger: [.client(.ws.without("Origin").with("Sec-Fetch-Site", "none")), .server(.wsAnswer)],
        nearMiss: [.client(.ws.with("Sec-Fetch-Site", "none")), .server(.wsAnswer)]),
]

// Rows of the traps: what comes close enough to a breach that a careless reader takes it for one, and what differs by
// as little and is one. Each row stands beside the family's own.

import Inspection
import Traffic

let trapRows: [RuleRow] = offerTraps + answerTraps + earlyTraps + handshakeTraps + frameTraps + hopTraps

private let refusal = Head.answer("400 Bad Request")
private let versionRefusal = Head.answer(
    "426 Upgrade Required",
    [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")])
private let vendor = "x-vendor"
private func vendorSession(_ more: Step...) -> [Step] {
    [
        .client(.ws.with("Sec-WebSocket-Extensions", vendor)),
        .server(.wsAnswer.with("Sec-WebSocket-Extensions", vendor)),
    ] + more
}

private let offerTraps: [RuleRow] = [
    RuleRow(
        rule: "UPG001",
        trigger: [.client(.ws.with("Connection", "keep-alive, upgrade-insecure-requests")), .server(refusal)],
        nearMiss: [.client(.ws.with("Connection", ",keep-alive,,\tuPGRADE ,")), .server(.wsAnswer)]),
    RuleRow(
        rule: "UPG001", trigger: [.client(.ws.with("Connection", "\"upgrade\"")), .server(refusal)],
        nearMiss: [.client(.ws.with("Connection", "x=\"a, b\", upgrade")), .server(.wsAnswer)]),
    RuleRow(
        rule: "UPG002", trigger: [.client(.get.with("Upgrade", "").with("Connection", "upgrade")), .server(ok)],
        nearMiss: [.client(.get.with("Connection", "HTTP2-Settings, keep-alive")), .server(ok)]),
    RuleRow(
        rule: "UPG002", trigger: [.client(.get.with("Upgrade", ",").with("Connection", "upgrade")), .server(ok)],
        also: ["UPG003"], nearMiss: [.client(.get.with("Connection", "close")), .server(ok)]),
    RuleRow(
        rule: "UPG002",
        trigger: [
            .client(.get.with("Connection", "upgrade")), .server(ok), .client(.get.with("Connection", "upgrade")),
            .server(ok),
        ], nearMiss: [.client(.get.with("Upgrade-Insecure-Requests", "1")), .server(ok)]),
    RuleRow(
        rule: "UPG003", trigger: [.client(.ws.with("Upgrade", "websocket / 13")), .server(refusal)], level: .error,
        nearMiss: [.client(.ws.with("Upgrade", "\twebsocket ")), .server(.wsAnswer)]),
    RuleRow(
        rule: "UPG003", trigger: [.client(.ws.adding("Upgrade", "")), .server(.wsAnswer)], level: .warning,
        nearMiss: [.client(.ws.adding("Upgrade", "websocket")), .server(.wsAnswer)]),
    RuleRow(
        rule: "UPG004", trigger: [.client(.foo("GET / HTTP/1.0")), .server(ok)], level: .warning,
        nearMiss: [.client(.get.line("GET / HTTP/1.0")), .server(ok)]),
    RuleRow(
        rule: "UPG005", trigger: [.client(.foo().with("Upgrade", "SPDY/2")), .server(ok)],
        nearMiss: [.client(.foo().with("Upgrade", "SPDY/3.1")), .server(ok)]),
    RuleRow(
        rule: "UPG006", trigger: [.client(.foo().with("Upgrade", "H2")), .server(ok)],
        nearMiss: [.client(.foo().with("Upgrade", "HTTP/2.0")), .server(ok)]),
    RuleRow(
        rule: "UPG007", trigger: [.client(Head.ws.with("Content-Length", "4") + "abcd"), .server(refusal)],
        level: .warning, nearMiss: [.client(.ws.with("Content-Length", "0")), .server(.wsAnswer)]),
    RuleRow(
        rule: "UPG008", trigger: [.client(.ws.line("get /chat HTTP/1.1")), .server(refusal)],
        nearMiss: [.client(.h2c.line("PUT / HTTP/1.1")), .server(ok)], nearAlso: ["H2C001"]),
    RuleRow(
        rule: "UPG008", trigger: [.client(.ws.line("HEAD /chat HTTP/1.1")), .server(.answer("200 OK"))],
        nearMiss: [.client(.ws.line("GET /chat?head HTTP/1.1")), .server(ok)]),
    RuleRow(
        rule: "UPG010",
        trigger: [
            .client(.udp.with("Upgrade", "connect-tcp").with("Expect", "100-continue")), .server(.answer("417 No")),
        ], level: .note,
        nearMiss: [.client(.ws.with("Expect", "something-else")), .server(.answer("417 No"))]),
]

private let answerTraps: [RuleRow] = [
    RuleRow(
        rule: "RES001", trigger: [.client(.ws), .server(.wsAnswer.without("Upgrade").with("Via", "1.0 p"))],
        fault: .intermediary, nearMiss: [.client(.ws), .server(.wsAnswer.with("Via", "1.1 p"))]),
    RuleRow(
        rule: "RES002",
        trigger: [.client(.get), .server(.answer("200 OK", [("Upgrade", "h2,h2c"), ("Connection", "keep-alive")]))],
        also: ["RES015"],
        nearMiss: [
            .client(.ws),
            .server(.wsAnswer.with("Connection", "keep-alive").adding("Connection", "UPGRADE")),
        ]),
    RuleRow(
        rule: "RES002", trigger: [.client(.get), .server(.answer("200 OK", [("Upgrade", "websocket")]))],
        nearMiss: [.client(.get), .server(.answer("200 OK", [("Upgrade", "websocket"), ("Connection", "Upgrade")]))]),
    RuleRow(
        rule: "RES002",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Version", "12")), .server(versionRefusal.with("Connection", "close")),
        ], also: ["WS005"],
        nearMiss: [.client(.ws.with("Sec-WebSocket-Version", "12")), .server(versionRefusal)], nearAlso: ["WS005"]),
    // Two lines merged into one value: the same name twice.
    RuleRow(
        rule: "RES004", trigger: [.client(.ws), .server(.wsAnswer.adding("Upgrade", "WebSocket"))], level: .note,
        nearMiss: [.client(.ws.adding("Upgrade", "WebSocket")), .server(.wsAnswer)]),
    // CONNECT asks for a tunnel and offers no other protocol.
    RuleRow(
        rule: "RES005", trigger: [.client(.connect), .server(.wsAnswer)],
        nearMiss: [.client(.connect), .server(Head("HTTP/1.1 200 OK"))]),
    RuleRow(
        rule: "RES005",
        trigger: [.client(.ws.without("Upgrade").without("Connection").with("Via", "1.1 p")), .server(.wsAnswer)],
        fault: .intermediary,
        nearMiss: [.client(.ws.without("Upgrade").without("Connection").with("Via", "1.1 p")), .server(ok)]),
    RuleRow(
        rule: "RES006",
        trigger: [.client(.foo("GET /ws HTTP/1.0")), .server(Head("HTTP/1.1 100 Continue") + ok.bytes)],
        also: ["UPG004"], nearMiss: [.client(.foo("GET /ws HTTP/1.0")), .server(ok.line("HTTP/1.1 200 OK"))],
        nearAlso: ["UPG004"]),
    RuleRow(
        rule: "RES007", trigger: [.client(.ws), .server(Head("HTTP/1.1 204 No Content", [("Content-Length", "0")]))],
        level: .warning,
        nearMiss: [.client(.ws), .server(Head("HTTP/1.1 304 Not Modified", [("Content-Length", "9")]))]),
    RuleRow(
        rule: "RES007",
        trigger: [
            .client(.ws), .server(Head("HTTP/1.1 103 Early Hints", [("Content-Length", "0")])),
            .server(.wsAnswer.with("Transfer-Encoding", "chunked")),
        ], level: .error, nearMiss: [.client(.ws), .server(Head("HTTP/1.1 103 Early Hints")), .server(.wsAnswer)]),
    // What the server said in the hole may have answered the request, or been asked for by another.
    RuleRow(
        rule: "RES008", trigger: [.client(.get), .server(ok), .server(.wsAnswer)],
        nearMiss: [.client(.get), .lostServer(Array(ok.bytes.prefix(30))), .server(.wsAnswer)], nearAlso: ["CAP002"]),
    RuleRow(
        rule: "RES010",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Version", "12")),
            .server(.answer("426 Upgrade Required", [("Sec-WebSocket-Version", "13")])),
        ], also: ["WS005"],
        nearMiss: [.client(.ws.with("Sec-WebSocket-Version", "12")), .server(versionRefusal)], nearAlso: ["WS005"]),
    RuleRow(
        rule: "RES011", trigger: [.client(.ws.with("Expect", "100-Continue")), .server(.wsAnswer)], also: ["UPG010"],
        level: .note,
        nearMiss: [
            .client(.ws.with("Expect", "100-continue")), .server(Head("HTTP/1.1 100 Continue")), .server(.wsAnswer),
        ], nearAlso: ["UPG010"]),
    // The 101 may belong to the request that was lost, and the answer after it to the one that was seen.
    RuleRow(
        rule: "RES012", trigger: session(.server(ok)),
        nearMiss: [.lostClient(Head.ws.bytes), .client(.get), .server(.wsAnswer), .server(ok)], nearAlso: ["CAP002"]),
    RuleRow(
        rule: "RES013", trigger: [.client(.ws), .server(.answer("308 Permanent Redirect", [("Location", "/b")]))],
        nearMiss: [.client(.ws), .server(.answer("300 Multiple Choices"))]),
    RuleRow(
        rule: "RES014",
        trigger: [
            .client(.ws), .server(.answer("407 Proxy Authentication Required", [("WWW-Authenticate", "Basic")])),
        ], level: .error, nearMiss: [.client(.get), .server(.answer("401 Unauthorized"))]),
]

private let earlyTraps: [RuleRow] = [
    // Inside a tunnel to another proxy, whose CONNECT was not captured.
    RuleRow(
        rule: "EARLY001",
        trigger: [
            .client(.connect.line("CONNECT server.example.com:80 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK")),
            .client(.ws), .early(hex: hello), .server(.wsAnswer),
        ],
        nearMiss: [
            .client(.connect.line("CONNECT proxy.example.com:80 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK")),
            .lostClient(Head.connect.bytes), .server(Head("HTTP/1.1 200 OK")), .client(.ws), .server(.wsAnswer),
            .client(hex: hello),
        ], nearAlso: ["CAP002", "CAP004"]),
    RuleRow(
        rule: "EARLY001",
        trigger: [
            .client(.get), .client(.ws), .client(hex: "81 85 37 fa 21 3d 7f 9f 4d 51 58"), .server(.wsAnswer),
        ], also: ["RES005"],
        nearMiss: [
            .client(.get), .client(.ws), .server(.wsAnswer), .client(hex: "81 85 37 fa 21 3d 7f 9f 4d 51 58"),
        ], nearAlso: ["RES005"]),
    // Two requests of one client: pipelining, and not somebody else's bytes.
    RuleRow(
        rule: "EARLY004",
        trigger: [.client(Head.h2c + Head.get.with("Host", "internal").bytes), .server(ok), .server(ok)],
        also: ["H2C001", "UPG009"], level: .warning,
        nearMiss: [.client(.h2c), .server(ok), .client(.get), .server(ok)], nearAlso: ["H2C001"]),
    RuleRow(
        rule: "EARLY004", trigger: [.client(Head.h2c + getBytes), .server(ok), .server(ok)],
        also: ["H2C001", "UPG009"], level: .note, nearMiss: [.client(.h2c), .server(ok)], nearAlso: ["H2C001"]),
    RuleRow(
        rule: "EARLY004",
        trigger: [.client(Head.ws.with("Connection", "Upgrade, close") + getBytes), .server(refusal), .serverFIN],
        also: ["EARLY001"], level: .note, nearMiss: [.client(.ws), .early("\r\n"), .server(refusal)],
        nearAlso: ["EARLY001"]),
    // The server read the bytes and refused them.
    RuleRow(
        rule: "EARLY005", trigger: [.client(Head.ws + bytes(hello)), .server(refusal), .server(refusal)],
        also: ["EARLY001", "EARLY004"], level: .warning,
        nearMiss: [.client(Head.ws + bytes(hello)), .server(refusal), .serverFIN], nearAlso: ["EARLY001", "EARLY004"]),
    RuleRow(
        rule: "EARLY008", trigger: [.client(.ws), .server("hello\r\n"), .server(.wsAnswer)],
        nearMiss: [.client(.ws), .server("\r\n"), .server(.wsAnswer)]),
    RuleRow(
        rule: "EARLY008",
        trigger: [.client(.get), .server(ok), .client(.ws), .server(hex: greeting), .server(.wsAnswer)],
        nearMiss: [
            .client(.get), .server(Head("HTTP/1.1 100 Continue")), .server(ok), .client(.ws), .server(.wsAnswer),
        ]),
    // An answer to HEAD announces content that it has not.
    RuleRow(
        rule: "EARLY008", trigger: [.client(.ws), .server("0\r\n\r\n"), .server(.wsAnswer)],
        nearMiss: [
            .client(.get.line("HEAD / HTTP/1.1")), .server(ok.with("Content-Length", "500")), .client(.ws),
            .server(.wsAnswer),
        ]),
    RuleRow(
        rule: "EARLY008", trigger: [.client(.ws), .server("0\r\n\r\n"), .server(.wsAnswer)],
        nearMiss: [
            .client(.get), .server(Head("HTTP/1.1 304 Not Modified", [("Content-Length", "500")])), .client(.ws),
            .server(.wsAnswer),
        ]),
]

private let handshakeTraps: [RuleRow] = [
    // What the client said first is not known: the Close, or messages, may be among what is missing.
    RuleRow(
        rule: "WS012",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Protocol", "mqtt")), .server(.wsAnswer),
            .client(hex: "88 82 00 00 00 01 03 ea"),
        ],
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Protocol", "mqtt")), .server(.wsAnswer), .lostClient(bytes(hello)),
            .server(hex: greeting), .clientFIN,
        ], nearAlso: ["CAP002"]),
    RuleRow(
        rule: "WS002", trigger: [.client(.ws.with("Sec-WebSocket-Key", "")), .server(refusal)],
        nearMiss: [.client(.ws.with("Sec-WebSocket-Key", "\tdGhlIHNhbXBsZSBub25jZQ==")), .server(.wsAnswer)]),
    RuleRow(
        rule: "WS002",
        trigger: [.client(.ws.adding("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")), .server(refusal)],
        nearMiss: session()),
    RuleRow(
        rule: "WS004", trigger: [.client(.ws.adding("Sec-WebSocket-Version", "13")), .server(refusal)],
        nearMiss: session()),
    RuleRow(
        rule: "WS005", trigger: [.client(.ws.with("Sec-WebSocket-Version", "8")), .server(versionRefusal)],
        also: ["WS017"], level: .warning,
        nearMiss: [.client(.ws.with("Sec-WebSocket-Version", " 13 ")), .server(.wsAnswer)]),
    RuleRow(
        rule: "WS005", trigger: [.client(.ws.with("Sec-WebSocket-Version", "013")), .server(versionRefusal)],
        level: .error, nearMiss: session()),
    RuleRow(
        rule: "WS006", trigger: [.client(.ws.with("Host", "")), .server(refusal)],
        nearMiss: [.client(.ws.line("GET ws://SERVER.example.com/chat HTTP/1.1")), .server(.wsAnswer)]),
    RuleRow(
        rule: "WS007", trigger: [.client(.ws.without("Origin").with("Cookie", "a=b")), .server(refusal)],
        also: ["SMG008"], nearMiss: [.client(.ws.without("Origin")), .server(.wsAnswer)]),
    RuleRow(
        rule: "WS008", trigger: [.client(.ws.with("Sec-WebSocket-Protocol", "a b")), .server(refusal)],
        nearMiss: [
            .client(
                .ws.with(
                    "Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=10, permessage-deflate")),
            .server(.wsAnswer),
        ]),
    RuleRow(
        rule: "WS008",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Protocol", "chat").adding("Sec-WebSocket-Protocol", "chat")),
            .server(refusal),
        ],
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Protocol", "chat").adding("Sec-WebSocket-Protocol", "Chat")),
            .server(.wsAnswer.with("Sec-WebSocket-Protocol", "Chat")),
        ]),
    RuleRow(
        rule: "WS009",
        trigger: [.client(.ws), .server(.wsAnswer.adding("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))],
        nearMiss: [.client(.ws), .server(.wsAnswer.with("Sec-WebSocket-Accept", " s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\t"))]),
    RuleRow(
        rule: "WS009",
        trigger: [.client(.ws), .server(.wsAnswer.with("Sec-WebSocket-Accept", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="))],
        nearMiss: [.client(.ws), .server(.wsAnswer.line("HTTP/1.1 101"))]),
    RuleRow(
        rule: "WS010",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Protocol", "chat")),
            .server(.wsAnswer.with("Sec-WebSocket-Protocol", "Chat")),
        ],
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Protocol", "a").adding("Sec-WebSocket-Protocol", "b")),
            .server(.wsAnswer.with("Sec-WebSocket-Protocol", "b")),
        ]),
    RuleRow(
        rule: "WS010",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Protocol", "a, b")),
            .server(.wsAnswer.with("Sec-WebSocket-Protocol", "a, b")),
        ],
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Protocol", "a, b")), .server(.wsAnswer.with("Sec-WebSocket-Protocol", "a")),
        ]),
    RuleRow(
        rule: "WS011",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Extensions", "a, b")),
            .server(.wsAnswer.with("Sec-WebSocket-Extensions", "a").adding("Sec-WebSocket-Extensions", "b")),
        ], level: .warning,
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Extensions", "a").adding("Sec-WebSocket-Extensions", "b")),
            .server(.wsAnswer.with("Sec-WebSocket-Extensions", "A; x=1, b")),
        ]),
    RuleRow(
        rule: "WS012",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Protocol", "mqtt")), .server(.wsAnswer),
            .client(hex: "88 82 00 00 00 01 03 ea"),
        ], level: .warning,
        nearMiss: [.client(.ws.with("Sec-WebSocket-Protocol", "mqtt")), .server(.wsAnswer), .server(hex: greeting)]),
    RuleRow(
        rule: "WS013",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Version", "25")), .server(versionRefusal.without("Sec-WebSocket-Version")),
        ],
        also: ["WS005"], nearMiss: [.client(.ws), .server(refusal)]),
    RuleRow(
        rule: "WS014", trigger: [.client(.ws.line("GET /chat HTTP/1.0")), .server(.wsAnswer)],
        also: ["UPG004", "RES006"], nearMiss: [.client(.ws.line("GET /chat HTTP/1.1")), .server(.wsAnswer)]),
    // Close is how a client fails the connection.
    RuleRow(
        rule: "WS015",
        trigger: [
            .client(.ws), .server(.wsAnswer.with("Sec-WebSocket-Protocol", "x")), .client(hex: hello),
        ], also: ["WS010"],
        nearMiss: [
            .client(.ws), .server(.wsAnswer.with("Sec-WebSocket-Protocol", "x")), .client(hex: clientClose), .clientFIN,
        ], nearAlso: ["WS010"]),
]

private let frameTraps: [RuleRow] = [
    // The answer says which draft it is where the request was not captured.
    RuleRow(
        rule: "WSF004", trigger: session(.server(hex: "b2 01 41")),
        nearMiss: [
            .lostClient(Head.ws.bytes),
            .server(
                Head(
                    "HTTP/1.1 101 WebSocket Protocol Handshake",
                    [
                        ("Upgrade", "WebSocket"), ("Connection", "Upgrade"),
                        ("Sec-WebSocket-Location", "ws://server.example.com/chat"),
                    ]) + "8jKS'y:G*Co,Wxa-"), .client(hex: "00 68 69 ff"), .server(hex: "00 68 69 ff"),
        ], nearAlso: ["CAP002"]),
    RuleRow(
        rule: "WSF003", trigger: session(.client(times(4, "81 81 37 fa 21 3d 76"))), level: .error,
        nearMiss: session(.client(times(3, "81 81 37 fa 21 3d 76")))),
    // Keys of frames without payload mask nothing.
    RuleRow(
        rule: "WSF003", trigger: session(.client(hex: "82 81 00 00 00 00 41")), level: .warning,
        nearMiss: session(.client(times(4, "82 80 00 00 00 00")))),
    RuleRow(
        rule: "WSF004", trigger: session(.server(hex: "a1 01 41")),
        nearMiss: vendorSession(.server(hex: "a1 01 41"))),
    RuleRow(
        rule: "WSF005", trigger: session(.server(hex: "83 00")), nearMiss: vendorSession(.server(hex: "83 00"))),
    RuleRow(
        rule: "WSF005", trigger: session(.server(hex: "8b 00")), nearMiss: vendorSession(.server(hex: "8b 00"))),
    // Three frames that follow prove that one began there; what reads as none proves that the place was lost.
    RuleRow(
        rule: "WSF005",
        trigger: session(
            .server(hex: "83 01 41 81 05 48 65 6c 6c 6f 81 05 48 65 6c 6c 6f 81 05 48 65 6c 6c 6f c1 00")),
        nearMiss: session(.server(hex: "83 01 41 81 05 48 65 6c 6c 6f c1 00 00 41")), nearAlso: ["CAP002"]),
    RuleRow(
        rule: "WSF005", trigger: session(.client(hex: "83 81 00 00 00 01 41 81 85 37 fa 21 3d 7f 9f 4d 51 58")),
        nearMiss: session(.client(hex: "83 81 00 00 00 01 41 81 05 48 65 6c 6c 6f")), nearAlso: ["CAP002"]),
    RuleRow(
        rule: "WSF005", trigger: session(.server(hex: "84 00 85 00 86 00 8c 00")),
        nearMiss: session(.server(hex: "84 00 89 7e 00 7e")), nearAlso: ["CAP002"]),
    RuleRow(
        rule: "WSF006", trigger: session(.server(hex: "82 7f 00 00 00 00 00 00 ff ff 01 02")),
        nearMiss: session(.server(hex: "82 7f 00 00 00 00 00 01 00 00 01 02"))),
    RuleRow(
        rule: "WSF008", trigger: session(.server(hex: "81 01 41 80 01 42")),
        nearMiss: vendorSession(.server(hex: "81 01 41 80 01 42"))),
    RuleRow(
        rule: "WSF009", trigger: session(.server(hex: "01 01 41 01 01 42")),
        nearMiss: vendorSession(.server(hex: "01 01 41 01 01 42 80 01 43"))),
    RuleRow(
        rule: "WSF010", trigger: session(.server(hex: "81 03 ed a0 80")),
        nearMiss: session(.server(hex: "01 02 f0 9f 89 00 80 02 98 80"))),
    RuleRow(
        rule: "WSF010", trigger: session(.server(hex: "01 01 c3 80 00")),
        nearMiss: session(.server(hex: "82 02 c3 28"))),
    RuleRow(
        rule: "WSF011", trigger: session(.server(hex: "88 01 03")), nearMiss: session(.server(hex: "88 00"))),
    RuleRow(
        rule: "WSF011", trigger: session(.server(hex: "88 04 03 e8 c3 28")),
        nearMiss: session(.server(hex: "88 04 03 f6 c3 a9"))),
    // Whatever comes after Close is read no further than to see that it is no frame.
    RuleRow(
        rule: "WSF012", trigger: session(.client(hex: clientClose), .client("\r\n\r\n")), level: .warning,
        nearMiss: session(.server(hex: serverClose), .client(hex: hello), .client(hex: clientClose))),
    RuleRow(
        rule: "WSF012", trigger: session(.server(hex: serverClose), .server("HTTP/1.1 200 OK\r\n\r\n")),
        level: .warning,
        nearMiss: session(.server(hex: serverClose))),
    // A peer that was sent something broken ends the connection; one that is reset cannot answer.
    RuleRow(
        rule: "WSF013", trigger: session(.client(hex: clientClose), .serverFIN), fault: .server,
        nearMiss: session(.client(hex: clientClose), .clientRST)),
    // What was lost after the last bytes that were captured: a FIN, or an empty segment, shows that it was there.
    RuleRow(
        rule: "WSF013", trigger: session(.client(hex: clientClose), .serverFIN), fault: .server,
        nearMiss: session(.client(hex: clientClose), .lostServer(bytes(serverClose)), .serverFIN), nearAlso: ["CAP002"]),
    RuleRow(
        rule: "WSF013",
        trigger: session(.server(hex: serverClose), .clientACK, .wait(seconds: 6), .clientACK), fault: .client,
        nearMiss: session(
            .server(hex: serverClose), .clientACK, .lostClient(bytes(clientClose)), .wait(seconds: 6), .clientACK),
        nearAlso: ["CAP002"]),
    // A number more than there were bytes is that of a FIN.
    RuleRow(
        rule: "WSF015",
        trigger: session(.server(hex: serverClose), .client(hex: clientClose), .wait(seconds: 30), .clientACK),
        nearMiss: session(
            .server(hex: serverClose), .client(hex: clientClose), .lostServer([0]), .clientACK, .wait(seconds: 30),
            .clientACK)),
    RuleRow(
        rule: "WSF014", trigger: session(.client(hex: hello), .clientRST), fault: .client,
        nearMiss: session(.client(hex: hello), .clientACK)),
    RuleRow(
        rule: "WSF014", trigger: session(.server(hex: "82 05 01"), .serverFIN), also: ["WSF018"], fault: .server,
        nearMiss: session(.server(hex: "83 00"), .clientFIN), nearAlso: ["WSF005"]),
    // The capture ends before the time is over.
    RuleRow(
        rule: "WSF016", trigger: session(.server(hex: "89 01 61"), .clientACK, .wait(seconds: 11), .clientACK),
        nearMiss: session(.server(hex: "89 01 61"), .clientACK, .wait(seconds: 9), .clientACK)),
    RuleRow(
        rule: "WSF016",
        trigger: session(.client(hex: "89 81 00 00 00 01 61"), .wait(seconds: 11), .server(hex: greeting)),
        fault: .server,
        nearMiss: session(.client(hex: "8a 81 00 00 00 01 61"), .wait(seconds: 11), .server(hex: greeting))),
    // Acknowledging says nothing; sending on for long does.
    RuleRow(
        rule: "WSF019",
        trigger: session(.server(hex: "83 00"), .wait(seconds: 3), .client(hex: hello)), also: ["WSF005"],
        fault: .client,
        nearMiss: session(.server(hex: "83 00"), .wait(seconds: 1), .client(hex: hello)), nearAlso: ["WSF005"]),
    RuleRow(
        rule: "WSF019",
        trigger: session(.server(hex: "83 00"), .wait(seconds: 3), .client(hex: hello)), also: ["WSF005"],
        nearMiss: session(.server(hex: "83 00 c1 00 00 00"), .wait(seconds: 3), .client(hex: hello)),
        nearAlso: ["CAP002"]),
    // A target longer than what is kept of the first bytes.
    RuleRow(
        rule: "WSF020",
        trigger: session(.client("GET /\(String(repeating: "a", count: 400)) HTTP/1.1\r\nHost: a\r\n\r\n")),
        nearMiss: session(.client(bytes("81 fe 01 90 00 00 00 01") + [UInt8](repeating: 0x40, count: 400)))),
    // The request before which frames are due was lost.
    RuleRow(
        rule: "WSF020", trigger: session(.client(.get)),
        nearMiss: [.lostClient(Head.ws.bytes), .client(.get), .server(.wsAnswer), .client(.get)],
        nearAlso: ["CAP002"]),
]

private let hopTraps: [RuleRow] = [
    RuleRow(
        rule: "CON002",
        trigger: [
            .client(.connect),
            .server(.answer("407 Proxy Authentication Required", [("Proxy-Authenticate", "NTLM")])),
            .client(.connect.with("Proxy-Authorization", "NTLM TlRM")),
            .server(.answer("407 Again", [("Proxy-Authenticate", "NTLM TlRM")])),
        ], also: ["RES014"], level: .warning,
        nearMiss: [.client(.connect), .server(.answer("403 Forbidden")), .clientACK, .wait(seconds: 1), .serverFIN]),
    // The client acknowledged one byte more than was captured: the FIN was lost.
    RuleRow(
        rule: "CON002",
        trigger: [
            .client(.connect), .server(.answer("403 Forbidden")), .clientACK, .wait(seconds: 4), .clientFIN,
        ],
        nearMiss: [
            .client(.connect), .server(.answer("403 Forbidden")), .clientACK, .lostServer([0]), .clientACK,
            .wait(seconds: 4), .clientFIN,
        ]),
    // The same request again is no answer to the challenge.
    RuleRow(
        rule: "CON002",
        trigger: [
            .client(.connect),
            .server(.answer("407 Proxy Authentication Required", [("Proxy-Authenticate", "Basic realm=x")])),
            .client(.connect),
            .server(.answer("407 Proxy Authentication Required", [("Proxy-Authenticate", "Basic realm=x")])),
            .serverFIN,
        ], also: ["RES014"], level: .error,
        nearMiss: [.client(.connect), .server(Head("HTTP/1.1 200 OK"))]),
    RuleRow(
        rule: "CON003",
        trigger: [.client(.connect), .server(Head("HTTP/1.1 200 OK", [("Transfer-Encoding", "chunked")]))],
        level: .error, nearMiss: [.client(.connect), .server(Head("HTTP/1.1 200 OK", [("Content-Type", "x/y")]))]),
    RuleRow(
        rule: "CON004",
        trigger: [.client(.connect.line("CONNECT h:0 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK"))],
        fault: .server,
        nearMiss: [
            .client(.connect.line("CONNECT xn--bcher-kva.example:65535 HTTP/1.1")), .server(.answer("403 No")),
            .serverFIN,
        ]),
    RuleRow(
        rule: "CON004",
        trigger: [.client(.connect.line("CONNECT http://h:443 HTTP/1.1")), .server(.answer("400 No")), .serverFIN],
        nearMiss: [.client(.connect.line("CONNECT h:443 HTTP/1.1")), .server(.answer("400 No")), .serverFIN]),
    RuleRow(
        rule: "CON005",
        trigger: [.client(.connect.with("Content-Length", "0")), .server(Head("HTTP/1.1 200 OK"))], level: .note,
        nearMiss: [.client(.connect.with("Content-Type", "x/y")), .server(Head("HTTP/1.1 200 OK"))]),
    RuleRow(
        rule: "CON005",
        trigger: [
            .client(.connect.with("Transfer-Encoding", "chunked")), .server(Head("HTTP/1.1 200 OK")),
            .client(clientHello),
        ],
        nearMiss: [.client(.connect.with("TE", "chunked")), .server(Head("HTTP/1.1 200 OK")), .client(clientHello)]),
    RuleRow(
        rule: "CON006",
        trigger: [
            .client(.connect.line("CONNECT [::ffff:10.0.0.1]:443 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK")),
        ],
        nearMiss: [
            .client(.connect.line("CONNECT [::ffff:192.0.2.1]:443 HTTP/1.1")), .server(Head("HTTP/1.1 200 OK")),
        ]),
    RuleRow(
        rule: "SMG002",
        trigger: [
            .client(.ws),
            .server(
                Head("HTTP/1.1 403 Forbidden", [("Content-Length", "5"), ("Transfer-Encoding", "chunked")])
                    + "0\r\n\r\n"),
        ], fault: .server,
        nearMiss: [
            .client(.ws), .server(Head("HTTP/1.1 403 Forbidden", [("Transfer-Encoding", "chunked")]) + "0\r\n\r\n"),
        ]),
    RuleRow(
        rule: "SMG003",
        trigger: [.client(Head.tls("POST / HTTP/1.1").with("Content-Length", "4, 4") + "abcd"), .server(ok)],
        also: ["UPG007"], level: .warning,
        nearMiss: [.client(Head.tls("POST / HTTP/1.1").with("Content-Length", "4") + "abcd"), .server(ok)],
        nearAlso: ["UPG007"]),
    RuleRow(
        rule: "SMG003",
        trigger: [
            .client(.tls("POST / HTTP/1.1").with("Content-Length", "+4")), .server(.answer("400 No")), .serverFIN,
        ],
        level: .error, nearMiss: [.client(.tls("POST / HTTP/1.1").with("Content-Length", "00")), .server(ok)]),
    RuleRow(
        rule: "SMG003",
        trigger: [
            .client(Head.foo("POST / HTTP/1.0").with("Transfer-Encoding", "chunked") + "0\r\n\r\n"), .server(ok),
        ], also: ["UPG004", "UPG007"], level: .error,
        nearMiss: [
            .client(Head.foo("POST / HTTP/1.1").with("Transfer-Encoding", "gzip, Chunked") + "0\r\n\r\n"), .server(ok),
        ], nearAlso: ["UPG007"]),
    RuleRow(
        rule: "SMG003",
        trigger: [
            .client(Head.tls("POST / HTTP/1.1").with("Transfer-Encoding", "chunked") + "+4\r\nabcd\r\n0\r\n\r\n"),
            .server(.answer("400 No")), .serverFIN,
        ], also: ["UPG007"], level: .error,
        nearMiss: [
            .client(Head.tls("POST / HTTP/1.1").with("Transfer-Encoding", "chunked") + "4;a=b\r\nabcd\r\n0\r\n\r\n"),
            .server(ok),
        ], nearAlso: ["UPG007"]),
    RuleRow(
        rule: "SMG003", trigger: [.client(.ws.line("GET /a\rb HTTP/1.1")), .server(.answer("400 No"))], level: .error,
        nearMiss: [.client(.ws.line("GET /a%0Db HTTP/1.1")), .server(.wsAnswer)]),
    RuleRow(
        rule: "SMG004", trigger: [.client(.ws.with("Connection", "Upgrade, sec-websocket-key")), .server(.wsAnswer)],
        nearMiss: [
            .client(.ws.with("Connection", "Upgrade, TE, Trailer, Keep-Alive, Proxy-Connection, Transfer-Encoding")),
            .server(.wsAnswer),
        ]),
    // Without a field that a proxy had added there is no proxy to be walked past.
    RuleRow(
        rule: "SMG005",
        trigger: [
            .client(.ws.with("Via", "1.1 p")), .server(.answer("403 Forbidden")),
            .client(.get), .server(ok),
        ],
        nearMiss: [
            .client(.ws), .server(.answer("403 Forbidden")), .client(.get.with("Host", "internal")), .server(ok),
        ]),
    RuleRow(
        rule: "SMG007",
        trigger: [.client(.ws.with("Origin", "http://server.example.com:8080")), .server(.wsAnswer)], level: .note,
        nearMiss: [.client(.ws.with("Origin", "http://SERVER.EXAMPLE.COM")), .server(.wsAnswer)]),
    RuleRow(
        rule: "SMG007",
        trigger: [
            .client(.ws.adding("Host", "other.example").with("Origin", "http://evil.example")), .server(.wsAnswer),
        ],
        also: ["WS006", "WS014"], level: .note,
        nearMiss: [.client(.ws.adding("Host", "other.example")), .server(.wsAnswer)], nearAlso: ["WS006", "WS014"]),
    RuleRow(
        rule: "SMG008",
        trigger: [
            .client(.ws.with("Cookie", "s=1").with("Forwarded", "for=192.0.2.1;proto=https")), .server(.wsAnswer),
        ],
        level: .note,
        nearMiss: [
            .client(.ws.with("Sec-WebSocket-Protocol", "eyJ")),
            .server(.wsAnswer.with("Sec-WebSocket-Protocol", "eyJ")),
        ]),
    RuleRow(
        rule: "SMG008",
        trigger: [.client(.ws.with("Cookie", "s=1").with("X-Forwarded-Proto", "http, https")), .server(.wsAnswer)],
        level: .warning, nearMiss: [.client(.get.with("Cookie", "s=1")), .server(ok)]),
    RuleRow(
        rule: "SMG009",
        trigger: [.client(.ws.line("GET /socket.io/?EIO=4&sid=abcdefghijkl HTTP/1.1")), .server(.wsAnswer)],
        level: .note,
        nearMiss: [.client(.ws.line("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1")), .server(.wsAnswer)]),
    RuleRow(
        rule: "SMG010", trigger: [.client(.udp.adding("Upgrade", "foo")), .server(ok)], also: ["UPG005"],
        nearMiss: [.client(.tls().with("Upgrade", "TLS/1.2, TLS/1.3")), .server(ok)]),
    RuleRow(
        rule: "H2C002", trigger: [.client(.h2c.with("HTTP2-Settings", "AAMAAABk, AAMAAABk")), .server(ok)],
        also: ["H2C001"], nearMiss: [.client(.h2c.with("HTTP2-Settings", "")), .server(ok)], nearAlso: ["H2C001"]),
    RuleRow(
        rule: "H2C002",
        trigger: [.client(.h2c.without("HTTP2-Settings").with("Via", "1.1 p")), .server(ok)], also: ["H2C001"],
        fault: .intermediary, nearMiss: [.client(.h2c.with("Via", "1.1 p")), .server(ok)], nearAlso: ["H2C001"]),
    RuleRow(
        rule: "H2C003", trigger: [.client(.h2c.with("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA==")), .server(ok)],
        also: ["H2C001"], level: .warning,
        nearMiss: [.client(.h2c.with("HTTP2-Settings", "_-8AAABk")), .server(ok)], nearAlso: ["H2C001"]),
]

// Every rule's trigger and near miss, as wire bytes.
//
// A row names all rules that speak: one that speaks without being named fails the row just as one that is silent.

import Testing
import Traffic

@testable import Inspection

/// A rule, a conversation that breaks it, and one that comes close and does not.
struct RuleRow: CustomTestStringConvertible {
    var rule: String
    var trigger: [Step]
    /// Rules that speak beside `rule`.
    var also: Set<String> = []
    /// The level it is found at, where it is not the usual one.
    var level: Level?
    var fault: Fault?
    var nearMiss: [Step]
    /// Rules that speak in the near miss.
    var nearAlso: Set<String> = []
    var handshake = true
    var unseen: Direction?
    /// The near miss happens on the loopback interface.
    var nearLoopback = false
    var testDescription: String { rule }
}

private let hello = "81 85 37 fa 21 3d 7f 9f 4d 51 58"
private let greeting = "81 05 48 65 6c 6c 6f"
private let clientClose = "88 82 37 fa 21 3d 34 12"
private let serverClose = "88 02 03 e8"
private let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + bytes("00 00 00 04 00 00 00 00 00")
private let clientHello = bytes(
    "16 03 01 00 2f 01 00 00 2b 03 03 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 "
        + "19 1a 1b 1c 1d 1e 1f 00 00 02 13 01 01 00 00 00")
private let get = Head.get.bytes
private let ok = Head.answer("200 OK")
private let pmd = Head.ws.with("Sec-WebSocket-Extensions", "permessage-deflate")
private let pmdAnswer = Head.wsAnswer.with("Sec-WebSocket-Extensions", "permessage-deflate")

private func session(_ more: Step...) -> [Step] { [.client(.ws), .server(.wsAnswer)] + more }
private func times(_ count: Int, _ text: String) -> [UInt8] { (0..<count).flatMap { _ in bytes(text) } }

let ruleRows: [RuleRow] =
    upgradeRows + responseRows + earlyRows + handshakeRows + frameRows + h2cRows + connectRows + goingOnRows
    + smugglingRows + captureRows

private let upgradeRows: [RuleRow] = [
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
        rule: "UPG009", trigger: [.client(Head.h2c + get), .server(ok), .server(ok)],
        also: ["H2C001", "EARLY004"], nearMiss: [.client(.h2c), .server(ok), .client(.get), .server(ok)],
        nearAlso: ["H2C001"]),
    RuleRow(
        rule: "UPG010", trigger: [.client(.ws.with("Expect", "100-continue")), .server(.answer("417 No"))],
        nearMiss: [
            .client(Head.foo("POST / HTTP/1.1").with("Expect", "100-continue").with("Content-Length", "4") + "abcd"),
            .server(ok),
        ], nearAlso: ["UPG007"]),
]

private let responseRows: [RuleRow] = [
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
]

private let earlyRows: [RuleRow] = [
    RuleRow(
        rule: "EARLY001", trigger: [.client(Head.ws + bytes(hello)), .server(.wsAnswer)],
        nearMiss: session(.client(hex: hello))),
    RuleRow(
        rule: "EARLY001",
        trigger: [.client(.ws), .server(.wsAnswer), .partial(bytes(hello), seen: 20)],
        nearMiss: session(.clientACK, .client(hex: hello))),
    RuleRow(
        rule: "EARLY001", trigger: [.client(.ws), .early("\r\n"), .server(.answer("403 Forbidden"))], level: .note,
        nearMiss: session()),
    RuleRow(
        rule: "EARLY002", trigger: [.client(Head.udp + bytes("00 05 00 68 69 6a 6b")), .server(.udpAnswer)],
        nearMiss: [.client(.udp), .server(.udpAnswer), .client(hex: "00 05 00 68 69 6a 6b")]),
    RuleRow(
        rule: "EARLY003", trigger: [.client(Head.foo() + bytes("00 01 02")), .server(.fooAnswer)],
        nearMiss: [.client(.foo()), .server(.fooAnswer), .client(hex: "00 01 02")]),
    RuleRow(
        rule: "EARLY004",
        trigger: [.client(Head.ws + get), .server(.answer("403 Forbidden", [("Connection", "close")])), .serverFIN],
        also: ["EARLY001"],
        nearMiss: [.client(.ws), .server(.answer("403 Forbidden")), .client(.get), .server(ok)]),
    RuleRow(
        rule: "EARLY005", trigger: [.client(Head.connect + get), .server(.answer("504 Gateway Timeout")), .server(ok)],
        also: ["CON001", "CON002", "EARLY004"], fault: .server,
        nearMiss: [.client(Head.connect + get), .server(.answer("504 Gateway Timeout")), .serverFIN],
        nearAlso: ["CON001", "EARLY004"]),
    RuleRow(
        rule: "EARLY005", trigger: [.client(Head.ws + get), .server(.answer("403 Forbidden")), .server(ok)],
        also: ["EARLY001", "EARLY004"], fault: .client,
        nearMiss: [.client(.ws), .server(.answer("403 Forbidden")), .client(.get), .server(ok)]),
    RuleRow(
        rule: "EARLY006", trigger: [.client(Head.tls() + clientHello), .server(.tlsAnswer)],
        nearMiss: [.client(.tls()), .server(.tlsAnswer), .client(clientHello)]),
    RuleRow(
        rule: "EARLY007", trigger: [.client(Head.h2c + preface), .server(.h2cAnswer)], also: ["H2C001", "H2C010"],
        nearMiss: [.client(.h2c), .server(.h2cAnswer), .client(preface)], nearAlso: ["H2C001", "H2C010"]),
    RuleRow(
        rule: "EARLY008", trigger: [.client(.ws), .server(bytes(greeting) + Head.wsAnswer.bytes)],
        nearMiss: [.client(.ws), .server(Head.wsAnswer + bytes(greeting))]),
]

private let handshakeRows: [RuleRow] = [
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
        ], nearMiss: session()),
]

private let frameRows: [RuleRow] = [
    RuleRow(
        rule: "WSF001", trigger: session(.client(hex: greeting)), fault: .client,
        nearMiss: session(.client(hex: hello))),
    RuleRow(
        rule: "WSF002", trigger: session(.server(hex: hello)), fault: .server,
        nearMiss: session(.server(hex: greeting))),
    RuleRow(
        rule: "WSF003", trigger: session(.client(times(4, "81 81 00 00 00 00 41"))),
        nearMiss: session(
            .client(
                bytes(
                    "81 81 37 fa 21 3d 76 81 81 9b 0c 11 d2 da 81 81 5e 70 0a 93 1f 81 81 e1 4d 23 88 a0")))),
    RuleRow(
        rule: "WSF003", trigger: session(.client(hex: "81 81 00 00 00 00 41")), level: .warning,
        nearMiss: session(.client(times(2, "81 81 37 fa 21 3d 76")))),
    RuleRow(
        rule: "WSF004", trigger: session(.server(hex: "c1 05 48 65 6c 6c 6f")), fault: .server,
        nearMiss: [.client(pmd), .server(pmdAnswer), .server(hex: "c1 07 f2 48 cd c9 c9 07 00")]),
    RuleRow(rule: "WSF005", trigger: session(.server(hex: "83 00")), nearMiss: session(.server(hex: "82 00"))),
    RuleRow(
        rule: "WSF006", trigger: session(.server(hex: "82 7e 00 05 01 02 03 04 05")),
        nearMiss: session(.server(bytes("82 7e 00 7e") + [UInt8](repeating: 1, count: 126)))),
    RuleRow(
        rule: "WSF007", trigger: session(.server(hex: "09 00")),
        nearMiss: session(.server(bytes("89 7d") + [UInt8](repeating: 1, count: 125)))),
    RuleRow(
        rule: "WSF007", trigger: session(.server(bytes("89 7e 00 80") + [UInt8](repeating: 1, count: 128))),
        nearMiss: session(.server(hex: "89 00"))),
    RuleRow(
        rule: "WSF008", trigger: session(.server(hex: "80 02 6c 6f")),
        nearMiss: session(.server(hex: "01 03 48 65 6c"), .server(hex: "80 02 6c 6f"))),
    RuleRow(
        rule: "WSF009", trigger: session(.server(hex: "01 01 41 81 01 42")),
        nearMiss: session(.server(hex: "01 01 41 89 00 80 01 42"))),
    RuleRow(
        rule: "WSF010", trigger: session(.server(hex: "81 02 c3 28")),
        nearMiss: session(.server(hex: "01 01 c3"), .server(hex: "80 01 a9"))),
    RuleRow(
        rule: "WSF010", trigger: compressed(.server(hex: "c1 08 00 02 00 fd ff c3 28 00")), fault: .server,
        nearMiss: compressed(.server(hex: "41 07 00 02 00 fd ff c3 a9 80 01 00"))),
    RuleRow(
        rule: "WSF013", trigger: session(.server(hex: serverClose), .clientFIN), fault: .client,
        nearMiss: session(.server(hex: serverClose), .client(hex: clientClose), .serverFIN)),
    RuleRow(
        rule: "WSF013",
        trigger: session(.server(hex: serverClose), .clientACK, .wait(seconds: 6), .clientACK), fault: .client,
        nearMiss: session(.server(hex: serverClose), .clientACK, .wait(seconds: 4), .clientACK)),
    RuleRow(
        rule: "WSF015",
        trigger: session(.server(hex: serverClose), .client(hex: clientClose), .wait(seconds: 30), .clientACK),
        nearMiss: session(
            .server(hex: serverClose), .client(hex: clientClose), .serverFIN, .wait(seconds: 30), .clientACK)),
    RuleRow(
        rule: "WSF015",
        trigger: session(.client(hex: clientClose), .server(hex: serverClose), .wait(seconds: 9), .serverFIN),
        nearMiss: session(
            .client(hex: clientClose), .server(hex: serverClose), .clientRST, .wait(seconds: 30), .clientACK)),
    RuleRow(
        rule: "WSF016",
        trigger: session(.server(hex: "89 01 61"), .clientACK, .wait(seconds: 12), .server(hex: greeting)),
        fault: .client,
        nearMiss: session(
            .server(hex: "89 01 61"), .client(hex: "8a 81 37 fa 21 3d 56"), .wait(seconds: 12), .server(hex: greeting))),
    RuleRow(
        rule: "WSF016",
        trigger: session(
            .server(hex: "89 01 61"), .wait(seconds: 11), .client(hex: "8a 81 37 fa 21 3d 56"), .server(hex: greeting)),
        nearMiss: session(
            .server(hex: "89 01 61"), .wait(seconds: 8), .server(hex: "89 01 62"), .wait(seconds: 8),
            .client(hex: "8a 81 37 fa 21 3d 55"), .server(hex: greeting))),
    RuleRow(
        rule: "WSF016",
        trigger: session(
            .server(hex: "89 01 61"), .client(hex: "8a 81 37 fa 21 3d 55"), .wait(seconds: 11), .server(hex: greeting)),
        nearMiss: session(
            .server(hex: "89 01 61"), .clientACK, .server(hex: serverClose), .client(hex: clientClose), .serverFIN,
            .wait(seconds: 12), .clientFIN)),
    RuleRow(
        rule: "WSF017",
        trigger: session(.client(hex: hello), .server(hex: greeting), .wait(seconds: 70), .client(hex: hello)),
        nearMiss: session(
            .client(hex: hello), .server(hex: greeting), .wait(seconds: 25), .server(hex: "89 00"),
            .client(hex: "8a 80 37 fa 21 3d"), .wait(seconds: 45), .client(hex: hello))),
    RuleRow(
        rule: "WSF019",
        trigger: session(
            .client(hex: greeting), .server(hex: greeting), .wait(seconds: 3), .server(hex: greeting)),
        also: ["WSF001"], fault: .server,
        nearMiss: session(.client(hex: greeting), .server(hex: "88 02 03 ea"), .serverFIN), nearAlso: ["WSF001"]),
    RuleRow(
        rule: "WSF018", trigger: session(.server(bytes("01 01 41") + times(101, "00 00"))),
        nearMiss: session(.server(bytes("01 01 41") + times(99, "00 00")))),
    RuleRow(
        rule: "WSF018", trigger: session(.server(hex: "82 05 01"), .serverFIN),
        nearMiss: session(.server(hex: "82 05 01"), .clientACK)),
    RuleRow(
        rule: "WSF011", trigger: session(.server(hex: "88 02 03 ee")), nearMiss: session(.server(hex: "88 02 03 f4"))),
    RuleRow(
        rule: "WSF011", trigger: session(.server(hex: "88 02 03 ec")), level: .warning,
        nearMiss: session(.server(hex: "88 02 0b b8"))),
    RuleRow(
        rule: "WSF012", trigger: session(.server(hex: "88 02 03 e8 81 01 41")),
        nearMiss: session(.server(hex: "81 01 41 88 02 03 e8"))),
    RuleRow(
        rule: "WSF014", trigger: session(.client(hex: hello), .server(hex: greeting), .wait(seconds: 60), .serverFIN),
        also: ["WSF017"], fault: .server,
        nearMiss: session(
            .client(hex: hello), .client(hex: clientClose), .server(hex: serverClose), .serverFIN, .clientFIN)),
    RuleRow(
        rule: "WSF018", trigger: session(.server(hex: "82 7f 10 00 00 00 00 00 00 00")),
        nearMiss: session(.server(hex: "82 7e ff ff"))),
    RuleRow(
        rule: "WSF020", trigger: session(.client("GET /admin HTTP/1.1\r\nHost: a\r\n\r\n")),
        nearMiss: session(.client(hex: hello))),
    RuleRow(
        rule: "WSD001",
        trigger: [
            .client(.ws.with("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=16")),
            .server(.wsAnswer),
        ],
        nearMiss: [
            .client(
                .ws.with(
                    "Sec-WebSocket-Extensions",
                    "permessage-deflate; client_max_window_bits; server_max_window_bits=\"10\"")), .server(.wsAnswer),
        ]),
    RuleRow(
        rule: "WSD002",
        trigger: [
            .client(pmd.with("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")),
            .server(pmdAnswer.with("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")),
        ],
        nearMiss: [
            .client(pmd.with("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")),
            .server(pmdAnswer.with("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits=12")),
        ]),
    RuleRow(
        rule: "WSD003",
        trigger: [
            .client(pmd),
            .server(pmdAnswer.with("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits=10")),
        ],
        nearMiss: [
            .client(pmd),
            .server(
                pmdAnswer.with(
                    "Sec-WebSocket-Extensions",
                    "permessage-deflate; server_max_window_bits=10; client_no_context_takeover"
                )),
        ]),
    RuleRow(
        rule: "WSD004", trigger: [.client(pmd), .server(pmdAnswer), .server(hex: "c9 00")],
        nearMiss: [.client(pmd), .server(pmdAnswer), .server(hex: "41 01 4a 89 00 80 02 04 00")]),
    RuleRow(
        rule: "WSD005", trigger: compressed(.server(hex: "c1 03 ff ff ff")), fault: .server,
        nearMiss: compressed(.server(hex: packedHello))),
    // The first message was not captured: what builds on it cannot be judged.
    RuleRow(
        rule: "WSD005", trigger: compressed(.server(hex: "c1 05 f2 00 11 00 00")),
        nearMiss: compressed(
            .lostServer(bytes(packedHello)), .server(hex: "c1 05 f2 00 11 00 00"), .clientACK), nearAlso: ["CAP002"]),
    RuleRow(
        rule: "WSD006", trigger: compressed(.server(hex: "c1 0b f2 48 cd c9 c9 07 00 00 00 ff ff")),
        nearMiss: compressed(.server(hex: packedHello), .server(hex: "c1 01 00"))),
    RuleRow(
        rule: "WSD007",
        trigger: compressed(
            "; server_no_context_takeover", .server(hex: packedHello), .server(hex: "c1 05 f2 00 11 00 00")),
        nearMiss: compressed(.server(hex: packedHello), .server(hex: "c1 05 f2 00 11 00 00"))),
    RuleRow(
        rule: "WSD007",
        trigger: compressed(
            "; client_no_context_takeover", .client(hex: "c1 87 00 00 00 01 f2 48 cd c8 c9 07 00"),
            .client(hex: "c1 85 00 00 00 01 f2 00 11 01 00")), fault: .client,
        nearMiss: compressed(
            "; client_no_context_takeover", .server(hex: packedHello), .server(hex: "c1 05 f2 00 11 00 00"))),
    RuleRow(
        rule: "WSD008", trigger: compressed("; server_max_window_bits=9", .server(reaching1024)),
        nearMiss: compressed("; server_max_window_bits=10", .server(reaching1024))),
    RuleRow(
        rule: "WSD009", trigger: compressed(.server(zeros(matches: 4065))),
        nearMiss: compressed(.server(zeros(matches: 80)))),
]

private let packedHello = "c1 07 f2 48 cd c9 c9 07 00"

private func compressed(_ more: Step...) -> [Step] { [.client(pmd), .server(pmdAnswer)] + more }
private func compressed(_ parameters: String, _ more: Step...) -> [Step] {
    let value = "permessage-deflate" + parameters
    return [
        .client(pmd.with("Sec-WebSocket-Extensions", value)),
        .server(pmdAnswer.with("Sec-WebSocket-Extensions", value)),
    ] + more
}

/// A stored block of 1100 bytes, then three bytes from 1024 bytes back.
private let reaching1024: [UInt8] =
    bytes("c2 7e 04 56 00 4c 04 b3 fb") + (0..<1100).map { UInt8(truncatingIfNeeded: $0) } + bytes("02 a6 7f 00 00")

/// A zero, and that many times 258 more: two bits for each in a block with codes of its own.
private func zeros(matches: Int) -> [UInt8] {
    var bits: [UInt8] = []
    func number(_ value: Int, _ count: Int) { for index in 0..<count { bits.append(UInt8(value >> index & 1)) } }
    func code(_ text: String) { bits += text.utf8.map { $0 - 0x30 } }
    number(0b100, 3)
    number(29, 5)
    number(0, 5)
    number(14, 4)
    // Lengths of the lengths' codes: two bits for 18, 0, 1 and 2.
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
        number([0, 1, 2, 18].contains(symbol) ? 2 : 0, 3)
    }
    code("10")
    for run in [138, 117] {
        code("11")
        number(run - 11, 7)
    }
    code("10")
    code("11")
    number(28 - 11, 7)
    code("0101")
    code("10")
    for _ in 0..<matches { code("00") }
    code("11000")
    while bits.count % 8 != 0 { bits.append(0) }
    let payload = stride(from: 0, to: bits.count, by: 8).map { start in
        (0..<8).reduce(UInt8(0)) { $0 | bits[start + $1] << UInt8($1) }
    }
    let length = payload.count < 126 ? [] : [UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    return [0xc2, UInt8(min(payload.count, 126))] + length + payload
}

private let h2cRows: [RuleRow] = [
    RuleRow(
        rule: "H2C001", trigger: [.client(.h2c), .server(ok)],
        nearMiss: [.client(preface), .server(hex: "00 00 00 04 00 00 00 00 00")]),
    RuleRow(
        rule: "H2C002", trigger: [.client(.h2c.without("HTTP2-Settings")), .server(ok)], also: ["H2C001"],
        nearMiss: [.client(.h2c), .server(ok)], nearAlso: ["H2C001"]),
    RuleRow(
        rule: "H2C002", trigger: [.client(.h2c.with("Connection", "Upgrade")), .server(ok)], also: ["H2C001"],
        nearMiss: [.client(.h2c.with("Connection", "upgrade").adding("Connection", "http2-settings")), .server(ok)],
        nearAlso: ["H2C001"]),
    RuleRow(
        rule: "H2C003", trigger: [.client(.h2c.with("HTTP2-Settings", "AAMAAABk+w==")), .server(ok)],
        also: ["H2C001"], nearMiss: [.client(.h2c), .server(ok)], nearAlso: ["H2C001"]),
    RuleRow(
        rule: "H2C004", trigger: [.client(.h2c.without("HTTP2-Settings")), .server(.h2cAnswer)],
        also: ["H2C001", "H2C002", "H2C010"], nearMiss: [.client(.h2c.without("HTTP2-Settings")), .server(ok)],
        nearAlso: ["H2C001", "H2C002"]),
    RuleRow(
        rule: "H2C005", trigger: [.client(.h2c), .server(.h2cAnswer), .client("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")],
        also: ["H2C001", "H2C010"], nearMiss: [.client(.h2c), .server(.h2cAnswer), .client(preface)],
        nearAlso: ["H2C001", "H2C010"]),
    RuleRow(
        rule: "H2C006",
        trigger: [
            .client(.h2c), .server(.h2cAnswer), .server(hex: "00 00 04 08 00 00 00 00 00 00 00 00 01"),
            .client(preface),
        ], also: ["H2C001", "H2C010"],
        nearMiss: [.client(.h2c), .server(.h2cAnswer), .server(hex: "00 00 00 04 00 00 00 00 00"), .client(preface)],
        nearAlso: ["H2C001", "H2C010"]),
    RuleRow(
        rule: "H2C007",
        trigger: [
            .client(.h2c), .server(.h2cAnswer), .client(preface), .client(hex: "00 00 01 01 05 00 00 00 01 82"),
        ], also: ["H2C001", "H2C010"], fault: .client,
        nearMiss: [
            .client(.h2c), .server(.h2cAnswer), .client(preface), .client(hex: "00 00 01 01 05 00 00 00 03 82"),
            .server(hex: "00 00 00 04 00 00 00 00 00 00 00 01 01 05 00 00 00 01 88"), .wait(seconds: 31), .clientACK,
        ], nearAlso: ["H2C001", "H2C010"]),
    RuleRow(
        rule: "H2C007",
        trigger: [
            .client(.h2c), .server(.h2cAnswer), .client(preface), .server(hex: "00 00 00 04 00 00 00 00 00"),
            .wait(seconds: 31), .clientACK,
        ], also: ["H2C001", "H2C010"], level: .warning, fault: .server,
        nearMiss: [
            .client(.h2c), .server(.h2cAnswer), .client(preface), .server(hex: "00 00 00 04 00 00 00 00 00"),
            .wait(seconds: 20), .clientACK,
        ], nearAlso: ["H2C001", "H2C010"]),
    RuleRow(
        rule: "H2C008",
        trigger: [.client(.h2c.with("Upgrade", "h2")), .server(.h2cAnswer.with("Upgrade", "h2"))], also: ["UPG006"],
        nearMiss: [.client(.h2c), .server(.h2cAnswer)], nearAlso: ["H2C001", "H2C010"]),
    RuleRow(
        rule: "H2C010", trigger: [.client(.h2c), .server(.h2cAnswer)], also: ["H2C001"],
        nearMiss: [.client(.h2c), .server(ok)], nearAlso: ["H2C001"]),
]

private let connectRows: [RuleRow] = [
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

private let goingOnRows: [RuleRow] = [
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

private let smugglingRows: [RuleRow] = [
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
]

private let captureRows: [RuleRow] = [
    RuleRow(rule: "CAP001", trigger: [.client(.ws)], nearMiss: session(), unseen: .server),
    RuleRow(
        rule: "CAP002",
        trigger: session(.lostServer(bytes(greeting)), .server(hex: greeting), .clientACK),
        nearMiss: session(.server(hex: greeting), .again), nearAlso: ["CAP005"]),
    RuleRow(
        rule: "CAP003",
        trigger: [.client(hex: hello), .client(.get), .server(ok)],
        nearMiss: [.client(.get), .server(ok)], handshake: false),
    RuleRow(
        rule: "CAP003",
        trigger: [.client(hex: hello), .server(hex: greeting), .client(hex: hello)],
        nearMiss: [.client(hex: hello), .server(hex: greeting)], handshake: false),
    RuleRow(
        rule: "CAP004",
        trigger: [.client(.ws), .lostServer(Head.wsAnswer.bytes), .client(hex: hello), .server(hex: greeting)],
        also: ["CAP002"], nearMiss: session(.client(hex: hello), .server(hex: greeting))),
    RuleRow(
        rule: "CAP005", trigger: [.client(.get), .again, .server(ok)], nearMiss: [.client(.get), .server(ok)]),
    RuleRow(
        rule: "CAP006", trigger: [.client(clientHello), .server(hex: "16 03 03 00 01 02")],
        nearMiss: [.client(.get), .server(ok)]),
]

// Rows of CAP: what the capture does not show.

import Inspection
import Traffic

let captureRows: [RuleRow] = [
    RuleRow(rule: "CAP001", trigger: [.client(.ws)], nearMiss: session(), unseen: .server),
    RuleRow(
        rule: "CAP002",
        trigger: session(.lostServer(bytes(greeting)), .server(hex: greeting), .clientACK),
        nearMiss: session(.server(hex: greeting), .again), nearAlso: ["CAP005"]),
    // A hole in a tunnel, and in what is spoken after a switch and read by nobody.
    RuleRow(
        rule: "CAP002",
        trigger: [
            .client(.connect), .server(Head("HTTP/1.1 200 OK")), .client(hex: "16 03 01 00 02 01 00"),
            .lostServer(bytes("16 03 03 00 02 02 00")), .client(hex: "17 03 03 00 01 00"),
        ],
        nearMiss: [
            .client(.connect), .server(Head("HTTP/1.1 200 OK")), .client(hex: "16 03 01 00 02 01 00"),
            .server(hex: "16 03 03 00 02 02 00"), .again, .client(hex: "17 03 03 00 01 00"),
        ], nearAlso: ["CAP005"]),
    RuleRow(
        rule: "CAP002",
        trigger: [
            .client(.tls()), .server(.tlsAnswer), .client(hex: "16 03 01 00 02 01 00"),
            .server(hex: "16 03 03 00 02 02 00"), .lostClient(bytes("14 03 03 00 01 01")),
            .client(hex: "17 03 03 00 01 00"), .lostClient(bytes("17 03 03 00 01 01")),
            .client(hex: "17 03 03 00 01 00"),
        ],
        nearMiss: [
            .client(.tls()), .server(.tlsAnswer), .client(hex: "16 03 01 00 02 01 00"),
            .server(hex: "16 03 03 00 02 02 00"), .client(hex: "17 03 03 00 01 00"),
        ]),
    RuleRow(
        rule: "CAP003",
        trigger: [.client(hex: hello), .client(.get), .server(ok)],
        nearMiss: [.client(.get), .server(ok)], handshake: false),
    RuleRow(
        rule: "CAP003",
        trigger: [.client(hex: hello), .server(hex: greeting), .client(hex: hello)],
        nearMiss: [.client(hex: hello), .server(hex: greeting)], handshake: false),
    // Compressed messages, whose first bytes were agreed on before the capture began.
    RuleRow(
        rule: "CAP003",
        trigger: [
            .server(hex: packedHello), .client(hex: "c1 87 00 00 00 01 f2 48 cd c8 c9 07 00"), .server(hex: "89 00"),
        ],
        nearMiss: [
            .server(hex: packedHello), .client(hex: "e1 87 00 00 00 01 f2 48 cd c8 c9 07 00"), .server(hex: "89 00"),
        ], handshake: false),
    // What reads as frames and says that it is none: text that is not UTF-8, fragments without a beginning, zeros.
    RuleRow(
        rule: "CAP003", trigger: [.server(hex: greeting), .server(hex: "01 01 c3"), .server(hex: "80 01 a9 8a 00")],
        also: ["CAP001"],
        nearMiss: [.server(hex: greeting), .server(hex: "81 02 c3 28"), .server(hex: "80 01 a9 8a 00")],
        handshake: false),
    RuleRow(
        rule: "CAP003",
        trigger: [.client(hex: hello), .client(hex: hello), .client(hex: hello), .server(hex: "7f 01 02")],
        nearMiss: [.server(times(40, "00 00")), .client(times(40, "00 80"))], handshake: false),
    RuleRow(
        rule: "CAP004",
        trigger: [.client(.ws), .lostServer(Head.wsAnswer.bytes), .client(hex: hello), .server(hex: greeting)],
        also: ["CAP002"], nearMiss: session(.client(hex: hello), .server(hex: greeting))),
    RuleRow(
        rule: "CAP005", trigger: [.client(.get), .again, .server(ok)], nearMiss: [.client(.get), .server(ok)]),
    RuleRow(
        rule: "CAP006", trigger: [.client(clientHello), .server(hex: "16 03 03 00 01 02")],
        nearMiss: [.client(.get), .server(ok)]),
    // The capture begins after the request, or inside of it: its answer says what is spoken.
    RuleRow(
        rule: "CAP003", trigger: [.server(.wsAnswer), .client(hex: hello), .server(hex: greeting)],
        nearMiss: session(.client(hex: hello), .server(hex: greeting)), handshake: false),
    RuleRow(
        rule: "CAP003",
        trigger: [.client(Array(Head.ws.bytes.dropFirst(30))), .server(.wsAnswer), .client(hex: hello)],
        nearMiss: [.client(.ws), .server(.wsAnswer), .client(hex: hello)], handshake: false),
]

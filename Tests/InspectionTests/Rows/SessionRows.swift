// Rows of WSF012 to WSF020: what a session shows over time.

import Inspection
import Traffic

let sessionRows: [RuleRow] = [
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
        rule: "WSF018", trigger: session(.server(hex: "82 05 01"), .serverFIN), also: ["WSF014"],
        nearMiss: session(.server(hex: "82 05 01"), .clientACK)),
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
        rule: "WSF018", trigger: session(.server(hex: "82 7f 7f ff ff ff ff ff ff ff 00")),
        nearMiss: session(.server(hex: "82 7f ff ff ff ff ff ff ff ff 00")), nearAlso: ["WSF006"]),
    RuleRow(
        rule: "WSF020", trigger: session(.client("GET /admin HTTP/1.1\r\nHost: a\r\n\r\n")),
        nearMiss: session(.client(hex: hello))),
    RuleRow(
        rule: "WSF012",
        trigger: session(.server(hex: serverClose), .server(hex: "8a 00"), .client(hex: clientClose), .serverFIN),
        level: .note,
        nearMiss: session(.server(hex: "8a 00"), .server(hex: serverClose), .client(hex: clientClose), .serverFIN)),
    // A Pong may wait after the frame that is being sent, and after one only.
    RuleRow(
        rule: "WSF016",
        trigger: session(
            .server(hex: "89 01 61"), .client(hex: "82 82 00 00 00 01 01"), .client(hex: "02 82 82 00 00 00 02 01"),
            .wait(seconds: 12), .client(hex: "02 8a 81 37 fa 21 3d 56"), .server(hex: greeting)),
        nearMiss: session(
            .server(hex: "89 01 61"), .client(hex: "82 82 00 00 00 01 01"), .wait(seconds: 12),
            .client(hex: "02 8a 81 37 fa 21 3d 56"), .server(hex: greeting))),
]

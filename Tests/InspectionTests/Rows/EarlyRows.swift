// Rows of EARLY: who spoke before the answer was there.

import Inspection
import Traffic

let earlyRows: [RuleRow] = [
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
        trigger: [
            .client(Head.ws + getBytes), .server(.answer("403 Forbidden", [("Connection", "close")])), .serverFIN,
        ],
        also: ["EARLY001"],
        nearMiss: [.client(.ws), .server(.answer("403 Forbidden")), .client(.get), .server(ok)]),
    RuleRow(
        rule: "EARLY005",
        trigger: [.client(Head.connect + getBytes), .server(.answer("504 Gateway Timeout")), .server(ok)],
        also: ["CON001", "CON002", "EARLY004"], fault: .server,
        nearMiss: [.client(Head.connect + getBytes), .server(.answer("504 Gateway Timeout")), .serverFIN],
        nearAlso: ["CON001", "EARLY004"]),
    RuleRow(
        rule: "EARLY005", trigger: [.client(Head.ws + getBytes), .server(.answer("403 Forbidden")), .server(ok)],
        also: ["EARLY001", "EARLY004"], fault: .client,
        nearMiss: [.client(.ws), .server(.answer("403 Forbidden")), .client(.get), .server(ok)]),
    RuleRow(
        rule: "EARLY006", trigger: [.client(Head.tls() + clientHello), .server(.tlsAnswer)],
        nearMiss: [.client(.tls()), .server(.tlsAnswer), .client(clientHello)]),
    RuleRow(
        rule: "EARLY007", trigger: [.client(Head.h2c + preface), .server(.h2cAnswer)], also: ["H2C001", "H2C010"],
        nearMiss: [.client(.h2c), .server(.h2cAnswer), .client(preface)], nearAlso: ["H2C001", "H2C010"]),
    RuleRow(
        rule: "EARLY007",
        trigger: [
            .client(Head.h2c + Array(preface.prefix(8))), .server(.h2cAnswer), .client(Array(preface.dropFirst(8))),
        ],
        also: ["H2C001", "H2C010"],
        nearMiss: [
            .client(.h2c), .server(.h2cAnswer), .client(Array(preface.prefix(8))),
            .client(Array(preface.dropFirst(8))),
        ], nearAlso: ["H2C001", "H2C010"]),
    RuleRow(
        rule: "EARLY008", trigger: [.client(.ws), .server(bytes(greeting) + Head.wsAnswer.bytes)],
        nearMiss: [.client(.ws), .server(Head.wsAnswer + bytes(greeting))]),
]

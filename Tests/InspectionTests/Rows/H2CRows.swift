// Rows of H2C: HTTP/2 by Upgrade.

import Inspection
import Traffic

let h2cRows: [RuleRow] = [
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

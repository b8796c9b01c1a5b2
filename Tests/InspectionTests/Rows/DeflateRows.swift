// Rows of WSD: permessage-deflate, as agreed and as done.

import Inspection
import Traffic

let deflateRows: [RuleRow] = [
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

/// A stored block of 1100 bytes, then three bytes from 1024 bytes back.
private let reaching1024: [UInt8] =
    bytes("c2 7e 04 56 00 4c 04 b3 fb") + (0..<1100).map { UInt8(truncatingIfNeeded: $0) } + bytes("02 a6 7f 00 00")

/// A zero, and that many times 258 more: two bits for each in a block with codes of its own.
func zeros(matches: Int) -> [UInt8] {
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

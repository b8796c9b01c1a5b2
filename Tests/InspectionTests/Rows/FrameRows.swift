// Rows of WSF001 to WSF011: single frames and messages.

import Inspection
import Traffic

let frameRows: [RuleRow] = [
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
        rule: "WSF011", trigger: session(.server(hex: "88 02 03 ee")), nearMiss: session(.server(hex: "88 02 03 f4"))),
    RuleRow(
        rule: "WSF011", trigger: session(.server(hex: "88 02 03 ec")), level: .warning,
        nearMiss: session(.server(hex: "88 02 0b b8"))),
    // Keys out of a counter, whichever end of it comes first.
    RuleRow(
        rule: "WSF003",
        trigger: session(
            .client(
                bytes(
                    "81 81 00 00 10 fe 41 81 81 00 00 10 ff 41 81 81 00 00 11 00 41 81 81 00 00 11 01 41"))),
        level: .error,
        nearMiss: session(
            .client(
                bytes(
                    "81 81 00 00 10 fe 41 81 81 00 00 10 ff 41 81 81 00 00 11 00 41 81 81 00 00 11 02 41")))),
    RuleRow(
        rule: "WSF003",
        trigger: session(
            .client(
                bytes(
                    "81 81 fe 10 00 00 bf 81 81 01 11 00 00 40 81 81 04 11 00 00 45 81 81 07 11 00 00 46"))),
        level: .error,
        nearMiss: session(.client(bytes("81 81 fe 10 00 00 bf 81 81 01 11 00 00 40 81 81 04 11 00 00 45")))),
]

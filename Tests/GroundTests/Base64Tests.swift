// Base64, both ways.

import Ground
import Testing

@Suite struct Base64Tests {
    /// As RFC 4648 4 describes it, six bits after the other.
    private static func slowly(_ bytes: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let bits = bytes.flatMap { byte in (0..<8).map { Int(byte >> (7 - UInt8($0)) & 1) } }
        var text: [UInt8] = []
        for start in stride(from: 0, to: bits.count, by: 6) {
            let value = (start..<start + 6).reduce(0) { $0 << 1 | ($1 < bits.count ? bits[$1] : 0) }
            text.append(alphabet[value])
        }
        while text.count % 4 > 0 { text.append(UInt8(ascii: "=")) }
        return text
    }

    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func samplesOfTheRFC(bytes: String, text: String) {
        #expect(Base64.text(Array(bytes.utf8)) == text)
        #expect(Base64.decode(text) == Array(bytes.utf8))
    }

    @Test func everyLengthAndEveryLetter() {
        var met: Set<UInt8> = []
        for length in 0..<400 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + $0 * $0 / 7 + length) }
            let text = Base64.encode(bytes.span)
            met.formUnion(text)
            #expect(text == Self.slowly(bytes), "\(length) bytes")
            #expect(Base64.decode(String(decoding: text, as: UTF8.self)) == bytes, "\(length) bytes")
            #expect(Base64.isText(text[...], ofBytes: length) && !Base64.isText(text[...], ofBytes: length + 3))
        }
        #expect(met.count == 65)
    }

    /// What is read from many hands, what is read strictly as base64url, and whether it is the text of three bytes.
    static let rows: [(text: String, lenient: [UInt8]?, url: [UInt8]?, isThree: Bool)] = [
        ("AAH/", [0, 1, 255], nil, true),
        ("AAH_", [0, 1, 255], [0, 1, 255], false),
        ("AA", [0], [0], false),
        ("AB", [0], [0], false),
        ("AA==", [0], nil, false),
        ("AAE", [0, 1], [0, 1], false),
        ("AA\nH/", [0, 1, 255], nil, false),
        ("", [], [], false),
        ("A", nil, nil, false),
        ("AAAAA", nil, nil, false),
        ("AA=", nil, nil, false),
        ("A===", nil, nil, false),
        ("AA==A", nil, nil, false),
        ("A-+é", nil, nil, false),
    ]

    @Test(arguments: rows)
    func reading(row: (text: String, lenient: [UInt8]?, url: [UInt8]?, isThree: Bool)) {
        #expect(Base64.decode(row.text) == row.lenient, "\(row.text)")
        #expect(Base64.decodeURL(Array(row.text.utf8)[...]) == row.url, "\(row.text)")
        #expect(Base64.isText(Array(row.text.utf8)[...], ofBytes: 3) == row.isThree, "\(row.text)")
    }

    /// Sixteen bytes: bits that are left over may be set, as in the sample key of RFC 6455 4.1.
    @Test(arguments: [
        ("AQIDBAUGBwgJCgsMDQ4PEA==", true), ("AQIDBAUGBwgJCgsMDQ4PEC==", true), ("AQIDBAUGBwgJCgsMDQ4PE===", false),
        ("AQIDBAUGBwgJCgsMDQ4PEA=", false), ("AQIDBAUGBwgJCgsMDQ4P-A==", false),
    ])
    func aKey(text: String, isKey: Bool) {
        #expect(Base64.isText(Array(text.utf8)[...], ofBytes: 16) == isKey)
    }
}

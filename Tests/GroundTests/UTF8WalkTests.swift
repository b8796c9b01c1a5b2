// One character at a time, and which of them are hidden.

import Ground
import Testing

@Suite struct UTF8WalkTests {
    /// "." for each byte that stands alone, else the character.
    private func walked(_ bytes: [UInt8]) -> String {
        var text = ""
        UTF8Walk.forEach(bytes[...]) { scalar, bytes in
            text += scalar.flatMap { Unicode.Scalar($0) }.map { String($0) } ?? "."
            #expect(scalar == nil ? bytes.count == 1 : String(decoding: bytes, as: UTF8.self).unicodeScalars.count == 1)
        }
        return text
    }

    @Test(
        arguments: [
            ([0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x9a, 0x80], "aé€🚀"),
            ([0xc0, 0x80], ".."), ([0xe0, 0x80, 0x80], "..."), ([0xed, 0xa0, 0x80], "..."),
            ([0xf4, 0x90, 0x80, 0x80], "...."),
            ([0xe2, 0x82], ".."), ([0xe2, 0x82, 0x61], "..a"), ([0xf0, 0x9f, 0x9a], "..."),
            ([0xe2, 0xe2, 0x82, 0xac], ".€"),
        ] as [([UInt8], String)])
    func rows(bytes: [UInt8], text: String) {
        #expect(walked(bytes) == text)
        #expect(UTF8Walk.isValid(bytes[...]) == !text.contains("."))
    }

    @Test func everyScalarIsItself() {
        for value in stride(from: UInt32(0), through: 0x10ffff, by: 7) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let bytes = Array(String(scalar).utf8)
            #expect(UTF8Walk.sequenceLength(bytes.span, at: 0) == bytes.count && UTF8Walk.isValid(bytes[...]))
        }
    }

    @Test(arguments: [
        // Controls, and what turns a line around, are on all three lists.
        (0x00 as UInt32, true, true, true), (0x1b, true, true, true), (0x7f, true, true, true),
        (0x9b, true, true, true),
        (0x200b, true, true, true), (0x202e, true, true, true), (0x2028, true, true, true), (0xfeff, true, true, true),
        // What a message may quote, because whoever shows it escapes it.
        (0xad, true, false, true), (0x2060, true, false, true), (0xe0041, true, false, true),
        // Private characters mean something to some terminals.
        (0xe000, false, false, true),
        (0x20, false, false, false), (0x61, false, false, false), (0xe9, false, false, false),
        (0x1f680, false, false, false),
    ])
    func hidden(value: UInt32, isTreacherous: Bool, isUnquotable: Bool, isUnprintable: Bool) throws {
        let scalar = try #require(Unicode.Scalar(value))
        #expect(HiddenCharacters.isTreacherous(value) == isTreacherous)
        #expect(HiddenCharacters.isUnquotable(scalar) == isUnquotable)
        #expect(HiddenCharacters.isUnprintable(scalar) == isUnprintable)
        #expect(HiddenCharacters.escape(value) == "\\u{\(String(value, radix: 16))}")
    }
}

// Every answer of the validator against Swift's own, masked and not, cut everywhere.

import TestSupport
import Testing

@testable import Ground

@Suite struct UTF8ValidatorTests {
    /// Whether the bytes are a text, read with that mask and cut there.
    func isText(_ plain: [UInt8], key: [UInt8], cuts: [Int]) -> Bool {
        let bytes = plain.enumerated().map { $1 ^ key[$0 & 3] }
        var validator = UTF8Validator()
        var start = 0
        for end in cuts + [bytes.count] {
            var mask: UInt32 = 0
            for index in 0..<4 { mask |= UInt32(key[(start + index) & 3]) << (UInt32(index) * 8) }
            if validator.check(bytes.span, start, end, mask: mask) != nil { return false }
            start = end
        }
        return validator.isComplete
    }

    func compare(_ bytes: [UInt8], everyCut: Bool = true) {
        let expected = String(validating: bytes, as: UTF8.self) != nil
        for key in [[0, 0, 0, 0], [0x37, 0xfa, 0x21, 0x80]] as [[UInt8]] {
            if isText(bytes, key: key, cuts: []) != expected { Issue.record("\(bytes) with \(key)") }
            if !everyCut { continue }
            for cut in bytes.indices.dropFirst() where isText(bytes, key: key, cuts: [cut]) != expected {
                Issue.record("\(bytes) with \(key), cut at \(cut)")
            }
        }
    }

    @Test func everyPairOfBytes() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let isEdge = second & 0x1f == 0
                let bytes = [first, second]
                if isEdge {
                    compare(bytes)
                } else if isText(bytes, key: [0, 0, 0, 0], cuts: [])
                    != (String(validating: bytes, as: UTF8.self) != nil)
                {
                    Issue.record("\(bytes)")
                }
            }
        }
    }

    static let edges: [UInt8] = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]

    @Test func threeBytesAtEveryEdge() {
        for first in UInt8(0xdf)...0xf5 {
            for second in Self.edges { for third in Self.edges { compare([first, second, third]) } }
        }
    }

    @Test(arguments: [UInt8(0xef), 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff]) func fourBytesAtEveryEdge(first: UInt8) {
        for second in Self.edges {
            for third in Self.edges {
                for fourth in Self.edges { compare([first, second, third, fourth], everyCut: third == 0x80) }
            }
        }
    }

    /// Plain text on both sides brings the word-wise path in, at every distance.
    @Test func amongPlainText() {
        for distance in 0..<40 {
            let before = [UInt8](repeating: 0x61, count: distance)
            for middle in [[0xc3, 0xa9], [0xf0, 0x9f, 0x98, 0x80], [0xed, 0xa0, 0x80], [0xc3], [0x80]] as [[UInt8]] {
                compare(before + middle + before + [0x62], everyCut: false)
                compare(before + middle + middle + before, everyCut: false)
                compare(before + middle, everyCut: distance < 12)
            }
        }
    }

    @Test func whatChanceBrings() {
        var random = SeededNumbers(seed: 7)
        for _ in 0..<1500 {
            let count = Int(random.next() % 24)
            let bytes = (0..<count).map { _ -> UInt8 in
                let value = UInt8(truncatingIfNeeded: random.next() >> 32)
                // Mostly what could be text, or nothing would ever get far.
                return random.next() % 3 == 0
                    ? value : [0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f][Int(value & 7)]
            }
            compare(bytes, everyCut: count < 8)
        }
    }

    @Test func theFirstWrongByteIsNamed() {
        let rows: [([UInt8], Int)] = [
            ([0x80], 0), ([0x61, 0xc3, 0x28], 2), ([0xe0, 0x80, 0x80], 1), ([0xed, 0xa0, 0x80], 1),
            ([0xf4, 0x90, 0x80, 0x80], 1), (Array("0123456789".utf8) + [0xff], 10),
        ]
        for (bytes, index) in rows {
            var validator = UTF8Validator()
            let failure = validator.check(bytes.span, 0, bytes.count, mask: 0)
            #expect(failure == index)
        }
    }
}

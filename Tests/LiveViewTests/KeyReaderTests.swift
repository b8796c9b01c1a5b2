import TestSupport
import Testing

@testable import LiveView

@Suite struct KeyReaderTests {
    static let rows: [(bytes: String, keys: [Key])] = [
        ("j", [.character("j")]),
        ("\r", [.enter]),
        ("\u{7f}", [.backspace]),
        ("\u{3}", [.control("c")]),
        ("\u{1b}[A", [.up]),
        ("\u{1b}OB", [.down]),
        ("\u{1b}[5~", [.pageUp]),
        ("\u{1b}[6;5~", [.pageDown]),
        ("\u{1b}[1;2A", [.up]),
        ("\u{1b}OH\u{1b}[4~", [.home, .end]),
        ("é", [.character("é")]),
        ("日", [.character("日")]),
        // Nobody knows these.
        ("\u{1b}[200~x", [.character("x")]),
        ("\u{1b}[<0;1;1Mx", [.enter, .character("x")]),
        // Two keys at once.
        ("\u{1b}\u{1b}[B", [.escape, .down]),
    ]

    @Test(arguments: rows.named { "\($0.keys)" }) func atOnce(_ row: Named<(bytes: String, keys: [Key])>) {
        var reader = KeyReader()
        #expect(reader.read(row.bytes.utf8) + reader.flush() == row.keys)
    }

    @Test(arguments: rows.named { "\($0.keys)" }) func byteByByte(_ row: Named<(bytes: String, keys: [Key])>) {
        var reader = KeyReader()
        var keys: [Key] = []
        for byte in row.bytes.utf8 { keys += reader.read([byte]) }
        #expect(keys + reader.flush() == row.keys)
    }

    @Test func escapeAloneIsAKeyWhenNothingFollows() {
        var reader = KeyReader()
        #expect(reader.read([0x1b]) == [])
        #expect(reader.isWaiting)
        #expect(reader.flush() == [.escape])
        #expect(!reader.isWaiting)
    }

    @Test func whatNeverEndsIsLetGo() {
        var reader = KeyReader()
        for _ in 0..<10_000 { _ = reader.read([0x1b, 0x5b] + Array(repeating: 0x3b, count: 100)) }
        #expect(reader.read(Array("q".utf8)).last == .character("q") || !reader.flush().isEmpty)
    }

    @Test func noBytesDoHarm() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var reader = KeyReader()
            _ = reader.read((0..<40).map { _ in UInt8.random(in: 0...255, using: &random) })
            _ = reader.flush()
            #expect(!reader.isWaiting)
        }
    }
}

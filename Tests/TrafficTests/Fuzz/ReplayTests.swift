// Every input that once broke a reader, through the same entry again; and the entries on what the samples hold.

import Foundation
import TestSupport
import Testing

@testable import Traffic

@Suite struct ReplayTests {
    @Test(arguments: Invariants.entries.map(\.name)) func whatOnceBroke(name: String) throws {
        let entry = try #require(Invariants.entry(name))
        for crash in try SharedMaterial.crashes(of: name) { #expect(entry(crash.bytes) == nil, "\(crash.name)") }
    }

    /// A crash is kept under the name of the entry that found it.
    @Test func everyFolderOfCrashesHasAnEntry() throws {
        let fuzz = SharedMaterial.repository.appending(path: "Fuzz")
        let script = try String(contentsOf: fuzz.appending(path: "run.sh"), encoding: .utf8)
        let names = try #require(script.split(separator: "\n").first { $0.hasPrefix("names=") })
        let folders = try FileManager.default.contentsOfDirectory(atPath: fuzz.appending(path: "crashes").path)
        for name in folders where !name.hasPrefix(".") {
            #expect(names.split { " =\"".contains($0) }.contains { $0 == name }, "\(name)")
        }
    }

    @Test func theSamplesKeepTheInvariants() throws {
        let samples = SharedMaterial.captures(in: SharedMaterial.samples)
        #expect(!samples.isEmpty)
        for sample in samples {
            let bytes = [UInt8](try Data(contentsOf: sample))
            #expect(Invariants.capture(bytes) == nil, "\(sample.lastPathComponent)")
            #expect(Invariants.analyzer(bytes) == nil, "\(sample.lastPathComponent)")
        }
    }

    /// Bytes by chance, and good bytes with a few of them changed: a fuzzer for every day.
    @Test(arguments: Invariants.entries.map(\.name)) func whatChanceBrings(name: String) throws {
        let entry = try #require(Invariants.entry(name))
        var chance = SeededNumbers(seed: 4711)
        let good: [[UInt8]] = [
            Array(wsRequest.utf8), Array(wsAnswer.utf8),
            [0, 3] + text("hello", fin: false) + frame(9, [1]) + frame(0, [2]),
            [3, 4] + Array("5\r\nhello\r\n0\r\n\r\n".utf8), ClientHelloTests.hello([ClientHelloTests.serverName("a")]),
            [1, 5] + HTTP2DecoderTests.settings + HTTP2DecoderTests.frame(1, stream: 3, [1, 2, 3]),
            [0, 200] + ethernet(0x0800, ip4(tcp("GET / HTTP/1.1\r\n\r\n"))),
            [1, 2, 3, 4, 5] + Array("h\u{e9}llo \u{1f600}".utf8),
        ]
        for round in 0..<400 {
            var bytes = good[round % good.count]
            for _ in 0..<(chance.next() % 4) {
                let position = Int(chance.next() % UInt64(bytes.count))
                bytes[position] = UInt8(truncatingIfNeeded: chance.next() >> 40)
            }
            if round % 5 == 0 { bytes = Array(bytes.prefix(Int(chance.next() % UInt64(bytes.count)))) }
            #expect(entry(bytes) == nil, "\(bytes)")
        }
    }
}

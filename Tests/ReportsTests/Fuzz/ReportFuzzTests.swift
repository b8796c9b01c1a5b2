// Every input that once made a report say something else, through the same entry again; and steps by chance.

import Foundation
import Testing

@Suite struct ReportFuzzTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    @Test(arguments: ReportInvariants.entries.map(\.name)) func whatOnceBroke(name: String) throws {
        let entry = try #require(ReportInvariants.entry(name))
        let folder = Self.root.appendingPathComponent("Fuzz/crashes/\(name)")
        for file in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
            let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(file)))
            #expect(entry(bytes) == nil, "\(file)")
        }
    }

    /// Up to so many faults between sessions that are as they should be.
    @Test(arguments: [0, 1, 8]) func whatChanceBrings(faults: Int) throws {
        var chance = SplitMix64(state: 4711)
        var exchanges = 0
        for _ in 0..<200 {
            var steps: [UInt8] = []
            for _ in 0..<Int.random(in: 1..<24, using: &chance) {
                for _ in 0..<faults {
                    steps += [UInt8.random(in: 0...127, using: &chance), UInt8.random(in: 0...255, using: &chance)]
                }
                let pair = UInt8.random(in: 0..<4, using: &chance)
                steps += [7 << 2 | pair, UInt8.random(in: 0..<64, using: &chance), 9 << 2 | pair, 0]
            }
            let outcome = ReportInvariants.compare(steps)
            #expect(outcome.fault == nil, "\(steps)")
            exchanges += outcome.exchanges
        }
        // What is compared has been there.
        #expect(exchanges > 200)
    }
}

/// The same bytes on every run.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}

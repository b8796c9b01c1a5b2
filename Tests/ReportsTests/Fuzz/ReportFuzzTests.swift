// Every input that once made a report say something else, through the same entry again; and steps by chance.

import TestSupport
import Testing

@Suite struct ReportFuzzTests {
    @Test(arguments: ReportInvariants.entries.map(\.name)) func whatOnceBroke(name: String) throws {
        let entry = try #require(ReportInvariants.entry(name))
        for crash in try SharedMaterial.crashes(of: name) { #expect(entry(crash.bytes) == nil, "\(crash.name)") }
    }

    /// Up to so many faults between sessions that are as they should be.
    @Test(arguments: [0, 1, 8]) func whatChanceBrings(faults: Int) throws {
        var chance = SeededNumbers(seed: 4711)
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

import Testing

@testable import Reports

@Suite("Places in the order of requests")
struct NumberedExchangesTests {
    /// Keys in no order: of several captures, of packets near and far, some of which begin elsewhere than with a client's first byte.
    private static func keys(_ seed: UInt64) -> [(key: SortKey, findings: Int)] {
        var state = seed &* 2 &+ 1
        func random(_ limit: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % limit
        }
        let keys = (0..<3000).map { _ -> SortKey in
            var key = SortKey(capture: Int(random(3)), packet: 1 + random(random(2) == 0 ? 5000 : 200_000))
            if random(8) == 0 { key.low += 1 + random(2) }
            if random(16) == 0 { key.high += 1 }
            return key
        }
        return Set(keys).sorted { $0.low ^ $0.high < $1.low ^ $1.high }.map { ($0, Int(random(70))) }
    }

    @Test("what stands in front of a key is what is less", arguments: 0..<4)
    func counted(seed: UInt64) {
        var one = NumberedExchanges()
        var other = NumberedExchanges()
        var taken: [(key: SortKey, findings: Int)] = []
        let all = Self.keys(seed)
        for (index, entry) in all.enumerated() {
            let isTaken =
                index % 3 == 0
                ? one.add(entry.key, findings: entry.findings) : other.add(entry.key, findings: entry.findings)
            #expect(isTaken == (entry.key.isFirstOfClient && entry.findings < 64))
            if isTaken { taken.append(entry) }
        }
        #expect(taken.count > all.count / 2 && taken.count < all.count)
        one.absorb(other)
        taken.sort { $0.key < $1.key }
        var walk = NumberedExchanges.Walk(one)
        var expected = NumberedExchanges.Count()
        for entry in all.sorted(by: { $0.key < $1.key }) {
            while let least = taken.first, least.key < entry.key {
                expected.exchanges += 1
                expected.findings += least.findings
                taken.removeFirst()
            }
            let count = walk.count(before: entry.key)
            #expect(count == expected)
            #expect(one.contains(entry.key) == (taken.first?.key == entry.key))
        }
    }

    @Test("far packets and many captures are not taken")
    func ceilings() {
        var numbered = NumberedExchanges()
        let (far, many) = (SortKey(capture: 0, packet: 1 << 26), SortKey(capture: 256, packet: 1))
        let taken = [far, many, SortKey(capture: 255, packet: 1 << 26 - 1)].map { numbered.add($0, findings: 63) }
        #expect(taken == [false, false, true])
        var walk = NumberedExchanges.Walk(numbered)
        let counts = [far, many].map { walk.count(before: $0) }
        #expect(counts == [NumberedExchanges.Count(), NumberedExchanges.Count(exchanges: 1, findings: 63)])
    }
}

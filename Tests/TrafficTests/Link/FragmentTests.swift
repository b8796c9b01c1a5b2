// Fragments: any order, overlaps, timeouts, ceilings.

import TestSupport
import Testing
import Traffic

@Suite("Fragments")
struct FragmentTests {
    /// Bytes `range` of a TCP segment as an IPv4 fragment.
    private func v4(_ range: Range<Int>, of datagram: [UInt8], identification: Int = 0x1234, vlan: Int? = nil)
        -> [UInt8]
    {
        let more = range.upperBound < datagram.count ? 0x2000 : 0
        var packet = ip4(Array(datagram[range]), flags: more | range.lowerBound / 8)
        packet.replaceSubrange(4..<6, with: be16(identification))
        if let vlan { return ethernet(0x8100, be16(vlan) + hex("0800") + packet) }
        return ethernet(0x0800, packet)
    }

    private func v6(_ range: Range<Int>, of datagram: [UInt8], nextHeader: UInt8 = 6) -> [UInt8] {
        let more = range.upperBound < datagram.count ? 1 : 0
        let header = [nextHeader, 0] + be16(range.lowerBound | more) + hex("00000009")
        return ethernet(0x86dd, ip6(header + datagram[range], nextHeader: 44))
    }

    @Test(
        "Every order of three fragments",
        arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    func orders(_ order: [Int]) {
        let whole = tcp("abcdefghijklmnopqrst")
        let ranges = [0..<16, 16..<32, 32..<40]
        var dissector = Dissector(limits: Limits())
        #expect(dissector.facts(v4(ranges[order[0]], of: whole)) == "fragment")
        #expect(dissector.facts(v4(ranges[order[1]], of: whole)) == "fragment")
        #expect(dissector.facts(v4(ranges[order[2]], of: whole)) == "\(v4Ends) 'abcdefghijklmnopqrst' reassembled")
        #expect(dissector.facts(v6(ranges[order[0]], of: whole)) == "fragment")
        #expect(dissector.facts(v6(ranges[order[1]], of: whole)) == "fragment")
        #expect(dissector.facts(v6(ranges[order[2]], of: whole)) == "\(v6Ends) 'abcdefghijklmnopqrst' reassembled")
        #expect(dissector.limitsHit.isEmpty)
    }

    @Test("The first fragment of IPv6 knows the protocol")
    func protocolOfFirst() {
        let whole = tcp("abcdefgh")
        var dissector = Dissector(limits: Limits())
        #expect(dissector.facts(v6(16..<28, of: whole, nextHeader: 59)) == "fragment")
        #expect(dissector.facts(v6(0..<16, of: whole)) == "\(v6Ends) 'abcdefgh' reassembled")
    }

    @Test("Of overlapping bytes the first copy counts, on both sides of it")
    func overlap() {
        let first = tcp("....efgh....mnop")
        let second = tcp("ABCDEFGHIJKLMNOP")
        var dissector = Dissector(limits: Limits())
        #expect(dissector.facts(v4(24..<32, of: first)) == "fragment")
        #expect(dissector.facts(v4(0..<32, of: second)) == "fragment")
        #expect(dissector.facts(v4(32..<36, of: second)) == "\(v4Ends) 'ABCDefgh....MNOP' reassembled")
        #expect(dissector.facts(v4(0..<24, of: first)) == "fragment")
        #expect(dissector.facts(v4(8..<36, of: second)) == "\(v4Ends) '....EFGHIJKLMNOP' reassembled")
    }

    @Test("The same fragment twice changes nothing; the end is what the first last fragment said")
    func twice() {
        let whole = tcp("abcdefghijkl")
        let longer = tcp("abcdefghijklmnopqrst")
        var dissector = Dissector(limits: Limits())
        #expect(dissector.facts(v4(16..<32, of: whole)) == "fragment")
        #expect(dissector.facts(v4(16..<32, of: whole)) == "fragment")
        #expect(dissector.facts(v4(32..<40, of: longer)) == "fragment")
        #expect(dissector.facts(v4(0..<16, of: whole)) == "\(v4Ends) 'abcdefghijkl' reassembled")
    }

    @Test("Datagrams in different VLANs and with different identifications are kept apart")
    func apart() {
        let one = tcp("abcdefgh")
        let two = tcp("ABCDEFGH")
        var dissector = Dissector(limits: Limits())
        #expect(dissector.facts(v4(0..<24, of: one, vlan: 1)) == "fragment")
        #expect(dissector.facts(v4(24..<28, of: two, vlan: 2)) == "fragment")
        #expect(dissector.facts(v4(24..<28, of: two, identification: 7, vlan: 1)) == "fragment")
        #expect(dissector.facts(v4(24..<28, of: one, vlan: 1)) == "\(v4Ends) 'abcdefgh' reassembled [vlan 1]")
        #expect(dissector.facts(v4(0..<24, of: two, vlan: 2)) == "\(v4Ends) 'ABCDEFGH' reassembled [vlan 2]")
    }

    @Test("A datagram waits 30 seconds of packet time")
    func timeout() {
        let one = tcp("abcdefgh")
        let two = tcp("ABCDEFGH")
        var dissector = Dissector(limits: Limits())
        #expect(dissector.facts(v4(0..<24, of: one), second: 100) == "fragment")
        #expect(dissector.facts(v4(24..<28, of: one), second: 130) == "\(v4Ends) 'abcdefgh' reassembled")
        #expect(dissector.facts(v4(0..<24, of: one), second: 200) == "fragment")
        #expect(dissector.facts(v4(24..<28, of: two), second: 231) == "fragment")
        #expect(dissector.facts(v4(0..<24, of: two), second: 232) == "\(v4Ends) 'ABCDEFGH' reassembled")
        #expect(dissector.limitsHit.isEmpty)
    }

    @Test("Too many datagrams: the one started first is given up")
    func tooMany() {
        var limits = Limits()
        limits.fragments = 2
        let whole = tcp("abcdefgh")
        var dissector = Dissector(limits: limits)
        for identification in 1...3 {
            #expect(dissector.facts(v4(0..<24, of: whole, identification: identification)) == "fragment")
        }
        #expect(dissector.limitsHit == ["fragments": 1])
        #expect(dissector.facts(v4(24..<28, of: whole, identification: 3)) == "\(v4Ends) 'abcdefgh' reassembled")
        #expect(dissector.facts(v4(24..<28, of: whole, identification: 2)) == "\(v4Ends) 'abcdefgh' reassembled")
        #expect(dissector.facts(v4(24..<28, of: whole, identification: 1)) == "fragment")
    }

    @Test("Too many holes, and too many bytes: given up and counted")
    func ceilings() {
        let whole = [UInt8](repeating: 0x2e, count: 65_000)
        var dissector = Dissector(limits: Limits())
        for hole in 0..<300 { _ = dissector.facts(v4((hole * 16)..<(hole * 16 + 8), of: whole)) }
        #expect(dissector.limitsHit == ["fragments": 1])
        for identification in 0..<300 {
            _ = dissector.facts(v4(64_000..<64_008, of: whole, identification: identification))
        }
        #expect((dissector.limitsHit["fragments"] ?? 0) > 30)
    }

    @Test("The largest datagram")
    func largest() {
        let whole = tcp(String(repeating: "x", count: 65_515))
        var dissector = Dissector(limits: Limits())
        #expect(dissector.facts(v4(0..<65_000, of: whole)) == "fragment")
        let last = v4(65_000..<65_535, of: whole)
        let facts = dissector.facts(last)
        #expect(facts.count == v4Ends.count + 65_515 + 3 + 12)
    }
}

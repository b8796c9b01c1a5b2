// Packets in, segment facts out: one row for every link type, every header on the way to TCP, every way to be cut.

import TestSupport
import Testing
import Traffic

struct DissectionRow: Sendable, CustomTestStringConvertible {
    var name: String
    var linkType: UInt32 = 1
    var bytes: [UInt8]
    var originalLength: Int?
    var facts: String
    var testDescription: String { name }
}

@Suite("Packets to segments")
struct DissectorTests {
    @Test("Link types", arguments: linkRows)
    func links(_ row: DissectionRow) { check(row) }

    @Test("IP and TCP", arguments: networkRows)
    func networks(_ row: DissectionRow) { check(row) }

    private func check(_ row: DissectionRow) {
        var dissector = Dissector(limits: Limits())
        let facts = dissector.facts(row.bytes, linkType: row.linkType, originalLength: row.originalLength)
        #expect(facts == row.facts)
    }

    @Test("Every number of a segment")
    func numbers() {
        var dissector = Dissector(limits: Limits())
        let bytes = ethernet(0x0800, ip4(tcp("GET")))
        let dissection = dissector.dissect(
            bytes.span, linkType: 1, originalLength: bytes.count, time: Timestamp(nanoseconds: 0))
        guard case .segment(let segment) = dissection else {
            Issue.record("no segment")
            return
        }
        #expect(segment.source == Endpoint(address: IPAddress(v4: 0x0a00_0001), port: 0xabcd))
        #expect(segment.destination == Endpoint(address: IPAddress(v4: 0x0a00_0002), port: 80))
        #expect(segment.sequence == 0x0102_0304)
        #expect(segment.acknowledgment == 0x0a0b_0c0d)
        #expect(segment.flags == [.psh, .ack])
        #expect(segment.window == 512)
        #expect(segment.payload == 54..<57)
        #expect(segment.identification == 0x1234)
        #expect(segment.tunnel == 0)
    }

    @Test("A segment sent again is told from a copy where there is no identification")
    func copies() {
        func identification(_ timestamp: String, _ wrap: ([UInt8]) -> [UInt8]) -> UInt16? {
            var dissector = Dissector(limits: Limits())
            let bytes = wrap(tcp("GET", options: hex("0101 080a" + timestamp + "00000001")))
            let dissection = dissector.dissect(
                bytes.span, linkType: 1, originalLength: bytes.count, time: Timestamp(nanoseconds: 0))
            guard case .segment(let segment) = dissection else { return nil }
            return segment.identification
        }
        let v6 = { ethernet(0x86dd, ip6($0)) }
        #expect(identification("00000010", v6) != nil)
        #expect(identification("00000010", v6) == identification("00000010", v6))
        #expect(identification("00000010", v6) != identification("00000011", v6))
        // With an identification nothing else counts.
        let v4 = { ethernet(0x0800, ip4($0)) }
        #expect(identification("00000010", v4) == identification("00000011", v4))
        let atomic = { (segment: [UInt8]) -> [UInt8] in
            var datagram = ip4(segment, flags: 0x4000)
            datagram.replaceSubrange(4..<6, with: [0, 0])
            return ethernet(0x0800, datagram)
        }
        #expect(identification("00000010", atomic) != identification("00000011", atomic))
    }

    @Test("The short way and the general way say the same, wherever the packet is cut")
    func sameOnBothWays() {
        func check(_ packet: [UInt8], _ type: Int) {
            for cut in 39...packet.count {
                for original in [cut, packet.count, 2000] {
                    var short = Dissector(limits: Limits())
                    var general = Dissector(limits: Limits())
                    let captured = Array(packet[..<cut])
                    let raw = general.facts(captured, linkType: 101, originalLength: original)
                    let one = short.facts(ethernet(type, captured), originalLength: original + 14)
                    let tagged = short.facts(
                        ethernet(0x8100, hex("2000") + be16(type) + captured), originalLength: original + 18)
                    #expect(one == raw)
                    #expect(tagged == raw)
                }
            }
        }
        for length in [0, 19, 20, 39, 40, 43, 44, 60] {
            check(ip4(tcp("GET", options: hex("01010101")), length: length), 0x0800)
            check(ip6(tcp("GET", options: hex("01010101")), length: length), 0x86dd)
        }
    }

    @Test("Tunnel stacks are numbered, bounded and the same in both directions")
    func tunnels() {
        var dissector = Dissector(limits: Limits())
        func frame(_ outer: Int, _ inner: Int) -> [UInt8] {
            ethernet(0x88a8, be16(outer) + be16(0x8100) + be16(inner) + be16(0x0800) + ip4(tcp("")))
        }
        func tunnel(_ dissector: inout Dissector, _ bytes: [UInt8]) -> UInt32? {
            let dissection = dissector.dissect(
                bytes.span, linkType: 1, originalLength: bytes.count, time: Timestamp(nanoseconds: 0))
            guard case .segment(let segment) = dissection else { return nil }
            return segment.tunnel
        }
        let first = tunnel(&dissector, frame(5, 100))
        #expect(first == tunnel(&dissector, frame(5, 100)))
        #expect(first != tunnel(&dissector, frame(5, 101)))
        #expect(first != tunnel(&dissector, frame(100, 5)))
        #expect(dissector.tunnelNames(first ?? 0) == ["qinq 5", "vlan 100"])
        #expect(dissector.limitsHit.isEmpty)
        var highest: UInt32 = 0
        for outer in 1...20 {
            for inner in 1...4095 { highest = max(highest, tunnel(&dissector, frame(outer, inner)) ?? 0) }
        }
        #expect(highest == 65_535)
        #expect((dissector.limitsHit["tunnels"] ?? 0) > 16_000)
        #expect(first == tunnel(&dissector, frame(5, 100)))
        #expect(dissector.tunnelNames(70_000) == [])
    }

    @Test("Kinds are counted under their names")
    func kinds() {
        var counts = PacketKindCounts()
        counts.count(.ipProtocol(17))
        counts.count(.ipProtocol(17))
        counts.count(.etherType(0x0806))
        counts.count(PacketFault.tcpDataOffset)
        var sum = PacketKindCounts()
        sum.count(.etherType(0x0806))
        sum.add(counts)
        #expect(sum.byName == ["UDP": 2, "ARP": 2, "TCP data offset": 1])
    }

    @Test("Any bytes, as any link type, do not trap")
    func garbage() {
        var random = SeededNumbers(seed: 7)
        let types: [UInt32] = [
            0, 1, 9, 12, 50, 51, 100, 101, 104, 105, 108, 113, 119, 127, 163, 204, 228, 229, 239, 276, 65_535,
        ]
        var dissector = Dissector(limits: Limits())
        let seeds = (linkRows + networkRows).map(\.bytes)
        for round in 0..<6000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int(random.next() % 6) where !bytes.isEmpty {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            bytes = Array(bytes.prefix(Int(random.next() % UInt64(bytes.count + 20))))
            let original = [bytes.count, 0, -1, .max, .min, bytes.count + 100][round % 6]
            let type = round % 3 == 0 ? types[Int(random.next() % UInt64(types.count))] : 1
            _ = dissector.facts(bytes, linkType: type, originalLength: original)
        }
    }
}

private let linkRows: [DissectionRow] = [
    .init(name: "Ethernet, IPv4", bytes: ethernet(0x0800, ip4(tcp("hi"))), facts: "\(v4Ends) 'hi'"),
    .init(name: "Ethernet, IPv6", bytes: ethernet(0x86dd, ip6(tcp("hi"))), facts: "\(v6Ends) 'hi'"),
    .init(
        name: "Ethernet padding is cut off", bytes: ethernet(0x0800, ip4(tcp("hi")) + hex("00000000")),
        facts: "\(v4Ends) 'hi'"),
    .init(
        name: "VLAN", bytes: ethernet(0x8100, hex("e064 0800") + ip4(tcp("hi"))), facts: "\(v4Ends) 'hi' [vlan 100]"),
    .init(
        name: "VLAN 0 is priority only", bytes: ethernet(0x8100, hex("e000 0800") + ip4(tcp(""))), facts: "\(v4Ends) ''"
    ),
    .init(
        name: "QinQ", bytes: ethernet(0x88a8, hex("0005 8100 0064 86dd") + ip6(tcp("hi"))),
        facts: "\(v6Ends) 'hi' [qinq 5] [vlan 100]"),
    .init(
        name: "QinQ by its old number", bytes: ethernet(0x9100, hex("0005 8100 0064 0800") + ip4(tcp("hi"))),
        facts: "\(v4Ends) 'hi' [qinq 5] [vlan 100]"),
    .init(
        name: "VLAN in VLAN", bytes: ethernet(0x8100, hex("0001 8100 0002 0800") + ip4(tcp("hi"))),
        facts: "\(v4Ends) 'hi' [vlan 1] [vlan 2]"),
    .init(name: "VLAN tag cut", bytes: ethernet(0x8100, hex("0001 08")), facts: "malformed: VLAN tag cut"),
    .init(
        name: "Seventeen VLANs",
        bytes: ethernet(0x8100, (0..<17).flatMap { _ in hex("0001 8100") } + ip4(tcp(""))),
        facts: "malformed: encapsulated too deep"),
    .init(name: "Ethernet cut", bytes: hex("020000000001 0200"), facts: "malformed: link header cut"),
    .init(name: "Nothing", bytes: [], facts: "malformed: link header cut"),
    .init(name: "ARP", bytes: ethernet(0x0806, hex("0001 0800 0604 0001")), facts: "not IP: ARP"),
    .init(name: "LLDP by number", bytes: ethernet(0x88cc, hex("0207")), facts: "not IP: LLDP"),
    .init(name: "An unknown ethertype", bytes: ethernet(0x1234, hex("00")), facts: "not IP: ethertype 0x1234"),
    .init(name: "802.3 with spanning tree", bytes: ethernet(38, hex("424203 0000")), facts: "not IP: STP"),
    .init(
        name: "802.3 whose LLC looks like IPv4", bytes: ethernet(42, hex("450000") + ip4(tcp(""))),
        facts: "not IP: LLC 0x45"),
    .init(
        name: "802.3 with SNAP and padding",
        bytes: ethernet(8 + 42, hex("aaaa03 000000 0800") + ip4(tcp("hi"), length: 0) + hex("0000")),
        facts: "\(v4Ends) 'hi'"),
    .init(name: "SNAP of Cisco", bytes: ethernet(10, hex("aaaa03 00000c 2000 0000")), facts: "not IP: SNAP"),
    .init(name: "NULL, little-endian", linkType: 0, bytes: hex("02000000") + ip4(tcp("hi")), facts: "\(v4Ends) 'hi'"),
    .init(name: "NULL, big-endian", linkType: 0, bytes: hex("00000002") + ip4(tcp("hi")), facts: "\(v4Ends) 'hi'"),
    .init(name: "NULL, Darwin's IPv6", linkType: 0, bytes: hex("1e000000") + ip6(tcp("hi")), facts: "\(v6Ends) 'hi'"),
    .init(name: "NULL, FreeBSD's IPv6", linkType: 0, bytes: hex("1c000000") + ip6(tcp("hi")), facts: "\(v6Ends) 'hi'"),
    .init(
        name: "LOOP, OpenBSD's IPv6", linkType: 108, bytes: hex("00000018") + ip6(tcp("hi")), facts: "\(v6Ends) 'hi'"),
    .init(name: "LOOP, Linux's IPv6", linkType: 108, bytes: hex("0000000a") + ip6(tcp("hi")), facts: "\(v6Ends) 'hi'"),
    .init(name: "NULL, another family", linkType: 0, bytes: hex("07000000 00"), facts: "not IP: address family 7"),
    .init(name: "NULL cut", linkType: 0, bytes: hex("020000"), facts: "malformed: link header cut"),
    .init(name: "RAW 12", linkType: 12, bytes: ip4(tcp("hi")), facts: "\(v4Ends) 'hi'"),
    .init(name: "RAW 14", linkType: 14, bytes: ip6(tcp("hi")), facts: "\(v6Ends) 'hi'"),
    .init(name: "RAW 101", linkType: 101, bytes: ip6(tcp("hi")), facts: "\(v6Ends) 'hi'"),
    .init(name: "RAW, no IP", linkType: 101, bytes: hex("00000000"), facts: "malformed: IP version"),
    .init(name: "IPV4", linkType: 228, bytes: ip4(tcp("hi")), facts: "\(v4Ends) 'hi'"),
    .init(name: "IPV4 with IPv6", linkType: 228, bytes: ip6(tcp("hi")), facts: "malformed: IP version"),
    .init(name: "IPV6", linkType: 229, bytes: ip6(tcp("hi")), facts: "\(v6Ends) 'hi'"),
    .init(name: "PPP", linkType: 9, bytes: hex("0021") + ip4(tcp("hi")), facts: "\(v4Ends) 'hi'"),
    .init(name: "PPP, HDLC framing", linkType: 9, bytes: hex("ff03 0057") + ip6(tcp("hi")), facts: "\(v6Ends) 'hi'"),
    .init(name: "PPP, short protocol", linkType: 50, bytes: hex("ff03 21") + ip4(tcp("hi")), facts: "\(v4Ends) 'hi'"),
    .init(name: "PPP, link control", linkType: 50, bytes: hex("ff03 c021 0101"), facts: "not IP: PPP LCP"),
    .init(name: "PPP cut", linkType: 9, bytes: hex("ff03"), facts: "malformed: link header cut"),
    .init(
        name: "PPP with direction", linkType: 204, bytes: hex("01 ff03 0021") + ip4(tcp("hi")), facts: "\(v4Ends) 'hi'"),
    .init(name: "Cisco HDLC", linkType: 104, bytes: hex("0f00 0800") + ip4(tcp("hi")), facts: "\(v4Ends) 'hi'"),
    .init(
        name: "Linux cooked", linkType: 113, bytes: hex("0000 0001 0006 020000000001 0000 0800") + ip4(tcp("hi")),
        facts: "\(v4Ends) 'hi'"),
    .init(
        name: "Linux cooked with a VLAN", linkType: 113,
        bytes: hex("0000 0001 0006 020000000001 0000 8100 0007 0800") + ip4(tcp("hi")),
        facts: "\(v4Ends) 'hi' [vlan 7]"),
    .init(
        name: "Linux cooked, 802.2", linkType: 113, bytes: hex("0000 0001 0006 020000000001 0000 0004 424203"),
        facts: "not IP: STP"),
    .init(
        name: "Linux cooked, netlink", linkType: 113,
        bytes: hex("0000 0338 0000 0000000000000000 0800") + ip4(tcp("hi")),
        facts: "not IP: address family 255"),
    .init(
        name: "Linux cooked 2", linkType: 276,
        bytes: hex("86dd 0000 00000002 0001 00 06 0200000000010000") + ip6(tcp("hi")), facts: "\(v6Ends) 'hi'"),
    .init(name: "Linux cooked 2 cut", linkType: 276, bytes: hex("86dd 0000"), facts: "malformed: link header cut"),
    .init(name: "An unknown link type", linkType: 147, bytes: ip4(tcp("hi")), facts: "not IP: link type 147"),
]

private let networkRows: [DissectionRow] = [
    .init(
        name: "IPv4 options", bytes: ethernet(0x0800, ip4(tcp("hi"), options: hex("94040000"))), facts: "\(v4Ends) 'hi'"
    ),
    .init(name: "Total length 0", bytes: ethernet(0x0800, ip4(tcp("hi"), length: 0)), facts: "\(v4Ends) 'hi'"),
    .init(
        name: "Total length shorter than the header", bytes: ethernet(0x0800, ip4(tcp("hi"), length: 19)),
        facts: "malformed: IPv4 total length"),
    .init(
        name: "Total length beyond the frame: what is there counts",
        bytes: ethernet(0x0800, ip4(tcp("hi"), length: 1500)), facts: "\(v4Ends) 'hi'"),
    .init(
        name: "IPv4 header length", bytes: ethernet(0x0800, hex("44") + ip4(tcp("")).dropFirst()),
        facts: "malformed: IPv4 header length"),
    .init(
        name: "IPv4 options cut", bytes: Array(ethernet(0x0800, ip4(tcp(""), options: hex("94040000"))).prefix(36)),
        originalLength: 58, facts: "malformed: IPv4 header cut"),
    .init(
        name: "IPv4 header cut", bytes: Array(ethernet(0x0800, ip4(tcp(""))).prefix(33)),
        facts: "malformed: IPv4 header cut"),
    .init(
        name: "IPv6 header cut", bytes: Array(ethernet(0x86dd, ip6(tcp(""))).prefix(53)),
        facts: "malformed: IPv6 header cut"),
    .init(name: "IPv6 payload length 0", bytes: ethernet(0x86dd, ip6(tcp("hi"), length: 0)), facts: "\(v6Ends) 'hi'"),
    .init(name: "IPv6 padding", bytes: ethernet(0x86dd, ip6(tcp("hi")) + hex("0000")), facts: "\(v6Ends) 'hi'"),
    .init(name: "UDP", bytes: ethernet(0x0800, ip4(udp(53, hex("00")), protocolNumber: 17)), facts: "not TCP: UDP"),
    .init(name: "ICMP", bytes: ethernet(0x0800, ip4(hex("0800"), protocolNumber: 1)), facts: "not TCP: ICMP"),
    .init(name: "ICMPv6", bytes: ethernet(0x86dd, ip6(hex("8000"), nextHeader: 58)), facts: "not TCP: ICMPv6"),
    .init(name: "SCTP", bytes: ethernet(0x0800, ip4(hex("00"), protocolNumber: 132)), facts: "not TCP: SCTP"),
    .init(
        name: "Another protocol", bytes: ethernet(0x0800, ip4(hex("00"), protocolNumber: 200)),
        facts: "not TCP: protocol 200"),
    .init(
        name: "Snapped payload", bytes: Array(ethernet(0x0800, ip4(tcp("hello"))).prefix(56)), originalLength: 59,
        facts: "\(v4Ends) 'he' missing 3"),
    .init(
        name: "Snapped payload, the frame was padded", bytes: Array(ethernet(0x0800, ip4(tcp("hello"))).prefix(56)),
        originalLength: 64, facts: "\(v4Ends) 'he' missing 3"),
    .init(
        name: "Snapped with total length 0", bytes: Array(ethernet(0x0800, ip4(tcp("hello"), length: 0)).prefix(56)),
        originalLength: 59, facts: "\(v4Ends) 'he' missing 3"),
    .init(
        name: "Snapped among the TCP options",
        bytes: Array(ethernet(0x0800, ip4(tcp("hello", options: hex("01010101")))).prefix(56)), originalLength: 63,
        facts: "\(v4Ends) '' missing 5"),
    .init(
        name: "TCP header cut", bytes: Array(ethernet(0x0800, ip4(tcp("hello"))).prefix(53)), originalLength: 59,
        facts: "malformed: TCP header cut"),
    .init(
        name: "TCP header too short for its datagram", bytes: ethernet(0x0800, ip4(hex("abcd 0050 01020304"))),
        facts: "malformed: TCP header shorter than 20"),
    .init(
        name: "TCP data offset 4",
        bytes: ethernet(0x0800, ip4(Array(tcp("").prefix(12)) + hex("40 18 0200 0000 0000"))),
        facts: "malformed: TCP data offset"),
    .init(
        name: "TCP data offset beyond the datagram",
        bytes: ethernet(0x0800, ip4(Array(tcp("").prefix(12)) + hex("60 18 0200 0000 0000"))),
        facts: "malformed: TCP data offset"),
    .init(
        name: "TCP options", bytes: ethernet(0x0800, ip4(tcp("hi", options: hex("0101080a 00000001 00000002")))),
        facts: "\(v4Ends) 'hi'"),
    .init(
        name: "Hop-by-hop, destination options, routing",
        bytes: ethernet(
            0x86dd,
            ip6(
                hex("3c 00 010400000000 2b 00 010400000000 06 02 00 00 00000000 0000000000000000 0000000000000000")
                    + tcp("hi"), nextHeader: 0)), facts: "\(v6Ends) 'hi'"),
    .init(
        name: "Authentication header in IPv6",
        bytes: ethernet(
            0x86dd, ip6(hex("06 04 0000 00000001 00000001 000000000000000000000000") + tcp("hi"), nextHeader: 51)),
        facts: "\(v6Ends) 'hi'"),
    .init(
        name: "Authentication header in IPv4",
        bytes: ethernet(
            0x0800, ip4(hex("06 04 0000 00000001 00000001 000000000000000000000000") + tcp("hi"), protocolNumber: 51)),
        facts: "\(v4Ends) 'hi'"),
    .init(
        name: "Extension header cut",
        bytes: ethernet(0x86dd, ip6(hex("06 05 010400000000") + tcp("hi"), nextHeader: 0)),
        facts: "malformed: IPv6 extension header cut"),
    .init(
        name: "Nothing behind the extension headers",
        bytes: ethernet(0x86dd, ip6(hex("3b 00 010400000000"), nextHeader: 60)),
        facts: "not TCP: IPv6 no next header"),
    .init(
        name: "Atomic fragment", bytes: ethernet(0x86dd, ip6(hex("06 00 0000 00000001") + tcp("hi"), nextHeader: 44)),
        facts: "\(v6Ends) 'hi'"),
    .init(
        name: "A fragment of what is not TCP",
        bytes: ethernet(0x0800, ip4(hex("0800"), protocolNumber: 1, flags: 0x2000)),
        facts: "not TCP: ICMP"),
    .init(
        name: "A fragment that was snapped",
        bytes: Array(ethernet(0x0800, ip4(tcp("hello"), flags: 0x2000)).prefix(58)),
        originalLength: 59, facts: "malformed: IP fragment cut"),
    .init(
        name: "A fragment beyond the largest datagram", bytes: ethernet(0x0800, ip4(tcp("hello"), flags: 0x1fff)),
        facts: "malformed: IP fragment beyond 65,535"),
]

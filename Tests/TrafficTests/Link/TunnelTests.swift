// Tunnels, a row for each way a header may look.

import TestSupport
import Testing
import Traffic

@Suite("Tunnels to segments")
struct TunnelTests {
    @Test("Tunnels", arguments: tunnelRows)
    func rows(_ row: DissectionRow) {
        var dissector = Dissector(limits: Limits())
        let facts = dissector.facts(row.bytes, linkType: row.linkType, originalLength: row.originalLength)
        #expect(facts == row.facts)
    }

    @Test("Any damage to a tunnel's bytes does not trap")
    func damage() {
        var dissector = Dissector(limits: Limits())
        for row in tunnelRows {
            for length in 0...row.bytes.count {
                _ = dissector.facts(
                    Array(row.bytes[..<length]), linkType: row.linkType, originalLength: row.bytes.count)
            }
            for position in row.bytes.indices {
                for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
                    var bytes = row.bytes
                    bytes[position] = value
                    _ = dissector.facts(bytes, linkType: row.linkType)
                }
            }
        }
    }

    @Test("A fragmented datagram in a fragmented tunnel")
    func fragmentsInFragments() {
        let whole = tcp("abcdefgh")
        let first = ip4(Array(whole[..<24]), flags: 0x2000)
        let second = ip4(Array(whole[24...]), flags: 3)
        var dissector = Dissector(limits: Limits())
        var facts: [String] = []
        for (number, inner) in [first, second].enumerated() {
            for (part, flags) in [(Array(inner[..<16]), 0x2000), (Array(inner[16...]), 2)] {
                var outer = ip4(part, protocolNumber: 4, flags: flags)
                outer[5] = UInt8(number)
                facts.append(dissector.facts(outer, linkType: 101))
            }
        }
        #expect(facts.dropLast() == ["fragment", "fragment", "fragment"])
        #expect(facts.last == "\(v4Ends) 'abcdefgh' reassembled [ipv4 in ipv4]")
    }

    @Test("Tunnels between other nodes are other tunnels, and both directions are one")
    func nodes() {
        var dissector = Dissector(limits: Limits())
        func tunnel(_ dissector: inout Dissector, _ source: [UInt8], _ destination: [UInt8]) -> UInt32? {
            var packet = ip4(hex("0000 0800") + ip4(tcp("")), protocolNumber: 47)
            packet.replaceSubrange(12..<20, with: source + destination)
            let dissection = dissector.dissect(
                packet.span, linkType: 101, originalLength: packet.count, time: Timestamp(nanoseconds: 0))
            guard case .segment(let segment) = dissection else { return nil }
            return segment.tunnel
        }
        let one = tunnel(&dissector, [1, 1, 1, 1], [2, 2, 2, 2])
        #expect(one != nil)
        #expect(one == tunnel(&dissector, [2, 2, 2, 2], [1, 1, 1, 1]))
        #expect(one != tunnel(&dissector, [1, 1, 1, 1], [3, 3, 3, 3]))
    }
}

private let inner = ethernet(0x0800, ip4(tcp("hi")))

private let tunnelRows: [DissectionRow] = [
    .init(
        name: "MPLS, two labels", bytes: ethernet(0x8847, hex("0001d0ff 0001e1ff") + ip4(tcp("hi"))),
        facts: "\(v4Ends) 'hi' [mpls]"),
    .init(
        name: "MPLS, IPv6", bytes: ethernet(0x8847, hex("0001d1ff") + ip6(tcp("hi"))), facts: "\(v6Ends) 'hi' [mpls]"),
    .init(
        name: "MPLS, pseudowire with a control word", bytes: ethernet(0x8848, hex("0001d1ff 00000000") + inner),
        facts: "\(v4Ends) 'hi' [mpls]"),
    .init(
        name: "MPLS without a bottom", bytes: ethernet(0x8847, hex("0001d0ff")), facts: "malformed: tunnel header cut"),
    .init(
        name: "PPPoE with padding", bytes: ethernet(0x8864, hex("1100 0007 002c 0021") + ip4(tcp("hi")) + hex("0000")),
        facts: "\(v4Ends) 'hi' [pppoe 7]"),
    .init(name: "PPPoE discovery", bytes: ethernet(0x8863, hex("1109 0000 0000")), facts: "not IP: PPPoE discovery"),
    .init(
        name: "802.11 data", linkType: 105,
        bytes: hex("0801 0000") + [UInt8](repeating: 2, count: 18) + hex("1000 aaaa03 000000 0800") + ip4(tcp("hi")),
        facts: "\(v4Ends) 'hi'"),
    .init(
        name: "802.11 QoS data, four addresses", linkType: 105,
        bytes: hex("8803 0000") + [UInt8](repeating: 2, count: 18) + hex("1000 020202020202 0000 aaaa03 000000 86dd")
            + ip6(tcp("hi")), facts: "\(v6Ends) 'hi'"),
    .init(
        name: "802.11 behind radiotap, with a check sequence and padding", linkType: 127,
        bytes: hex("0000 1400 03000000") + [UInt8](repeating: 0, count: 8) + hex("30000000 8801 0000")
            + [UInt8](repeating: 2, count: 18) + hex("1000 0000 0000 aaaa03 000000 0800") + ip4(tcp("hi"), length: 0)
            + hex("deadbeef"), facts: "\(v4Ends) 'hi'"),
    .init(
        name: "802.11 encrypted", linkType: 105,
        bytes: hex("0841 0000") + [UInt8](repeating: 2, count: 18) + hex("1000 00"),
        facts: "not IP: 802.11 encrypted"),
    .init(
        name: "802.11 fragment", linkType: 105,
        bytes: hex("0801 0000") + [UInt8](repeating: 2, count: 18) + hex("1100 00"),
        facts: "not IP: 802.11 fragment"),
    .init(
        name: "802.11 beacon", linkType: 105, bytes: hex("8000 0000") + [UInt8](repeating: 2, count: 20),
        facts: "not IP: 802.11 without data"),
    .init(
        name: "NFLOG", linkType: 239, bytes: hex("02 00 0000 0500 0a00 61000000 2e00 0900") + ip4(tcp("hi")),
        facts: "\(v4Ends) 'hi'"),
    .init(
        name: "GRE", bytes: ethernet(0x0800, ip4(hex("0000 0800") + ip4(tcp("hi")), protocolNumber: 47)),
        facts: "\(v4Ends) 'hi' [gre]"),
    .init(
        name: "GRE with checksum, key, sequence; Ethernet inside",
        bytes: ethernet(0x86dd, ip6(hex("b000 6558 00000000 00000009 00000001") + inner, nextHeader: 47)),
        facts: "\(v4Ends) 'hi' [gre 9]"),
    .init(
        name: "GRE 1 with PPP",
        bytes: ethernet(
            0x0800, ip4(hex("3001 880b 002e 0001 00000001 ff03 0021") + ip4(tcp("hi")), protocolNumber: 47)),
        facts: "\(v4Ends) 'hi' [gre]"),
    .init(
        name: "GRE with source routes",
        bytes: ethernet(0x0800, ip4(hex("4000 0800 00000000") + ip4(tcp("hi")), protocolNumber: 47)),
        facts: "not TCP: GRE"),
    .init(
        name: "ERSPAN I", bytes: ethernet(0x0800, ip4(hex("0000 88be") + inner, protocolNumber: 47)),
        facts: "\(v4Ends) 'hi' [erspan]"),
    .init(
        name: "ERSPAN II",
        bytes: ethernet(0x0800, ip4(hex("1000 88be 00000001 1000 0065 00000000") + inner, protocolNumber: 47)),
        facts: "\(v4Ends) 'hi' [erspan 101]"),
    .init(
        name: "ERSPAN III with its subheader",
        bytes: ethernet(
            0x0800,
            ip4(
                hex("1000 22eb 00000001 2000 0065 00000000 0000 0001 0000000000000000") + inner, protocolNumber: 47)),
        facts: "\(v4Ends) 'hi' [erspan 101]"),
    .init(
        name: "IPv4 in IPv4", bytes: ethernet(0x0800, ip4(ip4(tcp("hi")), protocolNumber: 4)),
        facts: "\(v4Ends) 'hi' [ipv4 in ipv4]"),
    .init(
        name: "IPv6 in IPv4", bytes: ethernet(0x0800, ip4(ip6(tcp("hi")), protocolNumber: 41)),
        facts: "\(v6Ends) 'hi' [ipv6 in ipv4]"),
    .init(
        name: "IPv4 in IPv6", bytes: ethernet(0x86dd, ip6(ip4(tcp("hi")), nextHeader: 4)),
        facts: "\(v4Ends) 'hi' [ipv4 in ipv6]"),
    .init(
        name: "IPv6 in IPv6", bytes: ethernet(0x86dd, ip6(ip6(tcp("hi")), nextHeader: 41)),
        facts: "\(v6Ends) 'hi' [ipv6 in ipv6]"),
    .init(
        name: "VXLAN, and a VLAN inside",
        bytes: ethernet(
            0x0800,
            ip4(
                udp(4789, hex("08000000 00000700") + ethernet(0x8100, hex("0064 0800") + ip4(tcp("hi")))),
                protocolNumber: 17)), facts: "\(v4Ends) 'hi' [vxlan 7] [vlan 100]"),
    .init(
        name: "VXLAN, reserved bits set",
        bytes: ethernet(0x0800, ip4(udp(8472, hex("ff000001 00000701") + inner), protocolNumber: 17)),
        facts: "\(v4Ends) 'hi' [vxlan 7]"),
    .init(
        name: "VXLAN-GPE, IPv6 inside",
        bytes: ethernet(0x0800, ip4(udp(4790, hex("0c000002 00000700") + ip6(tcp("hi"))), protocolNumber: 17)),
        facts: "\(v6Ends) 'hi' [vxlan 7]"),
    .init(
        name: "Not VXLAN on its port",
        bytes: ethernet(0x0800, ip4(udp(4789, hex("00000000 00000700") + inner), protocolNumber: 17)),
        facts: "not TCP: UDP"),
    .init(
        name: "GENEVE with options, IPv4 inside",
        bytes: ethernet(
            0x0800, ip4(udp(6081, hex("0100 0800 00000500 01020304") + ip4(tcp("hi"))), protocolNumber: 17)),
        facts: "\(v4Ends) 'hi' [geneve 5]"),
    .init(
        name: "GENEVE, Ethernet inside",
        bytes: ethernet(0x0800, ip4(udp(6081, hex("0000 6558 00000500") + inner), protocolNumber: 17)),
        facts: "\(v4Ends) 'hi' [geneve 5]"),
    .init(
        name: "GTP-U",
        bytes: ethernet(0x0800, ip4(udp(2152, hex("30ff 002a 00000001") + ip4(tcp("hi"))), protocolNumber: 17)),
        facts: "\(v4Ends) 'hi' [gtp-u]"),
    .init(
        name: "GTP-U with an extension header",
        bytes: ethernet(
            0x0800, ip4(udp(2152, hex("34ff 0032 00000001 00000085 01000000") + ip4(tcp("hi"))), protocolNumber: 17)),
        facts: "\(v4Ends) 'hi' [gtp-u]"),
    .init(
        name: "GTP-U echo",
        bytes: ethernet(0x0800, ip4(udp(2152, hex("3201 0004 00000000 00000000")), protocolNumber: 17)),
        facts: "not TCP: UDP"),
    .init(
        name: "Teredo with authentication and origin",
        bytes: ethernet(
            0x0800,
            ip4(
                udp(3544, hex("0001 0000 0000000000000000 00 0000 1234 0a000001") + ip6(tcp("hi"))), protocolNumber: 17)
        ),
        facts: "\(v6Ends) 'hi' [teredo]"),
    .init(
        name: "Tunnels without end", linkType: 101,
        bytes: ip4((0..<20).reduce(tcp("")) { body, _ in ip4(body, protocolNumber: 4) }, protocolNumber: 4),
        facts: "malformed: encapsulated too deep"),
]

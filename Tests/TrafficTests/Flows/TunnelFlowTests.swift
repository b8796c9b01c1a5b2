// Whole sessions inside every tunnel and on every link layer: what they say comes out the same.

import TestSupport
import Testing

@testable import Traffic

@Suite struct TunnelFlowTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var linkType: UInt32 = 1
        var tunnels: [String]
        var wrap: @Sendable ([UInt8]) -> [UInt8]
        var testDescription: String { name }
    }

    /// The segment of an IPv4 datagram in an IPv6 one, between ::1 and ::2 in its direction.
    static func v6(_ datagram: [UInt8]) -> [UInt8] {
        var packet = ip6(Array(datagram.dropFirst(20)))
        if datagram[15] == 2 { packet.replaceSubrange(8..<40, with: packet[24..<40] + packet[8..<24]) }
        return packet
    }

    static let rows: [Row] = [
        Row(name: "MPLS", tunnels: ["mpls"]) { ethernet(0x8847, hex("0001d0ff 0001e1ff") + $0) },
        Row(name: "PPPoE", tunnels: ["pppoe 7"]) {
            ethernet(0x8864, hex("1100 0007") + be16($0.count + 2) + hex("0021") + $0)
        },
        Row(name: "802.11 data behind radiotap", linkType: 127, tunnels: []) {
            hex("0000 0800 00000000 0801 0000") + [UInt8](repeating: 2, count: 18) + hex("1000 aaaa03 000000 0800") + $0
        },
        Row(name: "GRE", tunnels: ["gre"]) { ethernet(0x0800, ip4(hex("0000 0800") + $0, protocolNumber: 47)) },
        Row(name: "ERSPAN II", tunnels: ["erspan 6"]) {
            ethernet(
                0x0800,
                ip4(hex("1000 88be 00000001 1000 0006 00000000") + ethernet(0x0800, $0), protocolNumber: 47))
        },
        Row(name: "ERSPAN III", tunnels: ["erspan 6"]) {
            ethernet(
                0x0800,
                ip4(hex("1000 22eb 00000001 2000 0006 00000000 00000000") + ethernet(0x0800, $0), protocolNumber: 47))
        },
        Row(name: "VXLAN", tunnels: ["vxlan 7"]) {
            ethernet(0x0800, ip4(udp(4789, hex("08000000 00000700") + ethernet(0x0800, $0)), protocolNumber: 17))
        },
        Row(name: "GENEVE", tunnels: ["geneve 7"]) {
            ethernet(
                0x0800,
                ip4(udp(6081, hex("0100 6558 00000700 00000000") + ethernet(0x0800, $0)), protocolNumber: 17))
        },
        Row(name: "GTP-U", tunnels: ["gtp-u"]) {
            ethernet(0x0800, ip4(udp(2152, hex("30ff") + be16($0.count) + hex("00000009") + $0), protocolNumber: 17))
        },
        Row(name: "IPv4 in IPv4", tunnels: ["ipv4 in ipv4"]) { ethernet(0x0800, ip4($0, protocolNumber: 4)) },
        Row(name: "IPv4 in IPv6", tunnels: ["ipv4 in ipv6"]) { ethernet(0x86dd, ip6($0, nextHeader: 4)) },
        Row(name: "IPv6 in IPv4", tunnels: ["ipv6 in ipv4"]) { ethernet(0x0800, ip4(v6($0), protocolNumber: 41)) },
        Row(name: "IPv6 in IPv6", tunnels: ["ipv6 in ipv6"]) { ethernet(0x86dd, ip6(v6($0), nextHeader: 41)) },
        Row(name: "Teredo", tunnels: ["teredo"]) { ethernet(0x0800, ip4(udp(3544, v6($0)), protocolNumber: 17)) },
        Row(name: "VLAN in VLAN in VXLAN", tunnels: ["vlan 5", "vxlan 7", "vlan 9"]) {
            ethernet(
                0x8100,
                hex("0005 0800")
                    + ip4(
                        udp(4789, hex("08000000 00000700") + ethernet(0x8100, hex("0009 0800") + $0)),
                        protocolNumber: 17))
        },
    ]

    @Test(arguments: rows) func aSessionComesOutWhole(_ row: Row) throws {
        let found = FlowTests.session(Talk()).wrapped(row.wrap).told(linkType: row.linkType)
        let exchange = try #require(found.told.exchanges.first)
        #expect(found.told.exchanges.count == 1 && exchange.outcome == .switched && exchange.upgraded == .websocket)
        #expect(exchange.websocket?.sides.client.textMessages == 1)
        #expect(exchange.connection.tunnels.map { String($0.prefix { $0 != "," }) } == row.tunnels)
        #expect(exchange.connection.ended == PerDirection(both: .fin))
        #expect(exchange.connection.gapBytes == PerDirection(both: 0))
    }

    /// The same addresses and ports in two tunnels are two flows.
    @Test func twoTunnelsAreTwoFlows() {
        for (one, other) in [("00000700", "00000800"), ("00000700", "00010700")] {
            func wrap(_ network: String) -> ([UInt8]) -> [UInt8] {
                { datagram in
                    ethernet(
                        0x0800,
                        ip4(udp(4789, hex("08000000" + network) + ethernet(0x0800, datagram)), protocolNumber: 17))
                }
            }
            let first = FlowTests.session(Talk()).wrapped(wrap(one))
            let second = FlowTests.session(Talk(sequences: (77, 99))).wrapped(wrap(other))
            let found = (first + second).told()
            #expect(found.told.exchanges.count == 2 && found.told.connections.allSatisfy { $0.copyOf == nil })
        }
    }
}

// Tunnels and link layers in captures of others: the connections inside, under their names, with the bytes that the
// truth has for them (which the comparison checks stream by stream).

import Foundation
import TestSupport
import Testing
import Traffic

@Suite struct TunnelCapturesTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var file: String
        var linkType: UInt32 = 1
        /// Of each connection, sorted; outermost first.
        var tunnels: [String]
        var testDescription: String { file }
    }

    static let rows: [Row] = [
        Row(file: "zeek--mixed-vlan-mpls.pcap", tunnels: ["", "mpls", "vlan 4093"]),
        Row(file: "PcapPlusPlus--one_http_stream_rst.pcap", tunnels: ["vlan 939, vlan 744, pppoe 56805"]),
        Row(file: "arkime--80211http.pcap", linkType: 127, tunnels: [""]),
        Row(file: "arkime--twovlan.pcap", tunnels: ["vlan 201, vlan 200"]),
        Row(file: "suricata-verify--bug-2576-01-ips-temp6.pcap", tunnels: ["gre"]),
        Row(file: "suricata-verify--bug-5437-01.pcap", tunnels: ["erspan 2", "erspan 6"]),
        Row(file: "suricata-verify--vxlan-non-zero-reserved-fields.pcap", tunnels: ["vxlan 11"]),
        Row(file: "suricata-verify--bug-6402-01.pcap", tunnels: ["geneve 0, gre"]),
        Row(file: "nDPI--http_origin_different_than_host.pcap", tunnels: ["vlan 3394, vlan 113, gtp-u"]),
        Row(file: "zeek--4in6.pcap", tunnels: ["ipv4 in ipv6"]),
        Row(file: "nDPI--6in4tunnel.pcap", tunnels: [String](repeating: "ipv6 in ipv4", count: 5)),
        Row(file: "suricata-verify--decode-chdlc-01-hdlc-http_1tx.pcap", linkType: 104, tunnels: [""]),
        Row(file: "suricata-verify--decode-sll2-01.pcap", linkType: 276, tunnels: [""]),
        Row(file: "suricata-verify--detect-pcre-detect-pcre-02.pcap", linkType: 113, tunnels: [""]),
        Row(file: "suricata-verify--http-gap-simple.pcap", linkType: 0, tunnels: [""]),
        Row(file: "PcapPlusPlus--four_ipv6_http_streams.pcap", linkType: 12, tunnels: ["", "", "", ""]),
    ]

    @Test(arguments: rows) func connectionsAreFoundInside(_ row: Row) throws {
        guard let captures = SharedMaterial.captures(of: "third-party", for: "tunnels") else { return }
        let capture = try #require(captures.first { $0.lastPathComponent == row.file })
        let truth = try Truth(contentsOf: SharedMaterial.truth(for: capture))
        let analysis = Analysis.of(capture, digests: true)
        #expect(analysis.captures.first?.interfaces.first?.linkType == row.linkType)
        #expect(analysis.connections.map { $0.record.facts.tunnels.joined(separator: ", ") }.sorted() == row.tunnels)
        // Every stream that the truth has a digest of has the same one here.
        let digests = Set(
            analysis.connections.flatMap { [$0.record.streams.client, $0.record.streams.server] }
                .filter { $0.bytes > 0 }.map { ($0.digest ?? []).map { String(format: "%02x", $0) }.joined() })
        for stream in truth.streams where stream.bytes > 0 {
            guard let digest = stream.digest else { continue }
            #expect(digests.contains(digest), "\(stream.source) > \(stream.destination)")
        }
    }

    /// A session of two kernels' TCP through a tunnel that no capture of others has TCP in: `Tunnels/make-tunnels.py`.
    struct OwnRow: CustomTestStringConvertible, Sendable {
        var file: String
        var tunnel: String
        /// SHA-256 of what each side said, of tshark's `follow,tcp,raw`.
        var client: String
        var server: String
        var testDescription: String { file }
    }

    static let ownRows: [OwnRow] = [
        OwnRow(
            file: "ipv4-in-ipv4.pcap", tunnel: "ipv4 in ipv4",
            client: "b35e0075ec5277a82ba32d1617717046a2778de17f6402e8bbf2fd2dee7f8cf3",
            server: "7a93944e3dbb20121040bd6faca32c79a6e18adafed636840c4af69a9a0ca0fb"),
        OwnRow(
            file: "ipv6-in-ipv6.pcap", tunnel: "ipv6 in ipv6",
            client: "0c1ffa940199000a9753dbd1d125dd442aa013dd082f6ae32171daed4b6cbc01",
            server: "3cfcad41d31a10f029e9ecc769f5cca11000e93371942b4e1c9864bbff6736bd"),
        OwnRow(
            file: "teredo.pcap", tunnel: "teredo",
            client: "6521e8042d074a8751faf35e65da7b9faacf0f6b170f695234a16c65bfbd7d4f",
            server: "454517c0798672fb7f21ff95a8448abcdf72f97ff9f3df1b03f83a382d1da2d7"),
    ]

    @Test(arguments: ownRows) func sessionsAreFoundInside(_ row: OwnRow) throws {
        let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Tunnels")
        let analysis = Analysis.of(directory.appendingPathComponent(row.file), digests: true)
        let connection = try #require(analysis.connections.first?.record)
        #expect(analysis.connections.count == 1)
        #expect(connection.facts.tunnels == [row.tunnel])
        let digests = [connection.streams.client, connection.streams.server].map { stream in
            (stream.digest ?? []).map { String(format: "%02x", $0) }.joined()
        }
        #expect(digests == [row.client, row.server])
        let exchange = try #require(analysis.exchanges.first?.exchange)
        let sides = try #require(exchange.websocket?.sides)
        #expect(exchange.outcome == .switched && exchange.upgraded == .websocket)
        // A text and a Close.
        #expect([sides.client, sides.server].map { [$0.frames[1], $0.frames[8]] } == [[1, 1], [1, 1]])
        #expect([sides.client, sides.server].map { $0.close?.code } == [1000, 1000])
        #expect(analysis.exchanges.allSatisfy { $0.findings.isEmpty })
    }
}

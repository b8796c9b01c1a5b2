// Real captures: how many TCP segments are in them, counted once by an independent dissector (tshark 4.0, frames
// with TCP that is not quoted by ICMP), and that no damage to them traps.

import Foundation
import TestSupport
import Testing
import Traffic

private let sharedCaptures = SharedMaterial.root.appending(path: "captures/third-party").path

struct CaptureRow: Sendable, CustomTestStringConvertible {
    var file: String
    var segments: Int
    /// The tunnel stacks of its segments, each once, in the order they come.
    var tunnels: [String] = []
    var testDescription: String { file }
}

@Suite(
    "Segments of real captures",
    .enabled(if: FileManager.default.fileExists(atPath: sharedCaptures), "SKIPPED: no shared captures are here"))
struct CaptureSegmentTests {
    @Test("As many segments as an independent dissector finds", arguments: captureRows)
    func counts(_ row: CaptureRow) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: sharedCaptures + "/" + row.file)))
        var dissector = Dissector(limits: Limits())
        var segments = 0
        var tunnels: [String] = []
        for packet in littleEndianPackets(bytes) {
            guard case .segment(let segment) = packet.dissect(bytes, &dissector) else { continue }
            segments += 1
            let stack = dissector.tunnelNames(segment.tunnel).joined(separator: ", ")
            if segment.tunnel != 0, !tunnels.contains(stack) { tunnels.append(stack) }
        }
        #expect(segments == row.segments)
        #expect(tunnels == row.tunnels)
    }

    @Test("Cut and changed captures do not trap", arguments: 0..<4)
    func damage(_ part: Int) throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: sharedCaptures).sorted()
            .filter { $0.hasSuffix(".pcap") }
        var random = SeededNumbers(seed: UInt64(part))
        var tried = 0
        for (number, file) in files.enumerated() where number % 4 == part {
            let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: sharedCaptures + "/" + file)))
            guard whole.count > 64, whole.count < 100_000 else { continue }
            tried += 1
            for round in 0..<20 {
                var bytes = whole
                for _ in 0..<max(20, whole.count / 200) {
                    bytes[24 + Int(random.next() % UInt64(bytes.count - 24))] = UInt8(truncatingIfNeeded: random.next())
                }
                var dissector = Dissector(limits: Limits())
                // The records of the undamaged capture, so that only what is inside them changes; each cut short.
                for var packet in littleEndianPackets(whole) {
                    if round % 2 == 1 { packet.range = packet.range.prefix(Int(random.next() % 100)) }
                    _ = packet.dissect(bytes, &dissector)
                }
            }
        }
        #expect(tried > 10)
    }
}

private struct RawPacket {
    var linkType: UInt32
    var range: Range<Int>
    var originalLength: Int
    var time: Timestamp

    func dissect(_ bytes: [UInt8], _ dissector: inout Dissector) -> Dissection {
        dissector.dissect(
            bytes.span.extracting(range), linkType: linkType, originalLength: originalLength, time: time)
    }
}

/// The packets of a classic little-endian capture; none for any other file.
private func littleEndianPackets(_ bytes: [UInt8]) -> [RawPacket] {
    func number(_ at: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[at + $1]) << ($1 * 8) }
    }
    guard bytes.count >= 24, [0xa1b2_c3d4, 0xa1b2_3c4d].contains(number(0)) else { return [] }
    var packets: [RawPacket] = []
    var at = 24
    while at + 16 <= bytes.count {
        let end = at + 16 + number(at + 8)
        guard end <= bytes.count else { break }
        packets.append(
            RawPacket(
                linkType: UInt32(number(20) & 0xffff), range: (at + 16)..<end, originalLength: number(at + 12),
                time: Timestamp(nanoseconds: Int64(number(at)) * 1_000_000_000)))
        at = end
    }
    return packets
}

private let captureRows: [CaptureRow] = [
    .init(file: "PcapPlusPlus--four_ipv6_http_streams.pcap", segments: 81),
    .init(file: "PcapPlusPlus--frag_http_req.pcap", segments: 1),
    .init(file: "PcapPlusPlus--one_http_stream_rst.pcap", segments: 10, tunnels: ["vlan 939, vlan 744, pppoe 56805"]),
    .init(file: "PcapPlusPlus--one_tcp_stream.pcap", segments: 36),
    .init(file: "PcapPlusPlus--three_http_streams.pcap", segments: 28),
    .init(file: "arkime--80211http.pcap", segments: 26),
    .init(file: "arkime--https-connect.pcap", segments: 18),
    .init(file: "arkime--socks5-http-302-frag.pcap", segments: 14),
    .init(file: "arkime--tcp-reassembly-synthetic.pcap", segments: 106),
    .init(file: "arkime--twovlan.pcap", segments: 6, tunnels: ["vlan 201, vlan 200"]),
    .init(file: "lab--wsapp.pcap", segments: 34),
    .init(file: "nDPI--1kxun.pcap", segments: 1381),
    .init(file: "nDPI--6in4tunnel.pcap", segments: 75, tunnels: ["ipv6 in ipv4"]),
    .init(file: "nDPI--http_connect.pcap", segments: 98),
    .init(file: "nDPI--http_origin_different_than_host.pcap", segments: 4, tunnels: ["vlan 3394, vlan 113, gtp-u"]),
    .init(file: "nDPI--mpeg-dash.pcap", segments: 13),
    .init(file: "nDPI--webex.pcap", segments: 1072),
    .init(file: "ndn-tools--ipv4-websocket-segmented.pcap", segments: 23),
    .init(file: "pcaps--http-fault-post.pcap", segments: 23),
    .init(file: "suricata-verify--app-layer-protocol-exact.pcap", segments: 25),
    .init(file: "suricata-verify--bug-1450-04-tls_DER-incomplete-header.pcap", segments: 6),
    .init(file: "suricata-verify--bug-2430-backwards.pcap", segments: 28),
    .init(file: "suricata-verify--bug-2576-01-ips-temp6.pcap", segments: 15, tunnels: ["gre"]),
    .init(file: "suricata-verify--bug-3286-02-linux-evasion-with_evasion_linux.pcap", segments: 10),
    .init(file: "suricata-verify--bug-5437-01.pcap", segments: 2, tunnels: ["erspan 6", "erspan 2"]),
    .init(file: "suricata-verify--bug-6402-01.pcap", segments: 12, tunnels: ["geneve 0, gre"]),
    .init(file: "suricata-verify--decode-chdlc-01-hdlc-http_1tx.pcap", segments: 17),
    .init(file: "suricata-verify--decode-sll2-01.pcap", segments: 5),
    .init(file: "suricata-verify--defrag-bug-6887-defrag-ipv4-tcp-syn-frag-ip-tcp-syn.pcap", segments: 1),
    .init(file: "suricata-verify--detect-pcre-detect-pcre-02.pcap", segments: 10),
    .init(file: "suricata-verify--eve-overlap-payload-01-tcp-overlap.pcap", segments: 7, tunnels: ["vlan 6"]),
    .init(file: "suricata-verify--http-connect-http-connect-fail.pcap", segments: 14),
    .init(file: "suricata-verify--http-connect-http-connect-simple.pcap", segments: 16),
    .init(file: "suricata-verify--http-gap-simple.pcap", segments: 31),
    .init(file: "suricata-verify--http-gap-whole-body.pcap", segments: 31),
    .init(file: "suricata-verify--http-request-header-multi.pcap", segments: 5),
    .init(file: "suricata-verify--http2-continuation.pcap", segments: 30),
    .init(file: "suricata-verify--http2-deflate-http2_deflate.pcap", segments: 30),
    .init(file: "suricata-verify--http2-keywords2.pcap", segments: 10),
    .init(file: "suricata-verify--tcp-protodetect-bailout.pcap", segments: 10),
    .init(file: "suricata-verify--tcp-rst-unacked-stream-07-http.pcap", segments: 7, tunnels: ["vlan 6"]),
    .init(file: "suricata-verify--tcp-urgp-01-oob-tcp-urgent1.pcap", segments: 16),
    .init(file: "suricata-verify--vxlan-non-zero-reserved-fields.pcap", segments: 10, tunnels: ["vxlan 11"]),
    .init(file: "suricata-verify--websocket-basic_websockets.pcap", segments: 21),
    .init(file: "suricata-verify--websocket-control-frag.pcap", segments: 15),
    .init(file: "suricata-verify--websocket-ping.pcap", segments: 19),
    .init(file: "tcpdump--ipv4_tcp_http_xml_tso.pcap", segments: 1),
    .init(file: "tcpdump--tcp-handshake-nano.pcap", segments: 3),
    .init(file: "tcpdump--timestamp_invalid_nano.pcap", segments: 3),
    .init(file: "tcpflow--test1.pcap", segments: 21),
    .init(file: "zeek--206_example_b.pcap", segments: 1556),
    .init(file: "zeek--4in6.pcap", segments: 1, tunnels: ["ipv4 in ipv6"]),
    .init(file: "zeek--broker-websocket.pcap", segments: 22),
    .init(file: "zeek--connect-with-header.pcap", segments: 58),
    .init(file: "zeek--entity_gap.pcap", segments: 13),
    .init(file: "zeek--fin_retransmission.pcap", segments: 5),
    .init(file: "zeek--get-to-ssh-server.pcap", segments: 9),
    .init(file: "zeek--miss_end_data.pcap", segments: 9),
    .init(file: "zeek--missing-syn.pcap", segments: 21),
    .init(file: "zeek--mixed-vlan-mpls.pcap", segments: 47, tunnels: ["mpls", "vlan 4093"]),
    .init(file: "zeek--one-sided-2745.pcap", segments: 6),
    .init(file: "zeek--payload-syn.pcap", segments: 6),
    .init(file: "zeek--qi_internet_SYNACK_curl_jsonip.pcap", segments: 14),
    .init(file: "zeek--reply-ping-coalesced.pcap", segments: 16),
    .init(file: "zeek--truncated-header.pcap", segments: 24),
    .init(file: "zeek--two-binary-fragments.pcap", segments: 18),
    .init(file: "zeek--wstunnel-ssh.pcap", segments: 258),
]

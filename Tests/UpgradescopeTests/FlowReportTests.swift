// What reports say of proxied connections and of flows that were captured twice.

import Foundation
import TestSupport
import Testing

@Suite struct FlowReportTests {
    static func proxied(_ header: [UInt8]) -> [UInt8] {
        var talk = TestCapture.talk()
        talk.open()
        talk.client(header)
        talk.client(Handshake.request(connection: "keep-alive"))
        talk.server(Handshake.response())
        talk.close()
        return talk.pcap
    }

    @Test func theClientBehindTheProxyIsNamed() throws {
        let folder = try Folder()
        let line = "PROXY TCP4 203.0.113.9 198.51.100.7 55555 8080\r\n"
        let path = try folder.write("a.pcap", Self.proxied(Array(line.utf8)))
        let words = "(for 203.0.113.9:55555 → 198.51.100.7:8080)"
        #expect(try Program.run("analyze", path).text.contains(words))
        #expect(try Program.run("analyze", path, "--format", "html").text.contains(words))
        #expect(try Program.run("show", path, "1").text.contains("203.0.113.9:55555 → 198.51.100.7:8080"))
        for jobs in ["1", "2"] {
            let run = try Program.run("analyze", path, "--format", "json", "--jobs", jobs)
            let report = try #require(try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any])
            let exchange = try #require((report["exchanges"] as? [[String: Any]])?.first)
            let connection = try #require(exchange["connection"] as? [String: Any])
            let proxied = try #require(connection["proxied_for"] as? [String: [String: Any]])
            #expect(proxied["client"]?["address"] as? String == "203.0.113.9")
            #expect(proxied["client"]?["port"] as? Int == 55555)
            #expect(proxied["server"]?["address"] as? String == "198.51.100.7")
            #expect((connection["client"] as? [String: Any])?["address"] as? String == "192.0.2.10")
        }
    }

    @Test func withoutAHeaderNobodyIsNamed() throws {
        let folder = try Folder()
        let path = try folder.write("a.pcap", TestCapture.faulty())
        #expect(!(try Program.run("analyze", path, "--format", "json").text.contains("proxied_for")))
        #expect(!(try Program.run("analyze", path).text.contains("(for ")))
    }

    /// Every packet twice: as it is, and in VLAN 100.
    static func doubled(_ capture: [UInt8]) -> [UInt8] {
        MergeTests.capture(
            MergeTests.packets(capture).flatMap { packet in
                var tagged = packet
                tagged.insert(contentsOf: [0x81, 0, 0, 100], at: 16 + 12)
                for field in [8, 12] {
                    let length = Int(packet[field]) + Int(packet[field + 1]) << 8 + 4
                    tagged[field] = UInt8(length & 255)
                    tagged[field + 1] = UInt8(length >> 8)
                }
                return [packet, tagged]
            })
    }

    @Test func aFlowThatWasCapturedTwiceCountsOnce() throws {
        let folder = try Folder()
        let path = try folder.write("a.pcap", Self.doubled(TestCapture.faulty()))
        let single = try folder.write("b.pcap", TestCapture.faulty())
        for jobs in ["1", "2", "16"] {
            let report = try MergeTests.report([path, "--jobs", jobs])
            #expect(MergeTests.outcomes(report) == ["switched"])
            let findings = report["findings"] as? [[String: Any]] ?? []
            let copies = findings.filter { $0["rule"] as? String == "CAP005" }
            #expect(copies.count == 1)
            #expect((copies.first?["message"] as? String)?.contains("under vlan 100") == true)
            let evidence = copies.first?["evidence"] as? [[String: Any]] ?? []
            #expect(evidence.compactMap { $0["packet"] as? Int } == [1, 2])
            let rows = report["connections"] as? [[String: Any]] ?? []
            #expect(rows.count == 2 && rows.first?["copy_of"] == nil)
            #expect(rows.last?["copy_of"] as? Int == rows.first?["id"] as? Int)
            let others = findings.compactMap { $0["rule"] as? String }.filter { $0 != "CAP005" }
            let alone = try MergeTests.report([single])["findings"] as? [[String: Any]] ?? []
            #expect(others == alone.compactMap { $0["rule"] as? String })
        }
    }
}

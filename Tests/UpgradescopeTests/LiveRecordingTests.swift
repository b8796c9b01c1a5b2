// `--only-exchanges` on a mass of HTTP: packet by packet what was sent is compared with what was kept.

import Foundation
import TestSupport
import Testing

@Suite(.tags(.live), .serialized) struct LiveRecordingTests {
    /// Frames of a capture, and how they are found again.
    private struct Frames {
        var list: [[UInt8]] = []

        /// A pcap or pcapng file of our own making: little-endian, Ethernet, IPv4, no VLAN.
        init(_ path: String) throws {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            func word(_ at: Int) -> Int { (0..<4).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) } }
            let isPcapng = word(0) == 0x0a0d_0d0a
            var at = isPcapng ? 0 : 24
            while at < bytes.count {
                let length = isPcapng ? word(at + 20) : word(at + 8)
                let start = at + (isPcapng ? 28 : 16)
                if !isPcapng || word(at) == 6 { list.append(Array(bytes[start..<(start + length)])) }
                at = isPcapng ? at + word(at + 4) : start + length
            }
        }

        /// Frames by the client's address and port, in their order.
        var byConnection: [[UInt8]: [[UInt8]]] {
            Dictionary(grouping: list) { frame in
                // Port 80 is the server's.
                Array(frame[34...35]) == [0, 80]
                    ? Array(frame[30...33] + frame[36...37]) : Array(frame[26...29] + frame[34...35])
            }
        }
    }

    @Test(arguments: [256 * 1024, 16 * 1024]) func everyPacketOfAnExchangeIsKeptAndNoOther(_ limit: Int) throws {
        guard let network = try TestNetwork(needs: ["tcpreplay", "cc"]) else { return }
        let folder = try Folder()
        let generator = SharedMaterial.repository.appending(path: "Benchmarks/gen.c").path
        let made = try Program.shell(
            "cc -O1 -o \"$1/gen\" \"$2\" && \"$1/gen\" -p http -b 20m -6 0 -V 0 -o \"$1/sent.pcap\"",
            [folder.url.path, generator])
        try #require(made.status == 0, "\(made.errors)")

        let live = try network.live([
            "-w", folder.path("kept.pcapng"), "--only-exchanges", "--json", folder.path("live.json"), "--fail-on",
            "never",
            "--limits", "recording-bytes=\(limit)", "-B", "131072", "-f", "ip and tcp port 80",
        ])
        let sent = try Frames(folder.path("sent.pcap"))
        let replay = try network.run(
            on: network.client, "tcpreplay -q -K --pps=8000 -i \(TestNetwork.interface) \(folder.path("sent.pcap"))")
        try #require(replay.status == 0, "\(replay.errors)")
        // It is read to the end when it says so.
        try live.wait("all packets", seconds: 60) {
            live.signal(SIGUSR1)
            Thread.sleep(forTimeInterval: 0.2)
            return live.errors.contains("\(sent.list.count) packets,")
        }
        #expect(try live.end() == 0, "\(live.errors)")

        let whole = try Program.run(
            "analyze", folder.path("sent.pcap"), "--json", folder.path("sent.json"), "--quiet", "--fail-on", "never")
        #expect(whole.status == 0, "\(whole.errors)")
        let report = try JSONReportFile(folder.path("sent.json"))
        var wanted: Set<[UInt8]> = []
        for exchange in report.exchanges {
            let client = (exchange["connection"] as? [String: Any])?["client"] as? [String: Any]
            let address = try #require(client?["address"] as? String).split(separator: ".").compactMap { UInt8($0) }
            let port = try #require(client?["port"] as? Int)
            wanted.insert(address + [UInt8(port >> 8), UInt8(port & 255)])
        }
        let before = sent.byConnection
        let kept = try Frames(folder.path("kept.pcapng"))
        let after = kept.byConnection
        #expect(Set(after.keys) == wanted)
        #expect(wanted.count > 5 && wanted.count < before.count / 2)
        var complete = 0
        for (connection, frames) in after {
            let all = before[connection] ?? []
            if frames == all {
                complete += 1
            } else {
                // The handshake, and from some packet on all the rest.
                #expect(Array(frames.prefix(3)) == Array(all.prefix(3)))
                #expect(Array(frames.dropFirst(3)) == Array(all.suffix(frames.count - 3)))
                #expect(all.reduce(0) { $0 + $1.count } > limit, "packets were let go although there was room")
            }
        }
        // What is kept has the same exchanges and findings as what was sent.
        let again = try Program.run(
            "analyze", folder.path("kept.pcapng"), "--json", folder.path("kept.json"), "--quiet", "--fail-on", "never")
        #expect(again.status == 0, "\(again.errors)")
        let recorded = try JSONReportFile(folder.path("kept.json"))
        let seen = try JSONReportFile(folder.path("live.json"))
        #expect(seen.exchanges.count == report.exchanges.count)
        if limit == 256 * 1024 {
            #expect(recorded.exchanges.count == report.exchanges.count)
            #expect(recorded.rules.sorted() == report.rules.sorted())
        }
        let sizes = try ["sent.pcap", "kept.pcapng"].map { try folder.read($0).count }
        print(
            "--only-exchanges, limit \(limit): \(sent.list.count) packets, \(sizes[0]) bytes; kept \(kept.list.count) packets, "
                + "\(sizes[1]) bytes, \(wanted.count) of \(before.count) connections, \(complete) of them whole")
        print(live.errors.split(separator: "\n").last ?? "")
    }
}

// The lab's sessions between conforming peers (group A): what was sent comes out of them, and nobody is blamed.

import Foundation
import Inspection
import Testing
import Traffic

@Suite struct CleanSessionsTests {
    /// Bytes of all messages of one side as the lab's notes say they were sent, for each session.
    ///
    /// Where the notes count characters: "wörld ☃" has seven of them in ten bytes, "héllo wörld" eleven in thirteen.
    static let sent: [(file: String, direction: Direction, bytes: Set<Int64>)] = [
        ("A01-chromium-pyws-basic.pcap", .client, [5 + 10 + 300 + 5000]),
        ("A01-chromium-pyws-basic.pcap", .server, [5 + 10 + 300 + 5000]),
        ("A02-chromium-push.pcap", .server, [13 + 400 + 35]),
        ("A03-chromium-big.pcap", .client, [1 << 20]),
        ("A03-chromium-big.pcap", .server, [1 << 20]),
        ("A04-chromium-subprotocol.pcap", .client, [9]),
        ("A05-chromium-many.pcap", .server, [5, 6]),
        ("A15-chromium-page-and-ws-same-port.pcap", .client, [9]),
        ("C20-nginx-haproxy-pyws-chain.pcap", .server, [5 + 10 + 300 + 5000]),
    ]

    @Test(arguments: sent.indices) func compressedMessagesHaveTheirSize(_ index: Int) throws {
        guard let captures = SharedMaterial.captures(of: "lab", for: "compressed sessions") else { return }
        let row = Self.sent[index]
        let capture = try #require(captures.first { $0.lastPathComponent == row.file })
        let sessions = Analysis.of(capture).exchanges.compactMap { $0.exchange.websocket }.filter { $0.deflate }
        #expect(!sessions.isEmpty)
        for session in sessions {
            let side = session.sides[row.direction]
            #expect(side.compressedMessages == side.textMessages + side.binaryMessages)
            #expect(row.bytes.contains(side.inflatedBytes), "\(row.file): \(side.inflatedBytes)")
        }
    }

    /// Rules above a note that speak in group A, and why that is right.
    static let argued: [String: String] = [
        "A08-node-client.pcap WS007": "the client sends Sec-Fetch-Mode like a browser, and no Origin (RFC 6455 4.1)"
    ]

    @Test func nobodyIsBlamed() throws {
        guard let captures = SharedMaterial.captures(of: "lab", for: "clean sessions") else { return }
        let clean = captures.filter { $0.lastPathComponent.hasPrefix("A") }
        #expect(clean.count >= 15)
        var spoken: Set<String> = []
        for capture in clean {
            let analysis = Analysis.of(capture)
            #expect(!analysis.exchanges.isEmpty)
            for finding in analysis.exchanges.flatMap({ $0.findings }) + analysis.connections.flatMap({ $0.findings })
            where finding.level > .note {
                let name = "\(capture.lastPathComponent) \(finding.rule)"
                spoken.insert(name)
                #expect(Self.argued[name] != nil, "\(name): \(finding.message)")
            }
        }
        #expect(spoken == Set(Self.argued.keys))
    }
}

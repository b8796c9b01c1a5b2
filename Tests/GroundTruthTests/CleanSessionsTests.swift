// The lab's sessions between conforming peers: what was sent comes out of them, and nobody is blamed.

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
        let sessions = Analysis.of(capture).exchanges.compactMap { $0.exchange.websocket }.filter {
            $0.agreement.deflate
        }
        #expect(!sessions.isEmpty)
        for session in sessions {
            let side = session.sides[row.direction]
            #expect(side.compressedMessages == side.textMessages + side.binaryMessages)
            #expect(row.bytes.contains(side.inflatedBytes), "\(row.file): \(side.inflatedBytes)")
        }
    }

    /// What an echoing server says is what it was told, byte for byte, whatever both sides compress.
    @Test func compressedEchoesAreWhatWasSent() throws {
        guard let captures = SharedMaterial.captures(of: "lab", for: "compressed sessions") else { return }
        var messages = 0
        for capture in captures where capture.lastPathComponent.hasPrefix("A") {
            let hearer = Hearer()
            var options = AnalyzerOptions()
            options.transcript.messages = true
            var analyzer = Analyzer(options: options, output: hearer)
            var reader = try CaptureReader(path: capture.path)
            var batch: [CapturedPacket] = []
            while reader.readBatch(&batch) {
                for packet in batch {
                    analyzer.receive(packet, capture: 0, bytes: reader.window.extracting(packet.range))
                }
            }
            analyzer.finish()
            for (exchange, said) in hearer.said where hearer.echoes.contains(exchange) {
                let client = said.filter { $0.direction == .client && !$0.isControl }
                let server = said.filter { $0.direction == .server && !$0.isControl }
                guard client.contains(where: { $0.isCompressed }) else { continue }
                #expect(client.map(\.payload) == server.map(\.payload), "\(capture.lastPathComponent)")
                #expect(client.allSatisfy { $0.isWhole } && server.allSatisfy { $0.isWhole })
                messages += client.count
            }
        }
        #expect(messages >= 20, "only \(messages) compressed messages were echoed")
    }

    /// Hears what is said in each exchange.
    private final class Hearer: AnalyzerObserver {
        var said: [ExchangeKey: [TranscriptMessage]] = [:]
        /// Exchanges with the lab's echoing servers.
        var echoes: Set<ExchangeKey> = []
        func receive(_ event: AnalyzerEvent) {
            if case .said(let message, in: let exchange) = event { said[exchange, default: []].append(message) }
            if case .finished(let exchange) = event, exchange.request?.target.text.hasPrefix("/echo") == true {
                echoes.insert(exchange.key)
            }
        }
    }

    /// Rules above a note that speak in sessions of which the truth names no violation, and why that is right.
    static let argued: [String: String] = [
        "A08-node-client.pcap WS007": "the client sends Sec-Fetch-Mode like a browser, and no Origin (RFC 6455 4.1)",
        "B12-abrupt-rst.pcap WSF014": "what the session is made for: the client resets the connection (RFC 6455 7.1.5)",
        "B14f-100-then-101.pcap UPG007": "a WebSocket handshake has no content; this one has five bytes of it",
        "B15g-body-contentlength.pcap UPG007": "a WebSocket handshake has no content; this one has eleven bytes of it",
        "G01-connect-200-squid.pcap CON006": "the tunnel goes to 127.0.0.1, an internal address",
        "G01-connect-200-tinyproxy.pcap CON006": "the tunnel goes to 127.0.0.1, an internal address",
        "G03-connect-407-squid.pcap CON002":
            "Squid goes on after 407, against RFC 9931 8: a warning, because NTLM needs it",
        "G03-connect-407-squid.pcap CON006": "the tunnel goes to 127.0.0.1, an internal address",
        "G03-connect-407-tinyproxy.pcap CON006": "the tunnel goes to 127.0.0.1, an internal address",
        "G05-ws-in-connect-squid.pcap CON006": "the tunnel goes to 127.0.0.1, an internal address",
        "G05-ws-in-connect-tinyproxy.pcap CON006": "the tunnel goes to 127.0.0.1, an internal address",
        "G06-connect-2xx-with-length.pcap CON003":
            "the scripted proxy sends Content-Length with its 200; the truth has no name for that (RFC 9110 9.3.6)",
        "K01-docker-exec.pcap UPG007": "Docker's client sends the parameters of exec as content beside its offer",
    ]

    /// Every session of the lab between peers who do what they should, in all groups.
    @Test func nobodyIsBlamed() throws {
        guard let captures = SharedMaterial.captures(of: "lab", for: "clean sessions") else { return }
        var spoken: Set<String> = []
        var clean = 0
        for capture in captures {
            let truth = try Truth(contentsOf: SharedMaterial.truth(for: capture))
            guard truth.exchanges.allSatisfy({ $0.violations.isEmpty }) else { continue }
            clean += 1
            let analysis = Analysis.of(capture)
            for finding in analysis.exchanges.flatMap({ $0.findings }) + analysis.connections.flatMap({ $0.findings })
            where finding.level > .note {
                let name = "\(capture.lastPathComponent) \(finding.rule)"
                spoken.insert(name)
                #expect(Self.argued[name] != nil, "\(name): \(finding.message)")
            }
        }
        #expect(clean >= 90, "only \(clean) captures are without a violation")
        #expect(spoken == Set(Self.argued.keys), "\(spoken.symmetricDifference(Self.argued.keys).sorted())")
    }
}

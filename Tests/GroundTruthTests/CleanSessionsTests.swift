// The lab's sessions between conforming peers: what was sent comes out of them, and nobody is blamed.

import Foundation
import Ground
import Inspection
import TestSupport
import Testing
import Traffic

@Suite struct CleanSessionsTests {
    struct Sent: CustomTestStringConvertible, Sendable {
        var file: String
        var from: Direction
        var bytes: Set<Int64>
        var testDescription: String { "\(file), the \(from.name)" }
    }

    /// Bytes of all messages of one side as the lab's notes say they were sent, for each session.
    ///
    /// Where the notes count characters: "wörld ☃" has seven of them in ten bytes, "héllo wörld" eleven in thirteen.
    static let sent = [
        Sent(file: "A01-chromium-pyws-basic.pcap", from: .client, bytes: [5 + 10 + 300 + 5000]),
        Sent(file: "A01-chromium-pyws-basic.pcap", from: .server, bytes: [5 + 10 + 300 + 5000]),
        Sent(file: "A02-chromium-push.pcap", from: .server, bytes: [13 + 400 + 35]),
        Sent(file: "A03-chromium-big.pcap", from: .client, bytes: [1 << 20]),
        Sent(file: "A03-chromium-big.pcap", from: .server, bytes: [1 << 20]),
        Sent(file: "A04-chromium-subprotocol.pcap", from: .client, bytes: [9]),
        Sent(file: "A05-chromium-many.pcap", from: .server, bytes: [5, 6]),
        Sent(file: "A15-chromium-page-and-ws-same-port.pcap", from: .client, bytes: [9]),
        Sent(file: "C20-nginx-haproxy-pyws-chain.pcap", from: .server, bytes: [5 + 10 + 300 + 5000]),
    ]

    @Test(arguments: sent) func compressedMessagesHaveTheirSize(_ row: Sent) throws {
        guard let captures = SharedMaterial.captures(of: "lab", for: "compressed sessions") else { return }
        let capture = try #require(captures.first { $0.lastPathComponent == row.file })
        let sessions = Analysis.of(capture).exchanges.compactMap { $0.exchange.websocket }.filter {
            $0.agreement.deflate
        }
        #expect(!sessions.isEmpty)
        for session in sessions {
            let side = session.sides[row.from]
            #expect(side.compressedMessages == side.textMessages + side.binaryMessages)
            #expect(row.bytes.contains(side.inflatedBytes), "\(row.file): \(side.inflatedBytes)")
        }
    }

    /// What an echoing server says is what it was told, byte for byte, whatever both sides compress.
    @Test func compressedEchoesAreWhatWasSent() throws {
        guard let captures = SharedMaterial.captures(of: "lab", for: "compressed sessions") else { return }
        var messages = 0
        for capture in captures where capture.lastPathComponent.hasPrefix("A") {
            var said: [ExchangeKey: [TranscriptMessage]] = [:]
            /// Exchanges with the lab's echoing servers.
            var echoes: Set<ExchangeKey> = []
            var options = AnalyzerOptions()
            options.transcript.messages = true
            let listener = Listener { event in
                if case .said(let message, in: let exchange) = event { said[exchange, default: []].append(message) }
            }
            var analyzer = Analyzer(options: options, output: listener)
            analyzer.receive(try CaptureReader(path: capture.path))
            analyzer.finish()
            for exchange in listener.exchanges where exchange.request?.target.text.hasPrefix("/echo") == true {
                echoes.insert(exchange.key)
            }
            for (exchange, said) in said where echoes.contains(exchange) {
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

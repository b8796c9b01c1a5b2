// One run of the product over a capture, in process, with everything it found.
//
// The library does here what the command does, without its renderers: packets to the analyzer, exchanges and
// connections to the inspector.

import Foundation
import Ground
@_spi(Judging) import Inspection
import TestSupport
import Traffic

/// What a run found.
struct Analysis {
    var exchanges: [(exchange: Exchange, findings: [Finding])] = []
    var connections: [(record: ConnectionRecord, findings: [Finding])] = []
    var counters = TrafficCounters()
    var captures: [CaptureDescription] = []
    /// The capture could not be opened at all.
    var refusal: String?

    /// The capture was cut, damaged, or no capture.
    var wasDamaged: Bool { refusal != nil || captures.contains { !$0.complete } }

    /// Every rule that found something.
    var rules: Set<String> {
        Set(exchanges.flatMap { $0.findings.map { $0.rule } } + connections.flatMap { $0.findings.map { $0.rule } })
    }
}

extension Analysis {
    /// Analyzes one capture file.
    static func of(_ capture: URL, allConnections: Bool = true, digests: Bool = false) -> Analysis {
        do {
            let reader = try CaptureReader(path: capture.path)
            return read(reader, allConnections: allConnections, digests: digests)
        } catch {
            return Analysis(refusal: error.message)
        }
    }

    /// Analyzes a capture that is in memory.
    static func of(_ bytes: [UInt8], name: String) -> Analysis {
        do {
            let reader = try CaptureReader(bytes: bytes, name: name)
            return read(reader, allConnections: true, digests: false)
        } catch {
            return Analysis(refusal: error.message)
        }
    }

    private static func read(_ source: consuming CaptureReader, allConnections: Bool, digests: Bool) -> Analysis {
        let output = Listener()
        var options = AnalyzerOptions()
        options.allConnections = allConnections
        options.streamDigests = digests
        var analyzer = Analyzer(options: options, output: output)
        let description = analyzer.receive(source)
        analyzer.finish()
        output.counters = analyzer.counters
        var analysis = Analysis()
        analysis.captures = [description]
        analysis.take(output)
        return analysis
    }

    /// Analyzes packets that begin with an IP header; findings are made where `judged`.
    static func of(_ packets: [TimedPacket], judged: Bool) -> Analysis {
        var options = AnalyzerOptions()
        options.allConnections = true
        var analysis = Analysis()
        analysis.take(Analyzer.listen(to: packets, options: options, linkType: 101), judged: judged)
        return analysis
    }

    private mutating func take(_ output: Listener, judged: Bool = true) {
        let inspector = Inspector()
        output.sort()
        counters = output.counters
        exchanges = output.exchanges.map { ($0, judged ? inspector.inspect($0) : []) }
        connections = output.connections.map { ($0, judged ? inspector.inspect($0) : []) }
    }
}

/// The counters of a fixed array.
func numbers<let count: Int>(_ counters: [count of UInt64]) -> [UInt64] { counters.indices.map { counters[$0] } }

/// `127.0.0.1:80`, and without brackets for IPv6, as the truth writes it.
func plain(_ endpoint: Endpoint) -> String { "\(endpoint.address):\(endpoint.port)" }

/// What our exchange says, in the words of the comparison.
func comparableFacts(of exchange: Exchange) -> [String: String] {
    var facts: [String: String] = [:]
    func list(_ members: [ArraySlice<UInt8>]) -> String { members.map { $0.text }.joined(separator: ", ") }
    if let request = exchange.request {
        facts["http_version"] = "\(request.version.major).\(request.version.minor)"
        facts["method"] = request.method.text
        facts["target"] = request.target.text
        facts["host"] = request.value(.host)?.text
        facts["offer"] = list(request.members(.upgrade))
        facts["connection"] = list(request.members(.connection))
        facts["request_packets"] = "\(request.place.first.packet)-\(request.place.last.packet)"
        facts["websocket.key"] = request.value(.secWebSocketKey)?.text
        facts["websocket.version"] = request.value(.secWebSocketVersion)?.text
        facts["subprotocols_offered"] = list(request.members(.secWebSocketProtocol))
        facts["extensions_offered"] = list(request.members(.secWebSocketExtensions))
    }
    facts["interim"] = exchange.interim.map { "\($0.status)" }.joined(separator: " ")
    facts["status"] = exchange.response.map { "\($0.status)" } ?? "none"
    facts["selection"] = exchange.response.map { list($0.members(.upgrade)) } ?? ""
    facts["response_connection"] = ""
    facts["extensions"] = ""
    if let response = exchange.response {
        facts["response_connection"] = list(response.members(.connection))
        facts["response_packets"] = "\(response.place.first.packet)-\(response.place.last.packet)"
        facts["subprotocol"] = response.value(.secWebSocketProtocol)?.text
        facts["websocket.accept"] = response.value(.secWebSocketAccept)?.text
        facts["extensions"] = response.members(.secWebSocketExtensions).map { member in
            member.split(separator: UInt8(ascii: ";")).first.map { $0.trimmingWhitespace().text } ?? ""
        }.joined(separator: ", ")
        if let expected = exchange.websocket?.expectedAccept, let accept = response.value(.secWebSocketAccept) {
            facts["websocket.accept_valid"] = Array(accept) == expected ? "yes" : "no"
        }
    }
    facts["outcome"] = exchange.outcome.name
    if let valid = Validity(exchange).isValid { facts["valid"] = "\(valid)" }
    if exchange.outcome == .switched {
        facts["protocol"] = exchange.upgraded == .tunnel ? "tunnel" : exchange.protocolName.lowercased()
    }
    let early = exchange.early
    facts["early_client_bytes"] = "\(early.map { $0.verdict == .none ? 0 : $0.clientBytes } ?? 0)"
    facts["early_server_bytes"] =
        "\(exchange.anomalies.filter { $0.kind == .serverBytesBeforeResponse }.reduce(0) { $0 + $1.place.length })"
    if let early, early.verdict != .none {
        facts["early_looks_like_http"] = early.looksLike == .httpRequest ? "yes" : "no"
        facts["early_answered"] = early.answer != nil ? "yes" : "no"
    }
    for direction in Direction.allCases {
        let side = direction.name
        facts["bytes_after_switch.\(side)"] = "\(exchange.switched[direction].bytes)"
        if let websocket = exchange.websocket?.sides[direction] {
            var counts: [String: Int] = [:]
            for (opcode, count) in numbers(websocket.frames).enumerated() { counts["\(opcode)"] = Int(count) }
            facts["frames.\(side)"] = listing(counts)
            facts["messages.\(side)"] = "\(websocket.textMessages + websocket.binaryMessages)"
            // A Close without a status is 1005 (RFC 6455 7.1.5); one byte is no status at all.
            let isEmpty =
                websocket.close != nil && websocket.lastHeader.count > 1 && websocket.lastHeader[1] & 0x7f == 0
            facts["close.\(side)"] = websocket.close?.code.map { "\($0)" } ?? (isEmpty ? "1005" : "none")
        }
        if let http2 = exchange.http2?.sides[direction] {
            var counts: [String: Int] = [:]
            for (type, count) in numbers(http2.frames).enumerated() { counts[HTTP2Facts.frameNames[type]] = Int(count) }
            facts["h2.frames.\(side)"] = listing(counts)
        }
    }
    if let http2 = exchange.http2 { facts["h2.preface"] = http2.preface ? "yes" : "no" }
    return facts
}

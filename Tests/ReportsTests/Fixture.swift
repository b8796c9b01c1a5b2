// A made-up analysis: exchanges of every kind and hostile ones, written by hand.

@_spi(Judging) import Inspection
import Investigation
import Reports
import TestSupport
import Traffic

/// Builds exchanges and findings.
enum Fixture {
    static let start: Int64 = 1_767_225_600_123_456_789

    static func mark(_ packet: UInt32, capture: UInt16 = 0, acknowledged: Int64? = nil) -> Arrival {
        Arrival(
            packet: packet, capture: capture, time: Timestamp(nanoseconds: start + Int64(packet) * 1_500_000),
            heard: acknowledged)
    }

    static func head(
        _ bytes: [UInt8], packet: UInt32, capture: UInt16 = 0, direction: Direction, offset: Int64 = 0
    ) -> MessageHead {
        guard let head = MessageHead(bytes, direction, mark: mark(packet, capture: capture), offset: offset) else {
            preconditionFailure("no head: \(String(decoding: bytes, as: UTF8.self))")
        }
        return head
    }

    static func head(
        _ text: String, packet: UInt32, capture: UInt16 = 0, direction: Direction, offset: Int64 = 0
    ) -> MessageHead {
        head(
            Array(text.replacing("\n", with: "\r\n").utf8), packet: packet, capture: capture, direction: direction,
            offset: offset)
    }

    static func facts(id: UInt64, packet: UInt32, capture: UInt16 = 0) -> ConnectionFacts {
        var facts = ConnectionFacts(
            id: id, client: Endpoint(address: IPAddress(v4: 0xc000_0201), port: 49152 + UInt16(id % 1000)),
            server: Endpoint(address: IPAddress(v4: 0xc633_6402), port: 80), first: mark(packet, capture: capture))
        facts.sawSYN = true
        facts.sawSYNACK = true
        facts.serverRoundTrip = 1_200_000
        facts.clientRoundTrip = 40_000
        facts.last = mark(packet + 9, capture: capture)
        return facts
    }

    /// A WebSocket session with early data: packets `packet` to `packet` + 9.
    static func websocket(
        packet: UInt32 = 4, capture: UInt16 = 0, early: EarlyVerdict = .none, target: String = "/chat?room=1"
    ) -> Exchange {
        let facts = facts(id: UInt64(packet), packet: packet, capture: capture)
        var exchange = Exchange(kind: .upgrade, connection: facts, first: facts.first)
        // Nobody uses a key twice.
        let digits = String(packet + 100_000)
        let key = packet == 4 ? "dGhlIHNhbXBsZSBub25jZQ==" : "dGhlIHNhbXBsZSBu" + digits.suffix(6) + "=="
        let request = head(
            """
            GET \(target) HTTP/1.1
            Host: server.example.com
            Upgrade: websocket, h2c
            Connection: keep-alive, Upgrade
            Cookie: session=verysecret; theme=dark
            Sec-WebSocket-Key: \(key)
            Sec-WebSocket-Version: 13
            Sec-WebSocket-Protocol: chat, superchat
            Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits


            """, packet: packet + 3, capture: capture, direction: .client)
        exchange.request = request
        exchange.response = head(
            """
            HTTP/1.1 101 Switching Protocols
            Upgrade: websocket
            Connection: Upgrade
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
            Sec-WebSocket-Protocol: chat


            """, packet: packet + 6, capture: capture, direction: .server)
        exchange.outcome = .switched
        exchange.upgraded = .websocket
        exchange.protocolName = "websocket"
        let session = WebSocketFacts()
        session.expectedAccept = Array("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8)
        session.sides.client.frames[1] = 3
        session.sides.client.frames[8] = 1
        session.sides.client.textMessages = 3
        session.sides.client.payloadBytes = 1500
        session.sides.client.wireBytes = 1524
        session.sides.server.frames[2] = 40_000
        session.sides.server.frames[9] = 2
        session.sides.server.binaryMessages = 39_998
        session.sides.server.payloadBytes = 9_000_000
        session.sides.server.wireBytes = 9_160_000
        session.sides.client.firstMessage = mark(packet + 7, capture: capture)
        let closing = Place(
            direction: .client, offset: 1800, length: 8, first: mark(packet + 8, capture: capture),
            last: mark(packet + 8, capture: capture))
        session.sides.client.close = CloseFact(code: 1000, reason: Array("bye".utf8), place: closing)
        session.pings.samples = [900_000, 1_100_000, 30_000_000]
        session.pings.count = 3
        exchange.websocket = session
        exchange.switched.client.start = request.place.length
        exchange.switched.client.bytes = 1524
        exchange.switched.client.excerpt = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        exchange.switched.client.first = mark(packet + 4, capture: capture)
        exchange.switched.server.bytes = 9_160_000
        exchange.switched.server.first = mark(packet + 7, capture: capture)
        exchange.connection.ended = PerDirection(client: .fin, server: .rst)
        exchange.connection.endMark = PerDirection(
            client: mark(packet + 9, capture: capture), server: mark(packet + 9, capture: capture))
        exchange.lastMark = mark(packet + 9, capture: capture)
        if early != .none {
            var data = EarlyData(
                place: Place(
                    direction: .client, offset: request.place.length, length: 11,
                    first: mark(packet + 4, capture: capture),
                    last: mark(packet + 4, capture: capture)))
            data.verdict = early
            data.clientBytes = 11
            data.atServerBytes = 11
            data.acknowledged = 0
            data.responseStart = 0
            data.responseEnd = 150
            data.looksLike = .websocket
            data.excerpt = exchange.switched.client.excerpt
            exchange.early = data
        }
        return exchange
    }

    /// A refused offer, one line in text.
    static func refused(packet: UInt32, status: Int = 403) -> Exchange {
        let facts = facts(id: UInt64(packet), packet: packet)
        var exchange = Exchange(kind: .upgrade, connection: facts, first: facts.first)
        exchange.request = head(
            "GET /private HTTP/1.1\nHost: shop.example\nUpgrade: websocket\nConnection: Upgrade\n"
                + "Authorization: Basic dXNlcjpwYXNz\n\n", packet: packet + 3, direction: .client)
        exchange.response = head(
            "HTTP/1.1 \(status) Forbidden\nContent-Length: 0\n\n", packet: packet + 5, direction: .server)
        exchange.outcome = .failed
        exchange.reason = .forbidden
        exchange.lastMark = mark(packet + 6)
        return exchange
    }

    static let hostileText = "</style></script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"

    /// Names, values and bytes made to break out of whatever shows them.
    static func hostile(packet: UInt32) -> Exchange {
        let facts = facts(id: UInt64(packet), packet: packet)
        var exchange = Exchange(kind: .upgrade, connection: facts, first: facts.first)
        var bytes = Array(
            "GET /\(hostileText.replacing(" ", with: "+")) HTTP/1.1\r\nHost: evil\u{202e}gpj.example\r\n".utf8)
        bytes +=
            Array("Upgrade: \u{1b}[2J\u{1b}]0;owned\u{7}\r\nX-Bad: ".utf8) + [
                0xff, 0xc0, 0xaf, 0xed, 0xa0, 0x80, 0x00, 0x41,
            ]
        bytes += Array("\r\nX-Note: \(hostileText)\u{200b}\u{e0041}\\\r\n\r\n".utf8)
        exchange.request = head(bytes, packet: packet, direction: .client)
        exchange.response = head(
            Array("HTTP/1.1 101 \(hostileText)\r\nUpgrade: <b>\r\n\r\n".utf8), packet: packet + 1, direction: .server)
        exchange.outcome = .switched
        exchange.upgraded = .other
        exchange.protocolName = hostileText
        exchange.switched.client.bytes = 4
        exchange.switched.client.excerpt = Array("<a>&".utf8)
        exchange.lastMark = mark(packet + 1)
        return exchange
    }

    static func finding(
        _ rule: String, _ name: String, _ level: Level, message: String, for exchange: Exchange? = nil,
        excerpt: [UInt8] = []
    ) -> Finding {
        var finding = Finding(
            rule: rule, name: name, level: level, certainty: .proven, fault: .client, message: message,
            source: "RFC 6455 4.1", fix: "Wait for the 101 before sending.\n    proxy_http_version 1.1;",
            fingerprint: "00112233445566ff")
        if let exchange {
            finding.exchange = exchange.key
            finding.connection = exchange.connection.id
            let place =
                exchange.early?.place ?? exchange.request?.place
                ?? Place(
                    direction: .client, offset: 0, length: 0, first: exchange.firstMark, last: exchange.firstMark)
            let bytes =
                excerpt.isEmpty
                ? Array((exchange.early?.excerpt ?? exchange.request?.bytes ?? []).prefix(256)) : excerpt
            finding.evidence = [Evidence(label: "early bytes", place: place, excerpt: bytes)]
        }
        return finding
    }

    static func earlyFindings(_ exchange: Exchange) -> [Finding] {
        var follows = finding(
            "EARLY004", "early-data-then-declined", .warning,
            message: "The offer was refused with the bytes on their way.",
            for: exchange)
        follows.consequenceOf = "EARLY001"
        return [
            finding(
                "EARLY001", "early-websocket-data", .error,
                message: "The client sent 11 bytes of WebSocket frames in packet 8, before the 101 in packet 10.",
                for: exchange), follows,
        ]
    }

    static func encrypted(id: UInt64, name: String?) -> (ConnectionRecord, [Finding]) {
        var record = ConnectionRecord(facts: facts(id: id, packet: UInt32(id)))
        record.application = .tls
        record.encrypted = true
        record.serverName = name
        record.protocols = ["h2", "http/1.1"]
        record.streams.client.bytes = 517
        record.streams.client.digest = [UInt8](repeating: 0xab, count: 32)
        var finding = finding(
            "CAP006", "cap-encrypted", .note, message: "The connection is encrypted: an upgrade inside cannot be seen.")
        finding.fault = .capture
        finding.withheld = ["UPG001", "EARLY001"]
        finding.evidence = [
            Evidence(
                label: "ClientHello",
                place: Place(
                    direction: .client, offset: 0, length: 517, first: record.facts.first, last: record.facts.first),
                excerpt: [0x16, 0x03, 0x01, 0x02, 0x00])
        ]
        return (record, [finding])
    }

    static func capture(_ path: String = "captures/chat.pcapng", complete: Bool = true) -> CaptureDescription {
        var capture = CaptureDescription(path: path)
        capture.format = "pcapng"
        var interface = CaptureInterface(linkType: 1, snapLength: 262_144)
        interface.name = "eth0"
        capture.interfaces = [interface]
        capture.packets = 1234
        capture.bytes = 987_654
        capture.firstPacket = Timestamp(nanoseconds: start)
        capture.lastPacket = Timestamp(nanoseconds: start + 65_000_000_000)
        if !complete {
            capture.complete = false
            capture.problems = [CaptureProblem(kind: "cut", offset: 99_000, message: "The last block ends early.")]
        }
        return capture
    }

    static func counters() -> TrafficCounters {
        var counters = TrafficCounters()
        counters.packets = 1234
        counters.connections = 12
        counters.requests = 40
        counters.encryptedConnections = 3
        counters.gapBytes = 1448
        counters.limitsHit = ["head-bytes": 2]
        return counters
    }

    typealias Entry = (Exchange, [Finding])

    static func entries() -> [Entry] {
        var entries: [Entry] = []
        let early = websocket(packet: 4, early: .proven)
        entries.append((early, earlyFindings(early)))
        entries.append((websocket(packet: 30), []))
        entries.append((refused(packet: 50), []))
        let hostile = hostile(packet: 70)
        entries.append(
            (
                hostile,
                [
                    finding(
                        "RES003", "101-protocol-not-offered", .error,
                        message: "The 101 selected \(hostileText)\u{202e}\u{1b}[31m.", for: hostile)
                ]
            ))
        var tunnel = websocket(packet: 90)
        tunnel.kind = .connect
        tunnel.upgraded = .tunnel
        tunnel.websocket = nil
        tunnel.request = head(
            "CONNECT inner.example:443 HTTP/1.1\nHost: inner.example:443\n\n", packet: 93, direction: .client)
        tunnel.response = head("HTTP/1.1 200 OK\n\n", packet: 95, direction: .server)
        tunnel.inner = .httpRequest
        entries.append((tunnel, []))
        var inner = websocket(packet: 95)
        inner.parent = tunnel.key
        entries.append((inner, []))
        var h2c = refused(packet: 120, status: 101)
        h2c.outcome = .switched
        h2c.upgraded = .h2c
        h2c.reason = .none
        h2c.http2 = HTTP2Facts()
        h2c.http2?.sides.client.frames[4] = 1
        h2c.http2?.sides.client.settings = [(1, 4096), (1, 8192), (99, 1)]
        h2c.http2?.streams = 1
        entries.append((h2c, []))
        var lost = websocket(packet: 140)
        lost.request = nil
        lost.kind = .unsolicited
        lost.response = head("HTTP/1.1 101 Switching Protocols\n\n", packet: 141, direction: .server)
        entries.append(
            (lost, [finding("RES005", "101-unsolicited", .error, message: "A 101 came unasked.", for: lost)]))
        return entries
    }

    /// These findings, and what else is judged of an exchange.
    static func judgement(_ exchange: Exchange, _ findings: [Finding]) -> Judgement {
        Judgement(findings: findings, validity: Validity(exchange))
    }

    static func collector(_ options: ReportOptions = ReportOptions(), entries: [Entry] = entries()) -> ReportCollector {
        let collector = ReportCollector(options: options)
        for (exchange, findings) in entries {
            collector.add(exchange, judgement(exchange, findings))
        }
        for (id, name) in [(200, "one.example"), (210, "two.example"), (220, "one.example"), (230, nil)]
            as [(UInt64, String?)]
        {
            let (record, findings) = encrypted(id: id, name: name)
            collector.add(record, findings: findings)
        }
        return collector
    }

    static func report(_ options: ReportOptions = ReportOptions(), entries: [Entry] = entries()) -> Report {
        collector(options, entries: entries).finish(captures: [capture()], counters: counters())
    }
}

extension Fixture {
    private final class Lines {
        var bytes: [UInt8] = []
    }
    private struct LineSink: ByteSink {
        let lines: Lines
        func write(_ bytes: [UInt8]) { lines.bytes += bytes }
    }

    /// All events of a run.
    static func events(
        _ entries: [Entry], _ connections: [(ConnectionRecord, [Finding])], _ report: Report
    ) -> [UInt8] {
        let lines = Lines()
        let events = NDJSONReport(EventOptions(), sink: LineSink(lines: lines))
        events.receive(.started(captures: report.captures.count))
        for (exchange, findings) in entries { events.receive(.finished(exchange, judgement(exchange, findings))) }
        for (record, findings) in connections { events.receive(.ended(record, findings: findings)) }
        events.receive(.reported(report))
        return lines.bytes
    }
}

extension Report {
    func rendered(_ format: String, layout: TextLayout = TextLayout()) throws -> String {
        String(decoding: try renderedBytes(format, layout: layout), as: UTF8.self)
    }

    func renderedBytes(_ format: String, layout: TextLayout = TextLayout()) throws -> [UInt8] {
        var sink: any ByteSink = ByteArraySink()
        if case .report(let write) = ReportFormat.named(format)?.writing {
            try write(self, RenderOptions(tool: ToolName(version: "0.1.0"), layout: layout), &sink)
        }
        return (sink as? ByteArraySink)?.bytes ?? []
    }
}

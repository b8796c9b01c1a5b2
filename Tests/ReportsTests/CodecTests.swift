import Inspection
import TestSupport
import Testing
import Traffic

@testable import Investigation
@testable import Reports

@Suite("Records of the spool")
struct CodecTests {
    @Test(
        "every exchange comes back as it was",
        arguments: Fixture.entries().named { "\($0.0.kind), \($0.0.outcome.name), packet \($0.0.key.packet)" })
    func roundTrip(_ entry: Named<Fixture.Entry>) throws {
        let (exchange, findings) = entry.value
        var full = exchange
        full.interim = [Fixture.head("HTTP/1.1 103 Early Hints\n\n", packet: 9, direction: .server)]
        full.firstLaterResponse = full.interim.first
        full.laterResponses = 3
        full.responseAcknowledged = Fixture.mark(77, acknowledged: -3)
        full.touchesGap = true
        full.limitsHit = ["head-bytes"]
        full.protocolInferred = true
        full.connection.observedUntil = Timestamp(nanoseconds: -5)
        full.framing.contentLength = .max
        full.framing.end = .min
        full.connection.tunnels = ["vlan 100", "vxlan 7"]
        full.connection.gapBytes = PerDirection(client: 1, server: .max)
        full.early?.answer = EarlyAnswer(status: 200, place: full.interim[0].place, requestLine: [0x47])
        full.anomalies = Anomaly.Kind.allCases.map {
            Anomaly(kind: $0, place: full.interim[0].place, excerpt: [1, 2, 3], value: -1)
        }
        full.laterRequests = [
            LaterRequest(
                head: [1], place: full.interim[0].place, hasForwardingFields: true, wasEarly: false, status: 404)
        ]
        full.websocket?.sides.server.lastHeaderPlace = full.interim[0].place
        let wait = PingWait(
            place: full.interim[0].place, payload: [7], waited: -1, isAnswered: true, sawOtherPong: true)
        full.websocket?.sides.server.slowestPing = wait
        full.websocket?.sides.client.openPing = wait
        full.websocket?.sides.client.compressedMessages = 9
        full.websocket?.sides.client.longestStepRun = 8
        full.websocket?.sides.client.inflatedBytes = .max
        full.websocket?.sides.client.firstInformedFrame = wait.place
        full.websocket?.sides.client.faultAnswer = FaultAnswer(
            fault: wait.place, first: wait.place, last: Fixture.mark(5))
        var resumed = ResumedFrames(place: wait.place)
        resumed.times = 3
        resumed.frames[1] = 7
        resumed.textMessages = 6
        resumed.binaryMessages = 5
        resumed.compressedMessages = 4
        resumed.payloadBytes = -2
        resumed.wireBytes = .max
        resumed.close = CloseFact(code: 1001, reason: [9], place: wait.place)
        full.websocket?.sides.server.resumed = [resumed]
        full.websocket?.sides.server.compressedBytes = 77
        full.websocket?.draft = .earlyHybi
        full.websocket?.longestIdle = IdleTime(from: Fixture.mark(1), to: Fixture.mark(2))
        full.websocket?.agreement.clientMaxWindowBits = 9
        full.websocket?.agreement.serverNoContextTakeover = true
        full.connection.acknowledged = PerDirection(client: 7, server: -1)
        var writer = ByteWriter()
        writer.exchange(full)
        for finding in findings { writer.finding(finding) }
        var reader = ByteReader(writer.bytes)
        let read = try reader.exchange()
        #expect(described(read) == described(full))
        for finding in findings { #expect(described(try reader.finding()) == described(finding)) }
        #expect(reader.isAtEnd)
    }

    @Test("a connection comes back as it was")
    func connection() throws {
        var (record, _) = Fixture.encrypted(id: 7, name: "a.example")
        record.oneDirection = .server
        record.firstGap = Fixture.refused(packet: 3).request?.place
        record.firstDuplicate = (copy: Fixture.mark(4), original: Fixture.mark(3))
        record.firstPayload.server = Fixture.mark(9)
        record.advertisements = 3
        record.firstAdvertisement = Fixture.head("HTTP/1.1 200 OK\nUpgrade: h2c\n\n", packet: 9, direction: .server)
        record.bareUpgrades = 2
        record.firstBareUpgrade = record.firstAdvertisement
        var writer = ByteWriter()
        writer.record(record)
        var reader = ByteReader(writer.bytes)
        #expect(described(try reader.record()) == described(record))
        #expect(reader.isAtEnd)
    }

    @Test("a record that was cut is refused, wherever it was cut")
    func cut() {
        var writer = ByteWriter()
        writer.exchange(Fixture.websocket(early: .proven))
        for length in 0..<writer.bytes.count {
            var reader = ByteReader(Array(writer.bytes.prefix(length)))
            #expect(throws: DecodingFailure.self) { try reader.exchange() }
        }
    }

    @Test("a record with changed bytes is read or refused, and never traps")
    func changed() {
        var writer = ByteWriter()
        writer.exchange(Fixture.websocket(early: .proven))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var bytes = writer.bytes
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            var reader = ByteReader(bytes)
            _ = try? reader.exchange()
        }
    }

    @Test("integers keep their value", arguments: [0, 1, -1, 63, 64, -64, -65, 1 << 40, Int64.max, .min])
    func integers(value: Int64) throws {
        var writer = ByteWriter()
        writer.signed(value)
        writer.unsigned(UInt64(bitPattern: value))
        var reader = ByteReader(writer.bytes)
        #expect(try reader.signed() == value)
        #expect(try reader.unsigned() == UInt64(bitPattern: value))
    }

    @Test("no stored property of a record is forgotten")
    func fields() {
        let early = Fixture.websocket(early: .proven)
        let place = early.lastMark
        let run = Place(direction: .client, offset: 0, length: 0, first: place, last: place)
        let (record, _) = Fixture.encrypted(id: 1, name: nil)
        let head = Fixture.head("GET / HTTP/1.1\n\n", packet: 1, direction: .client)
        let values: [String: Any] = [
            "Exchange": early, "ConnectionFacts": early.connection, "MessageHead": head,
            "EarlyData": EarlyData(place: run), "EarlyAnswer": EarlyAnswer(status: 1, place: run, requestLine: []),
            "LaterRequest": LaterRequest(head: [], place: run, hasForwardingFields: true, wasEarly: true, status: 1),
            "RequestFraming": early.framing, "Anomaly": Anomaly(kind: .syncLost, place: run, excerpt: []),
            "SwitchedStream": SwitchedStream(), "WebSocketFacts": WebSocketFacts(),
            "WebSocketAgreement": WebSocketAgreement(), "WebSocketSide": WebSocketSide(),
            "ResumedFrames": ResumedFrames(place: run),
            "CloseFact": CloseFact(code: nil, reason: [], place: run), "PingTimes": PingTimes(),
            "PingWait": PingWait(place: run, payload: [], waited: 0, isAnswered: false, sawOtherPong: false),
            "FaultAnswer": FaultAnswer(fault: run, first: run, last: place),
            "IdleTime": IdleTime(from: place, to: place),
            "HTTP2Facts": HTTP2Facts(), "HTTP2Side": HTTP2Side(),
            "Finding": Fixture.finding("A001", "a", .note, message: ""),
            "Evidence": Evidence(label: "", place: run, excerpt: []), "ConnectionRecord": record,
            "StreamCounters": StreamCounters(), "Place": run, "PacketMark": place,
        ]
        #expect(Set(values.keys) == Set(RecordCodec.fieldCounts.keys))
        for (name, value) in values {
            #expect(Mirror(reflecting: value).children.count == RecordCodec.fieldCounts[name], "\(name)")
        }
    }

    private func described(_ value: Any) -> String {
        var text = ""
        dump(value, to: &text)
        return text
    }
}

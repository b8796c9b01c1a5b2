// Exchanges, findings and connections in the compact form of the spool.
//
// Written and read side by side, field by field, so that a pair can be compared at a glance. `fieldCounts`
// says how many stored properties each type had when its pair was written; a test compares that with the
// types themselves, so that a field added later cannot be forgotten here. A head's `shape` is not written: it means
// something to the analyzer that read it, and to nobody else.

import Inspection
import Traffic

enum RecordCodec {
    static let fieldCounts: [String: Int] = [
        "Exchange": 25, "ConnectionFacts": 20, "MessageHead": 8, "EarlyData": 12, "EarlyAnswer": 3,
        "LaterRequest": 5, "RequestFraming": 6, "Anomaly": 5, "SwitchedStream": 5, "WebSocketFacts": 6,
        "WebSocketAgreement": 6,
        "WebSocketSide": 22, "ResumedFrames": 9, "CloseFact": 3, "PingTimes": 2, "PingWait": 5, "FaultAnswer": 4,
        "IdleTime": 2, "HTTP2Facts": 3, "HTTP2Side": 4, "Finding": 15, "Evidence": 4, "ConnectionRecord": 26,
        "StreamCounters": 7, "Place": 5, "PacketMark": 4,
    ]
}

extension ByteWriter {
    mutating func mark(_ mark: PacketMark) {
        unsigned(mark.packet)
        unsigned(mark.capture)
        signed(mark.time.nanoseconds)
        optional(mark.acknowledged) { $0.signed($1) }
    }

    mutating func place(_ place: Place) {
        byte(place.direction.rawValue)
        signed(place.offset)
        signed(place.length)
        mark(place.first)
        // Nearly always the same packet.
        optional(place.last == place.first ? nil : place.last) { $0.mark($1) }
    }

    mutating func key(_ key: ExchangeKey) {
        unsigned(key.capture)
        unsigned(key.packet)
        byte(key.direction.rawValue)
        signed(key.offset)
    }

    mutating func pair<Value>(_ pair: PerDirection<Value>, _ write: (inout ByteWriter, Value) -> Void) {
        write(&self, pair.client)
        write(&self, pair.server)
    }

    mutating func endpoint(_ endpoint: Endpoint) {
        unsigned(endpoint.address.high)
        unsigned(endpoint.address.low)
        unsigned(endpoint.port)
    }

    mutating func range(_ range: Range<Int32>) {
        signed(Int64(range.lowerBound))
        signed(Int64(range.upperBound))
    }

    mutating func head(_ head: MessageHead) {
        counted(head.bytes)
        switch head.startLine {
        case .request(let method, let target):
            byte(0)
            range(method)
            range(target)
        case .response(let status, let reason):
            byte(1)
            unsigned(status)
            range(reason)
        }
        byte(head.version.major)
        byte(head.version.minor)
        list(head.lines) { writer, line in
            writer.byte(line.name.rawValue)
            writer.range(line.nameRange)
            writer.range(line.valueRange)
        }
        unsigned(head.defects.rawValue)
        place(head.place)
    }

    mutating func connection(_ facts: ConnectionFacts) {
        unsigned(facts.id)
        endpoint(facts.client)
        endpoint(facts.server)
        list(facts.tunnels) { $0.text($1) }
        mark(facts.first)
        flag(facts.sawSYN)
        flag(facts.sawSYNACK)
        optional(facts.serverRoundTrip) { $0.signed($1) }
        optional(facts.clientRoundTrip) { $0.signed($1) }
        pair(facts.gapBytes) { $0.signed($1) }
        pair(facts.packets) { $0.unsigned($1) }
        pair(facts.bytes) { $0.signed($1) }
        pair(facts.ended) { $0.byte($1.rawValue) }
        pair(facts.endMark) { $0.optional($1) { $0.mark($1) } }
        mark(facts.last)
        pair(facts.conflicts) { $0.unsigned($1) }
        unsigned(facts.duplicatePackets)
        signed(facts.observedUntil.nanoseconds)
        optional(facts.proxied) { writer, proxied in
            writer.endpoint(proxied.client)
            writer.endpoint(proxied.server)
        }
        pair(facts.acknowledged) { $0.signed($1) }
    }

    mutating func early(_ early: EarlyData) {
        byte(early.verdict.rawValue)
        text(early.missing)
        signed(early.clientBytes)
        optional(early.atServerBytes) { $0.signed($1) }
        place(early.place)
        optional(early.acknowledged) { $0.signed($1) }
        optional(early.responseStart) { $0.signed($1) }
        optional(early.responseEnd) { $0.signed($1) }
        byte(early.looksLike.rawValue)
        counted(early.excerpt)
        flag(early.onlyLineEnds)
        optional(early.answer) { writer, answer in
            writer.unsigned(answer.status)
            writer.place(answer.place)
            writer.counted(answer.requestLine)
        }
    }

    mutating func websocket(_ facts: WebSocketFacts) {
        pair(facts.sides) { writer, side in
            for index in side.frames.indices { writer.unsigned(side.frames[index]) }
            writer.unsigned(side.textMessages)
            writer.unsigned(side.binaryMessages)
            writer.signed(side.payloadBytes)
            writer.signed(side.wireBytes)
            writer.optional(side.close) { $0.close($1) }
            writer.unsigned(side.maskedFrames)
            writer.unsigned(side.zeroKeys)
            writer.unsigned(side.longestEqualKeyRun)
            writer.unsigned(side.longestStepRun)
            writer.optional(side.firstMessage) { $0.mark($1) }
            writer.counted(side.lastHeader)
            writer.optional(side.lastHeaderPlace) { $0.place($1) }
            writer.flag(side.lost)
            writer.unsigned(side.compressedMessages)
            writer.signed(side.inflatedBytes)
            writer.optional(side.firstInformedFrame) { $0.place($1) }
            writer.optional(side.slowestPing) { $0.pingWait($1) }
            writer.optional(side.openPing) { $0.pingWait($1) }
            writer.optional(side.faultAnswer) { writer, answer in
                writer.place(answer.fault)
                writer.place(answer.first)
                writer.mark(answer.last)
                writer.unsigned(answer.frames)
            }
            writer.list(side.resumed) { $0.resumed($1) }
            writer.signed(side.compressedBytes)
        }
        counted(facts.expectedAccept)
        flag(facts.agreement.deflate)
        flag(facts.agreement.unknownExtension)
        flag(facts.agreement.serverNoContextTakeover)
        flag(facts.agreement.clientNoContextTakeover)
        byte(facts.agreement.serverMaxWindowBits)
        byte(facts.agreement.clientMaxWindowBits)
        optional(facts.longestIdle) { writer, idle in
            writer.mark(idle.from)
            writer.mark(idle.to)
        }
        list(facts.pings.samples) { $0.signed($1) }
        unsigned(facts.pings.count)
        byte(facts.draft.rawValue)
    }

    mutating func close(_ close: CloseFact) {
        optional(close.code) { $0.unsigned($1) }
        counted(close.reason)
        place(close.place)
    }

    mutating func resumed(_ resumed: ResumedFrames) {
        place(resumed.place)
        unsigned(resumed.times)
        for index in resumed.frames.indices { unsigned(resumed.frames[index]) }
        unsigned(resumed.textMessages)
        unsigned(resumed.binaryMessages)
        unsigned(resumed.compressedMessages)
        signed(resumed.payloadBytes)
        signed(resumed.wireBytes)
        optional(resumed.close) { $0.close($1) }
    }

    mutating func pingWait(_ wait: PingWait) {
        place(wait.place)
        counted(wait.payload)
        signed(wait.waited)
        flag(wait.isAnswered)
        flag(wait.sawOtherPong)
    }

    mutating func http2(_ facts: HTTP2Facts) {
        pair(facts.sides) { writer, side in
            for index in side.frames.indices { writer.unsigned(side.frames[index]) }
            writer.list(side.settings) { writer, setting in
                writer.unsigned(setting.identifier)
                writer.unsigned(setting.value)
            }
            writer.unsigned(side.highestStream)
            writer.optional(side.firstOnUpgraded) { $0.mark($1) }
        }
        flag(facts.preface)
        unsigned(facts.streams)
    }

    mutating func exchange(_ exchange: Exchange) {
        byte(exchange.kind.rawValue)
        connection(exchange.connection)
        optional(exchange.request) { $0.head($1) }
        let framing = exchange.framing
        flag(framing.lengthAndCoding)
        flag(framing.endUnknown)
        flag(framing.chunked)
        optional(framing.contentLength) { $0.signed($1) }
        signed(framing.bodyBytes)
        optional(framing.end) { $0.signed($1) }
        list(exchange.interim) { $0.head($1) }
        optional(exchange.response) { $0.head($1) }
        byte(exchange.outcome.rawValue)
        byte(exchange.reason.rawValue)
        byte(exchange.upgraded.rawValue)
        text(exchange.protocolName)
        flag(exchange.protocolInferred)
        optional(exchange.early) { $0.early($1) }
        pair(exchange.switched) { writer, stream in
            writer.optional(stream.start) { $0.signed($1) }
            writer.signed(stream.bytes)
            writer.counted(stream.excerpt)
            writer.optional(stream.first) { $0.mark($1) }
            writer.optional(stream.last) { $0.mark($1) }
        }
        optional(exchange.websocket) { $0.websocket($1) }
        optional(exchange.http2) { $0.http2($1) }
        byte(exchange.inner.rawValue)
        list(exchange.anomalies) { writer, anomaly in
            writer.byte(anomaly.kind.rawValue)
            writer.place(anomaly.place)
            writer.counted(anomaly.excerpt)
            writer.unsigned(anomaly.count)
            writer.signed(anomaly.value)
        }
        list(exchange.laterRequests) { writer, request in
            writer.counted(request.head)
            writer.place(request.place)
            writer.flag(request.hasForwardingFields)
            writer.flag(request.wasEarly)
            writer.unsigned(request.status)
        }
        unsigned(exchange.laterResponses)
        optional(exchange.firstLaterResponse) { $0.head($1) }
        optional(exchange.responseAcknowledged) { $0.mark($1) }
        optional(exchange.parent) { $0.key($1) }
        flag(exchange.touchesGap)
        list(exchange.limitsHit) { $0.text($1) }
        mark(exchange.lastMark)
    }

    mutating func validity(_ validity: Validity) {
        for judged in [validity.isValid, validity.isKeyValid, validity.isAcceptValid] {
            optional(judged) { $0.flag($1) }
        }
    }

    mutating func evidence(_ evidence: Evidence) {
        text(evidence.label)
        place(evidence.place)
        counted(evidence.excerpt)
        list(evidence.redacted) { writer, range in
            writer.signed(Int64(range.lowerBound))
            writer.signed(Int64(range.upperBound))
        }
    }

    mutating func finding(_ finding: Finding) {
        text(finding.rule)
        text(finding.name)
        byte(finding.level.rawValue)
        byte(finding.certainty.rawValue)
        byte(finding.fault.rawValue)
        text(finding.message)
        unsigned(finding.count)
        text(finding.source)
        text(finding.fix)
        list(finding.evidence) { $0.evidence($1) }
        optional(finding.consequenceOf) { $0.text($1) }
        list(finding.withheld) { $0.text($1) }
        optional(finding.exchange) { $0.key($1) }
        optional(finding.connection) { $0.unsigned($1) }
        text(finding.fingerprint)
    }

    mutating func record(_ record: ConnectionRecord) {
        connection(record.facts)
        byte(record.application.rawValue)
        flag(record.startedMidstream)
        flag(record.firstBytesUnknown)
        unsigned(record.guessedFrames)
        byte(record.end.rawValue)
        pair(record.streams) { writer, stream in
            writer.signed(stream.bytes)
            writer.signed(stream.contiguous)
            writer.signed(stream.gapBytes)
            writer.signed(stream.retransmittedBytes)
            writer.unsigned(stream.outOfOrderSegments)
            writer.unsigned(stream.conflicts)
            writer.optional(stream.digest) { $0.counted($1) }
        }
        unsigned(record.packets)
        unsigned(record.requests)
        unsigned(record.exchanges)
        optional(record.oneDirection) { $0.byte($1.rawValue) }
        optional(record.serverName) { $0.text($1) }
        list(record.protocols) { $0.text($1) }
        flag(record.encrypted)
        optional(record.firstGap) { $0.place($1) }
        optional(record.firstDuplicate) { writer, duplicate in
            writer.mark(duplicate.copy)
            writer.mark(duplicate.original)
        }
        optional(record.copyOf) { $0.unsigned($1) }
        list(record.copiesUnder) { $0.text($1) }
        pair(record.firstPayload) { $0.optional($1) { $0.mark($1) } }
        counted(record.firstBytes)
        unsigned(record.loneUpgradeOptions)
        optional(record.firstLoneUpgradeOption) { $0.head($1) }
        unsigned(record.advertisements)
        optional(record.firstAdvertisement) { $0.head($1) }
        unsigned(record.bareUpgrades)
        optional(record.firstBareUpgrade) { $0.head($1) }
    }
}

extension ByteReader {
    typealias Failure = DecodingFailure

    mutating func mark() throws(Failure) -> PacketMark {
        let packet = try unsigned(as: UInt32.self)
        let capture = try unsigned(as: UInt16.self)
        let time = Timestamp(nanoseconds: try signed())
        let acknowledged = try optional { r throws(Failure) in try r.signed() }
        return PacketMark(packet: packet, capture: capture, time: time, acknowledged: acknowledged)
    }

    mutating func place() throws(Failure) -> Place {
        let direction = try word(Direction.self)
        let offset = try signed()
        let length = try signed()
        let first = try mark()
        let last = try optional { r throws(Failure) in try r.mark() }
        return Place(direction: direction, offset: offset, length: length, first: first, last: last ?? first)
    }

    mutating func key() throws(Failure) -> ExchangeKey {
        ExchangeKey(
            capture: try unsigned(as: UInt16.self), packet: try unsigned(as: UInt32.self),
            direction: try word(Direction.self), offset: try signed())
    }

    mutating func pair<Value>(
        _ read: (inout ByteReader) throws(Failure) -> Value
    ) throws(Failure) -> PerDirection<Value> {
        let client = try read(&self)
        return PerDirection(client: client, server: try read(&self))
    }

    mutating func endpoint() throws(Failure) -> Endpoint {
        let address = IPAddress(high: try unsigned(), low: try unsigned())
        return Endpoint(address: address, port: try unsigned(as: UInt16.self))
    }

    /// A range that lies within a head of `count` bytes.
    mutating func range(within count: Int) throws(Failure) -> Range<Int32> {
        let lower = try signed()
        let upper = try signed()
        guard 0 <= lower, lower <= upper, upper <= Int64(count), upper <= Int64(Int32.max) else {
            throw DecodingFailure()
        }
        return Int32(lower)..<Int32(upper)
    }

    mutating func head() throws(Failure) -> MessageHead {
        let bytes = try counted()
        let startLine: MessageHead.StartLine
        switch try byte() {
        case 0:
            let method = try range(within: bytes.count)
            startLine = .request(method: method, target: try range(within: bytes.count))
        case 1:
            let status = try unsigned(as: UInt16.self)
            startLine = .response(status: status, reason: try range(within: bytes.count))
        default: throw DecodingFailure()
        }
        let version = (major: try byte(), minor: try byte())
        let lines = try list { r throws(Failure) in
            let name = try r.word(FieldName.self)
            let nameRange = try r.range(within: bytes.count)
            return FieldLine(name: name, nameRange: nameRange, valueRange: try r.range(within: bytes.count))
        }
        let defects = HeadDefects(rawValue: try unsigned(as: UInt16.self))
        return MessageHead(
            bytes: bytes, startLine: startLine, version: version, lines: lines, defects: defects, place: try place())
    }

    mutating func connection() throws(Failure) -> ConnectionFacts {
        let id = try unsigned()
        let client = try endpoint()
        let server = try endpoint()
        let tunnels = try list { r throws(Failure) in try r.text() }
        var facts = ConnectionFacts(id: id, client: client, server: server, first: try mark())
        facts.tunnels = tunnels
        facts.sawSYN = try flag()
        facts.sawSYNACK = try flag()
        facts.serverRoundTrip = try optional { r throws(Failure) in try r.signed() }
        facts.clientRoundTrip = try optional { r throws(Failure) in try r.signed() }
        facts.gapBytes = try pair { r throws(Failure) in try r.signed() }
        facts.packets = try pair { r throws(Failure) in try r.unsigned() }
        facts.bytes = try pair { r throws(Failure) in try r.signed() }
        facts.ended = try pair { r throws(Failure) in try r.word(StreamEnd.self) }
        facts.endMark = try pair { r throws(Failure) in try r.optional { r throws(Failure) in try r.mark() } }
        facts.last = try mark()
        facts.conflicts = try pair { r throws(Failure) in try r.unsigned(as: UInt32.self) }
        facts.duplicatePackets = try unsigned(as: UInt32.self)
        facts.observedUntil = Timestamp(nanoseconds: try signed())
        facts.proxied = try optional { r throws(Failure) in
            let client = try r.endpoint()
            return ProxiedAddresses(client: client, server: try r.endpoint())
        }
        facts.acknowledged = try pair { r throws(Failure) in try r.signed() }
        return facts
    }

    mutating func early() throws(Failure) -> EarlyData {
        let verdict = try word(EarlyVerdict.self)
        let missing = try text()
        let clientBytes = try signed()
        let atServerBytes = try optional { r throws(Failure) in try r.signed() }
        var early = EarlyData(place: try place())
        early.verdict = verdict
        early.missing = missing
        early.clientBytes = clientBytes
        early.atServerBytes = atServerBytes
        early.acknowledged = try optional { r throws(Failure) in try r.signed() }
        early.responseStart = try optional { r throws(Failure) in try r.signed() }
        early.responseEnd = try optional { r throws(Failure) in try r.signed() }
        early.looksLike = try word(Likeness.self)
        early.excerpt = try counted()
        early.onlyLineEnds = try flag()
        early.answer = try optional { r throws(Failure) in
            let status = try r.unsigned(as: UInt16.self)
            let place = try r.place()
            return EarlyAnswer(status: status, place: place, requestLine: try r.counted())
        }
        return early
    }

    mutating func websocketSide() throws(Failure) -> WebSocketSide {
        var side = WebSocketSide()
        for index in side.frames.indices { side.frames[index] = try unsigned() }
        side.textMessages = try unsigned()
        side.binaryMessages = try unsigned()
        side.payloadBytes = try signed()
        side.wireBytes = try signed()
        side.close = try optional { r throws(Failure) in try r.close() }
        side.maskedFrames = try unsigned()
        side.zeroKeys = try unsigned()
        side.longestEqualKeyRun = try unsigned(as: UInt32.self)
        side.longestStepRun = try unsigned(as: UInt32.self)
        side.firstMessage = try optional { r throws(Failure) in try r.mark() }
        side.lastHeader = try counted()
        side.lastHeaderPlace = try optional { r throws(Failure) in try r.place() }
        side.lost = try flag()
        side.compressedMessages = try unsigned()
        side.inflatedBytes = try signed()
        side.firstInformedFrame = try optional { r throws(Failure) in try r.place() }
        side.slowestPing = try optional { r throws(Failure) in try r.pingWait() }
        side.openPing = try optional { r throws(Failure) in try r.pingWait() }
        side.faultAnswer = try optional { r throws(Failure) in
            var answer = FaultAnswer(fault: try r.place(), first: try r.place(), last: try r.mark())
            answer.frames = try r.unsigned()
            return answer
        }
        side.resumed = try list { r throws(Failure) in try r.resumed() }
        side.compressedBytes = try signed()
        return side
    }

    mutating func close() throws(Failure) -> CloseFact {
        let code = try optional { r throws(Failure) in try r.unsigned(as: UInt16.self) }
        let reason = try counted()
        return CloseFact(code: code, reason: reason, place: try place())
    }

    mutating func resumed() throws(Failure) -> ResumedFrames {
        var resumed = ResumedFrames(place: try place())
        resumed.times = try unsigned(as: UInt32.self)
        for index in resumed.frames.indices { resumed.frames[index] = try unsigned() }
        resumed.textMessages = try unsigned()
        resumed.binaryMessages = try unsigned()
        resumed.compressedMessages = try unsigned()
        resumed.payloadBytes = try signed()
        resumed.wireBytes = try signed()
        resumed.close = try optional { r throws(Failure) in try r.close() }
        return resumed
    }

    mutating func pingWait() throws(Failure) -> PingWait {
        PingWait(
            place: try place(), payload: try counted(), waited: try signed(), isAnswered: try flag(),
            sawOtherPong: try flag())
    }

    mutating func websocket() throws(Failure) -> WebSocketFacts {
        let facts = WebSocketFacts()
        facts.sides = try pair { r throws(Failure) in try r.websocketSide() }
        facts.expectedAccept = try counted()
        facts.agreement.deflate = try flag()
        facts.agreement.unknownExtension = try flag()
        facts.agreement.serverNoContextTakeover = try flag()
        facts.agreement.clientNoContextTakeover = try flag()
        facts.agreement.serverMaxWindowBits = try byte()
        facts.agreement.clientMaxWindowBits = try byte()
        facts.longestIdle = try optional { r throws(Failure) in IdleTime(from: try r.mark(), to: try r.mark()) }
        facts.pings.samples = try list { r throws(Failure) in try r.signed() }
        facts.pings.count = try unsigned()
        guard let draft = WebSocketDraft(rawValue: try byte()) else { throw DecodingFailure() }
        facts.draft = draft
        return facts
    }

    mutating func http2() throws(Failure) -> HTTP2Facts {
        var facts = HTTP2Facts()
        facts.sides = try pair { r throws(Failure) in
            var side = HTTP2Side()
            for index in side.frames.indices { side.frames[index] = try r.unsigned() }
            side.settings = try r.list { r throws(Failure) in
                let identifier = try r.unsigned(as: UInt16.self)
                return (identifier: identifier, value: try r.unsigned(as: UInt32.self))
            }
            side.highestStream = try r.unsigned(as: UInt32.self)
            side.firstOnUpgraded = try r.optional { r throws(Failure) in try r.mark() }
            return side
        }
        facts.preface = try flag()
        facts.streams = try unsigned()
        return facts
    }

    mutating func framing() throws(Failure) -> RequestFraming {
        var framing = RequestFraming()
        framing.lengthAndCoding = try flag()
        framing.endUnknown = try flag()
        framing.chunked = try flag()
        framing.contentLength = try optional { r throws(Failure) in try r.signed() }
        framing.bodyBytes = try signed()
        framing.end = try optional { r throws(Failure) in try r.signed() }
        return framing
    }

    mutating func exchange() throws(Failure) -> Exchange {
        let kind = try word(ExchangeKind.self)
        let connection = try connection()
        var exchange = Exchange(kind: kind, connection: connection, first: connection.first)
        exchange.request = try optional { r throws(Failure) in try r.head() }
        exchange.framing = try framing()
        exchange.interim = try list { r throws(Failure) in try r.head() }
        exchange.response = try optional { r throws(Failure) in try r.head() }
        exchange.outcome = try word(Outcome.self)
        exchange.reason = try word(OutcomeReason.self)
        exchange.upgraded = try word(UpgradedProtocol.self)
        exchange.protocolName = try text()
        exchange.protocolInferred = try flag()
        exchange.early = try optional { r throws(Failure) in try r.early() }
        exchange.switched = try pair { r throws(Failure) in
            var stream = SwitchedStream()
            stream.start = try r.optional { r throws(Failure) in try r.signed() }
            stream.bytes = try r.signed()
            stream.excerpt = try r.counted()
            stream.first = try r.optional { r throws(Failure) in try r.mark() }
            stream.last = try r.optional { r throws(Failure) in try r.mark() }
            return stream
        }
        exchange.websocket = try optional { r throws(Failure) in try r.websocket() }
        exchange.http2 = try optional { r throws(Failure) in try r.http2() }
        exchange.inner = try word(Likeness.self)
        exchange.anomalies = try list { r throws(Failure) in
            let kind = try r.word(Anomaly.Kind.self)
            let place = try r.place()
            var anomaly = Anomaly(kind: kind, place: place, excerpt: try r.counted())
            anomaly.count = try r.unsigned(as: UInt32.self)
            anomaly.value = try r.signed()
            return anomaly
        }
        exchange.laterRequests = try list { r throws(Failure) in
            let head = try r.counted()
            let place = try r.place()
            let hasForwardingFields = try r.flag()
            let wasEarly = try r.flag()
            return LaterRequest(
                head: head, place: place, hasForwardingFields: hasForwardingFields, wasEarly: wasEarly,
                status: try r.unsigned(as: UInt16.self))
        }
        exchange.laterResponses = try unsigned(as: UInt32.self)
        exchange.firstLaterResponse = try optional { r throws(Failure) in try r.head() }
        exchange.responseAcknowledged = try optional { r throws(Failure) in try r.mark() }
        exchange.parent = try optional { r throws(Failure) in try r.key() }
        exchange.touchesGap = try flag()
        exchange.limitsHit = try list { r throws(Failure) in try r.text() }
        exchange.lastMark = try mark()
        return exchange
    }

    mutating func validity() throws(Failure) -> Validity {
        var validity = Validity()
        validity.isValid = try optional { r throws(Failure) in try r.flag() }
        validity.isKeyValid = try optional { r throws(Failure) in try r.flag() }
        validity.isAcceptValid = try optional { r throws(Failure) in try r.flag() }
        return validity
    }

    mutating func evidence() throws(Failure) -> Evidence {
        let label = try text()
        let place = try place()
        let excerpt = try counted()
        let redacted = try list { r throws(Failure) in
            let lower = try r.signed()
            let upper = try r.signed()
            guard 0 <= lower, lower <= upper, upper <= Int64(excerpt.count) else { throw DecodingFailure() }
            return Int(lower)..<Int(upper)
        }
        return Evidence(label: label, place: place, excerpt: excerpt, redacted: redacted)
    }

    mutating func finding() throws(Failure) -> Finding {
        let rule = try text()
        let name = try text()
        let level = try word(Level.self)
        let certainty = try word(Certainty.self)
        let fault = try word(Fault.self)
        let message = try text()
        let count = try unsigned(as: UInt32.self)
        let source = try text()
        var finding = Finding(
            rule: rule, name: name, level: level, certainty: certainty, fault: fault, message: message,
            source: source, fix: try text())
        finding.count = count
        finding.evidence = try list { r throws(Failure) in try r.evidence() }
        finding.consequenceOf = try optional { r throws(Failure) in try r.text() }
        finding.withheld = try list { r throws(Failure) in try r.text() }
        finding.exchange = try optional { r throws(Failure) in try r.key() }
        finding.connection = try optional { r throws(Failure) in try r.unsigned() }
        finding.fingerprint = try text()
        return finding
    }

    mutating func record() throws(Failure) -> ConnectionRecord {
        var record = ConnectionRecord(facts: try connection())
        record.application = try word(ConnectionProtocol.self)
        record.startedMidstream = try flag()
        record.firstBytesUnknown = try flag()
        record.guessedFrames = try unsigned(as: UInt32.self)
        record.end = try word(ConnectionEnd.self)
        record.streams = try pair { r throws(Failure) in
            var stream = StreamCounters()
            stream.bytes = try r.signed()
            stream.contiguous = try r.signed()
            stream.gapBytes = try r.signed()
            stream.retransmittedBytes = try r.signed()
            stream.outOfOrderSegments = try r.unsigned()
            stream.conflicts = try r.unsigned()
            stream.digest = try r.optional { r throws(Failure) in try r.counted() }
            return stream
        }
        record.packets = try unsigned()
        record.requests = try unsigned(as: UInt32.self)
        record.exchanges = try unsigned(as: UInt32.self)
        record.oneDirection = try optional { r throws(Failure) in try r.word(Direction.self) }
        record.serverName = try optional { r throws(Failure) in try r.text() }
        record.protocols = try list { r throws(Failure) in try r.text() }
        record.encrypted = try flag()
        record.firstGap = try optional { r throws(Failure) in try r.place() }
        record.firstDuplicate = try optional { r throws(Failure) in
            let copy = try r.mark()
            return (copy: copy, original: try r.mark())
        }
        record.copyOf = try optional { r throws(Failure) in try r.unsigned() }
        record.copiesUnder = try list { r throws(Failure) in try r.text() }
        record.firstPayload = try pair { r throws(Failure) in
            try r.optional { r throws(Failure) in try r.mark() }
        }
        record.firstBytes = try counted()
        record.loneUpgradeOptions = try unsigned(as: UInt32.self)
        record.firstLoneUpgradeOption = try optional { r throws(Failure) in try r.head() }
        record.advertisements = try unsigned(as: UInt32.self)
        record.firstAdvertisement = try optional { r throws(Failure) in try r.head() }
        record.bareUpgrades = try unsigned(as: UInt32.self)
        record.firstBareUpgrade = try optional { r throws(Failure) in try r.head() }
        return record
    }
}

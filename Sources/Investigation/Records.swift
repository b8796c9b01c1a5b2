// The records of the spool, field by field.
//
// A test fills every stored property with a value of its own, so one that is added later and not named here is found.
// Of a head, its index of names is not written: it follows from the lines.

import Inspection
import Traffic

extension Direction: RecordWord {}
extension ExchangeKind: RecordWord {}
extension Outcome: RecordWord {}
extension OutcomeReason: RecordWord {}
extension UpgradedProtocol: RecordWord {}
extension EarlyVerdict: RecordWord {}
extension Likeness: RecordWord {}
extension Anomaly.Kind: RecordWord {}
extension WebSocketDraft: RecordWord {}
extension FieldName: RecordWord {}
extension Level: RecordWord {}
extension Certainty: RecordWord {}
extension Fault: RecordWord {}
extension StreamEnd: RecordWord { static var blank: Self { .open } }
extension ConnectionProtocol: RecordWord { static var blank: Self { .unknown } }
extension ConnectionEnd: RecordWord { static var blank: Self { .captureEnd } }

// MARK: Where

extension Timestamp: Record {
    static var blank: Timestamp { Timestamp(nanoseconds: 0) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder(&nanoseconds) }
}

extension Arrival: Record {
    static var blank: Arrival { Arrival(packet: 0, time: .blank, heard: nil) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&packet, &capture, &time)
        try coder(&heard)
    }
}

extension StreamID: Record {
    static var blank: StreamID { .connection }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder(&rawValue) }
}

extension Place: Record {
    static var blank: Place { Place(direction: .client, offset: 0, length: 0, first: .blank, last: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&direction, &stream, &offset, &length, &first)
        // Nearly always the same packet.
        var other = last == first ? nil : Optional(last)
        try coder(&other)
        last = other ?? first
    }
}

extension ExchangeKey: Record {
    static var blank: ExchangeKey { ExchangeKey(capture: 0, packet: 0, direction: .client, offset: 0) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&capture, &packet, &direction, &stream, &offset)
    }
}

extension IPAddress: Record {
    static var blank: IPAddress { IPAddress(high: 0, low: 0) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder(&high, &low) }
}

extension Endpoint: Record {
    static var blank: Endpoint { Endpoint(address: .blank, port: 0) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder(&address, &port) }
}

extension ProxiedAddresses: Record {
    static var blank: ProxiedAddresses { ProxiedAddresses(client: .blank, server: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder(&client, &server) }
}

// MARK: Heads

extension FieldLine: Record {
    static var blank: FieldLine { FieldLine(name: .other, nameRange: .blank, valueRange: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&name, &nameRange, &valueRange)
    }
}

extension HeadDefects: Record {
    static var blank: HeadDefects { [] }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder(&rawValue) }
}

extension MessageHead.StartLine: Record {
    static var blank: MessageHead.StartLine { .request(method: .blank, target: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        var (isResponse, status) = (false, UInt16(0))
        var ranges: (Range<Int32>, Range<Int32>) = (.blank, .blank)
        switch self {
        case .request(let method, let target): ranges = (method, target)
        case .response(let number, let reason): (isResponse, status, ranges.0) = (true, number, reason)
        }
        try coder(&isResponse)
        if isResponse { try coder(&status) }
        try coder(&ranges.0)
        if !isResponse { try coder(&ranges.1) }
        self =
            isResponse
            ? .response(status: status, reason: ranges.0) : .request(method: ranges.0, target: ranges.1)
    }

    fileprivate var end: Int32 {
        switch self {
        case .request(let method, let target): max(method.upperBound, target.upperBound)
        case .response(_, let reason): reason.upperBound
        }
    }
}

extension MessageHead: Record {
    static var blank: MessageHead {
        MessageHead(bytes: [], startLine: .blank, version: (0, 0), lines: [], defects: [], place: .blank)
    }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&bytes)
        try coder(&startLine, &version.major, &version.minor)
        try coder(&lines)
        try coder(&defects, &place)
        try coder.check(startLine.end <= bytes.count)
        try coder.check(lines.allSatisfy { max($0.nameRange.upperBound, $0.valueRange.upperBound) <= bytes.count })
    }
}

// MARK: Exchanges

extension ConnectionFacts: Record {
    static var blank: ConnectionFacts { ConnectionFacts(id: 0, client: .blank, server: .blank, first: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&id, &client, &server, &tunnels, &first, &sawSYN)
        try coder(&sawSYNACK, &serverRoundTrip, &clientRoundTrip, &gapBytes, &packets, &bytes)
        try coder(&ended, &endMark, &last, &conflicts, &duplicatePackets, &observedUntil)
        try coder(&proxied, &acknowledged)
    }
}

extension EarlyAnswer: Record {
    static var blank: EarlyAnswer { EarlyAnswer(status: 0, place: .blank, requestLine: []) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&status, &place, &requestLine)
    }
}

extension EarlyData: Record {
    static var blank: EarlyData { EarlyData(place: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&verdict, &missing, &clientBytes, &atServerBytes, &place, &acknowledged)
        try coder(&responseStart, &responseEnd, &looksLike, &excerpt, &onlyLineEnds, &answer)
    }
}

extension LaterRequest: Record {
    static var blank: LaterRequest {
        LaterRequest(head: [], place: .blank, hasForwardingFields: false, wasEarly: false, status: 0)
    }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&head, &place, &hasForwardingFields, &wasEarly, &status)
    }
}

extension RequestFraming: Record {
    static var blank: RequestFraming { RequestFraming() }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&lengthAndCoding, &endUnknown, &chunked, &contentLength, &bodyBytes, &end)
    }
}

extension Anomaly: Record {
    static var blank: Anomaly { Anomaly(kind: .blank, place: .blank, excerpt: []) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&kind, &place, &excerpt, &count, &value)
    }
}

extension SwitchedStream: Record {
    static var blank: SwitchedStream { SwitchedStream() }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&start, &bytes, &excerpt, &first, &last)
    }
}

extension Exchange: Record {
    static var blank: Exchange { Exchange(kind: .blank, connection: .blank, first: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&kind, &connection, &request, &framing, &interim, &response)
        try coder(&outcome, &reason, &upgraded, &protocolName, &protocolInferred, &early)
        try coder(&switched, &websocket, &inner, &anomalies, &laterRequests)
        var kept = session.map { KeptSessionFacts($0) }
        try coder(&kept)
        session = kept
        try coder(&laterResponses, &firstLaterResponse, &responseAcknowledged, &parent, &touchesGap, &limitsHit)
        try coder(&lastMark)
    }
}

// MARK: What was said after the switch

extension KeptSessionFacts: Record {
    static var blank: KeptSessionFacts {
        KeptSessionFacts(name: "", words: PerDirection(both: []), report: .flag(false))
    }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&name, &words, &messages, &report)
    }
}

extension FactValue.Member: Record {
    static var blank: FactValue.Member { FactValue.Member("", .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder(&name, &value) }
}

/// Which of its cases a fact is.
private enum FactKind: UInt8 { case number, flag, word, captured, list, object }

extension FactValue: Record {
    static var blank: FactValue { .flag(false) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        var (kind, number, flag, word): (FactKind, Int64, Bool, String) = (.number, 0, false, "")
        var (bytes, values, members): ([UInt8], [FactValue], [Member]) = ([], [], [])
        switch self {
        case .number(let value): (kind, number) = (.number, value)
        case .flag(let value): (kind, flag) = (.flag, value)
        case .word(let value): (kind, word) = (.word, value)
        case .captured(let value): (kind, bytes) = (.captured, value)
        case .list(let value): (kind, values) = (.list, value)
        case .object(let value): (kind, members) = (.object, value)
        }
        try coder.word(&kind)
        switch kind {
        case .number:
            try coder(&number)
            self = .number(number)
        case .flag:
            try coder(&flag)
            self = .flag(flag)
        case .word:
            try coder(&word)
            self = .word(word)
        case .captured:
            try coder(&bytes)
            self = .captured(bytes)
        case .list:
            try coder(&values)
            self = .list(values)
        case .object:
            try coder(&members)
            self = .object(members)
        }
    }
}

extension CloseFact: Record {
    static var blank: CloseFact { CloseFact(code: nil, reason: [], place: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&code, &reason, &place)
    }
}

extension PingWait: Record {
    static var blank: PingWait {
        PingWait(place: .blank, payload: [], waited: 0, isAnswered: false, sawOtherPong: false)
    }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&place, &payload, &waited, &isAnswered, &sawOtherPong)
    }
}

extension FaultAnswer: Record {
    static var blank: FaultAnswer { FaultAnswer(fault: .blank, first: .blank, last: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&fault, &first, &last, &frames)
    }
}

extension ResumedFrames: Record {
    static var blank: ResumedFrames { ResumedFrames(place: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&place, &times, &frames, &textMessages, &binaryMessages, &compressedMessages)
        try coder(&payloadBytes, &wireBytes, &close)
    }
}

extension WebSocketSide: Record {
    static var blank: WebSocketSide { WebSocketSide() }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&frames, &textMessages, &binaryMessages, &payloadBytes, &wireBytes, &close)
        try coder(&maskedFrames, &zeroKeys, &longestEqualKeyRun, &longestStepRun, &firstMessage, &lastHeader)
        try coder(&lastHeaderPlace, &lost, &compressedMessages, &inflatedBytes, &firstInformedFrame, &slowestPing)
        try coder(&openPing, &faultAnswer, &resumed, &compressedBytes)
    }
}

extension WebSocketAgreement: Record {
    static var blank: WebSocketAgreement { WebSocketAgreement() }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&deflate, &unknownExtension, &serverNoContextTakeover, &clientNoContextTakeover)
        try coder(&serverMaxWindowBits, &clientMaxWindowBits)
    }
}

extension IdleTime: Record {
    static var blank: IdleTime { IdleTime(from: .blank, to: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder(&from, &to) }
}

extension PingTimes: Record {
    static var blank: PingTimes { PingTimes() }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder(&samples, &count) }
}

extension WebSocketFacts: Record {
    static var blank: WebSocketFacts { WebSocketFacts() }
    func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&sides, &expectedAccept, &agreement, &longestIdle, &pings, &draft)
    }
}

extension TranscriptMessage: Record {
    static var blank: TranscriptMessage { TranscriptMessage(direction: .client, opcode: 0, place: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&place)
        direction = place.direction
        try coder(&opcode, &isCompressed, &isUnreadable, &isComplete, &length, &wireLength)
        try coder(&missing, &fragmentCount, &fragments, &payload)
    }
}

// MARK: What was judged

extension Evidence: Record {
    static var blank: Evidence { Evidence(label: "", place: .blank, excerpt: []) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&label, &place, &excerpt, &redacted)
        try coder.check(redacted.allSatisfy { $0.upperBound <= excerpt.count })
    }
}

extension Finding: Record {
    static var blank: Finding {
        Finding(
            rule: "", name: "", level: .blank, certainty: .blank, fault: .blank, message: "", source: "", fix: "")
    }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&rule, &name, &level, &certainty, &fault, &message)
        try coder(&count, &source, &fix, &evidence, &consequenceOf, &withheld)
        try coder(&exchange, &connection, &fingerprint)
    }
}

extension Validity: Record {
    static var blank: Validity { Validity() }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&isValid, &isKeyValid, &isAcceptValid)
    }
}

// MARK: Connections

extension StreamCounters: Record {
    static var blank: StreamCounters { StreamCounters() }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&bytes, &contiguous, &gapBytes, &retransmittedBytes, &outOfOrderSegments, &conflicts)
        try coder(&digest)
    }
}

extension ConnectionRecord: Record {
    static var blank: ConnectionRecord { ConnectionRecord(facts: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&facts, &application, &startedMidstream, &firstBytesUnknown, &guessedFrames, &end)
        try coder(&streams, &packets, &requests, &exchanges, &oneDirection, &serverName)
        try coder(&protocols, &encrypted, &firstGap)
        try coder.optional(&firstDuplicate, blank: (.blank, .blank)) { duplicate, coder throws(Coder.Failure) in
            try coder(&duplicate.copy, &duplicate.original)
        }
        try coder(&copyOf, &copiesUnder, &firstPayload, &firstBytes, &loneUpgradeOptions, &firstLoneUpgradeOption)
        try coder(&advertisements, &firstAdvertisement, &bareUpgrades, &firstBareUpgrade)
    }
}

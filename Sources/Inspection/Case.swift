// What a check is handed: the exchange, its facts, and the means to say what was seen and where.
//
// A message is one sentence for people; it never holds a secret and never a control character. Evidence is
// copied out of heads and excerpts here, at most 256 bytes of it, with secrets blotted out.

import Ground
import Traffic

struct Case {
    private let subject: Subject
    let facts: Facts
    var rule: Rule
    var showSecrets: Bool { subject.showSecrets }
    var thresholds: Thresholds { subject.thresholds }

    /// Held by reference: a case is handed to every check.
    private final class Subject {
        let exchange: Exchange
        let showSecrets: Bool
        let thresholds: Thresholds
        /// Of the heads that were asked for, by where they stand: several findings show the same ones.
        private var secrets: [(place: Place, ranges: [Range<Int>])] = []

        init(_ exchange: consuming Exchange, showSecrets: Bool, thresholds: Thresholds) {
            self.exchange = exchange
            self.showSecrets = showSecrets
            self.thresholds = thresholds
        }

        func secrets(of head: MessageHead) -> [Range<Int>] {
            if let known = secrets.first(where: { $0.place == head.place }) { return known.ranges }
            let ranges = Redaction.secretRanges(of: head)
            if secrets.count < 4 { secrets.append((head.place, ranges)) }
            return ranges
        }
    }

    init(exchange: consuming Exchange, facts: Facts, rule: Rule, showSecrets: Bool, thresholds: Thresholds) {
        subject = Subject(exchange, showSecrets: showSecrets, thresholds: thresholds)
        self.facts = facts
        self.rule = rule
    }

    var exchange: Exchange {
        _read { yield subject.exchange }
    }
    var request: MessageHead? { exchange.request }
    var response: MessageHead? { exchange.response }
    /// The client of a hop-by-hop field is the last one who forwarded it.
    var sender: Fault { facts.contains(.forwarded) ? .intermediary : .client }

    /// One finding of the rule.
    ///
    /// Where the protocol was concluded and not stated, what follows from it is inferred as well.
    func found(
        _ message: @autoclosure () -> String, level: Level? = nil, fault: Fault? = nil, certainty: Certainty? = nil,
        count: UInt32 = 1, follows: String? = nil, withheld: [String] = [],
        at evidence: @autoclosure () -> [Evidence?] = []
    ) -> Finding {
        let guessed = exchange.protocolInferred && rule.when.holdsAny([.websocket, .h2c])
        var finding = Finding(
            rule: rule.id, name: rule.name, level: level ?? rule.level,
            certainty: certainty ?? (guessed ? .inferred : .proven), fault: fault ?? rule.fault,
            message: message(), source: rule.source, fix: rule.fix)
        finding.count = count
        finding.consequenceOf = follows
        finding.withheld = withheld
        // One place is shown once under one name.
        for case let piece? in evidence()
        where !finding.evidence.contains(where: { $0.place == piece.place && $0.label == piece.label }) {
            finding.evidence.append(piece)
        }
        finding.exchange = exchange.key
        finding.connection = exchange.connection.id
        return finding
    }

    /// The time up to which the connection was open and watched.
    var watchedUntil: Timestamp {
        let connection = exchange.connection
        let ends = [connection.endMark.client?.time, connection.endMark.server?.time].compactMap { $0 }
        return min(ends.min() ?? connection.observedUntil, connection.observedUntil)
    }

    /// Every byte of both sides was read as frames.
    var sawEveryFrame: Bool {
        guard exchange.connection.gapBytes == PerDirection(both: 0), let facts = exchange.websocket else {
            return false
        }
        return facts.withSides { !$0.client.lost && !$0.server.lost }
    }

    /// A packet that shows something by having come.
    func packet(_ label: String, _ mark: Arrival, _ direction: Direction) -> Evidence {
        Evidence(
            label: label, place: Place(direction: direction, offset: 0, length: 0, first: mark, last: mark), excerpt: []
        )
    }

    // MARK: Words

    /// The value of a field as text, lines joined; "no X" is for the caller to say.
    func value(_ name: FieldName, of head: MessageHead?) -> String {
        guard let head else { return "" }
        let secrets = subject.secrets(of: head)
        var text: String?
        for line in head.lines where line.name == name {
            let value = shown(head.value(of: line), hiding: secrets)
            text = text.map { $0 + ", " + value } ?? value
        }
        return text ?? ""
    }

    /// Method and target, secrets left out.
    var requestName: String {
        guard let request else { return "no request" }
        return "\(Words.plain(request.method.text)) \(Words.plain(shownTarget(request)))"
    }

    func shownTarget(_ request: MessageHead) -> String {
        Words.plain(
            showSecrets ? request.target.text : Redaction.text(request.target, hiding: subject.secrets(of: request)))
    }

    func shown(_ slice: ArraySlice<UInt8>, hiding secrets: [Range<Int>] = []) -> String {
        Words.plain(showSecrets ? slice.text : Redaction.text(slice, hiding: secrets))
    }

    /// Status and reason phrase.
    var answer: String { response.map { Words.status($0) } ?? "no answer" }

    // MARK: Evidence

    /// A whole head, as far as 256 bytes reach.
    func head(_ head: MessageHead?, _ label: String) -> Evidence? {
        guard let head else { return nil }
        return evidence(label, head, 0..<head.bytes.count, place: head.place)
    }

    var requestHead: Evidence? { head(request, "request head") }
    var responseHead: Evidence? { head(response, "response head") }
    var requestLine: Evidence? { startLine(request, "request line") }
    var statusLine: Evidence? { startLine(response, "status line") }

    func startLine(_ head: MessageHead?, _ label: String) -> Evidence? {
        guard let head else { return nil }
        let end = head.bytes.span.endOfLine
        let place = Place(
            direction: head.place.direction, offset: head.place.offset, length: Int64(end), first: head.place.first,
            last: head.place.first)
        return evidence(label, head, 0..<end, place: place)
    }

    /// The lines of these names, at most eight.
    func lines(_ names: FieldName..., of head: MessageHead?) -> [Evidence?] {
        guard let head else { return [] }
        let side = head.place.direction == .client ? " of the request" : " of the response"
        var found: [Evidence?] = []
        for line in head.lines where line.name != .other && found.count < 8 && names.contains(line.name) {
            let end = max(Int(line.valueRange.upperBound), Int(line.nameRange.upperBound))
            let label = Words.plain(head.name(of: line).text) + side
            found.append(evidence(label, head, Int(line.nameRange.lowerBound)..<end, place: head.place(of: line)))
        }
        return found
    }

    /// The first early bytes.
    var earlyBytes: Evidence? {
        guard let early = exchange.early else { return nil }
        return raw("early bytes", early.place, Array(early.excerpt.prefix(Int(clamping: max(early.place.length, 1)))))
    }

    /// The first bytes of one side after the switch.
    func switched(_ direction: Direction) -> Evidence? {
        let stream = exchange.switched[direction]
        guard let first = stream.first, let start = stream.start, !stream.excerpt.isEmpty else { return nil }
        let place = Place(
            direction: direction, offset: start, length: Int64(stream.excerpt.count), first: first, last: first)
        return raw("first \(direction.name) bytes behind the switch", place, stream.excerpt)
    }

    /// Bytes that were kept on their own: an anomaly, early data, a later request.
    func raw(_ label: String, _ place: Place, _ bytes: [UInt8]) -> Evidence {
        Redaction.excerpt(label, place, bytes, showSecrets: showSecrets)
    }

    private func evidence(_ label: String, _ head: MessageHead, _ range: Range<Int>, place: Place) -> Evidence {
        var excerpt = Array(head.bytes[range.lowerBound..<min(range.upperBound, range.lowerBound + 256)])
        let secrets = showSecrets ? [] : subject.secrets(of: head)
        let runs = Redaction.blot(&excerpt, at: range.lowerBound, secrets: secrets)
        return Evidence(label: label, place: place, excerpt: excerpt, redacted: runs)
    }
}

/// What a check of a whole connection is handed.
struct ConnectionCase {
    let record: ConnectionRecord
    let rule: Rule
    let showSecrets: Bool

    func found(
        _ message: String, fault: Fault? = nil, certainty: Certainty = .proven, withheld: [String] = [],
        count: UInt32 = 1, at evidence: [Evidence?] = []
    ) -> Finding {
        var finding = Finding(
            rule: rule.id, name: rule.name, level: rule.level, certainty: certainty, fault: fault ?? rule.fault,
            message: message,
            source: rule.source, fix: rule.fix)
        finding.count = count
        finding.withheld = withheld
        finding.evidence = evidence.compactMap { $0 }
        finding.connection = record.facts.id
        return finding
    }

    func raw(_ label: String, _ place: Place, _ bytes: [UInt8]) -> Evidence {
        Redaction.excerpt(label, place, bytes, showSecrets: showSecrets)
    }

    /// A packet without bytes of its own to show.
    func packet(_ label: String, _ mark: Arrival, _ direction: Direction = .client) -> Evidence {
        let place = Place(direction: direction, offset: 0, length: 0, first: mark, last: mark)
        return Evidence(label: label, place: place, excerpt: [])
    }
}

/// Small things to say in messages.
enum Words {
    /// Without control characters, and not longer than a line takes.
    static func plain(_ text: String, limit: Int = 120) -> String {
        if isPlain(text, limit: limit) { return text }
        var result = ""
        var count = 0
        var brokeLine = false
        for scalar in text.unicodeScalars {
            if count == limit {
                result += "…"
                break
            }
            // A folded line is one line with a space in it.
            if scalar == "\r" || scalar == "\n" || scalar == "\t" {
                brokeLine = true
                continue
            }
            if brokeLine, scalar != " " { result += " " }
            brokeLine = false
            result.unicodeScalars.append(HiddenCharacters.isUnquotable(scalar) ? "\u{fffd}" : scalar)
            count += 1
        }
        return result
    }

    /// Whether it is short and printable ASCII, as nearly all is.
    private static func isPlain(_ text: String, limit: Int) -> Bool {
        let bytes = text.utf8.span
        guard bytes.count <= limit else { return false }
        for index in bytes.indices where bytes[index] &- 0x20 > 0x5e { return false }
        return true
    }

    static func quoted(_ text: ArraySlice<UInt8>) -> String { "“\(plain(text.text))”" }

    /// "426 Upgrade Required".
    static func status(_ head: MessageHead) -> String {
        let reason = plain(head.reason.text)
        return reason.isEmpty ? "\(head.status)" : "\(head.status) \(reason)"
    }

    /// "1 byte", "2 bytes".
    static func count(_ number: Int64, _ noun: String) -> String { counted(number, noun, isGrouped: false) }

    /// Method and target if the bytes begin like a request: `METHOD SP target SP HTTP/`.
    static func requestLine(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let method = bytes.prefix(25).prefix { $0.isTokenByte }
        guard (2...24).contains(method.count), method.endIndex < bytes.endIndex, bytes[method.endIndex] == 0x20 else {
            return nil
        }
        let line = bytes.prefix { $0 != 0x0d && $0 != 0x0a }
        let rest = line[(method.endIndex + 1)...]
        // Of a long line no more may have been kept than its beginning.
        if bytes.count >= 256, line.endIndex == bytes.endIndex, rest.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) {
            return line
        }
        guard let space = rest.lastIndex(of: 0x20), space > rest.startIndex, rest[(space + 1)...].starts(with: "HTTP/")
        else { return nil }
        return line[..<space]
    }

    /// The bytes begin like a status line: `HTTP/1.x NNN`.
    static func isStatusLine(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count >= 12, bytes.starts(with: "HTTP/1.") else { return false }
        let start = bytes.startIndex
        return (bytes[start + 7] == 0x30 || bytes[start + 7] == 0x31) && bytes[start + 8] == 0x20
            && bytes[(start + 9)..<(start + 12)].allSatisfy(\.isDigit)
    }

    /// "a, b and c".
    static func list(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " and " + last
    }
}

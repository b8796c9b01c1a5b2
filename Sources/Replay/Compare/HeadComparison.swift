// Two answers to an offer: status, fields, what was agreed.

import Ground
import Inspection
import Traffic

/// Compares the heads of a recorded and a live answer.
struct HeadComparison {
    let options: CompareOptions
    var showsSecrets = false

    func differences(
        _ recorded: MessageHead, _ live: MessageHead, recordedAccept: [UInt8]?, liveAccept: [UInt8]?, liveTime: Int64?
    ) -> [Difference] {
        var found: [Difference] = []
        func add(_ kind: Difference.Kind, _ at: String, _ old: String?, _ new: String?) {
            found.append(
                Difference(
                    kind, at: at, recorded: old, live: new, packet: recorded.place.first, liveTime: liveTime))
        }
        if recorded.status != live.status {
            add(.status, "status", Self.statusText(recorded), Self.statusText(live))
        }
        let old = recorded.value(.secWebSocketProtocol)?.text
        let new = live.value(.secWebSocketProtocol)?.text
        if old != new { add(.subprotocol, "subprotocol", old, new) }
        let agreed = Self.extensions(recorded)
        let agreedNow = Self.extensions(live)
        if agreed != agreedNow {
            add(
                .extension, "extensions", agreed.isEmpty ? nil : agreed.joined(separator: ", "),
                agreedNow.isEmpty ? nil : agreedNow.joined(separator: ", "))
        }
        let was = Accept(recorded, expected: recordedAccept)
        let now = Accept(live, expected: liveAccept)
        if was?.standing != now?.standing, recorded.status == live.status {
            add(.header, "header sec-websocket-accept", was?.words, now?.words)
        }

        let fields = Self.fields(recorded)
        let fieldsNow = Self.fields(live)
        let names = fields.map(\.name) + fieldsNow.map(\.name).filter { name in !fields.contains { $0.name == name } }
        for name in names where !isIgnored(name) {
            // Another answer has other fields: that is one difference, not ten.
            if recorded.status != live.status, !Self.telling.contains(name) { continue }
            let a = fields.first { $0.name == name }?.value
            let b = fieldsNow.first { $0.name == name }?.value
            guard a != b, !isSame(name, a, b) else { continue }
            add(.header, "header \(name)", a.map { shown(name, $0) }, b.map { shown(name, $0) })
        }
        return found
    }

    /// A value without the credentials in it.
    private func shown(_ name: String, _ value: String) -> String {
        guard !showsSecrets else { return value }
        let line = Array("\(name): \(value)".utf8)
        let start = name.utf8.count + 2
        return Redaction.text(line[start...], hiding: Redaction.secretRanges(in: line[...]))
    }

    private func isIgnored(_ name: String) -> Bool {
        CompareOptions.changingHeaders.contains(name) || options.headers.contains(name)
            || ["sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions"].contains(name)
    }

    /// Fields worth comparing even between different answers.
    private static let telling: Set<String> = ["location", "server"]

    private func isSame(_ name: String, _ a: String?, _ b: String?) -> Bool {
        guard var a, var b else { return false }
        switch name {
        // Options and protocol names have no case (RFC 9110 7.6.1, 7.8).
        case "connection", "upgrade", "transfer-encoding":
            return a.lowercasedASCII == b.lowercasedASCII
        case "set-cookie":
            return Self.cookieNames(a) == Self.cookieNames(b)
        default:
            for pattern in options.patterns {
                a = pattern.removed(from: a)
                b = pattern.removed(from: b)
            }
            return a == b
        }
    }

    private static func cookieNames(_ value: String) -> [Substring] {
        value.split(separator: "\n").map { $0.prefix { $0 != "=" } }
    }

    /// Names in lower case with all their values, in the order they first stand.
    private static func fields(_ head: MessageHead) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        for line in head.lines {
            let name = head.name(of: line).text.lowercasedASCII
            let value = head.value(of: line).text
            if let index = fields.firstIndex(where: { $0.name == name }) {
                fields[index].value += (name == "set-cookie" ? "\n" : ", ") + value
            } else {
                fields.append((name, value))
            }
        }
        return fields
    }

    static func statusText(_ head: MessageHead) -> String {
        let reason = head.reason.text
        return reason.isEmpty ? "\(head.status)" : "\(head.status) \(reason)"
    }

    /// Accepted extensions, their parameters in one order.
    static func extensions(_ head: MessageHead) -> [String] {
        head.members(.secWebSocketExtensions).map { member in
            var parts: [String] = []
            splitList(member, separator: UInt8(ascii: ";")) { part in
                parts.append(part.filter { !$0.isWhitespace && $0 != UInt8(ascii: "\"") }[...].text.lowercasedASCII)
            }
            return ([parts.first ?? ""] + parts.dropFirst().sorted()).joined(separator: "; ")
        }
    }
}

/// A Sec-WebSocket-Accept, and whether it fits the key it answers.
///
/// Every handshake has a key of its own: values say nothing beside each other.
private struct Accept {
    enum Standing { case right, wrong, ofNoKey }
    var standing: Standing
    var words: String

    /// `nil` where there is none.
    init?(_ head: MessageHead, expected: [UInt8]?) {
        guard let value = head.value(.secWebSocketAccept) else { return nil }
        if let expected, !expected.isEmpty {
            standing = value == expected[...] ? .right : .wrong
            words = standing == .right ? "right for its key" : "\(value.text), not \(expected[...].text)"
        } else {
            standing = .ofNoKey
            words = "of no key"
        }
    }
}

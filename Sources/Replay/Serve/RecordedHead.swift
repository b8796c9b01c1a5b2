// The head of a recorded answer, made fit for the request that is answered now: a fresh accept, extensions negotiated
// anew; every other line as it was recorded, byte for byte.

internal import Ground
internal import Inspection
internal import Traffic

/// Makes answers out of recorded ones.
enum RecordedHead {
    /// The head that answers `request` as `session` was answered.
    static func answer(_ session: RecordedSession, to request: MessageHead) -> [UInt8] {
        guard let response = session.response else { return [] }
        guard response.status == 101, session.upgraded == .websocket else { return response.bytes }
        var changes: [Change] = []
        if response.has(.secWebSocketAccept), let key = request.value(.secWebSocketKey), hadRightAccept(session) {
            changes.append(Change(name: .secWebSocketAccept, value: WebSocketAccept.value(for: key)))
        }
        if response.has(.secWebSocketExtensions), hadBeenOffered(session) {
            let agreed = DeflateNegotiation.answer(
                offers: request.members(.secWebSocketExtensions), as: response.members(.secWebSocketExtensions))
            changes.append(Change(name: .secWebSocketExtensions, value: agreed))
        }
        return response.bytes(with: changes)
    }

    /// A recorded accept that did not fit its key is the recorded server's own, and stays.
    private static func hadRightAccept(_ session: RecordedSession) -> Bool {
        guard let accept = session.response?.value(.secWebSocketAccept),
            let key = session.request.value(.secWebSocketKey)
        else { return true }
        return accept.elementsEqual(WebSocketAccept.value(for: key))
    }

    /// An extension that nobody had offered is the recorded server's own mistake, and stays; HAR files may lack the offer.
    private static func hadBeenOffered(_ session: RecordedSession) -> Bool {
        let offered = session.request.members(.secWebSocketExtensions).map(\.extensionName)
        let chosen = session.response?.members(.secWebSocketExtensions).map(\.extensionName) ?? []
        return session.isWithoutPackets || chosen.contains { offered.contains($0) }
    }

    /// An answer of our own, with a text for people.
    static func refusal(_ refusal: RecordedAnswers.Refusal) -> [UInt8] {
        let reasons = [400: "Bad Request", 404: "Not Found", 426: "Upgrade Required"]
        let body = Array("upgradescope serve: \(refusal.reason)\n".utf8)
        var head = "HTTP/1.1 \(refusal.status) \(reasons[refusal.status] ?? "Error")\r\n"
        head += "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
        if refusal.status == 426 {
            head += "Upgrade: \(refusal.upgrade.joined(separator: ", "))\r\nConnection: Upgrade, close\r\n"
        } else {
            head += "Connection: close\r\n"
        }
        head += "Content-Length: \(body.count)\r\n\r\n"
        return Array(head.utf8) + body
    }
}

/// Another value for all lines of a name: the first gets it, the rest go; `nil` removes all.
private struct Change {
    var name: FieldName
    var value: [UInt8]?
}

extension MessageHead {
    /// The bytes with some lines changed.
    fileprivate func bytes(with changes: [Change]) -> [UInt8] {
        var result: [UInt8] = []
        var position = 0
        var done: Set<FieldName> = []
        for line in lines {
            guard let change = changes.first(where: { $0.name == line.name }) else { continue }
            result += bytes[position..<Int(line.nameRange.lowerBound)]
            let end = Int(max(line.valueRange.upperBound, line.nameRange.upperBound))
            position = bytes[end...].firstIndex(of: 0x0a).map { $0 + 1 } ?? bytes.count
            guard let value = change.value, done.insert(line.name).inserted else { continue }
            result += bytes[Int(line.nameRange.lowerBound)..<Int(line.valueRange.lowerBound)]
            result += value
            result += bytes[end..<position]
        }
        return result + bytes[position...]
    }

    /// The target without the values of secret parameters.
    var targetWithoutSecrets: [UInt8] {
        let target = target
        var result: [UInt8] = []
        var position = target.startIndex
        for secret in Redaction.secretRanges(of: self) {
            let hidden = secret.clamped(to: target.startIndex..<target.endIndex)
            guard !hidden.isEmpty, hidden.lowerBound >= position else { continue }
            result += target[position..<hidden.lowerBound]
            position = hidden.upperBound
        }
        return result + target[position...]
    }

    /// Method and target, credentials hidden.
    var redactedTitle: String { method.text + " " + Redaction.target(of: self) }
}

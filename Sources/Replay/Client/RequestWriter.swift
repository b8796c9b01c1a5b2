// A recorded request as it is sent again: as it was, but for what has to be new.
//
// Lines are copied as they stand in the recording, in their order. New are the key of a WebSocket handshake and, unless
// wanted otherwise, Host; left out is what would be a credential, and offers nobody here could keep.

import Ground
import Inspection
import Traffic

/// Makes the bytes of requests.
struct RequestWriter {
    let options: ReplayOptions
    let target: ReplayTarget

    /// The head to send, its key left to be filled in, and what is otherwise than recorded.
    struct Result {
        /// The bytes up to the value of Sec-WebSocket-Key, and those after it; all of them where there is none.
        var front: [UInt8] = []
        var back: [UInt8]?
        var notes: [String] = []

        /// The bytes with a key in its place.
        func bytes(key: [UInt8]) -> [UInt8] { back.map { front + key + $0 } ?? front }
    }

    func write(_ head: MessageHead, isWebSocket: Bool) -> Result {
        var result = Result()
        let secrets = Redaction.secretRanges(of: head)
        let isConnect = head.isMethod("CONNECT")
        var bytes = startLine(head, secrets, isConnect: isConnect, notes: &result.notes)
        let set = Dictionary(options.setHeaders.map { ($0.name.lowercasedASCII, $0) }) { $1 }
        var wasSet: Set<String> = []
        for (index, line) in head.lines.enumerated() {
            let start = Int(line.nameRange.lowerBound)
            let end = index + 1 < head.lines.count ? Int(head.lines[index + 1].nameRange.lowerBound) : endOfFields(head)
            guard start < end else { continue }
            let name = head.name(of: line).text.lowercasedASCII
            if let new = set[name] {
                if wasSet.insert(name).inserted { bytes += Array("\(new.name): \(new.value)\r\n".utf8) }
                continue
            }
            if options.dropHeaders.contains(name) {
                result.notes.append("\(name) is not sent (--drop-header)")
                continue
            }
            if let whole = replaced(line, head, name, isConnect: isConnect, isWebSocket: isWebSocket, &result.notes) {
                bytes += whole
                continue
            }
            if isWebSocket, line.name == .secWebSocketKey, result.back == nil {
                result.front = bytes + head.bytes[start..<Int(line.valueRange.lowerBound)]
                result.back = []
                bytes = [0x0d, 0x0a]
                continue
            }
            if !options.sendsCredentials, isCredential(line, name, secrets) {
                result.notes.append("\(name) is not sent (credentials; --send-credentials sends them)")
                continue
            }
            bytes += head.bytes[start..<end]
        }
        for header in options.setHeaders where !wasSet.contains(header.name.lowercasedASCII) {
            if wasSet.insert(header.name.lowercasedASCII).inserted {
                bytes += Array("\(header.name): \(header.value)\r\n".utf8)
            }
        }
        if let subprotocols = options.subprotocols, isWebSocket {
            bytes += Array("Sec-WebSocket-Protocol: \(subprotocols.joined(separator: ", "))\r\n".utf8)
        }
        bytes += [0x0d, 0x0a]
        if result.back == nil { result.front = bytes } else { result.back = bytes }
        return result
    }

    private func startLine(
        _ head: MessageHead, _ secrets: [Range<Int>], isConnect: Bool, notes: inout [String]
    ) -> [UInt8] {
        let end = head.lines.first.map { Int($0.nameRange.lowerBound) } ?? endOfFields(head)
        guard case .request(_, let range) = head.startLine else { return Array(head.bytes[..<end]) }
        var bytes = Array(head.bytes[..<Int(range.lowerBound)])
        if !options.pathPrefix.isEmpty, head.bytes[Int(range.lowerBound)] == UInt8(ascii: "/") {
            bytes += Array(options.pathPrefix.utf8)
        }
        var position = Int(range.lowerBound)
        for secret in secrets where secret.lowerBound < Int(range.upperBound) && !options.sendsCredentials {
            bytes += head.bytes[position..<secret.lowerBound]
            position = min(secret.upperBound, Int(range.upperBound))
            notes.append(
                "\(secret.count) bytes of the target are not sent (credentials; --send-credentials sends them)")
        }
        return bytes + head.bytes[position..<end]
    }

    /// The line that stands for a recorded one; empty where none does, `nil` where it stays.
    private func replaced(
        _ line: FieldLine, _ head: MessageHead, _ name: String, isConnect: Bool, isWebSocket: Bool,
        _ notes: inout [String]
    ) -> [UInt8]? {
        switch line.name {
        case .host where !options.keepsHost && !isConnect:
            let recorded = head.value(of: line).text
            if recorded != target.hostField { notes.append("Host is \(target.hostField), recorded \(recorded)") }
            return Array("\(head.name(of: line).text): \(target.hostField)\r\n".utf8)
        case .secWebSocketProtocol where options.subprotocols != nil && isWebSocket: return []
        case .secWebSocketExtensions where isWebSocket:
            var kept: [String] = []
            var dropped: [String] = []
            splitList(head.value(of: line)) { member in
                if member.extensionName == "permessage-deflate" {
                    kept.append(member.text)
                } else {
                    dropped.append(member.extensionName)
                }
            }
            guard !dropped.isEmpty else { return nil }
            notes.append("not offered, because it cannot be spoken here: \(dropped.joined(separator: ", "))")
            return kept.isEmpty ? [] : Array("\(head.name(of: line).text): \(kept.joined(separator: ", "))\r\n".utf8)
        default: return nil
        }
    }

    private func isCredential(_ line: FieldLine, _ name: String, _ secrets: [Range<Int>]) -> Bool {
        switch line.name {
        case .authorization, .proxyAuthorization, .cookie: return true
        case .secWebSocketKey, .secWebSocketExtensions, .secWebSocketVersion, .http2Settings, .host: return false
        default:
            let value = Int(line.valueRange.lowerBound)..<Int(line.valueRange.upperBound)
            return secrets.contains { $0.overlaps(value) }
        }
    }

    /// Where the empty line begins.
    private func endOfFields(_ head: MessageHead) -> Int {
        var end = head.bytes.count
        if end > 0, head.bytes[end - 1] == 0x0a { end -= 1 }
        if end > 0, head.bytes[end - 1] == 0x0d { end -= 1 }
        return end
    }
}

extension ArraySlice<UInt8> {
    /// The name of an element of Sec-WebSocket-Extensions, in lower case.
    var extensionName: String { prefix { $0 != UInt8(ascii: ";") }.trimmingWhitespace().text.lowercasedASCII }
}

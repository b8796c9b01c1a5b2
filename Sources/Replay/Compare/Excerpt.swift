// Messages in few words: what of them a person needs to see.

import Ground
import Traffic

enum Excerpt {
    private static let most = 160

    /// A message, shortened.
    static func of(_ message: ComparedMessage) -> String {
        switch message.opcode {
        case 1: quoted(message.text ?? message.payload[...].text)
        case 9: "ping " + hex(message.payload[...])
        case 10: "pong " + hex(message.payload[...])
        default: "\(message.payload.count) bytes: " + hex(message.payload[...])
        }
    }

    static func cut(_ text: String) -> String {
        text.count <= most ? text : "\(text.prefix(most))… (\(text.utf8.count) bytes)"
    }

    static func quoted(_ text: String) -> String { cut("\"\(text)\"") }

    static func hex(_ bytes: ArraySlice<UInt8>, most: Int = 24) -> String {
        Digits.hex(bytes.prefix(most)) + (bytes.count > most ? " …" : "")
    }

    /// Both messages around the first byte in which they differ, and where that is.
    static func around(_ recorded: ComparedMessage, _ live: ComparedMessage) -> (String, String, String) {
        let a = recorded.text.map { Array($0.utf8) } ?? recorded.payload
        let b = live.text.map { Array($0.utf8) } ?? live.payload
        var same = 0
        while same < min(a.count, b.count), a[same] == b[same] { same += 1 }
        let isText = recorded.text != nil && live.text != nil
        if isText, a.count <= most, b.count <= most {
            return (quoted(recorded.text ?? ""), quoted(live.text ?? ""), "text")
        }
        var start = max(0, same - (isText ? 40 : 4))
        // A character is not cut in half.
        while isText, start > 0, a[start] & 0xc0 == 0x80 { start -= 1 }
        func show(_ bytes: [UInt8]) -> String {
            let piece = bytes[min(start, bytes.count)...]
            if isText {
                let end = piece.count > most ? "…" : ""
                return (start > 0 ? "…" : "") + piece.prefix(most).text + end
            }
            return "\(bytes.count) bytes: " + (start > 0 ? "… " : "") + hex(piece)
        }
        return (show(a), show(b), "from byte \(same) on")
    }
}

// Captured bytes of which some runs are secret. Whoever shows them goes through here, so that a secret is
// hidden in the same way in every output: its length stays known, its bytes are gone.

import Ground
import Inspection
import Traffic

/// A piece of captured text on its way into an output.
package struct CapturedText {
    enum Piece {
        case bytes(ArraySlice<UInt8>)
        /// A secret of that many bytes.
        case redacted(Int)
    }

    private(set) var bytes: ArraySlice<UInt8>
    private let secrets: [Range<Int>]

    init(_ bytes: ArraySlice<UInt8>, secrets: [Range<Int>] = []) {
        self.bytes = bytes
        self.secrets = secrets.filter { $0.overlaps(bytes.startIndex..<bytes.endIndex) }
    }

    package init(_ bytes: [UInt8], secrets: [Range<Int>] = []) { self.init(bytes[...], secrets: secrets) }

    var isEmpty: Bool { bytes.isEmpty }

    /// Some of it, with the secrets that lie there.
    subscript(range: Range<Int>) -> CapturedText { CapturedText(bytes[range], secrets: secrets) }

    /// What may be shown, in order.
    func forEachPiece(_ body: (Piece) -> Void) {
        var position = bytes.startIndex
        for secret in secrets {
            let hidden = secret.clamped(to: bytes.startIndex..<bytes.endIndex)
            guard hidden.lowerBound >= position, !hidden.isEmpty else { continue }
            if hidden.lowerBound > position { body(.bytes(bytes[position..<hidden.lowerBound])) }
            body(.redacted(hidden.count))
            position = hidden.upperBound
        }
        if position < bytes.endIndex { body(.bytes(bytes[position...])) }
    }

    /// Whether all that may be shown is UTF-8.
    var isUTF8: Bool {
        var valid = true
        forEachPiece { if case .bytes(let bytes) = $0, !UTF8Walk.isValid(bytes) { valid = false } }
        return valid
    }

    /// The bytes with secrets blotted out: 0x2a for each.
    var blotted: [UInt8] {
        var result = Array(bytes)
        for secret in secrets {
            for index in secret.clamped(to: bytes.startIndex..<bytes.endIndex) {
                result[index - bytes.startIndex] = 0x2a
            }
        }
        return result
    }

    static func note(redacted count: Int) -> String { "‹redacted \(count) bytes›" }
}

/// A head and its secrets.
struct HeadText {
    let head: MessageHead
    let secrets: [Range<Int>]

    init(_ head: MessageHead, showSecrets: Bool) {
        self.head = head
        secrets = showSecrets ? [] : Redaction.secretRanges(of: head)
    }

    func text(_ slice: ArraySlice<UInt8>) -> CapturedText { CapturedText(slice, secrets: secrets) }
    var method: CapturedText { text(head.method) }
    var target: CapturedText { text(head.target) }
    var reason: CapturedText { text(head.reason) }
    var host: CapturedText? { head.value(.host).map { text($0) } }
    func members(_ name: FieldName) -> [CapturedText] { head.members(name).map { text($0) } }
    /// Calls `body` with each member of a list field.
    func forEachMember(_ name: FieldName, _ body: (CapturedText) -> Void) {
        guard head.has(name) else { return }
        for line in head.lines where line.name == name { splitList(head.value(of: line)) { body(text($0)) } }
    }
}

extension Evidence {
    var text: CapturedText { CapturedText(excerpt, secrets: redacted) }
}

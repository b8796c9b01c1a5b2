// What the heads of handshakes say, by their shapes: request and answer that say what earlier ones said, nonces aside,
// have the same facts.

import Traffic

/// Facts of the handshakes seen last.
///
/// It belongs to one judge, and changes nothing but how long that one takes.
public struct HandshakeMemory: Sendable {
    private var entries = [16 of Entry](repeating: Entry())
    /// What was found of whole exchanges.
    public var familiar = FamiliarExchanges()

    private struct Entry {
        var shapes = Shapes(request: 0, answer: 0)
        var facts: Facts = []
    }

    /// Request and answer of an ordinary handshake; whatever else its facts follow from is alike in all of them.
    struct Shapes: Equatable {
        let request: UInt32
        let answer: UInt32

        init(request: UInt32, answer: UInt32) {
            self.request = request
            self.answer = answer
        }

        /// `nil` where the facts have to be found: a shape is not known, or the start lines, the framing of the request,
        /// or what else was said before the switch are not those of an ordinary handshake.
        init?(_ exchange: borrowing Exchange) {
            guard exchange.kind == .upgrade, exchange.outcome == .switched, exchange.upgraded == .websocket,
                exchange.interim.isEmpty, let request = exchange.request, request.shape != 0,
                let answer = exchange.response, answer.shape != 0, answer.status == 101, request.defects.isEmpty,
                answer.defects.isEmpty, !request.isHTTP10, request.isMethod("GET"),
                request.target.first == UInt8(ascii: "/"), !request.has(.contentLength),
                !request.has(.transferEncoding), exchange.websocket?.draft == WebSocketDraft.none
            else { return nil }
            self.init(request: request.shape, answer: answer.shape)
        }
    }

    public init() {}

    subscript(shapes: Shapes) -> Facts? {
        get {
            let entry = entries[Self.place(of: shapes)]
            return entry.shapes == shapes ? entry.facts : nil
        }
        set {
            guard let newValue else { return }
            entries[Self.place(of: shapes)] = Entry(shapes: shapes, facts: newValue)
        }
    }

    private static func place(of shapes: Shapes) -> Int { Int((shapes.request ^ shapes.answer &* 5) & 15) }
}

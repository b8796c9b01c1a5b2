// What was judged of an exchange, once: it is kept with the exchange, and whoever shows it reads it.
//
// Judging is @_spi(Judging): only `Investigation`, `Replay` and tests import it, so that a renderer which judges by
// itself does not compile.

public import Traffic

/// What was judged of one exchange.
public struct Judgement: Sendable {
    /// In the order of the catalogue.
    public var findings: [Finding]
    public var validity: Validity

    public init(findings: [Finding] = [], validity: Validity = Validity()) {
        self.findings = findings
        self.validity = validity
    }
}

/// Whether an exchange keeps to the protocol, whatever rules are enabled.
public struct Validity: Sendable, Equatable {
    /// The switch; `nil` when nothing was switched, or nobody saw how.
    public var isValid: Bool?
    /// Sec-WebSocket-Key of a session's request (RFC 6455 4.1).
    public var isKeyValid: Bool?
    /// Sec-WebSocket-Accept of its response, where the key is known (RFC 6455 4.2.2).
    public var isAcceptValid: Bool?
    public init() {}

    @_spi(Judging) public init(_ exchange: Exchange) { self.init(exchange, Facts(exchange)) }

    init(_ exchange: Exchange, _ facts: Facts) {
        isValid = facts.isValid
        guard let session = exchange.websocket else { return }
        if let request = exchange.request {
            isKeyValid =
                request.count(.secWebSocketKey) == 1
                && request.value(.secWebSocketKey).map { HandshakeLists.isKey($0) } == true
        }
        if let response = exchange.response, !session.expectedAccept.isEmpty {
            isAcceptValid =
                response.count(.secWebSocketAccept) == 1
                && response.value(.secWebSocketAccept) == session.expectedAccept[...]
        }
    }
}

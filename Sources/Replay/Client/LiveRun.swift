// What happened when a session was said: facts for the comparison.

import Traffic

/// Why a session could not be said to its end.
public struct ReplayFailure: Sendable, Equatable, Error {
    public enum Kind: String, Sendable, CaseIterable {
        /// Nobody listens there, or the name is not known; no answer to the connection; the network is not there.
        case refused, unknownHost = "unknown-host", connectTimeout = "connect-timeout", unreachable
        /// The TLS handshake failed.
        case tls
        /// No answer to the request in time, or the connection ended before it; something else than HTTP.
        case handshakeTimeout = "handshake-timeout", closedEarly = "closed-early", notHTTP = "not-http"
        /// Nothing came any more; the connection was reset; more came than is taken; frames that cannot be read.
        case stalled, reset, tooMuch = "too-much", notWebSocket = "not-websocket"
        /// A failure of this side.
        case local
        case interrupted
    }

    public var kind: Kind
    /// In words, for people; not escaped.
    public var words: String

    public init(_ kind: Kind, _ words: String) {
        self.kind = kind
        self.words = words
    }
}

/// One time a session was said.
public struct LiveRun {
    /// A message of the server, and when it was whole.
    struct Message {
        var said: TranscriptMessage
        var time: Timestamp
    }

    var start: Timestamp
    /// The connection was there (under TLS: secured).
    var connected: Timestamp?
    var requestSent: Timestamp?
    /// The answer to the offer, and when it was there.
    var answer: Exchange?
    var answered: Timestamp?
    /// Every message and control frame of the server.
    var messages: [Message] = []
    /// Where messages are not spoken: the server's bytes after the switch.
    var bytes: [UInt8] = []
    var receivedBytes: Int64 = 0
    /// Payload bytes of `messages`.
    var heldBytes: Int64 = 0
    var sentBytes: Int64 = 0
    /// Data messages that were sent, and their payload.
    var saidMessages = 0
    var saidBytes: Int64 = 0
    /// When each line of the script was sent.
    var sent: [Timestamp] = []
    /// How often something that should have come did not.
    var timeouts = 0
    /// The server ended its side, or reset the connection.
    var ended: StreamEnd = .open
    var failure: ReplayFailure?
    /// The client said Close first: what the server says to that is an answer.
    var closeWasAsked = false
    /// Exchanges of the connection, once it was over; the replayed one among them.
    var exchanges: [Exchange] = []
    var end: Timestamp?

    init(start: Timestamp) { self.start = start }

    /// The server's close frame.
    var close: Message? { messages.first { $0.said.opcode == 8 } }
}

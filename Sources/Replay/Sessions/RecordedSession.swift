// A recorded session: everything a client or the stand-in of a server needs to say an exchange again.
//
// It comes from a capture (`SessionRecorder`) or from a HAR file, and does not tell which to those who use it. What was said
// after the switch is a list of steps in the order they were seen. Order at the tap is not cause: each step says how
// many steps of the other side its sender had received when it spoke (`heard`), taken from ACK numbers where there are
// any. That number is what a replay waits for, and nothing else is.

internal import Ground
public import Traffic

/// One exchange, and what followed it, as it was recorded.
public struct RecordedSession: Sendable {
    /// The number of the exchange in a report about the same input, from 1.
    public var id: Int
    /// What the exchange is known by in a capture.
    public var key: ExchangeKey?
    /// The facts about the exchange.
    public var exchange: Exchange?
    /// The packets it names are made up: a HAR file has none.
    public var isWithoutPackets = false
    /// Exchanges with the same number travelled on one connection.
    public var connection: UInt64

    public var kind: ExchangeKind
    public var request: MessageHead
    /// Content of the request as it was on the wire, chunk framing included.
    public var requestBody: [UInt8] = []
    /// The final answer; `nil` when there was none.
    public var response: MessageHead?
    /// Content of a refusal as it was on the wire, at most 1 MiB of it.
    public var responseBody: [UInt8] = []
    public var outcome: Outcome
    public var reason: OutcomeReason = .none
    public var upgraded: UpgradedProtocol
    /// The token of the protocol, or `host:port` of a tunnel.
    public var protocolName = ""
    /// It was said under TLS (a HAR file with wss:).
    public var isSecure = false

    /// Requests before this one on the same connection, for `--with-history`.
    public var history: [RecordedRequest] = []
    /// What was said after the switch, up to the first hole.
    public var steps: [Step] = []
    /// How each side ended its stream.
    public var ended = PerDirection<StreamEnd>(both: .open)
    /// Why `steps` are not all of it ("server bytes are missing after packet 12"); `nil` when they are.
    public var cut: String?
    /// The client's stream as it was, from its first byte on, for `--raw`; empty unless asked for.
    public var raw: [RawPiece] = []
    /// When the request began and when its final answer had come.
    public var requestTime: Timestamp
    public var responseTime: Timestamp?

    public init(
        id: Int, connection: UInt64, kind: ExchangeKind, request: MessageHead, outcome: Outcome,
        upgraded: UpgradedProtocol, requestTime: Timestamp
    ) {
        self.id = id
        self.connection = connection
        self.kind = kind
        self.request = request
        self.outcome = outcome
        self.upgraded = upgraded
        self.requestTime = requestTime
    }

    /// Steps of one side, in order.
    public func steps(of direction: Direction) -> [Step] { steps.filter { $0.direction == direction } }

    /// `GET /chat` or `CONNECT host:443`, as it was written: whoever shows it hides credentials and escapes it.
    public var title: String { request.method.text + " " + request.target.text }

    /// The host that was asked for, else the server's address.
    public var host: String {
        request.value(.host)?.text ?? exchange?.connection.server.description ?? ""
    }
}

/// A request before the one that offered a switch.
public struct RecordedRequest: Sendable {
    public var head: MessageHead
    /// Content as it was on the wire.
    public var body: [UInt8]
    /// Its final answer and the content of that as it was on the wire, at most 1 MiB; `nil` where it was not recorded.
    public var response: MessageHead?
    public var responseBody: [UInt8] = []
    public init(head: MessageHead, body: [UInt8]) {
        self.head = head
        self.body = body
    }
}

/// One thing that was said after the switch.
public struct Step: Sendable {
    public enum Content: Sendable {
        /// A WebSocket message or control frame.
        case message(SessionMessage)
        /// Bytes of any other protocol that were sent without hearing anything new in between.
        case bytes([UInt8])
    }

    public var direction: Direction
    public var content: Content
    /// How many steps of the other side its sender had received.
    public var heard: Int
    /// How many bytes of the other side after its switch its sender had received; of bytes only.
    public var heardBytes: Int64 = 0
    /// Where its first and its last byte were first seen.
    public var first: Arrival
    public var last: Arrival

    public init(direction: Direction, content: Content, heard: Int, first: Arrival, last: Arrival) {
        self.direction = direction
        self.content = content
        self.heard = heard
        self.first = first
        self.last = last
    }

    /// The message; `nil` for bytes.
    public var message: SessionMessage? {
        if case .message(let message) = content { return message }
        return nil
    }

    /// The bytes, of whatever kind it is.
    public var payload: [UInt8] {
        switch content {
        case .message(let message): message.payload
        case .bytes(let bytes): bytes
        }
    }
}

/// A WebSocket message or control frame, as content.
public struct SessionMessage: Sendable, Equatable {
    /// 1 text, 2 binary, 8 close, 9 ping, 10 pong.
    public var opcode: UInt8
    /// Unmasked and inflated.
    public var payload: [UInt8]
    /// Was compressed on the wire; `nil` where the recording does not tell (HAR): as agreed then.
    public var isCompressed: Bool?
    /// Payload bytes on the wire of its frames; one for a message that was not fragmented.
    public var fragments: [Int64]

    public init(opcode: UInt8, payload: [UInt8], isCompressed: Bool? = nil, fragments: [Int64]? = nil) {
        self.opcode = opcode
        self.payload = payload
        self.isCompressed = isCompressed
        self.fragments = fragments ?? [Int64(payload.count)]
    }

    /// A message of the transcript that is known as a whole.
    public init(_ said: TranscriptMessage) {
        self.init(
            opcode: said.opcode, payload: said.payload, isCompressed: said.isCompressed, fragments: said.fragments)
    }

    /// Close, ping or pong.
    public var isControl: Bool { opcode >= 8 }
    public var isText: Bool { opcode == 1 }
    /// The status code of a close frame; `nil` for another, or for one without a code.
    public var closeCode: UInt16? {
        opcode == 8 && payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil
    }
    /// The reason of a close frame.
    public var closeReason: ArraySlice<UInt8> { opcode == 8 ? payload.dropFirst(2) : [] }
}

/// A run of the client's stream that was first seen in one packet.
public struct RawPiece: Sendable {
    public var bytes: [UInt8]
    /// Server bytes its sender had received, from the beginning of the connection.
    public var heard: Int64
    public var mark: Arrival
    public init(bytes: [UInt8], heard: Int64, mark: Arrival) {
        self.bytes = bytes
        self.heard = heard
        self.mark = mark
    }
}

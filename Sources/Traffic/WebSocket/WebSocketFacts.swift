// What a WebSocket session showed, in bounded counters (RFC 6455).

/// A Close frame (RFC 6455 5.5.1).
public struct CloseFact: Sendable {
    /// The status code; `nil` for an empty body.
    public var code: UInt16?
    /// The reason's bytes.
    public var reason: [UInt8]
    public var place: Place
    public init(code: UInt16?, reason: [UInt8], place: Place) {
        self.code = code
        self.reason = reason
        self.place = place
    }
}

/// One side of a session.
public struct WebSocketSide: Sendable {
    /// Frames by opcode, 0 to 15.
    public var frames = [16 of UInt64](repeating: 0)
    public var textMessages: UInt64 = 0
    public var binaryMessages: UInt64 = 0
    /// Payload bytes of all frames as they were on the wire.
    public var payloadBytes: Int64 = 0
    /// Bytes including frame headers.
    public var wireBytes: Int64 = 0
    public var close: CloseFact?
    /// Masked frames with payload, and how the keys looked.
    public var maskedFrames: UInt64 = 0
    public var zeroKeys: UInt64 = 0
    /// Longest run of one equal key.
    public var longestEqualKeyRun: UInt32 = 0
    /// First data message begun, for latency.
    public var firstMessage: PacketMark?
    /// The last frame header seen: its first bytes (at most 14) and where it stood.
    public var lastHeader: [UInt8] = []
    public var lastHeaderPlace: Place?
    /// The parser no longer knows where frames begin.
    public var lost = false
    public init() {}
}

/// Round trips from a Ping to its Pong.
public struct PingTimes: Sendable {
    /// Nanoseconds, in order, at most 1024 of them.
    public var samples: [Int64] = []
    public var count: UInt64 = 0
    public init() {}
}

/// A whole session.
public struct WebSocketFacts: Sendable {
    public var sides = PerDirection(both: WebSocketSide())
    /// The Accept that RFC 6455 4.2.2 asks for, given the key as text; empty without a key.
    public var expectedAccept: [UInt8] = []
    /// permessage-deflate was accepted by the response.
    public var deflate = false
    /// An extension other than permessage-deflate was accepted: reserved bits may have a meaning.
    public var unknownExtension = false
    public var pings = PingTimes()
    public init() {}

    /// The names of REPORT.md for opcodes.
    public static func opcodeName(_ opcode: Int) -> String {
        switch opcode {
        case 0: "continuation"
        case 1: "text"
        case 2: "binary"
        case 8: "close"
        case 9: "ping"
        case 10: "pong"
        default: "reserved-\(opcode)"
        }
    }
}

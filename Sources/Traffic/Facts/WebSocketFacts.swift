// What a WebSocket session showed, in bounded counters (RFC 6455).

import Ground

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
    /// Longest run of keys that each differ from the one before by the same step.
    public var longestStepRun: UInt32 = 0
    /// First data message begun, for latency.
    public var firstMessage: Arrival?
    /// The last frame header seen: its first bytes (at most 14) and where it stood.
    public var lastHeader: [UInt8] = []
    public var lastHeaderPlace: Place?
    /// The parser no longer knows where frames begin.
    public var lost = false
    /// Compressed messages that came whole, and what they inflated to, as far as they could be followed.
    public var compressedMessages: UInt64 = 0
    public var inflatedBytes: Int64 = 0
    /// The first frame but Close whose sender had received the whole 101; of the client only.
    public var firstInformedFrame: Place?
    /// The Ping of this side that waited longest, where that was more than a second.
    public var slowestPing: PingWait?
    /// The latest Ping of this side, when it was not answered and neither side sent Close.
    public var openPing: PingWait?
    /// Data this side went on to send although it had received what must end the session.
    public var faultAnswer: FaultAnswer?
    /// Frames found again after a hole; empty, or one.
    ///
    /// An array, so that a side without a hole carries a reference and nothing else.
    public var resumed: [ResumedFrames] = []
    /// Payload bytes of compressed messages, as they were on the wire, as far as they could be followed.
    public var compressedBytes: Int64 = 0
    public init() {}
}

/// Frames that were found where nobody says that one begins: counted apart, and inferred.
public struct ResumedFrames: Sendable {
    /// The first header that was believed, and the packet of the last frame.
    public var place: Place
    /// How often their beginning had to be found.
    public var times: UInt32 = 1
    /// Frames by opcode, 0 to 15.
    public var frames = [16 of UInt64](repeating: 0)
    public var textMessages: UInt64 = 0
    public var binaryMessages: UInt64 = 0
    public var compressedMessages: UInt64 = 0
    public var payloadBytes: Int64 = 0
    public var wireBytes: Int64 = 0
    public var close: CloseFact?
    public init(place: Place) { self.place = place }

    /// Frames of all kinds.
    public var headers: UInt64 { frames.indices.reduce(0) { $0 &+ frames[$1] } }

    /// Adds what was found after another hole.
    mutating func add(_ other: ResumedFrames) {
        times &+= other.times
        for index in frames.indices { frames[index] &+= other.frames[index] }
        textMessages &+= other.textMessages
        binaryMessages &+= other.binaryMessages
        compressedMessages &+= other.compressedMessages
        payloadBytes &+= other.payloadBytes
        wireBytes &+= other.wireBytes
        close = close ?? other.close
        place.last = other.place.last
    }
}

/// A Ping and how long it waited for its Pong (RFC 6455 5.5.3).
public struct PingWait: Sendable {
    public var place: Place
    public var payload: [UInt8]
    /// Nanoseconds until the Pong, a later Ping or Close; 0 when none of them came.
    public var waited: Int64
    public var isAnswered: Bool
    /// A Pong with another payload came in the meantime.
    public var sawOtherPong: Bool
    public init(place: Place, payload: [UInt8], waited: Int64, isAnswered: Bool, sawOtherPong: Bool) {
        self.place = place
        self.payload = payload
        self.waited = waited
        self.isAnswered = isAnswered
        self.sawOtherPong = sawOtherPong
    }
}

/// Data frames after a fault of the peer that had been received by then.
public struct FaultAnswer: Sendable {
    /// The first fault of the peer.
    public var fault: Place
    /// The first data frame after it, the packet of the last, and how many.
    public var first: Place
    public var last: Arrival
    public var frames: UInt64 = 0
    public init(fault: Place, first: Place, last: Arrival) {
        self.fault = fault
        self.first = first
        self.last = last
    }
}

/// A time in which neither side sent anything.
public struct IdleTime: Sendable {
    public var from: Arrival
    public var to: Arrival
    public init(from: Arrival, to: Arrival) {
        self.from = from
        self.to = to
    }
}

/// Why a compressed message does not inflate.
public enum InflateFailure: UInt8, Sendable, CaseIterable {
    case blockType, storedLength, tooManyCodes, codeLengths, codes, unknownCode, noEnd, distance, cutShort

    /// In a few words.
    public var words: String {
        switch self {
        case .blockType: "a block of a type that does not exist"
        case .storedLength: "a stored block whose two lengths disagree"
        case .tooManyCodes: "too many codes"
        case .codeLengths: "code lengths that fit no code"
        case .codes: "codes that do not fit"
        case .unknownCode: "a code without a meaning"
        case .noEnd: "a block without an end"
        case .distance: "a distance that reaches too far back"
        case .cutShort: "an end inside a block"
        }
    }
}

/// Round trips from a Ping to its Pong.
public struct PingTimes: Sendable {
    /// Nanoseconds, in order, at most 1024 of them.
    public var samples: [Int64] = []
    public var count: UInt64 = 0
    public init() {}
}

/// A handshake from before RFC 6455 whose frames are others than RFC 6455's; `none` for all that have those.
public enum WebSocketDraft: UInt8, Sendable, CaseIterable {
    case none
    /// draft-hixie-thewebsocketprotocol-75, and -76, which is draft-ietf-hybi-thewebsocketprotocol-00.
    case hixie75, hixie76
    /// draft-ietf-hybi-thewebsocketprotocol-01 to -06: opcodes and masks lie elsewhere.
    case earlyHybi

    public var isHixie: Bool { self == .hixie75 || self == .hixie76 }

    init(_ request: MessageHead?, _ response: MessageHead) {
        guard let request else {
            // The answer of a draft tells itself by what it says, and does not.
            let isOld76 = response.lines.contains {
                $0.name == .other && response.name(of: $0).matchesIgnoringCase("sec-websocket-location")
            }
            let isOld75 = response.has(.webSocketLocation) || response.has(.webSocketOrigin)
            self = response.has(.secWebSocketAccept) ? .none : isOld76 ? .hixie76 : isOld75 ? .hixie75 : .none
            return
        }
        if let version = request.value(.secWebSocketVersion) {
            let number = version.count == 1 ? version.first.map { $0 &- 0x30 } ?? 255 : 255
            self = number == 0 ? .hixie76 : number <= 6 ? .earlyHybi : .none
        } else if request.has(.secWebSocketKey1), request.has(.secWebSocketKey2) {
            self = .hixie76
        } else if !request.has(.secWebSocketKey),
            request.has(.webSocketProtocol) || response.has(.webSocketLocation) || response.has(.webSocketOrigin)
        {
            self = .hixie75
        } else {
            self = .none
        }
    }
}

/// A whole session.
///
/// An object, because it is large and handed about with its exchange; nothing is written to it once that is finished.
public final class WebSocketFacts: @unchecked Sendable {
    public var sides = PerDirection(client: WebSocketSide(), server: WebSocketSide())
    /// The Accept that RFC 6455 4.2.2 asks for, given the key as text; empty without a key.
    public var expectedAccept: [UInt8] = []
    /// What the response agreed to.
    public var agreement = WebSocketAgreement()
    /// The longest time without a byte of either side before anyone sent Close, where that was more than a second.
    public var longestIdle: IdleTime?
    public var pings = PingTimes()
    public var draft = WebSocketDraft.none
    public init() {}

    /// Takes what was counted of a side; large as that is, it changes hands and is not copied.
    func take(_ side: inout WebSocketSide, of direction: Direction) {
        if direction == .client { swap(&sides.client, &side) } else { swap(&sides.server, &side) }
    }

    /// Calls `body` with both sides where they lie: for many questions at once, and without a copy.
    @inlinable
    public func withSides<Result>(_ body: (inout PerDirection<WebSocketSide>) -> Result) -> Result { body(&sides) }
}

/// The extensions that a 101 agreed to.
public struct WebSocketAgreement: Sendable {
    /// permessage-deflate was accepted by the response.
    public var deflate = false
    /// An extension other than permessage-deflate was accepted: reserved bits may have a meaning.
    public var unknownExtension = false
    /// The parameters of permessage-deflate (RFC 7692 7.1); 15 where the response names no window.
    public var serverNoContextTakeover = false
    public var clientNoContextTakeover = false
    public var serverMaxWindowBits: UInt8 = 15
    public var clientMaxWindowBits: UInt8 = 15
    public init() {}

    /// Takes the parameters of an accepted permessage-deflate element.
    mutating func agree(on element: ArraySlice<UInt8>) {
        splitList(element, separator: UInt8(ascii: ";")) { part in
            let name = part.prefix { $0 != UInt8(ascii: "=") }
            let value = part[name.endIndex...].dropFirst().filter { $0 != UInt8(ascii: "\"") }[...].trimmingWhitespace()
            var bits: UInt8 = 0
            for byte in value.prefix(3) { bits = byte &- 0x30 < 10 && bits < 16 ? bits * 10 + (byte - 0x30) : 255 }
            if !(8...15).contains(bits) { bits = 15 }
            let parameter = name.trimmingWhitespace()
            if parameter.matchesIgnoringCase("server_no_context_takeover") { serverNoContextTakeover = true }
            if parameter.matchesIgnoringCase("client_no_context_takeover") { clientNoContextTakeover = true }
            if parameter.matchesIgnoringCase("server_max_window_bits") { serverMaxWindowBits = bits }
            if parameter.matchesIgnoringCase("client_max_window_bits") { clientMaxWindowBits = bits }
        }
    }
}

extension WebSocketFacts {
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

// HTTP exchanges as browsers' developer tools save them: HAR 1.2, with the messages of WebSocket sessions in the
// field `_webSocketMessages` that Chrome began and others took over.
//
// The format is loose and its writers are looser, so only what a recording needs is read, and what is missing has an
// answer: no method is GET, no time is the time before it, no opcode is text.

public import Traffic

/// What a HAR file holds, as far as it can be said again.
public struct HARLog: Sendable {
    /// The program that wrote it; empty when it does not say.
    public var creator = ""
    public var entries: [HAREntry] = []
    /// Entries that were left out because they cannot be said again, in words.
    public var remarks: [String] = []

    public init() {}
}

/// One request and what came of it.
public struct HAREntry: Sendable {
    /// Its place in `log.entries`, counted from 0.
    public var index: Int
    public var started: Timestamp?
    public var request: HARRequest
    /// `nil` when nothing was answered, or nothing of it saved.
    public var response: HARResponse?
    /// What was said after the switch; `nil` for an entry that is no WebSocket session.
    public var messages: [HARMessage]?
    /// Address of the server, where the writer knew it.
    public var serverAddress: String?
    /// Entries with the same name travelled on the same connection.
    public var connection: String?
    /// What could not be taken over, in words.
    public var remarks: [String] = []
}

/// The asking half of an entry.
public struct HARRequest: Sendable {
    public var method: String
    public var url: HARAddress
    /// Of HTTP/1: 1, or 0 for HTTP/1.0.
    public var minorVersion = 1
    public var headers: [HARHeader]
    public var body: [UInt8] = []
}

/// The answering half of an entry.
public struct HARResponse: Sendable {
    public var status: Int
    public var reason: String
    public var minorVersion = 1
    public var headers: [HARHeader]
    public var body: [UInt8] = []
}

/// One field line.
public struct HARHeader: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The parts of an absolute address that a request is made of (RFC 3986 3).
public struct HARAddress: Sendable, Equatable {
    /// In lower case: ws, wss, http, https.
    public var scheme: String
    /// Host and port as written, without a user.
    public var authority: String
    /// Path and query; at least "/".
    public var target: String

    public var isSecure: Bool { scheme == "wss" || scheme == "https" }
    public var isWebSocket: Bool { scheme == "ws" || scheme == "wss" }

    /// Takes an address apart; `nil` when it is none, or holds what cannot stand in a request.
    public init?(_ text: String) {
        guard text.unicodeScalars.allSatisfy({ $0 > " " && $0 != "\u{7f}" }) else { return nil }
        guard let colon = text.firstRange(of: "://") else { return nil }
        scheme = text[..<colon.lowerBound].lowercased()
        guard ["ws", "wss", "http", "https"].contains(scheme) else { return nil }
        var rest = text[colon.upperBound...]
        if let fragment = rest.firstIndex(of: "#") { rest = rest[..<fragment] }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<end]
        self.authority = String(
            authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority)
        guard !self.authority.isEmpty else { return nil }
        target = rest[end...].isEmpty ? "/" : String(rest[end...])
        if target.hasPrefix("?") { target = "/" + target }
    }
}

/// One message of a WebSocket session.
public struct HARMessage: Sendable, Equatable {
    public var direction: Direction
    /// `nil` when the writer gave none that can be read.
    public var time: Timestamp?
    /// 1 text, 2 binary, 8 close, 9 ping, 10 pong (RFC 6455 5.2).
    public var opcode: UInt8
    public var payload: [UInt8]
    /// Lengths of the frames it came in, as they were on the wire; empty when not known, or when it was one.
    public var fragments: [Int] = []
    /// Why the payload is not all that was said, where the writer tells; what follows is not said again.
    public var incomplete: String?

    public init(direction: Direction, time: Timestamp?, opcode: UInt8, payload: [UInt8], fragments: [Int] = []) {
        self.direction = direction
        self.time = time
        self.opcode = opcode
        self.payload = payload
        self.fragments = fragments
    }
}

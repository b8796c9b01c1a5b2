// How sessions are said again: the options of `replay` as values.

import Traffic

/// What a client of a replay does.
public struct ReplayOptions: Sendable {
    /// When a client message is sent.
    public enum Pace: Sendable, Equatable {
        /// Once what its sender had received in the recording has come.
        case causal
        /// At its time, this many times faster.
        case recorded(Double)
        /// At once.
        case fast

        /// The word of the command line.
        public var name: String {
            switch self {
            case .causal: "causal"
            case .recorded(let factor):
                factor == 1 ? "recorded" : "x\(factor == factor.rounded() ? "\(Int(factor))" : "\(factor)")"
            case .fast: "fast"
            }
        }
    }

    /// How it is known that a recorded server message has come.
    public enum Match: Sendable, Equatable {
        /// As many have come.
        case order
        /// One that is the same has come.
        case content
    }

    public var pace = Pace.causal
    public var match = Match.order
    /// Nanoseconds to wait for what should come: an answer, a message, the end.
    public var timeout: Int64 = 5_000_000_000
    /// Messages are cut into frames as they were.
    public var keepsFragments = false
    /// Pings and pongs of the client are sent as recorded.
    public var replaysControl = false
    public var withHistory = false
    /// The client's stream is sent as it was, byte by byte.
    public var raw = false
    public var sendsCredentials = false
    public var keepsHost = false
    /// Fields set or added, and fields left out, names in lower case.
    public var setHeaders: [(name: String, value: String)] = []
    public var dropHeaders: Set<String> = []
    public var pathPrefix = ""
    /// Offered instead of the recorded ones.
    public var subprotocols: [String]?
    /// `--carry json:/path`.
    public var carried: [JSONPointer] = []
    /// Bytes of one live server that are taken at most; a recording's own size counts four times.
    public var mostBytes: Int64 = 64 << 20
    public var compare = CompareOptions()

    public init() {}
}

/// Whom it is said to.
public struct ReplayTarget: Sendable, Equatable, CustomStringConvertible {
    public var isSecure: Bool
    /// A name or an address, without brackets.
    public var host: String
    public var port: Int
    /// As it was given.
    public var description: String

    /// Why a text is no target, and what to do about it.
    public struct Refusal: Error, CustomStringConvertible {
        public var description: String
    }

    private static let standardPorts = ["ws": 80, "http": 80, "wss": 443, "https": 443, "tcp": 0]

    /// Reads `ws://host:port`; also `wss`, `http`, `https` and `tcp`, the last with a port.
    ///
    /// A path, a query or a user in it would be ignored, so it is not accepted.
    public init(_ text: String) throws(Refusal) {
        func refuse(_ words: String) -> Refusal { Refusal(description: "'\(text)' \(words)") }
        guard let separator = text.firstRange(of: "://") else {
            throw refuse("has no scheme: ws://HOST[:PORT], wss://, http://, https:// or tcp://HOST:PORT")
        }
        let scheme = text[..<separator.lowerBound].lowercased()
        guard let standard = Self.standardPorts[scheme] else {
            throw refuse("does not begin with ws://, wss://, http://, https:// or tcp://")
        }
        var authority = text[separator.upperBound...]
        if authority.last == "/" { authority = authority.dropLast() }
        if let end = authority.firstIndex(where: { "/?#".contains($0) }) {
            let prefix = authority[end...].prefix { !"?#".contains($0) }
            let advice = prefix.isEmpty ? "" : "; --path-prefix \(prefix) puts that in front of them"
            throw refuse("names what to ask for, which is recorded: only a host and a port are wanted\(advice)")
        }
        guard !authority.contains("@") else {
            throw refuse("names a user: --set-header 'Authorization: …' sends credentials")
        }
        var portText: Substring?
        if authority.first == "[" {
            guard let close = authority.firstIndex(of: "]") else { throw refuse("lacks a ']'") }
            host = String(authority[authority.index(after: authority.startIndex)..<close])
            let rest = authority[authority.index(after: close)...]
            guard rest.isEmpty || rest.first == ":" else { throw refuse("has something between ']' and the port") }
            if !rest.isEmpty { portText = rest.dropFirst() }
        } else {
            let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { throw refuse("holds an IPv6 address without brackets: [::1]:9000") }
            host = String(authority.prefix { $0 != ":" })
            if parts.count == 2 { portText = parts[1] }
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }) else {
            throw refuse("names no host")
        }
        port = standard
        if let portText {
            guard portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(portText),
                (1...65535).contains(number)
            else { throw refuse("has no port from 1 to 65535") }
            port = number
        }
        guard port > 0 else { throw refuse("needs a port: tcp://HOST:PORT") }
        isSecure = scheme == "wss" || scheme == "https"
        description = text
    }

    /// The value of a Host field: the port only where it is not the scheme's own.
    public var hostField: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
}

// Where a rule has to draw a line that no text draws: in one place, by name.

import Ground
import Traffic

/// Times and sizes from which on a rule speaks.
public struct Thresholds: Sendable {
    /// Seconds a peer may take to answer Close (WSF013).
    public var closeAnswer = 5
    /// Seconds a server may keep the connection after both Closes (WSF015).
    public var closeLinger = 5
    /// Seconds a Pong may take (WSF016).
    public var pongAnswer = 10
    /// Seconds of silence that proxies end (WSF017).
    public var idle = 55
    /// Seconds after which somebody who goes on has not noticed a fault (WSF019).
    public var faultReaction = 2
    /// Seconds a server may take to answer the upgraded request (H2C007).
    public var upgradedAnswer = 30
    /// Seconds a proxy may keep the connection of a CONNECT it refused (CON002).
    public var connectClose = 2
    /// Seconds within which a client leaves for want of a subprotocol (WS012).
    public var subprotocolClose = 1
    /// Masked frames from which on their keys are judged, and equal ones or equal steps in a row that are too many (WSF003).
    public var maskedFrames = 4
    public var equalMasks = 3
    /// Seconds within which one key on two connections may be that of a proxy's two sides (WS003).
    public var hopDelay = 2
    /// Returns, and the seconds within which they come, that make a storm (WS016).
    public var reconnects = 5
    public var reconnectWindow = 10
    /// Seconds for which a demand for TLS is remembered (TLS004, `retry_of`).
    public var demandMemory = 60
    /// Origins whose pages may open WebSockets of other hosts (SMG007): `app.example.org`, with a port where that is none
    /// of the web's, or `*.example.org` for all below.
    public var origins: [String] = []
    /// Ports to which a tunnel is usual, beside those of the web (CON006).
    public var connectPorts: Set<Int> = []

    public init() {}

    /// Sets a threshold by the name used on the command line; `false` for an unknown name.
    public mutating func set(_ name: String, to value: Int) -> Bool {
        guard value > 0, let path = Self.names[name] else { return false }
        self[keyPath: path] = value
        return true
    }

    /// Names for `--limits`.
    public static var names: [String: any WritableKeyPath<Thresholds, Int> & Sendable] {
        [
            "close-answer-seconds": \.closeAnswer, "close-linger-seconds": \.closeLinger,
            "pong-seconds": \.pongAnswer, "idle-seconds": \.idle, "fault-reaction-seconds": \.faultReaction,
            "upgraded-answer-seconds": \.upgradedAnswer, "connect-close-seconds": \.connectClose,
            "subprotocol-close-seconds": \.subprotocolClose, "masked-frames": \.maskedFrames,
            "equal-masks": \.equalMasks, "hop-seconds": \.hopDelay, "reconnects": \.reconnects,
            "reconnect-seconds": \.reconnectWindow, "demand-seconds": \.demandMemory,
        ]
    }
}

extension Thresholds {
    /// Whether pages of that origin may open WebSockets of other hosts.
    func allows(_ origin: ArraySlice<UInt8>?) -> Bool {
        guard !origins.isEmpty, let origin, let page = Authority(absolute: origin) else { return false }
        return origins.contains { entry in
            let bytes = Array(entry.utf8)[...]
            if bytes.starts(with: "*.") {
                let domain = bytes.dropFirst()
                return page.host.count > domain.count && page.host.suffix(domain.count).matchesIgnoringCase(domain)
            }
            return page.isSame(as: Authority(absolute: bytes) ?? Authority(bytes))
        }
    }
}

extension Int {
    /// Seconds as nanoseconds.
    var seconds: Int64 { Int64(self).multipliedReportingOverflow(by: 1_000_000_000).partialValue }
}

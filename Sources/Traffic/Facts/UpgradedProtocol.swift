// The protocol that speaks after a switch, and the tokens that name it (RFC 9110 7.8).

import Ground

/// The protocol that speaks after the switch.
public enum UpgradedProtocol: UInt8, Sendable, CaseIterable {
    case none, websocket, h2c, tls, http, connectUDP, connectIP, connectTCP, tunnel, other
}

extension UpgradedProtocol {

    /// The token as a report names it: registered names that have one spelling in it, others as written.
    func name(of token: ArraySlice<UInt8>) -> String {
        switch self {
        case .websocket: "websocket"
        case .h2c: "h2c"
        case .connectUDP: "connect-udp"
        case .connectIP: "connect-ip"
        case .connectTCP: "connect-tcp"
        default: token.text
        }
    }

    /// The protocol a token of the Upgrade field names (RFC 9110 7.8: names compare without case).
    static func named(_ token: ArraySlice<UInt8>) -> UpgradedProtocol {
        let name = token.prefix { $0 != UInt8(ascii: "/") }
        if name.matchesIgnoringCase("websocket") { return .websocket }
        if name.matchesIgnoringCase("h2c") { return .h2c }
        if name.matchesIgnoringCase("tls") { return .tls }
        if name.matchesIgnoringCase("http") { return .http }
        if name.matchesIgnoringCase("connect-udp") { return .connectUDP }
        if name.matchesIgnoringCase("connect-ip") { return .connectIP }
        if name.matchesIgnoringCase("connect-tcp") { return .connectTCP }
        return .other
    }
}

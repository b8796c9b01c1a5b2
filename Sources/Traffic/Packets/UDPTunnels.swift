// UDP (RFC 768), as far as a tunnel may be inside. A port is only a hint: each tunnel checks that its header makes
// sense and answers `nil` where it does not; then the packet is UDP and nothing more.

import Ground

extension Dissector {
    mutating func udp(of header: IPHeader, _ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.count >= 8 else { return .notTCP(.ipProtocol(17)) }
        let source = bytes.load16(start)
        let destination = bytes.load16(start + 2)
        guard Self.isTunnelPort(destination) || Self.isTunnelPort(source) else { return .notTCP(.ipProtocol(17)) }
        let length = Int(bytes.load16(start + 4))
        guard rest.enter() else { return .malformed(.encapsulatedTooDeep) }
        rest.start += 8
        if length >= 8 { rest.shorten(to: length - 8) }
        return udpTunnel(destination, of: header, bytes, rest) ?? udpTunnel(source, of: header, bytes, rest)
            ?? .notTCP(.ipProtocol(17))
    }

    /// Keeps all other UDP off the slow way; the ports of `udpTunnel` in NextHeader.swift.
    @inline(__always)
    private static func isTunnelPort(_ port: UInt16) -> Bool {
        switch port {
        case 2152, 3544, 4789, 4790, 6081, 8472: true
        default: false
        }
    }
}

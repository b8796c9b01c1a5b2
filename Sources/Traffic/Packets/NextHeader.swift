// What comes next: the only place where numbers of the wire are given a meaning. A new link type, ethertype or
// tunnel is a file with its function and a line here.

extension Dissector {
    /// By the link type of the capture (the LINKTYPE_ numbers, and DLT_RAW as some systems wrote it).
    mutating func link(_ type: UInt32, _ bytes: Span<UInt8>, _ rest: Extent) -> Unwrapped {
        switch type {
        case 1: ethernet(bytes, rest)
        case 0, 108: loopback(bytes, rest)
        case 9, 50: ppp(bytes, rest)
        case 204: pppWithDirection(bytes, rest)
        case 104: ciscoHDLC(bytes, rest)
        case 12, 14, 101: ip(bytes, rest)
        case 228: ipv4(bytes, rest)
        case 229: ipv6(bytes, rest)
        case 51: pppoe(bytes, rest)
        case 100: llc(bytes, rest)
        case 105: wireless(bytes, rest)
        case 127: radiotap(bytes, rest)
        case 239: nflog(bytes, rest)
        case 113: linuxCooked(bytes, rest)
        case 276: linuxCooked2(bytes, rest)
        default: .notIP(.linkType(type))
        }
    }

    /// By ethertype; what is left begins after it.
    mutating func etherType(_ type: UInt16, _ bytes: Span<UInt8>, _ rest: Extent) -> Unwrapped {
        switch type {
        case 0x0800: ipv4(bytes, rest)
        case 0x86dd: ipv6(bytes, rest)
        case 0x8100: vlan(.vlan, bytes, rest)
        case 0x88a8, 0x9100, 0x9200: vlan(.qinq, bytes, rest)
        case 0x6558: ethernet(bytes, rest)
        case 0x8847, 0x8848: mpls(bytes, rest)
        case 0x8864: pppoe(bytes, rest)
        case 0x880b: ppp(bytes, rest)
        case ..<0x0600: llc(length: Int(type), bytes, rest)
        default: .notIP(.etherType(type))
        }
    }

    /// By the protocol number of PPP.
    mutating func pppProtocol(_ number: UInt16, _ bytes: Span<UInt8>, _ rest: Extent) -> Unwrapped {
        switch number {
        case 0x0021: ipv4(bytes, rest)
        case 0x0057: ipv6(bytes, rest)
        case 0x0281, 0x0283: mpls(bytes, rest)
        default: .notIP(.pppProtocol(number))
        }
    }

    /// By the protocol number of IP.
    mutating func payload(
        _ number: UInt8, of header: IPHeader, _ bytes: Span<UInt8>, _ rest: Extent
    ) -> Unwrapped {
        switch number {
        case 6: tcp(of: header, bytes, rest)
        case 17: udp(of: header, bytes, rest)
        case 4: ipv4Inside(of: header, bytes, rest)
        case 41: ipv6Inside(of: header, bytes, rest)
        case 47: gre(of: header, bytes, rest)
        case 0, 43, 44, 51, 60, 135, 139, 140: extensionHeaders(number, of: header, bytes, rest)
        default: .notTCP(.ipProtocol(number))
        }
    }

    /// By a port of UDP; `nil` where no tunnel is there.
    mutating func udpTunnel(
        _ port: UInt16, of header: IPHeader, _ bytes: Span<UInt8>, _ rest: Extent
    ) -> Unwrapped? {
        switch port {
        case 2152: gtp(of: header, bytes, rest)
        case 3544: teredo(bytes, rest)
        case 4789, 8472: vxlan(namesProtocol: false, bytes, rest)
        case 4790: vxlan(namesProtocol: true, bytes, rest)
        case 6081: geneve(bytes, rest)
        default: nil
        }
    }

    /// Whether fragments of this protocol are worth putting together: there may be TCP inside.
    static func carriesTCP(_ number: UInt8) -> Bool {
        switch number {
        case 4, 6, 17, 41, 47, 51: true
        default: false
        }
    }
}

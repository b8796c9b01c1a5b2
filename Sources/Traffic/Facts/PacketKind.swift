// What a packet is when it is not a TCP segment. Kinds are numbers, not text: counting a UDP packet makes no
// string. The names are made when the report is.

import Ground

/// What a packet turned out to be that carries no TCP, by the number that said so.
public enum PacketKind: Sendable, Hashable {
    case linkType(UInt32)
    case etherType(UInt16)
    /// An 802.2 header that does not carry an ethertype; the destination service access point.
    case llc(UInt8)
    case pppProtocol(UInt16)
    /// The address family of a loopback header; those over 255 are all told as 255.
    case family(UInt8)
    case ipProtocol(UInt8)
    case wirelessControl
    case wirelessEncrypted
    case wirelessFragment
    case wirelessAggregate

    /// A word or two for people.
    public var name: String {
        switch self {
        case .linkType(let number): "link type \(number)"
        case .etherType(let number): Self.etherTypeName(number)
        case .llc(0x42): "STP"
        case .llc(0xaa): "SNAP"
        case .llc(0xfe): "IS-IS"
        case .llc(let number): "LLC 0x\(Digits.hex(number, 2))"
        case .pppProtocol(0xc021): "PPP LCP"
        case .pppProtocol(0x8021): "PPP IPCP"
        case .pppProtocol(0x8057): "PPP IPV6CP"
        case .pppProtocol(let number): "PPP protocol 0x\(Digits.hex(number, 4))"
        case .family(let number): "address family \(number)"
        case .ipProtocol(let number): Self.ipProtocolName(number)
        case .wirelessControl: "802.11 without data"
        case .wirelessEncrypted: "802.11 encrypted"
        case .wirelessFragment: "802.11 fragment"
        case .wirelessAggregate: "802.11 A-MSDU"
        }
    }

    private static func etherTypeName(_ number: UInt16) -> String {
        switch number {
        case 0x0806: "ARP"
        case 0x8035: "RARP"
        case 0x8863: "PPPoE discovery"
        case 0x8809: "LACP"
        case 0x888e: "EAPOL"
        case 0x88cc: "LLDP"
        case 0x88e5: "MACsec"
        case 0x88f7: "PTP"
        case 0x9000: "loopback test"
        default: "ethertype 0x\(Digits.hex(number, 4))"
        }
    }

    private static func ipProtocolName(_ number: UInt8) -> String {
        switch number {
        case 1: "ICMP"
        case 2: "IGMP"
        case 17: "UDP"
        case 47: "GRE"
        case 50: "ESP"
        case 58: "ICMPv6"
        case 59: "IPv6 no next header"
        case 89: "OSPF"
        case 112: "VRRP"
        case 132: "SCTP"
        default: "protocol \(number)"
        }
    }
}

/// Why a packet could not be dissected.
public enum PacketFault: String, Sendable, Hashable, CaseIterable {
    case linkHeaderCut = "link header cut"
    case vlanTagCut = "VLAN tag cut"
    case tunnelHeaderCut = "tunnel header cut"
    case encapsulatedTooDeep = "encapsulated too deep"
    case ipVersion = "IP version"
    case ipv4HeaderCut = "IPv4 header cut"
    case ipv4HeaderLength = "IPv4 header length"
    case ipv4TotalLength = "IPv4 total length"
    case ipv6HeaderCut = "IPv6 header cut"
    case extensionHeaderCut = "IPv6 extension header cut"
    case fragmentCut = "IP fragment cut"
    case fragmentBeyondEnd = "IP fragment beyond 65,535"
    case udpHeaderCut = "UDP header cut"
    case tcpHeaderCut = "TCP header cut"
    case tcpHeaderShort = "TCP header shorter than 20"
    case tcpDataOffset = "TCP data offset"

    /// A word or two for people.
    public var name: String { rawValue }
}

/// How often each kind was met.
public struct PacketKindCounts: Sendable, Equatable {
    private var protocols = [UInt64](repeating: 0, count: 256)
    private var others: [PacketKind: UInt64] = [:]
    private var faults: [PacketFault: UInt64] = [:]

    public init() {}

    /// One more packet of `kind`.
    public mutating func count(_ kind: PacketKind) {
        if case .ipProtocol(let number) = kind {
            protocols[Int(number)] &+= 1
        } else {
            others[kind, default: 0] &+= 1
        }
    }

    /// One more packet that could not be dissected.
    public mutating func count(_ fault: PacketFault) { faults[fault, default: 0] &+= 1 }

    /// The counts of another part of the same traffic are added.
    public mutating func add(_ other: PacketKindCounts) {
        for number in protocols.indices { protocols[number] &+= other.protocols[number] }
        others.merge(other.others) { $0 &+ $1 }
        faults.merge(other.faults) { $0 &+ $1 }
    }

    /// The counts under the kinds' names.
    public var byName: [String: UInt64] {
        var names: [String: UInt64] = [:]
        for (number, count) in protocols.enumerated() where count > 0 {
            names[PacketKind.ipProtocol(UInt8(number)).name, default: 0] &+= count
        }
        for (kind, count) in others { names[kind.name, default: 0] &+= count }
        for (fault, count) in faults { names[fault.name, default: 0] &+= count }
        return names
    }
}

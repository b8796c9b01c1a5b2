// Which VLANs and tunnels a packet came through, as one small number.
//
// The stacks form a tree: a stack is its parent stack and one more label. Opening a header looks up the child
// of the stack so far; a small direct-mapped memory answers for the few stacks that a capture normally has.
// What goes into a label must be the same in both directions of a connection, or the connection falls in two:
// MPLS labels and GTP tunnel ids are not, addresses are taken as an unordered pair.

/// One VLAN tag or tunnel header.
struct TunnelLabel: Hashable {
    enum Kind: UInt8 {
        case vlan, qinq, mpls, pppoe, gre, erspan, vxlan, geneve, gtp, ip4in4, ip6in4, ip4in6, ip6in6, teredo
    }

    var kind: Kind
    /// The number shown with the name, where there is one.
    var number: UInt32?
    /// Sets tunnels of the same kind and number apart; not shown.
    var pair: UInt64 = 0

    var name: String {
        let word =
            switch kind {
            case .gtp: "gtp-u"
            case .ip4in4: "ipv4 in ipv4"
            case .ip6in4: "ipv6 in ipv4"
            case .ip4in6: "ipv4 in ipv6"
            case .ip6in6: "ipv6 in ipv6"
            default: "\(kind)"
            }
        return number.map { "\(word) \($0)" } ?? word
    }
}

/// The stacks that were met.
struct TunnelTable {
    /// Stacks told apart; index 0 is no tunnel at all.
    static let capacity = 65_535

    private struct Stack: Hashable {
        var parent: UInt32
        var label: TunnelLabel
    }

    private struct Recent {
        var stack: Stack
        var index: UInt32
    }

    private var stacks: [Stack] = []
    private var indices: [Stack: UInt32] = [:]
    private var recent = [Recent?](repeating: nil, count: 64)
    private(set) var limitHits: UInt64 = 0

    /// The index of the stack that is `parent` and `label` inside it.
    mutating func push(_ label: TunnelLabel, on parent: UInt32) -> UInt32 {
        let stack = Stack(parent: parent, label: label)
        let mixed =
            (UInt64(label.number ?? 0) << 5 ^ UInt64(label.kind.rawValue) ^ UInt64(parent) << 17 ^ label.pair)
            &* 0x9e37_79b9_7f4a_7c15
        let slot = Int(truncatingIfNeeded: mixed >> 58)
        if let found = recent[slot], found.stack == stack { return found.index }
        if let known = indices[stack] {
            recent[slot] = Recent(stack: stack, index: known)
            return known
        }
        guard stacks.count < Self.capacity else {
            limitHits &+= 1
            return UInt32(Self.capacity)
        }
        stacks.append(stack)
        let index = UInt32(stacks.count)
        indices[stack] = index
        recent[slot] = Recent(stack: stack, index: index)
        return index
    }

    var count: UInt32 { UInt32(stacks.count) }

    /// Names of a stack's labels from the outside in.
    func names(_ tunnel: UInt32) -> [String] {
        var names: [String] = []
        var index = Int(tunnel)
        while index > 0, index <= stacks.count {
            names.append(stacks[index - 1].label.name)
            index = Int(stacks[index - 1].parent)
        }
        return names.reversed()
    }
}

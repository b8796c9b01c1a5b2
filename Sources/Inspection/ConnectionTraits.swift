// What is unusual about a connection, as bits: rules about connections name those they need.
//
// Of most connections nothing is, and then none of these rules is called.

import Traffic

struct ConnectionTraits: OptionSet, Sendable {
    var rawValue: UInt8

    static let oneDirection = ConnectionTraits(rawValue: 1)
    static let gap = ConnectionTraits(rawValue: 2)
    static let midstream = ConnectionTraits(rawValue: 4)
    static let duplicate = ConnectionTraits(rawValue: 8)
    static let encrypted = ConnectionTraits(rawValue: 16)
    static let loneUpgradeOption = ConnectionTraits(rawValue: 32)
    static let bareUpgrade = ConnectionTraits(rawValue: 64)
    static let advertisement = ConnectionTraits(rawValue: 128)

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ record: ConnectionRecord) {
        self = []
        if record.oneDirection != nil { insert(.oneDirection) }
        if record.firstGap != nil { insert(.gap) }
        if record.startedMidstream { insert(.midstream) }
        if record.firstDuplicate != nil { insert(.duplicate) }
        if record.encrypted { insert(.encrypted) }
        if record.loneUpgradeOptions > 0 { insert(.loneUpgradeOption) }
        if record.bareUpgrades > 0 { insert(.bareUpgrade) }
        if record.advertisements > 0 { insert(.advertisement) }
    }
}

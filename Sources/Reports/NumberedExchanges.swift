// Exchanges that are not told of, but stand in front of some that are: two bytes for each, so that it has its number.
//
// Nearly every exchange begins with the first byte a client says, and a packet begins one such at most. So what is kept is its
// packet and how many findings it has, in blocks of a thousand packets; in front of which exchange how many others stand is
// counted block by block. What does not fit in there has to be kept as a record of its own.

/// Places in the order of requests that are taken.
struct NumberedExchanges {
    /// Exchanges of so many packets, in no order.
    private struct Block {
        /// The packet within the block in the upper bits, the number of findings in the lower.
        var places: [UInt16] = []
        var findings = 0
    }

    /// How many exchanges there are, and how many findings they have.
    struct Count: Equatable {
        var exchanges = 0
        var findings = 0
    }

    private var captures: [[Block]] = []

    private static var findingBits: UInt64 { 6 }
    private static var packetBits: UInt64 { 10 }
    private static var mostFindings: Int { 1 << findingBits - 1 }
    private static var mostCaptures: Int { 256 }
    private static var mostBlocks: Int { 1 << 16 }

    /// Where the place of an exchange lies, and the packet within the block.
    private struct Location {
        let capture: Int
        let block: Int
        let packet: UInt16

        init(_ key: SortKey) {
            let packet = key.packet
            capture = key.capture
            block = Int(packet >> NumberedExchanges.packetBits)
            self.packet = UInt16(truncatingIfNeeded: packet & (1 << NumberedExchanges.packetBits - 1))
        }
    }

    /// Takes a place; `false` where it does not fit.
    mutating func add(_ key: SortKey, findings: Int) -> Bool {
        guard key.isFirstOfClient, findings <= Self.mostFindings else { return false }
        let location = Location(key)
        guard location.capture < Self.mostCaptures, location.block < Self.mostBlocks else { return false }
        reserve(location)
        captures[location.capture][location.block].places.append(
            location.packet << UInt16(Self.findingBits) | UInt16(findings))
        captures[location.capture][location.block].findings += findings
        return true
    }

    /// Takes all places of another one.
    mutating func absorb(_ other: NumberedExchanges) {
        for (capture, blocks) in other.captures.enumerated() {
            for (index, block) in blocks.enumerated() where !block.places.isEmpty {
                reserve(Location(SortKey(capture: capture, packet: UInt64(index) << Self.packetBits)))
                captures[capture][index].places += block.places
                captures[capture][index].findings += block.findings
            }
        }
    }

    /// Whether that place was taken.
    func contains(_ key: SortKey) -> Bool {
        let location = Location(key)
        guard key.isFirstOfClient, location.capture < captures.count,
            location.block < captures[location.capture].count
        else { return false }
        return captures[location.capture][location.block].places.contains {
            $0 >> UInt16(Self.findingBits) == location.packet
        }
    }

    private mutating func reserve(_ location: Location) {
        while captures.count <= location.capture { captures.append([]) }
        while captures[location.capture].count <= location.block { captures[location.capture].append(Block()) }
    }

    /// Goes through the places from the first on.
    struct Walk {
        private let captures: [[Block]]
        private var capture = 0
        private var block = 0
        /// What lies in the blocks that were passed.
        private var passed = Count()

        init(_ numbered: NumberedExchanges) { captures = numbered.captures }

        /// How many places stand before a key, which is not less than the one before.
        mutating func count(before key: SortKey) -> Count {
            guard !captures.isEmpty else { return Count() }
            let location = Location(key)
            while capture < captures.count, (capture, block) < (location.capture, location.block) {
                guard block < captures[capture].count else {
                    (capture, block) = (capture + 1, 0)
                    continue
                }
                passed.exchanges += captures[capture][block].places.count
                passed.findings += captures[capture][block].findings
                block += 1
            }
            var count = passed
            guard capture == location.capture, capture < captures.count, block < captures[capture].count else {
                return count
            }
            for place in captures[capture][block].places {
                let packet = place >> UInt16(NumberedExchanges.findingBits)
                guard packet < location.packet || packet == location.packet && !key.isFirstOfClient else { continue }
                count.exchanges += 1
                count.findings += Int(place & (1 << UInt16(NumberedExchanges.findingBits) - 1))
            }
            return count
        }
    }
}

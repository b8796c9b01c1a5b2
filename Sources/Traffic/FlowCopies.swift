// A flow that was captured twice: in two VLANs, inside a tunnel and outside of it (RULES CAP005).
//
// Flows with the same addresses in different tunnels are different flows, unless the second one says what the first
// one just said: the same initial sequence number, or, where no SYN was captured, the same segment with data. Such a
// flow is a copy. It is followed by its numbers, but its bytes are not read. Only a direction that its original lacks
// altogether (a mirror port that tags one direction only) is read from the copy, as if it had been the original's.
//
// The search is by exact lookup under each other tunnel, for a new connection only: what is found does not depend on
// what else is in the table.

extension Analyzer {
    /// Tunnels under which an original is looked for; a capture with more has flows that only look alike.
    private static var searchedTunnels: UInt32 { 16 }
    /// How far after its original a copy may be.
    private static var nearTime: Int64 { 1_000_000_000 }

    /// Whether there is a flow with the addresses of that segment in another tunnel.
    func hasTwin(_ segment: Segment) -> Bool {
        let addresses = ConnectionTable.addressHash(segment)
        guard dissector.tunnelCount > 0, table.mayHave(addresses: addresses) else { return false }
        for tunnel in 0...min(dissector.tunnelCount, Self.searchedTunnels) where tunnel != segment.tunnel {
            let hash = table.hash(addresses, tunnel: tunnel)
            if table.find(segment, tunnel: tunnel, hash: hash) != nil { return true }
        }
        return false
    }

    /// Finds out whether a new connection, or one of which that is not known yet, is a copy.
    mutating func settleCopy(_ index: Int, _ segment: Segment, _ mark: Arrival) {
        let isTelling =
            segment.flags.contains(.syn) || !segment.flags.contains(.rst) && segment.payload.count + segment.missing > 0
        var isPossible = false
        let addresses = ConnectionTable.addressHash(segment)
        for tunnel in 0...min(dissector.tunnelCount, Self.searchedTunnels) where tunnel != segment.tunnel {
            let hash = table.hash(addresses, tunnel: tunnel)
            guard let original = table.find(segment, tunnel: tunnel, hash: hash) else { continue }
            guard table[original].copy.of == nil,
                abs(mark.time.nanoseconds(since: table[original].last.time)) <= Self.nearTime
            else { continue }
            isPossible = true
            guard isTelling, let seen = table[original].firstSight(of: segment) else { continue }
            table[original].noteCopy(mark, of: seen, under: table[index].tunnels)
            table[index].becomeCopy(of: table[original].id, under: tunnel)
            return
        }
        guard isPossible || table.isCopy(index) else { return }
        table[index].copy.isUndecided = isPossible && !isTelling
        table[index].copy.isSpecial = isPossible && !isTelling
    }

    /// Where a segment of a copy, or of a connection that may be one, belongs.
    mutating func settled(_ index: Int, _ segment: Segment, _ mark: Arrival) -> Int {
        if table[index].copy.isUndecided { settleCopy(index, segment, mark) }
        guard let id = table[index].copy.of else { return index }
        let tunnel = table[index].copy.tunnel
        let hash = table.hash(ConnectionTable.addressHash(segment), tunnel: tunnel)
        guard let original = table.find(segment, tunnel: tunnel, hash: hash),
            table[original].id == id, table[original].lacks(segment)
        else { return index }
        return original
    }
}

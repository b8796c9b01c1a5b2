// The brief connections of an analyzer: kept while they are brief, told of in a word where that says it all.
//
// They lie where the table has them, so that both are fetched at once.

struct BriefConnections: ~Copyable {
    private var connections = Slab<BriefConnection>(capacity: 64)
    private var sessions = Slab<BriefSession>(capacity: 64)
    private var kept = KeptPackets()

    /// What the table has beyond these is followed in full from its first packet on.
    private static var capacity: Int { 8192 }

    /// Whether the connection at that index of the table may be brief.
    static func hasRoom(at index: Int) -> Bool { index < capacity }

    subscript(index: Int) -> BriefConnection { @inline(__always) _read { yield connections[index] } }

    /// The brief connection of a packet, and whether the packet is of the side that began it.
    ///
    /// Which side that is, is as good as random: no branch depends on it.
    @inline(__always)
    func find(_ pair: PlainPair, in table: borrowing ConnectionTable) -> (index: Int, isClient: Bool)? {
        let reversed = pair.reversed
        let hash = table.hash(ConnectionTable.addressHash(pair.source, reversed.source), tunnel: 0)
        var isClient = false
        let index = table.first(of: hash) { index in
            guard index < connections.count else { return false }
            isClient = connections[index].pair.difference(to: pair) == 0
            return isClient != (connections[index].pair.difference(to: reversed) == 0)
        }
        return index.map { ($0, isClient) }
    }

    mutating func begin(_ segment: Segment, _ mark: PacketMark, at index: Int) {
        let location = kept.begin(BriefSegment(segment, isClient: true), mark)
        let connection = BriefConnection(segment, mark, at: location)
        // Those in between are followed in full, and found elsewhere.
        var nobody = connection
        nobody.pair = .none
        while connections.count <= index {
            connections.append(nobody)
            sessions.append(BriefSession())
        }
        connections[index] = connection
    }

    /// Keeps a packet if that is possible.
    @inline(__always)
    mutating func take(
        _ segment: BriefSegment, _ payload: Span<UInt8>, _ mark: PacketMark, _ context: AnalysisContext, at index: Int
    ) -> Bool {
        let location = kept.location(forPayloadOf: payload.count)
        // First written, then looked at: what is written only has not to be held meanwhile.
        kept.append(segment, payload: payload.count, mark, behind: connections[index].lastKept)
        guard connections[index].take(segment, payload, mark, &sessions[index], context) else {
            kept.removeLast()
            return false
        }
        if payload.count > 0 { kept.append(payload) }
        connections[index].lastKept = location
        return true
    }

    var blockCount: Int { kept.blockCount }
    func isBeyond(_ limit: Int) -> Bool { kept.isBeyond(limit) }
    /// Whether it is one of those that keep the oldest packets from being forgotten.
    func isOldest(_ index: Int) -> Bool { kept.isInOldest(connections[index].firstKept) }

    mutating func noteTold(_ index: Int) { connections[index].isTold = true }

    /// It is brief no more, or gone: nothing is kept of it.
    mutating func end(_ index: Int) {
        kept.end(connections[index].firstKept)
        connections[index].pair = PlainPair.none
    }

    /// The exchange of a connection that is over, if it was one that is like others.
    @inline(__always)
    func exchange(of flow: Flow, at index: Int) -> FamiliarExchange? {
        connections[index].hasSession ? sessions[index].exchange(of: flow) : nil
    }

    /// Where the packets lie that were kept of a connection, in order.
    func packets(of index: Int) -> [KeptPackets.Location] {
        kept.locations(from: connections[index].firstKept, to: connections[index].lastKept)
    }

    func packet(at location: KeptPackets.Location) -> (KeptPacket, payload: [UInt8]) {
        let packet = kept.packet(at: location)
        return (packet, packet.length == 0 ? [] : kept.payload(of: packet, at: location))
    }
}

extension Analyzer {
    /// Whether the packet is one more of a brief connection; if it is not, that is unfolded.
    @inline(never)
    mutating func keep(_ segment: Segment, _ bytes: Span<UInt8>, _ mark: PacketMark, of index: Int) -> Bool {
        let brief = BriefSegment(segment, isClient: table.began(index, by: segment.source))
        guard BriefConnection.isWhole(segment),
            briefs.take(brief, bytes.extracting(segment.payload), mark, context, at: index)
        else {
            unfold(index)
            return false
        }
        if briefs[index].isUntold { close(index) }
        return true
    }

    /// What was kept of a brief connection goes the way of all packets.
    ///
    /// Where its exchange was told of, it is not told of again.
    mutating func unfold(_ index: Int) {
        guard table.isBrief(index) else { return }
        let flow = table.flows[index]
        let tunnels = flow.tunnel == 0 ? [] : dissector.tunnelNames(flow.tunnel)
        let isTold = briefs[index].isTold
        let context = isTold ? AnalysisContext(options: options, output: Nobody()) : context
        let now = context.now
        for location in briefs.packets(of: index) {
            let (packet, payload) = briefs.packet(at: location)
            let segment = packet.segment(of: flow, payload: payload.indices)
            let mark = packet.mark
            // The first one is its SYN.
            if table.isBrief(index) {
                table.unfold(index, as: Connection(segment, id: flow.id, mark: mark, tunnels: tunnels))
            }
            context.now = packet.time
            table[index].receive(segment, payload: payload.span, mark: mark, context: context)
            table[index].noteAcknowledgment(segment, mark)
        }
        briefs.end(index)
        context.now = now
        // It waits to leave already.
        if isTold { table[index].isRetired = true }
    }

    /// Too many packets are kept: those of which the oldest are have to do without.
    mutating func unfoldOldest() {
        for index in table.liveIndices where table.isBrief(index) && briefs.isOldest(index) { unfold(index) }
    }

    /// A brief connection is over: its exchange is told of in a word if that says it all, else it is unfolded.
    mutating func close(_ index: Int) {
        let flow = table.flows[index]
        if let exchange = briefs.exchange(of: flow, at: index), output.recognizes(exchange) {
            context.counters.requests += 1
            context.counters.exchanges += 1
            briefs.noteTold(index)
        } else {
            unfold(index)
        }
        noteClosed(index, flow.id)
    }
}

/// Is told what others know already.
private final class Nobody: AnalyzerOutput {
    func finished(_ exchange: Exchange) {}
    func ended(_ connection: ConnectionRecord) {}
    func answered(_ exchange: Exchange) {}
    func said(_ message: TranscriptMessage, in exchange: ExchangeKey) {}
    func lostTrack(at place: Place, in exchange: ExchangeKey) {}
    func requested(_ head: MessageHead, connection: UInt64) {}
    func responded(_ head: MessageHead, connection: UInt64) {}
    func streamed(
        _ bytes: Span<UInt8>, _ direction: Direction, offset: Int64, mark: PacketMark, connection: UInt64,
        isBehindOffer: Bool
    ) {}
    func streamGap(_ place: Place, connection: UInt64) {}
}

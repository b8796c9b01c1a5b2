// The brief connections of an analyzer: kept while they are brief, told of in a word where that says it all.
//
// They lie where the table has them, so that both are fetched at once.

struct BriefConnections {
    private var connections: ContiguousArray<BriefConnection> = []
    private var kept = KeptPackets()

    /// What the table has beyond these is followed in full from its first packet on.
    private static var capacity: Int { 8192 }

    /// Whether the connection at that index of the table may be brief.
    static func hasRoom(at index: Int) -> Bool { index < capacity }

    subscript(index: Int) -> BriefConnection { @inline(__always) _read { yield connections[index] } }

    mutating func begin(_ segment: Segment, id: UInt64, _ mark: PacketMark, tunnels: [String], at index: Int) {
        let location = kept.begin(segment, mark)
        let connection = BriefConnection(segment, id: id, mark, tunnels: tunnels, at: location)
        while connections.count <= index { connections.append(connection) }
        connections[index] = connection
    }

    /// Keeps a packet if that is possible.
    @inline(__always)
    mutating func take(
        _ segment: Segment, isClient: Bool, _ bytes: Span<UInt8>, _ mark: PacketMark, _ context: AnalysisContext,
        at index: Int
    ) -> Bool {
        guard connections[index].take(segment, isClient: isClient, bytes, mark, context) else { return false }
        connections[index].lastKept = kept.add(
            segment, isClient: isClient, bytes, mark, behind: connections[index].lastKept)
        return true
    }

    var blockCount: Int { kept.blockCount }
    func isBeyond(_ limit: Int) -> Bool { kept.isBeyond(limit) }
    /// Whether it is one of those that keep the oldest packets from being forgotten.
    func isOldest(_ index: Int) -> Bool { connections[index].firstKept.block == kept.oldestBlock }

    mutating func noteTold(_ index: Int) { connections[index].isTold = true }

    /// It is brief no more, or gone: nothing is kept of it.
    mutating func end(_ index: Int) { kept.end(connections[index].firstKept) }

    /// What was kept of a connection.
    func packets(of index: Int) -> [(packet: KeptPacket, payload: [UInt8])] {
        kept.packets(from: connections[index].firstKept, to: connections[index].lastKept)
    }

    /// The target of its request; a connection without one has none.
    func target(of index: Int) -> [UInt8] {
        guard let request = packets(of: index).first(where: { !$0.payload.isEmpty })?.payload else { return [] }
        return Array(request.drop { $0 != 0x20 }.dropFirst().prefix { $0 != 0x20 })
    }
}

extension Analyzer {
    /// Whether the packet is one more of a brief connection; if it is not, that is unfolded.
    @inline(never)
    mutating func keep(_ segment: Segment, _ bytes: Span<UInt8>, _ mark: PacketMark, of index: Int) -> Bool {
        let isClient = table.began(index, by: segment.source)
        // The payload of a datagram that was put together lies elsewhere, and is not taken.
        let payload = segment.isReassembled ? Span() : bytes.extracting(segment.payload)
        guard briefs.take(segment, isClient: isClient, payload, mark, context, at: index) else {
            unfold(index)
            return false
        }
        if briefs[index].isClosed, !briefs[index].isTold { close(index) }
        return true
    }

    /// What was kept of a brief connection goes the way of all packets.
    ///
    /// Where its exchange was told of, it is not told of again.
    mutating func unfold(_ index: Int) {
        guard table.isBrief(index) else { return }
        let flow = table.flows[index]
        let brief = briefs[index]
        let packets = briefs.packets(of: index)
        briefs.end(index)
        let context = brief.isTold ? AnalysisContext(options: options, output: Nobody()) : context
        let now = context.now
        for (packet, payload) in packets {
            let segment = packet.segment(of: flow, payload: payload.indices)
            let mark = packet.mark
            // The first one is its SYN.
            if table.isBrief(index) {
                table.unfold(index, as: Connection(segment, id: brief.id, mark: mark, tunnels: brief.tunnels))
            }
            context.now = packet.time
            table[index].receive(segment, payload: payload.span, mark: mark, context: context)
            table[index].noteAcknowledgment(segment, mark)
        }
        context.now = now
        // It waits to leave already.
        if brief.isTold { table[index].isRetired = true }
    }

    /// Too many packets are kept: those of which the oldest are have to do without.
    mutating func unfoldOldest() {
        for index in table.liveIndices where table.isBrief(index) && briefs.isOldest(index) { unfold(index) }
    }

    /// A brief connection is over: its exchange is told of in a word if that says it all, else it is unfolded.
    private mutating func close(_ index: Int) {
        let id = briefs[index].id
        if let exchange = briefs[index].exchange(of: table.flows[index]),
            output.recognizes(exchange, target: { [briefs] in briefs.target(of: index) })
        {
            context.counters.requests += 1
            context.counters.exchanges += 1
            briefs.noteTold(index)
        } else {
            unfold(index)
        }
        noteClosed(index, id)
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

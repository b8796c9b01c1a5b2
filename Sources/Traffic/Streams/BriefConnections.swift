// The brief connections of an analyzer: kept while they are brief, told of in a word where that says it all.
//
// They lie where the table has them, so that both are fetched at once.

struct BriefConnections {
    private var connections: ContiguousArray<BriefConnection> = []
    private var sessions: ContiguousArray<BriefSession> = []
    private var kept = KeptPackets()

    /// What the table has beyond these is followed in full from its first packet on.
    private static var capacity: Int { 8192 }

    /// Whether the connection at that index of the table may be brief.
    static func hasRoom(at index: Int) -> Bool { index < capacity }

    subscript(index: Int) -> BriefConnection { @inline(__always) _read { yield connections[index] } }

    mutating func begin(_ segment: Segment, _ mark: PacketMark, tunnels: [String], at index: Int) {
        let location = kept.begin(segment, mark)
        let connection = BriefConnection(segment, mark, at: location)
        let session = BriefSession(tunnels: tunnels, at: location)
        while connections.count <= index {
            connections.append(connection)
            sessions.append(session)
        }
        connections[index] = connection
        sessions[index] = session
    }

    /// Keeps a packet if that is possible.
    @inline(__always)
    mutating func take(
        _ segment: Segment, isClient: Bool, _ bytes: Span<UInt8>, _ mark: PacketMark, _ context: AnalysisContext,
        at index: Int
    ) -> Bool {
        guard connections[index].take(segment, isClient: isClient, bytes, mark, &sessions[index], context) else {
            return false
        }
        connections[index].lastKept = kept.add(
            segment, isClient: isClient, bytes, mark, behind: connections[index].lastKept)
        return true
    }

    var blockCount: Int { kept.blockCount }
    func isBeyond(_ limit: Int) -> Bool { kept.isBeyond(limit) }
    /// Whether it is one of those that keep the oldest packets from being forgotten.
    func isOldest(_ index: Int) -> Bool { connections[index].firstBlock == kept.oldestBlock }

    mutating func noteTold(_ index: Int) { connections[index].isTold = true }

    /// It is brief no more, or gone: nothing is kept of it.
    mutating func end(_ index: Int) { kept.end(block: connections[index].firstBlock) }

    func tunnels(of index: Int) -> [String] { sessions[index].tunnels }

    /// The exchange of a connection that is over, if it was one that is like others.
    func exchange(of flow: Flow, at index: Int) -> FamiliarExchange? {
        connections[index].isUsual ? sessions[index].exchange(of: flow) : nil
    }

    /// Where the packets lie that were kept of a connection, in order.
    func packets(of index: Int) -> [KeptPackets.Location] {
        kept.locations(from: sessions[index].firstKept, to: connections[index].lastKept)
    }

    func packet(at location: KeptPackets.Location) -> (KeptPacket, payload: [UInt8]) {
        let packet = kept.packet(at: location)
        return (packet, packet.length == 0 ? [] : kept.payload(of: packet, at: location))
    }

    /// The target of its request; a connection without one has none.
    func target(of index: Int) -> [UInt8] {
        for location in packets(of: index) where kept.packet(at: location).length > 0 {
            return Array(packet(at: location).payload.drop { $0 != 0x20 }.dropFirst().prefix { $0 != 0x20 })
        }
        return []
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
        let (isTold, tunnels) = (briefs[index].isTold, briefs.tunnels(of: index))
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
    private mutating func close(_ index: Int) {
        let flow = table.flows[index]
        if let exchange = briefs.exchange(of: flow, at: index),
            output.recognizes(exchange, target: { [briefs] in briefs.target(of: index) })
        {
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

// The door of this module: packets in, exchanges and connections out.
//
// One packet goes down the floors and up again before the next is looked at: dissected in place, found in the table,
// put in order, read. Nothing here knows where packets come from or what is thought of what they say.

import Ground

/// Puts packets together into connections, connections into exchanges.
public struct Analyzer: ~Copyable {
    let output: any AnalyzerObserver
    let options: AnalyzerOptions
    let context: AnalysisContext
    private let conversations: ConversationContext
    var dissector: Dissector
    var table = ConnectionTable()
    private var packets: UInt64 = 0
    /// The latest time of any packet: clocks go back, the order in which connections are forgotten does not.
    private var latest = Timestamp(nanoseconds: .min)
    /// When connections that went quiet are looked for again; by packet time, so that every shard does it at the same
    /// packet.
    private var nextSweep = Timestamp(nanoseconds: .min)
    /// Others have a part of the traffic.
    private let isShared: Bool
    private var tally = TrafficCounters()
    /// Whose the packet taken last was; kept only with `AnalyzerOptions.tellsOwners`.
    public private(set) var lastOwner = PacketOwner.nobody
    /// Closed connections in the order they closed, with the time.
    private var closed: [(index: Int32, id: UInt64, time: Timestamp, packet: UInt64)] = []
    private var closedHead = 0
    /// After that time or packet the one that closed first leaves the table.
    private var nextFarewell = Self.noFarewell

    public init(options: AnalyzerOptions = AnalyzerOptions(), output: any AnalyzerObserver) {
        self.init(options: options, output: output, carriedBy: { $0 })
    }

    /// `carrier` makes, of what makes a conversation, what makes the reader of a connection.
    init(
        options wanted: AnalyzerOptions, output: any AnalyzerObserver,
        carriedBy carrier: (@escaping AnalysisContext.ReaderFactory) -> AnalysisContext.ReaderFactory
    ) {
        var options = wanted
        options.limits.connections = wanted.shard.share(of: wanted.limits.connections)
        options.limits.totalHeldBytes = wanted.shard.share(of: wanted.limits.totalHeldBytes)
        self.options = options
        self.output = output
        isShared = options.shard.count > 1
        let conversations = ConversationContext(demandSeconds: options.demandSeconds)
        self.conversations = conversations
        context = AnalysisContext(
            options: options, output: output,
            makeReader: carrier { context, facts, stream, midstream, enclosure in
                Conversation(
                    context: context, shared: conversations, facts: facts, stream: stream, midstream: midstream,
                    inside: enclosure)
            })
        dissector = Dissector(limits: options.limits)
    }

    /// Counts over everything read so far.
    public var counters: TrafficCounters {
        var counters = tally
        if options.shard.isFirst {
            counters.packets = packets
        } else {
            (counters.notIP, counters.notTCP, counters.malformed) = (0, 0, 0)
            counters.kinds = PacketKindCounts()
        }
        counters.requests = conversations.requests
        counters.exchanges = conversations.exchanges
        counters.limitsHit = context.budget.limitsHit
        if options.shard.isFirst { counters.limitsHit.merge(dissector.limitsHit, uniquingKeysWith: +) }
        return counters
    }

    /// Takes one packet; `bytes` are the packet's captured bytes.
    public mutating func receive(_ packet: CapturedPacket, capture: UInt16, bytes: Span<UInt8>) {
        var packet = packet
        packet.range = 0..<bytes.count
        receive(CollectionOfOne(packet).span, of: bytes, capture: capture)
    }

    /// Takes packets, one after the other; `window` is what their ranges lie in.
    public mutating func receive(_ all: Span<CapturedPacket>, of window: Span<UInt8>, capture: UInt16) {
        for index in all.indices {
            let packet = all[index]
            let bytes = window.extracting(packet.range)
            packets += 1
            context.now = packet.time
            if latest < packet.time {
                latest = packet.time
                if nextSweep < latest { endQuiet() }
            }
            take(packet, capture: capture, bytes)
            if latest > nextFarewell.time || packets > nextFarewell.packet { forgetOld() }
        }
    }

    @inline(__always)
    private mutating func take(_ packet: CapturedPacket, capture: UInt16, _ bytes: Span<UInt8>) {
        if options.tellsOwners { lastOwner = .nobody }
        switch dissector.unwrap(
            bytes, linkType: packet.linkType, originalLength: Int(packet.originalLength), time: packet.time)
        {
        case .segment:
            let segment = dissector.found
            if !segment.isReassembled, TLSDemands.mayBegin(in: bytes, at: segment.payload) {
                conversations.demands.take(segment, bytes.extracting(segment.payload), at: packet.time)
            }
            if isShared, !options.shard.includes(segment) { break }
            let mark = Arrival(packet: packet.number, capture: capture, time: packet.time, heard: nil)
            let hash = table.hash(segment)
            var index = table.find(segment, hash: hash) ?? -1
            if index < 0 || table.isSucceeded(index, by: segment) {
                index = begin(segment, hash, mark, after: index)
            }
            if table.isCopy(index) { index = settled(index, segment, mark) }
            if segment.isReassembled {
                let payload = dissector.reassembled.extracting(segment.payload).array
                table[index].receive(segment, payload: payload.span, mark: mark, context: context)
            } else {
                table[index].receive(segment, payload: bytes.extracting(segment.payload), mark: mark, context: context)
            }
            table[index].noteAcknowledgment(segment, mark)
            if options.tellsOwners {
                let datagram = segment.isReassembled ? dissector.lastDatagram : nil
                lastOwner = .connection(table[index].status(datagram: datagram))
            }
            if table.isClosed(index) { retire(index) }
        case .fragment: if options.tellsOwners { lastOwner = .datagram(dissector.lastDatagram) }
        case .notIP(let kind):
            tally.notIP += 1
            tally.kinds.count(kind)
        case .notTCP(let kind):
            tally.notTCP += 1
            tally.kinds.count(kind)
        case .malformed(let kind):
            tally.malformed += 1
            tally.kinds.count(kind)
        }
    }

    /// Connections that are followed at this moment.
    public var openConnections: Int { table.count }

    /// Calls `body` with every exchange that is not finished, in no particular order.
    ///
    /// Walks all connections: for a display that is drawn a few times a second, not for every packet.
    public func forEachOpenExchange(_ body: (ExchangeProgress) -> Void) {
        for index in table.liveIndices { table[index].reader?.forEachOpen(body) }
    }

    /// Requests whose answers are not whole yet, on all connections: of one that is being replayed.
    public var unansweredRequests: Int {
        table.liveIndices.reduce(0) { $0 + (table[$1].reader?.unanswered ?? 0) }
    }

    /// The input is over: everything still open is reported.
    public mutating func finish() {
        for index in table.liveIndices { end(index, .captureEnd) }
    }

    /// A connection begins, and the one with the same addresses is over, if there is one.
    @inline(never)
    private mutating func begin(_ segment: Segment, _ hash: UInt32, _ mark: Arrival, after other: Int) -> Int {
        if other >= 0 { end(other, .reused) }
        if table.count >= options.limits.connections, let victim = victim(quietSince: mark.time) {
            context.hit("connections")
            end(victim, .timeout)
        }
        tally.connections += 1
        let id = UInt64(mark.capture) << 32 | UInt64(mark.packet)
        let tunnels = segment.tunnel == 0 ? [] : dissector.tunnelNames(segment.tunnel)
        let mayBeCopy = hasTwin(segment)
        let index = table.insert(
            TCPConnection(segment, id: id, mark: mark, hasDigests: options.streamDigests, tunnels: tunnels), segment,
            hash: hash)
        if mayBeCopy { settleCopy(index, segment, mark) }
        return index
    }

    /// A closed connection waits for its last acknowledgments.
    private mutating func retire(_ index: Int) {
        if !table.isRetired(index) { noteClosed(index, table.id(index)) }
    }

    /// A connection is closed, and waits to leave the table.
    mutating func noteClosed(_ index: Int, _ id: UInt64) {
        table[index].isRetired = true
        closed.append((Int32(index), id, latest, packets))
        if closedHead == closed.count - 1 { setFarewell() }
    }

    private mutating func setFarewell() {
        guard closedHead < closed.count else { return nextFarewell = Self.noFarewell }
        nextFarewell.time = closed[closedHead].time.advanced(bySeconds: Self.lingerSeconds)
        nextFarewell.packet = closed[closedHead].packet + Self.lingerPackets
    }

    /// How many packets of the input a closed connection stays; not a number of connections, because every analyzer
    /// that has a part of the traffic must forget at the same packet.
    private static var lingerPackets: UInt64 { 1 << 15 }
    private static var lingerSeconds: Int { 2 }
    private static var noFarewell: (time: Timestamp, packet: UInt64) { (Timestamp(nanoseconds: .max), .max) }

    @inline(never)
    private mutating func forgetOld() {
        while latest > nextFarewell.time || packets > nextFarewell.packet { forgetOldest() }
    }

    private mutating func forgetOldest() {
        let (index, id, _, _) = closed[closedHead]
        closedHead += 1
        if closedHead > 1024, closedHead * 2 > closed.count {
            closed.removeFirst(closedHead)
            closedHead = 0
        }
        setFarewell()
        if table.isLive(Int(index)), table.id(Int(index)) == id { end(Int(index), .fin) }
    }

    /// Ends connections of which nothing was heard for so long that no address translator would know them any more.
    private mutating func endQuiet() {
        nextSweep = latest.advanced(bySeconds: Self.sweepSeconds)
        for index in table.liveIndices {
            let limit =
                table[index].hasSpoken
                ? options.limits.connectionIdleSeconds : min(Self.silentSeconds, options.limits.connectionIdleSeconds)
            if table[index].last.time.advanced(bySeconds: limit) < latest { end(index, .timeout) }
        }
    }

    /// A connection that has been quiet: the next one met by a hand that goes round (second chance by time).
    mutating func victim(quietSince time: Timestamp) -> Int? {
        var found: (index: Int, last: Timestamp)?
        for _ in 0..<min(table.places, 64) {
            guard let index = table.next() else { continue }
            let last = table[index].last.time
            if last < time { return index }
            if found.map({ last < $0.last }) ?? true { found = (index, last) }
        }
        return found?.index
    }

    private static var sweepSeconds: Int { 15 }
    /// Where nobody has said anything: RFC 5382 5, for connections that are not established.
    private static var silentSeconds: Int { 240 }

    private mutating func end(_ index: Int, _ reason: ConnectionEnd) {
        let record = table[index].close(context, reason)
        if record.encrypted { tally.encryptedConnections += 1 }
        if record.oneDirection != nil { tally.oneDirectionConnections += 1 }
        if record.copyOf == nil {
            tally.gapBytes += UInt64(record.streams.client.gapBytes + record.streams.server.gapBytes)
        }
        output.receive(.ended(record))
        table.remove(index)
    }
}

extension Shard {
    /// Whether a segment is of this part; both directions and all copies of a flow are of the same one.
    func includes(_ segment: Segment) -> Bool {
        let mixed = ConnectionTable.addressHash(segment) &* 0x9e37_79b9_7f4a_7c15
        return UInt32(truncatingIfNeeded: mixed >> 33) % count == index
    }
}

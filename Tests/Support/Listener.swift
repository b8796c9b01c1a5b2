// What an analyzer tells: the one place where tests hear it, and the one where they give it packets.

@_spi(Judging) public import Inspection
public import Traffic

/// Hears what an analyzer tells, and keeps it.
public final class Listener: AnalyzerObserver {
    /// One thing that was told.
    public enum Event {
        case began(Exchange)
        case answered(Exchange)
        case faulted(Exchange)
        case said(TranscriptMessage, in: ExchangeKey)
        case finished(Exchange)
        case ended(ConnectionRecord)
    }

    public var exchanges: [Exchange] = []
    public var connections: [ConnectionRecord] = []
    /// Requests that offered nothing, of clients that had been asked to use TLS.
    public var plain: [(request: MessageHead, connection: ConnectionFacts)] = []
    /// What the analyzer had counted at its end.
    public var counters = TrafficCounters()
    private let hear: (Event) -> Void

    /// `hear` is called with each thing, in the order in which it is told.
    public init(_ hear: @escaping (Event) -> Void = { _ in }) { self.hear = hear }

    public func receive(_ event: AnalyzerEvent) {
        switch event {
        case .began(let exchange): hear(.began(exchange))
        case .answered(let exchange): hear(.answered(exchange))
        case .faulted(let exchange): hear(.faulted(exchange))
        case .finished(let exchange):
            exchanges.append(exchange)
            hear(.finished(exchange))
        case .ended(let connection):
            connections.append(connection)
            hear(.ended(connection))
        case .askedPlainly(let request, on: let connection): plain.append((request, connection))
        case .said(let message, in: let exchange): hear(.said(message, in: exchange))
        case .lostTrack, .requested, .responded, .streamed, .streamGap: break
        }
    }

    /// All findings, of exchanges and of connections.
    public func findings(_ inspector: Inspector = Inspector()) -> [Finding] {
        exchanges.flatMap { inspector.inspect($0) } + connections.flatMap { inspector.inspect($0) }
    }

    /// Puts exchanges and connections into the order of a report.
    public func sort() {
        exchanges.sort { $0.key < $1.key }
        connections.sort { $0.facts.id < $1.facts.id }
    }
}

extension Analyzer {
    /// Takes packets as they are written down; `look` is called after each.
    public mutating func receive(
        _ packets: some Sequence<TimedPacket>, linkType: UInt32 = 1, look: (borrowing Analyzer) -> Void = { _ in }
    ) {
        var number: UInt32 = 0
        for packet in packets {
            number += 1
            let captured = CapturedPacket(
                number: number, time: Timestamp(nanoseconds: packet.time), linkType: linkType, interface: 0,
                range: 0..<packet.bytes.count, originalLength: UInt32(packet.original))
            receive(captured, capture: 0, bytes: packet.bytes.span)
            look(self)
        }
    }

    /// Takes every packet of a capture; answers what is known of the capture then.
    @discardableResult
    public mutating func receive(_ capture: consuming CaptureReader) -> CaptureDescription {
        var reader = capture
        var batch: [CapturedPacket] = []
        while reader.readBatch(&batch) {
            for packet in batch { receive(packet, capture: 0, bytes: reader.window.extracting(packet.range)) }
        }
        return reader.description
    }

    /// Everything that is told about these packets.
    public static func listen(
        to packets: some Sequence<TimedPacket>, options: AnalyzerOptions = AnalyzerOptions(), linkType: UInt32 = 1,
        with listener: Listener = Listener()
    ) -> Listener {
        var analyzer = Analyzer(options: options, output: listener)
        analyzer.receive(packets, linkType: linkType)
        analyzer.finish()
        listener.counters = analyzer.counters
        return listener
    }
}

extension Talk {
    /// Gives all packets to an analyzer; `look` is called after each.
    public func feed(_ analyzer: inout Analyzer, linkType: UInt32 = 1, look: (borrowing Analyzer) -> Void = { _ in }) {
        analyzer.receive(packets, linkType: linkType, look: look)
    }

    /// Everything that an analyzer tells about the packets, in the order of a report.
    public func told(
        _ options: AnalyzerOptions = AnalyzerOptions(), linkType: UInt32 = 1
    ) -> (told: Listener, counters: TrafficCounters) {
        let told = Analyzer.listen(to: packets, options: options, linkType: linkType)
        told.sort()
        return (told, told.counters)
    }
}

extension MessageHead {
    /// A head that stands in one packet; nil where the bytes hold none.
    public init?(_ bytes: [UInt8], _ direction: Direction, mark: Arrival, offset: Int64 = 0) {
        let place = Place(
            direction: direction, offset: offset, length: Int64(bytes.count), first: mark, last: mark)
        switch direction {
        case .client: self.init(request: bytes, at: place)
        case .server: self.init(response: bytes, at: place)
        }
    }
}

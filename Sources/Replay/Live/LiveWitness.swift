// Reads what is said on a live connection as a capture would be read: the same analyzer, the same decoders.
//
// Whoever talks (the client of a replay, the stand-in of a server) tells it what went over the wire and when; it answers with
// what the analyzer made of it: the answer to an offer, messages, finished exchanges. It has no socket and no clock.

public import Traffic

/// Where packets are kept; gives each the number it has there, from 1.
public protocol PacketSink: Sendable {
    func write(_ packet: [UInt8], at time: Timestamp) -> UInt32
}

/// What the analyzer has made of a live connection since it was asked last.
public struct LiveNews {
    /// The answer to the offer, once decided.
    public var answer: Exchange?
    public var messages: [TranscriptMessage] = []
    /// Frames of that direction cannot be read any more.
    public var lost: Place?
    /// Heads of requests.
    public var requests: [MessageHead] = []
    /// Bytes of streams, in order, where they were asked for.
    public var bytes: [(direction: Direction, offset: Int64, bytes: [UInt8])] = []
    /// Exchanges that are over.
    public var finished: [Exchange] = []
    public init() {}
}

/// The analyzer of one live connection.
public final class LiveWitness {
    private let hearing: Hearing
    private var analyzer: Analyzer
    private var packets: ConnectionPackets
    private let sink: (any PacketSink)?
    /// Packets so far.
    public private(set) var packetCount: UInt32 = 0

    /// `streams` asks for stream bytes, `requests` for heads of requests without them; `payloadBytes` of one message are kept.
    public init(
        client: Endpoint, server: Endpoint, streams: Bool, requests: Bool = false, payloadBytes: Int,
        sink: (any PacketSink)? = nil,
        limits: Limits = Limits()
    ) {
        var options = AnalyzerOptions()
        options.limits = limits
        options.limits.inflatedBytes = min(limits.inflatedBytes, Int64(payloadBytes))
        options.transcript.messages = true
        options.transcript.streams = streams
        options.transcript.requests = requests
        options.transcript.payloadBytes = payloadBytes
        hearing = Hearing()
        analyzer = Analyzer(options: options, output: hearing)
        packets = ConnectionPackets(client: client, server: server)
        self.sink = sink
    }

    /// The connection is established.
    public func opened(at time: Timestamp) { for packet in packets.open() { take(packet, time) } }

    /// One side said something.
    public func said(_ direction: Direction, _ bytes: ArraySlice<UInt8>, at time: Timestamp) {
        var rest = bytes
        while !rest.isEmpty {
            let piece = rest.prefix(ConnectionPackets.mostPayload)
            take(packets.data(direction, piece), time)
            rest = rest.dropFirst(piece.count)
        }
    }

    /// One side ended its stream, or reset the connection.
    public func ended(_ direction: Direction, reset: Bool, at time: Timestamp) {
        take(packets.end(direction, reset: reset), time)
    }

    /// Nothing will follow: every exchange is finished.
    public func finish() { analyzer.finish() }

    /// Requests whose answers are not whole yet.
    public var unansweredRequests: Int { analyzer.unansweredRequests }

    /// What is new.
    public func news() -> LiveNews {
        let news = hearing.news
        hearing.news = LiveNews()
        return news
    }

    private func take(_ packet: [UInt8], _ time: Timestamp) {
        packetCount += 1
        let number = sink?.write(packet, at: time) ?? packetCount
        let captured = CapturedPacket(
            number: number, time: time, linkType: ConnectionPackets.linkType, interface: 0, range: 0..<packet.count,
            originalLength: UInt32(packet.count))
        analyzer.receive(captured, capture: 0, bytes: packet.span)
    }

    private final class Hearing: AnalyzerObserver {
        var news = LiveNews()

        func receive(_ event: AnalyzerEvent) {
            switch event {
            case .answered(let exchange): if news.answer == nil { news.answer = exchange }
            case .said(let message, in: _): news.messages.append(message)
            case .lostTrack(at: let place, in: _): if news.lost == nil { news.lost = place }
            case .requested(let head, connection: _): news.requests.append(head)
            case .streamed(let stream):
                let bytes = stream.bytes
                news.bytes.append((stream.direction, stream.offset, bytes.indices.map { bytes[$0] }))
            case .finished(let exchange): news.finished.append(exchange)
            case .began, .faulted, .ended, .askedPlainly, .responded, .streamGap: break
            }
        }
    }
}

// A reader that carries streams inside the connection's own: records with a header of three bytes (a stream's number, and
// a length) and payload. A record is whole or nothing, as those of TLS are. So what the streams of the tree promise is
// tested without any protocol that encrypts.

@testable import Traffic

final class RecordCarrier: ExchangeReader {
    private let context: AnalysisContext
    private let make: AnalysisContext.ReaderFactory
    private let facts: ConnectionFacts
    /// The stream that the records come on, and how deep it lies.
    private let carrier: StreamID
    private let tree: StreamTree
    /// Records in records: how many levels there are below this one.
    private let levels: Int
    private var streams: [UInt8: CarriedStream] = [:]
    private var sides = PerDirection(both: Side())

    private struct Side {
        var header: [UInt8] = []
        var payload: [UInt8] = []
        var missing: Int64 = 0
        var start: Int64 = 0
        var first: Arrival?
        var length: Int { Int(header[1]) << 8 | Int(header[2]) }
        var isLost = false
    }

    init(
        _ context: AnalysisContext, _ facts: ConnectionFacts, on carrier: StreamID = .connection,
        tree: StreamTree = StreamTree(), levels: Int = 1, _ make: @escaping AnalysisContext.ReaderFactory
    ) {
        self.context = context
        self.facts = facts
        self.carrier = carrier
        self.tree = tree
        self.levels = levels
        self.make = make
    }

    static func bytes(_ stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [stream, UInt8(payload.count >> 8), UInt8(payload.count & 255)] + payload
    }
    static func bytes(_ stream: UInt8, _ text: String) -> [UInt8] { bytes(stream, Array(text.utf8)) }

    func receive(_ chunk: borrowing Chunk) -> StreamEffects {
        for stream in streams.values { stream.read(chunk.direction, upTo: chunk.end) }
        var effects: StreamEffects = [.wereRead, .wantsAcknowledgments]
        var index = 0
        while index < chunk.count, !sides[chunk.direction].isLost {
            if sides[chunk.direction].header.isEmpty {
                sides[chunk.direction].start = chunk.offset + Int64(index)
                sides[chunk.direction].first = chunk.arrival
            }
            if sides[chunk.direction].header.count < 3 {
                sides[chunk.direction].header.append(chunk.bytes[index])
            } else {
                sides[chunk.direction].payload.append(chunk.bytes[index])
            }
            index += 1
            effects.formUnion(
                endRecord(chunk.direction, at: chunk.offset + Int64(index), chunk.arrival, chunk.last))
        }
        return effects
    }

    func gap(_ gap: Gap) -> StreamEffects {
        let side = sides[gap.direction]
        guard side.header.count == 3, Int64(side.payload.count) + side.missing + gap.length <= Int64(side.length) else {
            sides[gap.direction].isLost = true
            return []
        }
        for stream in streams.values { stream.read(gap.direction, upTo: gap.to) }
        sides[gap.direction].missing += gap.length
        return endRecord(gap.direction, at: gap.to, gap.arrival, gap.arrival)
    }

    private func endRecord(_ direction: Direction, at end: Int64, _ arrival: Arrival, _ last: Arrival)
        -> StreamEffects
    {
        let side = sides[direction]
        guard side.header.count == 3, Int64(side.payload.count) + side.missing == Int64(side.length) else { return [] }
        sides[direction] = Side()
        guard let stream = stream(side.header[0]) else { return [] }
        let outer = side.start..<end
        let first = side.first ?? arrival
        if side.missing > 0 { return stream.lose(Int64(side.length), direction, outer: outer, arrival: last) }
        return stream.receive(side.payload.span, direction, outer: outer, arrival: first, last: last)
    }

    private func stream(_ number: UInt8) -> CarriedStream? {
        if let known = streams[number] { return known }
        guard let id = tree.add("record:\(number)", in: carrier) else { return nil }
        let reader: any ExchangeReader =
            levels > 1
            ? RecordCarrier(context, facts, on: id, tree: tree, levels: levels - 1, make)
            : make(context, facts, id, false, nil)
        let stream = CarriedStream(id, reader: reader)
        for direction in Direction.allCases { stream.read(direction, upTo: sides[direction].start) }
        streams[number] = stream
        return stream
    }

    private var readers: [any ExchangeReader] { streams.sorted { $0.key < $1.key }.map(\.value.reader) }

    func acknowledged(upTo offset: Int64, arrival: Arrival) -> Bool {
        streams.values.reduce(false) { $1.acknowledged(upTo: offset, arrival: arrival) || $0 }
    }
    func finish(_ facts: ConnectionFacts) { for reader in readers { reader.finish(facts) } }
    func forEachOpen(_ body: (ExchangeProgress) -> Void) { for reader in readers { reader.forEachOpen(body) } }
    var isCausal: Bool { true }
    var application: ConnectionProtocol { .http }
    var requests: UInt32 { readers.reduce(0) { $0 + $1.requests } }
    var exchanges: UInt32 { readers.reduce(0) { $0 + $1.exchanges } }
    var unanswered: Int { readers.reduce(0) { $0 + $1.unanswered } }
    var remarks: ConnectionRemarks? { nil }
    var finished: (waiting: [Exchange], count: Int) { ([], 0) }
}

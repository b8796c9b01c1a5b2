// WebSocket messages on their way into a report: put aside while the input is read, and walked in the order of the
// exchanges and of what was said, with bounded memory.

public import Traffic

/// Keeps messages by exchange.
struct MessageSpool: ~Copyable {
    private var spool: SortedSpool
    private var writer = ByteWriter()
    private let limit: Int
    /// Equal keys are ordered by their bytes: the number of the message stands first.
    private var next: UInt64 = 0

    /// `limit` is how many bytes of messages are held in memory.
    init(limit: Int) {
        self.limit = limit
        spool = SortedSpool(limit: limit)
    }

    mutating func add(_ message: TranscriptMessage, in exchange: ExchangeKey) throws(SpoolError) {
        writer.removeAll()
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            writer.byte(UInt8(truncatingIfNeeded: next >> shift))
        }
        next += 1
        writer.record(message)
        try spool.add(writer.bytes, key: SortKey(exchange))
    }

    /// Takes the messages of other exchanges.
    mutating func absorb(_ other: consuming MessageSpool) {
        let taken = other.spool
        spool.absorb(taken)
    }

    /// Gives everything away.
    mutating func taken() -> MessageSpool {
        var empty = MessageSpool(limit: limit)
        swap(&empty, &self)
        return empty
    }

    mutating func walk() throws -> MessageWalk { MessageWalk(try spool.walk()) }
}

/// A walk over messages, exchange by exchange.
public struct MessageWalk {
    private var walk: SpoolWalk
    private var ahead: (key: SortKey, record: [UInt8])?
    private var current = SortKey(high: 0, low: 0)

    fileprivate init(_ walk: SpoolWalk) { self.walk = walk }

    /// Goes to an exchange after all those before.
    mutating func begin(_ exchange: ExchangeKey) throws {
        current = SortKey(exchange)
        if ahead == nil { ahead = try walk.next() }
        while let record = ahead, record.key < current { ahead = try walk.next() }
    }

    /// The next message of the exchange.
    public mutating func next() throws -> TranscriptMessage? {
        guard let record = ahead, record.key == current else { return nil }
        var reader = ByteReader(record.record)
        for _ in 0..<8 { _ = try reader.byte() }
        let message = try reader.record(TranscriptMessage.self)
        ahead = try walk.next()
        return message
    }
}

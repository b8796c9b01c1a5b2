// The compressed messages of one direction (RFC 7692 7.2.2).
//
// A message is never held: its bytes go through the window of the inflater and are handed over in pieces. What the rules
// ask for is counted on the way. A message that grows beyond the limit is given up; so is, where messages build on each
// other, the direction.

/// What one compressed message was.
struct InflatedMessage {
    /// Bytes of its payload, as they were on the wire.
    var compressed: Int64 = 0
    var inflated: Int64 = 0
    /// Why it does not inflate; `nil` when it does.
    var failure: InflateFailure?
    /// It grew beyond the limit and was given up.
    var isCut = false
    /// The sender left 00 00 ff ff at its end (RFC 7692 7.2.1).
    var keepsTail = false
    /// It refers to messages before it.
    var reachesBack = false
    /// Its farthest distance.
    var farthest = 0
}

/// A class, so that a session without compressed messages carries a reference and no window.
final class MessageInflater {
    private var inflater = Inflater()
    private var message = InflatedMessage()
    private let limit: Int64
    private let memory: InflaterMemory
    private var taken = 0
    /// There is no memory for its window.
    private(set) var isStarved = false
    private static let tail: [UInt8] = [0, 0, 0xff, 0xff]

    init(limit: Int64, memory: InflaterMemory) {
        self.limit = limit
        self.memory = memory
        grow()
    }

    deinit { memory.take(-taken) }

    /// Counts what the window takes now.
    private func grow() {
        let needed = inflater.memory
        guard needed != taken else { return }
        if memory.isFull { isStarved = true }
        memory.take(needed - taken)
        taken = needed
    }

    func begin() {
        message = InflatedMessage()
        inflater.beginMessage()
    }

    /// Messages before are not in reach any more.
    func forget() { inflater.forgetWindow() }

    /// Takes `bytes[start..<end]`, masked with `mask` from the first byte on; false once the message is given up.
    func receive(
        _ bytes: Span<UInt8>, _ start: Int, _ end: Int, mask: UInt32, _ take: (Span<UInt8>) -> Void
    ) -> Bool {
        guard message.failure == nil, !message.isCut, !isStarved else { return false }
        message.compressed += Int64(end - start)
        return run(bytes, start, end, mask, take)
    }

    /// The message is whole.
    func end(_ take: (Span<UInt8>) -> Void) -> InflatedMessage {
        if message.failure == nil, !message.isCut, !isStarved, message.compressed > 0 {
            if inflater.isBetweenBlocks, inflater.lastBlockIsEmpty {
                message.keepsTail = true
            } else if !(inflater.isBetweenBlocks && inflater.lastBlockIsFinal) {
                let whole = run(Self.tail.span, 0, 4, 0, take)
                if whole, !inflater.isBetweenBlocks { message.failure = .cutShort }
            }
        }
        return current
    }

    /// The message so far.
    var current: InflatedMessage {
        var result = message
        result.inflated = inflater.produced
        result.reachesBack = inflater.reachesBack
        result.farthest = inflater.farthest
        return result
    }

    private func run(
        _ bytes: Span<UInt8>, _ start: Int, _ end: Int, _ mask: UInt32, _ take: (Span<UInt8>) -> Void
    ) -> Bool {
        var index = start
        while true {
            let pause = inflater.advance(bytes, &index, end, base: start, mask: mask)
            inflater.takeOutput(take)
            grow()
            if isStarved { return false }
            if inflater.produced > limit {
                message.isCut = true
                return false
            }
            switch pause {
            case .needsInput: return true
            case .outputFull: continue
            case .failed:
                message.failure = inflater.failure
                return false
            }
        }
    }
}

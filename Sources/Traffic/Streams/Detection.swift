// Finding out what is spoken on a stream inside another: bytes are kept until someone can tell, then handed on, and
// detection gets out of the way.

internal import Ground

/// What came on a stream before it was clear who reads it.
struct Detection {
    private enum Piece {
        case bytes([UInt8], Direction, StreamID, offset: Int64, arrival: Arrival, last: Arrival)
        case gap(Gap)
    }

    private var pieces: [Piece] = []
    private var bytes = 0
    /// The client's first bytes, or those after its latest gap.
    private(set) var opening: [UInt8] = []

    /// Bytes and pieces that are kept before it is decided without them.
    private static var patience: (bytes: Int, pieces: Int) { (64 * 1024, 64) }

    /// So much was kept that nobody will be able to tell.
    var isExhausted: Bool { pieces.count > Self.patience.pieces || bytes > Self.patience.bytes }

    mutating func keep(_ chunk: borrowing Chunk) {
        if chunk.direction == .client { opening.append(chunk.bytes) }
        pieces.append(
            .bytes(
                chunk.bytes.array, chunk.direction, chunk.stream, offset: chunk.offset, arrival: chunk.arrival,
                last: chunk.last))
        bytes += chunk.count
    }

    mutating func keep(_ gap: Gap) {
        guard pieces.count <= Self.patience.pieces else { return }
        pieces.append(.gap(gap))
        // What comes after the gap may begin a request.
        if gap.direction == .client { opening = [] }
    }

    /// Hands everything to the reader that was found, in the order it came.
    func replay(to reader: any StreamReader) {
        for piece in pieces {
            switch piece {
            case .bytes(let bytes, let direction, let stream, let offset, let arrival, let last):
                reader.receive(
                    Chunk(bytes.span, direction, stream: stream, offset: offset, arrival: arrival, last: last))
            case .gap(let gap): reader.gap(gap)
            }
        }
    }
}

// A node of the tree of streams: bytes in order come in, facts go out.
//
// What carries the bytes is not asked: a TCP connection, a tunnel, records. A reader may carry streams itself; then it
// has readers of its own, hands each the bytes of its stream, and maps what a sender had heard (`StreamMap`). A reader
// must not care how its bytes were cut, keeps nothing that grows with the session, and traps on no input.

/// Reads both directions of one stream; an object, so that handing bytes to it moves nothing else.
protocol StreamReader: AnyObject {
    /// Takes bytes of one direction, in order.
    @discardableResult
    func receive(_ chunk: borrowing Chunk) -> StreamEffects
    /// Bytes of one direction will never come.
    @discardableResult
    func gap(_ gap: Gap) -> StreamEffects
    /// What a server says matters only once what it had received was read.
    var isCausal: Bool { get }
    /// Calls `body` with the exchanges that were found on this stream and are not finished.
    func forEachOpen(_ body: (ExchangeProgress) -> Void)
}

/// The reader of a stream that may carry exchanges from its first byte on: a connection's own, or a tunnel's.
protocol ExchangeReader: StreamReader {
    /// The client has received the server's bytes up to `offset`; whether it goes on to matter how far it has.
    func acknowledged(upTo offset: Int64, arrival: Arrival) -> Bool
    /// The stream is over: every exchange is finished with what is known of the connection now.
    func finish(_ facts: ConnectionFacts)
    /// What is spoken.
    var application: ConnectionProtocol { get }
    var requests: UInt32 { get }
    var exchanges: UInt32 { get }
    /// Requests without an answer, and the answer that is being read.
    var unanswered: Int { get }
    /// What is unusual; `nil` where nothing is.
    var remarks: ConnectionRemarks? { get }
    /// Exchanges on a stream inside another that are over: those that wait for the exchange they travelled in to be
    /// reported first, and how many there were in all.
    var finished: (waiting: [Exchange], count: Int) { get }
}

/// What a delivery led to.
struct StreamEffects: OptionSet {
    var rawValue: UInt8
    /// The bytes were looked at: it matters whether a retransmission has others.
    static let wereRead = StreamEffects(rawValue: 1)
    /// Nothing of interest will come: the owner may drop this reader.
    static let letGo = StreamEffects(rawValue: 2)
    /// How far the client has received the server's bytes matters (a refusal waits to be seen).
    static let wantsAcknowledgments = StreamEffects(rawValue: 4)
    /// An exchange is being followed.
    static let hasOffer = StreamEffects(rawValue: 8)
}

/// Where a stream inside another goes on: in which exchange, and in how many of them.
struct Enclosure {
    let parent: ExchangeKey
    let depth: Int
}

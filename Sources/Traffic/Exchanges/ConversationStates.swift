// The automaton of HTTP/1.1 between two peers who might switch, on one page (RFC 9112 2, 6, 9; RFC 9110 7.8, 9.3.6).
//
// Two readers, one for each direction, each in one state. Whatever changes a state is in this table and nowhere else.
// They are coupled in three places: an answer to the client's offer moves the client as well (`answered`, `switches`),
// and where answers can no longer be matched with requests a held client is lost.

/// What one direction's reader is doing.
enum ReadingState: UInt8, CaseIterable {
    /// The very beginning of the client's bytes: a PROXY header may stand there.
    case opening
    /// Between messages, or inside a head.
    case head
    /// Inside content of known length, in chunks, or up to the end of the connection (RFC 9112 6).
    case body, chunked, untilClose
    /// After an offer that is not answered: nobody knows yet whose bytes these are.
    case held
    /// They belong to another protocol.
    case switched
    /// Lost: waiting for a line that begins a message.
    case resync
    /// The server says something else where its answer is due.
    case outOfTurn
    /// Nothing more can be said of this direction.
    case ignored

    /// Content passes by unread.
    var isSkipping: Bool { self == .body || self == .chunked || self == .untilClose || self == .ignored }
}

/// What happens to a reader.
enum ReadingEvent: UInt8, CaseIterable {
    /// A PROXY header, or the rest of one, comes first.
    case proxyHeader
    /// No PROXY header, or its end.
    case firstMessage
    /// A head ended, and content of that kind follows.
    case content, chunks, contentUntilClose
    /// The message ended: nothing was offered, or the offer was refused before its end.
    case messageEnded
    /// A request that offers a switch ended, and is not answered.
    case offerEnded
    /// A final answer that is no switch came for the offer.
    case answered
    /// 101, or 2xx to CONNECT: each direction goes on at its own byte.
    case switches
    /// Bytes are missing, or are not what they have to be.
    case lost
    /// A line that begins a message, where one is waited for.
    case startLine
    /// The first byte of the server where its status line is due, and it begins none.
    case otherBytes
    /// What follows cannot be told apart any more, or never was HTTP.
    case unreadable
}

extension ReadingState {
    struct Transition {
        let from: ReadingState
        let event: ReadingEvent
        let to: ReadingState

        init(_ from: ReadingState, _ event: ReadingEvent, _ to: ReadingState) {
            self.from = from
            self.event = event
            self.to = to
        }
    }

    static let client: [Transition] = [
        Transition(.opening, .proxyHeader, .opening), Transition(.opening, .firstMessage, .head),
        Transition(.opening, .lost, .resync), Transition(.opening, .switches, .switched),

        Transition(.head, .content, .body), Transition(.head, .chunks, .chunked),
        Transition(.head, .messageEnded, .head), Transition(.head, .offerEnded, .held),
        Transition(.head, .switches, .switched), Transition(.head, .lost, .resync),
        Transition(.head, .unreadable, .ignored),

        Transition(.body, .messageEnded, .head), Transition(.body, .offerEnded, .held),
        Transition(.body, .switches, .switched), Transition(.body, .lost, .resync),

        Transition(.chunked, .messageEnded, .head), Transition(.chunked, .offerEnded, .held),
        Transition(.chunked, .switches, .switched), Transition(.chunked, .lost, .resync),
        Transition(.chunked, .unreadable, .ignored),

        Transition(.held, .answered, .head), Transition(.held, .switches, .switched),
        Transition(.held, .lost, .resync),

        Transition(.resync, .startLine, .head), Transition(.resync, .proxyHeader, .opening),
        Transition(.resync, .switches, .switched), Transition(.resync, .lost, .resync),
    ]

    static let server: [Transition] = [
        Transition(.head, .content, .body), Transition(.head, .chunks, .chunked),
        Transition(.head, .contentUntilClose, .untilClose), Transition(.head, .messageEnded, .head),
        Transition(.head, .switches, .switched), Transition(.head, .lost, .resync),
        Transition(.head, .otherBytes, .outOfTurn),

        Transition(.body, .messageEnded, .head), Transition(.body, .lost, .resync),
        Transition(.chunked, .messageEnded, .head), Transition(.chunked, .lost, .resync),

        Transition(.resync, .startLine, .head), Transition(.resync, .lost, .resync),

        Transition(.outOfTurn, .startLine, .head), Transition(.outOfTurn, .lost, .resync),
        Transition(.outOfTurn, .unreadable, .ignored),
    ]

    private static let clientTable = table(client)
    private static let serverTable = table(server)

    /// The next state by state and event; `nil` where the page has no such line.
    private static func table(_ transitions: [Transition]) -> [ReadingState?] {
        var table = [ReadingState?](repeating: nil, count: allCases.count * ReadingEvent.allCases.count)
        for line in transitions { table[line.from.index(of: line.event)] = line.to }
        return table
    }

    private func index(of event: ReadingEvent) -> Int {
        Int(rawValue) * ReadingEvent.allCases.count + Int(event.rawValue)
    }

    /// What a reader does after an event; `nil` where nothing on this page says so.
    func after(_ event: ReadingEvent, _ direction: Direction) -> ReadingState? {
        (direction == .client ? Self.clientTable : Self.serverTable)[index(of: event)]
    }
}

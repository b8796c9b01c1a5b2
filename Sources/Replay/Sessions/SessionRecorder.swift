// From the analyzer to recorded sessions.
//
// The recorder listens to the tap and keeps what it hears, by connection, until the exchange is finished; then the pieces
// become a session. What no exchange will ask for is let go of: of a plain connection its last requests stay, of a session by
// messages its bytes go. All of it is bounded; what a bound kept out makes the session end there, and it says so.

import Ground
public import Traffic

/// How much a recorder holds.
public struct RecordingLimits: Sendable {
    /// Sessions of one recording.
    public var sessions = 100_000
    /// Bytes of one session, both sides.
    public var sessionBytes = 256 << 20
    /// Bytes of all sessions and connections together.
    public var totalBytes = 1 << 30
    /// Bytes kept of the requests before an offer.
    public var historyBytes = 1 << 20
    /// Bytes kept of the content of a refusal.
    public var responseBytes = 1 << 20
    public init() {}
}

/// Makes sessions of what an analyzer finds; the analyzer needs `TranscriptOptions.all`.
public final class SessionRecorder: AnalyzerObserver {
    private let limits: RecordingLimits
    private let keepsRaw: Bool
    private var connections: [UInt64: ConnectionTape] = [:]
    private var exchanges: [ExchangeKey: MessageTape] = [:]
    /// Connections whose bytes are wanted although messages are reported.
    private var tunnels: Set<UInt64> = []
    /// Of every exchange, whether it became a session or not: numbers are given by their order.
    private var keys: [ExchangeKey] = []
    private var recorded: [RecordedSession] = []
    private var held = 0

    /// `keepsRaw` keeps the client's stream of each connection as it was.
    public init(limits: RecordingLimits = RecordingLimits(), keepsRaw: Bool = false) {
        self.limits = limits
        self.keepsRaw = keepsRaw
    }

    /// The sessions in the order of their requests; the analyzer has to be finished.
    public func sessions() -> [RecordedSession] {
        keys.sort()
        var numbers: [ExchangeKey: Int] = [:]
        for (index, key) in keys.enumerated() { numbers[key] = index + 1 }
        var sessions = recorded
        for index in sessions.indices { sessions[index].id = sessions[index].key.flatMap { numbers[$0] } ?? 0 }
        return sessions.sorted { $0.id < $1.id }
    }

    /// Exchanges that could be said again, but are more than `RecordingLimits.sessions`.
    public private(set) var omitted = 0

    /// How many exchanges there were, those that cannot be said again included.
    public var exchangeCount: Int { keys.count }

    // MARK: The tap

    public func receive(_ event: AnalyzerEvent) {
        switch event {
        case .requested(let head, let connection): connections[connection, default: ConnectionTape()].note(head)
        case .responded(let head, let connection):
            connections[connection, default: ConnectionTape()].note(answer: head)
        case .answered(let exchange): answered(exchange)
        case .said(let message, in: let exchange): said(message, in: exchange)
        case .lostTrack(at: let place, in: let exchange): exchanges[exchange, default: MessageTape()].lose(at: place)
        case .streamed(let stream): streamed(stream)
        case .streamGap(let place, let connection):
            connections[connection, default: ConnectionTape()].lose(at: place)
        case .finished(let exchange): finished(exchange)
        case .ended(let connection): ended(connection)
        case .began, .faulted, .askedPlainly: break
        }
    }

    private func answered(_ exchange: Exchange) {
        guard exchange.outcome == .switched, !keepsRaw else { return }
        // What is said inside a tunnel belongs to the tunnel as well.
        guard exchange.upgraded == .websocket, !tunnels.contains(exchange.connection.id) else {
            if exchange.upgraded != .websocket { tunnels.insert(exchange.connection.id) }
            return
        }
        guard let answer = exchange.response?.place else { return }
        release(connections[exchange.connection.id, default: ConnectionTape()].endStreams(behind: answer))
    }

    private func said(_ message: TranscriptMessage, in exchange: ExchangeKey) {
        let room = min(limits.totalBytes - held, limits.sessionBytes - (exchanges[exchange]?.bytes ?? 0))
        held += exchanges[exchange, default: MessageTape()].add(message, room: room)
    }

    private func streamed(_ stream: StreamedBytes) {
        let room = limits.totalBytes - held
        let (connection, isBehindOffer) = (stream.connection, stream.isBehindOffer)
        held += connections[connection, default: ConnectionTape()].add(
            stream.bytes, stream.direction, stream.offset, stream.mark, room: min(room, limits.sessionBytes))
        if !isBehindOffer, !keepsRaw {
            release(connections[connection, default: ConnectionTape()].forgetHistory(over: limits.historyBytes))
        }
    }

    private func finished(_ exchange: Exchange) {
        keys.append(exchange.key)
        let messages = exchanges.removeValue(forKey: exchange.key) ?? MessageTape()
        let tape = connections[exchange.connection.id] ?? ConnectionTape()
        // Without a request there is nothing to say.
        guard let request = exchange.request else {
            release(messages.bytes)
            return
        }
        guard recorded.count < limits.sessions else {
            omitted += 1
            release(messages.bytes)
            return
        }
        var session = RecordedSession(
            id: 0, connection: exchange.connection.id, kind: exchange.kind, request: request,
            outcome: exchange.outcome, upgraded: exchange.upgraded, requestTime: request.place.first.time)
        session.key = exchange.key
        session.exchange = exchange
        session.response = exchange.response
        session.reason = exchange.reason
        session.protocolName = exchange.protocolName
        session.responseTime = exchange.response?.place.last.time
        session.ended = exchange.connection.ended
        let end = exchange.framing.end ?? request.place.end + exchange.framing.bodyBytes
        session.requestBody = tape.bytes(.client, from: request.place.end, to: end)
        // Each exchange of a connection has those before it as its history: together they may be very many.
        let history = tape.history(of: exchange)
        let size = history.reduce(0) { $0 + $1.head.bytes.count + $1.body.count + $1.responseBody.count }
        if size <= limits.totalBytes - held {
            session.history = history
            held += size
        }
        if exchange.outcome == .switched {
            if exchange.upgraded == .websocket {
                (session.steps, session.cut) = messages.steps()
            } else {
                (session.steps, session.cut) = tape.steps(
                    client: exchange.switched.client.start ?? end,
                    server: exchange.switched.server.start ?? exchange.response?.place.end ?? 0)
            }
        } else if let response = exchange.response {
            let next = exchange.firstLaterResponse?.place.offset ?? .max
            let most = response.place.end + Int64(limits.responseBytes)
            session.responseBody = tape.bytes(.server, from: response.place.end, to: min(next, most))
        }
        if keepsRaw { session.raw = tape.raw() }
        recorded.append(session)
    }

    private func ended(_ connection: ConnectionRecord) {
        tunnels.remove(connection.facts.id)
        if let tape = connections.removeValue(forKey: connection.facts.id) { release(keepsRaw ? 0 : tape.held) }
    }

    private func release(_ bytes: Int) { held -= bytes }
}

/// The messages of one exchange.
private struct MessageTape {
    private var messages = PerDirection<[TranscriptMessage]>(both: [])
    /// Where each side is not known any more, and why.
    private var ends = PerDirection<(mark: Arrival, why: String)?>(both: nil)
    private(set) var bytes = 0

    /// Keeps a message; returns how many bytes that takes.
    mutating func add(_ message: TranscriptMessage, room: Int) -> Int {
        guard ends[message.direction] == nil else { return 0 }
        let side = message.direction.name
        let packet = message.place.first.packet
        if message.payload.count > room {
            ends[message.direction] = (message.place.first, "no room for the \(side)'s message in packet \(packet)")
        } else if message.isWhole {
            messages[message.direction].append(message)
            bytes += message.payload.count
            return message.payload.count
        } else {
            let why =
                message.missing > 0
                ? "bytes of the \(side)'s message in packet \(packet) are missing"
                : message.isUnreadable
                    ? "the \(side)'s message in packet \(packet) cannot be inflated"
                    : message.isCut
                        ? "the \(side)'s message in packet \(packet) is too long to keep"
                        : "the \(side)'s message in packet \(packet) has no end"
            ends[message.direction] = (message.place.first, why)
        }
        return 0
    }

    mutating func lose(at place: Place) {
        guard ends[place.direction] == nil else { return }
        ends[place.direction] = (
            place.first, "the \(place.direction.name)'s frames are not known from packet \(place.first.packet) on"
        )
    }

    /// Everything that is known, in the order it was seen, up to the first place that is not.
    func steps() -> (steps: [Step], cut: String?) {
        let cut = [ends.client, ends.server].compactMap { $0 }.min { $0.mark.precedes($1.mark) }
        var sides = PerDirection<[Step]>(both: [])
        for direction in Direction.allCases {
            var heard = Heard(others: messages[direction.opposite].map(\.place))
            for message in messages[direction] {
                if let cut, !message.place.last.precedes(cut.mark) { break }
                sides[direction].append(
                    Step(
                        direction: direction, content: .message(SessionMessage(message)),
                        heard: heard.count(at: message.place.first), first: message.place.first,
                        last: message.place.last))
            }
        }
        return (merged(sides), cut?.why)
    }
}

/// Counts what of the other side had been received.
private struct Heard {
    let others: [Place]
    private var count = 0

    init(others: [Place]) { self.others = others }

    /// How many of the others the sender of a packet had: by its ACK, else by order.
    mutating func count(at mark: Arrival) -> Int {
        while count < others.count {
            let place = others[count]
            let had = mark.heard.map { place.end <= $0 } ?? place.last.precedes(mark)
            guard had else { break }
            count += 1
        }
        return count
    }
}

/// Both sides as one list, in the order of their last packets; nothing stands before what it heard.
private func merged(_ sides: PerDirection<[Step]>) -> [Step] {
    var result: [Step] = []
    var next = PerDirection(both: 0)
    result.reserveCapacity(sides.client.count + sides.server.count)
    while next.client < sides.client.count || next.server < sides.server.count {
        guard next.client < sides.client.count else {
            result.append(contentsOf: sides.server[next.server...])
            break
        }
        guard next.server < sides.server.count else {
            result.append(contentsOf: sides.client[next.client...])
            break
        }
        let client = sides.client[next.client]
        let server = sides.server[next.server]
        let clientFirst =
            server.heard > next.client || client.heard <= next.server && client.last.precedes(server.last)
        if clientFirst {
            result.append(client)
            next.client += 1
        } else {
            result.append(server)
            next.server += 1
        }
    }
    return result
}

/// The streams of one connection.
private struct ConnectionTape {
    private struct Piece {
        var offset: Int64
        var bytes: [UInt8]
        var mark: Arrival
        var end: Int64 { offset + Int64(bytes.count) }
    }

    private var pieces = PerDirection<[Piece]>(both: [])
    private var heads: [MessageHead] = []
    /// Requests before `heads` that were let go of.
    private var headsBefore = 0
    /// Final answers, by the number of the request.
    private var answers: [Int: MessageHead] = [:]
    private var answerCount = 0
    private var ends = PerDirection<(offset: Int64, mark: Arrival, why: String)?>(both: nil)
    /// After these offsets nobody wants bytes.
    private var wanted: Int64 = .max
    private(set) var held = 0

    mutating func note(_ head: MessageHead) {
        if heads.count >= 256 { forgetHeads(1) }
        heads.append(head)
    }

    /// Answers come in the order of the requests.
    mutating func note(answer: MessageHead) {
        if answerCount >= headsBefore { answers[answerCount] = answer }
        answerCount += 1
    }

    private mutating func forgetHeads(_ count: Int) {
        for number in headsBefore..<(headsBefore + count) { answers[number] = nil }
        heads.removeFirst(count)
        headsBefore += count
    }

    /// Keeps bytes; returns how many.
    mutating func add(
        _ bytes: Span<UInt8>, _ direction: Direction, _ offset: Int64, _ mark: Arrival, room: Int
    ) -> Int {
        guard wanted == .max, ends[direction] == nil else { return 0 }
        guard bytes.count <= room else {
            let why = "no room for the \(direction.name)'s bytes from packet \(mark.packet) on"
            ends[direction] = (offset, mark, why)
            return 0
        }
        pieces[direction].append(
            Piece(offset: offset, bytes: bytes.indices.map { bytes[$0] }, mark: mark))
        held += bytes.count
        return bytes.count
    }

    mutating func lose(at place: Place) {
        guard ends[place.direction] == nil else { return }
        ends[place.direction] = (
            place.offset, place.first,
            "the \(place.direction.name)'s bytes in front of packet \(place.first.packet) are missing"
        )
    }

    /// What is said after the answer is told as messages; what the server said before it stays.
    mutating func endStreams(behind answer: Place) -> Int {
        wanted = answer.end
        var released = 0
        pieces.server.removeAll { piece in
            guard piece.offset >= answer.offset else { return false }
            released += piece.bytes.count
            return true
        }
        held -= released
        return released
    }

    /// Forgets the oldest bytes of a connection that has offered nothing yet.
    mutating func forgetHistory(over limit: Int) -> Int {
        var released = 0
        for direction in Direction.allCases.reversed() {
            var count = 0
            while count + 1 < pieces[direction].count, held - released > limit {
                released += pieces[direction][count].bytes.count
                count += 1
            }
            pieces[direction].removeFirst(count)
        }
        held -= released
        let start = pieces.client.first?.offset ?? 0
        forgetHeads(heads.prefix { $0.place.offset < start }.count)
        return released
    }

    /// Stream bytes of a range, as far as they are here.
    func bytes(_ direction: Direction, from: Int64, to: Int64) -> [UInt8] {
        guard from < to else { return [] }
        var result: [UInt8] = []
        for piece in pieces[direction] where piece.end > from && piece.offset < to {
            let start = Int(max(0, from - piece.offset))
            let end = Int(min(Int64(piece.bytes.count), to - piece.offset))
            result += piece.bytes[start..<end]
        }
        return result
    }

    func history(of exchange: Exchange) -> [RecordedRequest] {
        guard let request = exchange.request else { return [] }
        let outer = exchange.parent?.offset ?? -1
        let indices = heads.indices.filter { index in
            let offset = heads[index].place.offset
            return offset < request.place.offset && offset > outer
        }
        return indices.map { index in
            let next = indices.contains(index + 1) ? heads[index + 1].place.offset : request.place.offset
            var recorded = RecordedRequest(
                head: heads[index], body: bytes(.client, from: heads[index].place.end, to: next))
            if let answer = answers[headsBefore + index], let content = content(of: answer, index, exchange) {
                recorded.response = answer
                recorded.responseBody = content
            }
            return recorded
        }
    }

    /// The content of an answer to the request at `index`; `nil` where it is not all here.
    private func content(of answer: MessageHead, _ index: Int, _ exchange: Exchange) -> [UInt8]? {
        guard ends.server == nil, ends.client == nil else { return nil }
        if heads[index].isMethod("HEAD") || answer.status == 204 || answer.status == 304 { return [] }
        let next = answers[headsBefore + index + 1]?.place.offset ?? exchange.response?.place.offset ?? .max
        var end = next
        if !answer.has(.transferEncoding), let length = answer.value(.contentLength).flatMap({ Int64($0.text) }) {
            end = min(next, answer.place.end.addingReportingOverflow(max(0, length)).partialValue)
        }
        guard end >= answer.place.end, end - answer.place.end <= 1 << 20 else { return nil }
        let content = bytes(.server, from: answer.place.end, to: end)
        return Int64(content.count) == end - answer.place.end ? content : nil
    }

    /// What was said from these offsets on, cut where the sender had heard something new.
    func steps(client: Int64, server: Int64) -> (steps: [Step], cut: String?) {
        let cut = [ends.client, ends.server].compactMap { $0 }.min { $0.mark.precedes($1.mark) }
        let starts = PerDirection(client: client, server: server)
        var runs = PerDirection<[Place]>(both: [])
        var payloads = PerDirection<[[UInt8]]>(both: [])
        for direction in Direction.allCases {
            var heardBefore: Int64 = -1
            for piece in pieces[direction] where piece.end > starts[direction] {
                if let cut, !piece.mark.precedes(cut.mark) { break }
                let skipped = Int(max(0, starts[direction] - piece.offset))
                let heard = heardBytes(piece.mark, starts[direction.opposite], direction)
                let place = Place(
                    direction: direction, offset: piece.offset + Int64(skipped),
                    length: Int64(piece.bytes.count - skipped), first: piece.mark, last: piece.mark)
                if heard == heardBefore, let last = runs[direction].indices.last {
                    runs[direction][last].length += place.length
                    runs[direction][last].last = piece.mark
                    payloads[direction][last] += piece.bytes[skipped...]
                } else {
                    runs[direction].append(place)
                    payloads[direction].append(Array(piece.bytes[skipped...]))
                }
                heardBefore = heard
            }
        }
        var sides = PerDirection<[Step]>(both: [])
        for direction in Direction.allCases {
            var heard = Heard(others: runs[direction.opposite])
            for (run, payload) in zip(runs[direction], payloads[direction]) {
                var step = Step(
                    direction: direction, content: .bytes(payload), heard: heard.count(at: run.first),
                    first: run.first, last: run.last)
                let other = starts[direction.opposite]
                step.heardBytes = heardBytes(run.first, other, direction) - other
                sides[direction].append(step)
            }
        }
        return (merged(sides), cut?.why)
    }

    /// How far the sender of a packet had received the other stream.
    private func heardBytes(_ mark: Arrival, _ start: Int64, _ direction: Direction) -> Int64 {
        if let acknowledged = mark.heard { return max(start, acknowledged) }
        return pieces[direction.opposite].last { $0.mark.precedes(mark) }?.end ?? start
    }

    func raw() -> [RawPiece] {
        let end = ends.client?.offset ?? .max
        return pieces.client.filter { $0.offset < end }.map { piece in
            RawPiece(bytes: piece.bytes, heard: heardBytes(piece.mark, 0, .client), mark: piece.mark)
        }
    }
}

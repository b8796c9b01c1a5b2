// The server's side of a recorded session, played by the client's progress: what the server said after a client's third
// message is said after the third message of this client, whatever it holds.
//
// Of what a client says only data counts as progress: pings and pongs are the library's, and a browser sends none.
// Pings of the client are answered; recorded pongs were answers to pings that are not these, and are not said.

internal import Traffic

/// Plays the server after a switch to WebSocket; knows neither bytes nor frames.
struct ServedSession: Sendable {
    /// What the stand-in does next.
    enum Action: Equatable {
        case say(SessionMessage)
        /// The session is over: the connection is closed, or reset.
        case end(reset: Bool)
    }

    private var script: [Line] = []
    private var next = 0
    /// Data messages of the client so far.
    private(set) var heard = 0
    /// What the client said when it was recorded.
    private let expected: [SessionMessage]
    private let end: StreamEnd
    /// The client is to close, not the server.
    private let clientCloses: Bool
    private var hasClosed = false
    private var isOver = false

    /// What the client did otherwise than recorded, in words.
    private(set) var remarks: [String] = []

    /// One message of the server, and what has to be heard before it.
    private struct Line: Sendable {
        var message: SessionMessage
        var heard: Int
        /// It came after the client's close.
        var answersClose: Bool
    }

    init(_ session: RecordedSession) {
        var dataBefore = [0]
        var closeAt: Int?
        var said: [SessionMessage] = []
        for step in session.steps(of: .client) {
            guard let message = step.message else { continue }
            if message.opcode == 8, closeAt == nil { closeAt = dataBefore.count }
            if !message.isControl { said.append(message) }
            dataBefore.append(said.count)
        }
        for step in session.steps(of: .server) {
            guard let message = step.message, message.opcode != 10 else { continue }
            let heard = min(step.heard, dataBefore.count - 1)
            script.append(
                Line(message: message, heard: dataBefore[heard], answersClose: closeAt.map { $0 <= heard } ?? false))
        }
        expected = said
        clientCloses = closeAt != nil
        end = session.ended.server
    }

    /// Messages of the client that were recorded.
    var expectedCount: Int { expected.count }
    /// Messages of the server that were said, and that were recorded.
    var saidCount: Int { next }
    var scriptCount: Int { script.count }

    /// The switch was made.
    mutating func begin() -> [Action] { proceed() }

    /// The client said something.
    mutating func received(_ message: TranscriptMessage) -> [Action] {
        guard !isOver else { return [] }
        switch message.opcode {
        case 9: return hasClosed ? [] : [.say(SessionMessage(opcode: 10, payload: message.payload))]
        case 10: return []
        case 8: return closed(by: message)
        default:
            note(message)
            heard += 1
            return proceed()
        }
    }

    /// What cannot be read any more is closed for a violation of the protocol (RFC 6455 7.4.1).
    mutating func lostTrack() -> [Action] { fail(1002, "frames that cannot be read") }

    /// Nothing came for so long that nothing will.
    mutating func timedOut() -> [Action] {
        fail(1001, heard < expected.count ? "no message for a while" : "the recording ends here")
    }

    private mutating func fail(_ code: UInt16, _ reason: StaticString) -> [Action] {
        guard !isOver else { return [] }
        isOver = true
        if hasClosed { return [.end(reset: false)] }
        let payload = FrameEncoder.closePayload(code: code, reason: Array(reason.description.utf8)[...])
        return [.say(SessionMessage(opcode: 8, payload: payload)), .end(reset: false)]
    }

    private mutating func closed(by message: TranscriptMessage) -> [Action] {
        isOver = true
        // The server closes the connection (RFC 6455 7.1.1).
        if hasClosed { return [.end(reset: false)] }
        var actions: [Action] = []
        if heard < expected.count {
            remarks.append("closed after \(heard) of \(expected.count) messages")
        } else {
            actions = script[next...].map { .say($0.message) }
            hasClosed = script[next...].contains { $0.message.opcode == 8 }
            next = script.count
            if !hasClosed, end == .rst { return actions + [.end(reset: true)] }
        }
        if !hasClosed {
            // Nothing was recorded to be said to this: the code that came.
            let code = message.closeCode.map { (1000...4999).contains($0) ? $0 : 1002 }
            actions.append(.say(SessionMessage(opcode: 8, payload: FrameEncoder.closePayload(code: code))))
        }
        return actions + [.end(reset: false)]
    }

    /// Says all that nothing is waited for any more.
    private mutating func proceed() -> [Action] {
        var actions: [Action] = []
        while next < script.count, script[next].heard <= heard, !script[next].answersClose {
            let message = script[next].message
            next += 1
            if message.opcode == 8 { hasClosed = true }
            actions.append(.say(message))
        }
        // A server that left without a close frame leaves now.
        if !hasClosed, next == script.count, heard >= expected.count, !clientCloses, end != .open {
            isOver = true
            actions.append(.end(reset: end == .rst))
        }
        return actions
    }

    private mutating func note(_ message: TranscriptMessage) {
        guard remarks.count < 4 else { return }
        guard heard < expected.count else {
            if heard == expected.count { remarks.append("says more than the \(heard) messages that were recorded") }
            return
        }
        let recorded = expected[heard]
        if recorded.opcode != message.opcode || !Self.isSame(recorded.payload, message.payload) {
            remarks.append("message \(heard + 1) is not the recorded one")
        }
    }

    private static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        if left == right { return true }
        guard let left = JSONValue(left), let right = JSONValue(right) else { return false }
        return left == right
    }
}

// A replay against a stand-in, machine to machine: no socket, and a clock that jumps to whatever is awaited next.

import Inspection
import Traffic

@testable import Replay

/// Both machines, and the bytes between them.
struct Duel {
    var options = ReplayOptions()
    var serveOptions = ServeOptions()
    /// Bytes arrive in pieces of at most so many.
    var piece = Int.max

    /// What a replay of `session` against `answers` finds; `nil` when it never ends.
    func run(_ session: RecordedSession, against answers: RecordedAnswers) -> (ReplayedExchange, [ServedExchange])? {
        guard let target = try? ReplayTarget("ws://127.0.0.1:9000") else { return nil }
        let script = ReplayScript(session, target: target, options: options)
        if let why = script.plan.skipped {
            var skipped = SessionComparison.planned(script, .skipped)
            skipped.reason = why
            return (skipped, [])
        }
        var now = Timestamp(nanoseconds: 1_800_000_000_000_000_000)
        let here = Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 40000)
        let there = Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 9000)
        var client = ReplayClient(
            script: script, options: options, key: Array("c2FtcGxlIG5vbmNlIDE2IQ==".utf8), start: now,
            maskKey: { 0x1122_3344 },
            witness: { LiveWitness(client: $0, server: $1, streams: !script.isWebSocket, payloadBytes: 64 << 20) })
        let server = ServedConnection(client: here, server: there, answers: answers, options: serveOptions)
        server.opened(at: now)
        /// What is on its way to the client.
        var pending: [ReplayClient.Event] = []
        var wake: Timestamp?
        var isClosed = false

        func split(_ bytes: [UInt8]) -> [[UInt8]] {
            stride(from: 0, to: bytes.count, by: max(1, min(piece, bytes.count))).map {
                Array(bytes[$0..<min(bytes.count, $0 + min(piece, bytes.count))])
            }
        }
        func serve(_ actions: [ServedConnection.Action]) {
            for action in actions where !isClosed {
                switch action {
                case .send(let bytes): pending += split(bytes).map { .received($0) }
                case .close:
                    isClosed = true
                    pending.append(.ended)
                case .reset:
                    isClosed = true
                    pending.append(.failed(ReplayFailure(.reset, "the server reset the connection")))
                }
            }
        }
        func act(_ actions: [ReplayClient.Action]) {
            for action in actions {
                switch action {
                case .send(let bytes): for bytes in split(bytes) { serve(server.received(bytes, at: now)) }
                case .halfClose, .close: serve(server.ended(at: now))
                case .wake(let time): wake = time
                case .over: break
                }
            }
        }
        act(client.handle(.connected(client: here, server: there), at: now))
        var steps = 0
        while !client.isOver, steps < 1_000_000 {
            steps += 1
            now.nanoseconds += 1000
            if !pending.isEmpty {
                act(client.handle(pending.removeFirst(), at: now))
            } else if let time = wake {
                wake = nil
                now = max(now, time)
                act(client.handle(.timer, at: now))
            } else {
                return nil
            }
        }
        server.closed(reset: nil, at: now)
        let comparison = SessionComparison(options: options.compare, inspector: Inspector())
        return (comparison.result(script, client.run), server.takeServed())
    }
}

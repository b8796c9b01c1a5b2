// A replay without sockets: the machine, a clock that jumps, and a server that is a function.

import Inspection
import TestSupport
import Traffic

@testable import Replay

/// Says a session to a server of a test.
struct Simulation {
    /// What the server does when it hears something.
    enum Reply {
        case bytes([UInt8])
        case text(String)
        case frame(UInt8, [UInt8])
        case close(UInt16)
        case end
        case reset
        /// Milliseconds until the next reply.
        case later(Int64)
    }

    /// What the server hears.
    enum Heard {
        case connection
        case request(String)
        case message(TranscriptMessage)
        /// Bytes that are no message: after another switch, or raw.
        case bytes([UInt8])
    }

    /// What happened.
    struct Outcome {
        var result: ReplayedExchange
        var run: LiveRun
        /// What the server heard: messages as text, in order.
        var said: [String] = []
        var request = ""
        /// Milliseconds of simulated time until it was over.
        var milliseconds: Int64 = 0
        var raw: [UInt8] = []
        var halfClosed = false

        var kinds: [Difference.Kind] { result.differences.map(\.kind) }
    }

    var options = ReplayOptions()
    var target = try? ReplayTarget("ws://127.0.0.1:9000")
    var accept = true
    var response = ""

    /// Runs the session against `server`, which answers the handshake by itself unless `accept` is false.
    func run(_ session: RecordedSession, server: (Heard) -> [Reply]) -> Outcome? {
        guard let target else { return nil }
        let script = ReplayScript(session, target: target, options: options)
        let start = Timestamp(nanoseconds: 1_800_000_000_000_000_000)
        let nowhere = Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 9000)
        let here = Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 40000)
        var client = ReplayClient(
            script: script, options: options, key: Array("dGhlIHNhbXBsZSBub25jZQ==".utf8), start: start,
            maskKey: { 0x1122_3344 },
            witness: { LiveWitness(client: $0, server: $1, streams: !script.isWebSocket, payloadBytes: 1 << 20) })
        // The server's ear: the same analyzer, told what both say.
        let ear = LiveWitness(client: here, server: nowhere, streams: true, payloadBytes: 1 << 20)
        var now = start
        ear.opened(at: now)
        var wake: Timestamp?
        var due: [(time: Timestamp, reply: Reply)] = []
        var outcome = Outcome(result: SessionComparison.planned(script, .same), run: client.run)
        var isSwitched = false
        func enqueue(_ replies: [Reply], from time: Timestamp) {
            var time = time
            for reply in replies {
                if case .later(let milliseconds) = reply {
                    time.nanoseconds += milliseconds * 1_000_000
                } else {
                    due.append((time, reply))
                }
            }
            due.sort { $0.time < $1.time }
        }
        func act(_ actions: [ReplayClient.Action]) {
            for action in actions {
                switch action {
                case .send(let bytes):
                    outcome.raw += bytes
                    ear.said(.client, bytes[...], at: now)
                    let news = ear.news()
                    if let head = news.requests.first {
                        outcome.request += String(decoding: head.bytes, as: UTF8.self)
                        if accept, !isSwitched, head.has(.upgrade) {
                            isSwitched = true
                            enqueue([.bytes(Array(Handshake.response(response).utf8))], from: now)
                        }
                        enqueue(server(.request(String(decoding: head.bytes, as: UTF8.self))), from: now)
                    } else if news.messages.isEmpty {
                        enqueue(server(.bytes(bytes)), from: now)
                    }
                    for message in news.messages where message.direction == .client {
                        outcome.said.append(
                            message.opcode == 1
                                ? String(decoding: message.payload, as: UTF8.self) : "#\(message.opcode)")
                        if message.opcode == 8 {
                            outcome.said[outcome.said.count - 1] += " \(message.closeCode.map(Int.init) ?? 1005)"
                        }
                        enqueue(server(.message(message)), from: now)
                    }
                case .halfClose: outcome.halfClosed = true
                case .wake(let time): wake = time
                case .close, .over: break
                }
            }
        }
        act(client.handle(.connected(client: here, server: nowhere), at: now))
        enqueue(server(.connection), from: now)
        var steps = 0
        while !client.isOver, steps < 100_000 {
            steps += 1
            let next = due.first
            if let next, wake.map({ next.time <= $0 }) ?? true {
                due.removeFirst()
                now = max(now, next.time)
                var bytes: [UInt8] = []
                switch next.reply {
                case .bytes(let raw): bytes = raw
                case .text(let text): bytes = Frame.server(1, Array(text.utf8))
                case .frame(let opcode, let payload): bytes = Frame.server(opcode, payload)
                case .close(let code): bytes = Frame.server(8, Frame.close(code))
                case .end:
                    act(client.handle(.ended, at: now))
                    continue
                case .reset:
                    act(client.handle(.failed(ReplayFailure(.reset, "reset")), at: now))
                    continue
                case .later: continue
                }
                ear.said(.server, bytes[...], at: now)
                _ = ear.news()
                act(client.handle(.received(bytes), at: now))
            } else if let time = wake {
                wake = nil
                now = max(now, time)
                act(client.handle(.timer, at: now))
            } else {
                break
            }
        }
        guard client.isOver else { return nil }
        outcome.run = client.run
        outcome.result = SessionComparison(options: options.compare, inspector: Inspector()).result(script, client.run)
        outcome.milliseconds = now.nanoseconds(since: start) / 1_000_000
        return outcome
    }

    /// A server that answers each text with the same.
    static func echo(_ heard: Heard) -> [Reply] {
        guard case .message(let message) = heard else { return [] }
        switch message.opcode {
        case 1, 2: return [.frame(message.opcode, message.payload)]
        case 8: return [.close(message.closeCode ?? 1000), .end]
        default: return []
        }
    }
}

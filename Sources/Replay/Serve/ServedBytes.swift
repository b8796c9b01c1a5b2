// The server's side of what follows a switch to anything but WebSocket: bytes, said when as many bytes of the client have
// come as had come in the recording.

internal import Traffic

/// Plays the server of a tunnel, or of a protocol that is not read.
struct ServedBytes {
    private let steps: [Step]
    private let clientBytes: Int64
    private let end: StreamEnd
    private var next = 0
    private(set) var isOver = false
    private(set) var heard: Int64 = 0

    init(_ session: RecordedSession) {
        steps = session.steps(of: .server)
        clientBytes = session.steps(of: .client).reduce(0) { $0 + Int64($1.payload.count) }
        end = session.ended.server
    }

    var saidCount: Int { next }
    var scriptCount: Int { steps.count }
    var expectedBytes: Int64 { clientBytes }

    /// As many bytes of the client have come in all; what is said now, and how it ends where that was all.
    mutating func received(_ total: Int64) -> (bytes: [UInt8], end: StreamEnd?) {
        heard = total
        return proceed(total)
    }

    /// The client ended its side after all it had to say.
    ///
    /// In the recording that was acknowledged like one more byte: what the server kept until then is said now.
    mutating func ended() -> (bytes: [UInt8], end: StreamEnd?) {
        heard < clientBytes ? ([], nil) : proceed(heard + 1)
    }

    private mutating func proceed(_ acknowledged: Int64) -> (bytes: [UInt8], end: StreamEnd?) {
        guard !isOver else { return ([], nil) }
        var bytes: [UInt8] = []
        while next < steps.count, steps[next].heardBytes <= acknowledged {
            bytes += steps[next].payload
            next += 1
        }
        guard next == steps.count, acknowledged >= clientBytes, end != .open else { return (bytes, nil) }
        isOver = true
        return (bytes, end)
    }
}

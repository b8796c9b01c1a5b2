// The streams of one connection, and what carries which: tcp, tcp/tls, tcp/tls/h2:3.

/// Names the streams that a connection carries inside its own.
final class StreamTree {
    private var nodes: [(name: String, carrier: StreamID)] = [("tcp", .connection)]
    private let limit: Int

    /// A tree of at most `limit` streams.
    init(limit: Int = 1 << 20) { self.limit = limit }

    /// A new stream that `carrier` carries; `nil` when there are too many.
    func add(_ name: String, in carrier: StreamID) -> StreamID? {
        guard nodes.count < limit, Int(carrier.rawValue) < nodes.count else { return nil }
        nodes.append((name, carrier))
        return StreamID(rawValue: UInt32(nodes.count - 1))
    }

    /// The stream that carries `stream`; `nil` for the connection's own.
    func carrier(of stream: StreamID) -> StreamID? {
        guard stream != .connection, Int(stream.rawValue) < nodes.count else { return nil }
        return nodes[Int(stream.rawValue)].carrier
    }

    /// The names from the connection inwards, such as "tcp/tls/h2:3".
    func path(of stream: StreamID) -> String {
        guard Int(stream.rawValue) < nodes.count else { return "?" }
        var names = [nodes[Int(stream.rawValue)].name]
        var next = stream
        while let carrier = carrier(of: next) {
            names.append(nodes[Int(carrier.rawValue)].name)
            next = carrier
        }
        return names.reversed().joined(separator: "/")
    }
}

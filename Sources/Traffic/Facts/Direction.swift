// Who sent the bytes.

/// Who sent the bytes: the TCP peer that sent the request, or the one that answers.
@frozen
public enum Direction: UInt8, Sendable, Hashable, CaseIterable {
    case client = 0
    case server = 1

    /// The other side.
    public var opposite: Direction { self == .client ? .server : .client }
    /// 0 for the client, 1 for the server.
    public var index: Int { Int(rawValue) }
    /// The word used in reports.
    public var name: String { self == .client ? "client" : "server" }
}

/// A pair of values, one for each direction.
@frozen
public struct PerDirection<Value> {
    public var client: Value
    public var server: Value

    public init(client: Value, server: Value) {
        self.client = client
        self.server = server
    }

    public init(both value: Value) { self.init(client: value, server: value) }

    @inlinable
    public subscript(direction: Direction) -> Value {
        // Not `get`: reading one counter must not copy a whole stream.
        @inline(__always)
        _read {
            if direction == .client { yield client } else { yield server }
        }
        @inline(__always)
        _modify {
            if direction == .client { yield &client } else { yield &server }
        }
    }
}

extension PerDirection: Sendable where Value: Sendable {}

extension PerDirection: Equatable where Value: Equatable {}

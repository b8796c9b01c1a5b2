// Whose packet it was: what a recorder needs to know that keeps some connections and lets others go.

/// What the packet taken last belongs to.
public enum PacketOwner: Sendable, Equatable {
    /// No TCP connection.
    case nobody
    /// A part of this datagram, which is not whole yet.
    case datagram(UInt64)
    case connection(ConnectionStatus)
}

/// How far a connection has come, after the packet taken last.
public struct ConnectionStatus: Sendable, Equatable {
    /// As `ConnectionFacts.id`.
    public var id: UInt64
    /// The connection that this one is a copy of, under another VLAN or tunnel.
    public var copyOf: UInt64?
    /// Somebody has said something.
    public var hasSpoken: Bool
    /// A request of an exchange was read on it.
    public var carriesExchange: Bool
    /// One may still come: HTTP is spoken, or it is not known yet what is.
    public var mayCarryExchange: Bool
    /// The datagram whose last part the packet was.
    public var datagram: UInt64?

    public init(
        id: UInt64, copyOf: UInt64? = nil, hasSpoken: Bool, carriesExchange: Bool, mayCarryExchange: Bool,
        datagram: UInt64? = nil
    ) {
        self.id = id
        self.copyOf = copyOf
        self.hasSpoken = hasSpoken
        self.carriesExchange = carriesExchange
        self.mayCarryExchange = mayCarryExchange
        self.datagram = datagram
    }
}

extension TCPConnection {
    func status(datagram: UInt64?) -> ConnectionStatus {
        ConnectionStatus(
            id: id, copyOf: copy.of, hasSpoken: hasSpoken, carriesExchange: exchangeCount > 0,
            mayCarryExchange: mayCarryExchange, datagram: datagram)
    }
}

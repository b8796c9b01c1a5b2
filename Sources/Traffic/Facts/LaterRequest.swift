// What came on the same connection after an offer was refused.

/// A request that came later on the same connection, after a refused offer.
public struct LaterRequest: Sendable {
    /// The start of its head, at most 1024 bytes.
    public var head: [UInt8]
    public var place: Place
    /// Via, Forwarded, X-Forwarded-* or X-Real-IP in the head.
    public var hasForwardingFields: Bool
    /// Lay in the bytes that were early for the exchange before it.
    public var wasEarly: Bool
    /// The status of its final response; 0 when none was seen.
    public var status: UInt16
    public init(head: [UInt8], place: Place, hasForwardingFields: Bool, wasEarly: Bool, status: UInt16) {
        self.head = head
        self.place = place
        self.hasForwardingFields = hasForwardingFields
        self.wasEarly = wasEarly
        self.status = status
    }
}

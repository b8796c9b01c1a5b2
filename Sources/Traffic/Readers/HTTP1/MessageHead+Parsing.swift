// A head as a value of its own, from the bytes that hold it.

extension MessageHead {
    /// A head read from bytes that begin with it; `nil` where they hold no whole head of HTTP/1.x.
    public init?(request bytes: [UInt8], at place: Place) {
        var head = ParsedHead()
        guard head.parseRequest(bytes.span) == .complete else { return nil }
        self = head.copied(from: bytes.span, place: place)
    }

    /// A head read from bytes that begin with it; `nil` where they hold no whole head of HTTP/1.x.
    public init?(response bytes: [UInt8], at place: Place) {
        var head = ParsedHead()
        guard head.parseResponse(bytes.span) == .complete else { return nil }
        self = head.copied(from: bytes.span, place: place)
    }
}

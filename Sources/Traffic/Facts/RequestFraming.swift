// Where a request ends (RFC 9112 6).

/// The transfer framing of the request, and what contradicts what (RFC 9112 6).
public struct RequestFraming: Sendable, Equatable {
    /// Both Content-Length and Transfer-Encoding were there.
    public var lengthAndCoding = false
    /// The end cannot be known (bad length, coding that is not chunked, coding in HTTP/1.0).
    public var endUnknown = false
    public var chunked = false
    /// Body bytes announced by Content-Length; `nil` without a valid one.
    public var contentLength: Int64?
    /// Body bytes seen on the wire, chunk framing included.
    public var bodyBytes: Int64 = 0
    /// Stream offset after the whole message; `nil` when unknown or not reached.
    public var end: Int64?
    public init() {}
}

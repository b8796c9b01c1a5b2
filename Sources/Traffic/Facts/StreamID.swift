// Which stream a byte belongs to.
//
// A TCP connection carries one stream in each direction. What is spoken on it may carry others: TLS records, HTTP/2
// streams, capsules. Each of them counts its own bytes from 0, so a place is an offset in a stream that has a name. A
// stream whose bytes are, one by one, those of the stream that carries it (a CONNECT tunnel, h2c after its 101) goes on
// counting as that one does and needs no name of its own.

/// One stream of a connection: an index into its `StreamTree`.
public struct StreamID: RawRepresentable, Sendable, Hashable, Comparable, BitwiseCopyable {
    public var rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The TCP connection's own stream.
    public static let connection = StreamID(rawValue: 0)

    public static func < (left: StreamID, right: StreamID) -> Bool { left.rawValue < right.rawValue }
}

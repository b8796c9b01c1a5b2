// What of a segment a brief connection looks at and keeps: the numbers of its header, and who sent it.

/// A segment of a brief connection, without its payload.
struct BriefSegment {
    let sequence: UInt32
    let acknowledgment: UInt32
    let window: UInt16
    /// As `Segment.identification`.
    let identification: UInt16
    let flags: TCPFlags
    let isClient: Bool
}

extension BriefSegment {
    @inline(__always)
    init(_ segment: Segment, isClient: Bool) {
        self.init(
            sequence: segment.sequence, acknowledgment: segment.acknowledgment, window: segment.window,
            identification: segment.identification, flags: segment.flags, isClient: isClient)
    }

    /// 0 for the client, 1 for the server.
    @inline(__always) var side: Int { isClient ? 0 : 1 }
}

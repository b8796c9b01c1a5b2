// What one direction carried after its switch point.

internal import Ground

/// The first bytes of one direction after its switch point.
public struct SwitchedStream: Sendable {
    /// Offset of the first byte of the new protocol; `nil` when unknown.
    public var start: Int64?
    /// Bytes seen from there on.
    public var bytes: Int64 = 0
    /// The first of them, at most 256, and the packet of the first.
    public var excerpt: [UInt8] = []
    public var first: Arrival?
    /// The last packet that carried any.
    public var last: Arrival?
    public init() {}

    /// Counts bytes, and keeps the first of them.
    mutating func take(_ new: Span<UInt8>, _ mark: Arrival) {
        bytes += Int64(new.count)
        last = mark
        guard excerpt.count < 256 else { return }
        if excerpt.isEmpty {
            first = mark
            excerpt.reserveCapacity(256)
        }
        excerpt.append(new.extracting(0..<min(new.count, 256 - excerpt.count)))
    }
}

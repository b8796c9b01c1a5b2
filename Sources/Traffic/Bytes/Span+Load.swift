// Numbers in network order, out of bytes. Every byte is a checked subscript; behind one guard on the length
// the optimizer makes a single load of them.

extension Span<UInt8> {
    /// The big-endian 16-bit number at `offset`.
    @inlinable @inline(__always)
    public func load16(_ offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    /// The big-endian 24-bit number at `offset`.
    @inlinable @inline(__always)
    public func load24(_ offset: Int) -> UInt32 {
        UInt32(self[offset]) << 16 | UInt32(load16(offset + 1))
    }

    /// The big-endian 32-bit number at `offset`.
    @inlinable @inline(__always)
    public func load32(_ offset: Int) -> UInt32 {
        UInt32(load16(offset)) << 16 | UInt32(load16(offset + 2))
    }

    /// The big-endian 64-bit number at `offset`.
    @inlinable @inline(__always)
    public func load64(_ offset: Int) -> UInt64 {
        UInt64(load32(offset)) << 32 | UInt64(load32(offset + 4))
    }
}

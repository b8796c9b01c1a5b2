// Numbers in network order, out of bytes.
//
// One check, and one load from wherever the number lies. Made of single bytes, what the optimizer puts together is one load
// only where the number is used as a whole: the parts of addresses and ports, which are mixed, were not.

extension Span<UInt8> {
    /// The big-endian 16-bit number at `offset`.
    @inlinable @inline(__always)
    public func load16(_ offset: Int) -> UInt16 { UInt16(bigEndian: load(offset, as: UInt16.self)) }

    /// The big-endian 24-bit number at `offset`.
    @inlinable @inline(__always)
    public func load24(_ offset: Int) -> UInt32 {
        UInt32(self[offset]) << 16 | UInt32(load16(offset + 1))
    }

    /// The big-endian 32-bit number at `offset`.
    @inlinable @inline(__always)
    public func load32(_ offset: Int) -> UInt32 { UInt32(bigEndian: load(offset, as: UInt32.self)) }

    /// The big-endian 64-bit number at `offset`.
    @inlinable @inline(__always)
    public func load64(_ offset: Int) -> UInt64 { UInt64(bigEndian: load(offset, as: UInt64.self)) }

    /// The bytes at `offset` as they lie there.
    @inlinable @inline(__always)
    public func load<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: Number.Type) -> Number {
        precondition(offset >= 0 && offset <= count - MemoryLayout<Number>.size)
        return unsafe withUnsafeBytes { bytes in
            // In bounds: checked one line above.
            unsafe bytes.loadUnaligned(fromByteOffset: offset, as: type)
        }
    }
}

// Where rendered bytes go, and the buffer before it.

/// Where rendered bytes go: standard output, a file, a test's array.
public protocol ByteSink {
    mutating func write(_ bytes: [UInt8]) throws
}

/// Collects rendered bytes in memory.
public struct ByteArraySink: ByteSink {
    public private(set) var bytes: [UInt8] = []
    public init() {}
    public mutating func write(_ bytes: [UInt8]) { self.bytes.append(contentsOf: bytes) }
}

extension ByteSink {
    /// Hands over what `bytes` holds once it is worth it.
    package mutating func drain(_ bytes: inout [UInt8], atLeast threshold: Int = 64 << 10) throws {
        guard bytes.count >= threshold, !bytes.isEmpty else { return }
        try write(bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}

// Numbers in the byte order of a capture.

import Ground

extension Span<UInt8> {
    /// The 32-bit word at `offset`, in the byte order of the capture.
    @inline(__always)
    func captureWord(at offset: Int, bigEndian: Bool) -> UInt32 {
        let word = load(offset, as: UInt32.self)
        return bigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
    }

    /// The four 32-bit words from `offset` on, in the byte order of the capture.
    @inline(__always)
    func fourCaptureWords(at offset: Int, bigEndian: Bool) -> (UInt32, UInt32, UInt32, UInt32) {
        func split(_ word: UInt64) -> (UInt32, UInt32) {
            bigEndian
                ? (UInt32(word.bigEndian >> 32), UInt32(truncatingIfNeeded: word.bigEndian))
                : (UInt32(truncatingIfNeeded: word.littleEndian), UInt32(word.littleEndian >> 32))
        }
        let (first, second) = (split(load(offset, as: UInt64.self)), split(load(offset + 8, as: UInt64.self)))
        return (first.0, first.1, second.0, second.1)
    }

    /// The 16-bit word at `offset`, in the byte order of the capture.
    @inline(__always)
    func captureHalf(at offset: Int, bigEndian: Bool) -> UInt16 {
        let half = load(offset, as: UInt16.self)
        return bigEndian ? UInt16(bigEndian: half) : UInt16(littleEndian: half)
    }
}

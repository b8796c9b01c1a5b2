// The unchecked loads of this module, each under a guard that can be seen on the same screen: searching a byte,
// copying a span, and asking whether (masked) text is plain ASCII, a word at a time.

import Glibc

extension Span<UInt8> {
    /// Index of the first `byte` at or behind `start`; `nil` when there is none.
    @inline(__always)
    func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start >= 0, start < count else { return nil }
        return unsafe withUnsafeBufferPointer { buffer -> Int? in
            // Safe: start < count, so the buffer is not empty and the searched run lies inside it.
            guard let base = buffer.baseAddress, let hit = unsafe memchr(base + start, Int32(byte), count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(hit) - UnsafeRawPointer(base)
        }
    }

    /// Whether the bytes at `start` are exactly those of `text`.
    @inline(__always)
    func has(_ text: StaticString, at start: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard start >= 0, count - start >= length else { return false }
        return unsafe withUnsafeBufferPointer { buffer -> Bool in
            guard let base = buffer.baseAddress else { return length == 0 }
            return unsafe memcmp(base + start, text.utf8Start, length) == 0
        }
    }

    /// Whether the bytes at `start` are those of `text`, which is in lower case, ASCII case aside.
    @inline(__always)
    func hasIgnoringCase(_ text: StaticString, at start: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard start >= 0, count - start >= length else { return false }
        for index in 0..<length {
            // Safe: a StaticString has `length` code units.
            guard unsafe text.utf8Start[index] == self[start + index].asciiLowercased else { return false }
        }
        return true
    }

    /// How many bytes from `start` on are ASCII once `mask` (four bytes in memory order, repeated) is taken off;
    /// counted in whole words of eight, so the true number may be up to seven greater.
    @inline(__always)
    func asciiWords(from start: Int, to end: Int, mask: UInt32) -> Int {
        guard start >= 0, end <= count, end - start >= 8 else { return 0 }
        let high: UInt64 = 0x8080_8080_8080_8080
        // Taking off the mask flips the high bits that the mask has set, so the test needs no unmasking.
        let expected = (UInt64(mask) | UInt64(mask) << 32) & high
        return unsafe withUnsafeBytes { buffer -> Int in
            var index = start
            let wide = SIMD4<UInt64>(repeating: high)
            let wideExpected = SIMD4<UInt64>(repeating: expected)
            // Safe: each load ends at or before `end`, which is at most `count`.
            while end - index >= 32 {
                let words = unsafe buffer.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
                let difference = (words & wide) ^ wideExpected
                if difference[0] | difference[1] | difference[2] | difference[3] != 0 { break }
                index += 32
            }
            while end - index >= 8 {
                let word = unsafe buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                if word & high != expected { break }
                index += 8
            }
            return index - start
        }
    }

    /// A copy of the bytes.
    var array: [UInt8] { unsafe withUnsafeBufferPointer { unsafe Array($0) } }

    /// Whether the bytes equal those of `other` from `start` on; `other` must reach that far.
    func equals(_ other: Span<UInt8>, from start: Int) -> Bool {
        guard start >= 0, other.count - start >= count else { return false }
        return unsafe withUnsafeBufferPointer { left in
            unsafe other.withUnsafeBufferPointer { right in
                guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else { return true }
                return unsafe memcmp(leftBase, rightBase + start, left.count) == 0
            }
        }
    }
}

extension [UInt8] {
    /// Puts the bytes of a span over those at `index`; they must fit.
    mutating func overwrite(at index: Int, with bytes: Span<UInt8>) {
        precondition(index >= 0 && bytes.count <= count - index)
        unsafe withUnsafeMutableBytes { target in
            unsafe bytes.withUnsafeBytes { source in
                guard let to = target.baseAddress, let from = source.baseAddress else { return }
                // Safe: the precondition keeps the run inside the array.
                unsafe memcpy(to + index, from, source.count)
            }
        }
    }

    /// Appends the bytes of a span.
    @inline(__always)
    mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}

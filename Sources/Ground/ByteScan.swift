// Unchecked loads, each under a guard that can be seen on the same screen: searching for a byte, copying a span, and
// asking whether (masked) text is plain ASCII, a word at a time.

public import Glibc

extension Span<UInt8> {
    /// Index of the first `byte` at or after `start`; `nil` when there is none.
    @inlinable @inline(__always)
    public func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start >= 0, start < count else { return nil }
        return unsafe withUnsafeBufferPointer { buffer -> Int? in
            // Safe: start < count, so the buffer is not empty and the searched run lies inside it.
            guard let base = buffer.baseAddress, let hit = unsafe memchr(base + start, Int32(byte), count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(hit) - UnsafeRawPointer(base)
        }
    }

    /// Whether the bytes at `start` are exactly those of `text`.
    @inlinable @inline(__always)
    public func has(_ text: StaticString, at start: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard start >= 0, count - start >= length else { return false }
        return unsafe withUnsafeBufferPointer { buffer -> Bool in
            guard let base = buffer.baseAddress else { return length == 0 }
            return unsafe memcmp(base + start, text.utf8Start, length) == 0
        }
    }

    /// Whether the bytes at `start` are those of `text`, which is in lower case, ASCII case aside.
    @inlinable @inline(__always)
    public func hasIgnoringCase(_ text: StaticString, at start: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard start >= 0, count - start >= length else { return false }
        return unsafe withUnsafeBytes { buffer -> Bool in
            let other = unsafe UnsafeRawBufferPointer(start: text.utf8Start, count: length)
            var index = 0
            // Safe: `length` bytes follow `start`, and a StaticString has `length` code units.
            while length - index >= 8 {
                let word = unsafe buffer.loadUnaligned(fromByteOffset: start + index, as: UInt64.self)
                let wanted = unsafe other.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                // What tells the cases of a letter apart is left out, of letters only.
                let cases = (wanted & 0x4040_4040_4040_4040) >> 1
                if (word ^ wanted) & ~cases != 0 { return false }
                index += 8
            }
            while index < length {
                guard unsafe other[index] == self[start + index].asciiLowercased else { return false }
                index += 1
            }
            return true
        }
    }

    /// How many bytes from `start` on are ASCII once `mask` (four bytes in memory order, repeated) is taken off;
    /// counted in whole words of eight, so the true number may be up to seven greater.
    @inlinable @inline(__always)
    public func asciiWords(from start: Int, to end: Int, mask: UInt32) -> Int {
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

    /// Index of the first CR or LF; `count` when there is none.
    @inlinable
    public var endOfLine: Int {
        let end = firstIndex(of: 0x0a, from: 0) ?? count
        return extracting(0..<end).firstIndex(of: 0x0d, from: 0) ?? end
    }

    /// Index of the first byte at or after `start` that is not printable ASCII, or is a quotation mark or backslash; `count`
    /// when there is none.
    @inlinable
    public func endOfPlainText(from start: Int) -> Int {
        guard start >= 0 else { return count }
        return unsafe withUnsafeBytes { buffer -> Int in
            var index = start
            // Safe: each load ends at or before `count`.
            while count - index >= 16 {
                let bytes = unsafe buffer.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
                let special = (bytes &- 0x20 .> 0x5e) .| (bytes .== 0x22) .| (bytes .== 0x5c)
                if any(special) { break }
                index += 16
            }
            while index < count, self[index] &- 0x20 <= 0x5e, self[index] != 0x22, self[index] != 0x5c { index += 1 }
            return index
        }
    }

    /// Whether a byte below 0x20, or 0x7f, occurs that is none of HTAB, LF and CR.
    @inlinable
    public var hasControlByte: Bool {
        unsafe withUnsafeBytes { buffer -> Bool in
            var index = 0
            // Safe: each load ends at or before `count`.
            while count - index >= 32 {
                let words = unsafe buffer.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
                let controls = Self.controls(in: words)
                if controls[0] | controls[1] | controls[2] | controls[3] != 0 { return true }
                index += 32
            }
            while index < count {
                if Self.isControl(self[index]) { return true }
                index += 1
            }
            return false
        }
    }

    /// The high bit of each byte that is a control byte, HTAB, LF and CR aside; all other bits are 0.
    @inlinable @inline(__always)
    static func controls(in words: SIMD4<UInt64>) -> SIMD4<UInt64> {
        let rest = SIMD4<UInt64>(repeating: 0x7f7f_7f7f_7f7f_7f7f)
        // Adding to seven bits carries into the eighth, and never into the byte after it.
        @inline(__always) func differs(_ words: SIMD4<UInt64>, from byte: UInt64) -> SIMD4<UInt64> {
            let other = words ^ SIMD4(repeating: byte &* 0x0101_0101_0101_0101)
            return ((other & rest) &+ rest) | other
        }
        let isLow = ~differs(words & SIMD4(repeating: 0xe0e0_e0e0_e0e0_e0e0), from: 0)
        let isOther = differs(words, from: 0x09) & differs(words, from: 0x0a) & differs(words, from: 0x0d)
        return (isLow & isOther | ~differs(words, from: 0x7f)) & ~rest
    }

    @inlinable
    static func isControl(_ byte: UInt8) -> Bool {
        (byte < 0x20 && byte != 0x09 && byte != 0x0a && byte != 0x0d) || byte == 0x7f
    }

    /// Runs `table` over words of eight bytes from `start` on, `mask` taken off, beginning in a state, and stops before the
    /// word in which the state becomes `rejecting`; gives the state and the index it belongs to.
    ///
    /// `table` has 256 entries: the shifts that lead from each state to the next (see `UTF8Automaton`).
    func automaton(
        _ state: UInt64, from start: Int, to end: Int, mask: UInt32, table: [UInt64], rejecting: UInt64
    ) -> (state: UInt64, index: Int) {
        precondition(table.count == 256)
        guard start >= 0, end <= count, end - start >= 8 else { return (state, start) }
        let wide = UInt64(mask) | UInt64(mask) << 32
        let high: UInt64 = 0x8080_8080_8080_8080
        return unsafe withUnsafeBytes { buffer in
            unsafe table.withUnsafeBufferPointer { table in
                var state = state
                var index = start
                // Safe: each load ends at or before `end`, which is at most `count`; a byte indexes 256 entries.
                while end - index >= 8 {
                    let word = unsafe buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ wide
                    if word & high == 0, state & 63 == 0 {
                        index += 8
                        continue
                    }
                    var next = state
                    next = unsafe table[Int(word & 255)] &>> next
                    next = unsafe table[Int(word &>> 8 & 255)] &>> next
                    next = unsafe table[Int(word &>> 16 & 255)] &>> next
                    next = unsafe table[Int(word &>> 24 & 255)] &>> next
                    next = unsafe table[Int(word &>> 32 & 255)] &>> next
                    next = unsafe table[Int(word &>> 40 & 255)] &>> next
                    next = unsafe table[Int(word &>> 48 & 255)] &>> next
                    next = unsafe table[Int(word &>> 56)] &>> next
                    if next & 63 == rejecting { break }
                    state = next
                    index += 8
                }
                return (state & 63, index)
            }
        }
    }

    /// A copy of the bytes.
    @inlinable
    public var array: [UInt8] { unsafe withUnsafeBufferPointer { unsafe Array($0) } }

    /// Whether the bytes equal those of `other` from `start` on; `other` must reach that far.
    @inlinable
    public func equals(_ other: Span<UInt8>, from start: Int) -> Bool {
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
    @inlinable
    public mutating func overwrite(at index: Int, with bytes: Span<UInt8>) {
        precondition(index >= 0 && bytes.count <= count - index)
        unsafe withUnsafeMutableBytes { target in
            unsafe bytes.withUnsafeBytes { source in
                guard let to = target.baseAddress, let from = source.baseAddress else { return }
                // Safe: the precondition keeps the run inside the array.
                unsafe memcpy(to + index, from, source.count)
            }
        }
    }

    /// Repeats the `distance` bytes before `index` over and over, `length` bytes in all, which must fit.
    @inlinable
    public mutating func repeatBytes(at index: Int, distance: Int, length: Int) {
        precondition(distance > 0 && distance <= index && length >= 0 && length <= count - index)
        unsafe withUnsafeMutableBytes { target in
            guard let base = target.baseAddress else { return }
            var done = 0
            // Safe: what is read lies between `index - distance` and `index + done`, and ends where is written; that ends
            // at or before `index + length`, which the precondition keeps inside the array.
            while done < length {
                let step = Swift.min(distance + done, length - done)
                unsafe memcpy(base + index + done, base + index - distance, step)
                done += step
            }
        }
    }

    /// Appends the bytes of a span.
    @inlinable @inline(__always)
    public mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}

extension UInt32 {
    /// Four bytes in memory order that repeat, such as a masking key, turned so that they fit the byte `count` further on.
    @inlinable
    public func turned(_ count: Int64) -> UInt32 {
        let turn = UInt32(truncatingIfNeeded: count & 3) * 8
        return turn == 0 ? self : self >> turn | self << (32 - turn)
    }
}

// UTF-8 across fragments: RFC 6455 8.1 judges a whole message, and a code point may be split over frames.
//
// A state is what may come next: how many continuation bytes, and in which range the next one must lie (RFC 3629
// 4). Overlong forms, surrogates and values above U+10FFFF are excluded by the range of the second byte.

/// The automaton of RFC 3629 4, for whole words.
///
/// A state is an amount to shift by, and the entry of a byte, shifted by the state, has the next state in its low six bits.
/// A byte costs a load and a shift, and no branch that could be guessed wrong.
enum UTF8Automaton {
    /// Nothing is open.
    static let accepting: UInt64 = 0
    static let rejecting: UInt64 = 48

    static let table: [UInt64] = (0...255).map { byte in
        // One, two and three more bytes of any kind; after E0, ED, F0 and F4.
        let (one, two, three, e0, ed, f0, f4): (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
            6, 12, 18, 24, 30, 36, 42
        )
        var entry: UInt64 = 0
        func lead(_ state: UInt64, _ next: UInt64) { entry |= next << state }
        let first: UInt64 =
            switch byte {
            case 0x00...0x7f: accepting
            case 0xc2...0xdf: one
            case 0xe0: e0
            case 0xed: ed
            case 0xe1...0xef: two
            case 0xf0: f0
            case 0xf1...0xf3: three
            case 0xf4: f4
            default: rejecting
            }
        lead(accepting, first)
        let isContinuation = (0x80...0xbf).contains(byte)
        lead(one, isContinuation ? accepting : rejecting)
        lead(two, isContinuation ? one : rejecting)
        lead(three, isContinuation ? two : rejecting)
        lead(e0, (0xa0...0xbf).contains(byte) ? one : rejecting)
        lead(ed, (0x80...0x9f).contains(byte) ? one : rejecting)
        lead(f0, (0x90...0xbf).contains(byte) ? two : rejecting)
        lead(f4, (0x80...0x8f).contains(byte) ? two : rejecting)
        lead(rejecting, rejecting)
        return entry
    }
}

/// Checks bytes as they come, unmasking them on the way.
public struct UTF8Validator: Sendable {
    @usableFromInline var needed: UInt8 = 0
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xbf

    /// No code point is open yet.
    public init() {}

    /// No code point is open.
    @inlinable public var isComplete: Bool { needed == 0 }

    /// Checks `bytes[start..<end]`; `mask` in memory order applies from the first byte on.
    ///
    /// Returns the index of the first byte that cannot be, or `nil`.
    public mutating func check(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, mask: UInt32) -> Int? {
        var index = start
        @inline(__always) func byte(_ index: Int) -> UInt8 {
            bytes[index] ^ UInt8(truncatingIfNeeded: mask >> (UInt32(truncatingIfNeeded: index &- start) & 3 &* 8))
        }
        // The end of a code point that began before.
        while needed > 0, index < end {
            let next = byte(index)
            guard next >= lower, next <= upper else { return index }
            lower = 0x80
            upper = 0xbf
            needed -= 1
            index += 1
        }
        if end - index >= 8 {
            index += bytes.asciiWords(from: index, to: end, mask: mask.turned(Int64(index &- start)))
        }
        if end - index >= 8 {
            let (state, reached) = bytes.automaton(
                from: index, to: end, mask: mask.turned(Int64(index &- start)), table: UTF8Automaton.table,
                rejecting: UTF8Automaton.rejecting)
            let from = index
            index = reached
            // A code point that is open there is read again from its first byte.
            if state != UTF8Automaton.accepting {
                repeat { index -= 1 } while index > from && byte(index) & 0xc0 == 0x80
            }
        }
        // The end, or the word with the first byte that cannot be.
        while index < end {
            let first = byte(index)
            if first < 0x80 {
                index += 1
                continue
            }
            // A whole code point at hand is checked at once; the states are for those that are cut.
            guard end - index >= 4 else {
                guard open(first) else { return index }
                index += 1
                while needed > 0, index < end {
                    let next = byte(index)
                    guard next >= lower, next <= upper else { return index }
                    lower = 0x80
                    upper = 0xbf
                    needed -= 1
                    index += 1
                }
                continue
            }
            let second = byte(index + 1)
            if first < 0xe0 {
                guard first >= 0xc2 else { return index }
                guard second & 0xc0 == 0x80 else { return index + 1 }
                index += 2
            } else if first < 0xf0 {
                let isAllowed = first == 0xe0 ? second >= 0xa0 : first != 0xed || second < 0xa0
                guard second & 0xc0 == 0x80, isAllowed else { return index + 1 }
                guard byte(index + 2) & 0xc0 == 0x80 else { return index + 2 }
                index += 3
            } else {
                guard first <= 0xf4 else { return index }
                let isAllowed = first == 0xf0 ? second >= 0x90 : first != 0xf4 || second < 0x90
                guard second & 0xc0 == 0x80, isAllowed else { return index + 1 }
                guard byte(index + 2) & 0xc0 == 0x80 else { return index + 2 }
                guard byte(index + 3) & 0xc0 == 0x80 else { return index + 3 }
                index += 4
            }
        }
        return nil
    }

    private mutating func open(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xc2...0xdf: needed = 1
        case 0xe0:
            needed = 2
            lower = 0xa0
        case 0xed:
            needed = 2
            upper = 0x9f
        case 0xe1...0xef: needed = 2
        case 0xf0:
            needed = 3
            lower = 0x90
        case 0xf1...0xf3: needed = 3
        case 0xf4:
            needed = 3
            upper = 0x8f
        default: return false
        }
        return true
    }
}

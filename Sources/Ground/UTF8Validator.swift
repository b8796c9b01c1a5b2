// UTF-8 across fragments: RFC 6455 8.1 judges a whole message, and a code point may be split over frames.

/// What is well-formed (RFC 3629 4; Unicode 3.9, table 3-7), as an automaton: the one table of it.
///
/// A state is what may come next. It is an amount to shift by: the entry of a byte, shifted by the state, has the next
/// state in its low six bits. A byte costs a load and a shift, and no branch that could be guessed wrong. Overlong forms,
/// surrogates and values above U+10FFFF are excluded by the range of the second byte.
enum UTF8Automaton {
    /// No code point is open.
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

    /// The state after one more byte.
    @inline(__always)
    static func next(_ state: UInt64, _ byte: UInt8) -> UInt64 { table[Int(byte)] &>> state & 63 }
}

/// Checks bytes as they come, unmasking them on the way.
public struct UTF8Validator: Sendable {
    private var state: UInt8 = 0

    /// No code point is open yet.
    public init() {}

    /// No code point is open.
    public var isComplete: Bool { UInt64(state) == UTF8Automaton.accepting }

    /// Checks `bytes[start..<end]`; `mask` in memory order applies from the first byte on.
    ///
    /// Returns the index of the first byte that cannot be, or `nil`.
    public mutating func check(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, mask: UInt32) -> Int? {
        var state = UInt64(self.state)
        var index = start
        if state == UTF8Automaton.accepting { index += bytes.asciiWords(from: index, to: end, mask: mask) }
        if end - index >= 8 {
            (state, index) = bytes.automaton(
                state, from: index, to: end, mask: mask.turned(Int64(index &- start)), table: UTF8Automaton.table,
                rejecting: UTF8Automaton.rejecting)
        }
        // The end, or the word with the first byte that cannot be.
        while index < end {
            let shift = UInt32(truncatingIfNeeded: index &- start) & 3 &* 8
            let byte = bytes[index] ^ UInt8(truncatingIfNeeded: mask >> shift)
            if state != UTF8Automaton.accepting || byte >= 0x80 {
                state = UTF8Automaton.next(state, byte)
                if state == UTF8Automaton.rejecting { break }
            }
            index += 1
        }
        self.state = UInt8(truncatingIfNeeded: state)
        return index < end ? index : nil
    }
}

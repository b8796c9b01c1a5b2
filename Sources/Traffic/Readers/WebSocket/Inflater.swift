// DEFLATE (RFC 1951), read in pieces of any size into a window of 32 KiB.
//
// Ours and not a library's, because rules ask for what libraries keep to themselves: how far each distance reaches, and
// whether it reaches after the start of a message. The window is all the memory there is; it grows with what was
// written, and output is handed over from inside it.
//
// Reading stops between two steps only: a block header, a code length, a literal, or a length with its distance. A step
// that lacks bits takes none, so nothing else has to be remembered. The longest step has 48 bits, and the bit buffer 64.

import Ground

struct Inflater {
    enum Pause { case needsInput, outputFull, failed }

    private enum State { case header, storedLength, stored, tableSizes, codeLengths, lengths, codes, failed }

    /// The farthest distance of the message.
    private(set) var farthest = 0
    /// A distance reached after the start of the message.
    private(set) var reachesBack = false
    /// Bytes written since `beginMessage`.
    private(set) var produced: Int64 = 0
    /// Why it cannot go on.
    private(set) var failure: InflateFailure?
    /// The block read last was a stored one without content.
    private(set) var lastBlockIsEmpty = false
    private(set) var lastBlockIsFinal = false

    private var state = State.header
    private var bits: UInt64 = 0
    private var bitCount = 0
    private var isFinal = false
    private var remaining = 0
    private var lengthCount = 0
    private var distanceCount = 0
    private var codeCount = 0
    private var lengths: [UInt8] = []
    private var literals = HuffmanTable.fixedLiterals
    private var distances = HuffmanTable.fixedDistances

    private var window: [UInt8] = []
    private var position = 0
    /// Bytes of the window that were written.
    private var history = 0
    private var waiting = 0

    static let windowSize = 32768
    private static let longestMatch = 258

    /// Bytes of memory that it takes, tables and all.
    var memory: Int { window.count + 6144 }

    /// Between blocks, with no bit left over.
    var isBetweenBlocks: Bool { state == .header && bitCount == 0 }

    /// What was written before stays in reach.
    mutating func beginMessage() {
        bits = 0
        bitCount = 0
        state = .header
        failure = nil
        produced = 0
        farthest = 0
        reachesBack = false
        lastBlockIsEmpty = false
        lastBlockIsFinal = false
    }

    /// Nothing written before is in reach any more.
    mutating func forgetWindow() {
        history = 0
        position = 0
        waiting = 0
    }

    /// Hands over what was written since the last time.
    mutating func takeOutput(_ take: (Span<UInt8>) -> Void) {
        guard waiting > 0 else { return }
        let start = position - waiting
        waiting = 0
        let bytes = window.span
        if start >= 0 {
            take(bytes.extracting(start..<position))
        } else {
            take(bytes.extracting((Self.windowSize + start)..<Self.windowSize))
            if position > 0 { take(bytes.extracting(0..<position)) }
        }
    }

    /// Reads `input[index..<end]`, whose byte at `base` is masked with the low byte of `mask`.
    mutating func advance(
        _ input: Span<UInt8>, _ index: inout Int, _ end: Int, base: Int, mask: UInt32
    ) -> Pause {
        while true {
            if waiting > Self.windowSize / 2 { return .outputFull }
            refill(input, &index, end, base, mask)
            let goesOn: Bool
            switch state {
            case .header: goesOn = readHeader()
            case .storedLength: goesOn = readStoredLength()
            case .stored: goesOn = readStored()
            case .tableSizes: goesOn = readTableSizes()
            case .codeLengths: goesOn = readCodeLengths()
            case .lengths: goesOn = readLengths()
            case .codes: goesOn = readCodes(input, &index, end, base, mask)
            case .failed: return .failed
            }
            if !goesOn, index >= end { return .needsInput }
        }
    }

    @inline(__always)
    private mutating func refill(
        _ input: Span<UInt8>, _ index: inout Int, _ end: Int, _ base: Int, _ mask: UInt32
    ) {
        while bitCount <= 56, index < end {
            let byte =
                input[index] ^ UInt8(truncatingIfNeeded: mask &>> (UInt32(truncatingIfNeeded: index &- base) & 3 &* 8))
            bits |= UInt64(byte) &<< UInt64(bitCount)
            bitCount += 8
            index += 1
        }
    }

    @inline(__always)
    private mutating func drop(_ count: Int) {
        bits = count == 64 ? 0 : bits &>> UInt64(count)
        bitCount -= count
    }

    private mutating func take(_ count: Int) -> Int {
        let value = Int(bits & ((1 << UInt64(count)) - 1))
        drop(count)
        return value
    }

    private mutating func fail(_ why: InflateFailure) -> Bool {
        failure = why
        state = .failed
        return true
    }

    // What stands after the final block begins at a byte.
    private mutating func endBlock() {
        state = .header
        lastBlockIsFinal = isFinal
        if isFinal { drop(bitCount & 7) }
    }

    // MARK: Steps; false when bits are lacking

    private mutating func readHeader() -> Bool {
        guard bitCount >= 3 else { return false }
        isFinal = take(1) == 1
        lastBlockIsEmpty = false
        lastBlockIsFinal = false
        switch take(2) {
        case 0:
            drop(bitCount & 7)
            state = .storedLength
        case 1:
            literals = HuffmanTable.fixedLiterals
            distances = HuffmanTable.fixedDistances
            state = .codes
        case 2: state = .tableSizes
        default: return fail(.blockType)
        }
        return true
    }

    private mutating func readStoredLength() -> Bool {
        guard bitCount >= 32 else { return false }
        let length = take(16)
        guard take(16) == ~length & 0xffff else { return fail(.storedLength) }
        remaining = length
        state = .stored
        if length == 0 {
            lastBlockIsEmpty = true
            endBlock()
        }
        return true
    }

    private mutating func readStored() -> Bool {
        makeRoom()
        var any = false
        while remaining > 0, bitCount >= 8, hasRoom {
            window[position] = UInt8(truncatingIfNeeded: bits)
            drop(8)
            wrote(1)
            remaining -= 1
            any = true
        }
        if remaining == 0 { endBlock() }
        return any || remaining == 0
    }

    private mutating func readTableSizes() -> Bool {
        guard bitCount >= 14 else { return false }
        lengthCount = take(5) + 257
        distanceCount = take(5) + 1
        codeCount = take(4) + 4
        guard lengthCount <= 286, distanceCount <= 30 else { return fail(.tooManyCodes) }
        lengths = []
        state = .codeLengths
        return true
    }

    private mutating func readCodeLengths() -> Bool {
        while lengths.count < codeCount {
            guard bitCount >= 3 else { return false }
            lengths.append(UInt8(take(3)))
            if bitCount < 3, lengths.count < codeCount { return true }
        }
        var ordered = [UInt8](repeating: 0, count: 19)
        for index in lengths.indices { ordered[Int(Self.codeOrder[index])] = lengths[index] }
        guard let table = HuffmanTable(ordered[...], mayHaveOne: false) else { return fail(.codeLengths) }
        literals = table
        lengths = []
        lengths.reserveCapacity(lengthCount + distanceCount)
        state = .lengths
        return true
    }

    /// One code length, or a run of them.
    private mutating func readLengths() -> Bool {
        let total = lengthCount + distanceCount
        let found = literals.find(bits, bitCount)
        guard found.length > 0 else { return found.length == 0 ? false : fail(.unknownCode) }
        let extra = found.symbol < 16 ? 0 : found.symbol == 16 ? 2 : found.symbol == 17 ? 3 : 7
        guard bitCount >= found.length + extra else { return false }
        drop(found.length)
        if found.symbol < 16 {
            lengths.append(UInt8(found.symbol))
        } else {
            let count = take(extra) + (found.symbol == 18 ? 11 : 3)
            guard found.symbol != 16 || !lengths.isEmpty, lengths.count + count <= total else {
                return fail(.codeLengths)
            }
            let repeated = found.symbol == 16 ? lengths[lengths.count - 1] : 0
            for _ in 0..<count { lengths.append(repeated) }
        }
        guard lengths.count == total else { return true }
        guard lengths[256] > 0 else { return fail(.noEnd) }
        guard let literals = HuffmanTable(lengths[..<lengthCount], mayHaveOne: true),
            let distances = HuffmanTable(lengths[lengthCount...], mayHaveOne: true)
        else { return fail(.codes) }
        self.literals = literals
        self.distances = distances
        lengths = []
        state = .codes
        return true
    }

    /// Literals and matches, as many as there are bits and room for.
    private mutating func readCodes(
        _ input: Span<UInt8>, _ index: inout Int, _ end: Int, _ base: Int, _ mask: UInt32
    ) -> Bool {
        makeRoom()
        var any = false
        while hasRoom {
            refill(input, &index, end, base, mask)
            let found = literals.find(bits, bitCount)
            guard found.length > 0 else { return found.length == 0 ? any : fail(.unknownCode) }
            if found.symbol < 256 {
                drop(found.length)
                window[position] = UInt8(truncatingIfNeeded: found.symbol)
                wrote(1)
                any = true
                continue
            }
            if found.symbol == 256 {
                drop(found.length)
                endBlock()
                return true
            }
            guard found.symbol < 286 else { return fail(.unknownCode) }
            let lengthBits = Int(Self.lengthExtra[found.symbol - 257])
            let start = found.length + lengthBits
            guard bitCount >= start else { return any }
            let rest = bits &>> UInt64(start)
            let reach = distances.find(rest, bitCount - start)
            guard reach.length > 0 else { return reach.length == 0 ? any : fail(.unknownCode) }
            guard reach.symbol < 30 else { return fail(.unknownCode) }
            let distanceBits = Int(Self.distanceExtra[reach.symbol])
            guard bitCount >= start + reach.length + distanceBits else { return any }
            drop(found.length)
            let length = Int(Self.lengthBase[found.symbol - 257]) + take(lengthBits)
            drop(reach.length)
            let distance = Int(Self.distanceBase[reach.symbol]) + take(distanceBits)
            guard distance <= history else { return fail(.distance) }
            farthest = max(farthest, distance)
            if Int64(distance) > produced { reachesBack = true }
            copy(distance, length)
            any = true
        }
        return true
    }

    // MARK: The window

    private var hasRoom: Bool {
        waiting <= Self.windowSize / 2
            && (window.count == Self.windowSize || position + Self.longestMatch <= window.count)
    }

    private mutating func makeRoom() {
        guard window.count < Self.windowSize, position + Self.longestMatch > window.count else { return }
        let count = min(max(1024, window.count * 2), Self.windowSize)
        window.append(contentsOf: repeatElement(0, count: count - window.count))
    }

    @inline(__always)
    private mutating func wrote(_ count: Int) {
        position = (position &+ count) & (Self.windowSize - 1)
        history = min(history &+ count, Self.windowSize)
        waiting &+= count
        produced &+= Int64(count)
    }

    @inline(__always)
    private mutating func copy(_ distance: Int, _ length: Int) {
        // Long matches that lie in one piece are what makes little much.
        if length >= 16, distance <= position, position + length <= window.count {
            window.repeatBytes(at: position, distance: distance, length: length)
            return wrote(length)
        }
        var to = position
        var from = (to &- distance) & (Self.windowSize - 1)
        var bytes = window.mutableSpan
        for _ in 0..<length {
            bytes[to] = bytes[from]
            to = (to &+ 1) & (Self.windowSize - 1)
            from = (from &+ 1) & (Self.windowSize - 1)
        }
        wrote(length)
    }

    // MARK: The tables of RFC 1951 3.2.5 and 3.2.7

    private static let codeOrder: [UInt8] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    private static let lengthBase: [UInt16] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthExtra: [UInt8] = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBase: [UInt16] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145,
        8193, 12289, 16385, 24577,
    ]
    private static let distanceExtra: [UInt8] = [
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
    ]
}

/// A canonical code (RFC 1951 3.2.2): short codes by table, long ones by counting.
struct HuffmanTable {
    private static let fastBits = 9

    /// By the next nine bits: symbol and, in the low four bits, length; 0 for codes that are longer.
    private var fast: [UInt16]
    private var counts = [16 of UInt16](repeating: 0)
    private var symbols: [UInt16]

    static let fixedLiterals = HuffmanTable(fixed: 288) { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
    static let fixedDistances = HuffmanTable(fixed: 32) { _ in 5 }

    private init(fixed count: Int, _ length: (Int) -> UInt8) {
        let lengths = (0..<count).map(length)
        self.init(filling: lengths[...])
    }

    /// `nil` for lengths that fit no code; an incomplete code is one only where a single bit is all it has.
    init?(_ lengths: ArraySlice<UInt8>, mayHaveOne: Bool) {
        var counts = [16 of Int](repeating: 0)
        var longest = 0
        for length in lengths {
            counts[Int(length & 15)] += 1
            longest = max(longest, Int(length))
        }
        var left = 1
        for length in 1...15 {
            left = left << 1 - counts[length]
            if left < 0 { return nil }
        }
        if longest > 0, left > 0, !mayHaveOne || longest != 1 { return nil }
        self.init(filling: lengths)
    }

    private init(filling lengths: ArraySlice<UInt8>) {
        fast = [UInt16](repeating: 0, count: 1 << Self.fastBits)
        symbols = [UInt16](repeating: 0, count: lengths.count)
        var counts = [16 of UInt16](repeating: 0)
        for length in lengths { counts[Int(length & 15)] += 1 }
        counts[0] = 0
        self.counts = counts
        var offsets = [16 of Int](repeating: 0)
        var codes = [16 of Int](repeating: 0)
        for length in 1..<15 {
            offsets[length + 1] = offsets[length] + Int(counts[length])
            codes[length + 1] = (codes[length] + Int(counts[length])) << 1
        }
        for (symbol, length) in lengths.enumerated() where length > 0 {
            let length = Int(length & 15)
            symbols[offsets[length]] = UInt16(symbol)
            offsets[length] += 1
            let code = codes[length]
            codes[length] += 1
            guard length <= Self.fastBits else { continue }
            var reversed = 0
            for bit in 0..<length where code >> bit & 1 == 1 { reversed |= 1 << (length - 1 - bit) }
            while reversed < 1 << Self.fastBits {
                fast[reversed] = UInt16(symbol) << 4 | UInt16(length)
                reversed += 1 << length
            }
        }
    }

    /// The symbol at the front of `bits`, of which `count` are there, and its length; length 0 when bits are lacking,
    /// -1 when no code begins like this.
    @inline(__always)
    func find(_ bits: UInt64, _ count: Int) -> (symbol: Int, length: Int) {
        let entry = fast[Int(truncatingIfNeeded: bits & (1 << UInt64(Self.fastBits) - 1))]
        let length = Int(entry & 15)
        if length > 0 { return length <= count ? (Int(entry >> 4), length) : (0, 0) }
        return search(bits, count)
    }

    private func search(_ bits: UInt64, _ count: Int) -> (symbol: Int, length: Int) {
        var code = 0
        var first = 0
        var index = 0
        for length in 1...15 {
            if length > count { return (0, 0) }
            code |= Int(bits >> UInt64(length - 1) & 1)
            let number = Int(counts[length])
            if code - first < number { return (Int(symbols[index + code - first]), length) }
            index += number
            first = (first + number) << 1
            code <<= 1
        }
        return (0, -1)
    }
}

// Heads that were seen before. A client library sends the same head a million times, and a server answers with the
// same: what differs are the start line and the nonce (Sec-WebSocket-Key, Sec-WebSocket-Accept).
//
// The few heads read last that carry a nonce are kept with what was read of their fields, and of refusals those that have
// none. A head whose bytes behind the start line are theirs, the nonce aside, has the same fields: it is recognized and not
// read again. Only heads without a defect are kept, and only a nonce that is base64 of the right length is left out of the
// comparison, so that nothing can hide in it. Heads of one shape bear its number: what follows from the fields alone is the
// same for all.

import Synchronization

/// The shapes of one kind of head, the latest few.
struct HeadShapes {
    /// The field whose value is left out of the comparison; `nil` where every byte counts.
    let nonceField: FieldName?
    private var shapes: [Shape] = []
    private var oldest = 0

    private static var capacity: Int { 8 }
    private static var longest: Int { 2048 }
    /// Most heads differ in the word there, so that looking costs nearly nothing where no shape fits; refusals are short.
    private let telling: Int
    private static let numbers = Atomic<UInt32>(0)

    init(of nonceField: FieldName?) {
        self.nonceField = nonceField
        telling = nonceField == nil ? 16 : 40
    }

    /// The fields of a head, without those bytes of it that differ.
    struct Shape {
        let number: UInt32
        /// From behind the start line to the end of the empty line.
        let bytes: [UInt8]
        /// Empty where no field has a nonce.
        let nonce: Range<Int>
        fileprivate let word: UInt64
        /// Ranges count from the first of `bytes`.
        let lines: [FieldLine]
        let present: UInt64
        /// Bytes of content behind the head of a response; negative where that is not said by a number.
        let content: Int

        func has(_ name: FieldName) -> Bool { present >> UInt64(name.rawValue) & 1 == 1 }

        fileprivate func fits(_ other: Span<UInt8>, _ start: Int) -> Bool {
            guard other.count - start >= bytes.count else { return false }
            let own = bytes.span
            return own.extracting(0..<nonce.lowerBound).equals(other, from: start)
                && own.extracting(nonce.upperBound...).equals(other, from: start + nonce.upperBound)
                && (nonce.isEmpty
                    || HeadShapes.isNonce(
                        other.extracting((start + nonce.lowerBound)..<(start + nonce.upperBound))))
        }
    }

    /// The shape of the fields that begin at `start`; `nil` where they have to be read.
    func find(_ bytes: Span<UInt8>, from start: Int) -> Shape? { index(of: bytes, from: start).map { shapes[$0] } }

    /// The same, as its place among those that are kept now.
    func index(of bytes: Span<UInt8>, from start: Int) -> Int? {
        guard !shapes.isEmpty, bytes.count - start >= telling + 8 else { return nil }
        let word = bytes.load64(start + telling)
        for index in shapes.indices where shapes[index].word == word && shapes[index].fits(bytes, start) {
            return index
        }
        return nil
    }

    subscript(index: Int) -> Shape { @inline(__always) _read { yield shapes[index] } }

    /// Keeps the fields of a head without defects that lie in `range`, its lines counting from `base`.
    ///
    /// Gives the number of their shape; 0 where they are not kept.
    mutating func learn(
        _ bytes: Span<UInt8>, _ range: Range<Int>, _ lines: [FieldLine], base: Int, present: UInt64, content: Int = -1
    ) -> UInt32 {
        guard range.count >= telling + 8, range.count <= Self.longest else { return 0 }
        var nonce = range.lowerBound..<range.lowerBound
        if let nonceField {
            let nonces = lines.filter { $0.name == nonceField }
            guard let line = nonces.first, nonces.count == 1 else { return 0 }
            nonce = (base + Int(line.valueRange.lowerBound))..<(base + Int(line.valueRange.upperBound))
            guard Self.isNonce(bytes.extracting(nonce)) else { return 0 }
        }
        let own = bytes.extracting(range)
        guard !own.hasControlByte else { return 0 }
        let (number, _) = Self.numbers.wrappingAdd(1, ordering: .relaxed)
        let shift = base - range.lowerBound
        let shape = Shape(
            number: number &+ 1, bytes: own.array,
            nonce: (nonce.lowerBound - range.lowerBound)..<(nonce.upperBound - range.lowerBound),
            word: own.load64(telling), lines: lines.map { $0.moved(by: shift) }, present: present, content: content)
        if shapes.count < Self.capacity {
            shapes.append(shape)
        } else {
            shapes[oldest] = shape
            oldest = (oldest + 1) % Self.capacity
        }
        return shape.number
    }

    /// Base64 of sixteen bytes, or of twenty.
    static func isNonce(_ text: Span<UInt8>) -> Bool {
        let letters = text.count == 24 ? 22 : text.count == 28 ? 27 : 0
        guard letters > 0 else { return false }
        // The last eight are looked at in one word with some that were looked at before.
        guard isBase64(text.load64(0)), isBase64(text.load64(8)), isBase64(text.load64(letters - 8)) else {
            return false
        }
        if letters == 27 { return isBase64(text.load64(16)) && text[27] == UInt8(ascii: "=") }
        return text.load16(22) == 0x3d3d
    }

    /// Whether all bytes of a word are letters of base64 (RFC 4648 4).
    @inline(__always)
    private static func isBase64(_ word: UInt64) -> Bool {
        guard let word = ByteWord(ascii: word) else { return false }
        let lower = word.lowercased
        let isLetter = lower.reaches(0x61) & ~lower.reaches(0x7b)
        let isDigit = word.reaches(0x30) & ~word.reaches(0x3a)
        let isOther = ~(word.differs(from: 0x2b) & word.differs(from: 0x2f))
        return (isLetter | isDigit | isOther) & ByteWord.all == ByteWord.all
    }
}

extension FieldLine {
    /// The same line of a head that begins so many bytes earlier.
    func moved(by shift: Int) -> FieldLine {
        let shift = Int32(shift)
        return FieldLine(
            name: name, nameRange: (nameRange.lowerBound + shift)..<(nameRange.upperBound + shift),
            valueRange: (valueRange.lowerBound + shift)..<(valueRange.upperBound + shift))
    }
}

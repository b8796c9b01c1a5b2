// A session whose handshake was not captured can only be guessed: bytes that are frame after frame, with the mask
// bit their direction must have, are very unlikely to be anything else (RULES A asks for three). A guess is never
// more than that: nothing is judged by it.

struct FrameGuess {
    private let direction: Direction
    private var header: [UInt8] = []
    private var remaining: Int64 = 0
    /// Headers that followed each other without a contradiction.
    private(set) var frames: UInt32 = 0

    init(_ direction: Direction) { self.direction = direction }

    /// Takes the bytes of one segment; a contradiction begins the guess anew with the next.
    mutating func take(_ bytes: Span<UInt8>) {
        var index = 0
        while index < bytes.count {
            if remaining > 0 {
                let step = min(remaining, Int64(bytes.count - index))
                remaining -= step
                index += Int(step)
                continue
            }
            header.append(bytes[index])
            index += 1
            guard isPlausible else {
                if frames < 3 { frames = 0 }
                header = []
                remaining = 0
                return
            }
            guard header.count >= 2, header.count == headerLength else { continue }
            frames &+= 1
            remaining = payloadLength
            header.removeAll(keepingCapacity: true)
        }
    }

    private var headerLength: Int {
        let short = header[1] & 0x7f
        return 2 + (short == 126 ? 2 : short == 127 ? 8 : 0) + (direction == .client ? 4 : 0)
    }

    private var payloadLength: Int64 {
        let short = header[1] & 0x7f
        guard short >= 126 else { return Int64(short) }
        return header[2..<(short == 126 ? 4 : 10)].reduce(0) { $0 << 8 | Int64($1) }
    }

    /// Whether the header read so far is that of a conforming frame; one of more than 16 MiB is not believed.
    private var isPlausible: Bool {
        let opcode = header[0] & 0x0f
        guard header[0] & 0x30 == 0, opcode <= 2 || (8...10).contains(opcode) else { return false }
        guard header.count >= 2 else { return true }
        let short = header[1] & 0x7f
        guard (header[1] & 0x80 != 0) == (direction == .client) else { return false }
        if opcode >= 8 { return header[0] & 0x80 != 0 && short <= 125 }
        if short == 127 { return header.dropFirst(2).prefix(5).allSatisfy { $0 == 0 } }
        return true
    }
}

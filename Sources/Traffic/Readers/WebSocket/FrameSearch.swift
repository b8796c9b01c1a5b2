// Frames of WebSocket where nobody says that one begins: after a hole, or in a session whose handshake was not captured.
//
// A run is frame after frame without a contradiction: the mask bit of its direction, no reserved bit or opcode, lengths in
// their shortest form, fragments that belong together, text that is UTF-8. A run is looked for where a segment begins,
// which is where most senders begin their frames, then at every byte of it. Three headers make it believed (RULES
// CAP003), five where the beginning was chosen out of many. What is found is counted apart and said to be inferred;
// nothing is judged by it, because a run that breaks proves a wrong guess rather than a wrong peer.

import Ground

/// A class, so that a session that never loses its place carries a reference and nothing else.
final class FrameSearch {
    private let direction: Direction
    private let allowsCompression: Bool
    /// Everything that was taken, and its first bytes.
    private(set) var stream = SwitchedStream()
    /// What believed runs showed.
    private var found: ResumedFrames?
    /// Segments at which a run was looked for in vain.
    private var misses = 0

    // The run at hand.
    private var run: ResumedFrames?
    private var headers = 0
    private var needed = 3
    private var beganWithSegment = false
    private var header = FrameHeader()
    private var remaining: Int64 = 0
    private var mask: UInt32 = 0
    private var control: [UInt8] = []
    /// The message being read.
    private var message = Message.unknown
    private var isCompressed = false
    private var text = UTF8Validator()
    private var checksText = false

    private enum Message { case none, unknown, text, binary }

    /// A frame of more than this many bytes is not believed.
    private static let plausibleLength: UInt64 = 1 << 24

    /// Bytes that may still be looked at inside segments.
    private var insideBudget: Int

    /// `insideBytes` is how many bytes are looked at other than where a segment begins.
    init(_ direction: Direction, allowsCompression: Bool, insideBytes: Int = .max) {
        self.direction = direction
        self.allowsCompression = allowsCompression
        insideBudget = insideBytes
    }

    /// Headers of the run at hand, when it is not believed yet, and of those that are.
    var evidence: Int { Int(clamping: found?.headers ?? 0) + headers }
    /// Three headers or more that follow each other.
    var isBelieved: Bool { found != nil || isRunBelieved }
    private var isRunBelieved: Bool { run != nil && headers >= needed }
    /// A run is at hand that began with a segment and ends with a frame.
    var isWhole: Bool {
        run != nil && headers > 0 && !header.isOpen && remaining == 0 && beganWithSegment && misses < 8
    }
    /// Close was among the frames of the run at hand.
    var sawClose: Bool { run?.close != nil || found?.close != nil }

    /// Takes the bytes of one segment, in order.
    func take(_ chunk: borrowing Chunk) {
        let bytes = chunk.bytes
        if stream.start == nil { stream.start = chunk.offset }
        stream.take(bytes, chunk.arrival)
        var index = 0
        var from = 0
        while index < bytes.count {
            if run == nil {
                guard let start = candidate(bytes, from) else {
                    misses += 1
                    return
                }
                begin(chunk.place(at: start, length: 1), atStart: start == 0)
                index = start
                from = start + 1
            }
            if remaining > 0 {
                let end = index + Int(min(remaining, Int64(bytes.count - index)))
                if readPayload(bytes, index, end) {
                    index = end
                    if remaining == 0 { endFrame(chunk.last) }
                } else {
                    let wasBelieved = isRunBelieved
                    breakRun()
                    if wasBelieved { from = max(from, index) }
                    index = from
                }
                continue
            }
            header.take(bytes[index], offset: chunk.offset + Int64(index), mark: chunk.arrival)
            index += 1
            guard isPlausible else {
                let wasBelieved = isRunBelieved
                breakRun()
                if wasBelieved { from = max(from, index) }
                index = from
                continue
            }
            if !header.isOpen {
                beginFrame()
                if remaining == 0 { endFrame(chunk.last) }
            }
        }
    }

    /// Bytes are missing: only the payload of a data frame can be followed across.
    func gap(_ missing: Int64) {
        guard run != nil else { return }
        if remaining >= missing, remaining > 0, header.opcode < 8 {
            remaining -= missing
            mask = mask.turned(missing)
            run?.payloadBytes += missing
            run?.wireBytes += missing
            checksText = false
            if remaining == 0 { endFrame(header.mark) }
        } else {
            breakRun()
        }
    }

    /// What was found, with a run that is whole and reaches the end of what there is, where that is enough.
    func finish(acceptsShortRun: Bool) -> ResumedFrames? {
        if isRunBelieved || acceptsShortRun && isWhole { keep() }
        run = nil
        return found
    }

    // MARK: Where a run may begin

    /// The first index from which frames follow each other.
    private func candidate(_ bytes: Span<UInt8>, _ from: Int) -> Int? {
        if from == 0, mayBegin(bytes, 0) { return 0 }
        // Inside a segment two frames at least, and up to its end: anything else is to be found everywhere.
        var index = max(from, 1)
        insideBudget -= min(insideBudget, max(0, bytes.count - index))
        guard insideBudget > 0 else { return nil }
        while index + 1 < bytes.count {
            if mayBegin(bytes, index), reachesEnd(bytes, index) { return index }
            index += 1
        }
        return nil
    }

    private func mayBegin(_ bytes: Span<UInt8>, _ index: Int) -> Bool {
        Self.isPlausible(bytes[index], direction, allowsCompression)
            && (index + 1 >= bytes.count || Self.isPlausible(bytes[index], then: bytes[index + 1], direction))
    }

    private func reachesEnd(_ bytes: Span<UInt8>, _ start: Int) -> Bool {
        var index = start
        var frames = 0
        while index + 1 < bytes.count, frames < 8 {
            guard mayBegin(bytes, index) else { return false }
            let short = Int(bytes[index + 1] & 0x7f)
            let extra = short == 126 ? 2 : short == 127 ? 8 : 0
            var length = short
            if extra > 0 {
                guard index + 2 + extra <= bytes.count else { return frames >= 2 }
                length = 0
                for position in 0..<extra {
                    length = length << 8 | Int(bytes[index + 2 + position])
                    if length > Int(Self.plausibleLength) { return false }
                }
            }
            frames += 1
            index += 2 + extra + (direction == .client ? 4 : 0) + length
        }
        return frames >= 2
    }

    // MARK: A run

    private func begin(_ place: Place, atStart: Bool) {
        run = ResumedFrames(place: place)
        headers = 0
        beganWithSegment = atStart
        needed = atStart && misses < 8 ? 3 : 5
        header.drop()
        remaining = 0
        message = .unknown
        checksText = false
    }

    /// The run is over: it counts if it was believed.
    private func breakRun() {
        misses += 1
        if isRunBelieved { keep() }
        run = nil
        headers = 0
    }

    private func keep() {
        guard let run else { return }
        if found == nil { found = run } else { found?.add(run) }
        misses = 0
        headers = 0
    }

    // MARK: Headers

    private static func isPlausible(_ first: UInt8, _ direction: Direction, _ allowsCompression: Bool) -> Bool {
        let opcode = first & 0x0f
        let reserved = first & 0x70
        guard opcode <= 2 || (8...10).contains(opcode) else { return false }
        if opcode >= 8 { return first & 0xf0 == 0x80 }
        return reserved == 0 || reserved == 0x40 && opcode != 0 && allowsCompression
    }

    /// An empty frame that is not the last of its message is legal, and looks like any run of zeros.
    private static func isPlausible(_ first: UInt8, then second: UInt8, _ direction: Direction) -> Bool {
        let short = second & 0x7f
        guard (second & 0x80 != 0) == (direction == .client) else { return false }
        if first & 0x0f >= 8 { return short <= 125 }
        return short > 0 || first & 0x80 != 0
    }

    /// What is here of the header could be the beginning of one.
    private var isPlausible: Bool {
        if header.count == 1 {
            guard Self.isPlausible(header.first, direction, allowsCompression) else { return false }
            switch header.opcode {
            case 0: return message != .none
            case 1, 2: return message == .none || message == .unknown && headers == 0
            default: return true
            }
        }
        if header.count == 2 { return Self.isPlausible(header.first, then: header.second, direction) }
        return header.isOpen || header.isShortest && header.length <= Self.plausibleLength
    }

    // MARK: Frames and messages

    private func beginFrame() {
        let opcode = header.opcode
        if opcode > 0 { headers += 1 }
        run?.frames[Int(opcode)] += 1
        run?.wireBytes += Int64(header.size)
        mask = header.key
        remaining = Int64(header.length)
        control.removeAll(keepingCapacity: true)
        guard opcode == 1 || opcode == 2 else { return }
        message = opcode == 1 ? .text : .binary
        isCompressed = header.reserved & 0x40 != 0
        checksText = opcode == 1 && !isCompressed
        text = UTF8Validator()
    }

    /// Returns false where the payload says that this is no frame.
    private func readPayload(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        if header.opcode >= 8 {
            for index in start..<end {
                control.append(bytes[index] ^ UInt8(truncatingIfNeeded: mask >> (UInt32((index - start) & 3) * 8)))
            }
        } else if checksText, message == .text, text.check(bytes, start, end, mask: mask) != nil {
            return false
        }
        mask = mask.turned(Int64(end - start))
        remaining -= Int64(end - start)
        run?.payloadBytes += Int64(end - start)
        run?.wireBytes += Int64(end - start)
        return true
    }

    private func endFrame(_ last: Arrival) {
        let opcode = header.opcode
        run?.place.last = last
        if opcode == 8, run?.close == nil {
            let code = control.count >= 2 ? UInt16(control[0]) << 8 | UInt16(control[1]) : nil
            let place = Place(
                direction: direction, stream: run?.place.stream ?? .connection, offset: header.offset,
                length: Int64(header.size + control.count), first: header.mark, last: last)
            run?.close = CloseFact(code: code, reason: Array(control.dropFirst(2)), place: place)
        }
        guard opcode <= 2, header.isFinal else { return }
        switch message {
        case .text: run?.textMessages += 1
        case .binary: run?.binaryMessages += 1
        case .none, .unknown: break
        }
        if isCompressed, message == .text || message == .binary { run?.compressedMessages += 1 }
        message = .none
        isCompressed = false
    }
}

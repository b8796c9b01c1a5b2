// One direction of a WebSocket session: frames (RFC 6455 5.2), control frames and Close (5.5), masks (5.3).
//
// Payload is read where it lies. After the first fault that ends a session the
// frames of its sender are still counted, and no further fault of theirs is reported. What messages are made of stands in
// WebSocketMessages.swift.

import Ground

/// One direction of a session.
struct WebSocketSideDecoder {
    let direction: Direction
    let stream: StreamID
    let deflate: Bool
    let unknownExtension: Bool
    let keepsContext: Bool
    let windowBits: Int
    let limits: SharedLimits
    var anomalies: AnomalyLog
    var facts = WebSocketSide()

    private(set) var header = FrameHeader()

    // The frame whose payload is being read.
    var opcode: UInt8 = 0
    var remaining: Int64 = 0
    /// In memory order, turned so that it fits the next payload byte.
    var mask: UInt32 = 0
    private(set) var control: [UInt8] = []
    var controlIsComplete = false
    /// A hole lies inside the control frame.
    private var controlIsCut = false
    /// Looks for frames after a hole.
    private var search: FrameSearch?

    // The message being read: 0 for none, else its opcode.
    var message: UInt8 = 0
    var checksText = false
    var text = UTF8Validator()
    var messagePlace: Place?
    var messageBytes: Int64 = 0
    var fragments = 0
    var emptyFragments = 0

    // Compression: whether the message is compressed, and whether that can be followed.
    var isCompressed = false
    var inflates = false
    /// The piece of payload that was inflated last, and the first header of the message.
    var lastPayload: Place?
    var messageHeader: [UInt8] = []
    var inflater: MessageInflater?
    /// Messages build on one that was not read.
    var isContextLost = false
    var giveUps = 0
    /// What messages inflated to that were extreme.
    var extremeBytes: Int64 = 0
    /// Limits that cut something short, as words of `Limits`.
    var limitsHit: [String] = []
    let memory: InflaterMemory

    /// The sender of a frame after this acknowledgment knew the whole 101 (RULES WS015).
    var informedFrom = Int64.max
    /// Who hears the messages; `nil` where nobody asked.
    var recorder: MessageRecorder?
    /// Close, or the first fault the peer must not accept, was read since somebody looked.
    var hasNews = false
    var fault: Place?
    var watched: Place?

    private var started = false
    /// First bytes that may yet turn out to be HTTP.
    private var prefix: [UInt8] = []
    private var prefixMark: Arrival?
    var sentClose = false
    /// After its own Close came what is no frame: nothing there is read any more.
    private var isOver = false
    var hadFatal: Anomaly.Kind?
    /// Frames after a reserved opcode that still have to parse before its sender is blamed (RULES WSF005).
    var unconfirmed = 0
    private var previousKey: UInt32?
    /// The step from the key before, read from either end, and how often it came in a row.
    private var keySteps = (little: UInt32(0), big: UInt32(0))
    private var stepRuns = (little: UInt32(0), big: UInt32(0))
    private var equalKeys: UInt32 = 0

    init(
        _ direction: Direction, of stream: StreamID, _ agreement: WebSocketAgreement, _ limits: SharedLimits,
        _ memory: InflaterMemory
    ) {
        self.direction = direction
        self.stream = stream
        self.memory = memory
        deflate = agreement.deflate
        unknownExtension = agreement.unknownExtension
        let isServer = direction == .server
        keepsContext = !(isServer ? agreement.serverNoContextTakeover : agreement.clientNoContextTakeover)
        windowBits = Int(isServer ? agreement.serverMaxWindowBits : agreement.clientMaxWindowBits)
        self.limits = limits
        anomalies = AnomalyLog(limit: limits.values.anomalies)
    }

    var isInsidePayload: Bool { remaining > 0 }
    /// Where the data frame begins whose payload is not complete; negative when there is none.
    var unfinishedFrame: Int64 { remaining > 0 && opcode < 8 ? header.offset : -1 }
    var messages: UInt64 { facts.textMessages + facts.binaryMessages }
    var slowestPing: PingWait? {
        get { facts.slowestPing }
        set { facts.slowestPing = newValue }
    }

    /// Data frames of this side are noted once it has received that fault of its peer.
    mutating func watch(behind fault: Place) { if watched == nil { watched = fault } }

    /// Where the control frame read last stands.
    func controlPlace(_ last: Arrival) -> Place {
        Place(
            direction: direction, stream: stream, offset: header.offset, length: Int64(header.size + control.count),
            first: header.mark, last: last)
    }

    /// Reads up to the end of the next control frame, at most; returns the index after what was read.
    mutating func advance(_ chunk: borrowing Chunk, from start: Int) -> Int {
        let bytes = chunk.bytes
        var index = start
        if isOver { return bytes.count }
        if !started, looksLikeHTTP(chunk, &index) { return bytes.count }
        if facts.lost {
            searchOn(chunk.from(index))
            return bytes.count
        }
        while index < bytes.count {
            if remaining > 0 {
                index = readPayload(chunk, from: index)
                if remaining == 0 {
                    endFrame(at: chunk.offset + Int64(index), chunk.last)
                    if controlIsComplete { return index }
                }
                continue
            }
            header.take(bytes[index], offset: chunk.offset + Int64(index), mark: chunk.arrival)
            index += 1
            if !header.isOpen {
                beginFrame(chunk.last)
                if facts.lost || isOver { return bytes.count }
                if remaining == 0 {
                    endFrame(at: chunk.offset + Int64(index), chunk.last)
                    if controlIsComplete { return index }
                }
            }
        }
        return index
    }

    /// Frames are looked for instead of being expected at the first byte.
    mutating func seek() {
        started = true
        facts.lost = true
        search = FrameSearch(direction, allowsCompression: deflate || unknownExtension)
    }

    mutating func gap(_ gap: Gap) {
        let missing = gap.length
        guard !facts.lost else {
            search?.gap(missing)
            return
        }
        started = true
        let place = gap.place
        anomalies.note(.gapAfterSwitch, place, [], value: missing)
        if remaining > 0, remaining >= missing {
            // Inside one payload: framing goes on, this message's text cannot be checked any more.
            remaining -= missing
            facts.payloadBytes += missing
            facts.wireBytes += missing
            mask = mask.turned(missing)
            if opcode >= 8 {
                controlIsCut = true
            } else {
                checksText = false
                if inflates { loseContext() }
                recorder?.miss(missing)
            }
            if remaining == 0 { endFrame(at: gap.to, gap.arrival) }
            return
        }
        facts.lost = true
        recorder?.lose(at: place)
        inflates = false
        inflater = nil
        search = FrameSearch(direction, allowsCompression: deflate || unknownExtension)
        anomalies.note(.syncLost, place, [], value: missing)
    }

    private mutating func searchOn(_ chunk: borrowing Chunk) {
        guard let search else { return }
        search.take(chunk)
        if search.sawClose, !sentClose {
            sentClose = true
            hasNews = true
        }
    }

    /// No byte will come any more.
    mutating func finish(ended: StreamEnd, hadGap: Bool) {
        if inflates, let inflater { judge(inflater.current) }
        recorder?.flush()
        if remaining > 0, !facts.lost, ended == .fin, !hadGap {
            noteFrame(.frameCut, headerPlace, value: remaining)
        }
        if let resumed = search?.finish(acceptsShortRun: true) { facts.resumed = [resumed] }
        facts.longestEqualKeyRun = max(facts.longestEqualKeyRun, equalKeys)
        if header.count > 0 {
            facts.lastHeader = header.prefix(header.size)
            facts.lastHeaderPlace = headerPlace
        }
    }

    /// Where the header at hand stands, by its first packet.
    private var headerPlace: Place {
        Place(
            direction: direction, stream: stream, offset: header.offset, length: Int64(header.size),
            first: header.mark, last: header.mark)
    }

    // MARK: A frame begins

    private mutating func beginFrame(_ last: Arrival) {
        let payload = header.length
        opcode = header.opcode
        var place = headerPlace
        place.last = last
        let isShortest = header.isShortest
        if sentClose, !isFrame(length: payload, isShortest: isShortest) {
            noteFrame(.dataAfterClose, place, value: -1)
            isOver = true
            return
        }
        if !isShortest { fatal(.lengthNotMinimal, place, value: Int64(truncatingIfNeeded: payload)) }
        if unconfirmed > 0, !confirm(place, length: payload, isShortest: isShortest) { return }
        guard payload < 1 << 62 else {
            // With the top bit set it is no length at all.
            if let length = Int64(exactly: payload) { noteFrame(.frameOversized, place, value: length) }
            facts.lost = true
            recorder?.lose(at: place)
            return
        }
        remaining = Int64(payload)
        facts.frames[Int(opcode)] += 1
        facts.wireBytes += place.length
        if remaining > limits.values.frameBytes { noteFrame(.frameOversized, place, value: remaining) }
        if header.mark.rawHeard >= informedFrom, opcode != 8 {
            informedFrom = .max
            facts.firstInformedFrame = place
        }
        mask = header.key
        if header.isMasked, remaining > 0 { noteKey(mask) }
        if header.isMasked != (direction == .client) {
            fatal(direction == .client ? .clientUnmasked : .serverMasked, place)
        }
        let reserved = header.reserved
        if reserved != 0, !unknownExtension {
            if reserved == 0x40, deflate {
                if opcode >= 8 || opcode == 0 { fatal(.rsv1Misplaced, place, value: Int64(opcode)) }
            } else {
                fatal(.reservedBits, place, value: Int64(reserved >> 4))
            }
        }
        if opcode >= 8 {
            beginControl(place)
        } else {
            beginData(place, compressed: reserved & 0x40 != 0)
            recorder?.begin(opcode, place, length: remaining, isCompressed: isCompressed)
        }
    }

    /// Whether the header at hand is one that this side may send.
    private func isHeader(length: UInt64, isShortest: Bool) -> Bool {
        let reserved = header.reserved & (deflate && opcode > 0 && opcode < 8 ? 0x30 : 0x70)
        return header.isMasked == (direction == .client) && reserved == 0 && isShortest
            && length <= UInt64(clamping: limits.values.frameBytes)
            && (opcode < 8 || header.isFinal && length <= 125)
    }

    /// The same of what stands where nothing is due, and so may be anything.
    private func isFrame(length: UInt64, isShortest: Bool) -> Bool {
        unknownExtension
            || (opcode <= 2 || (8...10).contains(opcode)) && isHeader(length: length, isShortest: isShortest)
    }

    /// Whether a header after a reserved opcode is one: if not, the place was lost and nobody is to blame.
    private mutating func confirm(_ place: Place, length: UInt64, isShortest: Bool) -> Bool {
        if isHeader(length: length, isShortest: isShortest) {
            unconfirmed -= 1
            return true
        }
        unconfirmed = 0
        facts.lost = true
        recorder?.lose(at: place)
        search = FrameSearch(direction, allowsCompression: deflate)
        anomalies.retract(.reservedOpcode, direction, as: .syncLost)
        return false
    }

    private mutating func beginControl(_ place: Place) {
        control.removeAll(keepingCapacity: true)
        control.reserveCapacity(Int(min(remaining, 125)))
        controlIsCut = false
        if sentClose { noteFrame(.controlAfterClose, place, value: Int64(opcode)) }
        if opcode > 10 { reservedOpcode(place) }
        if !header.isFinal || remaining > 125 { fatal(.controlInvalid, place, value: remaining) }
    }

    private mutating func noteKey(_ key: UInt32) {
        facts.maskedFrames += 1
        if key == 0 { facts.zeroKeys += 1 }
        equalKeys = key == previousKey ? equalKeys + 1 : 1
        if let previousKey, previousKey != key {
            let little = key &- previousKey
            let big = key.byteSwapped &- previousKey.byteSwapped
            stepRuns.little = little == keySteps.little ? stepRuns.little &+ 1 : 1
            stepRuns.big = big == keySteps.big ? stepRuns.big &+ 1 : 1
            keySteps = (little, big)
            facts.longestStepRun = max(facts.longestStepRun, stepRuns.little, stepRuns.big)
        } else {
            keySteps = (0, 0)
        }
        facts.longestEqualKeyRun = max(facts.longestEqualKeyRun, equalKeys)
        previousKey = key
    }

    // MARK: Its payload

    private mutating func readPayload(_ chunk: borrowing Chunk, from start: Int) -> Int {
        let bytes = chunk.bytes
        let step = Int(min(Int64(bytes.count - start), remaining))
        let end = start + step
        if let recorder, opcode <= 2 {
            recorder.take(bytes, start, end, mask: mask, isPlain: !isCompressed)
            if isCompressed, !inflates { recorder.giveUp() }
        }
        if opcode >= 8 {
            // Longer control frames are an anomaly already; 125 bytes of them are enough.
            for index in start..<end where control.count < 125 {
                control.append(bytes[index] ^ UInt8(truncatingIfNeeded: mask >> (UInt32((index - start) & 3) * 8)))
            }
        } else if inflates {
            inflate(chunk, start, end)
        } else if checksText, opcode <= 1, let bad = text.check(bytes, start, end, mask: mask) {
            let byte = bytes[bad] ^ UInt8(truncatingIfNeeded: mask >> (UInt32((bad - start) & 3) * 8))
            failText(chunk.place(at: bad, length: 1), [byte])
        }
        mask = mask.turned(Int64(step))
        remaining -= Int64(step)
        facts.payloadBytes += Int64(step)
        facts.wireBytes += Int64(step)
        return end
    }

    // MARK: A frame ends

    /// The frame ends before `offset`, with what packet `last` brought.
    private mutating func endFrame(at offset: Int64, _ last: Arrival) {
        if opcode >= 8 {
            if opcode == 8 { endClose(controlPlace(last)) }
            controlIsComplete = opcode <= 10 && !controlIsCut
            if !controlIsCut { recorder?.control(opcode, control, controlPlace(last)) }
            return
        }
        guard header.isFinal, opcode <= 2, message != 0 else { return }
        if isCompressed {
            facts.compressedMessages += 1
            if inflates { endInflating() }
            checksText = false
        }
        recorder?.end(at: offset, last)
        if message == 1 {
            facts.textMessages += 1
            if checksText, !text.isComplete {
                failText(
                    Place(
                        direction: direction, stream: stream, offset: offset - 1, length: 1, first: last, last: last),
                    [])
            }
        } else {
            facts.binaryMessages += 1
        }
        message = 0
    }

    private mutating func endClose(_ place: Place) {
        let code = control.count >= 2 ? UInt16(control[0]) << 8 | UInt16(control[1]) : nil
        if facts.close == nil {
            facts.close = CloseFact(code: code, reason: Array(control.dropFirst(2)), place: place)
        }
        sentClose = true
        hasNews = true
        if controlIsCut { return }
        var invalid = control.count == 1
        if let code, !Self.mayBeSent(code) { invalid = true }
        if control.count > 2 {
            var reason = UTF8Validator()
            let bytes = control.span
            if reason.check(bytes, 2, bytes.count, mask: 0) != nil || !reason.isComplete { invalid = true }
        }
        if invalid {
            let bytes = header.prefix(header.size) + control
            anomalies.note(.closeInvalid, place, bytes, value: code.map(Int64.init) ?? -1)
        }
    }

    /// Codes that may stand in a Close frame (RFC 6455 7.4, and the registry's 1012 to 1014).
    static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    mutating func fatal(_ kind: Anomaly.Kind, _ place: Place, value: Int64 = 0) {
        guard hadFatal == nil || hadFatal == kind else { return }
        hadFatal = kind
        inflates = false
        // What compression makes wrong, only a peer that inflates can notice.
        if kind != .inflateFailed, kind != .rsv1Misplaced { setFault(place) }
        if anomalies.again(kind, direction) { return }
        if kind == .inflateFailed {
            anomalies.note(kind, place, messageHeader, value: value)
        } else {
            noteFrame(kind, place, value: value)
        }
    }

    mutating func setFault(_ place: Place) {
        guard fault == nil else { return }
        fault = place
        hasNews = true
    }

    mutating func noteFrame(_ kind: Anomaly.Kind, _ place: Place, value: Int64) {
        anomalies.note(kind, place, header.prefix(Int(place.length)), value: value)
    }

    /// Whether the direction goes on with HTTP, as far as can be told: the first bytes are kept until it can.
    ///
    /// A method and a space, or `HTTP/1.`, are no beginning that a conforming frame could have.
    private mutating func looksLikeHTTP(_ chunk: borrowing Chunk, _ index: inout Int) -> Bool {
        let bytes = chunk.bytes
        if prefix.isEmpty, index < bytes.count, !(0x41...0x5a).contains(bytes[index]) {
            started = true
            return false
        }
        while index < bytes.count {
            if prefix.isEmpty { prefixMark = chunk.arrival }
            prefix.append(bytes[index])
            index += 1
            switch Self.isHTTP(prefix, direction) {
            case true?:
                let place = Place(
                    direction: direction, stream: stream, offset: chunk.offset + Int64(index - prefix.count),
                    length: Int64(prefix.count), first: prefixMark ?? chunk.arrival, last: chunk.last)
                anomalies.note(direction == .client ? .httpInFrames : .httpAfterSwitch, place, prefix)
                facts.lost = true
                recorder?.lose(at: place)
                started = true
                return true
            case false?:
                started = true
                let kept = prefix
                prefix = []
                // All but the bytes at hand were seen before: they are read now, with the mark of the first.
                let before = kept.count - index
                guard before > 0 else {
                    index = 0
                    return false
                }
                var read = 0
                while read < before, !facts.lost {
                    read = advance(
                        Chunk(
                            kept.span.extracting(0..<before), direction, stream: stream,
                            offset: chunk.offset - Int64(before), arrival: prefixMark ?? chunk.arrival),
                        from: read)
                    controlIsComplete = false
                }
                index = 0
                return false
            case nil: continue
            }
        }
        return true
    }

    private static let statusLine = [UInt8]("HTTP/1.".utf8)

    /// Whether first bytes are HTTP; `nil` when more are needed.
    private static func isHTTP(_ prefix: [UInt8], _ direction: Direction) -> Bool? {
        if direction == .server {
            let line = statusLine
            if prefix.count >= line.count { return prefix.starts(with: line) }
            return line.starts(with: prefix) ? nil : false
        }
        guard let last = prefix.last else { return nil }
        if (0x41...0x5a).contains(last) || last == 0x2d { return prefix.count > 20 ? false : nil }
        return last == 0x20 && prefix.count > 3
    }
}

// The data messages of one side: begun by a frame, carried on by others, ended by the last (RFC 6455 5.4, 5.6).
//
// Text is checked as it comes, whole or in pieces, compressed or not (RFC 6455 8.1, RFC 7692). Payload is kept nowhere:
// what a fault shows is the header of the message's first frame, or the byte that is wrong.

import Ground

extension WebSocketSideDecoder {
    mutating func beginData(_ place: Place, compressed: Bool) {
        if sentClose { noteFrame(.dataAfterClose, place, value: Int64(opcode)) }
        if let watched, !sentClose, opcode <= 2, header.mark.rawHeard >= watched.end {
            noteAnswer(to: watched, place)
        }
        switch opcode {
        case 0:
            if message != 0 {
                continueMessage(place)
            } else if !unknownExtension {
                fatal(.continuationOrphan, place)
            }
        case 1, 2:
            // Fragments may be interleaved where an extension says how (RFC 6455 5.4).
            if message != 0, !unknownExtension { fatal(.messageInterleaved, place) }
            message = opcode
            messagePlace = place
            messageBytes = remaining
            fragments = 1
            emptyFragments = 0
            isCompressed = compressed && deflate && !unknownExtension
            inflates = isCompressed && hadFatal == nil && !isContextLost
            if inflates { beginInflating() }
            checksText = opcode == 1 && (!compressed || inflates) && !unknownExtension && hadFatal == nil
            text = UTF8Validator()
            if facts.firstMessage == nil { facts.firstMessage = place.first }
        default: reservedOpcode(place)
        }
    }

    /// An extension may have given the opcode a meaning.
    mutating func reservedOpcode(_ place: Place) {
        guard !unknownExtension else { return }
        if hadFatal == nil { unconfirmed = 3 }
        fatal(.reservedOpcode, place, value: Int64(opcode))
    }

    mutating func continueMessage(_ place: Place) {
        let before = messageBytes
        messageBytes = before.addingReportingOverflow(remaining).partialValue
        if messageBytes > limits.values.messageBytes, before <= limits.values.messageBytes {
            noteFrame(.messageOversized, place, value: messageBytes)
        }
        fragments += 1
        if remaining == 0 { emptyFragments += 1 }
        if fragments == limits.values.messageFragments + 1 || emptyFragments == limits.values.emptyFragments + 1 {
            noteFrame(.fragmentFlood, place, value: Int64(fragments))
            emptyFragments += 1
        }
    }

    mutating func noteAnswer(to fault: Place, _ place: Place) {
        if facts.faultAnswer == nil { facts.faultAnswer = FaultAnswer(fault: fault, first: place, last: place.first) }
        facts.faultAnswer?.frames &+= 1
        facts.faultAnswer?.last = place.first
    }

    /// Text is not UTF-8 at `wrong`, unless it came out of compressed bytes.
    mutating func failText(_ wrong: Place?, _ shown: [UInt8]) {
        checksText = false
        guard hadFatal == nil || hadFatal == .textNotUTF8 else { return }
        hadFatal = .textNotUTF8
        if isCompressed {
            // What is wrong stands nowhere on the wire: the message is shown by its first frame.
            inflates = false
            recorder?.giveUp()
            guard let place = messagePlace else { return }
            setFault(place)
            anomalies.note(.textNotUTF8, place, messageHeader, value: 1)
            return
        }
        guard let wrong else { return }
        setFault(wrong)
        anomalies.note(.textNotUTF8, wrong, shown)
    }

    // MARK: Compressed messages (RFC 7692)

    mutating func beginInflating() {
        let inflater = inflater ?? MessageInflater(limit: limits.values.inflatedBytes, memory: memory)
        self.inflater = inflater
        inflater.begin()
        lastPayload = nil
        messageHeader = header.prefix(header.size)
        if inflater.isStarved { stopInflating("total-inflating-bytes") }
    }

    /// No compressed message of this side is read any more.
    private mutating func stopInflating(_ limit: String) {
        recorder?.giveUp()
        inflates = false
        checksText = false
        isContextLost = true
        inflater = nil
        if !limitsHit.contains(limit) { limitsHit.append(limit) }
    }

    mutating func inflate(_ chunk: borrowing Chunk, _ start: Int, _ end: Int) {
        guard let inflater else { return }
        var validator = text
        var isBad = false
        let checks = checksText
        let recorder = recorder
        let goesOn = inflater.receive(chunk.bytes, start, end, mask: mask) { piece in
            recorder?.takeInflated(piece)
            if checks, !isBad, validator.check(piece, 0, piece.count, mask: 0) != nil { isBad = true }
        }
        text = validator
        lastPayload = chunk.place(at: start, length: Int64(end - start))
        // Wrong text came out before whatever ended the inflating.
        if isBad {
            failText(nil, [])
        } else if inflater.isStarved {
            stopInflating("total-inflating-bytes")
        } else if !goesOn {
            judge(inflater.current)
        }
    }

    mutating func endInflating() {
        guard let inflater else { return }
        var validator = text
        var isBad = false
        let checks = checksText
        let recorder = recorder
        let message = inflater.end { piece in
            recorder?.takeInflated(piece)
            if checks, !isBad, validator.check(piece, 0, piece.count, mask: 0) != nil { isBad = true }
        }
        text = validator
        if !isBad { judge(message) }
        if checks, isBad || message.failure == nil && !message.isCut && !text.isComplete {
            failText(nil, [])
        }
    }

    /// The message is over, or as much of it as will ever be read.
    mutating func judge(_ message: InflatedMessage) {
        inflates = false
        facts.inflatedBytes = facts.inflatedBytes.addingReportingOverflow(message.inflated).partialValue
        facts.compressedBytes += message.compressed
        guard let place = messagePlace else { return }
        if message.failure != nil || message.isCut { recorder?.giveUp() }
        if let failure = message.failure {
            isContextLost = true
            inflater = nil
            fatal(.inflateFailed, place, value: Int64(failure.rawValue))
            return
        }
        if message.isCut {
            anomalies.note(.inflationExtreme, place, messageHeader, value: limits.values.inflatedBytes)
        } else if message.inflated >= limits.values.inflationBytes,
            message.inflated / limits.values.inflationRatio > message.compressed
        {
            extremeBytes += message.inflated
            anomalies.note(.inflationExtreme, wholeMessage ?? place, messageHeader, value: message.inflated)
        }
        if message.keepsTail { anomalies.note(.tailKept, place, messageHeader) }
        if message.reachesBack, !keepsContext {
            anomalies.note(.contextReused, place, messageHeader, value: Int64(message.farthest))
        }
        if message.farthest > 1 << windowBits {
            anomalies.note(.windowExceeded, place, messageHeader, value: Int64(message.farthest))
        }
        if message.isCut {
            giveUps += 1
            // The rest of it is no text.
            checksText = false
            loseContext()
        }
        // Who goes on like this is not worth the time.
        if extremeBytes > limits.values.inflatedBytes || giveUps > 8 { stopInflating("inflated-bytes") }
    }

    /// Part of a compressed message was not read.
    mutating func loseContext() {
        inflates = false
        if keepsContext {
            isContextLost = true
            inflater = nil
        } else {
            inflater?.forget()
        }
    }

    /// The message up to the payload that was inflated last.
    private var wholeMessage: Place? {
        guard let start = messagePlace, let last = lastPayload else { return messagePlace }
        return Place(
            direction: direction, stream: stream, offset: start.offset,
            length: max(last.end - start.offset, start.length), first: start.first, last: last.last)
    }
}

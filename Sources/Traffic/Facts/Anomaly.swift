// A fact about form: what was seen, where, how often. Whether it was wrong is for the rules to say.

/// A fact about form that a rule may care about: what, where, how often.
public struct Anomaly: Sendable {
    public enum Kind: UInt8, Sendable, CaseIterable {
        // WebSocket frames (RFC 6455 5)
        case clientUnmasked, serverMasked, reservedBits, reservedOpcode, lengthNotMinimal, controlInvalid
        case continuationOrphan, messageInterleaved, textNotUTF8, closeInvalid, dataAfterClose, frameOversized
        case rsv1Misplaced, httpInFrames
        case messageOversized, fragmentFlood, frameCut
        // Compressed messages (RFC 7692)
        case inflateFailed, tailKept, contextReused, windowExceeded, inflationExtreme
        // The server spoke out of turn
        case serverBytesBeforeResponse, responseWithoutRequest, httpAfterSwitch
        // HTTP/2 after an upgrade (RFC 7540 3.2)
        case prefaceMissing, firstFrameNotSettings, upgradedStreamReused
        // The capture
        case gapAfterSwitch, syncLost
        /// Harmless: whoever has sent Close goes on with Ping or Pong.
        case controlAfterClose
    }

    public var kind: Kind
    /// The header or the bytes at fault; `place.length` says how far the fact reaches.
    public var place: Place
    /// The first bytes there, at most 32.
    public var excerpt: [UInt8]
    /// How often in this direction.
    public var count: UInt32 = 1
    /// A value that belongs to the fact: a close code, an opcode, an announced length.
    public var value: Int64 = 0

    public init(kind: Kind, place: Place, excerpt: [UInt8], value: Int64 = 0) {
        self.kind = kind
        self.place = place
        self.excerpt = excerpt
        self.value = value
    }
}

/// Keeps anomalies: one for each kind and direction, with a count, within a limit.
struct AnomalyLog {
    var list: [Anomaly] = []
    var limit: Int

    init(limit: Int) { self.limit = limit }

    /// Adds an anomaly, or counts one that is there.
    mutating func note(_ kind: Anomaly.Kind, _ place: Place, _ excerpt: [UInt8], value: Int64 = 0) {
        if again(kind, place.direction) || list.count >= limit { return }
        list.append(Anomaly(kind: kind, place: place, excerpt: excerpt, value: value))
    }

    /// What was noted turns out to be something else.
    mutating func retract(_ kind: Anomaly.Kind, _ direction: Direction, as other: Anomaly.Kind) {
        for index in list.indices where list[index].kind == kind && list[index].place.direction == direction {
            list[index].kind = other
            return
        }
    }

    /// Counts an anomaly that is there already.
    mutating func again(_ kind: Anomaly.Kind, _ direction: Direction) -> Bool {
        for index in list.indices where list[index].kind == kind && list[index].place.direction == direction {
            list[index].count &+= 1
            return true
        }
        return false
    }
}

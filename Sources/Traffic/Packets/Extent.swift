// What of a packet is left to dissect, while it is being unwrapped from the outside in.
//
// Two ends matter: where the captured bytes end and how many bytes the wire had after them. Every length field
// on the way can only shrink what is left: padding is cut off, and what a layer says is not there was never
// missing. Invariant: 0 <= start <= end <= bytes.count, 0 <= missing.

/// What is left of a packet.
struct Extent {
    /// How many headers may wrap one another.
    static let maximumDepth: UInt8 = 16

    var start: Int
    var end: Int
    /// Bytes after `end` that were on the wire but not captured.
    var missing: Int
    /// Index of the tunnel stack so far.
    var tunnel: UInt32 = 0
    var depth: UInt8 = 0
    /// The bytes are those of a datagram put together from fragments.
    var isReassembled = false

    init(captured: Int, original: Int) {
        start = 0
        end = captured
        missing = original > captured ? min(original - captured, Int(Int32.max)) : 0
    }

    /// Captured bytes left.
    var count: Int { end - start }

    /// Steps over `length` bytes; `false`, and no step, where they were not captured.
    @inline(__always)
    mutating func skip(_ length: Int) -> Bool {
        guard length <= end - start else { return false }
        start += length
        return true
    }

    /// A length field says that only `length` bytes follow.
    @inline(__always)
    mutating func shorten(to length: Int) {
        if length <= end - start {
            end = start + length
            missing = 0
        } else {
            missing = min(missing, length - (end - start))
        }
    }

    /// One more wrapping is opened; `false` where there are too many.
    @inline(__always)
    mutating func enter() -> Bool {
        guard depth < Self.maximumDepth else { return false }
        depth += 1
        return true
    }
}

/// The IP header around what is left.
struct IPHeader {
    var source: IPAddress
    var destination: IPAddress
    var identification: UInt16

    /// The two addresses as one number that is the same for both directions.
    var pair: UInt64 {
        let high = (source.high ^ destination.high) &* 0x9e37_79b9_7f4a_7c15
        return high ^ (source.low &+ destination.low) &* 0xff51_afd7_ed55_8ccd
    }
}

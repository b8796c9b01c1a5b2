// What a rule reads of an exchange. When it can be judged follows from that.
//
// Both heads are complete once the answer has come, and a frame once it was sent: what a rule says about these alone is
// still true at the end, so a live capture reports it at once. How long something took, that something never came and
// how it all ended is known at the end, and what other exchanges did after all of them.

/// What must be known before a rule may speak.
struct Reads: OptionSet, Sendable {
    let rawValue: UInt8

    /// Request, responses and what they name: target, fields, key.
    static let heads = Reads(rawValue: 1)
    /// Bytes after a head, as they come: frames, messages, bytes sent too early.
    static let frames = Reads(rawValue: 2)
    /// What only the end shows: how long it took, what never came, what could not be read.
    static let time = Reads(rawValue: 4)
    /// Other exchanges and connections.
    static let neighbours = Reads(rawValue: 8)

    /// All there is of one exchange: what a rule reads that says nothing else.
    static let exchange: Reads = [.heads, .frames, .time]

    /// Whether what is read while an exchange goes on is all that the rule needs.
    var areKnownEarly: Bool { isDisjoint(with: [.time, .neighbours]) }
}

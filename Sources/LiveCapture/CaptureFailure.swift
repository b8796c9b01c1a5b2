// Why an interface cannot be listened to, told apart by what the user has to do about it.

/// A capture that could not be started, or ended by itself.
public struct CaptureFailure: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// The process lacks the capability.
        case notPermitted
        /// There is no such interface, it is down, or it went away.
        case unavailable
        /// A file cannot be written.
        case unwritable
        /// The filter, the link type or the user does not exist.
        case usage
    }

    public var kind: Kind
    /// A sentence for the user.
    public var description: String

    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

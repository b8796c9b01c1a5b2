// What became of an offer, and why: exactly one outcome for each exchange.

/// What became of the offer; exactly one.
public enum Outcome: UInt8, Sendable, CaseIterable {
    case switched, declined, required, redirected, failed, incomplete
    public var name: String {
        switch self {
        case .switched: "switched"
        case .declined: "declined"
        case .required: "required"
        case .redirected: "redirected"
        case .failed: "failed"
        case .incomplete: "incomplete"
        }
    }
}

/// Why it became that.
public enum OutcomeReason: UInt8, Sendable, CaseIterable {
    case none
    case version, tls, other, auth, forbidden, notFound, badRequest, gateway
    case clientAbort, serverAbort, captureEnd, gap
    /// Where a redirect leads, if its Location names a scheme.
    case http, https, ws, wss

    /// The word of the report; `nil` for `.none`.
    public var name: String? {
        switch self {
        case .none: nil
        case .notFound: "not-found"
        case .badRequest: "bad-request"
        case .clientAbort: "client-abort"
        case .serverAbort: "server-abort"
        case .captureEnd: "capture-end"
        default: "\(self)"
        }
    }
}

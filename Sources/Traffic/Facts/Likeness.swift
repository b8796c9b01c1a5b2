// What bytes look like, whatever they are.

/// What bytes look like to a reader who does not know where they came from.
public enum Likeness: UInt8, Sendable, CaseIterable {
    case unknown, websocket, httpRequest, tls, http2Preface, httpResponse, ssh, capsule

    /// The word of the report.
    public var name: String {
        switch self {
        case .httpRequest: "http-request"
        case .http2Preface: "http2-preface"
        case .httpResponse: "http-response"
        default: "\(self)"
        }
    }
}

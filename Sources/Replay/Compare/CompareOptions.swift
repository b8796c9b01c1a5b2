// What counts as a difference, and what a user wants left out.

/// How live answers are compared with recorded ones.
public struct CompareOptions: Sendable {
    /// `--ignore json:/path`.
    public var pointers: [JSONPointer] = []
    /// `--ignore regex:…`: what matches is left out of both texts.
    public var patterns: [IgnorePattern] = []
    /// `--ignore header:NAME`, in lower case, beside those that nobody wants.
    public var headers: Set<String> = []
    /// `--ignore-order`.
    public var ignoresOrder = false
    /// `--latency-budget`, in nanoseconds; an answer that takes longer is a difference.
    public var latencyBudget: Int64?
    /// `--replay-control`: pings and pongs of the server are compared as well.
    public var comparesControl = false

    public init() {}

    /// Fields that differ from one answer to the next although nothing is wrong.
    public static let changingHeaders: Set<String> = [
        "age", "alt-svc", "cf-ray", "content-length", "date", "etag", "expires", "keep-alive", "last-modified", "nel",
        "report-to", "server-timing", "traceparent", "tracestate", "x-amz-cf-id", "x-amzn-requestid",
        "x-amzn-trace-id", "x-correlation-id", "x-envoy-upstream-service-time", "x-request-id", "x-response-time",
        "x-runtime", "x-trace-id",
    ]
}

/// A regular expression of the user.
public struct IgnorePattern: Sendable {
    public let text: String

    /// `nil` where it is not a regular expression.
    public init?(_ text: String) {
        guard !text.isEmpty, (try? Regex(text)) != nil else { return nil }
        self.text = text
    }

    /// Texts longer than this are compared as they are: a pattern may take very long on them.
    private static let longestText = 256 * 1024

    /// The text without what matches.
    func removed(from text: String) -> String {
        guard text.utf8.count <= Self.longestText, let regex = try? Regex(self.text) else { return text }
        return text.replacing(regex, with: "")
    }
}

// What a replay found, for the renderers (REPLAY.md). Facts only: no words about layout, nothing escaped.

public import Inspection
public import Traffic

/// What became of one exchange.
public enum Verdict: String, Sendable, CaseIterable {
    case same, differs, failed, skipped
}

/// The report about one replay.
public struct ReplayReport: Sendable {
    /// The value of `schema`.
    public static let schema = "upgradescope-replay/1"

    /// As given: `ws://127.0.0.1:9000`.
    public var target: String
    public var plan: ReplayPlan
    /// In the order of their numbers; under load those that are worth showing.
    public var exchanges: [ReplayedExchange] = []
    /// How many ended so; more than `exchanges` holds when they were said several times.
    public var verdicts: [Verdict: Int] = [:]
    /// Milliseconds by what was measured: "connect", "handshake", "message", "session".
    public var latencies: [LatencySummary] = []
    /// Only under `--concurrency`, `--repeat` or `--rate`.
    public var load: LoadReport?
    /// It was stopped before its end.
    public var interrupted = false
    /// At least one request got an answer.
    public var wasAnswered = false
    /// Only the plan was wanted: nothing was sent.
    public private(set) var isDryRun = false

    public init(target: String, plan: ReplayPlan) {
        self.target = target
        self.plan = plan
    }

    /// The report where nothing is sent: every exchange is left out.
    public init(dryRun scripts: [ReplayScript], plan: ReplayPlan) {
        self.init(target: plan.target, plan: plan)
        exchanges = scripts.map { script in
            var exchange = SessionComparison.planned(script, .skipped)
            exchange.reason = exchange.reason ?? "nothing is sent in a dry run"
            return exchange
        }
        verdicts[.skipped] = exchanges.count
        isDryRun = true
    }

    public func count(_ verdict: Verdict) -> Int { verdicts[verdict] ?? 0 }
}

/// What will be said, and how: printed by `--dry-run`, and a part of every report.
public struct ReplayPlan: Sendable {
    public var target: String
    /// "causal", "recorded", "x10", "fast", "raw".
    public var pace: String
    public var exchanges: [PlannedExchange]
    /// Whether credentials of the recording are sent.
    public var sendsCredentials: Bool
    /// Sessions at the same time, times each is said, sessions a second.
    public var concurrency = 1
    public var repeats = 1
    public var rate: Double?

    public init(target: String, pace: String, exchanges: [PlannedExchange], sendsCredentials: Bool) {
        self.target = target
        self.pace = pace
        self.exchanges = exchanges
        self.sendsCredentials = sendsCredentials
    }
}

/// One exchange of the plan.
public struct PlannedExchange: Sendable {
    public var id: Int
    /// `GET /chat`, credentials redacted.
    public var title: String
    public var upgraded: UpgradedProtocol
    public var protocolName: String
    /// What the client will say after the switch, and how many bytes that is.
    public var clientSteps: Int
    public var clientBytes: Int
    public var serverSteps: Int
    /// Why it is not said; `nil` when it is.
    public var skipped: String?
    /// What is done otherwise than recorded: "Cookie is not sent (credentials)".
    public var notes: [String]

    public init(
        id: Int, title: String, upgraded: UpgradedProtocol, protocolName: String, clientSteps: Int, clientBytes: Int,
        serverSteps: Int, skipped: String?, notes: [String]
    ) {
        self.id = id
        self.title = title
        self.upgraded = upgraded
        self.protocolName = protocolName
        self.clientSteps = clientSteps
        self.clientBytes = clientBytes
        self.serverSteps = serverSteps
        self.skipped = skipped
        self.notes = notes
    }
}

/// One exchange that was said again, or was not.
public struct ReplayedExchange: Sendable {
    public var id: Int
    /// `GET /chat`, credentials redacted.
    public var title: String
    public var verdict: Verdict
    /// Why it failed or was skipped, in words.
    public var reason: String?
    /// A word for the failure: "refused", "timeout", "reset", "tls", "not-http", "too-much"; `nil` when it did not fail.
    public var failure: String?
    public var recorded: SessionOutline
    /// `nil` when nothing came back.
    public var live: SessionOutline?
    public var differences: [Difference] = []
    /// Differences that are not listed, because there are too many.
    public var omittedDifferences = 0
    /// What the rules say of the live peer.
    public var findings: [Finding] = []
    public var notes: [String] = []

    public init(id: Int, title: String, verdict: Verdict, recorded: SessionOutline) {
        self.id = id
        self.title = title
        self.verdict = verdict
        self.recorded = recorded
    }
}

/// The outline of an exchange, recorded or live.
public struct SessionOutline: Sendable, Equatable {
    public var status: Int?
    public var outcome: Outcome?
    public var protocolName: String?
    public var subprotocol: String?
    public var extensions: [String] = []
    /// Data messages (or, after another protocol, runs of bytes) and their payload.
    public var messages = PerDirection(both: 0)
    public var bytes = PerDirection<Int64>(both: 0)
    /// The server's close code; 1005 for a close frame without one, `nil` without a frame.
    public var closeCode: Int?
    /// Nanoseconds from the request to its answer, and from there to the end.
    public var handshake: Int64?
    public var duration: Int64?
    /// First packet of the recording.
    public var packet: Arrival?

    public init() {}
}

/// Percentiles of one measure, in milliseconds.
public struct LatencySummary: Sendable, Equatable {
    /// "connect", "handshake", "message" or "session".
    public var name: String
    public var count: Int
    public var minimum: Double
    public var mean: Double
    public var maximum: Double
    /// (50, 90, 99, 99.9) and their values.
    public var percentiles: [(percentile: Double, milliseconds: Double)]
    /// The figures count the time that sessions had to wait because earlier ones were slow (coordinated omission).
    public var isCorrected: Bool

    public init(
        name: String, count: Int, minimum: Double, mean: Double, maximum: Double,
        percentiles: [(percentile: Double, milliseconds: Double)], isCorrected: Bool
    ) {
        self.name = name
        self.count = count
        self.minimum = minimum
        self.mean = mean
        self.maximum = maximum
        self.percentiles = percentiles
        self.isCorrected = isCorrected
    }

    public static func == (left: LatencySummary, right: LatencySummary) -> Bool {
        left.name == right.name && left.count == right.count && left.minimum == right.minimum
            && left.mean == right.mean && left.maximum == right.maximum && left.isCorrected == right.isCorrected
            && left.percentiles.elementsEqual(right.percentiles, by: ==)
    }
}

/// What happened under load.
public struct LoadReport: Sendable {
    /// Sessions begun and ended, and the most at the same time.
    public var started = 0
    public var finished = 0
    public var mostConcurrent = 0
    /// Seconds from the first to the last.
    public var seconds = 0.0
    /// Data messages (or runs of bytes), and bytes of the streams, sent and received.
    public var messages = PerDirection(both: 0)
    public var bytes = PerDirection<Int64>(both: 0)
    /// How many failed, by the word of `ReplayedExchange.failure`.
    public var failures: [String: Int] = [:]
    /// How many differences there were, by kind.
    public var differences: [Difference.Kind: Int] = [:]
    /// With `--rate`: sessions that began later than they should have, and by how many milliseconds at most.
    public var late = 0
    public var mostLateMilliseconds = 0.0
    public init() {}
}

// What is known at the moment of everything that is watched: a table of exchanges, the latest findings, the
// messages of the one that is followed, and the counts above it all.
//
// No table grows beyond its ceiling. When there are too many exchanges, those that are finished make room first, the
// oldest before the others; then, of those that are open, the one that was silent longest. What made room is counted.

public import Inspection
import Reports
public import Traffic

/// What the capture says of itself.
public struct LiveStatus: Sendable, Equatable {
    /// What is listened to: "eth0".
    public var source = ""
    public var started = Timestamp(nanoseconds: 0)
    public var packets: UInt64 = 0
    /// Exchanges that began so far.
    public var exchanges: UInt64 = 0
    /// TCP connections that are followed at the moment.
    public var connections = 0
    /// What kernel and interface dropped.
    public var drops: UInt64 = 0
    /// Where it is recorded, and how much was written.
    public var recording: String?
    public var recordedBytes: Int64 = 0
    public init() {}
}

/// Everything the view shows.
public struct LiveModel: Sendable {
    /// Ceilings.
    public struct Limits: Sendable {
        public var finished = 1024
        public var open = 4096
        public var findings = 200
        public var messages = 1000
        public var recentMessages = 4096
        public init() {}
    }

    public var status = LiveStatus() { didSet { if status != oldValue { version &+= 1 } } }
    /// The last thing that had to be said: "disk full".
    public private(set) var notice: String?
    /// Changes with everything that can be seen.
    public private(set) var version: UInt64 = 0
    private var total = 0
    public private(set) var levels: [Level: Int] = [:]
    /// Exchanges that made room for others.
    public private(set) var omitted = 0
    public private(set) var findings: Ring<LiveFinding>
    /// The exchange whose messages are shown, and the messages.
    public private(set) var followed: ExchangeKey?
    public private(set) var messages: Ring<LiveMessage>
    /// The latest messages of all, so that following one begins with what it said last.
    private var recent: Ring<(key: ExchangeKey, message: TranscriptMessage)>
    private var table: [ExchangeKey: LiveExchange] = [:]
    /// Finished ones from the oldest on; those before `finishedHead` have already made room.
    private var finished: [ExchangeKey] = []
    private var finishedHead = 0
    private let limits: Limits
    private let showSecrets: Bool

    public init(limits: Limits = Limits(), showSecrets: Bool = false) {
        self.limits = limits
        self.showSecrets = showSecrets
        findings = Ring(capacity: limits.findings)
        messages = Ring(capacity: limits.messages)
        recent = Ring(capacity: limits.recentMessages)
    }

    public subscript(key: ExchangeKey) -> LiveExchange? { table[key] }
    public var exchanges: some Collection<LiveExchange> { table.values }
    public var finishedCount: Int { finished.count - finishedHead }
    public var openCount: Int { table.count - finishedCount }
    /// The latest moment anything is known of.
    public private(set) var latest = Timestamp(nanoseconds: .min)

    /// It is this late now, whether or not something happens.
    public mutating func reach(_ now: Timestamp) { latest = max(latest, now) }

    /// A request that offers a switch was read.
    public mutating func began(_ exchange: Exchange) {
        _ = entry(exchange)
        version &+= 1
    }

    /// The answer came; `judgement` is what can be said already.
    public mutating func decided(_ exchange: Exchange, _ judgement: Judgement = Judgement()) {
        var entry = entry(exchange)
        guard !entry.isFinished else { return }
        entry.decide(exchange, judgement.validity, showSecrets: showSecrets)
        tell(judgement.findings, of: &entry)
        table[entry.key] = entry
        version &+= 1
    }

    /// Counters of an exchange that goes on.
    public mutating func progressed(_ progress: ExchangeProgress) {
        guard table[progress.key]?.isFinished == false else { return }
        table[progress.key]?.progress(progress)
        version &+= 1
    }

    /// Nothing more will come.
    public mutating func finished(_ exchange: Exchange, _ judgement: Judgement = Judgement()) {
        var entry = entry(exchange)
        let isNew = !entry.isFinished
        entry.finish(exchange, judgement.validity, showSecrets: showSecrets)
        tell(judgement.findings, of: &entry)
        table[entry.key] = entry
        if isNew { finished.append(entry.key) }
        makeRoomAmongFinished()
        version &+= 1
    }

    /// Findings about a connection, or about several exchanges together.
    public mutating func found(_ found: [Finding], at time: Timestamp, place: String) {
        guard !found.isEmpty else { return }
        for finding in found {
            levels[finding.level, default: 0] += 1
            let place = finding.exchange.flatMap { table[$0]?.place } ?? Glance.words(place, limit: 200)
            findings.append(LiveFinding(finding, time: time, place: place))
        }
        version &+= 1
    }

    /// Messages of this exchange are shown from now on, of no other.
    public mutating func follow(_ key: ExchangeKey?) {
        guard key != followed else { return }
        followed = key
        messages.removeAll()
        if let key {
            for index in 0..<recent.count where recent[index].key == key {
                messages.append(LiveMessage(recent[index].message))
            }
        }
        version &+= 1
    }

    /// A message went by; no more of its payload than `LiveMessage.excerptLimit` is of use.
    public mutating func said(_ whole: TranscriptMessage, in key: ExchangeKey) {
        var message = whole
        // Others may have asked for more, and sizes of fragments are of no use here.
        if message.payload.count > LiveMessage.excerptLimit {
            message.payload = Array(message.payload.prefix(LiveMessage.excerptLimit))
        }
        message.fragments = []
        recent.append((key, message))
        guard key == followed else { return }
        messages.append(LiveMessage(message))
        version &+= 1
    }

    /// Something has to be said that is no finding.
    public mutating func say(_ notice: String?) {
        self.notice = notice.map { Glance.words($0, limit: 200) }
        version &+= 1
    }

    // MARK: The table

    private mutating func entry(_ exchange: Exchange) -> LiveExchange {
        if let known = table[exchange.key] { return known }
        total += 1
        let entry = LiveExchange(exchange, number: total, showSecrets: showSecrets)
        if openCount >= limits.open { makeRoomAmongOpen() }
        table[entry.key] = entry
        return entry
    }

    private mutating func tell(_ found: [Finding], of entry: inout LiveExchange) {
        let all = found.map { LiveFinding($0, time: entry.last, place: entry.place) }
        for finding in entry.take(all) {
            levels[finding.level, default: 0] += 1
            findings.append(finding)
        }
    }

    private mutating func makeRoomAmongFinished() {
        while finishedCount > limits.finished {
            forget(finished[finishedHead])
            finishedHead += 1
        }
        if finishedHead > 512, finishedHead * 2 > finished.count {
            finished.removeFirst(finishedHead)
            finishedHead = 0
        }
    }

    /// An eighth at once: looking for the quietest goes through all of them.
    private mutating func makeRoomAmongOpen() {
        let open = table.values.filter { !$0.isFinished && $0.key != followed }.sorted { $0.last < $1.last }
        for entry in open.prefix(max(1, limits.open / 8)) { forget(entry.key) }
    }

    private mutating func forget(_ key: ExchangeKey) {
        if table.removeValue(forKey: key) != nil { omitted += 1 }
    }
}

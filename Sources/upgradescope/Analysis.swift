// Captures in, a report out: the wiring of the parts, and nothing else.
//
//     CaptureReader ──packets──► Analyzer ──exchanges, connections──► Judge: Inspector ──findings──► ReportCollector
//
// With several jobs all of this exists several times. Each job reads everything by itself and follows the flows that
// are its own (`Shard`); nothing is shared while they read, and their collectors become one at the end. That is the
// same report byte for byte, because a report is ordered by packets and not by arrival. Inputs that can be read only
// once, and events that are written while reading, are for one job.
//
// Several captures are read in the order of their first packets. One that begins where another has ended goes
// on with that one's analyzer: they are one capture, and connections may span them. One that overlaps with all
// others in time is a separate tap with an analyzer of its own: packets are never compared across two clocks.

import Inspection
import LiveCapture
import Reports
import Traffic

/// What a judge judges by, and whom it tells.
struct JudgeOptions: Sendable {
    var inspector: Inspector
    var report: ReportOptions
    /// Messages become events.
    var tellsMessages = false

    /// The same for one of several jobs: together they hold no more than one would.
    func share(of jobs: Int) -> JudgeOptions {
        var options = self
        options.report.spoolBytes = max(1 << 20, report.spoolBytes / max(1, jobs))
        return options
    }
}

/// Judges what the analyzer finds, and hands it on.
final class Judge: AnalyzerOutput {
    private let inspector: Inspector
    private let collector: ReportCollector
    private let eventFiles: [OutputFile]
    private var events: EventStreams?
    private let tellsMessages: Bool
    /// Who is told everything else that the analyzer tells.
    private let recorder: (any AnalyzerOutput)?
    /// Who watches while the capture is made.
    let observers: [any LiveObserver]
    private(set) var exchanges: UInt64 = 0

    init(
        _ options: JudgeOptions, events: [OutputFile] = [], recorder: (any AnalyzerOutput)? = nil,
        observers: [any LiveObserver] = []
    ) {
        self.recorder = recorder
        self.observers = observers
        tellsMessages = options.tellsMessages
        inspector = options.inspector
        collector = ReportCollector(options: options.report)
        eventFiles = events
    }

    /// Takes what another job's judge was told.
    func absorb(_ other: Judge) {
        collector.absorb(other.collector)
    }

    /// So many captures come.
    func begin(captures: Int) {
        guard !eventFiles.isEmpty else { return }
        events = EventStreams(eventFiles, severalCaptures: captures > 1, showSecrets: inspector.showSecrets)
    }

    // What was said is not judged: it goes to the report, the recorder and the events.
    func answered(_ exchange: Exchange) { recorder?.answered(exchange) }
    func said(_ message: TranscriptMessage, in exchange: ExchangeKey) {
        collector.add(message, in: exchange)
        recorder?.said(message, in: exchange)
        if tellsMessages { events?.add(message, in: exchange) }
    }
    func lostTrack(at place: Place, in exchange: ExchangeKey) { recorder?.lostTrack(at: place, in: exchange) }
    func requested(_ head: MessageHead, connection: UInt64) { recorder?.requested(head, connection: connection) }
    func responded(_ head: MessageHead, connection: UInt64) { recorder?.responded(head, connection: connection) }
    func streamed(
        _ bytes: Span<UInt8>, _ direction: Direction, offset: Int64, mark: PacketMark, connection: UInt64,
        isBehindOffer: Bool
    ) {
        recorder?.streamed(
            bytes, direction, offset: offset, mark: mark, connection: connection, isBehindOffer: isBehindOffer)
    }
    func streamGap(_ place: Place, connection: UInt64) { recorder?.streamGap(place, connection: connection) }

    /// Findings of exchanges that go on which were events already.
    private var told: [ExchangeKey: Set<FindingEvent>] = [:]

    /// What can be said already of an exchange that goes on; each finding is an event once.
    func findingsSoFar(_ exchange: Exchange) -> [Finding] {
        let findings = inspector.inspectSoFar(exchange)
        guard events != nil, !findings.isEmpty else { return findings }
        let key = exchange.key
        let new = findings.filter { told[key, default: []].insert(FindingEvent($0)).inserted }
        events?.add(new, of: exchange)
        return findings
    }

    func finished(_ exchange: Exchange) {
        exchanges += 1
        recorder?.finished(exchange)
        let findings = inspector.inspect(exchange)
        collector.add(exchange, findings: findings)
        events?.add(exchange, findings: findings, told: told.removeValue(forKey: exchange.key) ?? [])
        for observer in observers { observer.finished(exchange, findings: findings) }
    }

    func askedPlainly(_ request: MessageHead, on connection: ConnectionFacts) {
        collector.add(plain: request, on: connection)
    }

    func ended(_ connection: ConnectionRecord) {
        recorder?.ended(connection)
        let findings = inspector.inspect(connection)
        collector.add(connection, findings: findings)
        events?.add(connection, findings: findings)
        for observer in observers { observer.ended(connection, findings: findings) }
    }

    /// Somebody gets events.
    var hasEvents: Bool { !eventFiles.isEmpty }

    /// Events that their reader was too slow for.
    var lostEvents: UInt64 { eventFiles.reduce(0) { $0 + $1.lostLines } }

    /// A batch was read: whoever follows the events gets them now.
    func batchEnded() { events?.flush() }

    func report(captures: [CaptureDescription], counters: TrafficCounters) -> Report {
        let report = collector.finish(captures: captures, counters: counters, inspector: inspector)
        events?.finish(report)
        return report
    }
}

/// Which packets are looked at.
struct PacketFilter: Sendable {
    var since: Timestamp?
    var until: Timestamp?
    /// As libpcap reads it (`-f`); compiled by each job for itself, for the link types it meets.
    var expression: String?
    /// How many packets are read at most, over all captures.
    var count = UInt64.max

    /// No packet is left out for its time.
    var includesAll: Bool { since == nil && until == nil }

    func includes(_ packet: CapturedPacket) -> Bool {
        if let since, packet.time < since { return false }
        if let until, until < packet.time { return false }
        return true
    }

    /// What `-f` asks of a packet; `nil` without it.
    func makeMatch() -> PacketMatch? {
        // It was tried when the command line was read.
        guard let expression, let filter = try? CaptureFilter(expression) else { return nil }
        return filter.matches
    }
}

/// Whether a packet, with these bytes, is wanted.
typealias PacketMatch = (CapturedPacket, Span<UInt8>) -> Bool

/// The reading of all captures of one command, or one job's part of it.
struct Analysis {
    /// An input could not be read at all.
    private(set) var isUnreadable = false
    /// An input was damaged or cut short.
    private(set) var isDamaged = false
    /// What was read.
    private(set) var captures: [CaptureDescription] = []
    private(set) var counters = TrafficCounters()

    private var options: AnalyzerOptions
    private let judge: Judge
    private var filter: PacketFilter
    private let matches: PacketMatch?
    private var progress: Progress?
    private var taps: [Tap] = []
    private var bytesRead: Int64 = 0
    private var packetsRead: UInt64 = 0
    /// What was read of standard input already.
    private let standardInput: [UInt8]

    /// Only the analysis with `progress` speaks; the others read the same files and have nothing to add.
    init(
        options: AnalyzerOptions, filter: PacketFilter, judge: Judge, progress: Progress?, standardInput: [UInt8] = []
    ) {
        self.standardInput = standardInput
        self.options = options
        self.filter = filter
        matches = filter.makeMatch()
        self.judge = judge
        self.progress = progress
    }

    /// Reads everything and tells the judge; `nil` when there was nothing that could be read.
    mutating func run(_ paths: [String], jobs: Jobs = Jobs()) -> Report? {
        let inputs = inOrder(expand(paths), isMerged: jobs.isMerged)
        judge.begin(captures: inputs.count)
        var jobs = jobs
        if jobs.count > 1, !inputs.allSatisfy(\.isRereadable) {
            complain("an input can be read only once: one job")
            jobs.count = 1
        }
        let others = jobs.others(for: inputs, options: options, filter: filter)
        options.shard = Shard(index: 0, count: others.count + 1)
        analyze(inputs, isMerged: jobs.isMerged)
        for other in others {
            guard let (analysis, judge) = other.result() else { continue }
            self.judge.absorb(judge)
            counters.add(analysis.counters)
            isDamaged = isDamaged || analysis.isDamaged
        }
        progress?.end()
        if captures.isEmpty, isUnreadable { return nil }
        return judge.report(captures: captures, counters: counters)
    }

    /// Reads the inputs; what was found is with the judge then.
    mutating func analyze(_ inputs: [Input], isMerged: Bool) {
        if isMerged {
            merge(inputs)
        } else {
            for input in inputs {
                guard !Signals.interrupted, filter.count > 0 else { break }
                if let capture = input.takeOpened() ?? open(input.path) { read(capture) }
            }
        }
        for tap in taps { retire(tap) }
        taps = []
    }

    /// All captures at once, packet by packet in the order of their times: one network, seen in several files.
    private mutating func merge(_ inputs: [Input]) {
        var sources: [MergeSource] = []
        for input in inputs {
            guard !Signals.interrupted else { break }
            if let capture = input.takeOpened() ?? open(input.path) { sources.append(MergeSource(capture)) }
        }
        var analyzer = Analyzer(options: options, output: judge)
        while !Signals.interrupted, filter.count > 0 {
            // The one whose packet is due, and how long no other is.
            var due: Int?
            var limit: Timestamp?
            var holder = 0
            for index in sources.indices {
                guard let time = sources[index].nextTime else { continue }
                guard let first = due, let dueTime = sources[first].nextTime else {
                    due = index
                    continue
                }
                let other = time < dueTime ? dueTime : time
                let otherIndex = time < dueTime ? first : index
                if time < dueTime { due = index }
                if limit.map({ other < $0 }) ?? true { (limit, holder) = (other, otherIndex) }
            }
            guard let due else { break }
            let before = sources[due].position
            sources[due].analyze(
                until: limit, orAt: due < holder, count: filter.count, index: UInt16(clamping: due), filter: filter,
                matches: matches, with: &analyzer)
            let count = UInt64(sources[due].position - before)
            filter.count -= count
            packetsRead += count
            if sources[due].isBatchOver {
                sources[due].next()
                judge.batchEnded()
                let bytes = sources.reduce(Int64(0)) { $0 + $1.bytesRead }
                let exchanges = judge.exchanges
                progress?.update(bytes: bytes, packets: packetsRead, exchanges: exchanges)
            }
        }
        analyzer.finish()
        counters.add(analyzer.counters)
        for source in sources { note(source.finished()) }
    }

    private mutating func read(_ opened: consuming OpenCapture) {
        var capture = opened
        let index = UInt16(clamping: captures.count)
        let tap = tap(from: capture.firstPacket)
        var unread: [CapturedPacket] = []
        var lastTime: Timestamp?
        repeat {
            let wanted = Int(clamping: min(filter.count, UInt64(capture.packets.count)))
            capture.analyze(0..<wanted, index: index, filter: filter, matches: matches, with: &tap.analyzer)
            filter.count -= UInt64(wanted)
            unread = Array(capture.packets[wanted...])
            if wanted > 0 { lastTime = capture.packets[wanted - 1].time }
            packetsRead += UInt64(wanted)
            judge.batchEnded()
            let exchanges = judge.exchanges
            progress?.update(
                bytes: bytesRead + capture.reader.bytesRead, packets: packetsRead, exchanges: exchanges)
        } while !Signals.interrupted && filter.count > 0 && capture.next()

        var description = capture.reader.description
        if !unread.isEmpty { description.takeBack(unread, last: lastTime) }
        bytesRead += capture.reader.bytesRead
        tap.extend(to: description)
        note(description)
    }

    /// A capture is read.
    private mutating func note(_ description: CaptureDescription) {
        captures.append(description)
        for problem in description.problems {
            complain("\(nameOf(description.path)): \(problem.message) (at offset \(problem.offset))")
        }
        guard !description.complete else { return }
        if description.packets > 0 { isDamaged = true } else { isUnreadable = true }
    }

    // MARK: Inputs

    /// Directories become the captures in them.
    private mutating func expand(_ paths: [String]) -> [String] {
        var expanded: [String] = []
        for path in paths {
            guard path != "-", System.kind(of: path) == .directory else {
                expanded.append(path)
                continue
            }
            do throws(CaptureError) {
                expanded += try CaptureReader.captures(inDirectory: path)
            } catch {
                fail(error)
            }
        }
        return expanded
    }

    /// The inputs in the order of their first packets.
    ///
    /// Files are opened for that and again later; what cannot be opened twice stays open.
    private mutating func inOrder(_ paths: [String], isMerged: Bool) -> [Input] {
        guard paths.count > 1, !isMerged else { return paths.map { Input(path: $0) } }
        var inputs: [(time: Timestamp, input: Input)] = []
        for path in paths {
            guard !Signals.interrupted, let capture = open(path) else { continue }
            let input = Input(path: path)
            let time = capture.firstPacket ?? Timestamp(nanoseconds: .min)
            if System.kind(of: path) != .regular { input.keep(capture) }
            inputs.append((time, input))
        }
        // The sort is stable: captures that begin together stay in the order they were given in.
        return inputs.sorted { $0.time < $1.time }.map(\.input)
    }

    private mutating func open(_ path: String) -> OpenCapture? {
        do throws(CaptureError) {
            let first = path == "-" ? standardInput : []
            return OpenCapture(try CaptureReader(path: path, first: first, isStopped: { Signals.interrupted }))
        } catch {
            fail(error)
            return nil
        }
    }

    private mutating func fail(_ error: CaptureError) {
        // Nobody waits any more for what did not come.
        guard !Signals.interrupted else { return }
        isUnreadable = true
        complain(
            error.kind == .notACapture && SessionSource.isHAR(error.path)
                ? "\(error.path) is a HAR file, not a capture: 'replay' and 'serve' read it" : error.message)
    }

    private func complain(_ message: String) {
        if progress != nil { say(message) }
    }

    // MARK: Taps

    /// The analyzer for a capture that begins at `time`.
    private mutating func tap(from time: Timestamp?) -> Tap {
        let before = taps.filter { $0.mayContinue(at: time) }
        if let tap = before.max(by: { $0.last < $1.last }) { return tap }
        if taps.count == Self.mostTaps, let oldest = taps.min(by: { $0.last < $1.last }) {
            taps.removeAll { $0 === oldest }
            retire(oldest)
        }
        let tap = Tap(Analyzer(options: options, output: judge))
        taps.append(tap)
        return tap
    }

    private mutating func retire(_ tap: Tap) {
        tap.analyzer.finish()
        counters.add(tap.analyzer.counters)
    }

    /// Analyzers kept ready for a capture that goes on where another has ended.
    private static let mostTaps = 64
}

/// The name of an input for people.
func nameOf(_ path: String) -> String { path == "-" ? "standard input" : path }

/// One point of the network, and the clock there.
private final class Tap {
    var analyzer: Analyzer
    private var first: Timestamp?
    private(set) var last = Timestamp(nanoseconds: .min)
    /// How far packets of one tap stand out of order.
    private static let disorder: Int64 = 1_000_000

    init(_ analyzer: consuming Analyzer) { self.analyzer = analyzer }

    /// Whether a capture that begins at `time` may be what follows here: it begins at the end, give or take the
    /// disorder of a tap and no more than a hundredth of what was captured.
    func mayContinue(at time: Timestamp?) -> Bool {
        guard let time, let first else { return true }
        return last.nanoseconds(since: time) <= min(Self.disorder, last.nanoseconds(since: first) / 100)
    }

    func extend(to description: CaptureDescription) {
        if let start = description.firstPacket { first = min(first ?? start, start) }
        if let end = description.lastPacket { last = max(last, end) }
    }
}

/// A capture that is being read, with the batch that was read last.
private struct OpenCapture: ~Copyable {
    var reader: CaptureReader
    private(set) var packets: [CapturedPacket] = []
    let firstPacket: Timestamp?

    init(_ reader: consuming CaptureReader) {
        self.reader = reader
        _ = self.reader.readBatch(&packets)
        firstPacket = packets.first?.time
    }

    mutating func next() -> Bool { reader.readBatch(&packets) }

    /// Hands these packets of the batch on.
    func analyze(
        _ positions: Range<Int>, index: UInt16, filter: PacketFilter, matches: PacketMatch?,
        with analyzer: inout Analyzer
    ) {
        let window = reader.window
        if filter.includesAll, matches == nil {
            return analyzer.receive(packets.span.extracting(positions), of: window, capture: index)
        }
        for position in positions {
            let packet = packets[position]
            guard filter.includes(packet) else { continue }
            let bytes = window.extracting(packet.range)
            if let matches, !matches(packet, bytes) { continue }
            analyzer.receive(packet, capture: index, bytes: bytes)
        }
    }
}

/// A capture that is read together with others.
private final class MergeSource {
    private var capture: OpenCapture
    /// The packet of the batch that comes next.
    private(set) var position = 0
    private var lastTime: Timestamp?
    private var isOver: Bool

    init(_ capture: consuming OpenCapture) {
        isOver = capture.packets.isEmpty
        self.capture = capture
    }

    var bytesRead: Int64 { capture.reader.bytesRead }
    var nextTime: Timestamp? { isOver ? nil : capture.packets[position].time }
    var isBatchOver: Bool { position == capture.packets.count }

    /// Gives away packets of this batch that come before `limit`; at least the first.
    func analyze(
        until limit: Timestamp?, orAt: Bool, count: UInt64, index: UInt16, filter: PacketFilter,
        matches: PacketMatch?, with analyzer: inout Analyzer
    ) {
        var end = position + Int(clamping: min(count, UInt64(capture.packets.count - position)))
        if let limit {
            let later = capture.packets[(position + 1)..<end].firstIndex { packet in
                limit < packet.time || limit == packet.time && !orAt
            }
            end = later ?? end
        }
        capture.analyze(position..<end, index: index, filter: filter, matches: matches, with: &analyzer)
        lastTime = capture.packets[end - 1].time
        position = end
    }

    func next() {
        position = 0
        isOver = !capture.next()
    }

    func finished() -> CaptureDescription {
        var description = capture.reader.description
        let unread = isOver ? [] : Array(capture.packets[position...])
        if !unread.isEmpty { description.takeBack(unread, last: lastTime) }
        return description
    }
}

/// A capture that was named, and what was opened of it already.
final class Input {
    let path: String
    private var opened: OpenCapture?

    init(path: String) { self.path = path }

    /// Every job can read it by itself.
    var isRereadable: Bool { opened == nil && path != "-" && System.kind(of: path) == .regular }

    fileprivate func keep(_ capture: consuming OpenCapture) { opened = consume capture }
    fileprivate func takeOpened() -> OpenCapture? { opened.take() }
}

extension CaptureDescription {
    /// Leaves the last packets out: those that were in the window but not wanted.
    fileprivate mutating func takeBack(_ unread: [CapturedPacket], last: Timestamp?) {
        for packet in unread {
            packets -= 1
            bytes -= UInt64(packet.range.count)
            if packet.originalLength > packet.range.count { snappedPackets -= 1 }
        }
        // What lies behind the last wanted packet was not looked at.
        complete = true
        problems = []
        lastPacket = last
        if packets == 0 { firstPacket = nil }
    }
}

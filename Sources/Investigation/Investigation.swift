// Captures in, a report out.
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
public import Traffic

/// What an investigation reads, and what it judges by.
public struct InvestigationOptions: Sendable {
    public var analyzer = AnalyzerOptions()
    public var judging = JudgeOptions()
    public var filter = PacketFilter()
    /// Threads that read; the report is the same.
    public var jobs = 1
    /// All captures are read at once, by time: they hold one direction each.
    public var isMerged = false
    /// What was read of standard input already.
    public var standardInput: [UInt8] = []
    /// Asked while reading: whether to stop, and report what was read so far.
    public var isStopped: @Sendable () -> Bool = { false }
    public init() {}
}

/// What is known of the inputs besides what was found in them.
public struct ReadingFacts: Sendable {
    /// An input could not be read at all.
    public internal(set) var isUnreadable = false
    /// An input was damaged or cut short.
    public internal(set) var isDamaged = false
    /// What was read.
    public internal(set) var captures: [CaptureDescription] = []
    public internal(set) var counters = TrafficCounters()
}

/// The way from captures to a report.
///
///     let report = Investigation().run(["a.pcap", "captures/"])
///     for finding in report?.connectionFindings ?? [] { print(finding.finding.message) }
public final class Investigation {
    /// Of the last run.
    public private(set) var facts = ReadingFacts()
    private let options: InvestigationOptions
    private let recorder: (any AnalyzerObserver)?
    private let observers: [any InvestigationObserver]

    /// `recorder` is given everything the analyzer finds, `observers` what was judged; both hear of one job's part only.
    public init(
        _ options: InvestigationOptions = InvestigationOptions(), recorder: (any AnalyzerObserver)? = nil,
        observers: [any InvestigationObserver] = []
    ) {
        self.options = options
        self.recorder = recorder
        self.observers = observers
    }

    /// Reads captures and directories of captures, "-" being standard input.
    ///
    /// There is no report where nothing could be read.
    public func run(_ paths: [String]) -> Report? {
        var reading = Reading(options, judge: Judge(options.judging, recorder: recorder, observers: observers))
        defer { facts = reading.facts }
        return reading.run(paths)
    }
}

/// The reading of all captures, or one job's part of it.
struct Reading {
    private(set) var facts = ReadingFacts()

    private let options: InvestigationOptions
    private var analyzing: AnalyzerOptions
    private let judge: Judge
    private var filter: PacketFilter
    private let matches: PacketMatch?
    private var taps: [Tap] = []
    private var bytesRead: Int64 = 0
    private var packetsRead: UInt64 = 0

    init(_ options: InvestigationOptions, judge: Judge) {
        self.options = options
        self.judge = judge
        analyzing = options.analyzer
        filter = options.filter
        matches = filter.makeMatch?()
    }

    /// Reads everything and tells the judge; `nil` when there was nothing that could be read.
    mutating func run(_ paths: [String]) -> Report? {
        let inputs = inOrder(expand(paths))
        judge.tell(.started(captures: inputs.count))
        var jobs = options.jobs
        if jobs > 1, !inputs.allSatisfy(\.isRereadable) {
            judge.tell(.undivided)
            jobs = 1
        }
        let others = inputs.isEmpty ? [] : (1..<max(1, jobs)).map { job($0, of: jobs, inputs.map(\.path)) }
        read(inputs, as: Shard(index: 0, count: others.count + 1))
        for other in others {
            guard let (found, judge) = other.result() else { continue }
            self.judge.absorb(judge)
            facts.counters.add(found.counters)
            facts.isDamaged = facts.isDamaged || found.isDamaged
        }
        if facts.captures.isEmpty, facts.isUnreadable { return nil }
        return judge.report(captures: facts.captures, counters: facts.counters)
    }

    /// Starts a job that reads the same inputs and follows its own part of the flows.
    private func job(_ index: Int, of count: Int, _ paths: [String]) -> Job {
        let options = options
        return Job {
            let judge = Judge(options.judging.share(of: options.jobs))
            var reading = Reading(options, judge: judge)
            reading.read(paths.map { Input(path: $0) }, as: Shard(index: index, count: count))
            return (reading.facts, judge)
        }
    }

    /// Reads the inputs; what was found is with the judge then.
    mutating func read(_ inputs: [Input], as shard: Shard) {
        analyzing.shard = shard
        if options.isMerged {
            merge(inputs)
        } else {
            for input in inputs {
                guard !options.isStopped(), filter.count > 0 else { break }
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
            guard !options.isStopped() else { break }
            if let capture = input.takeOpened() ?? open(input.path) { sources.append(MergeSource(capture)) }
        }
        var analyzer = Analyzer(options: analyzing, output: judge)
        while !options.isStopped(), filter.count > 0 {
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
                tellProgress(bytes: sources.reduce(0) { $0 + $1.bytesRead })
            }
        }
        analyzer.finish()
        facts.counters.add(analyzer.counters)
        for source in sources { note(source.finished()) }
    }

    private mutating func read(_ opened: consuming OpenCapture) {
        var capture = opened
        let index = UInt16(clamping: facts.captures.count)
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
            tellProgress(bytes: bytesRead + capture.reader.bytesRead)
        } while !options.isStopped() && filter.count > 0 && capture.next()

        var description = capture.reader.description
        if !unread.isEmpty { description.takeBack(unread, last: lastTime) }
        bytesRead += capture.reader.bytesRead
        tap.extend(to: description)
        note(description)
    }

    private func tellProgress(bytes: Int64) {
        judge.tell(.batchRead(ReadingProgress(bytes: bytes, packets: packetsRead, exchanges: judge.exchanges)))
    }

    /// A capture is read.
    private mutating func note(_ description: CaptureDescription) {
        facts.captures.append(description)
        judge.tell(.read(description))
        guard !description.complete else { return }
        if description.packets > 0 { facts.isDamaged = true } else { facts.isUnreadable = true }
    }

    // MARK: Inputs

    /// Directories become the captures in them.
    private mutating func expand(_ paths: [String]) -> [String] {
        var expanded: [String] = []
        for path in paths {
            guard path != "-", FileKind(of: path) == .directory else {
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
    private mutating func inOrder(_ paths: [String]) -> [Input] {
        guard paths.count > 1, !options.isMerged else { return paths.map { Input(path: $0) } }
        var inputs: [(time: Timestamp, input: Input)] = []
        for path in paths {
            guard !options.isStopped(), let capture = open(path) else { continue }
            let input = Input(path: path)
            let time = capture.firstPacket ?? Timestamp(nanoseconds: .min)
            if FileKind(of: path) != .regular { input.keep(capture) }
            inputs.append((time, input))
        }
        // The sort is stable: captures that begin together stay in the order they were given in.
        return inputs.sorted { $0.time < $1.time }.map(\.input)
    }

    private mutating func open(_ path: String) -> OpenCapture? {
        do throws(CaptureError) {
            let first = path == "-" ? options.standardInput : []
            return OpenCapture(try CaptureReader(path: path, first: first, isStopped: options.isStopped))
        } catch {
            fail(error)
            return nil
        }
    }

    private mutating func fail(_ error: CaptureError) {
        // Nobody waits any more for what did not come.
        guard !options.isStopped() else { return }
        facts.isUnreadable = true
        judge.tell(.unreadable(error))
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
        let tap = Tap(Analyzer(options: analyzing, output: judge))
        taps.append(tap)
        return tap
    }

    private mutating func retire(_ tap: Tap) {
        tap.analyzer.finish()
        facts.counters.add(tap.analyzer.counters)
    }

    /// Analyzers kept ready for a capture that goes on where another has ended.
    private static let mostTaps = 64
}

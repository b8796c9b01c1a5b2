// Captures in, a report out: the wiring of the parts, and nothing else.
//
//     CaptureReader ──packets──► Analyzer ──exchanges, connections──► Judge: Inspector ──findings──► ReportCollector
//
// Several captures are read in the order of their first packets. One that begins where another has ended goes
// on with that one's analyzer: they are one capture, and connections may span them. One that overlaps with all
// others in time is a separate tap with an analyzer of its own: packets are never compared across two clocks.

import Inspection
import Reports
import Traffic

/// Judges what the analyzer finds, and hands it on.
final class Judge: AnalyzerOutput {
    private let inspector: Inspector
    private let collector: ReportCollector
    private let eventFiles: [OutputFile]
    private var events: EventStreams?
    private(set) var exchanges: UInt64 = 0

    init(inspector: Inspector, report: ReportOptions, events: [OutputFile] = []) {
        self.inspector = inspector
        collector = ReportCollector(options: report)
        eventFiles = events
    }

    /// So many captures come.
    func begin(captures: Int) {
        guard !eventFiles.isEmpty else { return }
        events = EventStreams(eventFiles, severalCaptures: captures > 1, showSecrets: inspector.showSecrets)
    }

    func finished(_ exchange: Exchange) {
        exchanges += 1
        // What will only be counted needs no words and no evidence.
        let isBrief = events == nil && collector.isSelective
        var findings = inspector.inspect(exchange, isBrief: isBrief)
        if isBrief, !findings.isEmpty, collector.admits(exchange) { findings = inspector.inspect(exchange) }
        collector.add(exchange, findings: findings)
        events?.add(exchange, findings: findings)
    }

    func ended(_ connection: ConnectionRecord) {
        let findings = inspector.inspect(connection)
        collector.add(connection, findings: findings)
        events?.add(connection, findings: findings)
    }

    /// A batch was read: whoever follows the events gets them now.
    func batchEnded() { events?.flush() }

    func report(captures: [CaptureDescription], counters: TrafficCounters) -> Report {
        let report = collector.finish(captures: captures, counters: counters, inspector: inspector)
        events?.finish(report)
        return report
    }
}

/// Which packets are looked at.
struct PacketFilter {
    var since: Timestamp?
    var until: Timestamp?
    /// How many packets are read at most, over all captures.
    var count = UInt64.max

    func includes(_ packet: CapturedPacket) -> Bool {
        if let since, packet.time < since { return false }
        if let until, until < packet.time { return false }
        return true
    }
}

/// The reading of all captures of one command.
struct Analysis {
    /// An input could not be read at all.
    private(set) var isUnreadable = false
    /// An input was damaged or cut short.
    private(set) var isDamaged = false
    /// What was read.
    private(set) var captures: [CaptureDescription] = []

    private let options: AnalyzerOptions
    private let judge: Judge
    private var filter: PacketFilter
    private var progress: Progress
    private var taps: [Tap] = []
    private var counters = TrafficCounters()
    private var bytesRead: Int64 = 0
    private var packetsRead: UInt64 = 0

    init(options: AnalyzerOptions, filter: PacketFilter, judge: Judge, progress: Progress) {
        self.options = options
        self.filter = filter
        self.judge = judge
        self.progress = progress
    }

    /// Reads everything and tells the judge; `nil` when there was nothing that could be read.
    mutating func run(_ paths: [String]) -> Report? {
        let inputs = inOrder(expand(paths))
        judge.begin(captures: inputs.count)
        for input in inputs {
            guard !Signals.interrupted, filter.count > 0 else { break }
            if let capture = input.takeOpened() ?? open(input.path) { read(capture) }
        }
        for tap in taps { retire(tap) }
        progress.end()
        if captures.isEmpty, isUnreadable { return nil }
        return judge.report(captures: captures, counters: counters)
    }

    private mutating func read(_ opened: consuming OpenCapture) {
        var capture = opened
        let index = UInt16(clamping: captures.count)
        let tap = tap(from: capture.firstPacket)
        var unread: [CapturedPacket] = []
        var lastTime: Timestamp?
        repeat {
            let wanted = Int(clamping: min(filter.count, UInt64(capture.packets.count)))
            Self.analyze(capture, first: wanted, index: index, filter: filter, with: &tap.analyzer)
            filter.count -= UInt64(wanted)
            unread = Array(capture.packets[wanted...])
            if wanted > 0 { lastTime = capture.packets[wanted - 1].time }
            packetsRead += UInt64(wanted)
            judge.batchEnded()
            progress.update(
                bytes: bytesRead + capture.reader.bytesRead, packets: packetsRead, exchanges: judge.exchanges)
        } while !Signals.interrupted && filter.count > 0 && capture.next()

        var description = capture.reader.description
        if !unread.isEmpty { description.takeBack(unread, last: lastTime) }
        bytesRead += capture.reader.bytesRead
        captures.append(description)
        tap.extend(to: description)
        for problem in description.problems {
            say("\(nameOf(description.path)): \(problem.message) (at offset \(problem.offset))")
        }
        guard !description.complete else { return }
        if description.packets > 0 { isDamaged = true } else { isUnreadable = true }
    }

    private static func analyze(
        _ capture: borrowing OpenCapture, first count: Int, index: UInt16, filter: PacketFilter,
        with analyzer: inout Analyzer
    ) {
        let window = capture.reader.window
        for position in 0..<count {
            let packet = capture.packets[position]
            guard filter.includes(packet) else { continue }
            analyzer.receive(packet, capture: index, bytes: window.extracting(packet.range))
        }
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
    private mutating func inOrder(_ paths: [String]) -> [Input] {
        guard paths.count > 1 else { return paths.map { Input(path: $0) } }
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
            return OpenCapture(try CaptureReader(path: path, isStopped: { Signals.interrupted }))
        } catch {
            fail(error)
            return nil
        }
    }

    private mutating func fail(_ error: CaptureError) {
        // Nobody waits any more for what did not come.
        guard !Signals.interrupted else { return }
        isUnreadable = true
        say(error.message)
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
    private(set) var last = Timestamp(nanoseconds: .min)

    init(_ analyzer: consuming Analyzer) { self.analyzer = analyzer }

    /// Whether a capture that begins at `time` may be what follows here.
    func mayContinue(at time: Timestamp?) -> Bool { time.map { last <= $0 } ?? true }

    func extend(to description: CaptureDescription) {
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
}

/// A capture that was named, and what was opened of it already.
private final class Input {
    let path: String
    private var opened: OpenCapture?

    init(path: String) { self.path = path }

    func keep(_ capture: consuming OpenCapture) { opened = consume capture }
    func takeOpened() -> OpenCapture? { opened.take() }
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

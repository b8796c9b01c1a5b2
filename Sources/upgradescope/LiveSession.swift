// A capture that is being made: packets in, the same machines as for files, and at any time the counts so far.
//
//     PacketSource ──packets──► Analyzer ──exchanges──► Judge ──► ReportCollector, events
//                                  │                      └─────► LiveObserver (a screen, metrics)
//                                  └──whose packet──► Recorder
//
// One thread does all of it, packet by packet: what is waited for is only the next packet. Bursts are taken up by the
// buffer that libpcap shares with the kernel.

import Inspection
import Investigation
import LiveCapture
import Reports
import Traffic

/// Watches a session; must not ask it before `refresh`.
protocol LiveObserver: InvestigationObserver {
    /// Comes a few times a second, and once more at the end.
    func refresh(_ session: LiveSession)
    /// How many bytes of each message are wanted; `nil` for no messages.
    var messageBytes: Int? { get }
}

final class LiveSession {
    let judge: Judge
    let recorder: Recorder?
    let observers: [any LiveObserver]
    private let events: EventFiles?
    let interface: RecordedInterface
    private var analyzer: Analyzer
    private let records: Bool

    /// Packets so far, their captured bytes, and those that were not captured whole.
    private(set) var packets: UInt64 = 0
    private(set) var bytes: UInt64 = 0
    private var snapped: UInt64 = 0
    private var first: Timestamp?
    private(set) var last: Timestamp?
    /// What the kernel and the interface counted, as of the last refresh.
    private(set) var statistics = InterfaceStatistics()

    /// Numbers of packets have 32 bits: when they have all been used, the capture goes on as another one.
    private var number: UInt32 = 0
    private var captures: [CaptureDescription] = []
    /// However long it runs, the report lists so many exchanges; all of them are counted, and are events.
    private static let spooledExchanges = 1_000_000

    init(
        _ interface: RecordedInterface, options: AnalyzerOptions, judging: JudgeOptions, events: EventFiles?,
        observers: [any LiveObserver], recorder: Recorder?
    ) {
        var judging = judging
        judging.judgesEarly = true
        judging.report.spooledExchanges = Self.spooledExchanges
        let told: [any InvestigationObserver] = (events.map { [$0] } ?? []) + observers
        judge = Judge(judging, observers: told)
        self.events = events
        self.observers = observers
        self.recorder = recorder
        self.interface = interface
        records = recorder != nil
        var options = options
        options.tellsOwners = recorder?.keepsOnlyExchanges ?? false
        options.tellsProgress = !told.isEmpty
        if let bytes = observers.compactMap(\.messageBytes).max() {
            let others = options.transcript.messages ? options.transcript.payloadBytes : 0
            options.transcript.messages = true
            options.transcript.payloadBytes = max(others, bytes)
        }
        analyzer = Analyzer(options: options, output: LiveOutput(judge, recorder))
        judge.tell(.started(captures: 1))
    }

    /// Takes the next packet.
    func receive(_ packet: CapturedPacket, _ span: Span<UInt8>) {
        if number == .max { beginNextCapture() }
        number += 1
        packets += 1
        bytes += UInt64(span.count)
        if packet.originalLength > span.count { snapped += 1 }
        if first == nil { first = packet.time }
        last = packet.time
        var packet = packet
        packet.number = number
        analyzer.receive(packet, capture: UInt16(truncatingIfNeeded: captures.count), bytes: span)
        if records { recorder?.take(packet, span, owner: analyzer.lastOwner) }
    }

    /// Events and recorded packets are handed on; observers may look.
    func refresh(_ statistics: InterfaceStatistics) {
        self.statistics = statistics
        recorder?.statistics = statistics
        recorder?.flush()
        judge.tell(
            .batchRead(ReadingProgress(bytes: Int64(clamping: bytes), packets: packets, exchanges: judge.exchanges)))
        for observer in observers { observer.refresh(self) }
    }

    /// The capture is over; `problem` says what ended it, where that was not asked for.
    func finish(_ statistics: InterfaceStatistics, problem: String? = nil) -> Report {
        self.statistics = statistics
        analyzer.finish()
        recorder?.finish(statistics)
        var capture = description
        capture.interfaces[0].drops = statistics.dropped
        if let problem {
            capture.complete = false
            capture.problems = [CaptureProblem(kind: "cut", offset: 0, message: problem)]
        }
        captures.append(capture)
        let report = judge.report(captures: captures, counters: counters)
        for observer in observers { observer.refresh(self) }
        return report
    }

    // MARK: What is known so far

    var counters: TrafficCounters {
        var counters = analyzer.counters
        if lostEvents > 0 { counters.limitsHit["event-bytes"] = lostEvents }
        return counters
    }
    /// Events that their reader was too slow for.
    var lostEvents: UInt64 { events?.lost ?? 0 }
    /// Connections that are followed at this moment.
    var openConnections: Int { analyzer.openConnections }
    /// Walks all connections: for a display, not for every packet.
    func forEachOpenExchange(_ body: (ExchangeProgress) -> Void) { analyzer.forEachOpenExchange(body) }

    private func beginNextCapture() {
        captures.append(description)
        (number, first) = (0, nil)
        (packetsBefore, bytesBefore, snappedBefore) = (packets, bytes, snapped)
    }
    private var packetsBefore: UInt64 = 0
    private var bytesBefore: UInt64 = 0
    private var snappedBefore: UInt64 = 0

    /// The capture as a report has it: as the recording of it would be described.
    private var description: CaptureDescription {
        var capture = CaptureDescription(path: interface.name)
        capture.format = "pcapng"
        capture.resolution = "ns"
        var described = CaptureInterface(linkType: interface.linkType, snapLength: interface.snapLength)
        described.name = interface.name
        described.filter = interface.filter
        described.unitsPerSecond = 1_000_000_000
        capture.interfaces = [described]
        capture.packets = packets - packetsBefore
        capture.bytes = bytes - bytesBefore
        capture.snappedPackets = snapped - snappedBefore
        capture.firstPacket = first
        capture.lastPacket = first == nil ? nil : last
        return capture
    }
}

/// Hands everything to the judge, and tells the recorder of what it may let go.
private final class LiveOutput: AnalyzerObserver {
    private let judge: Judge
    private let recorder: Recorder?

    init(_ judge: Judge, _ recorder: Recorder?) {
        self.judge = judge
        self.recorder = recorder
    }

    func receive(_ event: AnalyzerEvent) {
        judge.receive(event)
        if case .ended(let connection) = event { recorder?.ended(connection.facts.id) }
    }
}

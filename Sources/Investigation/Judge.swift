// Between the analyzer, which finds, and the report: judges every exchange and connection once.

@_spi(Judging) public import Inspection
public import Traffic

/// What a judge judges by, and what it reports.
public struct JudgeOptions: Sendable {
    public var inspector: Inspector
    public var report: ReportOptions
    /// What is certain about an exchange is an event while it goes on (`InvestigationEvent.decided`).
    public var judgesEarly = false
    /// Only findings for which this side is at fault; `nil` for all.
    public var onlyFault: Fault?

    public init(inspector: Inspector = Inspector(), report: ReportOptions = ReportOptions()) {
        self.inspector = inspector
        self.report = report
    }

    /// The same for one of several jobs: together they hold no more than one would.
    func share(of jobs: Int) -> JudgeOptions {
        var options = self
        options.report.spoolBytes = max(1 << 20, report.spoolBytes / max(1, jobs))
        return options
    }
}

/// Judges what the analyzer finds, and hands it on.
public final class Judge: AnalyzerObserver {
    private let inspector: Inspector
    private let collector: ReportCollector
    private let judgesEarly: Bool
    private let onlyFault: Fault?
    /// Is given all that the analyzer finds, before it is judged.
    private let recorder: (any AnalyzerObserver)?
    /// Are given what was judged.
    private let observers: [any InvestigationObserver]
    public private(set) var exchanges: UInt64 = 0

    public init(
        _ options: JudgeOptions, recorder: (any AnalyzerObserver)? = nil, observers: [any InvestigationObserver] = []
    ) {
        self.recorder = recorder
        self.observers = observers
        inspector = options.inspector
        onlyFault = options.onlyFault
        judgesEarly = options.judgesEarly && !observers.isEmpty
        collector = ReportCollector(options: options.report)
    }

    /// Takes what another job's judge was given.
    func absorb(_ other: Judge) {
        collector.absorb(other.collector)
    }

    public func receive(_ event: consuming AnalyzerEvent) {
        recorder?.receive(copy event)
        switch consume event {
        case .began(let exchange): tell(.began(exchange))
        case .answered(let exchange), .faulted(let exchange):
            if judgesEarly { tell(.decided(exchange, inspector.judgeSoFar(exchange))) }
        case .finished(let exchange):
            exchanges += 1
            var judgement = inspector.judge(exchange)
            if let onlyFault { judgement.findings.removeAll { $0.fault != onlyFault } }
            collector.add(exchange, judgement)
            tell(.finished(exchange, judgement))
        case .ended(let connection):
            let findings = inspector.inspect(connection)
            collector.add(connection, findings: findings)
            tell(.ended(connection, findings: findings))
        case .askedPlainly(let request, on: let connection): collector.add(plain: request, on: connection)
        case .said(let message, in: let exchange):
            collector.add(message, in: exchange)
            tell(.said(message, in: exchange))
        case .lostTrack, .requested, .responded, .streamed, .streamGap: break
        }
    }

    /// Gives everyone an event; it is not even made where nobody listens.
    public func tell(_ event: @autoclosure () -> InvestigationEvent) {
        guard !observers.isEmpty else { return }
        let event = event()
        for observer in observers { observer.receive(event) }
    }

    /// Everything was judged.
    public func report(captures: [CaptureDescription], counters: TrafficCounters) -> Report {
        let report = collector.finish(captures: captures, counters: counters, inspector: inspector)
        tell(.reported(report))
        return report
    }
}

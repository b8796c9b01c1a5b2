// Exchanges that are like others are counted and not followed: that must not change a word of the report.
//
// Real sessions, each several times, as if a client had come back: to one judge who wants to know of each in full, and to one
// who recognizes those it has met. Both tell of few of them, as a text report does.

import Foundation
import Inspection
import Reports
import TestSupport
import Testing
import Traffic

@Suite struct RecognizedExchangesTests {
    /// Few of them are ordinary: none has to be recognized.
    @Test func ofTheSamples() throws {
        try compare(
            SharedMaterial.captures(in: SharedMaterial.samples), atLeast: 0)
    }

    @Test(.timeLimit(.minutes(10))) func ofTheLaboratory() throws {
        guard let captures = SharedMaterial.captures(of: "lab", for: "recognized exchanges") else { return }
        try compare(captures, atLeast: 20)
    }

    private func compare(_ captures: [URL], atLeast least: Int) throws {
        var sum = 0
        for capture in captures {
            let followed = try report(on: capture, recognizes: false)
            let recognized = try report(on: capture, recognizes: true)
            #expect(followed.recognized == 0)
            if recognized.text != followed.text {
                Issue.record(
                    "\(capture.lastPathComponent):\n\(recognized.text)\nis told where each is followed:\n\(followed.text)"
                )
                return
            }
            sum += recognized.recognized
        }
        #expect(sum >= least)
    }

    /// The text of the report on that capture read six times, an hour apart, and how many exchanges were recognized.
    private func report(on capture: URL, recognizes: Bool) throws -> (text: String, recognized: Int) {
        let judge = Judge()
        var options = AnalyzerOptions()
        options.recognizesExchanges = recognizes
        var analyzer = Analyzer(options: options, output: judge)
        var number: UInt32 = 0
        for round in Int64(0)..<6 {
            guard let source = try? CaptureReader(path: capture.path) else { break }
            var reader = source
            var batch: [CapturedPacket] = []
            while reader.readBatch(&batch) {
                for var packet in batch {
                    number += 1
                    packet.number = number
                    packet.time = Timestamp(nanoseconds: packet.time.nanoseconds &+ round &* 3_600_000_000_000)
                    analyzer.receive(packet, capture: 0, bytes: reader.window.extracting(packet.range))
                }
            }
        }
        analyzer.finish()
        var sink: any ByteSink = ByteArraySink()
        try TextReport.write(judge.report(analyzer.counters), to: &sink)
        return (String(decoding: (sink as? ByteArraySink)?.bytes ?? [], as: UTF8.self), judge.recognized)
    }

    /// A judge like that of the program where only text is asked for.
    private final class Judge: AnalyzerOutput {
        private let inspector = Inspector()
        private let collector: ReportCollector
        private var memory = HandshakeMemory()
        var recognized = 0

        init() {
            var options = ReportOptions()
            options.everyExchange = false
            options.exchangesWithFindings = 1
            options.cleanExchanges = 1
            collector = ReportCollector(options: options)
        }

        func note(ofTarget target: Span<UInt8>) -> TargetNote { FamiliarExchanges.note(ofTarget: target) }

        func recognizes(_ exchange: borrowing FamiliarExchange) -> Bool {
            guard collector.add(exchange, &memory.familiar) else { return false }
            recognized += 1
            return true
        }

        func finished(_ exchange: Exchange) {
            var findings = inspector.inspect(exchange, isBrief: true, &memory)
            for kind in memory.familiar.takeDropped() { collector.count(kind) }
            if !findings.isEmpty, collector.admits(exchange) { findings = inspector.inspect(exchange) }
            collector.add(exchange, findings: findings)
        }

        func ended(_ connection: ConnectionRecord) {
            collector.add(connection, findings: inspector.inspect(connection))
        }

        func report(_ counters: TrafficCounters) -> Report {
            for kind in memory.familiar.takeAll() { collector.count(kind) }
            return collector.finish(captures: [], counters: counters, inspector: inspector)
        }
    }
}

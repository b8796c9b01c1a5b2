// From captures to a report by the library alone, and what is reported on the way.

import Foundation
import Inspection
import Investigation
import TestSupport
import Testing
import Traffic

@Suite("An investigation") struct InvestigationTests {
    private final class Diary: InvestigationObserver {
        var words: [String] = []

        func receive(_ event: InvestigationEvent) {
            switch event {
            case .started(let captures): words.append("\(captures) captures")
            case .unreadable(let error): words.append("no \(URL(fileURLWithPath: error.path).lastPathComponent)")
            case .undivided: words.append("one job")
            case .began: words.append("began")
            case .decided(_, let judgement): words.append("decided, \(judgement.findings.map(\.rule))")
            case .said: words.append("said")
            case .finished(_, let judgement): words.append("finished, \(judgement.findings.map(\.rule))")
            case .ended(_, let findings): words.append("ended, \(findings.map(\.rule))")
            case .batchRead(let progress): words.append("\(progress.packets) packets")
            case .read(let capture): words.append(capture.complete ? "read" : "damaged")
            case .reported: words.append("reported")
            }
        }
    }

    private static let samples = SharedMaterial.samples.path

    @Test("of the samples is the same with any number of jobs") func jobs() throws {
        func rules(_ jobs: Int) throws -> [String] {
            var options = InvestigationOptions()
            options.jobs = jobs
            let report = try #require(Investigation(options).run([Self.samples]))
            var rules: [String] = []
            try report.forEachFinding { rules.append("\($0.id) \($0.finding.rule) \($0.mark.packet)") }
            return rules
        }
        let alone = try rules(1)
        #expect(alone.count > 20)
        #expect(try rules(3) == alone)
    }

    @Test("says what cannot be read, and that there is no report") func unreadable() {
        let diary = Diary()
        let investigation = Investigation(observers: [diary])
        #expect(investigation.run(["/nonexistent/a.pcap"]) == nil)
        #expect(investigation.facts.isUnreadable)
        #expect(diary.words == ["1 captures", "no a.pcap"])
    }

    @Test("reports in the order in which things happen") func events() throws {
        var talk = Talk()
        talk.open()
        talk.client(Handshake.request())
        talk.server(Handshake.response())
        talk.close()
        let diary = Diary()
        var judging = JudgeOptions()
        judging.judgesEarly = true
        let judge = Judge(judging, observers: [diary])
        var options = AnalyzerOptions()
        options.tellsProgress = true
        var analyzer = Analyzer(options: options, output: judge)
        talk.feed(&analyzer)
        analyzer.finish()
        _ = judge.report(captures: [], counters: analyzer.counters)
        #expect(diary.words == ["began", "decided, []", "finished, [\"WSF014\"]", "ended, []", "reported"])
    }

    /// What is given to the judge while it happens, as `live` does, is judged as what is read from a file.
    @Test("hears of plain requests after a demand for TLS") func demandForTLS() throws {
        let request = "GET /ipp HTTP/1.1\r\nHost: printer.example\r\n\r\n"
        var talk = Talk()
        talk.open()
        talk.client(request)
        talk.server(
            "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n")
        talk.client(request)
        talk.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        talk.close()
        var judging = JudgeOptions()
        judging.judgesEarly = true
        let judge = Judge(judging, observers: [Diary()])
        var options = AnalyzerOptions()
        options.tellsProgress = true
        var analyzer = Analyzer(options: options, output: judge)
        talk.feed(&analyzer)
        analyzer.finish()
        #expect(judge.report(captures: [], counters: analyzer.counters).summary.rules["TLS004"] == 1)
    }
}

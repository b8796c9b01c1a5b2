// A live view tells of a faulty handshake when its answer came, not hours later when the session has ended. That is
// only right if what it says then is still true at the end.

import Foundation
import Inspection
import Testing
import Traffic

/// What was found at the answer and at the end, by exchange.
private final class Twice: AnalyzerOutput {
    let inspector = Inspector()
    var early: [ExchangeKey: Set<String>] = [:]
    var untrue: [String] = []
    var told = 0
    var atTheEnd = 0

    func answered(_ exchange: Exchange) {
        early[exchange.key] = Set(inspector.inspectAnswer(exchange).map(\.rule))
    }

    func finished(_ exchange: Exchange) {
        let final = Set(inspector.inspect(exchange).map(\.rule))
        let said = early.removeValue(forKey: exchange.key) ?? []
        untrue += said.subtracting(final).map { "\($0) of packet \(exchange.key.packet)" }
        told += said.count
        atTheEnd += final.count
    }

    func ended(_ connection: ConnectionRecord) {}
}

@Suite struct AnswerTests {
    @Test(arguments: ["lab", "third-party"]) func whatIsSaidAtTheAnswerIsTrueAtTheEnd(set: String) {
        guard let captures = SharedMaterial.captures(of: set, for: "findings at the answer, \(set)") else { return }
        check(captures)
    }

    @Test func samples() {
        check(SharedMaterial.captures(in: SharedMaterial.repository.appending(path: "samples")))
    }

    private func check(_ captures: [URL]) {
        var (told, all) = (0, 0)
        for capture in captures {
            guard let reader = try? CaptureReader(path: capture.path) else { continue }
            let output = read(reader)
            #expect(output.untrue.isEmpty, "\(capture.lastPathComponent)")
            told += output.told
            all += output.atTheEnd
        }
        print("\(told) of \(all) findings were told when the answer came")
        #expect(told > 0)
    }

    private func read(_ source: consuming CaptureReader) -> Twice {
        var reader = source
        let output = Twice()
        var options = AnalyzerOptions()
        options.tellsProgress = true
        var analyzer = Analyzer(options: options, output: output)
        var batch: [CapturedPacket] = []
        while reader.readBatch(&batch) {
            for packet in batch {
                analyzer.receive(packet, capture: 0, bytes: reader.window.extracting(packet.range))
            }
        }
        analyzer.finish()
        return output
    }
}

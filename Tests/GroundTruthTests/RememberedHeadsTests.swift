// Heads that repeat earlier ones are recognized instead of being read, and what they say of the handshake is remembered:
// that must not change a word of what is found.

import Foundation
import Inspection
import TestSupport
import Testing
import Traffic

@Suite struct RememberedHeadsTests {
    @Test(.timeLimit(.minutes(10))) func sameFindings() {
        guard let captures = SharedMaterial.captures(of: "lab", for: "remembered heads") else { return }
        let remembered = findings(in: captures, remembersHeads: true)
        let read = findings(in: captures, remembersHeads: false)
        #expect(remembered.lines.count > 20)
        #expect(remembered.known > 0)
        #expect(read.known == 0)
        for (found, expected) in zip(remembered.lines, read.lines) where found != expected {
            Issue.record("\(found)\nis found where each head is read:\n\(expected)")
            return
        }
        #expect(remembered.lines.count == read.lines.count)
    }

    /// What is found where one analyzer and one judge get all captures: a line for each exchange, and how many requests
    /// had a shape that was seen before.
    private func findings(in captures: [URL], remembersHeads: Bool) -> (lines: [String], known: Int) {
        let judge = Listener()
        var options = AnalyzerOptions()
        options.remembersHeads = remembersHeads
        var analyzer = Analyzer(options: options, output: judge)
        for (index, capture) in captures.enumerated() {
            guard let reader = try? CaptureReader(path: capture.path) else { continue }
            read(reader, as: UInt16(index), with: &analyzer)
        }
        analyzer.finish()
        return (judge.lines, judge.known)
    }

    private func read(_ source: consuming CaptureReader, as index: UInt16, with analyzer: inout Analyzer) {
        var reader = source
        var batch: [CapturedPacket] = []
        while reader.readBatch(&batch) {
            for packet in batch {
                analyzer.receive(packet, capture: index, bytes: reader.window.extracting(packet.range))
            }
        }
    }

    private final class Listener: AnalyzerOutput {
        private let inspector = Inspector()
        private var memory = HandshakeMemory()
        private var shapes: Set<UInt32> = []
        var lines: [String] = []
        var known = 0

        func finished(_ exchange: Exchange) {
            if let shape = exchange.request?.shape, shape != 0, !shapes.insert(shape).inserted { known += 1 }
            let findings = inspector.inspect(exchange, isBrief: false, &memory)
            let valid = Inspector.isValid(exchange).map { "\($0)" } ?? "-"
            let defects = [exchange.request, exchange.response].map { $0?.defects.rawValue ?? 0 }
            lines.append("\(exchange.key) \(exchange.outcome) valid \(valid) \(defects) \(findings)")
        }
        func ended(_ connection: ConnectionRecord) {}
    }
}

// How bytes were cut into segments is nobody's meaning: whatever way the streams of an exchange arrive, the
// facts are the same. Each complete connection of the lab is fed as it was said, in runs as long as they get,
// byte by byte, cut once at every byte of its first 4 KiB (its heads are longer than nothing else), and in
// random pieces.

import Foundation
import Inspection
import Testing
import Traffic

@Suite struct SplitTests {
    @Test(.timeLimit(.minutes(2))) func samples() {
        split(SharedMaterial.captures(in: SharedMaterial.repository.appending(path: "samples")), atLeast: 10)
    }

    @Test(.timeLimit(.minutes(30))) func everyLabExchange() {
        guard let lab = SharedMaterial.captures(of: "lab", for: "splitting") else { return }
        split(lab, atLeast: 150)
    }

    private func split(_ captures: [URL], atLeast: Int) {
        var left = 0
        var exchanges = 0
        var runs = 0
        var connections = 0
        var seen: Set<Int> = []
        for capture in captures {
            for dialogue in Dialogue.all(in: capture, left: &left) {
                let expected = facts(of: dialogue) { _, _ in [] }
                guard !expected.isEmpty else { continue }
                exchanges += expected.count
                connections += 1
                var differing: [String] = []
                func check(_ what: String, _ cut: (Direction, Range<Int>) -> [Int]) {
                    runs += 1
                    let found = facts(of: dialogue, cut: cut)
                    if found != expected, differing.count < 3 {
                        differing.append("\(what): \(firstDifference(found, expected))")
                    }
                }
                let merged = dialogue.merged
                runs += 1
                let whole = facts(of: merged) { _, _ in [] }
                if whole != expected { differing.append("whole: \(firstDifference(whole, expected))") }
                check("byte by byte") { _, range in Array(range.prefix(max(0, 4096 - range.lowerBound))) }
                var numbers = SeededNumbers(name: dialogue.name)
                for round in 0..<4 {
                    var random = SeededNumbers(seed: numbers.next())
                    let length = [2, 7, 100, 1500][round]
                    check("random pieces \(round)") { _, range in
                        var cuts: [Int] = []
                        var at = range.lowerBound
                        while at < range.upperBound {
                            at += 1 + random.below(at < 16_384 ? length : max(length, 1500))
                            cuts.append(at)
                        }
                        return cuts
                    }
                }
                if seen.insert(dialogue.shape).inserted {
                    // The many connections that differ in ports and keys only are cut once. What comes long behind
                    // the cut is left out: it says the same each time.
                    let opening = dialogue.opening(bytes: 6144)
                    let expectedOfOpening = facts(of: opening) { _, _ in [] }
                    for direction in Direction.allCases where differing.count < 3 {
                        for offset in 1..<max(1, min(opening.stream(direction).count, 4096)) {
                            runs += 1
                            let found = facts(of: opening) { side, _ in side == direction ? [offset] : [] }
                            if found != expectedOfOpening {
                                differing.append(
                                    "cut at \(direction.name) \(offset): \(firstDifference(found, expectedOfOpening))")
                            }
                            if differing.count >= 3 { break }
                        }
                    }
                }
                #expect(
                    differing.isEmpty, "\(dialogue.name): facts change: \(differing.joined(separator: "; "))")
            }
        }
        print(
            "splitting: \(exchanges) exchanges on \(connections) connections, \(runs) runs; "
                + "\(left) connections are incomplete and left out")
        #expect(exchanges >= atLeast)
    }

    private func facts(of dialogue: Dialogue, cut: (Direction, Range<Int>) -> [Int]) -> [String] {
        Analysis.of(dialogue.packets(cut: cut)).exchanges.map { factSheet(of: $0.exchange, $0.findings) }
    }

    private func firstDifference(_ found: [String], _ expected: [String]) -> String {
        guard found.count == expected.count else { return "\(found.count) exchanges instead of \(expected.count)" }
        for (ours, theirs) in zip(found, expected) where ours != theirs {
            for (left, right) in zip(ours.split(separator: "\n"), theirs.split(separator: "\n")) where left != right {
                return "\(left) instead of \(right)"
            }
        }
        return "another number of facts"
    }

    /// Every fact of an exchange but packet numbers and times.
    private func factSheet(of exchange: Exchange, _ findings: [Finding]) -> String {
        func hex(_ bytes: [UInt8]) -> String { bytes.map { String($0, radix: 16) }.joined(separator: ".") }
        func place(_ place: Place) -> String { "\(place.direction.name) \(place.offset)+\(place.length)" }
        func number<Value>(_ value: Value?) -> String { value.map { "\($0)" } ?? "-" }
        var lines = ["kind \(exchange.kind)"]
        for (name, head) in [("request", exchange.request), ("response", exchange.response)] {
            lines.append(
                "\(name) \(head.map { "\(place($0.place)) \($0.defects.rawValue) \(hex($0.bytes))" } ?? "none")")
        }
        lines.append("interim \(exchange.interim.map { "\($0.status) \(place($0.place))" })")
        lines.append("outcome \(exchange.outcome) \(exchange.reason) valid \(number(Inspector.isValid(exchange)))")
        lines.append(
            "protocol \(exchange.upgraded) \(exchange.protocolName) \(exchange.protocolInferred) \(exchange.inner)")
        let framing = exchange.framing
        lines.append(
            "framing \(framing.lengthAndCoding) \(framing.endUnknown) \(framing.chunked) \(number(framing.contentLength)) "
                + "\(framing.bodyBytes) \(number(framing.end))")
        if let early = exchange.early {
            lines.append(
                "early \(early.verdict) \(early.missing) \(early.clientBytes) \(number(early.atServerBytes)) "
                    + "\(place(early.place)) \(number(early.acknowledged)) \(number(early.responseStart)) "
                    + "\(number(early.responseEnd)) \(early.looksLike) \(early.onlyLineEnds) \(hex(early.excerpt))")
            if let answer = early.answer {
                lines.append("answer \(answer.status) \(place(answer.place)) \(hex(answer.requestLine))")
            }
        }
        for direction in Direction.allCases {
            let switched = exchange.switched[direction]
            lines.append(
                "switched \(direction.name) \(number(switched.start)) \(switched.bytes) \(hex(switched.excerpt))")
            if let side = exchange.websocket?.sides[direction] {
                lines.append(
                    "websocket \(direction.name) \(numbers(side.frames)) \(side.textMessages) \(side.binaryMessages) "
                        + "\(side.payloadBytes) \(side.wireBytes) \(side.maskedFrames) \(side.zeroKeys) "
                        + "\(side.longestEqualKeyRun) \(hex(side.lastHeader)) \(side.lost)")
                if let close = side.close {
                    lines.append(
                        "close \(direction.name) \(number(close.code)) \(hex(close.reason)) \(place(close.place))")
                }
            }
            if let side = exchange.http2?.sides[direction] {
                lines.append(
                    "http2 \(direction.name) \(numbers(side.frames)) \(side.highestStream) "
                        + side.settings.map { "\($0.identifier)=\($0.value)" }.joined(separator: " "))
            }
        }
        if let websocket = exchange.websocket {
            lines.append("websocket \(websocket.deflate) \(websocket.unknownExtension) \(websocket.pings.count)")
        }
        if let http2 = exchange.http2 { lines.append("http2 \(http2.preface) \(http2.streams)") }
        for anomaly in exchange.anomalies {
            lines.append(
                "anomaly \(anomaly.kind) \(place(anomaly.place)) \(hex(anomaly.excerpt)) \(anomaly.count) \(anomaly.value)"
            )
        }
        for later in exchange.laterRequests {
            lines.append(
                "later \(place(later.place)) \(later.hasForwardingFields) \(later.wasEarly) \(later.status) \(hex(later.head))"
            )
        }
        // What was judged follows from the facts; levels and certainty are facts of their own here.
        for finding in findings { lines.append("finding \(finding.rule) \(finding.level) \(finding.certainty)") }
        return lines.joined(separator: "\n")
    }
}

extension Dialogue {
    /// The same dialogue in runs as long as they get: neighbours of one side with one acknowledgment are one turn.
    var merged: Dialogue {
        var merged: [Turn] = []
        for turn in turns {
            if turn.act == .bytes, let last = merged.last, last.act == .bytes, last.direction == turn.direction,
                last.acknowledged == turn.acknowledged, last.bytes.count + turn.bytes.count < 60_000
            {
                merged[merged.count - 1].bytes += turn.bytes
            } else {
                merged.append(turn)
            }
        }
        return Dialogue(name: name, turns: merged)
    }

    /// The dialogue up to where a side has said that much; its ends are left out then.
    func opening(bytes limit: Int) -> Dialogue {
        var said = PerDirection(both: 0)
        var kept: [Turn] = []
        for turn in turns {
            if said[turn.direction] + turn.bytes.count > limit, said.client > 0, said.server > 0 { break }
            said[turn.direction] += turn.bytes.count
            kept.append(turn)
        }
        return Dialogue(name: name, turns: kept)
    }

    /// Who spoke in turn, and how much: equal for connections that differ in ports and keys only.
    var shape: Int {
        var hasher = Hasher()
        for turn in turns {
            hasher.combine(turn.direction)
            hasher.combine(turn.bytes.count)
            hasher.combine(turn.bytes.prefix(16))
        }
        return hasher.finalize()
    }
}

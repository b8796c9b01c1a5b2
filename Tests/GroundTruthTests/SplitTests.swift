// How bytes were cut into segments is nobody's meaning: whatever way the streams of an exchange arrive, the
// facts are the same. Each complete connection of the lab is fed as it was said, in runs as long as they get,
// byte by byte, cut once at every byte of its first 4 KiB (its heads are longer than nothing else), and in
// random pieces.

import Foundation
import Inspection
import TestSupport
import Testing
import Traffic

/// A fact in a form that is quickly made and compared: thousands of sheets are.
private enum Fact: Equatable, CustomStringConvertible {
    case text(String)
    case numbers(String, [Int64])
    case bytes(String, [UInt8])

    var description: String {
        switch self {
        case .text(let text): text
        case .numbers(let name, let numbers): "\(name) \(numbers)"
        case .bytes(let name, let bytes):
            "\(name) \"\(String(decoding: bytes.prefix(48), as: UTF8.self))\" (\(bytes.count))"
        }
    }
}

@Suite(.tags(.long)) struct SplitTests {
    @Test(.timeLimit(.minutes(30)), arguments: 0..<4) func samples(shard: Int) {
        let captures = SharedMaterial.captures(in: SharedMaterial.samples)
        #expect(split(part(shard, of: 4, captures), name: "samples \(shard)") >= 3)
    }

    @Test(.timeLimit(.minutes(30)), arguments: 0..<8) func everyLabExchange(shard: Int) {
        guard let lab = SharedMaterial.captures(of: "lab", for: "splitting \(shard)") else { return }
        #expect(split(part(shard, of: 8, lab), name: "lab \(shard)") >= 20)
    }

    private func part(_ shard: Int, of count: Int, _ captures: [URL]) -> [URL] {
        captures.indices.filter { $0 % count == shard }.map { captures[$0] }
    }

    /// Splits every dialogue of these captures; answers how many exchanges there were.
    private func split(_ captures: [URL], name: String) -> Int {
        var left = 0
        var exchanges = 0
        var runs = 0
        var connections = 0
        var seen: Set<Int> = []
        for capture in captures {
            for dialogue in Dialogue.all(in: capture, left: &left) {
                let expected = facts(of: dialogue, judged: true) { _, _ in [] }
                guard !expected.isEmpty else { continue }
                exchanges += expected.count
                connections += 1
                var differing: [String] = []
                func check(_ what: String, _ dialogue: Dialogue, _ cut: (Direction, Range<Int>) -> [Int]) {
                    runs += 1
                    let found = facts(of: dialogue, judged: true, cut: cut)
                    if found != expected { differing.append("\(what): \(firstDifference(found, expected))") }
                }
                check("whole", dialogue.merged) { _, _ in [] }
                check("byte by byte", dialogue) { _, range in Array(range.prefix(max(0, 4096 - range.lowerBound))) }
                var numbers = SeededNumbers(name: dialogue.name)
                for length in [2, 7, 100, 1500] {
                    var random = SeededNumbers(seed: numbers.next())
                    check("pieces of up to \(length)", dialogue) { _, range in
                        var cuts: [Int] = []
                        var at = range.lowerBound
                        while at < range.upperBound {
                            at += 1 + random.below(at < 16_384 ? length : max(length, 1500))
                            cuts.append(at)
                        }
                        return cuts
                    }
                }
                // The many connections that differ in ports and keys only are cut once.
                if seen.insert(dialogue.shape).inserted {
                    differing += cutEverywhere(dialogue, runs: &runs)
                }
                #expect(
                    differing.isEmpty, "\(dialogue.name): facts change: \(differing.prefix(4).joined(separator: "; "))")
            }
        }
        print(
            "splitting: \(name): \(exchanges) exchanges on \(connections) connections, \(runs) runs; "
                + "\(left) connections are incomplete and left out")
        return exchanges
    }

    /// One cut at every byte of the first 4 KiB of each stream; what comes long after the cut is left out.
    private func cutEverywhere(_ dialogue: Dialogue, runs: inout Int) -> [String] {
        let opening = dialogue.opening(bytes: 6144)
        let expected = facts(of: opening, judged: false) { _, _ in [] }
        var differing: [String] = []
        for direction in Direction.allCases {
            for offset in 1..<max(1, min(opening.stream(direction).count, 4096)) where differing.count < 3 {
                runs += 1
                let found = facts(of: opening, judged: false) { side, _ in side == direction ? [offset] : [] }
                if found != expected {
                    differing.append("cut at \(direction.name) \(offset): \(firstDifference(found, expected))")
                }
            }
        }
        return differing
    }

    private func facts(of dialogue: Dialogue, judged: Bool, cut: (Direction, Range<Int>) -> [Int]) -> [[Fact]] {
        Analysis.of(dialogue.packets(cut: cut), judged: judged).exchanges.map {
            factSheet(of: $0.exchange, $0.findings)
        }
    }

    private func firstDifference(_ found: [[Fact]], _ expected: [[Fact]]) -> String {
        guard found.count == expected.count else { return "\(found.count) exchanges instead of \(expected.count)" }
        for (ours, theirs) in zip(found, expected) where ours != theirs {
            for (left, right) in zip(ours, theirs) where left != right { return "\(left) instead of \(right)" }
        }
        return "another number of facts"
    }

    /// Every fact of an exchange but packet numbers and times.
    private func factSheet(of exchange: Exchange, _ findings: [Finding]) -> [Fact] {
        var sheet: [Fact] = []
        func place(_ place: Place) -> [Int64] { [Int64(place.direction.index), place.offset, place.length] }
        func flag(_ value: Bool) -> Int64 { value ? 1 : 0 }
        func head(_ name: String, _ head: MessageHead?) {
            guard let head else { return }
            sheet.append(.numbers("\(name) head", place(head.place) + [Int64(head.defects.rawValue)]))
            sheet.append(.bytes("\(name) head", head.bytes))
        }
        sheet.append(
            .numbers(
                "kind, outcome, reason, protocol, inner",
                [
                    Int64(exchange.kind.rawValue), Int64(exchange.outcome.rawValue), Int64(exchange.reason.rawValue),
                    Int64(exchange.upgraded.rawValue), Int64(exchange.inner.rawValue), flag(exchange.protocolInferred),
                ]))
        sheet.append(.text(exchange.protocolName))
        head("request", exchange.request)
        head("response", exchange.response)
        for interim in exchange.interim { head("interim", interim) }
        let framing = exchange.framing
        sheet.append(
            .numbers(
                "framing",
                [
                    flag(framing.lengthAndCoding), flag(framing.endUnknown), flag(framing.chunked),
                    framing.contentLength ?? -1, framing.bodyBytes, framing.end ?? -1,
                ]))
        if let early = exchange.early {
            sheet.append(.text("early \(early.verdict.name) \(early.missing) \(early.looksLike.name)"))
            sheet.append(
                .numbers(
                    "early",
                    place(early.place) + [
                        early.clientBytes, early.atServerBytes ?? -1, early.acknowledged ?? -1,
                        early.responseStart ?? -1, early.responseEnd ?? -1, flag(early.onlyLineEnds),
                    ]))
            sheet.append(.bytes("early bytes", early.excerpt))
            if let answer = early.answer {
                sheet.append(.numbers("answer", place(answer.place) + [Int64(answer.status)]))
                sheet.append(.bytes("answered request", answer.requestLine))
            }
        }
        for direction in Direction.allCases {
            let switched = exchange.switched[direction]
            sheet.append(.numbers("switched \(direction.name)", [switched.start ?? -1, switched.bytes]))
            sheet.append(.bytes("switched \(direction.name)", switched.excerpt))
            if let side = exchange.websocket?.sides[direction] {
                sheet.append(
                    .numbers(
                        "websocket \(direction.name)",
                        numbers(side.frames).map { Int64($0) } + [
                            Int64(side.textMessages), Int64(side.binaryMessages), side.payloadBytes, side.wireBytes,
                            Int64(side.maskedFrames), Int64(side.zeroKeys), Int64(side.longestEqualKeyRun),
                            flag(side.lost),
                        ]))
                sheet.append(.bytes("last header \(direction.name)", side.lastHeader))
                if let close = side.close {
                    sheet.append(.numbers("close \(direction.name)", place(close.place) + [Int64(close.code ?? 0)]))
                    sheet.append(.bytes("close \(direction.name)", close.reason))
                }
            }
            if let side = exchange.http2?.sides[direction] {
                let settings = side.settings.flatMap { [Int64($0.identifier), Int64($0.value)] }
                sheet.append(
                    .numbers(
                        "http2 \(direction.name)",
                        numbers(side.frames).map { Int64($0) } + [Int64(side.highestStream)] + settings))
            }
        }
        if let websocket = exchange.websocket {
            sheet.append(
                .numbers(
                    "websocket",
                    [
                        flag(websocket.agreement.deflate), flag(websocket.agreement.unknownExtension),
                        Int64(websocket.pings.count),
                    ]))
        }
        if let http2 = exchange.http2 {
            sheet.append(.numbers("http2", [flag(http2.preface), Int64(http2.streams)]))
        }
        for anomaly in exchange.anomalies {
            sheet.append(
                .numbers("anomaly \(anomaly.kind)", place(anomaly.place) + [Int64(anomaly.count), anomaly.value]))
            sheet.append(.bytes("anomaly \(anomaly.kind)", anomaly.excerpt))
        }
        for later in exchange.laterRequests {
            sheet.append(
                .numbers(
                    "later request",
                    place(later.place) + [flag(later.hasForwardingFields), flag(later.wasEarly), Int64(later.status)]))
            sheet.append(.bytes("later request", later.head))
        }
        // What was judged follows from the facts; levels and certainty are facts of their own here.
        for finding in findings {
            sheet.append(.text("finding \(finding.rule) \(finding.level.name) \(finding.certainty.name)"))
        }
        return sheet
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
            hasher.combine(turn.bytes.prefix(2))
        }
        return hasher.finalize()
    }
}

// Which summaries meet, and which stay: compared with what is plain and slow.

import TestSupport
import Testing

@_spi(Judging) @testable import Inspection
@testable import Traffic

@Suite struct CorrelationTableTests {
    /// How many summaries there are, how many of them take part (in ten), and how many values they have.
    static let rows: [(count: Int, taking: Int, values: Int)] = [
        (0, 10, 1), (1, 10, 1), (2, 10, 1), (2, 10, 1000), (3, 10, 2), (63, 10, 1), (64, 10, 8), (65, 5, 8),
        (500, 10, 1), (500, 10, 3), (500, 10, 250), (500, 10, 100_000), (500, 0, 3), (500, 5, 100), (500, 1, 400),
        (5000, 10, 5000), (5000, 9, .max),
    ]

    private static func summary(_ key: ExchangeKey, asked: Int64) throws -> ExchangeSummary {
        let heard = Wire.run([Session(start: 0, port: 50000, steps: [.client(.ws), .server(.wsAnswer)])])
        let like = try #require(heard.exchanges.first.flatMap { ExchangeSummary($0) })
        return summary(key, asked: asked, like: like)
    }

    private static func summary(_ key: ExchangeKey, asked: Int64, like other: ExchangeSummary) -> ExchangeSummary {
        var summary = other
        summary.key = key
        summary.asked = Timestamp(nanoseconds: asked)
        summary.answered = summary.asked
        summary.ended = summary.asked
        return summary
    }

    private static func key(_ packet: Int) -> ExchangeKey {
        ExchangeKey(capture: 0, packet: UInt32(packet), direction: .client, offset: 0)
    }

    /// A run is all that have one value, in order of asking, and runs come in order of their values.
    @Test(arguments: rows, UInt64(1)...3)
    func runs(row: (count: Int, taking: Int, values: Int), seed: UInt64) throws {
        var chance = SeededNumbers(seed: seed)
        let like = try Self.summary(Self.key(0), asked: 0)
        let values = (0..<row.count).map { _ in Int.random(in: 0..<row.values, using: &chance) }
        let taking = (0..<row.count).map { _ in Int.random(in: 0..<10, using: &chance) < row.taking }
        // Times repeat, so that keys decide now and then.
        let summaries = (0..<row.count).map {
            Self.summary(Self.key($0), asked: Int64.random(in: 0..<100, using: &chance), like: like)
        }.shuffled(using: &chance)
        var found: [[ExchangeKey]] = []
        summaries.forEachRun(
            where: { taking[Int($0.key.packet)] }, by: { values[Int($0.key.packet)] }, { found.append($0.map(\.key)) })
        var groups: [Int: [ExchangeSummary]] = [:]
        for summary in summaries where taking[Int(summary.key.packet)] {
            groups[values[Int(summary.key.packet)], default: []].append(summary)
        }
        let expected = groups.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map { group in
            group.value.sorted { ($0.asked, $0.key) < ($1.asked, $1.key) }.map(\.key)
        }
        #expect(found == expected)
    }

    /// Keys of summaries, in any order, and what stays of them where there is room for ten.
    static let keys: [(keys: [Int], kept: [Int])] = [
        ([], []), (Array(0..<10), Array(0..<10)), (Array(0..<40), Array(0..<10)),
        ([Int](repeating: 7, count: 10), [Int](repeating: 7, count: 10)),
        ([Int](repeating: 7, count: 100), [Int](repeating: 7, count: 10)),
        ([1, 2, 3] + [Int](repeating: 7, count: 30), [1, 2, 3] + [Int](repeating: 7, count: 7)),
        ([Int](repeating: 7, count: 5) + Array(8..<40), [7, 7, 7, 7, 7, 8, 9, 10, 11, 12]),
        (Array(0..<9) + [9, 9, 9, 10, 11], Array(0..<10)),
        ([Int](repeating: 7, count: 30) + Array(0..<20), Array(0..<7) + [7, 7, 7]),
    ]

    /// As many stay as there is room for, also where keys are equal, and all others are counted.
    @Test(arguments: keys)
    func bounded(keys: [Int], kept: [Int]) throws {
        let like = try Self.summary(Self.key(0), asked: 0)
        for seed in UInt64(1)...20 {
            var chance = SeededNumbers(seed: seed)
            let halves = Int.random(in: 0...keys.count, using: &chance)
            let shuffled = keys.shuffled(using: &chance)
            var tables = [CorrelationTable(limit: 10), CorrelationTable(limit: 10)]
            for (index, key) in shuffled.enumerated() {
                // One table takes all, or two take a part each.
                let table = seed % 2 == 0 && index < halves ? 1 : 0
                tables[table].add(Self.summary(Self.key(key), asked: 0, like: like))
                #expect(tables[table].keys.count < 15)
            }
            tables[0].absorb(tables[1])
            #expect(tables[0].keys.map { Int($0.packet) }.sorted() == kept)
            #expect(tables[0].finish().leftOut == UInt64(keys.count - kept.count))
        }
    }
}

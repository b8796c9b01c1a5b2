// What formats promise, byte for byte: one small report in each, kept in Golden/. A change of these bytes is a change for
// everyone who reads them.

import Foundation
@_spi(Judging) import Inspection
import Investigation
import Replay
import ReplayReports
import TestSupport
import Testing
import Traffic

@testable import Reports

@Suite("Golden reports") struct GoldenTests {
    /// Endings of files that have another name than their format.
    private static let endings = ["text": "txt", "junit": "xml"]

    @Test("of an analysis", arguments: ReportFormat.all.filter { !$0.isEvents }.map(\.name))
    func report(format: String) throws {
        try Self.check(Self.report().renderedBytes(format), against: "report.\(Self.endings[format] ?? format)")
    }

    @Test("events of an analysis") func events() throws {
        try Self.check(Fixture.events(Self.entries, Self.connections, Self.report()), against: "events.ndjson")
    }

    @Test("of a replay", arguments: ReplayFormat.all.map(\.name))
    func replay(format: String) throws {
        try Self.check(ReplayReportTests.bytes(format), against: "replay.\(Self.endings[format] ?? format)")
    }

    /// Early bytes, a refusal, hostile names and bytes, a session whose frames were lost and found again, and TLS.
    private static let entries: [Fixture.Entry] = {
        let early = Fixture.websocket(packet: 4, early: .proven)
        let hostile = Fixture.hostile(packet: 70)
        let finding = Fixture.finding(
            "RES003", "101-protocol-not-offered", .error, message: "The 101 selected \(Fixture.hostileText).",
            for: hostile)
        return [
            (early, Fixture.earlyFindings(early)), (Fixture.refused(packet: 50), []), (hostile, [finding]),
            SessionReportTests.entries()[0],
        ]
    }()
    private static let connections = [Fixture.encrypted(id: 300, name: "one.example")]

    private static func report() -> Report {
        var options = ReportOptions()
        options.messages = true
        options.connections = true
        let collector = ReportCollector(options: options)
        for (exchange, findings) in entries {
            collector.add(exchange, Fixture.judgement(exchange, findings))
        }
        for (connection, findings) in connections { collector.add(connection, findings: findings) }
        let mark = entries[0].0.lastMark
        let place = Place(direction: .client, offset: 300, length: 11, first: mark, last: mark)
        for (opcode, payload) in [(1, Array("hello".utf8)), (2, [0, 0xff]), (8, [3, 0xe8])] as [(UInt8, [UInt8])] {
            var message = TranscriptMessage(direction: opcode == 2 ? .server : .client, opcode: opcode, place: place)
            message.payload = payload
            message.length = Int64(payload.count)
            message.isComplete = true
            collector.add(message, in: entries[0].0.key)
        }
        return collector.finish(
            captures: [Fixture.capture(), Fixture.capture("captures/cut.pcapng", complete: false)],
            counters: Fixture.counters())
    }

    // MARK: Files

    private static let variable = "UPGRADESCOPE_RENEW_GOLDEN"
    private static let folder = SharedMaterial.repository.appending(path: "Tests/ReportsTests/Golden")

    private static func check(_ bytes: [UInt8], against file: String) throws {
        let bytes = file.hasSuffix(".html") ? withoutResources(bytes) : bytes
        let url = folder.appending(path: file)
        if ProcessInfo.processInfo.environment[variable] != nil { try Data(bytes).write(to: url) }
        let golden = (try? Data(contentsOf: url)).map { [UInt8]($0) } ?? []
        if bytes != golden {
            let difference = difference(bytes, golden)
            Issue.record("\(file), \(difference). If that is meant: \(variable)=1 swift test --filter GoldenTests")
        }
    }

    /// Style and script of a page are files of their own, which may change; their hashes change with them.
    private static func withoutResources(_ page: [UInt8]) -> [UInt8] {
        let text = String(decoding: page, as: UTF8.self)
            .replacing(/<(style|script)>.*?<\/(?:style|script)>/.dotMatchesNewlines()) { "<\($0.1)></\($0.1)>" }
            .replacing(/'sha256-[^']*'/, with: "'sha256-'")
        return Array(text.utf8)
    }

    /// The first line that differs; of a long one, the part around the place where it does.
    private static func difference(_ found: [UInt8], _ golden: [UInt8]) -> String {
        let same = zip(found, golden).prefix { $0 == $1 }.count
        func line(_ bytes: [UInt8]) -> String {
            let start = bytes[..<same].lastIndex(of: 10).map { $0 + 1 } ?? 0
            let around = bytes[max(start, same - 60)...].prefix(160).prefix { $0 != 10 }
            return "'\(String(decoding: around, as: UTF8.self))'"
        }
        return "line \(found[..<same].count { $0 == 10 } + 1): \(line(found)) instead of \(line(golden))"
    }
}

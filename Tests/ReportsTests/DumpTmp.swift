import Foundation
import Inspection
import Testing
import Traffic
@testable import Reports
@Test func dumpTmp() throws {
    var entries = Fixture.entries()
    for index in 0..<12 { entries.append((Fixture.websocket(packet: UInt32(1000 + index * 20), target: "/feed/\(index)"), [])) }
    let report = Fixture.collector(entries: entries).finish(captures: [Fixture.capture(complete: false)], counters: Fixture.counters())
    for format in ["json", "text", "html"] { try Data(report.renderedBytes(format)).write(to: URL(fileURLWithPath: "/tmp/reports-out.\(format)")) }
    try Data(report.renderedBytes("text", layout: TextLayout(colour: true))).write(to: URL(fileURLWithPath: "/tmp/reports-out.ansi"))
    let clean = ReportCollector()
    clean.add(Fixture.websocket(), findings: [])
    try Data(clean.finish(captures: [Fixture.capture()], counters: TrafficCounters()).renderedBytes("html")).write(to: URL(fileURLWithPath: "/tmp/reports-clean.html"))
    var sink: any ByteSink = ByteArraySink()
    if let one = try report.exchange(id: 1) { try ShowReport(follow: [.client]).write(one, of: report, to: &sink) }
    try Data((sink as? ByteArraySink)?.bytes ?? []).write(to: URL(fileURLWithPath: "/tmp/reports-show.txt"))
}

// The reader against the ground truth of the shared captures: two readers that are not ours, and what was found by
// hand where they differ. Without the captures nothing is tested, and that is said.

import Foundation
import Testing

@testable import Traffic

@Suite struct SharedCapturesTests {
    /// What is known of a capture by others.
    private struct Truth: Decodable {
        var format: String?
        var linktypes: [UInt32]?
        var interfaces: Int?
        var packets: Int?
        var packets_independent: Int?
        var snap_truncated_packets: Int?
        var independent_reader_error: String?
        var reader_error_expected: Expectation?

        /// true, false or "unsure".
        struct Expectation: Decodable {
            var damaged: Bool?
            init(from decoder: any Decoder) throws {
                damaged = try? decoder.singleValueContainer().decode(Bool.self)
            }
        }
    }

    /// Files of pcap versions before 2.4, whose lengths stand the other way round: tshark and libpcap read their first
    /// packet as we do, the independent reader of the ground truth does not know of it.
    private static let lengthsExchanged: Set = [
        "PcapPlusPlus--clusterfuzz-testcase-minimized-FuzzTarget-6604968558198784.pcap",
        "nDPI--fuzz-2021-10-13.pcap",
    ]

    private static var shared: URL {
        if let path = ProcessInfo.processInfo.environment["UPGRADESCOPE_SHARED"] { return URL(filePath: path) }
        // Tests/TrafficTests/Captures/<this file>, four levels below the package.
        return (0..<4).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
            .deletingLastPathComponent().appending(path: "shared")
    }

    private static func captures(in folder: String) -> [URL] {
        let directory = shared.appending(path: "captures").appending(path: folder)
        let files = (try? FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)) ?? []
        let captures = files.filter { file in
            [".pcap", ".pcapng", ".pcap.gz"].contains { file.lastPathComponent.hasSuffix($0) }
        }
        if captures.isEmpty { print("SKIPPED: no captures in \(directory.path)") }
        return captures.sorted { $0.path < $1.path }
    }

    /// What stands in the capture's name without its extensions, `.expected.json` behind it.
    private static func truth(of capture: URL) -> Truth? {
        let stem = [".pcap.gz", ".pcapng", ".pcap"].first { capture.path.hasSuffix($0) }
            .map { String(capture.path.dropLast($0.count)) }
        guard let stem, let data = try? Data(contentsOf: URL(filePath: stem + ".expected.json")) else { return nil }
        return try? JSONDecoder().decode(Truth.self, from: data)
    }

    @Test func thirdPartyCapturesAreReadAsOthersReadThem() throws {
        var compared = 0
        for capture in Self.captures(in: "third-party") {
            let name = capture.lastPathComponent
            let truth = try #require(Self.truth(of: capture), "\(name) has no ground truth")
            let read = try ReadCapture(path: capture.path)
            compared += 1
            let format = try #require(truth.format)
            #expect(read.description.format == (format.hasPrefix("pcapng") ? "pcapng" : "pcap"), "\(name)")
            if format.hasPrefix("pcap-") {
                #expect(read.description.resolution == (format.hasPrefix("pcap-ns") ? "ns" : "us"), "\(name)")
                #expect(read.description.byteOrder == (format.hasSuffix("-be") ? "big" : "little"), "\(name)")
            }
            #expect(read.description.packets == UInt64(read.packets.count), "\(name)")
            #expect(
                read.description.bytes == read.packets.reduce(UInt64(0)) { $0 + UInt64($1.bytes.count) }, "\(name)")
            #expect(read.description.complete == read.description.problems.isEmpty, "\(name)")

            let damaged = truth.reader_error_expected?.damaged
            if let damaged {
                #expect(read.description.complete == !damaged, "\(name): \(read.description.problems)")
            } else {
                print("unsure, not compared: whether \(name) is damaged")
            }
            let swapsLengths = Self.lengthsExchanged.contains(name)
            if let error = truth.independent_reader_error, damaged == true, !swapsLengths,
                let offset = error.split(separator: " at ").last?.split(separator: " ").first.flatMap({ Int64($0) })
            {
                #expect(read.description.problems.first?.offset == offset, "\(name): \(error)")
            }
            // A capture of an unknown version is not read: the other reader did not look at the version.
            guard !read.description.problems.contains(where: { $0.kind == "unknown-version" }) else {
                #expect(read.packets.isEmpty, "\(name)")
                continue
            }
            let packets = swapsLengths ? truth.packets : truth.packets_independent ?? truth.packets
            #expect(read.packets.count == packets, "\(name)")
            if let expected = truth.snap_truncated_packets, damaged == false {
                #expect(read.description.snappedPackets == UInt64(expected), "\(name)")
            }
            let linkTypes = Set(read.description.interfaces.map(\.linkType))
            #expect(linkTypes == Set((truth.linktypes ?? []).map { $0 & 0xffff }), "\(name)")
            if let interfaces = truth.interfaces, !read.description.interfaces.isEmpty {
                #expect(read.description.interfaces.count == interfaces, "\(name)")
            }
        }
        print("third-party captures compared: \(compared)")
    }

    @Test func labCapturesAreWhole() throws {
        var whole = 0
        for capture in Self.captures(in: "lab") {
            let read = try ReadCapture(path: capture.path)
            if !read.description.complete {
                print("\(capture.lastPathComponent): \(read.description.problems.map(\.message))")
            } else {
                whole += 1
            }
            #expect(!read.packets.isEmpty, "\(capture.lastPathComponent)")
        }
        print("whole lab captures: \(whole)")
    }
}

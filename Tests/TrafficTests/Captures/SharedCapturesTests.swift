// The reader against the ground truth of the shared captures: two readers that are not ours, and what was found by
// hand where they differ. Without the captures nothing is tested, and that is said.

import Foundation
import TestSupport
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

    private static func truth(of capture: URL) -> Truth? {
        guard let data = try? Data(contentsOf: SharedMaterial.truth(for: capture)) else { return nil }
        return try? JSONDecoder().decode(Truth.self, from: data)
    }

    @Test func thirdPartyCapturesAreReadAsOthersReadThem() throws {
        var compared = 0
        for capture in SharedMaterial.captures(of: "third-party") ?? [] {
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
        for capture in SharedMaterial.captures(of: "lab") ?? [] {
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

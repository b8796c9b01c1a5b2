// What the writer writes, the reader reads; and wherever the disk was full, what is there is a capture.

import Testing
import Traffic

@Suite struct PcapngWriterTests {
    private static let packets: [(bytes: [UInt8], time: Int64, original: UInt32)] = [
        ([1, 2, 3, 4], 1_700_000_000_123_456_789, 4), ([5], 1_700_000_000_123_456_790, 1500),
        ([], 1_700_000_001_000_000_000, 0),
        ([UInt8](repeating: 7, count: 1001), 1_700_000_002_000_000_001, 1001),
    ]

    private static func written(comments: [String] = []) -> [UInt8] {
        var writer = PcapngWriter()
        writer.section(application: "test 1", comment: "made by hand")
        writer.interface(
            RecordedInterface(
                name: "eth7", description: "the seventh", linkType: 1, snapLength: 4096, filter: "tcp port 80"))
        writer.secrets(keyLog: Array("CLIENT_RANDOM 00 11\n".utf8))
        for packet in packets {
            writer.packet(
                packet.bytes.span, time: Timestamp(nanoseconds: packet.time), originalLength: packet.original,
                comments: comments)
        }
        writer.statistics(
            InterfaceStatistics(received: 10, droppedByKernel: 3, droppedByInterface: 4),
            time: Timestamp(nanoseconds: packets[3].time), start: Timestamp(nanoseconds: packets[0].time))
        return writer.bytes
    }

    private static func read(_ bytes: [UInt8]) throws -> (
        packets: [CapturedPacket], bytes: [[UInt8]], CaptureDescription
    ) {
        var reader = try CaptureReader(bytes: bytes, name: "written")
        var all: [CapturedPacket] = []
        var contents: [[UInt8]] = []
        var batch: [CapturedPacket] = []
        while reader.readBatch(&batch) {
            for packet in batch {
                all.append(packet)
                let window = reader.window.extracting(packet.range)
                contents.append(window.indices.map { window[$0] })
            }
        }
        return (all, contents, reader.description)
    }

    @Test(arguments: [[], ["one"], ["UPG001 upgrade-without-connection-option", "and another, ä"]])
    func whatIsWrittenIsRead(comments: [String]) throws {
        let written = Self.written(comments: comments)
        let (packets, contents, description) = try Self.read(written)
        #expect(description.complete && description.problems.isEmpty)
        #expect(description.format == "pcapng" && description.byteOrder == "little" && description.resolution == "ns")
        #expect(contents == Self.packets.map(\.bytes))
        #expect(packets.map(\.time.nanoseconds) == Self.packets.map(\.time))
        #expect(packets.map(\.originalLength) == Self.packets.map(\.original))
        let interface = try #require(description.interfaces.first)
        #expect(interface.name == "eth7" && interface.filter == "tcp port 80")
        #expect(interface.linkType == 1 && interface.snapLength == 4096)
        #expect(interface.drops == 7)
        #expect(description.secrets == [Array("CLIENT_RANDOM 00 11\n".utf8)])
        for comment in comments { #expect(String(decoding: written, as: UTF8.self).contains(comment)) }
    }

    @Test func aSecondSectionDescribesItsInterfacesAnew() throws {
        let (packets, _, description) = try Self.read(Self.written() + Self.written())
        #expect(description.complete && packets.count == 8)
        #expect(description.interfaces.map(\.drops) == [7, 7])
    }

    /// A disk that is full cuts anywhere.
    @Test func cutBehindItsWholeBlocksItIsACapture() throws {
        let written = Self.written()
        let header = PcapngWriter.wholeBlocks(of: written, within: 60)
        var seen: Set<UInt64> = []
        for count in stride(from: header, through: written.count, by: 1) {
            let whole = PcapngWriter.wholeBlocks(of: written, within: count)
            #expect(whole <= count)
            let (packets, _, description) = try Self.read(Array(written[..<whole]))
            #expect(description.complete, "cut at \(count)")
            #expect(UInt64(packets.count) == PcapngWriter.packets(of: written, within: whole))
            seen.insert(UInt64(packets.count))
        }
        #expect(seen == [0, 1, 2, 3, 4])
    }
}

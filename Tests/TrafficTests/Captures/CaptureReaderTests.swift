// Captures as rows of bytes: what is read, what is reported of damage, and that nothing ever traps.

import Foundation
import TestSupport
import Testing

@testable import Traffic

@Suite struct CaptureReaderTests {
    static let orders = [false, true]

    // MARK: pcap

    @Test(arguments: CaptureBytes.Variant.allCases, orders)
    func everyPcapVariantReadsTheSame(variant: CaptureBytes.Variant, bigEndian: Bool) throws {
        let unit: UInt64 = variant == .nanoseconds ? 1 : 1000
        let packets = [
            PacketBytes([1, 2, 3], ticks: 1_700_000_000_123_456_000 / unit),
            PacketBytes([], ticks: 1_700_000_001_000_001_000 / unit, original: 7),
        ]
        let read = try ReadCapture(
            CaptureBytes.pcap(packets, variant: variant, bigEndian: bigEndian, linkType: 0xfc00_0071))
        #expect(
            read.packets == [
                ReadPacket(
                    number: 1, nanoseconds: 1_700_000_000_123_456_000, linkType: 113, interface: 0, bytes: [1, 2, 3],
                    originalLength: 3),
                ReadPacket(
                    number: 2, nanoseconds: 1_700_000_001_000_001_000, linkType: 113, interface: 0, bytes: [],
                    originalLength: 7),
            ])
        let told = read.description
        #expect(told.format == "pcap")
        #expect(told.byteOrder == (bigEndian ? "big" : "little"))
        #expect(told.resolution == (variant == .nanoseconds ? "ns" : "us"))
        #expect(told.interfaces.map(\.linkType) == [113])
        #expect(told.packets == 2)
        #expect(told.bytes == 3)
        #expect(told.snappedPackets == 1)
        #expect(told.firstPacket?.nanoseconds == 1_700_000_000_123_456_000)
        #expect(told.lastPacket?.nanoseconds == 1_700_000_001_000_001_000)
        #expect(told.complete && told.problems.isEmpty)
    }

    @Test(arguments: [UInt32(0), 1, 262144, .max])
    func anySnapLengthIsTolerated(snapLength: UInt32) throws {
        let packet = PacketBytes([UInt8](repeating: 7, count: 1500))
        let read = try ReadCapture(CaptureBytes.pcap([packet, packet], snapLength: snapLength))
        #expect(read.packets.map(\.bytes.count) == [1500, 1500])
        #expect(read.description.complete)
    }

    @Test func lengthsOfAnOldVersionAreExchanged() throws {
        var bytes = CaptureBytes.pcap([PacketBytes([1, 2, 3])], version: (2, 2))
        bytes[32] = 9
        bytes[36] = 3
        let read = try ReadCapture(bytes)
        #expect(read.packets.map(\.bytes) == [[1, 2, 3]])
        #expect(read.packets.first?.originalLength == 9)
    }

    @Test func aLengthThatCannotBeIsNamedWithItsOffset() throws {
        var bytes = CaptureBytes.pcap([PacketBytes([1, 2, 3]), PacketBytes([4, 5])])
        bytes[24 + 16 + 3 + 11] = 0x80
        let read = try ReadCapture(bytes)
        #expect(read.packets.map(\.bytes) == [[1, 2, 3]])
        #expect(read.description.problems.map(\.kind) == ["damaged"])
        #expect(read.description.problems.map(\.offset) == [43])
        #expect(!read.description.complete)
    }

    @Test func aCutPacketIsNamedWithItsOffset() throws {
        let bytes = CaptureBytes.pcap([PacketBytes([1, 2, 3]), PacketBytes([4, 5])])
        let read = try ReadCapture(Array(bytes.dropLast()))
        #expect(read.packets.map(\.bytes) == [[1, 2, 3]])
        #expect(
            read.description.problems == [
                CaptureProblem(
                    kind: "cut", offset: 43, message: "the capture ends in packet 2: it has 1 of 2 bytes")
            ])
    }

    @Test func anUnknownVersionIsListener() throws {
        let read = try ReadCapture(CaptureBytes.pcap([PacketBytes([1])], version: (1, 0)))
        #expect(read.packets.isEmpty)
        #expect(read.description.problems.map(\.kind) == ["unknown-version"])
    }

    @Test func aPacketLargerThanTheWindowIsRead() throws {
        let large = [UInt8](repeating: 9, count: 1_000_000)
        let packets = [PacketBytes([1]), PacketBytes(large), PacketBytes([2])]
        for bytes in [CaptureBytes.pcap(packets, snapLength: 2_000_000), CaptureBytes.pcapng(packets)] {
            let read = try ReadCapture(bytes)
            #expect(read.packets.map(\.bytes) == [[1], large, [2]])
            #expect(read.description.complete)
        }
    }

    // MARK: pcapng

    @Test(arguments: orders)
    func everyBlockIsUnderstoodOrSkipped(bigEndian: Bool) throws {
        var file = CaptureBytes(bigEndian: bigEndian)
        file.section(options: [(4, Array("a test".utf8))])
        file.interface(
            linkType: 1, snapLength: 4,
            options: [(2, Array("eth0".utf8)), (11, [0] + Array("tcp port 80".utf8)), (9, [9]), (13, [4])])
        file.interface(linkType: 101)
        file.block(4, [1, 0, 0, 0])
        file.enhancedPacket(PacketBytes([1, 2, 3, 4, 5], ticks: 5_000_000_007, original: 60))
        file.block(0xbad, [0, 0, 0x7e, 0xd9, 1, 2, 3])
        file.block(9, Array("_TRANSPORT=kernel\n".utf8))
        file.simplePacket(PacketBytes([8, 8, 8, 8], original: 4))
        file.obsoletePacket(PacketBytes([6, 7], ticks: 6_000_000), interface: 1)
        file.block(0x8000_0001, [UInt8](repeating: 1, count: 33))
        file.secrets(Array("CLIENT_RANDOM 00 11".utf8))
        var drops = CaptureBytes(bigEndian: bigEndian)
        drops.long(5)
        file.statistics(interface: 1, options: [(5, drops.bytes), (7, drops.bytes)])
        let read = try ReadCapture(file.bytes)
        #expect(
            read.packets == [
                ReadPacket(
                    number: 1, nanoseconds: 5_000_000_007, linkType: 1, interface: 0, bytes: [1, 2, 3, 4, 5],
                    originalLength: 60),
                ReadPacket(
                    number: 2, nanoseconds: 5_000_000_007, linkType: 1, interface: 0, bytes: [8, 8, 8, 8],
                    originalLength: 4),
                ReadPacket(
                    number: 3, nanoseconds: 6_000_000_000, linkType: 101, interface: 1, bytes: [6, 7],
                    originalLength: 2),
            ])
        var first = CaptureInterface(linkType: 1, snapLength: 4)
        first.name = "eth0"
        first.filter = "tcp port 80"
        first.unitsPerSecond = 1_000_000_000
        var second = CaptureInterface(linkType: 101, snapLength: 0)
        second.drops = 10
        #expect(read.description.interfaces == [first, second])
        #expect(read.description.format == "pcapng")
        #expect(read.description.byteOrder == (bigEndian ? "big" : "little"))
        #expect(read.description.resolution == "ns")
        #expect(read.description.secrets == [Array("CLIENT_RANDOM 00 11".utf8)])
        #expect(read.description.snappedPackets == 1)
        #expect(read.description.complete && read.description.problems.isEmpty)
    }

    @Test func eachSectionHasItsOwnOrderAndInterfaces() throws {
        var little = CaptureBytes()
        little.section()
        little.interface(linkType: 1)
        little.interface(linkType: 101)
        little.enhancedPacket(PacketBytes([1]), interface: 1)
        var big = CaptureBytes(bigEndian: true)
        big.section(minor: 2)
        big.interface(linkType: 113)
        big.enhancedPacket(PacketBytes([2]), interface: 0)
        let read = try ReadCapture(little.bytes + big.bytes)
        #expect(read.packets.map(\.linkType) == [101, 113])
        #expect(read.packets.map(\.interface) == [1, 2])
        #expect(read.packets.map(\.number) == [1, 2])
        #expect(read.description.byteOrder == "little")

        // The interfaces of the section before are no longer there.
        big.enhancedPacket(PacketBytes([3]), interface: 1)
        let damaged = try ReadCapture(little.bytes + big.bytes)
        #expect(damaged.packets.count == 2)
        #expect(damaged.description.problems.map(\.kind) == ["damaged"])
    }

    @Test func aSimplePacketIsAsLongAsTheSnapLengthLetsIt() throws {
        var file = CaptureBytes()
        file.section()
        file.interface(snapLength: 3)
        file.simplePacket(PacketBytes([1, 2, 3], original: 90))
        let read = try ReadCapture(file.bytes)
        #expect(read.packets.map(\.bytes) == [[1, 2, 3]])
        #expect(read.packets.first?.nanoseconds == 0)
        #expect(read.description.snappedPackets == 1)
        #expect(read.description.firstPacket == nil)
    }

    static let damages: [(String, Int, UInt8)] = [
        ("a length that is no multiple of four", 4, UInt8(33)),
        ("a length below that of any block", 4, 8),
        ("a length beyond all bounds", 7, 0x70),
        ("a length at the end that differs", 28, 36),
        ("more packet than block", 20, 200),
        ("an interface that was not described", 8, 3),
    ]

    @Test(arguments: damages)
    func damageOfABlockIsNamedWithItsOffset(name: String, at place: Int, value: UInt8) throws {
        var file = CaptureBytes()
        file.section()
        file.interface()
        file.enhancedPacket(PacketBytes([1, 2, 3, 4]))
        let start = file.bytes.count
        file.enhancedPacket(PacketBytes([]))
        file.enhancedPacket(PacketBytes([5]))
        file.bytes[start + place] = value
        let read = try ReadCapture(file.bytes)
        #expect(read.packets.map(\.bytes) == [[1, 2, 3, 4]], "\(name)")
        #expect(read.description.problems.map(\.kind) == ["damaged"], "\(name)")
        #expect(read.description.problems.map(\.offset) == [Int64(start)], "\(name)")
    }

    @Test func anOptionThatIsTooLongIsToldAndReadPast() throws {
        var file = CaptureBytes()
        file.section()
        let start = file.bytes.count
        file.interface(options: [(2, [65, 66])])
        file.bytes[start + 18] = 200
        file.enhancedPacket(PacketBytes([1]))
        let read = try ReadCapture(file.bytes)
        #expect(read.packets.count == 1)
        #expect(read.description.problems.map(\.offset) == [Int64(start)])
        #expect(!read.description.complete)
    }

    // MARK: clocks

    static let clocks: [(UInt8, UInt64, Int64, String)] = [
        (UInt8(0), UInt64(3), Int64(3_000_000_000), "s"),
        (3, 1500, 1_500_000_000, "ms"),
        (6, 1_700_000_000_123_456, 1_700_000_000_123_456_000, "us"),
        (9, 17, 17, "ns"),
        (4, 25000, 2_500_000_000, "10^-4 s"),
        (12, 1_999_999, 1999, "10^-12 s"),
        (28, .max, 1, "10^-28 s"),
        (127, .max, 0, "10^-127 s"),
        (0x80, 2, 2_000_000_000, "s"),
        (0x80 | 20, 1 << 20 | 1 << 19, 1_500_000_000, "2^-20 s"),
        (0x80 | 63, 1 << 62, 500_000_000, "2^-63 s"),
        (0x80 | 64, 1 << 63, 500_000_000, "2^-64 s"),
        (0x80 | 127, .max, 0, "2^-127 s"),
        (0, .max, .max, "s"),
        (6, .max, .max, "us"),
        (0x81, .max, .max, "2^-1 s"),
    ]

    @Test(arguments: clocks)
    func ticksBecomeNanoseconds(tsresol: UInt8, ticks: UInt64, expected: Int64, name: String) {
        let resolution = TimeResolution(tsresol: tsresol)
        #expect(resolution.nanoseconds(ticks, offset: 0) == expected)
        #expect(resolution.name == name)
    }

    static let offsets: [(Int64, Int64)] = [
        (Int64(-2), Int64(3_000_000_000)), (10, 15_000_000_000), (.max, .max), (.min, .min + 5_000_000_000),
    ]

    @Test(arguments: offsets)
    func theOffsetOfAnInterfaceIsAdded(seconds: Int64, expected: Int64) throws {
        var file = CaptureBytes()
        file.section()
        var value = CaptureBytes()
        value.long(UInt64(bitPattern: seconds))
        file.interface(options: [(14, value.bytes)])
        file.enhancedPacket(PacketBytes([1], ticks: 5_000_000))
        let read = try ReadCapture(file.bytes)
        #expect(read.packets.map(\.nanoseconds) == [expected])
        #expect(read.description.interfaces.first?.secondsOffset == seconds)
    }

    // MARK: the same packets, however they come

    static let steady = (0..<40).map { index in
        PacketBytes(
            (0..<200).map { UInt8((index + $0) & 0xff) }, ticks: 1_700_000_000_000_000 + UInt64(index) * 1000)
    }

    @Test func everyPackingGivesTheSamePackets() throws {
        let pcap = CaptureBytes.pcap(Self.steady)
        let expected = try ReadCapture(pcap).packets
        #expect(expected.count == 40)
        let gzip = try #require(Data(base64Encoded: gzipped))
        let zstd = try #require(Data(base64Encoded: zstandard))
        let rows: [(name: String, bytes: [UInt8], compression: String?)] = [
            ("pcap", pcap, nil),
            ("pcap, big-endian", CaptureBytes.pcap(Self.steady, bigEndian: true), nil),
            ("pcapng", CaptureBytes.pcapng(Self.steady), nil),
            ("pcapng, big-endian", CaptureBytes.pcapng(Self.steady, bigEndian: true), nil),
            ("gzip", Array(gzip), "gzip"),
            ("zstd", Array(zstd), "zstd"),
            ("gzip in members", gzipMember(Array(pcap[..<1000])) + gzipMember(Array(pcap[1000...])), "gzip"),
            ("gzip, padded", Array(gzip) + [UInt8](repeating: 0, count: 700), "gzip"),
            ("zstd in frames", zstdFrame(Array(pcap[..<1000])) + zstdFrame(Array(pcap[1000...])), "zstd"),
            ("zstd behind a skippable frame", [0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9] + Array(zstd), "zstd"),
            ("pcapng in gzip", gzipMember(CaptureBytes.pcapng(Self.steady)), "gzip"),
        ]
        for row in rows {
            for (chunk, window) in [(Int.max, 256 * 1024), (1, 64), (7, 300), (1000, 64), (4096, 1024)] {
                let read = try ReadCapture(row.bytes, chunk: chunk, windowSize: window)
                #expect(read.packets == expected, "\(row.name), chunks of \(chunk), window of \(window)")
                #expect(read.description.complete, "\(row.name), chunks of \(chunk), window of \(window)")
                #expect(read.description.compression == row.compression, "\(row.name)")
            }
        }
    }

    @Test func aPipeGivesTheSamePackets() throws {
        let packets = (0..<3000).map { PacketBytes([UInt8](repeating: UInt8($0 & 0xff), count: $0 % 700)) }
        let bytes = CaptureBytes.pcapng(packets)
        let expected = try ReadCapture(bytes).packets
        let pipe = Pipe()
        let writer = Thread {
            pipe.fileHandleForWriting.write(Data(bytes))
            try? pipe.fileHandleForWriting.close()
        }
        writer.start()
        let read = try ReadCapture(path: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)")
        #expect(read.packets == expected)
        #expect(read.description.complete)
    }

    @Test func damagedPackingIsToldAndWhatWasUnpackedIsKept() throws {
        let pcap = CaptureBytes.pcap(Self.steady)
        let expected = try ReadCapture(pcap).packets
        let gzip = try #require(Data(base64Encoded: gzipped))
        let half = gzipMember(Array(pcap[..<5000]))
        var wrongSum = gzipMember(pcap)
        wrongSum[wrongSum.count - 5] ^= 1
        let rows: [(name: String, bytes: [UInt8], kinds: [String], least: Int)] = [
            ("gzip cut", Array(gzip.dropLast(8)), ["cut"], 39),
            ("gzip checksum", wrongSum, ["damaged"], 40),
            ("garbage behind a member", half + [1, 2, 3], ["damaged"], 23),
            ("zstd cut", zstdFrame(pcap).dropLast(300), ["cut"], 0),
            ("garbage behind a frame", zstdFrame(pcap) + [1, 2, 3, 4, 5], ["damaged"], 40),
        ]
        for row in rows {
            let read = try ReadCapture(row.bytes)
            #expect(read.description.problems.map(\.kind) == row.kinds, "\(row.name)")
            #expect(read.packets.count >= row.least, "\(row.name)")
            #expect(expected.starts(with: read.packets), "\(row.name)")
        }
    }

    // MARK: what cannot be opened

    typealias Stranger = (bytes: [UInt8], kind: CaptureError.Kind, message: String)

    static let strangers: [Stranger] = [
        ([UInt8](), CaptureError.Kind.empty, "x is empty"),
        (
            Array("GET / HTTP/1.1\r\n\r\n".utf8), .notACapture,
            "x is not a capture: it begins with \"GET / HTTP/1.1\\x0d\\x0a\""
        ),
        ([0x22, 0x5c, 0xff], .notACapture, "x is not a capture: it begins with \"\\\"\\\\\\xff\""),
        (Array("PK\u{3}\u{4}".utf8), .notACapture, "x is not a capture: it begins with a zip archive: unpack it first"),
        ([0xd4, 0xc3, 0xb2, 0xa1, 2, 0], .unreadable, "x is cut off in its pcap header: 6 of 24 bytes"),
        ([0x0a, 0x0d, 0x0d, 0x0a], .unreadable, "x is cut off in its pcapng header: 4 of 28 bytes"),
        (
            gzipMember(Array("hello".utf8)), .notACapture,
            "x is not a capture: it, unpacked from gzip, begins with \"hello\""
        ),
        (
            gzipMember(gzipMember(Array("hello".utf8))), .notACapture,
            "x is not a capture: it, unpacked from gzip, begins with gzip data: it is packed twice"
        ),
        (
            [0x1f, 0x8b, 8, 0], .unreadable,
            "x cannot be read: the gzip data ends before it is complete"
        ),
    ]

    @Test(arguments: strangers.named(\.message))
    func whatIsNoCaptureIsAnErrorInWords(_ stranger: Named<Stranger>) {
        let (bytes, kind, message) = stranger.value
        do {
            _ = try CaptureReader(bytes: bytes, name: "x")
            Issue.record("was opened: \(message)")
        } catch {
            #expect(error.kind == kind)
            #expect(error.message == message)
        }
    }

    @Test func directoriesHoldCapturesToldByTheirBytes() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "captures-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        try FileManager.default.createDirectory(
            at: root.appending(path: "b/empty"), withIntermediateDirectories: true)
        let capture = CaptureBytes.pcap([PacketBytes([1])])
        let files: [(String, [UInt8])] = [
            ("z.txt", capture), ("a.pcap", Array("no capture".utf8)), ("b/ng.pcap", CaptureBytes.pcapng([])),
            ("b/packed", gzipMember(capture)), ("nothing", []), ("b/cut", Array(capture.prefix(9))),
        ]
        for (name, bytes) in files { try Data(bytes).write(to: root.appending(path: name)) }
        let path = root.path
        #expect(
            try CaptureReader.captures(inDirectory: path + "/") == [
                "\(path)/b/cut", "\(path)/b/ng.pcap", "\(path)/b/packed", "\(path)/z.txt",
            ])
        #expect(failure { () throws(CaptureError) in _ = try CaptureReader(path: path) } == .isDirectory)
        #expect(
            failure { () throws(CaptureError) in _ = try CaptureReader.captures(inDirectory: path + "/b/empty") }
                == .noCaptures)
        #expect(failure { () throws(CaptureError) in _ = try CaptureReader(path: path + "/absent") } == .notFound)
        #expect(
            failure { () throws(CaptureError) in _ = try CaptureReader.captures(inDirectory: path + "/absent") }
                == .notFound)
    }

    private func failure(_ body: () throws(CaptureError) -> Void) -> CaptureError.Kind? {
        do throws(CaptureError) {
            try body()
            return nil
        } catch {
            return error.kind
        }
    }

    // MARK: hostile bytes

    @Test func secretsThatAreTooManyAreToldOfOnce() throws {
        var file = CaptureBytes()
        file.section()
        for number in 0..<5000 { file.secrets([UInt8(truncatingIfNeeded: number)]) }
        let description = try ReadCapture(file.bytes).description
        #expect(description.secrets.count == 4096 && !description.complete)
        #expect(description.problems.map(\.kind) == ["unsupported"])
    }

    typealias Specimen = (name: String, bytes: [UInt8])

    /// Small captures of every kind.
    static var specimens: [Specimen] {
        let packets = (0..<5).map { PacketBytes([UInt8](repeating: UInt8($0), count: $0 * 3)) }
        var file = CaptureBytes()
        file.section(options: [(4, [65])])
        file.interface(options: [(2, [65, 66, 67]), (9, [0x94]), (14, [1, 0, 0, 0, 0, 0, 0, 0])])
        for packet in packets { file.enhancedPacket(packet) }
        file.simplePacket(packets[1])
        file.obsoletePacket(packets[2])
        file.statistics(options: [(5, [1, 0, 0, 0, 0, 0, 0, 0])])
        file.secrets([1, 2, 3, 4, 5])
        file.block(0xbad, [1, 2, 3, 4, 5])
        return [
            ("pcap", CaptureBytes.pcap(packets)),
            ("modified pcap, big endian", CaptureBytes.pcap(packets, variant: .modified, bigEndian: true)),
            ("pcapng, big endian", CaptureBytes.pcapng(packets, bigEndian: true)),
            ("pcapng, every block", file.bytes), ("pcapng in gzip", gzipMember(file.bytes)),
            ("pcap in zstd", zstdFrame(CaptureBytes.pcap(packets))),
        ]
    }

    @Test(arguments: specimens.named(\.name))
    func cutAnywhereNothingBeforeTheCutIsLost(_ specimen: Named<Specimen>) throws {
        let bytes = specimen.bytes
        let whole = try ReadCapture(bytes)
        #expect(whole.description.complete)
        var most = 0
        for length in bytes.indices {
            guard let read = try? ReadCapture(Array(bytes[..<length])) else {
                #expect(most == 0, "cut at \(length)")
                continue
            }
            #expect(whole.packets.starts(with: read.packets), "cut at \(length)")
            #expect(read.packets.count >= most, "cut at \(length)")
            most = read.packets.count
            // Between two records a cut cannot be seen; anywhere else it has to be told.
            let offset = Int64(length)
            #expect(read.description.complete || read.description.problems.allSatisfy { $0.offset <= offset })
        }
        #expect(most >= whole.packets.count - 1)
    }

    @Test(arguments: specimens.named(\.name))
    func changedBytesNeverTrapAndLoseNothingBeforeThem(_ specimen: Named<Specimen>) throws {
        let bytes = specimen.bytes
        let whole = try ReadCapture(bytes)
        let isPlain = whole.description.compression == nil
        var generator = SeededNumbers(name: specimen.name)
        for round in 0..<3000 {
            var changed = bytes
            var first = bytes.count
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: bytes.indices, using: &generator)
                changed[place] = .random(in: 0...255, using: &generator)
                first = min(first, place)
            }
            guard let read = try? ReadCapture(changed, chunk: 1 + round % 97, windowSize: 64 + round % 300) else {
                #expect(first < 28 || !isPlain)
                continue
            }
            if isPlain, let before = try? ReadCapture(Array(bytes[..<first])) {
                #expect(read.packets.starts(with: before.packets), "round \(round), first change at \(first)")
            }
            #expect(read.description.packets == UInt64(read.packets.count))
            #expect(read.description.complete == read.description.problems.isEmpty)
        }
    }
}

/// The 40 steady packets as pcap, packed by gzip -9 and zstd -19.
private let gzipped =
    "H4sIAAAAAAACA93Z2VPNARjG8VMdilCEIhShhCQkUVIkIS2iEIVDIQpRlA7CiXAQjr0QUUi27JHl2EOIQvasw51L8/7GzPM/PO/MO8/15/pb"
    + "VVGab6pSq3BqlYnMnwiNjPH/q0xMzdQNGppbNGps2aRpMyvr5i1sWrZqbWvXpq19u/YdHBw7dnLq3KWrs0s31+49err1cu/t0advP8/+XgO8"
    + "Bw7y8R3sN8Q/YOiwwOFBI4JHjhodMiY0LDxibOS48VHREyZOipk8JTZu6rTpmhkz4xNmzZ6TOHdeUvL8BQtTFi1OTVuyND1jWaZ2+YqVWatW"
    + "r9Flr12Xs37DRv2mzVtyt27bbtixc9fuPXv35eXvP3Cw4NDhwiNHi4qPHT9RcrL01OkzZ8+Vnb9w8dLlK1fLr12vuHHz1m1x1ZvBRcIyiqvS"
    + "HC4S1h1xlVnCRcK6K648K7hIWPfEpbOBi4R1X1xJtnCRsB6IK8oeLhLWQ3H5OcBFwnokLhcnuEhYleKydoaLhPVYXH9d4SJhPRFXnRtcJKyn"
    + "4jJ6wEXCqhJXiSdcJKxn4jJ4w0XCei4urS9cJKwX4or3h4uEVS2u0EC4SFgvxeUVDBcJ65W4HEPgImHViMsiHC4SVq24fkfCRcJ6La7qaLhI"
    + "WG/EVR4DFwnrrbgK4+AiYdWJS6+Bi4T1TlypCXCRsN6LKzYRLhLWB3EFJcNFwvooLvcUuEhYn8RllwYXCeuz0r8y4CJhfVH6lxYuEla90r+y"
    + "4CJhfVX6lw4uEtY3pX/lwEXC+q70Lz1cJKwfSv/KhYuE9VPpXwa4SFi//gHrAj5E2CEAAA=="

private let zstandard =
    "KLUv/WTYIK0OAMQU1MOyoQIABAAEAAHxU2XIAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1"
    + "Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWG"
    + "h4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfoA8jQB8m4C8qgD8uIE8xw"
    + "F81YG85AH88oI9AQJ9H4KtLgLtPIMtSwNtWYOtaAPtdoQthQRtk4StogTtsIUtzwVd3YWd7AXd+oYeCQZeF4aeJgbeNIceQwdeUYeeYAfefo"
    + "gOjQhOm4iOqgjOuIkOxwlO1YmO55qGFV3Mb+b0BZcxLAFSQEreH//+8HxB4krtbEx554HhJNO5HNJLqNicclcb4knnZiw0h0rInuI9F+SBzt"
    + "RJOV+FgTn0OieUm020Q2I/GwJp6XxPOSeJqJDCvRbSa6D4njJXG2ExtW4mNMdC6J9iPRbiYarMTTmvhcJLbyiNwmWO+I9O+vDmqI4j+n"

/// A gzip member that stores its bytes.
func gzipMember(_ bytes: [UInt8]) -> [UInt8] {
    var member = CaptureBytes()
    member.bytes = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
    var rest = bytes[...]
    repeat {
        let block = rest.prefix(65535)
        rest = rest.dropFirst(block.count)
        member.bytes.append(rest.isEmpty ? 1 : 0)
        member.half(UInt16(block.count))
        member.half(~UInt16(block.count))
        member.bytes += block
    } while !rest.isEmpty
    var sum = UInt32.max
    for byte in bytes {
        sum ^= UInt32(byte)
        for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
    }
    member.word(~sum)
    member.word(UInt32(bytes.count))
    return member.bytes
}

/// A zstd frame of raw blocks.
func zstdFrame(_ bytes: [UInt8]) -> [UInt8] {
    var frame = CaptureBytes()
    frame.word(0xfd2f_b528)
    // One segment, its size in four bytes.
    frame.bytes.append(0xa0)
    frame.word(UInt32(bytes.count))
    var rest = bytes[...]
    repeat {
        let block = rest.prefix(1000)
        rest = rest.dropFirst(block.count)
        let header = block.count << 3 | (rest.isEmpty ? 1 : 0)
        frame.bytes += [UInt8(header & 0xff), UInt8(header >> 8 & 0xff), UInt8(header >> 16)]
        frame.bytes += block
    } while !rest.isEmpty
    return frame.bytes
}

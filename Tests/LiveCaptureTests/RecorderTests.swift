// Recordings: their files, their ends, and what happens when the disk does not want them.

import Foundation
import TestSupport
import Testing
import Traffic

@testable import LiveCapture

@Suite struct RecorderTests {
    static let interface = RecordedInterface(name: "eth7", linkType: 1, filter: "tcp")

    static func packet(_ second: Int, size: Int = 1000) -> (CapturedPacket, [UInt8]) {
        let time = Timestamp(nanoseconds: 1_700_000_000_000_000_000 + Int64(second) * 1_000_000_000)
        return (
            CapturedPacket(
                number: 0, time: time, linkType: 1, interface: 0, range: 0..<size, originalLength: UInt32(size)),
            [UInt8](repeating: 1, count: size)
        )
    }

    private static func recorder(
        _ path: String, ring: RingLimits = RingLimits(), said: @escaping (String) -> Void = { _ in }
    ) throws -> Recorder {
        var options = RecordingOptions(path: path)
        options.ring = ring
        return try Recorder(options, interface: interface, start: packet(0).0.time, say: said)
    }

    private static func take(_ seconds: Range<Int>, _ recorder: Recorder) {
        for second in seconds {
            let (packet, bytes) = Self.packet(second)
            recorder.take(packet, bytes.span, owner: .nobody)
        }
    }

    @Test func aRecordingTellsOfItsInterfaceAndItsDrops() throws {
        let folder = try Folder()
        let recorder = try Self.recorder(folder.path("a.pcapng"))
        Self.take(0..<5, recorder)
        recorder.finish(InterfaceStatistics(received: 7, droppedByKernel: 2, droppedByInterface: 1))
        let description = try folder.description(of: "a.pcapng")
        #expect(description.packets == 5 && description.complete)
        #expect(description.interfaces.first?.drops == 3)
        #expect(description.interfaces.first?.name == "eth7" && description.interfaces.first?.filter == "tcp")
        #expect(recorder.counts.packets == 5 && !recorder.hasFailed)
        let mode =
            try FileManager.default.attributesOfItem(atPath: folder.path("a.pcapng"))[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    struct Ring: CustomTestStringConvertible, Sendable {
        var name: String
        var set: @Sendable (inout RingLimits) -> Void
        /// Packets in the files that are left, oldest first.
        var packets: [UInt64]
        var testDescription: String { name }
    }

    static let rings = [
        Ring(name: "by packets", set: { $0.packets = 4 }, packets: [4, 4, 2]),
        Ring(name: "by time", set: { $0.seconds = 3 }, packets: [3, 3, 3, 1]),
        Ring(name: "by size", set: { $0.bytes = 4096 }, packets: [4, 4, 2]),
        Ring(
            name: "so many files",
            set: {
                $0.packets = 2
                $0.files = 2
            }, packets: [2, 2]),
        Ring(
            name: "whichever comes first",
            set: {
                $0.packets = 4
                $0.seconds = 3
            }, packets: [3, 3, 3, 1]),
    ]

    @Test(arguments: rings) func aRingIsSeveralCapturesThatFollowOneAnother(_ ring: Ring) throws {
        let folder = try Folder()
        var limits = RingLimits()
        ring.set(&limits)
        let recorder = try Self.recorder(folder.path("trace.pcapng"), ring: limits)
        Self.take(0..<10, recorder)
        recorder.statistics = InterfaceStatistics(received: 10, droppedByKernel: 1)
        recorder.finish(InterfaceStatistics(received: 10, droppedByKernel: 1))
        let descriptions = try folder.names.map { try folder.description(of: $0) }
        #expect(descriptions.map(\.packets) == ring.packets)
        #expect(descriptions.allSatisfy { $0.complete && $0.interfaces.count == 1 })
        #expect(descriptions.reduce(0) { $0 + ($1.interfaces.first?.drops ?? 0) } == 1)
        #expect(folder.names.last?.hasPrefix("trace_0000") == true)
        #expect(folder.names.allSatisfy { $0.hasSuffix(".pcapng") && $0.contains("_20231114221") })
    }

    /// The disk is full: said once, and the capture goes on.
    @Test func whatCannotBeWrittenIsSaidOnce() throws {
        guard FileManager.default.fileExists(atPath: "/dev/full") else { return print("SKIPPED: no /dev/full here") }
        var said: [String] = []
        let recorder = try Self.recorder("/dev/full") { said.append($0) }
        Self.take(0..<5, recorder)
        recorder.flush()
        Self.take(5..<9, recorder)
        recorder.finish(InterfaceStatistics())
        #expect(said.count == 1)
        #expect(said.first?.contains("No space left on device") == true)
        #expect(recorder.hasFailed)
        #expect(recorder.counts.packets == 0 && recorder.counts.lost == 9)
    }

    /// A ring makes room by its oldest file, and goes on when there is some.
    @Test func aRingTriesAgain() throws {
        let folder = try Folder()
        let disk = folder.path("disk")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        guard try Program.other(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk]).status == 0 else {
            return print("SKIPPED: no tmpfs may be mounted")
        }
        defer { _ = try? Program.other(["umount", disk]) }
        var limits = RingLimits()
        limits.bytes = 40_000
        limits.files = 2
        var said: [String] = []
        let recorder = try Self.recorder(disk + "/ring.pcapng", ring: limits) { said.append($0) }
        for second in 0..<400 {
            Self.take(second..<(second + 1), recorder)
            recorder.flush()
        }
        recorder.finish(InterfaceStatistics())
        #expect(said.count == 1)
        #expect(recorder.counts.lost > 0 && recorder.counts.packets > 200)
        #expect(recorder.counts.lost + recorder.counts.packets == 400)
        for name in try FileManager.default.contentsOfDirectory(atPath: disk) {
            var reader = try CaptureReader(path: disk + "/" + name)
            var batch: [CapturedPacket] = []
            while reader.readBatch(&batch) {}
            #expect(reader.description.complete, "\(name): \(reader.description.problems)")
        }
    }

    @Test func aFolderThatIsNotThereIsKnownAtOnce() throws {
        #expect(throws: CaptureFailure.self) { try Self.recorder("/nowhere/at/all.pcapng") }
    }

    /// SIGHUP, as a log rotation sends it after it moved the file away.
    @Test func reopenedItGoesOnInANewFile() throws {
        let folder = try Folder()
        let path = folder.path("a.pcapng")
        let recorder = try Self.recorder(path)
        Self.take(0..<3, recorder)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        recorder.reopen(InterfaceStatistics(received: 3, droppedByKernel: 1))
        Self.take(3..<5, recorder)
        recorder.finish(InterfaceStatistics(received: 5, droppedByKernel: 3))
        #expect(folder.names == ["a.pcapng", "a.pcapng.1"])
        #expect(try folder.description(of: "a.pcapng.1").packets == 3)
        #expect(try folder.description(of: "a.pcapng.1").interfaces.map(\.drops) == [1])
        #expect(try folder.description(of: "a.pcapng").packets == 2)
        #expect(try folder.description(of: "a.pcapng").interfaces.map(\.drops) == [2])
    }

    /// Nobody moved it: nothing that was written is lost.
    @Test func reopenedInPlaceItGoesOnBehindWhatIsThere() throws {
        let folder = try Folder()
        let recorder = try Self.recorder(folder.path("a.pcapng"))
        Self.take(0..<3, recorder)
        recorder.reopen(InterfaceStatistics(received: 3))
        Self.take(3..<5, recorder)
        recorder.finish(InterfaceStatistics(received: 5))
        let description = try folder.description(of: "a.pcapng")
        #expect(description.packets == 5 && description.complete && description.interfaces.count == 2)
    }

    /// A small file system of its own, gone with it; `nil`, said loudly, where none may be mounted.
    final class Disk {
        let folder: Folder
        init?(_ size: String, for test: String = #function) throws {
            folder = try Folder()
            guard
                try Program.other(["mount", "-t", "tmpfs", "-o", "size=\(size)", "none", folder.url.path]).status == 0
            else {
                print("SKIPPED: \(test): no tmpfs may be mounted")
                return nil
            }
        }
        deinit { _ = try? Program.other(["umount", folder.url.path]) }
    }

    /// The disk fills up in the middle of a block, or between two: what was dropped is told all the same, of the end too.
    @Test(arguments: [900, 1000, 1004, 4052, 4096]) func aFullDiskStillTellsOfDrops(_ size: Int) throws {
        guard let disk = try Disk("64k") else { return }
        let path = disk.folder.path("a.pcapng")
        var said: [String] = []
        let recorder = try Self.recorder(path) { said.append($0) }
        for second in 0..<200 {
            let (packet, bytes) = Self.packet(second, size: size)
            recorder.statistics = InterfaceStatistics(received: UInt64(second), droppedByKernel: 3)
            recorder.take(packet, bytes.span, owner: .nobody)
            recorder.flush()
        }
        let before = try disk.folder.description(of: "a.pcapng")
        #expect(before.complete && before.interfaces.first?.drops == 3)
        recorder.finish(InterfaceStatistics(received: 200, droppedByKernel: 9, droppedByInterface: 1))
        #expect(said.count == 1 && recorder.hasFailed)
        let description = try disk.folder.description(of: "a.pcapng")
        #expect(description.complete, "\(description.problems)")
        #expect(description.packets == recorder.counts.packets && description.packets > 10)
        #expect(recorder.counts.packets + recorder.counts.lost == 200)
        #expect(description.interfaces.first?.drops == 10)
    }

    /// Many packets at once, of which only some find room.
    @Test func aFullDiskCutsABatch() throws {
        guard let disk = try Disk("64k") else { return }
        let recorder = try Self.recorder(disk.folder.path("a.pcapng"))
        Self.take(0..<100, recorder)
        recorder.finish(InterfaceStatistics(received: 100, droppedByKernel: 4))
        let description = try disk.folder.description(of: "a.pcapng")
        #expect(description.complete && description.interfaces.first?.drops == 4)
        #expect(description.packets == recorder.counts.packets && description.packets > 40)
    }

    /// Another program takes the whole disk while nothing is recorded: the room for the end is there.
    @Test func theRoomForTheEndIsReserved() throws {
        guard let disk = try Disk("64k") else { return }
        let recorder = try Self.recorder(disk.folder.path("a.pcapng"))
        Self.take(0..<3, recorder)
        recorder.flush()
        #expect(throws: (any Error).self) {
            try Data(repeating: 1, count: 1 << 20).write(to: URL(fileURLWithPath: disk.folder.path("b")))
        }
        Self.take(3..<9, recorder)
        recorder.finish(InterfaceStatistics(received: 9, droppedByKernel: 2))
        let description = try disk.folder.description(of: "a.pcapng")
        #expect(description.complete && description.packets == recorder.counts.packets && description.packets >= 3)
        #expect(description.interfaces.first?.drops == 2)
    }

    /// What a file of a ring could not tell any more, the next one does.
    @Test func theNextFileTellsWhatTheLastOneCouldNot() throws {
        guard let disk = try Disk("32k") else { return }
        var ring = RingLimits()
        ring.packets = 1000
        let recorder = try Self.recorder(disk.folder.path("a.pcapng"), ring: ring)
        func take(_ seconds: Range<Int>) {
            for second in seconds {
                recorder.statistics = InterfaceStatistics(received: UInt64(second), droppedByKernel: UInt64(second))
                Self.take(second..<(second + 1), recorder)
                recorder.flush()
            }
        }
        func drops() throws -> UInt64 {
            #expect(disk.folder.names.count == 1)
            let description = try disk.folder.description(of: try #require(disk.folder.names.first))
            #expect(description.complete && description.packets > 0)
            return description.interfaces.first?.drops ?? 0
        }
        // The first file takes the whole disk, and those after it find no room for their heads.
        take(0..<40)
        let first = try drops()
        #expect(first > 0 && first < 40)
        try FileManager.default.removeItem(atPath: disk.folder.path(disk.folder.names[0]))
        take(40..<50)
        recorder.finish(InterfaceStatistics(received: 60, droppedByKernel: 60))
        #expect(try first + drops() == 60)
    }
}

extension Folder {
    /// What a capture in it says of itself.
    fileprivate func description(of name: String) throws -> CaptureDescription {
        var reader = try CaptureReader(path: path(name))
        var batch: [CapturedPacket] = []
        while reader.readBatch(&batch) {}
        return reader.description
    }
}

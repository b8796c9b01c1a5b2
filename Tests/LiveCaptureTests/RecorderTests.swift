// Recordings: their files, their ends, and what happens when the disk does not want them.

import Foundation
import Testing
import Traffic

@testable import LiveCapture

@Suite struct RecorderTests {
    /// A folder of its own, gone with it.
    final class Folder {
        let path = NSTemporaryDirectory() + "/recorder-\(UUID().uuidString)"
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }
        var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
        func read(_ name: String) throws -> CaptureDescription {
            var reader = try CaptureReader(path: path + "/" + name)
            var batch: [CapturedPacket] = []
            while reader.readBatch(&batch) {}
            return reader.description
        }
    }

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
        let recorder = try Self.recorder(folder.path + "/a.pcapng")
        Self.take(0..<5, recorder)
        recorder.finish(InterfaceStatistics(received: 7, droppedByKernel: 2, droppedByInterface: 1))
        let description = try folder.read("a.pcapng")
        #expect(description.packets == 5 && description.complete)
        #expect(description.interfaces.first?.drops == 3)
        #expect(description.interfaces.first?.name == "eth7" && description.interfaces.first?.filter == "tcp")
        #expect(recorder.counts.packets == 5 && !recorder.hasFailed)
        let mode =
            try FileManager.default.attributesOfItem(atPath: folder.path + "/a.pcapng")[.posixPermissions] as? Int
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
        let recorder = try Self.recorder(folder.path + "/trace.pcapng", ring: limits)
        Self.take(0..<10, recorder)
        recorder.statistics = InterfaceStatistics(received: 10, droppedByKernel: 1)
        recorder.finish(InterfaceStatistics(received: 10, droppedByKernel: 1))
        let descriptions = try folder.names.map { try folder.read($0) }
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
        let disk = folder.path + "/disk"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        let mount = Process()
        mount.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        mount.arguments = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk]
        try mount.run()
        mount.waitUntilExit()
        guard mount.terminationStatus == 0 else { return print("SKIPPED: no tmpfs may be mounted") }
        defer {
            let unmount = Process()
            unmount.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            unmount.arguments = ["umount", disk]
            try? unmount.run()
            unmount.waitUntilExit()
        }
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
        let path = folder.path + "/a.pcapng"
        let recorder = try Self.recorder(path)
        Self.take(0..<3, recorder)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        recorder.reopen(InterfaceStatistics(received: 3, droppedByKernel: 1))
        Self.take(3..<5, recorder)
        recorder.finish(InterfaceStatistics(received: 5, droppedByKernel: 3))
        #expect(folder.names == ["a.pcapng", "a.pcapng.1"])
        #expect(try folder.read("a.pcapng.1").packets == 3)
        #expect(try folder.read("a.pcapng.1").interfaces.map(\.drops) == [1])
        #expect(try folder.read("a.pcapng").packets == 2)
        #expect(try folder.read("a.pcapng").interfaces.map(\.drops) == [2])
    }

    /// Nobody moved it: nothing that was written is lost.
    @Test func reopenedInPlaceItGoesOnBehindWhatIsThere() throws {
        let folder = try Folder()
        let recorder = try Self.recorder(folder.path + "/a.pcapng")
        Self.take(0..<3, recorder)
        recorder.reopen(InterfaceStatistics(received: 3))
        Self.take(3..<5, recorder)
        recorder.finish(InterfaceStatistics(received: 5))
        let description = try folder.read("a.pcapng")
        #expect(description.packets == 5 && description.complete && description.interfaces.count == 2)
    }
}

// What is kept of the traffic: all of it, or the connections that carry an exchange.
//
// Blocks are gathered and written together, at the latest when the capture is refreshed. A recording may be a ring of
// files: each begins anew and can be read alone. What cannot be written is said at once, the file is cut after its
// last whole block, and the capture goes on. A ring tries again in its next file, for which its oldest makes room; else
// a reopened file is the next try.
//
// With `--only-exchanges` nobody can know at a connection's first packet whether it will carry an exchange. So its
// packets are held (`HeldPackets`) until the analyzer says that it does, or that it will not.

import Ground
public import Traffic

/// When a recording goes on in another file, and how many of them stay.
public struct RingLimits: Sendable, Equatable {
    public var bytes: Int64?
    public var packets: UInt64?
    /// Seconds, by packet time.
    public var seconds: Int64?
    public var files: Int?
    public init() {}

    /// Files are changed at all.
    public var isOn: Bool { bytes != nil || packets != nil || seconds != nil }
}

public struct RecordingOptions: Sendable {
    /// The file; "-" is standard output.
    public var path: String
    public var ring = RingLimits()
    public var onlyExchanges = false
    /// Bytes held of one connection, and of all, until they show an exchange.
    public var heldBytes = 256 * 1024
    public var totalHeldBytes = 128 << 20
    /// The program that writes, for the head of the file.
    public var application = ""
    public init(path: String) { self.path = path }
}

/// What became of the packets.
public struct RecordingCounts: Sendable, Equatable {
    public var packets: UInt64 = 0
    public var bytes: Int64 = 0
    public var files = 0
    /// Of connections that carry an exchange, but seen before it and beyond what is held.
    public var letGo: UInt64 = 0
    /// Of no connection with an exchange.
    public var leftOut: UInt64 = 0
    /// That could not be written.
    public var lost: UInt64 = 0
    /// Held at this moment, undecided.
    public var heldBytes = 0
    public init() {}
}

/// Writes a recording.
public final class Recorder {
    private let options: RecordingOptions
    private let interface: RecordedInterface
    private let say: (String) -> Void
    private var writer = PcapngWriter()
    /// Packets in the writer.
    private var pending: UInt64 = 0
    private var file: RecordingFile?
    /// A file for which there was no more room: its last block still counts.
    private var full: RecordingFile?
    private var held: HeldPackets
    private var tally = RecordingCounts()
    /// What was counted when this file began, so that its end speaks of itself alone, and what all files have told.
    private var before = InterfaceStatistics()
    private var told = InterfaceStatistics()
    private var filePackets: UInt64 = 0
    private var fileStart: Timestamp?
    private var lastTime = Timestamp(nanoseconds: 0)
    /// When a ring whose file failed tries the next one.
    private var nextTry: Timestamp?
    /// Names of the ring's files, oldest first.
    private var names: [String] = []
    /// Something went wrong, and when it did it was said.
    public private(set) var hasFailed = false
    /// It goes into a pipe that nobody reads any more.
    public private(set) var hasLostReader = false

    /// Opens the first file.
    ///
    /// `say` is told, once, what goes wrong later.
    public init(
        _ options: RecordingOptions, interface: RecordedInterface, start: Timestamp, say: @escaping (String) -> Void
    ) throws(CaptureFailure) {
        self.options = options
        self.interface = interface
        self.say = say
        held = HeldPackets(limit: options.heldBytes, totalLimit: options.totalHeldBytes)
        lastTime = start
        let path = nextPath(at: start)
        do throws(FileFailure) {
            file = try RecordingFile(path: path, appending: false)
        } catch {
            throw CaptureFailure(.unwritable, "\(path): \(error)")
        }
        begin(path)
    }

    /// Only connections that carry an exchange are kept: whose a packet is has to be known.
    public var keepsOnlyExchanges: Bool { options.onlyExchanges }

    public var counts: RecordingCounts {
        var counts = tally
        counts.letGo = held.letGo
        counts.leftOut += held.leftOut
        counts.heldBytes = held.bytes
        return counts
    }

    /// Takes a packet; `owner` is what the analyzer said of it.
    public func take(_ packet: CapturedPacket, _ bytes: Span<UInt8>, owner: @autoclosure () -> PacketOwner) {
        lastTime = packet.time
        if isFull(at: packet.time) { change(at: packet.time) }
        if options.onlyExchanges {
            let count = held.take(packet, bytes, owner: owner(), into: &writer)
            guard count > 0 else { return }
            pending += count
        } else {
            pending += 1
            writer.packet(bytes, time: packet.time, originalLength: packet.originalLength)
        }
        if fileStart == nil { fileStart = packet.time }
        if writer.bytes.count >= Self.chunk { flush() }
    }

    /// A connection is over: if it showed no exchange until now it never will.
    public func ended(_ connection: UInt64) { held.forget(connection) }

    /// Writes what is gathered; for whoever reads along, and so that little is lost.
    public func flush() {
        guard !writer.bytes.isEmpty else { return }
        defer {
            writer.bytes.removeAll(keepingCapacity: true)
            pending = 0
        }
        guard let file else {
            tally.lost += pending
            return
        }
        let length = file.length
        var kept = pending
        do throws(FileFailure) {
            try file.write(writer.bytes, last: length > 0 ? lastBlock(statistics) : [])
        } catch {
            // What is in the file is whole; the rest is lost.
            kept = PcapngWriter.packets(of: writer.bytes, within: Int(file.length - length))
            tally.lost += pending - kept
            fail(error)
        }
        tally.packets += kept
        filePackets += kept
        tally.bytes += file.length - length
    }

    /// Closes the file and goes on in a new one of the same name, or after what is there if nobody moved it away.
    public func reopen(_ statistics: InterfaceStatistics) {
        guard options.path != "-" else { return flush() }
        let path = names.last ?? options.path
        let stays = file?.isInPlace ?? true
        end(statistics)
        open(path, appending: stays)
    }

    /// Writes what is left, and what was counted.
    public func finish(_ statistics: InterfaceStatistics) {
        held.forgetAll()
        end(statistics)
    }

    /// The interface's counters as they are now; a file that is full takes them with it.
    public var statistics = InterfaceStatistics()

    private static var chunk: Int { 512 * 1024 }

    // MARK: Files

    private func isFull(at time: Timestamp) -> Bool {
        guard options.ring.isOn else { return false }
        if let nextTry { return nextTry < time }
        if let bytes = options.ring.bytes, (file?.length ?? 0) + Int64(writer.bytes.count) >= bytes { return true }
        if let packets = options.ring.packets, filePackets + pending >= packets { return true }
        if let seconds = options.ring.seconds, let fileStart {
            return time.nanoseconds(since: fileStart) >= seconds * 1_000_000_000
        }
        return false
    }

    private func change(at time: Timestamp) {
        end(statistics)
        // The oldest goes first: the disk may be full.
        while let limit = options.ring.files, !names.isEmpty, names.count >= limit {
            RecordingFile.remove(names.removeFirst())
        }
        open(nextPath(at: time), appending: false)
    }

    private func open(_ path: String, appending: Bool) {
        nextTry = nil
        do throws(FileFailure) {
            file = try RecordingFile(path: path, appending: appending)
            begin(path)
        } catch {
            fail(error, at: path)
        }
    }

    private func begin(_ path: String) {
        tally.files += 1
        if names.last != path { names.append(path) }
        filePackets = 0
        fileStart = nil
        // What a file could not tell any more the next one does.
        before = told
        writer.section(application: options.application)
        writer.interface(interface)
        flush()
    }

    /// The last blocks of a file: what was counted while it was written.
    private func end(_ now: InterfaceStatistics) {
        statistics = now
        flush()
        let last = lastBlock(now)
        if file != nil {
            writer.bytes += last
            flush()
        }
        do throws(FileFailure) {
            for ended in [file, full].compactMap({ $0 }) {
                ended.close(with: last)
                try ended.finish()
                told = now
            }
            (file, full) = (nil, nil)
        } catch {
            full = nil
            fail(error)
        }
    }

    /// What was counted since this file began.
    private func lastBlock(_ now: InterfaceStatistics) -> [UInt8] {
        var last = PcapngWriter()
        last.statistics(
            InterfaceStatistics(
                received: now.received &- before.received,
                droppedByKernel: now.droppedByKernel &- before.droppedByKernel,
                droppedByInterface: now.droppedByInterface &- before.droppedByInterface), time: lastTime,
            start: fileStart ?? lastTime)
        return last.bytes
    }

    /// `trace.pcapng` becomes `trace_00001_20260131123000.pcapng` in a ring, as with dumpcap.
    private func nextPath(at time: Timestamp) -> String {
        guard options.ring.isOn, options.path != "-" else { return options.path }
        let folder = options.path.lastIndex(of: "/").map { options.path[...$0] } ?? ""
        let name = options.path.dropFirst(folder.count)
        let dot = name.lastIndex(of: ".").flatMap { $0 == name.startIndex ? nil : $0 } ?? name.endIndex
        let number = Digits.decimal(tally.files + 1, 5)
        return "\(folder)\(name[..<dot])_\(number)_\(time.text.prefix(19).filter(\.isNumber))\(name[dot...])"
    }

    private func fail(_ failure: FileFailure, at path: String? = nil) {
        if let file, file.isRegular, file.length == 0 {
            // Not even its head could be written: that is no capture.
            RecordingFile.remove(file.path)
            names.removeAll { $0 == file.path }
        }
        if let file, file.isClosed { full = file }
        file = nil
        nextTry = Timestamp(nanoseconds: lastTime.nanoseconds &+ Self.patience)
        if failure.code == FileFailure.brokenPipe {
            hasLostReader = true
            return
        }
        let name = path ?? names.last ?? options.path
        let message = "\(name == "-" ? "standard output" : name): \(failure)"
        // A ring that tries again and again has said it.
        if !hasFailed || !options.ring.isOn { say("\(message); the capture goes on, what follows is not recorded") }
        hasFailed = true
    }

    /// Nanoseconds, by packet time, until a ring tries again.
    private static var patience: Int64 { 1_000_000_000 }
}

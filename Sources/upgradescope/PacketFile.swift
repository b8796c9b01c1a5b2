// What a replay or a stand-in said and heard, as a capture (`-w`) that `analyze` and Wireshark read.

import ArgumentParser
import Replay
import Synchronization
import Traffic

/// What was said, as pcapng; written by several event loops.
final class PacketFile: PacketSink {
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var writer: PcapngWriter
        let file: OutputFile
        var count: UInt32 = 0
    }

    /// Whether `-w` names a file that may be written: not standard output, and none of the inputs.
    static func validate(_ path: String?, inputs: [String]) throws {
        guard let path else { return }
        guard path != "-", !path.isEmpty else { throw ValidationError("-w: needs the name of a file") }
        guard !inputs.contains(where: { $0 != "-" && System.isSameFile($0, path) }) else {
            throw ValidationError("-w: \(path) is an input")
        }
    }

    /// The file of `-w`, if there is to be one; ends with status 6 where it cannot be opened.
    ///
    /// `name` is that of the command.
    static func open(_ path: String?, name: String) throws -> PacketFile? {
        guard let path else { return nil }
        do throws(SystemError) {
            return PacketFile(try OutputFile(path: path), name: name)
        } catch {
            say("\(path): \(error)")
            throw ExitCode(6)
        }
    }

    private init(_ file: sending OutputFile, name: String) {
        var writer = PcapngWriter()
        writer.section(application: "upgradescope \(toolVersion)", comment: "written by upgradescope \(name)")
        writer.interface(RecordedInterface(name: name, linkType: ConnectionPackets.linkType))
        state = Mutex(State(writer: writer, file: file))
    }

    func write(_ packet: [UInt8], at time: Timestamp) -> UInt32 {
        state.withLock { state in
            state.count += 1
            state.writer.packet(packet.span, time: time, originalLength: UInt32(packet.count))
            if state.writer.bytes.count >= 64 << 10 { Self.flush(&state) }
            return state.count
        }
    }

    /// The file with everything in it, to be finished by the caller.
    func finished() -> OutputFile {
        state.withLock { state in
            Self.flush(&state)
            return state.file
        }
    }

    // What fails is kept by the file, and told of when it is finished.
    private static func flush(_ state: inout State) {
        try? state.file.write(state.writer.bytes)
        state.writer.bytes.removeAll(keepingCapacity: true)
    }
}

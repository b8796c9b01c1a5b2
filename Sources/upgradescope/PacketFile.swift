// What a replay or a stand-in said and heard, as a capture (`-w`) that `analyze` and Wireshark read.

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

    /// Opens the file of `-w`, or standard output for `-`; `name` is that of the command.
    init(_ path: String, name: String) throws(SystemError) {
        let file: OutputFile = path == "-" ? .standardOutput() : try OutputFile(path: path)
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

    // What fails is kept by the file, and reported when it is finished.
    private static func flush(_ state: inout State) {
        try? state.file.write(state.writer.bytes)
        state.writer.bytes.removeAll(keepingCapacity: true)
    }
}

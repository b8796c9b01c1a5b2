// The files of a replay: reports, and the packets of what was said. All are opened before anything is sent.

import ArgumentParser
import Replay
import Reports
import Synchronization
import Traffic

/// The opened outputs of a replay.
final class ReplayOutputs {
    private var files: [(renderer: ReplayRenderer, file: OutputFile)] = []
    let packetFile: PacketFile?
    private let layout: TextLayout
    private var failed = false

    /// Throws exit status 6 where a file cannot be opened: nothing was sent then.
    init(_ outputs: [(format: String, path: String)], packets: String?, layout: TextLayout) throws {
        self.layout = layout
        var name = packets ?? ""
        do throws(SystemError) {
            packetFile = try packets.map { (path) throws(SystemError) in
                PacketFile(try OutputFile(path: path), name: "replay")
            }
            for (format, path) in outputs {
                guard let renderer = ReplayRenderers.named(format) else { continue }
                name = path
                files.append((renderer, path == "-" ? .standardOutput() : try OutputFile(path: path)))
            }
        } catch {
            say("\(name): \(error)")
            throw ExitCode(6)
        }
    }

    func write(_ report: ReplayReport) {
        let options = RenderOptions(tool: ToolName(version: toolVersion), layout: layout)
        for (renderer, file) in files {
            var sink: any ByteSink = file
            do {
                try renderer.write(report, options, &sink)
            } catch is SystemError {
                // The file keeps it, and it is told of when the file is finished.
            } catch {
                say("\(file.name): \(error)")
                file.abandon()
                failed = true
            }
        }
    }

    /// Closes everything and names what was written; `false` when something could not be.
    func finish(quiet: Bool) -> Bool {
        let all = files.map(\.file) + (packetFile.map { [$0.finished()] } ?? [])
        for file in all where file.isOpen {
            do throws(SystemError) {
                try file.finish()
                if file.isFile, !quiet { say("wrote \(file.name) (\(sizeText(file.written)))") }
            } catch {
                say("\(file.name): \(error)")
                failed = true
            }
        }
        return !failed
    }
}

/// What was said, as pcapng; written by several event loops.
final class PacketFile: PacketSink {
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var writer: PcapngWriter
        let file: OutputFile
        var count: UInt32 = 0
    }

    /// `name` is that of the command.
    init(_ file: sending OutputFile, name: String) {
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

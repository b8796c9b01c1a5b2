// The files of a replay: reports, and the packets of what was said. All are opened before anything is sent.

import ArgumentParser
import Replay
import Reports

/// The opened outputs of a replay.
final class ReplayOutputs {
    private var files: [(renderer: ReplayRenderer, file: OutputFile)] = []
    let packetFile: PacketFile?
    private let layout: TextLayout
    private var failed = false

    /// Throws exit status 6 where a file cannot be opened: nothing was sent then.
    init(_ outputs: [(format: String, path: String)], packets: String?, layout: TextLayout) throws {
        self.layout = layout
        packetFile = try PacketFile.open(packets, name: "replay")
        for (format, path) in outputs {
            guard let renderer = ReplayRenderers.named(format) else { continue }
            do throws(SystemError) {
                files.append((renderer, path == "-" ? .standardOutput() : try OutputFile(path: path)))
            } catch {
                say("\(path): \(error)")
                throw ExitCode(6)
            }
        }
    }

    func write(_ report: ReplayReport) {
        let options = RenderOptions(tool: ToolName(version: toolVersion), layout: layout)
        for (renderer, file) in files {
            if !file.take({ try renderer.write(report, options, &$0) }) { failed = true }
        }
    }

    /// Closes everything and names what was written; `false` when something could not be.
    func finish(quiet: Bool) -> Bool {
        (files.map(\.file) + (packetFile.map { [$0.finished()] } ?? [])).finish(quiet: quiet) && !failed
    }
}

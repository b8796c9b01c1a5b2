// The files of a replay: reports, and the packets of what was said. All are opened before anything is sent; one that fails
// is named, and the others go on.

import ArgumentParser
import Replay
import ReplayReports
import Reports

/// The opened outputs of a replay.
final class ReplayOutputs {
    private var files: [(format: ReplayFormat, file: OutputFile)] = []
    private(set) var packetFile: PacketFile?
    private let layout: TextLayout
    private var failed = false

    /// `packets` is the file of `-w`.
    init(_ plan: OutputPlan<ReplayFormat>, packets: String?, layout: TextLayout) {
        self.layout = layout
        for (format, path) in plan.targets {
            open(path) { () throws(SystemError) in
                files.append((format, path == "-" ? .standardOutput() : try OutputFile(path: path)))
            }
        }
        if let packets {
            open(packets) { () throws(SystemError) in packetFile = try PacketFile(packets, name: "replay") }
        }
    }

    private func open(_ path: String, _ body: () throws(SystemError) -> Void) {
        do throws(SystemError) {
            try body()
        } catch {
            say("\(path): \(error)")
            failed = true
        }
    }

    func write(_ report: ReplayReport) {
        let options = RenderOptions(tool: ToolName(version: toolVersion), layout: layout)
        for (format, file) in files {
            if !file.take({ try format.write(report, options, &$0) }) { failed = true }
        }
    }

    /// Closes everything and names what was written; `false` when something could not be.
    func finish(quiet: Bool) -> Bool {
        (files.map(\.file) + (packetFile.map { [$0.finished()] } ?? [])).finish(quiet: quiet) && !failed
    }
}

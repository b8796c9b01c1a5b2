// What is written where. Every output is opened before the reading begins, so that a wrong name is known at once
// and not after an hour; one that fails is named, and the others go on.

import ArgumentParser
import Ground
import Inspection
import Investigation
import Reports
import Traffic

/// The outputs that were asked for: reports, each in its format, and what else takes a place.
struct OutputPlan<Format> {
    private(set) var targets: [(format: Format, path: String)] = []
    private(set) var usesStandardOutput = false
    private var paths: Set<String> = []
    private var files: Set<[UInt64]> = []

    /// Something that is no report goes there; two for the same place, or one that would overwrite an input, are wrong usage.
    mutating func take(_ path: String, option: String, inputs: [String]) throws {
        guard !path.isEmpty else { throw ValidationError("\(option): the name is empty") }
        if path == "-" {
            guard !usesStandardOutput else { throw ValidationError("\(option): standard output is taken already") }
            usesStandardOutput = true
            return
        }
        guard paths.insert(path).inserted else { throw ValidationError("\(option): \(path) is written already") }
        guard FileKind(of: path) == .regular, let file = System.identity(of: path) else { return }
        guard files.insert(file).inserted else { throw ValidationError("\(option): \(path) is written already") }
        guard !inputs.contains(where: { $0 != "-" && System.identity(of: $0) == file }) else {
            throw ValidationError("\(option): \(path) is an input")
        }
    }

    /// Adds a report.
    mutating func add(_ format: Format, to path: String, option: String, inputs: [String]) throws {
        try take(path, option: option, inputs: inputs)
        targets.append((format, path))
    }
}

/// The opened outputs.
final class Outputs {
    private var files: [(format: ReportFormat, file: OutputFile)] = []
    /// How text is laid out; a terminal may have another size by the time it is written.
    var layout: TextLayout
    private var failed = false

    /// Where events are followed while they are written, their files have their names from the beginning, and who
    /// reads them from a pipe is not waited for: `eventBytes` are kept for them.
    init(_ plan: OutputPlan<ReportFormat>, layout: TextLayout, areEventsFollowed: Bool = false, eventBytes: Int = .max)
    {
        self.layout = layout
        for (format, path) in plan.targets {
            do throws(SystemError) {
                let isFollowed = areEventsFollowed && format.isEvents
                let file: OutputFile =
                    path == "-" ? .standardOutput() : try OutputFile(path: path, isFollowed: isFollowed)
                if isFollowed { file.dontWait(limit: eventBytes) }
                files.append((format, file))
            } catch {
                say("\(path): \(error)")
                failed = true
            }
        }
    }

    /// Whether a report is written that holds every exchange.
    var needEveryExchange: Bool { files.contains { $0.format.needsEveryExchange } }

    /// Who writes the events; `nil` where nobody wants them.
    func events(_ options: EventOptions) -> EventFiles? {
        let writers = files.compactMap { format, file in
            if case .events(let make) = format.writing { (make(options, file), file) } else { nil }
        }
        return writers.isEmpty ? nil : EventFiles(writers)
    }

    /// The files that get events while the captures are read.
    var eventFiles: [OutputFile] { files.filter { $0.format.isEvents }.map(\.file) }

    /// Whether a reader has gone, and whether something is left that is written all the same.
    var hasLostReader: Bool { files.contains { $0.file.hasLostReader } }
    var isWanted: Bool { files.contains { !$0.file.hasLostReader } }

    /// Closes the files of events and goes on in new ones of the same names.
    func reopenEvents() {
        for file in eventFiles {
            do throws(SystemError) {
                try file.reopen()
            } catch {
                say("\(file.name): \(error)")
            }
        }
    }

    /// Writes the finished report in every format that waits for it.
    func write(_ report: Report) {
        let options = RenderOptions(tool: ToolName(version: toolVersion), layout: layout)
        for (format, file) in files {
            guard case .report(let write) = format.writing else { continue }
            if !file.take({ try write(report, options, &$0) }) { failed = true }
        }
    }

    /// Closes everything and names what was written; `false` when something could not be.
    func finish(quiet: Bool) -> Bool { files.map(\.file).finish(quiet: quiet) && !failed }

    /// Leaves nothing after: there was nothing to report.
    func abandon() {
        for (_, file) in files { file.abandon() }
    }
}

extension OutputFile {
    /// Takes what a renderer writes; `false`, said and abandoned, where it cannot.
    func take(_ render: (inout any ByteSink) throws -> Void) -> Bool {
        var sink: any ByteSink = self
        do {
            try render(&sink)
        } catch is SystemError {
            // The file keeps it, and it is reported when the file is finished.
        } catch {
            say("\(name): \(error)")
            abandon()
            return false
        }
        return true
    }
}

extension Sequence<OutputFile> {
    /// Closes them, what is printed before what is kept, and names the files; `false` when something could not be written.
    func finish(quiet: Bool) -> Bool {
        var areWritten = true
        for file in filter({ !$0.isFile }) + filter(\.isFile) where file.isOpen {
            do throws(SystemError) {
                try file.finish()
                if file.isFile, !quiet { say("wrote \(file.name) (\(sizeText(file.written)))") }
            } catch {
                say("\(file.name): \(error)")
                areWritten = false
            }
        }
        return areWritten
    }
}

/// Prints a result on standard output; ends with status 6 where that fails.
func printResult(_ body: (OutputFile) throws -> Void) throws {
    let output = OutputFile.standardOutput()
    do {
        try body(output)
        try output.finish()
    } catch let error as SystemError {
        say("\(output.name): \(error)")
        throw ExitCode(6)
    }
}

/// The same facts as events, into every file that wants them, while they happen.
final class EventFiles: InvestigationObserver {
    private let writers: [(report: any InvestigationObserver, file: OutputFile)]

    init(_ writers: [(any InvestigationObserver, OutputFile)]) { self.writers = writers }

    /// Events that their reader was too slow for.
    var lost: UInt64 { writers.reduce(0) { $0 + $1.file.lostLines } }

    func receive(_ event: InvestigationEvent) {
        for (report, file) in writers {
            report.receive(event)
            // What fails is kept by the file, and reported when it is finished.
            if case .batchRead = event { try? file.flush() }
        }
    }
}

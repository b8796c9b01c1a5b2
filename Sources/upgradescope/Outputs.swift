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

extension OutputPlan where Format: RawRepresentable<String> {
    /// Adds what the options named like the formats say; `--format`, or else `fallback`, is for standard output.
    mutating func add(
        _ files: [(format: Format, path: String?)], printing printed: Format?, otherwise fallback: Format?,
        inputs: [String]
    ) throws {
        for case (let format, let path?) in files {
            try add(format, to: path, option: "--\(format.rawValue)", inputs: inputs)
        }
        if let printed {
            try add(printed, to: "-", option: "--format", inputs: inputs)
        } else if let fallback, !usesStandardOutput {
            try add(fallback, to: "-", option: "--format", inputs: inputs)
        }
    }
}

/// The opened outputs.
final class Outputs {
    private var files: [(format: OutputFormat, file: OutputFile)] = []
    /// How text is laid out; a terminal may have another size by the time it is written.
    var layout: TextLayout
    private var failed = false

    /// Where events are followed while they are written, their files have their names from the beginning, and who
    /// reads them from a pipe is not waited for: `eventBytes` are kept for them.
    init(_ plan: OutputPlan<OutputFormat>, layout: TextLayout, areEventsFollowed: Bool = false, eventBytes: Int = .max)
    {
        self.layout = layout
        for (format, path) in plan.targets {
            do throws(SystemError) {
                let isFollowed = areEventsFollowed && format == .ndjson
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
    var needEveryExchange: Bool { files.contains { $0.format.renderer?.needsEveryExchange ?? false } }

    /// The files that get events while the captures are read.
    var eventFiles: [OutputFile] { files.filter { $0.format == .ndjson }.map(\.file) }

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
            guard let renderer = format.renderer else { continue }
            if !file.take({ try renderer.write(report, options, &$0) }) { failed = true }
        }
    }

    /// Closes everything and names what was written; `false` when something could not be.
    func finish(quiet: Bool) -> Bool { files.map(\.file).finish(quiet: quiet) && !failed }

    /// Leaves nothing behind: there was nothing to report.
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
            // The file keeps it, and it is told of when the file is finished.
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
final class EventStreams: InvestigationObserver {
    private let files: [OutputFile]
    private let showSecrets: Bool
    private let tellsMessages: Bool
    private var streams: [(report: NDJSONReport, file: OutputFile)] = []
    /// Findings of exchanges that go on which were events already.
    private var told: [ExchangeKey: Set<FindingEvent>] = [:]

    /// `nil` where no file wants events.
    init?(_ files: [OutputFile], showSecrets: Bool, tellsMessages: Bool) {
        guard !files.isEmpty else { return nil }
        self.files = files
        self.showSecrets = showSecrets
        self.tellsMessages = tellsMessages
    }

    /// Events that their reader was too slow for.
    var lost: UInt64 { files.reduce(0) { $0 + $1.lostLines } }

    func receive(_ event: InvestigationEvent) {
        switch event {
        case .started(let captures):
            streams = files.map { file in
                (NDJSONReport(severalCaptures: captures > 1, showSecrets: showSecrets, sink: file), file)
            }
        case .began, .unreadable, .undivided, .read: break
        case .decided(let exchange, let judgement):
            // Each finding is an event once.
            let new = judgement.findings.filter { told[exchange.key, default: []].insert(FindingEvent($0)).inserted }
            each { report, _ in try report.add(new, of: exchange) }
        case .said(let message, in: let exchange):
            if tellsMessages { each { report, _ in try report.add(message, in: exchange) } }
        case .finished(let exchange, let judgement):
            let told = told.isEmpty ? [] : told.removeValue(forKey: exchange.key) ?? []
            each { report, _ in try report.add(exchange, judgement, told: told) }
        case .ended(let connection, let findings):
            each { report, _ in try report.add(connection, findings: findings) }
        case .batchRead:
            each { report, file in
                try? report.flush()
                try file.flush()
            }
        case .reported(let finished): each { report, _ in try report.finish(finished) }
        }
    }

    /// What fails is kept by the file, and reported when the file is finished.
    private func each(_ write: (inout NDJSONReport, OutputFile) throws -> Void) {
        for index in streams.indices { try? write(&streams[index].report, streams[index].file) }
    }
}

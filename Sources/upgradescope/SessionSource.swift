// Sessions out of captures, for the commands that say them again.

import ArgumentParser
import Glibc
internal import Ground
import Inspection
import Investigation
import Replay
import Reports
import Traffic

/// Which recordings are said again, and which exchanges of them.
struct SessionOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("pcap, pcapng or HAR files, directories, or '-'.", valueName: "sessions"))
    var sessions: [String]

    @Option(help: ArgumentHelp("Only these exchanges, numbered as 'analyze' does.", valueName: "id,..."))
    var exchange: [ExchangeList] = []

    @Option(help: ArgumentHelp("Only exchanges with this host.", valueName: "name"))
    var host: String?

    @Option(
        help: ArgumentHelp("Only exchanges with this request target, with or without its query.", valueName: "path"))
    var target: String?

    func validate() throws {
        guard sessions.count(where: { $0 == "-" }) <= 1 else { throw ValidationError("'-' can be given once") }
    }

    /// The numbers that were named; empty for all.
    var exchanges: Set<Int> { Set(exchange.flatMap(\.ids)) }

    func includes(_ session: RecordedSession) -> Bool {
        if !exchange.isEmpty, !exchanges.contains(session.id) { return false }
        if let host, session.host.lowercased() != host.lowercased(), !Self.isHost(host, of: session.host) {
            return false
        }
        if let target {
            let recorded = session.request.target.text
            guard recorded == target || recorded.split(separator: "?").first.map(String.init) == target else {
                return false
            }
        }
        return true
    }

    /// A host named without its port.
    private static func isHost(_ wanted: String, of recorded: String) -> Bool {
        guard let colon = recorded.lastIndex(of: ":"), recorded[colon...].dropFirst().allSatisfy(\.isASCIIDigit)
        else { return false }
        return recorded[..<colon].lowercased() == wanted.lowercased()
    }
}

/// `3,7`: numbers of exchanges.
struct ExchangeList: ExpressibleByArgument {
    var ids: [Int]

    init?(argument: String) {
        ids = []
        for word in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let id = Int(word.trimmingSpaces), id > 0 else { return nil }
            ids.append(id)
        }
    }
}

/// Reads recorded sessions: captures through the analyzer, HAR files by their own reader.
struct SessionSource {
    private(set) var isUnreadable = false
    private(set) var isDamaged = false
    /// How many exchanges the inputs hold, wanted or not.
    private(set) var exchangeCount = 0
    private var encryptedConnections: UInt64 = 0
    /// What was read of standard input to see what it is.
    private var beginning: [UInt8] = []

    /// The chosen sessions of the inputs; `nil` where there is nothing to go on with: that is said, and stands in `status`.
    static func choose(
        _ choice: SessionOptions, reading: ReadingOptions, keepsRaw: Bool, quiet: Bool, _ status: inout ExitStatus
    ) -> [RecordedSession]? {
        var source = SessionSource()
        let all = source.read(choice.sessions, reading: reading, keepsRaw: keepsRaw, quiet: quiet)
        status.unreadable = source.isUnreadable
        status.damaged = source.isDamaged
        status.interrupted = Signals.interrupted
        status.usage = source.complain(aboutMissing: choice, in: all)
        if status.usage || status.interrupted || status.unreadable && all.isEmpty { return nil }
        let chosen = all.filter { choice.includes($0) }
        if chosen.isEmpty {
            // A choice that fits nothing is a slip of the pen: that nothing differs would be no answer to it.
            status.usage = !all.isEmpty
            say(all.isEmpty ? "no exchange was found\(source.hidden)" : "no exchange was chosen")
        }
        return status.usage ? nil : chosen
    }

    /// The sessions of captures, numbered as `analyze` numbers their exchanges; those of HAR files after them.
    mutating func read(_ paths: [String], reading: ReadingOptions, keepsRaw: Bool, quiet: Bool) -> [RecordedSession] {
        if paths.contains("-"), !Terminal.isTerminal(STDIN_FILENO) {
            beginning = (try? System.standardInput(limit: 256)) ?? []
        }
        let files = paths.flatMap { expanded($0) }
        let archives = files.filter { isArchive($0) }
        let captures = files.filter { !archives.contains($0) }
        var sessions: [RecordedSession] = []
        if !captures.isEmpty { sessions = read(captures: captures, reading: reading, keepsRaw: keepsRaw, quiet: quiet) }
        for path in archives {
            for var session in read(archive: path, quiet: quiet) {
                exchangeCount += 1
                session.id = exchangeCount
                // Connections of captures have numbers of their own.
                session.connection = UInt64.max - UInt64(exchangeCount)
                sessions.append(session)
            }
        }
        return sessions
    }

    /// Directories become the captures and HAR files in them.
    private mutating func expanded(_ path: String) -> [String] {
        guard path != "-", FileKind(of: path) == .directory else { return [path] }
        do throws(CaptureError) {
            let files = try CaptureReader.files(inDirectory: path) { Self.isHAR($0) || CaptureReader.isCapture($0) }
            if !files.isEmpty { return files }
            say("\(path) holds no captures and no HAR files")
        } catch {
            say(error.message)
        }
        isUnreadable = true
        return []
    }

    private func isArchive(_ path: String) -> Bool {
        path == "-" ? HARLog.looksLikeHAR(beginning) : Self.isHAR(path)
    }

    /// What may hold exchanges all the same.
    private var hidden: String {
        switch encryptedConnections {
        case 0: ""
        case 1: "; 1 connection is encrypted: what was said in it cannot be said again"
        default: "; \(encryptedConnections) connections are encrypted: what was said in them cannot be said again"
        }
    }

    private mutating func read(
        captures: [String], reading: ReadingOptions, keepsRaw: Bool, quiet: Bool
    ) -> [RecordedSession] {
        let recorder = SessionRecorder(keepsRaw: keepsRaw)
        var options = reading.investigation
        options.judging = JudgeOptions()
        options.analyzer.transcript = .all
        options.standardInput = beginning
        let investigation = Investigation(
            options, recorder: recorder, observers: [ReadingWatch(Progress(total: nil, quiet: quiet))])
        _ = investigation.run(captures)
        isUnreadable = isUnreadable || investigation.facts.isUnreadable
        isDamaged = investigation.facts.isDamaged
        encryptedConnections = investigation.facts.counters.encryptedConnections
        exchangeCount = recorder.exchangeCount
        if recorder.omitted > 0 { say("\(recorder.omitted) exchanges are left out: too many for one recording") }
        return recorder.sessions()
    }

    private mutating func read(archive path: String, quiet: Bool) -> [RecordedSession] {
        let limits = JSONLimits()
        let name = nameOf(path)
        do {
            // One byte more than is read tells that it is too large.
            let bytes =
                path == "-"
                ? beginning + (try System.standardInput(limit: limits.bytes + 1 - beginning.count))
                : try System.contents(of: path, limit: limits.bytes + 1)
            let log = try HARLog(bytes, limits: limits)
            if !quiet {
                for remark in log.remarks.prefix(5) { say("\(name): left out: \(remark)") }
                if log.remarks.count > 5 { say("\(name): \(log.remarks.count - 5) more entries are left out") }
            }
            return log.sessions()
        } catch {
            guard !Signals.interrupted else { return [] }
            isUnreadable = true
            say("\(name): \(error)")
            return []
        }
    }

    /// Whether a file begins like a HAR file.
    static func isHAR(_ path: String) -> Bool {
        guard path != "-", FileKind(of: path) == .regular else { return false }
        return (try? System.contents(of: path, limit: 256)).map { HARLog.looksLikeHAR($0) } ?? false
    }

    /// Says which of the wanted exchanges are not there; whether any is not.
    private func complain(aboutMissing choice: SessionOptions, in sessions: [RecordedSession]) -> Bool {
        let missing = choice.exchanges.sorted().filter { id in !sessions.contains { $0.id == id } }
        for id in missing {
            say(
                "there is no exchange \(id): \(exchangeCount == 0 ? "there is none" : "they are 1 to \(exchangeCount)")"
            )
        }
        return !missing.isEmpty
    }
}

/// `500ms`, `5s`, `2m`; a number alone is seconds.
struct DurationArgument {
    var nanoseconds: Int64

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    init?(_ text: String) {
        let units: [(String, Double)] = [("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)]
        let unit = units.first {
            text.hasSuffix($0.0) && !text.dropLast($0.0.count).isEmpty
                && text.dropLast($0.0.count).last?.isASCIIDigit == true
        }
        let digits = unit.map { text.dropLast($0.0.count) } ?? text[...]
        guard digits.allSatisfy({ $0.isASCIIDigit || $0 == "." }), let number = Double(digits), number >= 0,
            number * (unit?.1 ?? 1e9) < 1e18
        else { return nil }
        nanoseconds = Int64(number * (unit?.1 ?? 1e9))
    }

    /// As it would be written, for the help.
    var defaultValueDescription: String {
        if nanoseconds % 60_000_000_000 == 0, nanoseconds > 0 { return "\(nanoseconds / 60_000_000_000)m" }
        return nanoseconds % 1_000_000_000 == 0 ? "\(nanoseconds / 1_000_000_000)s" : "\(nanoseconds / 1_000_000)ms"
    }
}

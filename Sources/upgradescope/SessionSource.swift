// Sessions out of captures, for the commands that say them again.

import Inspection
import Replay
import Reports
import Traffic

/// Reads recorded sessions.
struct SessionSource {
    /// Which exchanges are wanted.
    struct Selection {
        /// Numbers as `analyze` gives them; empty for all.
        var exchanges: Set<Int> = []
        var host: String?
        var target: String?

        func includes(_ session: RecordedSession) -> Bool {
            if !exchanges.isEmpty, !exchanges.contains(session.id) { return false }
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

    private(set) var isUnreadable = false
    private(set) var isDamaged = false
    /// How many exchanges the inputs hold, wanted or not.
    private(set) var exchangeCount = 0

    /// The sessions of captures, numbered as `analyze` numbers their exchanges.
    mutating func read(_ paths: [String], reading: ReadingOptions, keepsRaw: Bool, quiet: Bool) -> [RecordedSession] {
        let recorder = SessionRecorder(keepsRaw: keepsRaw)
        let judge = Judge(
            JudgeOptions(inspector: Inspector(showSecrets: false), report: ReportOptions()), recorder: recorder)
        var options = reading.analyzerOptions
        options.transcript = .all
        var analysis = Analysis(
            options: options, filter: reading.packetFilter, judge: judge, progress: Progress(total: nil, quiet: quiet))
        _ = analysis.run(paths)
        isUnreadable = analysis.isUnreadable
        isDamaged = analysis.isDamaged
        exchangeCount = recorder.exchangeCount
        return recorder.sessions()
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
}

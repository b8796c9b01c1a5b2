// The values options take, and how they are read from text.

import ArgumentParser
import Inspection
import Reports
import Traffic

/// `--fail-on`.
enum FailureLevel: String, CaseIterable, ExpressibleByArgument {
    case error, warning, note, never

    /// The least level that makes the analysis fail.
    var level: Level? {
        switch self {
        case .error: .error
        case .warning: .warning
        case .note: .note
        case .never: nil
        }
    }

    /// Whether findings of a level make the analysis fail.
    func includes(_ found: Level) -> Bool { level.map { found >= $0 } ?? false }
}

enum OverlapChoice: String, CaseIterable, ExpressibleByArgument {
    case first, last
}

enum ColorChoice: String, CaseIterable, ExpressibleByArgument {
    case auto, always, never

    /// How text on standard output is laid out.
    var layout: TextLayout {
        var layout = TextLayout()
        layout.colour = isOn
        if let columns = Terminal.columns(of: 1) { layout.width = columns }
        return layout
    }

    private var isOn: Bool {
        switch self {
        case .always: true
        case .never: false
        case .auto:
            Terminal.isTerminal(1) && (Terminal.environment("NO_COLOR") ?? "").isEmpty
                && Terminal.environment("TERM") != "dumb"
        }
    }
}

/// `ID,ID,…`: rules by ID or name, in any case.
struct RuleList: ExpressibleByArgument {
    var ids: [String]

    init?(argument: String) {
        let words = argument.split(separator: ",").map { $0.trimmingSpaces }.filter { !$0.isEmpty }
        guard !words.isEmpty else { return nil }
        ids = words
    }
}

/// `ID=LEVEL`.
struct LevelSetting: ExpressibleByArgument {
    var id: String
    var level: Level

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let level = Level.allCases.first(where: { $0.name == parts[1] }) else { return nil }
        id = String(parts[0]).trimmingSpaces
        self.level = level
    }
}

/// `k=v` of `--limits`; a value may end in k, m or g (powers of 1024).
struct LimitSetting: ExpressibleByArgument {
    var name: String
    var value: Int

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        name = String(parts[0])
        var digits = parts[1]
        var shift = 0
        if let unit = digits.last, let power = ["k": 10, "m": 20, "g": 30][unit.lowercased()] {
            shift = power
            digits = digits.dropLast()
        }
        guard digits.allSatisfy(\.isASCIIDigit), let number = Int(digits), number > 0, number <= Int.max >> 31 else {
            return nil
        }
        value = number << shift
    }
}

/// `--since`, `--until`: RFC 3339, or seconds since 1970-01-01T00:00:00Z with a fraction.
struct TimeBound: ExpressibleByArgument {
    var time: Timestamp

    init?(argument: String) {
        guard let time = Self.seconds(argument[...]) ?? Timestamp(rfc3339: argument) else { return nil }
        self.time = time
    }

    private static func seconds(_ text: Substring) -> Timestamp? {
        let negative = text.first == "-"
        let parts = text.drop { $0 == "-" }.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, !whole.isEmpty, whole.allSatisfy(\.isASCIIDigit), let seconds = Int64(whole),
            let nanoseconds = fraction(parts.count > 1 ? parts[1] : nil)
        else { return nil }
        return Timestamp(seconds: negative ? -seconds : seconds, nanoseconds: negative ? -nanoseconds : nanoseconds)
    }

    /// Digits after the point as nanoseconds; what is finer is cut off.
    private static func fraction(_ digits: Substring?) -> Int64? {
        guard let digits else { return 0 }
        guard !digits.isEmpty, digits.allSatisfy(\.isASCIIDigit) else { return nil }
        let nine = digits.prefix(9)
        return Int64(nine + String(repeating: "0", count: 9 - nine.count))
    }
}

extension Character {
    var isASCIIDigit: Bool { isASCII && isNumber }
}

extension StringProtocol {
    var trimmingSpaces: String {
        var text = self[...]
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}

// The values options take, and how they are read from text.

import ArgumentParser
import Inspection
import Reports
import Traffic

/// What can be printed.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case text, json, ndjson, html

    /// How a finished report becomes it; `nil` for events, which are written while reading.
    var renderer: Renderer? { Renderers.named(rawValue) }
}

/// `--fail-on`.
enum FailureLevel: String, CaseIterable, ExpressibleByArgument {
    case error, warning, note, never

    /// Whether findings of a level make the analysis fail.
    func includes(_ level: Level) -> Bool {
        switch self {
        case .error: level >= .error
        case .warning: level >= .warning
        case .note: true
        case .never: false
        }
    }
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
        if let columns = System.columns(of: 1) { layout.width = columns }
        return layout
    }

    private var isOn: Bool {
        switch self {
        case .always: true
        case .never: false
        case .auto:
            System.isTerminal(1) && (System.environment("NO_COLOR") ?? "").isEmpty
                && System.environment("TERM") != "dumb"
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
        guard let time = Self.seconds(argument[...]) ?? Self.calendar(argument[...]) else { return nil }
        self.time = time
    }

    private static func seconds(_ text: Substring) -> Timestamp? {
        let negative = text.first == "-"
        let parts = text.drop { $0 == "-" }.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, !whole.isEmpty, whole.allSatisfy(\.isASCIIDigit), let seconds = Int64(whole),
            let nanoseconds = fraction(parts.count > 1 ? parts[1] : nil)
        else { return nil }
        return timestamp(seconds: negative ? -seconds : seconds, nanoseconds: negative ? -nanoseconds : nanoseconds)
    }

    /// `2026-01-31T12:30:00.25+01:00` (RFC 3339 5.6); a space may stand for the T.
    private static func calendar(_ text: Substring) -> Timestamp? {
        var rest = text
        func number(_ count: Int, _ range: ClosedRange<Int64>) -> Int64? {
            let digits = rest.prefix(count)
            guard digits.count == count, digits.allSatisfy(\.isASCIIDigit), let value = Int64(digits),
                range.contains(value)
            else { return nil }
            rest = rest.dropFirst(count)
            return value
        }
        func skip(_ characters: String) -> Bool {
            guard let next = rest.first, characters.contains(next) else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = number(4, 0...9999), skip("-"), let month = number(2, 1...12), skip("-"),
            let day = number(2, 1...31), skip("Tt "), let hour = number(2, 0...23), skip(":"),
            let minute = number(2, 0...59), skip(":"), let second = number(2, 0...60),
            day <= daysIn(month: month, of: year)
        else { return nil }
        var nanoseconds: Int64 = 0
        if skip(".") {
            let digits = rest.prefix { $0.isASCIIDigit }
            guard !digits.isEmpty, let value = fraction(digits) else { return nil }
            nanoseconds = value
            rest = rest.dropFirst(digits.count)
        }
        var offset: Int64 = 0
        if !skip("Zz") {
            let west = rest.first == "-"
            guard skip("+-"), let hours = number(2, 0...23), skip(":"), let minutes = number(2, 0...59) else {
                return nil
            }
            offset = (hours * 3600 + minutes * 60) * (west ? -1 : 1)
        }
        guard rest.isEmpty else { return nil }
        let seconds = days(to: year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
        return timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    private static func timestamp(seconds: Int64, nanoseconds: Int64) -> Timestamp? {
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, tooMuch) = whole.addingReportingOverflow(nanoseconds)
        return overflow || tooMuch ? nil : Timestamp(nanoseconds: sum)
    }

    /// Digits behind the point as nanoseconds; what is finer is cut off.
    private static func fraction(_ digits: Substring?) -> Int64? {
        guard let digits else { return 0 }
        guard !digits.isEmpty, digits.allSatisfy(\.isASCIIDigit) else { return nil }
        let nine = digits.prefix(9)
        return Int64(nine + String(repeating: "0", count: 9 - nine.count))
    }

    private static func daysIn(month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01, in the Gregorian calendar; the year is counted from March, so that the leap day is last.
    private static func days(to year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let marchYear = month > 2 ? year : year - 1
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let before = 365 * marchYear + floored(marchYear, 4) - floored(marchYear, 100) + floored(marchYear, 400)
        return before + dayOfYear - 719_468
    }

    private static func floored(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((divisor - 1 - value) / divisor)
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

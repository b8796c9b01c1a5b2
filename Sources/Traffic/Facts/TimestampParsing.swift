// Moments written as text, read without a calendar library (RFC 3339 5.6).

import Ground

extension Timestamp {
    /// Reads `2026-01-31T12:30:00.25+01:00`; a space may stand for the T.
    ///
    /// What is finer than a nanosecond is cut off. `nil` where it is no date, or lies beyond the years 1677 to 2262.
    public init?(rfc3339 text: some StringProtocol) {
        var rest = Array(text.utf8)[...]
        func number(_ count: Int, _ range: ClosedRange<Int64>) -> Int64? {
            let digits = rest.prefix(count)
            guard digits.count == count, digits.allSatisfy(\.isDigit) else { return nil }
            let value = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 & 15) }
            rest = rest.dropFirst(count)
            return range.contains(value) ? value : nil
        }
        func skip(_ characters: StaticString) -> Bool {
            guard let next = rest.first, characters.description.utf8.contains(next) else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = number(4, 0...9999), skip("-"), let month = number(2, 1...12), skip("-"),
            let day = number(2, 1...31), skip("Tt "), let hour = number(2, 0...23), skip(":"),
            let minute = number(2, 0...59), skip(":"), let second = number(2, 0...60),
            day <= Self.daysIn(month: month, of: year)
        else { return nil }
        var fraction: Int64 = 0
        if skip(".") {
            let digits = rest.prefix(while: \.isDigit)
            guard !digits.isEmpty else { return nil }
            for place in 0..<9 {
                fraction = fraction * 10 + (place < digits.count ? Int64(digits[digits.startIndex + place] & 15) : 0)
            }
            rest = rest.dropFirst(digits.count)
        }
        var offset: Int64 = 0
        if !skip("Zz") {
            let west = rest.first == UInt8(ascii: "-")
            guard skip("+-"), let hours = number(2, 0...23), skip(":"), let minutes = number(2, 0...59) else {
                return nil
            }
            offset = (hours * 3600 + minutes * 60) * (west ? -1 : 1)
        }
        guard rest.isEmpty else { return nil }
        let seconds = Self.days(to: year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
        self.init(seconds: seconds, nanoseconds: fraction)
    }

    /// Seconds since 1970-01-01T00:00:00Z, and nanoseconds beyond; `nil` where the sum does not fit.
    public init?(seconds: Int64, nanoseconds: Int64) {
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, tooMuch) = whole.addingReportingOverflow(nanoseconds)
        if overflow || tooMuch { return nil }
        self.init(nanoseconds: sum)
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

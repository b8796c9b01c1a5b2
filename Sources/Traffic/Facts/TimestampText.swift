// Times as text, without a calendar library: RFC 3339 in UTC with nine decimals.

import Ground

extension Timestamp {
    /// "2026-01-31T23:59:59.123456789Z".
    public var text: String {
        var text: [UInt8] = []
        text.reserveCapacity(30)
        write(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends its text.
    public func write(to text: inout [UInt8]) {
        let (days, seconds, nanoseconds) = parts
        let (year, month, day) = Self.date(days)
        text.append(decimal: UInt64(year), width: 4)
        text.append(UInt8(ascii: "-"))
        text.append(decimal: UInt64(month), width: 2)
        text.append(UInt8(ascii: "-"))
        text.append(decimal: UInt64(day), width: 2)
        text.append(UInt8(ascii: "T"))
        text.append(decimal: UInt64(seconds / 3600), width: 2)
        text.append(UInt8(ascii: ":"))
        text.append(decimal: UInt64(seconds / 60 % 60), width: 2)
        text.append(UInt8(ascii: ":"))
        text.append(decimal: UInt64(seconds % 60), width: 2)
        text.append(UInt8(ascii: "."))
        text.append(decimal: UInt64(nanoseconds), width: 9)
        text.append(UInt8(ascii: "Z"))
    }

    private var parts: (days: Int64, seconds: Int64, nanoseconds: Int64) {
        let perSecond: Int64 = 1_000_000_000
        let nanoseconds = ((nanoseconds % perSecond) + perSecond) % perSecond
        let total = self.nanoseconds / perSecond - (self.nanoseconds % perSecond < 0 ? 1 : 0)
        let seconds = ((total % 86_400) + 86_400) % 86_400
        return ((total - seconds) / 86_400, seconds, nanoseconds)
    }

    /// Year, month and day: the calendar is counted from 0000-03-01, so that the leap day ends a year.
    ///
    /// All of them are positive: the times of a `Timestamp` lie in the years 1677 to 2262.
    private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, day)
    }

    /// "23:59:59.123456".
    public func clock(decimals: Int) -> String {
        let (_, seconds, nanoseconds) = parts
        let fraction = Digits.decimal(nanoseconds, 9).prefix(decimals)
        return
            "\(Digits.decimal(seconds / 3600, 2)):\(Digits.decimal(seconds / 60 % 60, 2)):\(Digits.decimal(seconds % 60, 2)).\(fraction)"
    }
}

// Times as text, without a calendar library: RFC 3339 in UTC with nine decimals.

import Ground

extension Timestamp {
    /// "2026-01-31T23:59:59.123456789Z".
    public var text: String { "\(date)T\(clock(decimals: 9))Z" }

    private var parts: (days: Int64, seconds: Int64, nanoseconds: Int64) {
        let perSecond: Int64 = 1_000_000_000
        let nanoseconds = ((nanoseconds % perSecond) + perSecond) % perSecond
        let total = self.nanoseconds / perSecond - (self.nanoseconds % perSecond < 0 ? 1 : 0)
        let seconds = ((total % 86_400) + 86_400) % 86_400
        return ((total - seconds) / 86_400, seconds, nanoseconds)
    }

    /// Year, month and day: the calendar is counted from 0000-03-01, so that the leap day ends a year.
    private var date: String {
        let shifted = parts.days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(Digits.decimal(year, 4))-\(Digits.decimal(month, 2))-\(Digits.decimal(day, 2))"
    }

    /// "23:59:59.123456".
    public func clock(decimals: Int) -> String {
        let (_, seconds, nanoseconds) = parts
        let fraction = Digits.decimal(nanoseconds, 9).prefix(decimals)
        return
            "\(Digits.decimal(seconds / 3600, 2)):\(Digits.decimal(seconds / 60 % 60, 2)):\(Digits.decimal(seconds % 60, 2)).\(fraction)"
    }
}

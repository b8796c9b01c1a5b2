// Numbers and times in few columns.

enum Quantity {
    /// At most four columns: "999", "1.2k", "12k", "340M".
    static func short(_ number: some BinaryInteger) -> String {
        guard number >= 1000 else { return String(max(0, number)) }
        var value = UInt64(clamping: number)
        for unit in ["k", "M", "G", "T", "P", "E"] {
            if value < 10_000 { return "\(value / 1000).\(value / 100 % 10)\(unit)" }
            if value < 1_000_000 { return "\(value / 1000)\(unit)" }
            value /= 1000
        }
        return "lots"
    }

    /// 1234567 as "1,234,567".
    static func grouped(_ number: some BinaryInteger) -> String {
        let digits = Array(String(number))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    /// "1 packet", "12 packets".
    static func counted(_ number: some BinaryInteger, _ one: String) -> String {
        "\(grouped(number)) \(number == 1 ? one : one + "s")"
    }

    /// At most five columns: "42s", "4m10s", "3h05m", "12d"; where it does not run on, also "12ms" and "1.5s".
    static func age(nanoseconds: Int64, isExact: Bool = false) -> String {
        let seconds = max(0, nanoseconds / 1_000_000_000)
        if isExact, seconds < 10 {
            let milliseconds = max(0, nanoseconds / 1_000_000)
            return seconds == 0 ? "\(milliseconds)ms" : "\(seconds).\(milliseconds / 100 % 10)s"
        }
        return switch seconds {
        case ..<60: "\(seconds)s"
        case ..<600: "\(seconds / 60)m\(twoDigits(seconds % 60))s"
        case ..<3600: "\(seconds / 60)m"
        case ..<36_000: "\(seconds / 3600)h\(twoDigits(seconds / 60 % 60))m"
        case ..<172_800: "\(seconds / 3600)h"
        default: "\(min(seconds / 86_400, 9999))d"
        }
    }

    /// "00:02:14", "3d 04:00:00".
    static func clock(nanoseconds: Int64) -> String {
        let seconds = max(0, nanoseconds / 1_000_000_000)
        let days = seconds >= 86_400 ? "\(seconds / 86_400)d " : ""
        return days
            + "\(twoDigits(seconds / 3600 % 24)):\(twoDigits(seconds / 60 % 60)):\(twoDigits(seconds % 60))"
    }

    private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

// Times that passed, for people. Each form is for one place: how exact it is and how wide it may become differ.

/// Durations as text.
public enum DurationText {
    /// Milliseconds, exactly, for formats: "1.5", "0.000125".
    public static func milliseconds(_ nanoseconds: Int64) -> String {
        var text: [UInt8] = []
        write(milliseconds: nanoseconds, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends milliseconds, exactly.
    public static func write(milliseconds nanoseconds: Int64, to text: inout [UInt8]) {
        let (whole, fraction) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000)
        if nanoseconds < 0 { text.append(UInt8(ascii: "-")) }
        text.append(decimal: whole)
        guard fraction > 0 else { return }
        text.append(UInt8(ascii: "."))
        text.append(decimal: fraction, width: 6)
        while text.last == UInt8(ascii: "0") { text.removeLast() }
    }

    /// For what may be very short, as what a replay measures: "120 µs", "1.5 ms", "3.2 s".
    public static func short(_ nanoseconds: Int64) -> String {
        let micros = nanoseconds / 1000
        if micros < 1000 { return "\(micros) µs" }
        if micros < 100_000 { return "\(micros / 1000).\(micros / 100 % 10) ms" }
        if micros < 10_000_000 { return "\(micros / 1000) ms" }
        return "\(micros / 1_000_000).\(micros / 100_000 % 10) s"
    }

    /// For findings: "3.2 s", "140 ms".
    public static func plain(_ nanoseconds: Int64) -> String {
        if nanoseconds >= 1_000_000_000 {
            let tenths = nanoseconds / 100_000_000
            return "\(tenths / 10).\(tenths % 10) s"
        }
        return "\(nanoseconds / 1_000_000) ms"
    }

    /// For a column of five: "42s", "4m10s", "3h05m", "12d"; where it does not run on, also "12ms" and "1.5s".
    public static func age(nanoseconds: Int64, isExact: Bool = false) -> String {
        let seconds = max(0, nanoseconds / 1_000_000_000)
        if isExact, seconds < 10 {
            let milliseconds = max(0, nanoseconds / 1_000_000)
            return seconds == 0 ? "\(milliseconds)ms" : "\(seconds).\(milliseconds / 100 % 10)s"
        }
        return switch seconds {
        case ..<60: "\(seconds)s"
        case ..<600: "\(seconds / 60)m\(Digits.decimal(seconds % 60, 2))s"
        case ..<3600: "\(seconds / 60)m"
        case ..<36_000: "\(seconds / 3600)h\(Digits.decimal(seconds / 60 % 60, 2))m"
        case ..<172_800: "\(seconds / 3600)h"
        default: "\(min(seconds / 86_400, 9999))d"
        }
    }

    /// For a clock that runs: "00:02:14", "3d 04:00:00".
    public static func clock(nanoseconds: Int64) -> String {
        let seconds = max(0, nanoseconds / 1_000_000_000)
        let days = seconds >= 86_400 ? "\(seconds / 86_400)d " : ""
        let parts = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map { Digits.decimal($0, 2) }
        return days + parts.joined(separator: ":")
    }

    /// For what is still to be waited for: "42 s", "3 min", "2 h".
    public static func estimate(seconds: Int64) -> String {
        seconds < 60 ? "\(seconds) s" : seconds < 3600 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
    }
}

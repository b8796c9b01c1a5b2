// Durations as text: milliseconds as exact decimals.

/// Nanoseconds as milliseconds, exactly: "1.5", "0.000125".
package func millisecondsText(_ nanoseconds: Int64) -> String {
    let magnitude = nanoseconds.magnitude
    var fraction = Substring(padded(Int64(magnitude % 1_000_000), 6))
    while fraction.last == "0" { fraction.removeLast() }
    let sign = nanoseconds < 0 ? "-" : ""
    return "\(sign)\(magnitude / 1_000_000)" + (fraction.isEmpty ? "" : ".\(fraction)")
}

private func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

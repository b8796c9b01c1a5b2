// Numbers in words for people: grouped, counted, sized.

/// 1234567 as "1,234,567".
public func grouped(_ number: some BinaryInteger) -> String {
    let digits = String(number).utf8
    var text: [UInt8] = []
    text.reserveCapacity(digits.count + digits.count / 3)
    var left = digits.count
    for digit in digits {
        if left % 3 == 0, let last = text.last, last != UInt8(ascii: "-") { text.append(UInt8(ascii: ",")) }
        text.append(digit)
        left -= 1
    }
    return String(decoding: text, as: UTF8.self)
}

/// "3 errors", "1 error"; `many` for what has a plural of its own.
///
/// Findings and what goes to standard error have their numbers as they are, not grouped: they are compared and searched.
public func counted(
    _ count: some BinaryInteger, _ one: String, _ many: String? = nil, isGrouped: Bool = true
) -> String {
    "\(isGrouped ? grouped(count) : String(count)) \(count == 1 ? one : many ?? one + "s")"
}

/// A byte count for people: "123 KiB".
public func sizeText(_ bytes: Int64) -> String {
    guard bytes >= 1024 else { return "\(bytes) bytes" }
    var value = bytes * 10 / 1024
    for unit in ["KiB", "MiB", "GiB"] {
        if value < 10240 || unit == "GiB" {
            return value < 100 ? "\(value / 10).\(value % 10) \(unit)" : "\(value / 10) \(unit)"
        }
        value /= 1024
    }
    return "\(bytes) bytes"
}

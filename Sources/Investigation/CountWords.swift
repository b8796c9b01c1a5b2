// Numbers for people.

/// "3 errors", "1 error".
package func counted(_ count: some BinaryInteger, _ one: String, _ many: String? = nil) -> String {
    "\(grouped(count)) \(count == 1 ? one : many ?? one + "s")"
}

/// 1234567 as "1,234,567".
package func grouped(_ number: some BinaryInteger) -> String {
    let digits = Array(String(number))
    var text = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0, digits[index - 1] != "-" { text += "," }
        text.append(digit)
    }
    return text
}

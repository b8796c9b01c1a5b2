// What goes to standard error: messages, never results.

import Synchronization

/// Prints one line for the user; control characters of paths and captures are escaped.
func say(_ message: String) {
    if let listener = Messages.listener.withLock({ $0 }) { return listener(message) }
    let error = OutputFile.standardError()
    try? error.write(printable(message) + "\n")
    try? error.finish()
}

enum Messages {
    /// Takes what would be printed while something else has the terminal.
    static let listener = Mutex<(@Sendable (String) -> Void)?>(nil)
}

/// The text with everything a terminal might obey written as an escape.
func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control where scalar != "\n", .format, .surrogate, .privateUse, .lineSeparator, .paragraphSeparator:
            result += "\\u{\(String(scalar.value, radix: 16))}"
        default:
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// A byte count for people: "123 KiB".
func sizeText(_ bytes: Int64) -> String {
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

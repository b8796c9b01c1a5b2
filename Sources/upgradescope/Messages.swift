// What goes to standard error: messages, never results.

import Ground
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
        if scalar != "\n", HiddenCharacters.isUnprintable(scalar) {
            result += HiddenCharacters.escape(scalar.value)
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

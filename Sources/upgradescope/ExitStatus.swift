// What the process says at its end: a number, by the table of the command line's contract.

/// Everything that happened which the exit status reports.
struct ExitStatus {
    /// The command line is wrong.
    var usage = false
    /// An input could not be read at all.
    var unreadable = false
    /// Capture privileges are lacking.
    var forbidden = false
    /// An output could not be written.
    var unwritable = false
    var interrupted = false
    /// Findings at or above `--fail-on`.
    var findings = false
    /// An input was damaged or cut short; with `--strict`, an inconclusive verdict too.
    var damaged = false

    /// When several apply, the first of them.
    var code: Int32 {
        if usage { return 2 }
        if unreadable { return 3 }
        if forbidden { return 5 }
        if unwritable { return 6 }
        if interrupted { return 130 }
        if findings { return 1 }
        return damaged ? 4 : 0
    }
}

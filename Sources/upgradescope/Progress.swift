// How far the reading is, for a person who waits: one line on standard error, only when that is a terminal and
// the work takes more than a second; wiped out at the end.

import Ground
import Investigation
import Traffic

struct Progress {
    private let isOn: Bool
    private let total: Int64?
    private let start = ContinuousClock.now
    private var next: ContinuousClock.Instant
    private var isShown = false

    /// `total` is the size of all inputs; `nil` when one of them has none (a pipe).
    init(total: Int64?, quiet: Bool) {
        isOn = !quiet && Terminal.isTerminal(2)
        self.total = total
        next = start + .seconds(1)
    }

    /// Shows the line anew when it is time to.
    mutating func update(_ reading: ReadingProgress) {
        guard isDue() else { return }
        let elapsed = max(0.001, Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000)
        let bytes = reading.bytes
        let rate = Double(bytes) / elapsed
        var parts = [
            total.map { "\(sizeText(bytes)) of \(sizeText($0))" } ?? sizeText(bytes),
            "\(reading.packets) packets", "\(reading.exchanges) exchanges", "\(sizeText(Int64(rate)))/s",
        ]
        if let total, rate > 0, bytes <= total {
            parts.append(DurationText.estimate(seconds: Int64(Double(total - bytes) / rate)) + " left")
        }
        fit(parts.joined(separator: ", "))
    }

    /// Shows words anew when it is time to.
    mutating func update(_ words: @autoclosure () -> String) {
        if isDue() { fit(words()) }
    }

    private mutating func isDue() -> Bool {
        guard isOn, ContinuousClock.now >= next else { return false }
        next = ContinuousClock.now + .milliseconds(200)
        return true
    }

    private mutating func fit(_ line: String) {
        let columns = Terminal.columns(of: 2) ?? 80
        show(String(line.prefix(max(1, columns - 1))))
    }

    /// Wipes the line out.
    mutating func end() {
        if isShown { show("") }
        isShown = false
    }

    private mutating func show(_ line: String) {
        try? System.write(Array("\r\u{1b}[K\(line)".utf8), to: 2)
        isShown = true
    }
}

/// Tells the user how the reading goes, and what is wrong with the inputs.
final class ReadingWatch: InvestigationObserver {
    private var progress: Progress

    init(_ progress: Progress) { self.progress = progress }

    func receive(_ event: InvestigationEvent) {
        switch event {
        case .unreadable(let error):
            say(
                error.kind == .notACapture && SessionSource.isHAR(error.path)
                    ? "\(error.path) is a HAR file, not a capture: 'replay' and 'serve' read it" : error.message)
        case .undivided: say("an input can be read only once: one job")
        case .batchRead(let reading): progress.update(reading)
        case .read(let capture):
            for problem in capture.problems {
                say("\(nameOf(capture.path)): \(problem.message) (at offset \(problem.offset))")
            }
        case .reported: progress.end()
        case .started, .began, .decided, .said, .finished, .ended: break
        }
    }
}

/// The name of an input for people.
func nameOf(_ path: String) -> String { path == "-" ? "standard input" : path }

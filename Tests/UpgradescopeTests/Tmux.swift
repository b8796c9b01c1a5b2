// A real terminal for tests: tmux is the terminal, a shell runs in it, keys are typed, and the screen is read.

import Foundation
import TestSupport

/// A terminal with a shell in it.
final class Tmux {
    private let name = "upgradescope-\(UUID().uuidString.prefix(8))"
    private let socket: URL

    /// `nil`, said loudly, where tmux is missing.
    init?(columns: Int, rows: Int, for test: String = #function) throws {
        guard try Program.shell("command -v tmux bash").status == 0 else {
            print("SKIPPED: \(test): tmux and bash are not installed")
            return nil
        }
        socket = FileManager.default.temporaryDirectory.appendingPathComponent(name)
        try call([
            "-f", "/dev/null", "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)",
            "env LC_ALL=C.UTF-8 PS1='$ ' HISTFILE= SWIFT_BACKTRACE=enable=no bash --norc --noprofile -i",
        ])
        try wait("a prompt") { $0.first == "$" }
    }

    deinit {
        _ = try? call(["kill-server"])
        try? FileManager.default.removeItem(at: socket)
    }

    /// The lines of the screen, without blanks at their ends and without empty ones at the end.
    var screen: [String] {
        get throws {
            var lines = try call(["capture-pane", "-p"]).split(separator: "\n", omittingEmptySubsequences: false)
                .map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
            while lines.last?.isEmpty == true { lines.removeLast() }
            return lines
        }
    }

    func type(_ keys: String...) throws { try call(["send-keys"] + keys) }
    func resize(columns: Int, rows: Int) throws {
        try call(["resize-window", "-x", "\(columns)", "-y", "\(rows)"])
    }
    /// A variable of tmux, such as `cursor_flag`.
    func value(_ variable: String) throws -> String {
        try call(["display-message", "-p", "#{\(variable)}"]).trimmingCharacters(in: .newlines)
    }

    /// The screen once it is as wanted.
    @discardableResult
    func wait(_ what: String, until holds: ([String]) throws -> Bool) throws -> [String] {
        let deadline = Date(timeIntervalSinceNow: 30)
        var lines: [String] = []
        repeat {
            lines = try screen
            if try holds(lines) { return lines }
            Thread.sleep(forTimeInterval: 0.02)
        } while Date() < deadline
        throw Missing(what: what, screen: lines)
    }

    struct Missing: Error, CustomStringConvertible {
        var what: String
        var screen: [String]
        var description: String { "no \(what) on the screen:\n" + screen.joined(separator: "\n") }
    }

    /// Starts a program that is free of its parent's signals and descriptors.
    ///
    /// The first call of tmux starts its server. It would keep the signals that the runner of tests blocks, and the descriptors by which the runner sees that a
    /// process has ended.
    private static let detached = """
        import os, signal, sys
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.closerange(3, 4096)
        os.execvp(sys.argv[1], sys.argv[1:])
        """

    @discardableResult
    private func call(_ arguments: [String]) throws -> String {
        let run = try Program.shell(
            "exec python3 \"$@\"", ["-c", Self.detached, "tmux", "-S", socket.path] + arguments)
        guard run.status == 0 else { throw Missing(what: "tmux \(arguments)", screen: [run.errors]) }
        return run.text
    }
}

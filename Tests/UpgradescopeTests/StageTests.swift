// The live view on a real terminal, fed from captures: keys, sizes, and what is left behind on every way out.

import Foundation
import Testing

@Suite(.timeLimit(.minutes(3))) struct TerminalTests {
    static let samples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("samples").path

    static let captures = [
        "clean-session", "426-without-upgrade", "upgrade-redirected", "client-frame-unmasked", "h2c-by-upgrade",
    ]

    /// A terminal in which the view shows these captures; what it showed before is the first line below.
    private func terminal(columns: Int, rows: Int, for test: String = #function) throws -> Tmux? {
        guard let terminal = try Tmux(columns: columns, rows: rows, for: test) else { return nil }
        let captures = Self.captures.map { "\(Self.samples)/\($0).pcap" }.joined(separator: " ")
        try terminal.type("clear; echo what was before", "Enter")
        try terminal.wait("clear screen") { $0.first == "what was before" }
        try terminal.type("\(Program.path(of: "LiveViewStage")) 0 \(captures)", "Enter")
        try terminal.wait("five exchanges") { $0.count > 3 && $0[0].contains("5 exchanges, 0 open") }
        return terminal
    }

    @Test func keysAndSizes() throws {
        guard let terminal = try terminal(columns: 120, rows: 20) else { return }
        #expect(try terminal.value("alternate_on") == "1")
        #expect(try terminal.value("cursor_flag") == "0")
        let table = try terminal.screen
        #expect(table == [])

        try terminal.type("j", "j", "Enter")
        let page = try terminal.wait("a page") { $0.count > 1 && $0[1].hasPrefix(" #4") }
        #expect(page == [])

        try terminal.resize(columns: 60, rows: 12)
        let small = try terminal.wait("a smaller page") { $0.count == 12 && $0[11].hasPrefix(" ? help") }
        #expect(small == [])

        try terminal.type("Escape")
        try terminal.resize(columns: 20, rows: 5)
        let smallest = try terminal.wait("the smallest table") { $0.count == 5 && $0[1].hasPrefix("  HOST") }
        #expect(smallest == [])

        try terminal.resize(columns: 80, rows: 24)
        try terminal.type("/", "e", "c", "h", "o", "Enter")
        let filtered = try terminal.wait("a filter") { $0.last?.contains("filter echo") == true }
        #expect(filtered == [])
    }

    @Test func leavesTheScreenAsItWas() throws {
        guard let terminal = try terminal(columns: 100, rows: 20) else { return }
        try terminal.type("q")
        try terminal.wait("the end") { $0.contains("left") }
        try expectRestored(terminal)
    }

    @Test func leavesItWhenItCrashes() throws {
        for signal in ["SEGV", "ABRT", "ILL"] {
            guard let terminal = try terminal(columns: 100, rows: 20) else { return }
            let process = try #require(try child(of: terminal))
            kill(process, signal == "SEGV" ? SIGSEGV : signal == "ABRT" ? SIGABRT : SIGILL)
            try terminal.wait("the shell") { _ in try terminal.value("alternate_on") == "0" }
            try expectRestored(terminal)
        }
    }

    @Test func stopsAndGoesOn() throws {
        guard let terminal = try terminal(columns: 100, rows: 20) else { return }
        let shown = try terminal.screen
        try terminal.type("C-z")
        try terminal.wait("the shell") { $0.contains { $0.contains("Stopped") } }
        try expectRestored(terminal)
        // The size changes while it sleeps.
        try terminal.resize(columns: 90, rows: 20)
        try terminal.type("fg", "Enter")
        try terminal.wait("the view") { $0.first?.contains("5 exchanges") == true && $0.count == shown.count }
        #expect(try terminal.value("cursor_flag") == "0")
        try terminal.type("q")
        try terminal.wait("the end") { $0.contains("left") }
        try expectRestored(terminal)
    }

    /// The lines that were there, a cursor, and a terminal that echoes and edits.
    private func expectRestored(_ terminal: Tmux) throws {
        #expect(try terminal.screen.first == "what was before")
        #expect(try terminal.value("alternate_on") == "0")
        #expect(try terminal.value("cursor_flag") == "1")
        #expect(try terminal.value("wrap_flag") == "1")
        try terminal.type("stty -a | grep -oE '[-]?(icanon|echo|ixon|icrnl)\\b' | tr '\\n' ' '; echo modes", "Enter")
        let lines = try terminal.wait("the modes") { $0.contains { $0.hasSuffix(" modes") && !$0.contains("stty") } }
        #expect(lines.contains("icrnl ixon icanon echo modes"))
    }

    /// The stage that runs in the terminal's shell.
    private func child(of terminal: Tmux) throws -> Int32? {
        var pids = [try terminal.value("pane_pid")]
        while let pid = pids.popLast() {
            let name = (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) ?? ""
            if name.hasPrefix("LiveViewStage") { return Int32(pid) }
            let children = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
            pids += children.split(separator: " ").map(String.init)
        }
        return nil
    }
}

// The live view on a real terminal, fed from captures: keys, sizes, and what is left behind on every way out.

import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(30))) struct TerminalTests {
    static let samples = SharedMaterial.samples.path

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
        try terminal.wait("seven exchanges") { $0.count > 3 && $0[0].contains("7 exchanges, 0 open") }
        return terminal
    }

    @Test func keysAndSizes() throws {
        guard let terminal = try terminal(columns: 120, rows: 20) else { return }
        #expect(try terminal.value("alternate_on") == "1")
        #expect(try terminal.value("cursor_flag") == "0")
        let table = try terminal.screen
        #expect(
            table.joined(separator: "\n") == """
                 upgradescope · stage · 7 exchanges, 0 open · 90 packets · 1 connection · no drops                             00:00:24

                    AGE CLIENT          SERVER          HOST AND TARGET               PROTOCOL  MSGS↑    ↓ BYTES↑    ↓ STATE       FOUND
                    1ms 127.0.0.1:38870 127.0.0.1:18055 127.0.0.1:18055/index.html    h2c                      62 2.2k ended       2W
                    1ms 127.0.0.1:44794 127.0.0.1:18034 127.0.0.1:18034/echo          websocket     1    0      7   21 closed 1002 1E
                    1ms 127.0.0.1:44612 127.0.0.1:18024 127.0.0.1:18024/echo          websocket     1    1     21   13 closed 1000
                    0ms 127.0.0.1:44606 127.0.0.1:18024 127.0.0.1:18024/301           websocket                        redirected  1N
                    0ms 127.0.0.1:47138 127.0.0.1:18013 127.0.0.1:18013/echo                                           required    1E
                    1ms 127.0.0.1:37590 127.0.0.1:18014 127.0.0.1:18014/echo          websocket                        required    1E
                    5ms [::1]:46436     [::1]:18016     [::1]:18016/echo              websocket     2    2    631  615 closed 1000



                ── Findings  3 errors  2 warnings  1 note ──────────────────────────────────────────────────────────────────────────────
                  05:18:41  H2C010    127.0.0.1:18055/index.html      The server switched to h2c, which RFC 9113 deprecates.
                  05:18:41  H2C001    127.0.0.1:18055/index.html      The request offers h2c by Upgrade, which RFC 9113 deprecates.
                  05:30:38  WSF001    127.0.0.1:18034/echo            The client sent a frame without a mask.
                  05:30:26  RES013    127.0.0.1:18024/301             The offer was answered with a redirect, 301 Moved Permanently, to…
                  05:18:12  RES010    127.0.0.1:18014/echo            The answer is 426 but names no protocol in Upgrade.
                 ? help   q quit   enter follow   / filter   s sort   o open only   p pause                                   by newest
                """)

        try terminal.type("j", "j", "Enter")
        let page = try terminal.wait("a page") { $0.count > 1 && $0[1].hasPrefix(" #6") }
        #expect(
            page.joined(separator: "\n") == """
                 upgradescope · stage · 7 exchanges, 0 open · 90 packets · 1 connection · no drops                             00:00:24
                 #6  GET 127.0.0.1:18034/echo  offering websocket
                 127.0.0.1:44794 → 127.0.0.1:18034  packets 4 to 9
                 101 Switching Protocols  switched to websocket
                 closed 1002  lasted 00:00:00  ↑ client 1 message, 7 bytes  ↓ server 0 messages, 21 bytes, Close 1002

                ── Findings ────────────────────────────────────────────────────────────────────────────────────────────────────────────
                  error WSF001 ws-client-unmasked  (proven, client at fault)
                    The client sent a frame without a mask.
                    Correct the client. No proxy setting helps.
                ── Request and answer ──────────────────────────────────────────────────────────────────────────────────────────────────
                  > GET /echo HTTP/1.1
                  > Host: 127.0.0.1:18034
                  > Upgrade: websocket
                  > Connection: Upgrade
                  > Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
                  > Sec-WebSocket-Version: 13
                  < HTTP/1.1 101 Switching Protocols
                  < Date: Sat, 21 Nov 2026 05:30:38 GMT
                 ? help   q quit   esc back   n next   end latest   p pause
                """)

        try terminal.resize(columns: 60, rows: 12)
        let small = try terminal.wait("a smaller page") { $0.count == 12 && $0[11].hasPrefix(" ? help") }
        #expect(
            small.joined(separator: "\n") == """
                 upgradescope · stage · 7 exchanges, 0 open        00:00:24
                 #6  GET 127.0.0.1:18034/echo  offering websocket
                 closed 1002  lasted 00:00:00  ↑ client 1 message, 7 bytes
                ── Findings ────────────────────────────────────────────────
                  error WSF001 ws-client-unmasked  (proven, client at fault)
                    The client sent a frame without a mask.
                    Correct the client. No proxy setting helps.
                ── Request and answer ──────────────────────────────────────
                  > GET /echo HTTP/1.1
                  > Host: 127.0.0.1:18034
                  > Upgrade: websocket
                 ? help   q quit   esc back   n next   end latest   p pause
                """)

        try terminal.type("Escape")
        try terminal.resize(columns: 20, rows: 5)
        let smallest = try terminal.wait("the smallest table") { $0.count == 5 && $0[1].hasPrefix("  HOST") }
        #expect(
            smallest.joined(separator: "\n") == """
                 7 exchanges, 0 open
                  HOST    STATE
                  127.0.… ended
                ▸ 127.0.… closed
                 ? help   q quit
                """)

        try terminal.resize(columns: 80, rows: 24)
        try terminal.type("/", "e", "c", "h", "o", "Enter")
        let filtered = try terminal.wait("a filter") { $0.last?.contains("filter echo") == true }
        #expect(
            filtered.joined(separator: "\n") == """
                 upgradescope · stage · 7 exchanges, 0 open · 5 shown · 90 packets     00:00:24

                    AGE HOST AND TARGET       PROTOCOL  MSGS↑    ↓ BYTES↑    ↓ STATE       FOUND
                ▸   1ms 127.0.0.1:18034/echo  websocket     1    0      7   21 closed 1002 1E
                    1ms 127.0.0.1:18024/echo  websocket     1    1     21   13 closed 1000
                    0ms 127.0.0.1:18013/echo                                   required    1E
                    1ms 127.0.0.1:18014/echo  websocket                        required    1E
                    5ms [::1]:18016/echo      websocket     2    2    631  615 closed 1000








                ── Findings  3 errors  2 warnings  1 note ──────────────────────────────────────
                  05:18:41  H2C010    The server switched to h2c, which RFC 9113 deprecates.
                  05:18:41  H2C001    The request offers h2c by Upgrade, which RFC 9113 depreca…
                  05:30:38  WSF001    The client sent a frame without a mask.
                  05:30:26  RES013    The offer was answered with a redirect, 301 Moved Permane…
                  05:18:12  RES010    The answer is 426 but names no protocol in Upgrade.
                  05:18:12  RES002    The answer 426 Upgrade Required has Upgrade, but Connecti…
                 ? help   q quit   enter follow   / filter   s sort   o open only   filter echo
                """)
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
        guard let terminal = try terminal(columns: 100, rows: 50) else { return }
        let shown = try terminal.screen
        try terminal.type("C-z")
        try terminal.wait("the shell") { $0.contains { $0.contains("Stopped") } }
        try expectRestored(terminal)
        // The size changes while it sleeps.
        try terminal.resize(columns: 90, rows: 50)
        try terminal.type("fg", "Enter")
        try terminal.wait("the view") { $0.first?.contains("7 exchanges") == true && $0.count == shown.count }
        #expect(try terminal.value("cursor_flag") == "0")
        try terminal.type("q")
        try terminal.wait("the end") { $0.contains("left") }
        try expectRestored(terminal, isReflowed: true)
    }

    /// The lines that were there, a cursor, and a terminal that echoes and edits.
    ///
    /// Where the terminal became narrower, its first lines may have left the screen when it wrapped them anew.
    private func expectRestored(_ terminal: Tmux, isReflowed: Bool = false) throws {
        if !isReflowed { #expect(try terminal.screen.first == "what was before") }
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

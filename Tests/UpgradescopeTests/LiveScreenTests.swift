// The live view as its user sees it: a capture on a cable, real software talking over it, keys typed, the size changed,
// and the report on the screen that was there before.

import Foundation
import TestSupport
import Testing

@Suite(.tags(.live), .serialized, .timeLimit(.minutes(30))) struct LiveScreenTests {
    private static let server = """
        import asyncio, sys
        async def talk(reader, writer):
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            if b"/no" in head.split(b"\\r\\n")[0]:
                writer.write(b"HTTP/1.1 403 Forbidden\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
            else:
                writer.write(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
                    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\\r\\n")
                await reader.readexactly(11)
                # Text that would clear the screen, if it were let through.
                writer.write(b"\\x81\\x0a\\x1b[2Jhello!")
                await reader.read()
            writer.close()
        async def main():
            async with await asyncio.start_server(talk, sys.argv[1], 22180) as server:
                print("ready", file=sys.stderr, flush=True)
                await server.serve_forever()
        asyncio.run(main())
        """

    private static let client = """
        import signal, socket, sys
        talk = socket.create_connection((sys.argv[1], 22180))
        talk.sendall(f"GET {sys.argv[2]} HTTP/1.1\\r\\nHost: cable.example\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
            "Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n".encode())
        answer = talk.recv(4096)
        if b"101" in answer:
            talk.sendall(bytes.fromhex("818537fa213d7f9f4d5158"))
            talk.recv(4096)
        print("said", file=sys.stderr, flush=True)
        if len(sys.argv) > 3: signal.pause()
        """

    @Test func tableMessagesReport() throws {
        guard let network = try TestNetwork(needs: ["python3", "curl"]), let terminal = try Tmux(columns: 120, rows: 24)
        else {
            return
        }
        let server = try network.start(on: network.server, ["python3", "-c", Self.server, TestNetwork.serverAddress])
        try server.wait(for: "ready")
        let line =
            "clear; ip netns exec \(network.server) \(Program.path) live -i \(TestNetwork.interface) --metrics 22181"
            + " -f 'tcp port 22180'; echo status $?"
        try terminal.type(line, "Enter")
        try terminal.wait("an empty table") { $0.contains("  No upgrade was seen yet.") }

        let open = try network.start(
            on: network.client,
            ["python3", "-c", Self.client, TestNetwork.serverAddress, "/chat?token=s3cret", "and stay"])
        try open.wait(for: "said")
        let refused = try network.start(
            on: network.client, ["python3", "-c", Self.client, TestNetwork.serverAddress, "/no"])
        try refused.wait(for: "said")

        let address = TestNetwork.serverAddress
        let table = try terminal.wait("two exchanges") { lines in
            lines.contains { $0.contains("/chat") && $0.contains("websocket     1    1     11   12 open") }
                && lines.contains { $0.contains("/no") && $0.contains("failed 403") }
        }
        #expect(table[0].hasPrefix(" upgradescope · \(TestNetwork.interface) · 2 exchanges, 1 open · "))
        #expect(table[0].contains("no drops"))
        #expect(table.count == 24)
        let row = try #require(table.first { $0.contains("/chat") })
        #expect(row.contains(TestNetwork.clientAddress))
        #expect(row.contains(address))
        #expect(row.contains(" cable.example/chat?token=‹r"))
        #expect(row.contains(" websocket "))

        // The older one is the second line: its messages.
        try terminal.type("j", "j", "Enter")
        let page = try terminal.wait("the messages") { $0.contains { $0.hasSuffix("↓ text     10  \\x1b[2Jhello!") } }
        #expect(page.contains { $0.hasSuffix("↑ text      5  Hello") })
        #expect(page[4].contains("open  for 00:00:"))
        #expect(page.contains("  > Host: cable.example"))
        #expect(!page.joined().contains("s3cret"))

        try terminal.resize(columns: 40, rows: 8)
        let small = try terminal.wait("a small page") { $0.count == 8 && $0[7].hasPrefix(" ? help") }
        #expect(small[6].contains("↓ text     10  \\x1b[2J"))
        try terminal.resize(columns: 120, rows: 24)
        try terminal.wait("a large page") { $0.count == 24 && $0.contains("  > Host: cable.example") }

        let metrics = try network.run(on: network.server, "curl -s http://127.0.0.1:22181/metrics")
        #expect(metrics.text.contains("upgradescope_exchanges_total{outcome=\"failed\",protocol=\"none\"} 1\n"))
        #expect(metrics.text.contains("upgradescope_exchanges_open 1\n"))

        try terminal.type("q")
        let report = try terminal.wait("the end") { $0.contains { $0.hasPrefix("status ") } }
        #expect(report.contains { $0.contains("2: 1 switched, 1 failed") })
        #expect(try terminal.value("alternate_on") == "0")
        #expect(try terminal.value("cursor_flag") == "1")
        try open.end(SIGKILL)
        try server.end(SIGKILL)
    }
}

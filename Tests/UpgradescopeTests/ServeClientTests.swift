// Real clients before a stand-in: they see what they saw of the recorded server.
//
// Clients and recordings lie beside the clone, in `../shared`; without that folder the tests say so loudly. With it,
// a client that is not installed (`../shared/servers/setup`) is a failure.

import Foundation
import TestSupport
import Testing

/// A stand-in that runs.
final class StandIn {
    let port: Int
    private let process = Process()
    private let log: FileHandle
    private(set) var words = ""

    /// Starts `serve` with these arguments on a free port, and waits until it listens.
    init(_ arguments: [String]) throws {
        let pipe = Pipe()
        log = pipe.fileHandleForReading
        process.executableURL = URL(fileURLWithPath: Program.path)
        process.arguments = ["serve", "--listen", "127.0.0.1:0"] + arguments
        process.standardError = pipe
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        var said = ""
        while !said.contains("serving "), case let data = log.availableData, !data.isEmpty {
            said += String(decoding: data, as: UTF8.self)
        }
        let digits = said.firstRange(of: "://127.0.0.1:").map { said[$0.upperBound...].prefix(while: \.isNumber) }
        guard let digits, let port = Int(digits) else { throw Failure("it does not serve: \(said)") }
        self.port = port
        words = said
    }

    /// Interrupts it and waits; its exit status.
    func stop() throws -> Int32 {
        kill(process.processIdentifier, SIGINT)
        return try finish()
    }

    /// Waits for its own end.
    func finish() throws -> Int32 {
        words += String(decoding: log.readDataToEndOfFile(), as: UTF8.self)
        try process.wait(seconds: 30)
        return process.terminationStatus
    }

    deinit { if process.isRunning { process.terminate() } }
}

/// What lies beside the clone.
enum Kit {
    static func capture(_ name: String) -> String {
        SharedMaterial.root.appending(path: "captures/lab/\(name)").path
    }
    static func client(_ name: String) -> String { SharedMaterial.servers.appending(path: "clients/\(name)").path }

    /// What the client saw when the capture was made, from the notes beside it.
    static func observed(_ capture: String) throws -> String {
        let notes = try String(contentsOfFile: Self.capture(capture) + ".txt", encoding: .utf8)
        let line = notes.firstRange(of: "observed: ").map { notes[$0.upperBound...] } ?? ""
        return line.trimmingCharacters(in: .whitespacesAndNewlines)
    }

}

@Suite(.serialized) struct ServeClientTests {
    struct Client: Sendable, CustomTestStringConvertible {
        var name: String
        var capture: String
        /// The shell line; `$1` is the address.
        var line: String
        var testDescription: String { name }
    }

    static let clients = [
        Client(
            name: "python", capture: "A06-py-mixed",
            line: "'\(SharedMaterial.python)' '\(Kit.client("ws_client.py"))' $1/echo --no-deflate "
                + "--msgs text:hello,frag:4,ping,pong,bin:1000,text:bye"),
        Client(
            name: "node", capture: "A08-node-client",
            line:
                "node --experimental-websocket '\(Kit.client("node_ws_client.mjs"))' $1/echo 5 chat.v1,chat.v2 2>/dev/null"
        ),
        Client(
            name: "java", capture: "A09-java-client",
            line: "java '\(Kit.client("WsClient.java"))' $1/echo 3 chat.v2 chat.v1"),
    ]

    @Test(.tags(.servers), arguments: clients) func aClientSeesTheRecordedServer(client: Client) throws {
        guard SharedMaterial.hasServers(for: "serve in front of \(client.name)") else { return }
        let standIn = try StandIn([Kit.capture(client.capture + ".pcap"), "--findings"])
        let run = try Program.shell(client.line, "ws://127.0.0.1:\(standIn.port)")
        #expect(try standIn.stop() == 0, "\(standIn.words)")
        #expect(
            run.text.trimmingCharacters(in: .whitespacesAndNewlines) == (try Kit.observed(client.capture)),
            "\(run.errors)")
        #expect(standIn.words.contains("is over: said "), "\(standIn.words)")
    }

    /// The page is served by another program; its WebSocket is ours.
    @Test(.tags(.servers)) func chromiumSeesTheRecordedServer() throws {
        guard SharedMaterial.hasServers(for: "serve in front of Chromium") else { return }
        let standIn = try StandIn([Kit.capture("A01-chromium-pyws-basic.pcap"), "--findings"])
        let control = SharedMaterial.servers.appending(path: "ctl.py").path
        let started = try Program.shell("python3 '\(control)' start aiohttp --port 25901")
        #expect(started.status == 0, "\(started.errors)")
        defer { _ = try? Program.shell("python3 '\(control)' stop aiohttp:25901") }
        let run = try Program.shell(
            "python3 '\(Kit.client("chromium_visit.py"))' http://127.0.0.1:25901/ ws://127.0.0.1:\(standIn.port)/echo basic"
        )
        #expect(try standIn.stop() == 0, "\(standIn.words)")
        for seen in ["[5, 7, 300, 5000]", "close 1000 bye true"] {
            #expect(run.text.replacing("[5,7,300,5000]", with: "[5, 7, 300, 5000]").contains(seen), "\(run.text)")
        }
    }

    @Test(.tags(.servers)) func tlsWithAMadeCertificateIsTrustedByThoseWhoGotIt() throws {
        guard SharedMaterial.hasServers(for: "serve --tls in front of python") else { return }
        let folder = try Folder()
        let authority = folder.path("ca.pem")
        let standIn = try StandIn([Kit.capture("A06-py-mixed.pcap"), "--tls", "--save-cert", authority])
        let client = "'\(SharedMaterial.python)' '\(Kit.client("ws_client.py"))' $1/echo --no-deflate --msgs text:hello"
        let trusting = try Program.shell(client + " --ca \(authority)", "wss://127.0.0.1:\(standIn.port)")
        #expect(trusting.text.contains("\"got\": [5]"), "\(trusting.text)")
        let other = SharedMaterial.servers.appending(path: "certs/ca.pem").path
        let doubting = try Program.shell(client + " --ca '\(other)'", "wss://127.0.0.1:\(standIn.port)")
        #expect(doubting.text.contains("CERTIFICATE_VERIFY_FAILED"), "\(doubting.text)")
        let plain = try Program.shell(client, "ws://127.0.0.1:\(standIn.port)")
        #expect(plain.text.contains("\"got\": []"), "\(plain.text)")
        #expect(try standIn.stop() == 0)
        #expect(standIn.words.contains("trust the certificate"), "\(standIn.words)")
        #expect(standIn.words.contains("the client speaks HTTP without TLS"), "\(standIn.words)")
    }

    @Test(.tags(.servers)) func tlsWithAGivenCertificate() throws {
        guard SharedMaterial.hasServers(for: "serve --cert in front of python") else { return }
        let certificates = SharedMaterial.servers.appending(path: "certs").path
        let standIn = try StandIn([
            Kit.capture("A06-py-mixed.pcap"), "--cert", certificates + "/server.crt", "--key",
            certificates + "/server.key",
        ])
        let run = try Program.shell(
            "'\(SharedMaterial.python)' '\(Kit.client("ws_client.py"))' $1/echo --no-deflate --msgs text:hello --ca '\(certificates)/ca.pem'",
            "wss://127.0.0.1:\(standIn.port)")
        #expect(run.text.contains("\"got\": [5]"), "\(run.text)")
        #expect(try standIn.stop() == 0)
    }

    /// A client that breaks the rules is found out: exit status 1.
    @Test(.tags(.servers)) func aClientThatBreaksARuleIsJudged() throws {
        guard SharedMaterial.hasServers(for: "serve --findings") else { return }
        let folder = try Folder()
        let report = folder.path("report.json")
        let standIn = try StandIn([
            Kit.capture("A06-py-mixed.pcap"), "--findings", "--json", report, "-w", folder.path("said.pcapng"),
            "--stop-after", "1",
        ])
        // A frame without a mask, and no word before the answer.
        let script = """
            import socket, sys
            peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
            peer.sendall(b"GET /echo HTTP/1.1\\r\\nHost: a\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
                b"Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n")
            peer.recv(4096)
            peer.sendall(b"\\x81\\x05hello\\x88\\x02\\x03\\xe8")
            while peer.recv(4096): pass
            """
        _ = try Program.shell("python3 -c \"$1\" $2", script, "\(standIn.port)")
        #expect(try standIn.finish() == 1, "\(standIn.words)")
        let text = try String(contentsOfFile: report, encoding: .utf8)
        #expect(text.contains("\"rule\":\"WSF001\"") || text.contains("unmasked"), "\(text)")
        #expect(!text.contains("\"at_fault\":\"server\""))
        let again = try Program.run("analyze", folder.path("said.pcapng"), "--format", "json", "--fail-on", "never")
        #expect(again.status == 0)
        #expect(again.text.contains("\"target\":\"/echo\""))
    }

    /// Pings without end from a client that never reads: its pongs would pile up, so that it is not listened to any more.
    @Test func aClientThatDoesNotReadIsNotListenedTo() throws {
        let standIn = try StandIn([Self.sample, "--idle", "3s"])
        let script = """
            import socket, sys, time
            peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
            peer.sendall(b"GET /echo HTTP/1.1\\r\\nHost: a\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
                b"Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n")
            peer.recv(4096)
            pings = (b"\\x89\\xfd\\x01\\x02\\x03\\x04" + b"p" * 125) * 500
            peer.settimeout(2)
            sent = 0
            try:
                while sent < 256 << 20:
                    sent += peer.send(pings)
            except TimeoutError:
                print("stopped", sent >> 20)
            except ConnectionError:
                print("closed", sent >> 20)
            time.sleep(2)
            """
        let run = try Program.shell("python3 -c \"$1\" $2", script, "\(standIn.port)")
        let words = run.text.split(separator: " ")
        #expect(words.first == "stopped" || words.first == "closed", "\(run.text)\(run.errors)")
        let most = words.last.flatMap { Int($0.trimmingCharacters(in: .newlines)) } ?? .max
        #expect(most < 64, "\(most) MiB were listened to")
        // Another client is served meanwhile and afterwards.
        #expect(try Program.run("replay", Self.sample, "--to", "ws://127.0.0.1:\(standIn.port)").status == 0)
        #expect(try standIn.stop() == 0, "\(standIn.words)")
    }

    // MARK: HAR

    /// Runs what follows with no signal blocked: the processes of a test inherit blocked ones.
    private static let unblocked =
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); os.execvp(sys.argv[1], sys.argv[1:])"

    /// What mitmproxy saves of a session is a recording.
    @Test(.tags(.servers)) func whatMitmproxySavesIsARecording() throws {
        guard SharedMaterial.hasServers(for: "HAR of mitmproxy") else { return }
        let folder = try Folder()
        let har = folder.path("mitm.har")
        let standIn = try StandIn([Kit.capture("A06-py-mixed.pcap")])
        let proxy = SharedMaterial.python.replacing("/venv/bin/python", with: "/venv-mitm/bin/mitmdump")
        let run = try Program.shell(
            """
            '\(SharedMaterial.python)' -c '\(Self.unblocked)' '\(proxy)' -q --mode reverse:http://127.0.0.1:$1 --listen-host 127.0.0.1 -p 25902 --set hardump=$2 &
            until curl -s -o /dev/null http://127.0.0.1:25902/; do sleep 0.2; done
            '\(SharedMaterial.python)' '\(Kit.client("ws_client.py"))' ws://127.0.0.1:25902/echo --no-deflate --msgs text:a,text:b,text:c,text:d
            kill -TERM $!; wait $!
            """, "\(standIn.port)", har)
        #expect(run.text.contains("[5, 44, 1000, 3]"), "\(run.text)\(run.errors)")
        #expect(try standIn.stop() == 0)
        let again = try StandIn([har])
        let replay = try Program.run("replay", har, "--to", "ws://127.0.0.1:\(again.port)", "--format", "junit")
        #expect(replay.status == 0, "\(replay.text)\(replay.errors)")
        #expect(replay.text.contains("tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\""), "\(replay.text)")
        #expect(try again.stop() == 0)
        #expect(again.words.contains("heard 4 of 4"), "\(again.words)")
    }

    static let sample = SharedMaterial.samples.appending(path: "clean-session.pcap").path

    @Test func harOutOfACaptureIsReplayedLikeTheCapture() throws {
        let folder = try Folder()
        let har = folder.path("sample.har")
        #expect(try Program.run("analyze", Self.sample, "--quiet", "--har", har).status == 0)
        let standIn = try StandIn([Self.sample])
        for source in [Self.sample, har] {
            let replay = try Program.run("replay", source, "--to", "ws://127.0.0.1:\(standIn.port)")
            #expect(replay.status == 0, "\(replay.text)\(replay.errors)")
            #expect(replay.text.contains("101 websocket, 2 out, 2 back, closed 1000"), "\(replay.text)")
        }
        #expect(try standIn.stop() == 0)
    }

    @Test(arguments: [
        ("{\"log\": {\"entries\": [", "not JSON: the text ends where a value should be (line 1, column 22)"),
        (
            "{\"log\":{\"entries\":[{\"request\":{\"url\":\"ws://h/\"},\"_webSocketMessages\":[{}]}]}}",
            "log.entries[0]._webSocketMessages[0]: has no \"type\""
        ),
    ])
    func aBrokenHARIsNamedWithThePlace(text: String, message: String) throws {
        let folder = try Folder()
        let har = try folder.write("broken.har", Array(text.utf8))
        let run = try Program.run("replay", har, "--to", "ws://127.0.0.1:1")
        #expect(run.status == 3)
        #expect(run.errors == "\(har): \(message)\n")
    }

    // MARK: The command line

    @Test func twoReplaysInARowAreTheSame() throws {
        let standIn = try StandIn([Self.sample])
        for _ in 0..<2 {
            let replay = try Program.run("replay", Self.sample, "--to", "ws://127.0.0.1:\(standIn.port)")
            #expect(replay.status == 0, "\(replay.text)\(replay.errors)")
        }
        #expect(try standIn.stop() == 0)
        #expect(standIn.words.contains("served 2 requests on 2 connections"), "\(standIn.words)")
    }

    @Test(arguments: [
        (["--cert", "a.pem"], "--cert and --key go together"), (["--save-cert", "a.pem"], "no certificate is made"),
        (["--json", "a.json"], "a report needs --findings"), (["--findings", "--har", "a"], "Unknown option '--har'"),
        (["--findings", "--format", "ndjson"], "'text', 'json' or 'html'"), (["-w", ""], "-w: the name is empty"),
        (["--rules", "WSF001"], "--rules says how"), (["--fail-on", "note"], "--fail-on says how"),
        (["--strict"], "--strict says how"),
        (["--findings", "-w", "-", "--json", "-"], "standard output is taken already"),
        (["--listen", "70000"], "--listen"), (["--listen", "::1:80"], "--listen"), (["--exchange", "0"], "--exchange"),
        (["--exchange", "7"], "there is no exchange 7: they are 1 to 1"), (["--host", "b"], "no exchange was chosen"),
    ])
    func wrongUsageIsSaid(arguments: [String], words: String) throws {
        let run = try Program.shell("\"$0\" serve \"$@\"", [Self.sample] + arguments)
        #expect(run.status == 2, "\(run.errors)")
        #expect(run.errors.contains(words), "\(run.errors)")
    }

    @Test(arguments: [
        ("none.pem", "none.pem", "none.pem: no certificate can be read from it"),
        ("cert.pem", "none.pem", "none.pem: no private key can be read from it"),
        ("cert.pem", "other.pem", "the key is not that of the certificate"),
    ])
    func aCertificateThatCannotBeUsedIsNamed(certificate: String, key: String, words: String) throws {
        guard try Program.shell("command -v openssl").status == 0 else {
            return print("SKIPPED: certificates that cannot be used: openssl is not installed")
        }
        let folder = try Folder()
        let made = try Program.shell(
            """
            cd "$1" && for name in key other; do openssl ecparam -name prime256v1 -genkey -noout -out $name.pem; done
            openssl req -x509 -key key.pem -days 2 -subj /CN=a.test -out cert.pem
            """, folder.url.path)
        #expect(made.status == 0, "\(made.errors)")
        let run = try Program.run(
            "serve", Self.sample, "--listen", "0", "--cert", folder.path(certificate), "--key", folder.path(key))
        #expect(run.status == 2)
        #expect(run.errors.hasSuffix("\(words)\n"), "\(run.errors)")
    }

    @Test func aNameThatIsNotKnownIsSaid() throws {
        let run = try Program.run("serve", Self.sample, "--listen", "name.invalid:0")
        #expect(run.status == 3)
        #expect(run.errors == "name.invalid:0 cannot be listened on: the name is not known\n")
    }

    /// Options of a part that does not apply are not there.
    @Test func theHelpNamesWhatServeTakes() throws {
        let help = try Program.run("serve", "--help").text
        for option in ["--ndjson", "--har", "--messages", "--connections", "--stream-digests", "-Y", "--keylog"] {
            #expect(!help.contains("\n  \(option) "), "\(option)")
        }
        for option in ["--json", "--html", "--rules", "--fail-on", "--exchange", "--listen", "-w"] {
            #expect(help.contains("\n  \(option) "), "\(option)")
        }
        #expect(help.contains("(values: text, json, html)"))
    }

    @Test func anAddressThatIsTakenIsNamed() throws {
        let standIn = try StandIn([Self.sample])
        let run = try Program.run("serve", Self.sample, "--listen", "\(standIn.port)")
        #expect(run.status == 3)
        #expect(run.errors.contains("127.0.0.1:\(standIn.port) cannot be listened on: it is in use"), "\(run.errors)")
        #expect(try standIn.stop() == 0)
    }
}

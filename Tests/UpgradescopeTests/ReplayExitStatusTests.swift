// What `replay` answers to the shell: 0 the same, 1 something differs or failed, 3 nobody answered. The servers are the scripts
// of the replay's own tests, each wrong in one way; the recording is what the unchanged one says.

import Foundation
import TestSupport
import Testing

@Suite("replay, its exit status", .serialized, .timeLimit(.minutes(30)))
struct ReplayExitStatusTests {
    struct Row: CustomTestStringConvertible {
        var script = "changed_server"
        var way: String
        var arguments: [String] = []
        var status: Int32
        /// What the text says.
        var words: [String]
        var testDescription: String { way }
    }

    static let rows: [Row] = [
        Row(way: "none", status: 0, words: ["1 same"]),
        Row(way: "close", status: 1, words: ["close", "- 1000", "+ 1011"]),
        Row(way: "dropped", status: 1, words: ["server message 3", "did not come"]),
        Row(way: "field", status: 1, words: ["server message 3, /user/name", "- \"alice\"", "+ \"bob\""]),
        Row(way: "added", status: 1, words: ["live message 4", "was not recorded"]),
        Row(way: "order", status: 1, words: ["server message 2", "came in another place"]),
        Row(
            way: "slow", arguments: ["--latency-budget", "300ms"], status: 1, words: ["server message 3", "too slow"]),
        Row(way: "slow", status: 0, words: ["1 same"]),
        Row(way: "refused", status: 1, words: ["- 101 Switching Protocols", "+ 403 Forbidden"]),
        Row(way: "accept", status: 1, words: ["header sec-websocket-accept", "WS009"]),
        Row(way: "extension", status: 1, words: ["extensions", "+ permessage-deflate", "WS011"]),
        Row(way: "header", status: 1, words: ["header server", "- lab", "+ other"]),
        Row(way: "field", arguments: ["--ignore", "json:/user/name"], status: 0, words: ["1 same"]),
        Row(way: "field", arguments: ["--carry", "json:/user/name"], status: 0, words: ["1 same"]),
        Row(way: "header", arguments: ["--ignore", "header:server"], status: 0, words: ["1 same"]),
        Row(way: "order", arguments: ["--ignore-order"], status: 0, words: ["1 same"]),

        Row(script: "failing_server", way: "refuse", status: 3, words: ["refuses connections"]),
        Row(script: "failing_server", way: "gone", status: 3, words: ["without an answer"]),
        Row(script: "failing_server", way: "reset", status: 3, words: ["reset the connection"]),
        Row(script: "failing_server", way: "silent", status: 3, words: ["no answer within 1 s"]),
        Row(script: "failing_server", way: "garbage", status: 3, words: ["no whole HTTP answer"]),
        Row(script: "failing_server", way: "reset-later", status: 1, words: ["reset the connection behind"]),
        Row(script: "failing_server", way: "stall", status: 1, words: ["failed"]),
        Row(script: "failing_server", way: "garbage-later", status: 1, words: ["cannot be read as frames"]),
        Row(script: "failing_server", way: "half", status: 1, words: ["did not come"]),
    ]

    @Test("is that of what was found", arguments: rows)
    func status(_ row: Row) throws {
        let folder = try Folder()
        let har = try folder.write("chat.har", Array(Self.recording.utf8))
        let server = try PythonServer(row.script, row.way)
        let run = try Program.run(
            ["replay", har, "--to", "ws://127.0.0.1:\(server.port)", "--timeout", "1s"] + row.arguments)
        #expect(run.status == row.status, "\(run.text)\(run.errors)")
        for words in row.words { #expect(run.text.contains(words), "\(words) is not in:\n\(run.text)") }
        #expect(run.errors.isEmpty)
    }

    // MARK: Certificates

    /// A certificate for other.test, trusted, and one that nobody vouches for.
    @Test("a certificate that is not believed is status 3, and says why", arguments: ["127.0.0.1", "localhost"])
    func certificates(host: String) throws {
        guard try Program.shell("command -v openssl").status == 0 else {
            return print("SKIPPED: certificates that are not believed: openssl is not installed")
        }
        let folder = try Folder()
        let har = try folder.write("chat.har", Array(Self.recording.utf8))
        let made = try Program.shell(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=other.test \
              -addext subjectAltName=DNS:other.test -keyout "$1/key.pem" -out "$1/cert.pem"
            """, folder.url.path)
        #expect(made.status == 0, "\(made.errors)")
        let standIn = try StandIn([har, "--cert", folder.path("cert.pem"), "--key", folder.path("key.pem")])
        let target = "wss://\(host):\(standIn.port)"

        let wrongName = try Program.run("replay", har, "--to", target, "--cacert", folder.path("cert.pem"))
        #expect(wrongName.status == 3, "\(wrongName.text)\(wrongName.errors)")
        #expect(wrongName.text.contains("the certificate is not for \(host)"), "\(wrongName.text)")

        let untrusted = try Program.run("replay", har, "--to", target)
        #expect(untrusted.status == 3, "\(untrusted.text)\(untrusted.errors)")
        #expect(untrusted.text.contains("not signed by a trusted authority"), "\(untrusted.text)")

        let any = try Program.run("replay", har, "--to", target, "--insecure")
        #expect(any.status == 0, "\(any.text)\(any.errors)")

        let plain = try Program.run("replay", har, "--to", "ws://\(host):\(standIn.port)")
        #expect(plain.status == 3, "\(plain.text)\(plain.errors)")

        let noFile = try Program.run("replay", har, "--to", target, "--cacert", folder.path("none.pem"))
        #expect(noFile.status == 2)
        #expect(noFile.errors.contains("none.pem"), "\(noFile.errors)")
        _ = try standIn.stop()
    }

    // MARK: Servers without end

    /// Ten gigabytes are cut off at the limit, and are not kept: the peak of resident memory is measured.
    @Test(
        "a sender of ten gigabytes is cut off, and memory stays bounded",
        arguments: [("flood", Int32(1)), ("flood-later", 1), ("endless-message", 1)])
    func tenGigabytes(way: String, status: Int32) throws {
        let folder = try Folder()
        let har = try folder.write("chat.har", Array(Self.recording.utf8))
        let server = try PythonServer("failing_server", way)
        // The limit is 64 MiB where none is given; a busy machine may need longer for that than an answer is waited for.
        for (limit, most) in [([], 64), (["--most-bytes", "4m"], 4)] {
            let run = try Program.shell(
                """
                exec python3 -c 'import resource, subprocess, sys
                status = subprocess.run(sys.argv[1:]).returncode
                print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
                sys.exit(status)' "$0" replay "$@"
                """, [har, "--to", "ws://127.0.0.1:\(server.port)", "--timeout", "50s"] + limit)
            #expect(run.status == status, "\(run.text)\(run.errors)")
            #expect(run.text.contains("more than \(most) MiB"), "\(run.text)")
            let peak = run.text.firstRange(of: "peak ").flatMap {
                Int(run.text[$0.upperBound...].prefix(while: \.isNumber))
            }
            print("\(way), limit \(most) MiB: peak of \((peak ?? 0) >> 10) MiB")
            // What came, a copy of it as a message, and the program itself.
            #expect((1...(3 * most + 100)).contains((peak ?? 0) >> 10))
        }
    }

    // MARK: -

    /// The unchanged server's conversation, as a browser would have saved it.
    static let recording: String = {
        let said = { (kind: String, text: String, opcode: Int) in
            "{\"type\":\"\(kind)\",\"time\":1769862600,\"opcode\":\(opcode),\"data\":\(text)}"
        }
        var messages = [said("receive", "\"welcome\"", 1)]
        for n in 1...3 {
            messages.append(said("send", "\"\(n)\"", 1))
            messages.append(said("receive", #""{\"n\": \#(n), \"user\": {\"name\": \"alice\"}}""#, 1))
        }
        messages += [said("send", "\"A+g=\"", 8), said("receive", "\"A+g=\"", 8)]
        return """
            {"log":{"version":"1.2","creator":{"name":"test","version":"1"},"entries":[{
              "startedDateTime":"2026-01-31T12:30:00.250Z","time":1,
              "request":{"method":"GET","url":"ws://example.org/chat","httpVersion":"HTTP/1.1","headers":[
                {"name":"Host","value":"example.org"},{"name":"Upgrade","value":"websocket"},
                {"name":"Connection","value":"Upgrade"},{"name":"Sec-WebSocket-Version","value":"13"},
                {"name":"Sec-WebSocket-Key","value":"dGhlIHNhbXBsZSBub25jZQ=="}]},
              "response":{"status":101,"statusText":"Switching Protocols","httpVersion":"HTTP/1.1","headers":[
                {"name":"Server","value":"lab"},{"name":"Upgrade","value":"websocket"},
                {"name":"Connection","value":"Upgrade"},
                {"name":"Sec-WebSocket-Accept","value":"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}]},
              "_webSocketMessages":[\(messages.joined(separator: ","))]}]}}
            """
    }()
}

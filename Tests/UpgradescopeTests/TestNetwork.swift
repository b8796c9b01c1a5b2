// A network of its own for a test: two hosts (namespaces) and a cable (a veth pair) between them. What runs in it is
// started in the background, waited for by what it says, and gone with the test.

import Foundation
import TestSupport
import Testing

/// A program that runs beside the test.
final class Background {
    let process = Process()
    let folder: Folder
    private let line: [String]

    /// `input` may be a pipe that the test writes into; standard output goes to a file unless it is given.
    init(_ line: [String], output: Pipe? = nil) throws {
        self.line = line
        folder = try Folder()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = line
        process.standardInput = FileHandle.nullDevice
        if let output {
            process.standardOutput = output
        } else {
            process.standardOutput = FileHandle(forWritingAtPath: try folder.write("stdout", []))
        }
        process.standardError = FileHandle(forWritingAtPath: try folder.write("stderr", []))
        try process.run()
    }

    deinit {
        guard process.isRunning else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    var errors: String { text(of: folder.path("stderr")) }
    var output: String { text(of: folder.path("stdout")) }

    private func text(of path: String) -> String {
        (try? Data(contentsOf: URL(fileURLWithPath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Waits until it has said `words` on standard error.
    func wait(for words: String, seconds: Double = 20) throws {
        try wait("'\(words)' on standard error", seconds: seconds) { self.errors.contains(words) }
    }

    /// Waits until something holds.
    func wait(_ what: String, seconds: Double = 20, until holds: () throws -> Bool) throws {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while try !holds() {
            guard process.isRunning, Date() < deadline else {
                throw Failure("\(line.joined(separator: " ")): no \(what); it said: \(errors)")
            }
            Thread.sleep(forTimeInterval: 0.01)
        }
    }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Sends a signal, or none, and waits for the end; gives the status.
    @discardableResult
    func end(_ number: Int32? = SIGINT, seconds: Double = 30) throws -> Int32 {
        if let number { signal(number) }
        try process.wait(seconds: seconds)
        return process.terminationStatus
    }
}

/// Two namespaces and a cable between them.
final class TestNetwork {
    /// The client's and the server's namespace.
    let client: String
    let server: String
    /// What the end of the cable is called on both sides.
    static let interface = "cable0"
    static let clientAddress = "10.213.0.1"
    static let serverAddress = "10.213.0.2"

    /// `nil`, said loudly, where namespaces may not be made, or a program is missing.
    init?(for test: String = #function, needs programs: [String] = []) throws {
        _ = Self.staleAreGone
        let number = Self.count.next()
        client = "usc\(getpid())-\(number)"
        server = "uss\(getpid())-\(number)"
        for program in programs + ["ip"] where try Self.shell("command -v \(program)").status != 0 {
            Self.skip(test, "\(program) is not installed")
            return nil
        }
        let made = try Self.shell("ip netns add \(client) && ip netns add \(server)")
        guard made.status == 0 else {
            Self.skip(test, "namespaces may not be made: \(made.errors)")
            return nil
        }
        let cable = Self.interface
        var lines = ["ip link add \(cable) netns \(client) type veth peer name \(cable) netns \(server)"]
        for (name, address) in [(client, Self.clientAddress), (server, Self.serverAddress)] {
            lines += [
                "ip -n \(name) addr add \(address)/24 dev \(cable)", "ip -n \(name) link set \(cable) up",
                "ip -n \(name) link set lo up",
            ]
        }
        let set = try Self.shell(lines.joined(separator: " && "))
        guard set.status == 0 else {
            Self.skip(test, "the cable could not be laid: \(set.errors)")
            return nil
        }
    }

    deinit { _ = try? Self.shell("ip netns del \(client); ip netns del \(server)") }

    /// Runs a line of the shell on one of the hosts to its end.
    @discardableResult
    func run(on host: String, _ line: String) throws -> Run {
        try Program.shell("exec ip netns exec \(host) sh -c \"$1\"", [line])
    }

    /// Starts a program on one of the hosts.
    func start(on host: String, _ line: [String], output: Pipe? = nil) throws -> Background {
        try Background(["ip", "netns", "exec", host] + line, output: output)
    }

    /// Starts a live capture on the server's end of the cable, and waits until it listens.
    func live(_ options: [String], output: Pipe? = nil) throws -> Background {
        let live = try start(
            on: server, [Program.path, "live", "-i", Self.interface] + options, output: output)
        try live.wait(for: "listening on")
        return live
    }

    /// Starts tcpdump beside it.
    func tcpdump(_ file: String) throws -> Background {
        // The runner of tests blocks signals, and what it starts inherits that; tcpdump would never hear of its end.
        let unblock =
            "import os,signal,sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); os.execvp(sys.argv[1], sys.argv[1:])"
        let dump = try start(
            on: server,
            [
                "python3", "-c", unblock, "tcpdump", "-Z", "root", "-n", "-U", "--immediate-mode",
                "--time-stamp-precision=nano", "-i", Self.interface, "-w", file,
            ])
        try dump.wait(for: "listening on")
        return dump
    }

    /// Tests that were killed leave their namespaces behind: those whose process is gone are removed, once.
    private static let staleAreGone: Void = {
        let listed = (try? shell("ip netns list")).map(\.text) ?? ""
        for line in listed.split(separator: "\n") {
            guard let name = line.split(separator: " ").first, let owner = owner(of: String(name)),
                kill(owner, 0) != 0, errno == ESRCH
            else { continue }
            _ = try? shell("ip netns del \(name)")
        }
    }()

    /// The process in the name of a namespace that a test made: "usc4711-3".
    static func owner(of name: String) -> pid_t? {
        guard name.hasPrefix("usc") || name.hasPrefix("uss") else { return nil }
        let parts = name.dropFirst(3).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, UInt(parts[1]) != nil, let owner = pid_t(parts[0]), owner > 1 else { return nil }
        return owner
    }

    private static func shell(_ line: String) throws -> Run { try Program.shell(line, []) }

    private static func skip(_ test: String, _ why: String) {
        print("SKIPPED: \(test): \(why)")
        let value = ProcessInfo.processInfo.environment["CI"] ?? ""
        if geteuid() == 0, !value.isEmpty, value != "0", value != "false" {
            Issue.record("as root in CI a test that needs a network of its own must not be skipped: \(why)")
        }
    }

    private final class Counter: @unchecked Sendable {
        private let lock = NSLock()
        private var value = 0
        func next() -> Int {
            lock.withLock {
                value += 1; return value
            }
        }
    }
    private static let count = Counter()
}

/// A report as JSON, and what of it can be compared with that of another capture of the same traffic.
struct JSONReportFile {
    let object: [String: Any]

    init(_ path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    var exchanges: [[String: Any]] { object["exchanges"] as? [[String: Any]] ?? [] }
    var findings: [[String: Any]] { object["findings"] as? [[String: Any]] ?? [] }
    var summary: [String: Any] { object["summary"] as? [String: Any] ?? [:] }
    var verdict: String { summary["verdict"] as? String ?? "" }
    var rules: [String] { findings.compactMap { $0["rule"] as? String } }

    /// Exchanges and findings as text that is equal where they are.
    ///
    /// Without `numbers` and times where packets were counted differently.
    func facts(numbers: Bool) throws -> [String] {
        try (exchanges + findings).map { fact in
            let kept = numbers ? fact : Self.stripped(fact) as? [String: Any] ?? [:]
            return String(
                decoding: try JSONSerialization.data(withJSONObject: kept, options: [.sortedKeys]), as: UTF8.self)
        }
    }

    private static let numbered: Set<String> = [
        "packet", "packets", "first_packet", "time", "started", "ended", "wireshark_filter", "latency_ms",
        "handshake_ms", "ping_rtt_ms", "message", "connection_id",
    ]

    private static func stripped(_ value: Any) -> Any {
        if let object = value as? [String: Any] {
            let isConnection = object["community_id"] != nil
            return object.filter { key, value in
                // A connection goes by its first packet.
                !numbered.contains(key) && !(isConnection && key == "id") && !(key == "connection" && value is Int)
            }.mapValues(stripped)
        }
        return (value as? [Any])?.map(stripped) ?? value
    }
}

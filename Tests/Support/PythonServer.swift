// Servers of our own that do what no real one does, each a small Python program in the folder beside this file.

import Foundation

/// A server of a test; ends with it.
public final class PythonServer {
    public let port: Int
    private let process = Process()

    /// Starts `NAME.py PORT WORD…` and waits until it says that it is ready.
    public convenience init(_ name: String, _ words: String...) throws {
        let script = SharedMaterial.repository.appending(path: "Tests/Support/Servers/\(name).py")
        try self.init { ["-u", script.path, "\($0)"] + words }
    }

    /// Starts Python with what `arguments` gives for a port.
    public init(_ arguments: (Int) -> [String]) throws {
        port = try Self.freePort()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments(port)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        guard String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).hasPrefix("ready") else {
            throw Failure("\(process.arguments ?? []) does not start")
        }
    }

    // Threads of tests block signals, and what they start inherits that: only this one cannot be blocked.
    deinit { kill(process.processIdentifier, SIGKILL) }

    /// A port that nobody listens on.
    public static func freePort() throws -> Int {
        let line = "import socket; print(socket.create_server((\"127.0.0.1\", 0)).getsockname()[1])"
        let run = try Program.other(["python3", "-c", line])
        guard let port = Int(run.text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw Failure("no free port: \(run.errors)")
        }
        return port
    }
}

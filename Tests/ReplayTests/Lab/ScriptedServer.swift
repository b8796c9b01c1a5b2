// Servers of our own that do what no real one does, each a small Python program beside this file.

import Foundation

/// A server of a test; ends with it.
final class ScriptedServer {
    let port: Int
    private let process = Process()

    /// Starts `NAME.py PORT WORD…` and waits until it says that it is ready.
    init(_ name: String, _ words: String...) throws {
        port = try Lab.freePort()
        process.executableURL = URL(filePath: "/usr/bin/env")
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "\(name).py")
        process.arguments = ["python3", "-u", script.path, "\(port)"] + words
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        guard String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).hasPrefix("ready") else {
            throw LabFailure("\(name) \(words) does not start")
        }
    }

    // Threads of tests block signals, and what they start inherits that: only this one cannot be blocked.
    deinit { kill(process.processIdentifier, SIGKILL) }
}

// Servers of our own that do what no real one does, each a small Python program beside this file.

import Foundation

/// A server of a test; ends with it.
final class ScriptedServer {
    let port: Int
    private let process = Process()

    /// Starts `NAME.py PORT WORD…` and waits until it says that it is ready.
    convenience init(_ name: String, _ words: String...) throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "\(name).py")
        try self.init { ["-u", script.path, "\($0)"] + words }
    }

    /// The engine stand-in of the lab, `Upgrade: tcp`; made to say when it listens.
    static func dockerEngine() throws -> ScriptedServer {
        let script = Lab.shared.appending(path: "servers/servers/fake_docker.py").path
        let code = """
            import http.server, sys
            class Server(http.server.ThreadingHTTPServer):
                def server_activate(self):
                    super().server_activate()
                    print("ready", flush=True)
            http.server.ThreadingHTTPServer = Server
            exec(open(sys.argv.pop(2)).read())
            """
        return try ScriptedServer { ["-u", "-c", code, "\($0)", script] }
    }

    private init(_ arguments: (Int) -> [String]) throws {
        port = try Lab.freePort()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments(port)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        guard String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).hasPrefix("ready") else {
            throw LabFailure("\(process.arguments ?? []) does not start")
        }
    }

    // Threads of tests block signals, and what they start inherits that: only this one cannot be blocked.
    deinit { kill(process.processIdentifier, SIGKILL) }
}

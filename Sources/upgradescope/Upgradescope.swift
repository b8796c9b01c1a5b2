// Arguments in, exit status out.

import ArgumentParser
import Glibc
import Reports

@main
struct Upgradescope: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgradescope",
        abstract: "Finds every HTTP upgrade in captured traffic, and what is wrong with it.",
        discussion: """
            Reads pcap and pcapng captures, puts TCP connections back together, and judges each switch of \
            protocol (WebSocket, h2c, CONNECT, TLS, ...) against the RFCs, with the packets and bytes that prove it.

            Exit status: 0 nothing at or above --fail-on, 1 findings, 2 wrong usage, 3 an input cannot be read, \
            4 an input is damaged or cut, 5 not permitted, 6 an output cannot be written, 130 interrupted.
            """,
        version: toolVersion,
        subcommands: [
            AnalyzeCommand.self, LiveCommand.self, ReplayCommand.self, ServeCommand.self, ShowCommand.self,
            RulesCommand.self, SchemaCommand.self,
        ])

    static func main() {
        System.openStandardStreams()
        Signals.ignoreBrokenPipes()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            Glibc.exit(status(after: error))
        }
    }

    /// Prints what an error (or a request for help) has to say.
    private static func status(after error: any Error) -> Int32 {
        let status = exitCode(for: error).rawValue
        let message = fullMessage(for: error)
        guard status == 0 else {
            if !message.isEmpty { say(message) }
            // The parser's own status for usage errors is that of sysexits.h.
            return status == ExitCode.validationFailure.rawValue ? 2 : status
        }
        let output = OutputFile.standardOutput()
        try? output.write(message.isEmpty ? "" : message + "\n")
        do {
            try output.finish()
            return 0
        } catch {
            say("standard output: \(error)")
            return 6
        }
    }
}

/// The version of the program and of the reports it writes.
let toolVersion = "0.1.0"

/// Ends a command with a status; nothing when it is 0.
func finish(with status: ExitStatus) throws {
    if status.code != 0 { throw ExitCode(status.code) }
}

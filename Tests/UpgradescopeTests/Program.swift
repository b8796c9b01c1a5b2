// The built program, run as its users run it: arguments in; status, standard output and standard error out.

import Foundation
import Testing

/// One finished run.
struct Run {
    var status: Int32
    var output: [UInt8]
    var errors: String
    /// Ended by a signal: a crash, or a kill.
    var signalled: Bool

    var text: String { String(decoding: output, as: UTF8.self) }
}

struct Failure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

enum Program {
    /// The executable lies beside the bundle of the tests.
    static let path: String = {
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent("upgradescope")
            let type = try? FileManager.default.attributesOfItem(atPath: candidate.path)[.type] as? FileAttributeType
            if type == .typeRegular { return candidate.path }
            folder = folder.deletingLastPathComponent()
        }
        return "upgradescope"
    }()

    /// Runs it to its end, at most `seconds`.
    static func run(_ arguments: String..., input: [UInt8]? = nil, seconds: Double = 60) throws -> Run {
        try run(path, arguments, input: input, seconds: seconds)
    }

    /// The same with arguments in a list.
    static func run(_ arguments: [String]) throws -> Run { try run(path, arguments, input: nil, seconds: 60) }

    /// Runs a shell line in which `$0` is the program.
    static func shell(_ line: String, _ arguments: String...) throws -> Run {
        try run("/bin/sh", ["-c", line, path] + arguments, input: nil, seconds: 60)
    }

    /// The same with arguments in a list.
    static func shell(_ line: String, _ arguments: [String]) throws -> Run {
        try run("/bin/sh", ["-c", line, path] + arguments, input: nil, seconds: 60)
    }

    private static func run(_ executable: String, _ arguments: [String], input: [UInt8]?, seconds: Double) throws -> Run
    {
        let folder = try Folder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        let output = try folder.write("stdout", [])
        let errors = try folder.write("stderr", [])
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        if let input {
            process.standardInput = FileHandle(forReadingAtPath: try folder.write("stdin", input))
        } else {
            process.standardInput = FileHandle.nullDevice
        }
        try process.run()
        try process.wait(seconds: seconds)
        return Run(
            status: process.terminationStatus, output: try folder.read("stdout"),
            errors: String(decoding: try folder.read("stderr"), as: UTF8.self),
            signalled: process.terminationReason == .uncaughtSignal)
    }
}

extension Process {
    /// Waits for the end; a program that hangs is killed, and the test fails.
    func wait(seconds: Double) throws {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while isRunning, Date() < deadline { Thread.sleep(forTimeInterval: 0.005) }
        if isRunning {
            kill(processIdentifier, SIGKILL)
            waitUntilExit()
            throw Failure("no end after \(seconds) s")
        }
        waitUntilExit()
    }
}

/// A folder of its own for a test, gone with it.
final class Folder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("upgradescope-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }

    /// Everything that lies in it.
    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: url.path).sorted()) ?? [] }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: url.appendingPathComponent(name))
        return path(name)
    }

    func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: url.appendingPathComponent(name))) }
}

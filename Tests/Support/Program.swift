// Programs, run as their users run them: arguments in; status, standard output and standard error out.

public import Foundation

/// One finished run.
public struct Run {
    public var status: Int32
    public var output: [UInt8]
    public var errors: String
    /// Ended by a signal: a crash, or a kill.
    public var signalled: Bool

    public var text: String { String(decoding: output, as: UTF8.self) }
}

/// What a test needs could not be had.
public struct Failure: Error, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}

/// The built program, and any other.
public enum Program {
    public static let path = path(of: "upgradescope")

    /// The executables lie beside the bundle of the tests.
    public static func path(of name: String) -> String {
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent(name)
            let type = try? FileManager.default.attributesOfItem(atPath: candidate.path)[.type] as? FileAttributeType
            if type == .typeRegular { return candidate.path }
            folder = folder.deletingLastPathComponent()
        }
        return name
    }

    /// Runs it to its end, at most `seconds`.
    public static func run(_ arguments: String..., input: [UInt8]? = nil, seconds: Double = 60) throws -> Run {
        try run(path, arguments, input: input, seconds: seconds)
    }

    /// The same with arguments in a list.
    public static func run(_ arguments: [String]) throws -> Run { try run(path, arguments, input: nil, seconds: 60) }

    /// Runs a shell line in which `$0` is the program.
    public static func shell(_ line: String, _ arguments: String...) throws -> Run {
        try run("/bin/sh", ["-c", line, path] + arguments, input: nil, seconds: 60)
    }

    /// The same with arguments in a list.
    public static func shell(_ line: String, _ arguments: [String]) throws -> Run {
        try run("/bin/sh", ["-c", line, path] + arguments, input: nil, seconds: 60)
    }

    /// Runs a program of the PATH; the status is 127 where it is not installed.
    public static func other(_ line: [String], input: [UInt8]? = nil, seconds: Double = 120) throws -> Run {
        try run("/usr/bin/env", line, input: input, seconds: seconds)
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
    public func wait(seconds: Double) throws {
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
public final class Folder {
    public let url: URL

    public init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("upgradescope-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    public func path(_ name: String) -> String { url.appendingPathComponent(name).path }

    /// Everything that lies in it.
    public var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: url.path).sorted()) ?? [] }

    @discardableResult
    public func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: url.appendingPathComponent(name))
        return path(name)
    }

    public func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: url.appendingPathComponent(name))) }
}

// What tests read that is not written in them: the repository's own samples, and the captures, servers and clients that
// lie beside the clone, in `../shared`, or where UPGRADESCOPE_SHARED says. Without those, the tests that need them say so
// loudly.

public import Foundation
import Testing

/// Where the files are that tests need.
public enum SharedMaterial {
    /// The root of this repository.
    public static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The folder of the samples.
    public static let samples = repository.appending(path: "samples")

    /// `../shared`.
    public static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["UPGRADESCOPE_SHARED"], !path.isEmpty {
            return URL(filePath: path)
        }
        return repository.deletingLastPathComponent().appending(path: "shared")
    }()

    /// The servers and clients; see `hasServers`.
    public static let servers = root.appending(path: "servers")

    /// The Python with the libraries of those servers and clients.
    public static let python: String = {
        let variables = ProcessInfo.processInfo.environment
        let home = variables["SERVERS_HOME"] ?? (variables["HOME"] ?? "") + "/.cache/upgradescope-servers"
        return home + "/venv/bin/python"
    }()

    /// Where a skipped test is to be a failure if it could have run.
    public static var isContinuousIntegration: Bool {
        let value = ProcessInfo.processInfo.environment["CI"] ?? ""
        return !value.isEmpty && value != "0" && value != "false"
    }

    /// Whether the servers are here; says it where not.
    public static func hasServers(for test: String = #function) -> Bool {
        if FileManager.default.fileExists(atPath: servers.appending(path: "ctl.py").path) { return true }
        print("SKIPPED: \(test): no servers at \(servers.path) (set UPGRADESCOPE_SHARED)")
        return false
    }

    /// The captures of "lab" or "third-party", sorted by name; `nil` (said loudly) when they are not here.
    public static func captures(of set: String, for test: String = #function) -> [URL]? {
        let captures = captures(in: root.appending(path: "captures/\(set)"))
        if !captures.isEmpty { return captures }
        print("SKIPPED: \(test): no captures at \(root.path)/captures (set UPGRADESCOPE_SHARED)")
        if FileManager.default.fileExists(atPath: root.path), isContinuousIntegration {
            Issue.record("\(root.path) is here but holds no captures: a skip in CI is a failure")
        }
        return nil
    }

    /// The capture files of a folder, sorted by name.
    public static func captures(in folder: URL) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().filter { name in
            [".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".pcap.zst"].contains { name.hasSuffix($0) }
        }.map { folder.appending(path: $0) }
    }

    /// The truth that belongs to a capture.
    public static func truth(for capture: URL) -> URL {
        var path = capture.path
        for suffix in [".gz", ".zst", ".pcapng", ".pcap", ".cap"] where path.hasSuffix(suffix) {
            path.removeLast(suffix.count)
        }
        return URL(filePath: path + ".expected.json")
    }

    /// The inputs that once broke this entry of the fuzzer, with their names.
    public static func crashes(of entry: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = repository.appending(path: "Fuzz/crashes/\(entry)")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return try names.filter { !$0.hasPrefix(".") }.sorted().map { name in
            (name, [UInt8](try Data(contentsOf: folder.appending(path: name))))
        }
    }
}

/// SplitMix64: the same numbers for the same seed, on every machine.
public struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// A seed from a name (FNV-1a 64).
    public init(name: String) {
        state = name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not with, `bound`.
    public mutating func below(_ bound: Int) -> Int { bound < 1 ? 0 : Int(next() % UInt64(bound)) }
}

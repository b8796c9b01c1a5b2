// Where the captures with a known truth are. They are not part of the repository: they lie beside the clone,
// in `../shared`, or where UPGRADESCOPE_SHARED says. Without them the tests that need them say so loudly.

import Foundation
import Testing

enum SharedMaterial {
    /// The root of this repository.
    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["UPGRADESCOPE_SHARED"], !path.isEmpty {
            return URL(filePath: path)
        }
        return repository.deletingLastPathComponent().appending(path: "shared")
    }()

    static var isPresent: Bool {
        FileManager.default.fileExists(atPath: root.appending(path: "captures/lab").path)
    }

    static var isContinuousIntegration: Bool {
        let value = ProcessInfo.processInfo.environment["CI"] ?? ""
        return !value.isEmpty && value != "0" && value != "false"
    }

    /// The captures of "lab" or "third-party", sorted by name; `nil` (said loudly) when they are not here.
    static func captures(of set: String, for test: String) -> [URL]? {
        guard isPresent else {
            print("SKIPPED: \(test): no captures at \(root.path)/captures (set UPGRADESCOPE_SHARED)")
            if FileManager.default.fileExists(atPath: root.path), isContinuousIntegration {
                Issue.record("\(root.path) is here but holds no captures: a skip in CI is a failure")
            }
            return nil
        }
        return captures(in: root.appending(path: "captures/\(set)"))
    }

    /// The capture files of a folder, sorted by name.
    static func captures(in folder: URL) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().filter { name in
            [".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".pcap.zst"].contains { name.hasSuffix($0) }
        }.map { folder.appending(path: $0) }
    }

    /// The truth that belongs to a capture.
    static func truth(for capture: URL) -> URL {
        var path = capture.path
        for suffix in [".gz", ".zst", ".pcapng", ".pcap", ".cap"] where path.hasSuffix(suffix) {
            path.removeLast(suffix.count)
        }
        return URL(filePath: path + ".expected.json")
    }
}

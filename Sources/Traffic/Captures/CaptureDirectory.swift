// The captures in a directory: told by their first bytes, never by their names.

extension CaptureReader {
    /// The captures in the directory at `path` and in those below it, in the order of their paths.
    ///
    /// What is no capture is left out without a word. What is one but cannot be read, or cannot be looked at, is
    /// kept: reading it says why.
    public static func captures(inDirectory path: String) throws(CaptureError) -> [String] {
        let found = try files(inDirectory: path, where: isCapture)
        guard !found.isEmpty else { throw CaptureError(.noCaptures, path: path, "\(path) holds no captures") }
        return found
    }

    /// The files in the directory at `path` and in those below it that are wanted, in the order of their paths; directories that
    /// cannot be looked at are among them.
    public static func files(
        inDirectory path: String, where isWanted: (String) -> Bool
    ) throws(CaptureError) -> [String] {
        var found: [String] = []
        var waiting = [(path: path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path, depth: 0)]
        while let directory = waiting.popLast() {
            let entries: [(name: String, isDirectory: Bool)]
            do {
                entries = try InputFile.entries(inDirectory: directory.path)
            } catch {
                guard directory.depth > 0 else { throw error }
                found.append(directory.path)
                continue
            }
            for entry in entries {
                let below = directory.path == "/" ? "/\(entry.name)" : "\(directory.path)/\(entry.name)"
                if entry.isDirectory {
                    if directory.depth < deepest { waiting.append((below, directory.depth + 1)) }
                } else if isWanted(below) {
                    found.append(below)
                }
            }
        }
        return found.sorted()
    }

    /// Whether a file is a capture, or one that cannot be looked at: opening it says why.
    public static func isCapture(_ path: String) -> Bool {
        do {
            _ = try CaptureReader(path: path)
            return true
        } catch {
            switch error.kind {
            case .notACapture, .empty, .notFound: return false
            case .notPermitted, .isDirectory, .noCaptures, .unreadable: return true
            }
        }
    }

    private static let deepest = 64
}

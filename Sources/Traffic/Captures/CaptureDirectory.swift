// The captures in a directory: told by their first bytes, never by their names.

extension CaptureReader {
    /// The captures in the directory at `path` and in those below it, in the order of their paths.
    ///
    /// What is no capture is left out without a word. What is one but cannot be read, or cannot be looked at, is
    /// kept: reading it says why.
    public static func captures(inDirectory path: String) throws(CaptureError) -> [String] {
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
                } else if isCapture(below) {
                    found.append(below)
                }
            }
        }
        guard !found.isEmpty else { throw CaptureError(.noCaptures, path: path, "\(path) holds no captures") }
        return found.sorted()
    }

    private static func isCapture(_ path: String) -> Bool {
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

// What stands at a path.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What stands at a path, links followed.
public enum FileKind: Sendable {
    case absent, regular, directory, stream

    public init(of path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            self = .absent
            return
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: self = .regular
        case S_IFDIR: self = .directory
        default: self = .stream
        }
    }
}

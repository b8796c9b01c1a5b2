// A temporary file without a name: it is unlinked as soon as it is open, so that nothing is left behind
// however the process ends. This is the one place of the module that talks to the C library.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Why the temporary file failed, as a sentence.
struct SpoolError: Error, CustomStringConvertible {
    var description: String
}

/// An unlinked temporary file that is appended to and read at any place.
final class SpoolFile {
    private let descriptor: CInt
    /// Bytes written so far.
    private(set) var length: UInt64 = 0

    /// Creates the file in `$TMPDIR`, or in /tmp.
    init() throws(SpoolError) {
        let folder = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? ""
        var template = Array(((folder.isEmpty ? "/tmp" : folder) + "/upgradescope.XXXXXX").utf8CString)
        let opened = unsafe template.withUnsafeMutableBufferPointer { buffer -> CInt in
            guard let path = buffer.baseAddress else { return -1 }
            let opened = unsafe mkstemp(path)
            if opened >= 0 { _ = unsafe unlink(path) }
            return opened
        }
        guard opened >= 0 else { throw Self.error("created") }
        _ = fcntl(opened, F_SETFD, FD_CLOEXEC)
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// Writes after everything written before.
    func append(_ bytes: [UInt8]) throws(SpoolError) {
        var done = 0
        while done < bytes.count {
            let start = done
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(
                    descriptor, buffer.baseAddress.map { unsafe $0 + start }, buffer.count - start,
                    off_t(clamping: length))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.error("written")
            }
            done += count
            length += UInt64(count)
        }
    }

    /// The bytes at `offset`: fewer than `count` only at the end of the file.
    func read(at offset: UInt64, count: Int) throws(SpoolError) -> [UInt8] {
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            while filled < count {
                let got = unsafe pread(
                    descriptor, buffer.baseAddress.map { unsafe $0 + filled }, count - filled,
                    off_t(clamping: offset + UInt64(filled)))
                if got < 0, errno == EINTR { continue }
                if got < 0 { failed = true }
                if got <= 0 { break }
                filled += got
            }
        }
        if failed { throw Self.error("read") }
        return bytes
    }

    private static func error(_ what: String) -> SpoolError {
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
        return SpoolError(description: "the temporary file could not be \(what): \(reason)")
    }
}

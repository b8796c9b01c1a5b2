// The few questions that this program asks of the system, and the only place beside OutputFile.swift, Bell.swift and
// Signals.swift that touches libc by pointer.

import Glibc
import Investigation
import Reports
import Traffic

/// Questions to the system.
enum System {
    /// Permission bits of an existing file.
    static func mode(of path: String) -> mode_t? { status(of: path).map { $0.st_mode & 0o7777 } }

    /// Size of a regular file.
    static func size(of path: String) -> Int64? {
        guard let status = status(of: path), status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int64(status.st_size)
    }

    /// Device and inode: two paths with the same are one file.
    static func identity(of path: String) -> [UInt64]? {
        status(of: path).map { [UInt64($0.st_dev), UInt64($0.st_ino)] }
    }

    /// The first bytes of a file, at most `limit`.
    static func contents(of path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let descriptor = try open(path, O_RDONLY)
        defer { close(descriptor) }
        return try contents(of: descriptor, limit: limit)
    }

    /// The next bytes of standard input, at most `limit`; fewer only at its end.
    static func standardInput(limit: Int) throws(SystemError) -> [UInt8] {
        try contents(of: STDIN_FILENO, limit: limit)
    }

    private static func contents(of descriptor: Int32, limit: Int) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(limit, 1 << 20))
        while bytes.count < limit {
            let wanted = min(chunk.count, limit - bytes.count)
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, wanted) }
            if count < 0, errno == EINTR, !Signals.interrupted { continue }
            guard count >= 0 else { throw SystemError.last }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    /// Whether two paths are one existing file.
    static func isSameFile(_ one: String, _ other: String) -> Bool {
        identity(of: one).map { $0 == identity(of: other) } ?? false
    }

    /// The path after symbolic links, where it exists.
    static func resolved(_ path: String) -> String {
        guard let real = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    /// The time of day.
    static var now: Timestamp {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Lets this process open as many files as it may; returns how many that are.
    static func raiseFileLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }

    static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Waits until a descriptor can be read, a signal comes, or the time is over.
    static func wait(for descriptor: Int32, milliseconds: Int32) {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&waiting, 1, milliseconds)
    }

    static func open(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(SystemError) -> Int32 {
        while true {
            let descriptor = unsafe Glibc.open(path, flags, mode)
            if descriptor >= 0 { return descriptor }
            guard errno == EINTR, !Signals.interrupted else { throw .last }
        }
    }

    /// Writes all of `bytes`, however many calls that takes.
    static func write(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { all in
                // `done` is below `count`: the slice is never empty and never out of bounds.
                let rest = unsafe UnsafeRawBufferPointer(rebasing: all[done...])
                return unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
            }
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                try waitUntilWritable(descriptor)
            } else if errno != EINTR {
                throw .last
            }
        }
    }

    /// A terminal shared with a program that made it non-blocking is still written in full.
    private static func waitUntilWritable(_ descriptor: Int32) throws(SystemError) {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        if unsafe poll(&waiting, 1, -1) < 0, errno != EINTR { throw .last }
    }

    private static func status(of path: String) -> stat? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status : nil
    }
}

extension System {
    /// Whether somebody reads what is written there: a pipe, a socket, or a terminal.
    static func isStream(_ descriptor: Int32) -> Bool {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return false }
        switch status.st_mode & S_IFMT {
        case S_IFIFO, S_IFSOCK, S_IFCHR: return true
        default: return false
        }
    }

    /// Makes sure that descriptors 0 to 2 are taken, so that no file opened later is mistaken for one of them.
    ///
    /// A stream that was closed stays unusable: reading from or writing to it fails.
    static func openStandardStreams() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = try? open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}

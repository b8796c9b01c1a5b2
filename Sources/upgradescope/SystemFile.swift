// The files and streams this program writes, and the few questions it asks of the system.
//
// Everything that touches libc by pointer stands here and in Signals.swift. An output file is written beside
// its target under another name and renamed when it is whole, so that a reader never sees half a report; what
// cannot be renamed over (a device, a pipe, standard output) is written directly. A pipe whose reader has gone
// is no error: the rest is dropped.

import Glibc
import Investigation
import Reports
import Synchronization
import Traffic

/// A failed system call.
struct SystemError: Error, CustomStringConvertible {
    var code: Int32

    static var last: SystemError { SystemError(code: errno) }
    /// Whoever reads a pipe has stopped reading.
    static var noReader: SystemError { SystemError(code: ETIMEDOUT) }
    var description: String {
        code == ETIMEDOUT ? "its reader takes nothing any more" : unsafe String(cString: strerror(code))
    }
}

/// One output, buffered.
final class OutputFile: ByteSink {
    /// As given on the command line; "standard output" for `-`.
    let name: String
    /// Bytes handed to the system so far.
    private(set) var written: Int64 = 0
    /// The first thing that went wrong.
    private(set) var failure: SystemError?

    private var descriptor: Int32
    private var buffer: [UInt8] = []
    private var readerLeft = false
    /// Written under its own name, and opened anew on demand.
    private var followed: String?
    /// Who writes it, where nothing may wait for its reader.
    private var queue: EventQueue?
    private static let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_APPEND
    /// Where it is written, and what it becomes; `nil` when it is written directly.
    private let replacement: (temporary: String, target: String)?
    private static let capacity = 64 * 1024

    /// Opens what shall become `path`, or, where it is followed while it is written, `path` itself.
    init(path: String, isFollowed: Bool = false) throws(SystemError) {
        name = path
        let target = System.resolved(path)
        switch FileKind(of: target) {
        case .absent where isFollowed, .regular where isFollowed:
            descriptor = try System.open(target, Self.flags | O_TRUNC, mode: 0o666)
            replacement = nil
            followed = target
        case .absent, .regular:
            let temporary = Self.temporaryPath(beside: target)
            let mode = System.mode(of: target) ?? 0o666
            descriptor = try System.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode: mode)
            replacement = (temporary, target)
        case .directory:
            throw SystemError(code: EISDIR)
        case .stream:
            descriptor = try System.open(target, O_WRONLY | O_CLOEXEC | O_NOCTTY)
            replacement = nil
        }
    }

    private init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
        replacement = nil
    }

    deinit { abandon() }

    /// Standard output.
    static func standardOutput() -> OutputFile { OutputFile(descriptor: STDOUT_FILENO, name: "standard output") }
    /// Standard error, for what is not a result.
    static func standardError() -> OutputFile { OutputFile(descriptor: STDERR_FILENO, name: "standard error") }

    /// Whether it was neither finished nor abandoned.
    var isOpen: Bool { descriptor >= 0 }
    /// Whether it becomes a file of its own, worth naming when it is done.
    var isFile: Bool { replacement != nil || followed != nil }
    /// Whether it is a pipe that nobody reads any more.
    var hasLostReader: Bool { queue?.readerLeft ?? readerLeft }
    /// Lines that its reader was too slow for.
    var lostLines: UInt64 { queue?.lostLines ?? 0 }

    /// From now on nobody waits for its reader: up to `limit` bytes of lines are kept for it, and what is more is lost.
    ///
    /// Nothing changes for a file, which has no reader to wait for.
    func dontWait(limit: Int) {
        guard isOpen, queue == nil, System.isStream(descriptor) else { return }
        queue = EventQueue(descriptor, limit: limit)
    }

    /// Closes a followed file and goes on in the one that has its name now; what could not be written before is lost.
    func reopen() throws(SystemError) {
        guard let followed, isOpen else { return }
        try? flush()
        _ = Glibc.close(descriptor)
        descriptor = -1
        descriptor = try System.open(followed, Self.flags, mode: 0o666)
        failure = nil
    }

    func write(_ bytes: [UInt8]) throws {
        if let failure { throw failure }
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.capacity { try flush() }
    }

    func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// Hands everything to the system.
    func flush() throws { try flush(isLast: false) }

    private func flush(isLast: Bool) throws {
        if let failure { throw failure }
        defer { buffer.removeAll(keepingCapacity: true) }
        guard !readerLeft, descriptor >= 0 else { return }
        if let queue { return queue.put(buffer, isLast: isLast) }
        do throws(SystemError) {
            try System.write(buffer, to: descriptor)
            written += Int64(buffer.count)
        } catch  where error.code == EPIPE {
            readerLeft = true
        } catch {
            failure = error
            throw error
        }
    }

    /// Flushes, closes and gives the file its name.
    func finish() throws(SystemError) {
        if failure == nil { try? flush(isLast: true) }
        if let queue {
            if !queue.finish() { failure = .noReader }
            failure = failure ?? queue.failure
            written = queue.written
        }
        if descriptor > STDERR_FILENO {
            // Quotas and network file systems report a full disk only here.
            if Glibc.close(descriptor) != 0, errno != EINTR, failure == nil { failure = .last }
        }
        descriptor = -1
        guard let replacement else {
            if let failure { throw failure }
            return
        }
        if failure == nil, unsafe rename(replacement.temporary, replacement.target) != 0 { failure = .last }
        if let failure {
            _ = unsafe unlink(replacement.temporary)
            throw failure
        }
    }

    /// Closes without giving the file its name.
    func abandon() {
        guard descriptor >= 0 else { return }
        if descriptor > STDERR_FILENO { _ = Glibc.close(descriptor) }
        descriptor = -1
        if let replacement { _ = unsafe unlink(replacement.temporary) }
    }

    private static func temporaryPath(beside target: String) -> String {
        let folder = target.lastIndex(of: "/").map { target[...$0] } ?? ""
        let number = serial.wrappingAdd(1, ordering: .relaxed).newValue
        return "\(folder).upgradescope-\(getpid())-\(number)"
    }

    private static let serial = Atomic<Int>(0)
}

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

    /// The path behind symbolic links, where it exists.
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

    static func environment(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Columns of the terminal behind a descriptor; `nil` when it is none.
    static func columns(of descriptor: Int32) -> Int? {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

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

/// Lets one thread wait until another has something for it: a pipe of its own, which lives as long as the process.
struct Bell: Sendable {
    private let read: Int32
    private let write: Int32

    init?() {
        var ends: (Int32, Int32) = (-1, -1)
        let made = unsafe withUnsafeMutableBytes(of: &ends) { ends in
            // Two descriptors, as `pipe` wants them.
            unsafe Glibc.pipe(ends.assumingMemoryBound(to: Int32.self).baseAddress)
        }
        guard made == 0 else { return nil }
        for end in [ends.0, ends.1] {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (read, write) = ends
    }

    /// A bell that rings already needs no more of it.
    func ring() {
        var byte: UInt8 = 0
        _ = unsafe Glibc.write(write, &byte, 1)
    }

    /// Waits until it was rung since it was waited for last.
    func wait() {
        System.wait(for: read, milliseconds: -1)
        var bytes = [UInt8](repeating: 0, count: 64)
        _ = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(read, $0.baseAddress, $0.count) }
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

// The files and streams this program writes.
//
// A file is written beside its target under another name and renamed when it is whole, so that a reader never sees half
// a report; what cannot be renamed over (a device, a pipe, standard output) is written directly. A pipe whose reader has
// gone is no error: the rest is dropped.

import Glibc
import Investigation
import Reports
import Synchronization
import Traffic

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

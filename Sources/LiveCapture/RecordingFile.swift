// The file a recording is written to: only ever whole blocks of it, whatever the disk does.

import Glibc
import Traffic

/// A failed system call.
struct FileFailure: Error, CustomStringConvertible {
    var code: Int32
    static var last: FileFailure { FileFailure(code: errno) }
    static var brokenPipe: Int32 { EPIPE }
    var description: String { unsafe String(cString: strerror(code)) }
}

/// One file of a recording; nobody but its owner can read it.
final class RecordingFile {
    let path: String
    private var descriptor: Int32
    /// Bytes in it, what was there before included.
    private(set) var length: Int64
    let isRegular: Bool

    /// Opens the file; what it held goes unless it is appended to.
    init(path: String, appending: Bool) throws(FileFailure) {
        self.path = path
        if path == "-" {
            (descriptor, length, isRegular) = (STDOUT_FILENO, 0, false)
            return
        }
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (appending ? O_APPEND : O_TRUNC)
        let opened = unsafe open(path, flags, 0o600)
        guard opened >= 0 else { throw .last }
        descriptor = opened
        var status = stat()
        _ = unsafe fstat(opened, &status)
        isRegular = status.st_mode & S_IFMT == S_IFREG
        length = isRegular ? Int64(status.st_size) : 0
    }

    deinit { if descriptor > STDERR_FILENO { _ = close(descriptor) } }

    /// Writes whole blocks; where not all can be written, the file is cut behind the last that was.
    func write(_ blocks: [UInt8]) throws(FileFailure) {
        var done = 0
        while done < blocks.count {
            let start = done
            let count = unsafe blocks.withUnsafeBytes { all in
                // `start` is below `count`: the slice is neither empty nor out of bounds.
                unsafe Glibc.write(
                    descriptor, UnsafeRawBufferPointer(rebasing: all[start...]).baseAddress, all.count - start)
            }
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&waiting, 1, -1)
            } else if errno != EINTR {
                let failure = FileFailure.last
                let whole = PcapngWriter.wholeBlocks(of: blocks, within: done)
                if isRegular { _ = ftruncate(descriptor, off_t(length + Int64(whole))) }
                length += Int64(whole)
                throw failure
            }
        }
        length += Int64(blocks.count)
    }

    /// Whether `path` still leads to this file.
    var isInPlace: Bool {
        var here = stat()
        var there = stat()
        return unsafe fstat(descriptor, &here) == 0 && stat(path, &there) == 0
            && here.st_ino == there.st_ino && here.st_dev == there.st_dev
    }

    /// Closes the file: quotas and network file systems tell only now of a disk that is full.
    func finish() throws(FileFailure) {
        guard descriptor > STDERR_FILENO else { return }
        let status = close(descriptor)
        descriptor = -1
        if status != 0, errno != EINTR { throw .last }
    }

    static func remove(_ path: String) { _ = unsafe unlink(path) }
}

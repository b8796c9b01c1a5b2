// The file a recording is written to: only ever whole blocks of it, whatever the disk does.
//
// A disk fills up when it is least expected, and then the last block, with what was dropped, would find no room. So a
// little room after the end is reserved all the time; where it was used up by a write that did not fit, that write
// gives back as much as the last block takes.

import CPcap
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
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (appending ? 0 : O_TRUNC)
        let opened = unsafe open(path, flags, 0o600)
        guard opened >= 0 else { throw .last }
        descriptor = opened
        var status = stat()
        _ = unsafe fstat(opened, &status)
        isRegular = status.st_mode & S_IFMT == S_IFREG
        length = isRegular ? Int64(status.st_size) : 0
        if isRegular { _ = lseek(opened, off_t(length), SEEK_SET) }
        reserve()
    }

    /// Room after the end, where the file system can do that: the file does not grow by it.
    private func reserve() {
        guard isRegular else { return }
        hasReserve = fallocate(descriptor, FALLOC_FL_KEEP_SIZE, off_t(length), off_t(Self.reserved)) == 0
    }

    private var hasReserve = false

    private static var reserved: Int { 4096 }

    deinit { if descriptor > STDERR_FILENO { _ = Glibc.close(descriptor) } }

    /// Writes whole blocks; where not all can be written, the file is cut after the last that was, and `last` is put
    /// there if it does not fit otherwise.
    ///
    /// Whether it was is told by `isClosed`.
    func write(_ blocks: [UInt8], last: @autoclosure () -> [UInt8] = []) throws(FileFailure) {
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
                cut(blocks, at: done, last())
                throw failure
            }
        }
        length += Int64(blocks.count)
        reserve()
    }

    /// Of `blocks` the first `done` bytes were written: ends the file with whole blocks, and `last` after them.
    private func cut(_ blocks: [UInt8], at done: Int, _ last: [UInt8]) {
        var whole = PcapngWriter.wholeBlocks(of: blocks, within: done)
        if isRegular, !last.isEmpty {
            // What was written just now has its place on the disk, and so has what was reserved.
            let room = max(done, hasReserve ? Self.reserved : 0)
            if whole + last.count > room {
                whole = PcapngWriter.wholeBlocks(of: blocks, within: max(0, done - last.count))
            }
        }
        length += Int64(whole)
        guard isRegular else { return }
        if !last.isEmpty, put(last) { closingLength = Int64(last.count) }
        trim()
    }

    /// Writes after the end, or where that was done before.
    private func put(_ block: [UInt8]) -> Bool {
        let written = unsafe block.withUnsafeBytes { all in
            unsafe pwrite(descriptor, all.baseAddress, all.count, off_t(length))
        }
        return written == block.count
    }

    /// Bytes of a last block that was put after `length` when nothing more found room.
    private var closingLength: Int64 = 0
    /// The last block stands in the file already, and nothing can follow it.
    var isClosed: Bool { closingLength > 0 }

    /// The last block once more, with what was counted since.
    func close(with last: [UInt8]) {
        if isClosed, Int64(last.count) == closingLength { _ = put(last) }
    }

    /// Gives back what lies after the end.
    private func trim() { if isRegular { _ = ftruncate(descriptor, off_t(length + closingLength)) } }

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
        trim()
        let status = Glibc.close(descriptor)
        descriptor = -1
        if status != 0, errno != EINTR { throw .last }
    }

    static func remove(_ path: String) { _ = unsafe unlink(path) }
}

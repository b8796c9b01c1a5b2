// One thread waits, another wakes it.

import Glibc

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

// What a system call says when it fails.

import Glibc

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

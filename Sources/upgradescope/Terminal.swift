// What is behind the standard streams, where a person may sit.

import Glibc

enum Terminal {
    /// Whether a descriptor leads to one.
    static func isAt(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Columns of the terminal behind a descriptor; `nil` when it is none.
    static func columns(of descriptor: Int32) -> Int? {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// Whether the locale's characters are UTF-8: the first of these variables that is set says so (POSIX 8.2).
    static var hasUnicode: Bool {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = System.environment(name), !value.isEmpty else { continue }
            let lowercased = value.lowercased()
            return lowercased.hasSuffix("utf-8") || lowercased.hasSuffix("utf8")
        }
        return false
    }
}

// An interface is opened with privileges, and everything that strangers sent is read without.

internal import CPcap
import Glibc

/// Who the process runs as once an interface is open.
public enum Privileges {
    /// Whom the work is given to, and who said so.
    public struct User: Sendable, Equatable {
        public var name: String
        var identity: uid_t
        var group: gid_t
    }

    /// The user of that name.
    public static func user(named name: String) throws(CaptureFailure) -> User {
        guard let entry = unsafe getpwnam(name) else { throw CaptureFailure(.usage, "-Z: there is no user '\(name)'") }
        return unsafe User(name: name, identity: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
    }

    /// Who called sudo; `nil` without it, or where root did.
    public static var invokingUser: User? {
        guard geteuid() == 0, let text = unsafe getenv("SUDO_UID"), let identity = uid_t(unsafe String(cString: text)),
            identity != 0, let entry = unsafe getpwuid(identity)
        else { return nil }
        return unsafe User(
            name: String(cString: entry.pointee.pw_name), identity: identity, group: entry.pointee.pw_gid)
    }

    /// Whether the process may do anything.
    public static var isRoot: Bool { geteuid() == 0 }

    /// Becomes that user, for good: there is no way back, which is tried.
    public static func become(_ user: User) throws(CaptureFailure) {
        if geteuid() != user.identity || getuid() != user.identity {
            guard unsafe initgroups(user.name, user.group) == 0, setgid(user.group) == 0, setuid(user.identity) == 0
            else { throw failure("cannot become the user '\(user.name)'") }
        }
        guard user.identity == 0 || setuid(0) != 0 else { throw failure("privileges cannot be given up") }
        try giveUpCapabilities()
    }

    /// Gives up what the file or the service manager had granted; root keeps what it has.
    public static func giveUpCapabilities() throws(CaptureFailure) {
        guard !isRoot else { return }
        var header = __user_cap_header_struct(version: UInt32(_LINUX_CAPABILITY_VERSION_3), pid: 0)
        var none = [__user_cap_data_struct](repeating: __user_cap_data_struct(), count: 2)
        guard unsafe capset(&header, &none) == 0 else { throw failure("capabilities cannot be given up") }
    }

    private static func failure(_ words: String) -> CaptureFailure {
        CaptureFailure(.notPermitted, "\(words): \(unsafe String(cString: strerror(errno)))")
    }
}

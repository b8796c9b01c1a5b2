// Signals: an interrupt ends the reading, not the report.
//
// The first SIGINT, SIGTERM or SIGHUP is noted, and what was seen until then is still reported; the second
// one kills. SIGPIPE is ignored: a reader that has gone is an error code of `write`, which is handled there.

import Glibc
import Synchronization

enum Signals {
    private static let count = Atomic<Int>(0)

    /// Whether somebody asked for the end.
    static var interrupted: Bool { count.load(ordering: .relaxed) > 0 }

    /// Interrupts end the reading from now on.
    static func watch() {
        // Touched once outside a handler, so that no handler initializes it.
        _ = interrupted
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { _ in
            Signals.count.store(1, ordering: .relaxed)
            // The signal may have come just before a read began to wait: then another one ends that.
            alarm(1)
        }
        // No SA_RESTART: a read that waits for a pipe has to come back.
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
        // A parent that blocks signals in its threads hands that on to what it starts.
        var watched = sigset_t()
        _ = unsafe sigemptyset(&watched)
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            _ = unsafe sigaction(signal, &action, nil)
            _ = unsafe sigaddset(&watched, signal)
        }
        // SIGALRM does nothing but to interrupt, and comes back until the reading has ended.
        var waking = sigaction()
        unsafe waking.__sigaction_handler.sa_handler = { _ in alarm(1) }
        _ = unsafe sigaction(SIGALRM, &waking, nil)
        _ = unsafe sigaddset(&watched, SIGALRM)
        _ = unsafe sigprocmask(SIG_UNBLOCK, &watched, nil)
    }

    static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }
}

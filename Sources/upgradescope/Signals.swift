// Signals: an interrupt ends the reading, not the report.
//
// The first SIGINT, SIGTERM or SIGHUP is noted, and what was seen until then is still reported; the second
// one kills. SIGPIPE is ignored: a reader that has gone is an error code of `write`, which is handled there.

import Glibc
import Ground
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

    // MARK: Live captures

    private static let hangups = Atomic<Int>(0)
    private static let questions = Atomic<Int>(0)

    /// For a capture that goes on: SIGINT and SIGTERM end it, SIGHUP and SIGUSR1 ask something of it.
    static func watchCapture() {
        watch()
        _ = takeHangup()
        _ = takeQuestion()
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { signal in
            if signal == SIGHUP {
                Signals.hangups.store(1, ordering: .relaxed)
            } else {
                Signals.questions.store(1, ordering: .relaxed)
            }
        }
        action.sa_flags = SA_RESTART
        _ = unsafe sigaction(SIGHUP, &action, nil)
        _ = unsafe sigaction(SIGUSR1, &action, nil)
        var asked = sigset_t()
        _ = unsafe sigemptyset(&asked)
        _ = unsafe sigaddset(&asked, SIGUSR1)
        _ = unsafe sigprocmask(SIG_UNBLOCK, &asked, nil)
    }

    /// Whether SIGHUP came since this was asked last.
    static func takeHangup() -> Bool { hangups.exchange(0, ordering: .relaxed) > 0 }
    /// Whether SIGUSR1 came since this was asked last.
    static func takeQuestion() -> Bool { questions.exchange(0, ordering: .relaxed) > 0 }
    /// The same as SIGINT.
    static func interrupt() { count.store(1, ordering: .relaxed) }

    static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }
}

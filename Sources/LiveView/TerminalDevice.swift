// The terminal itself: raw keys in, bytes out, and everything as it was on every way out.
//
// What was changed (line discipline, alternate screen, cursor) is undone by `leave`, which is called at the end, when
// the program is stopped from the keyboard (SIGTSTP), and by a handler for the signals a program dies of: that
// handler calls nothing but `write` and `tcsetattr`, hands the signal to whom it belonged before and lets it happen
// again. SIGKILL cannot be answered; `reset` is what helps then.
//
// Signals reach the thread that draws through a pipe, so that one `poll` waits for keys, signals and time.

import Glibc
import Ground
import Synchronization

/// A terminal that the view has for itself.
final class TerminalDevice: @unchecked Sendable {
    /// What ended a wait.
    enum Event: Equatable {
        case bytes([UInt8])
        /// The size may have changed, or the program was continued: all has to be drawn.
        case changed
        /// Asked to stop (Ctrl-Z).
        case stop
        /// Somebody called `wake`.
        case woken
        case timeout
        /// The terminal has gone.
        case gone
    }

    private let input: Int32
    private let output: Int32
    private let ownsInput: Bool
    private let pipe: (read: Int32, write: Int32)

    /// `nil` where standard output is no terminal, or no keys could be read.
    init?() {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        output = STDOUT_FILENO
        if isatty(STDIN_FILENO) == 1 {
            (input, ownsInput) = (STDIN_FILENO, false)
        } else {
            let tty = unsafe open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)
            guard tty >= 0 else { return nil }
            (input, ownsInput) = (tty, true)
        }
        // In the background a terminal is not ours to change: asking for it stops the program.
        guard tcgetpgrp(input) == getpgrp() else {
            if ownsInput { close(input) }
            return nil
        }
        var ends: (Int32, Int32) = (-1, -1)
        let made = unsafe withUnsafeMutableBytes(of: &ends) { ends in
            // Two descriptors, as `pipe` wants them.
            unsafe Glibc.pipe(ends.assumingMemoryBound(to: Int32.self).baseAddress)
        }
        guard made == 0 else {
            if ownsInput { close(input) }
            return nil
        }
        for end in [ends.0, ends.1] {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        pipe = (ends.0, ends.1)
    }

    deinit {
        leave()
        close(pipe.read)
        close(pipe.write)
        if ownsInput { close(input) }
    }

    /// Columns and rows; 80 by 24 where the terminal does not say.
    var size: ScreenSize {
        var size = winsize()
        guard unsafe ioctl(output, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return ScreenSize(columns: 80, rows: 24)
        }
        return ScreenSize(columns: Int(size.ws_col), rows: Int(size.ws_row))
    }

    /// Takes the terminal over; `false` where it cannot be.
    func enter() -> Bool {
        var settings = termios()
        guard unsafe tcgetattr(input, &settings) == 0 else { return false }
        Rescue.arm(input: input, output: output, settings: settings, wake: pipe.write)
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | IEXTEN)
        // Ctrl-S must not stop the output. Interrupts stay signals: they work whatever the view is doing.
        settings.c_iflag &= ~tcflag_t(IXON | ICRNL | INLCR)
        unsafe withUnsafeMutableBytes(of: &settings.c_cc) { characters in
            unsafe characters[Int(VMIN)] = 0
            unsafe characters[Int(VTIME)] = 0
        }
        guard unsafe tcsetattr(input, TCSADRAIN, &settings) == 0 else {
            Rescue.disarm()
            return false
        }
        write(ScreenUpdate.enter)
        return true
    }

    /// Gives it back as it was.
    func leave() {
        Rescue.restore()
        Rescue.disarm()
    }

    /// Stops the program as Ctrl-Z does, and goes on when it is continued.
    func suspend() -> Bool {
        leave()
        // Not `kill`: another thread might take that signal, and this one go on before all are stopped.
        raise(SIGSTOP)
        return enter()
    }

    func write(_ bytes: [UInt8]) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { all in
                // `done` is below `count`: the rest is never empty and never out of bounds.
                let rest = unsafe UnsafeRawBufferPointer(rebasing: all[done...])
                return unsafe Glibc.write(output, rest.baseAddress, rest.count)
            }
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&waiting, 1, 1000)
            } else if errno != EINTR {
                return
            }
        }
    }

    /// Ends the wait of another thread.
    func wake() { Rescue.tell(UInt8(ascii: "w"), pipe.write) }

    /// Waits for the first thing to happen, at most so long.
    func wait(milliseconds: Int) -> Event {
        var waiting = [
            pollfd(fd: input, events: Int16(POLLIN), revents: 0),
            pollfd(fd: pipe.read, events: Int16(POLLIN), revents: 0),
        ]
        let ready = unsafe poll(&waiting, nfds_t(waiting.count), Int32(clamping: milliseconds))
        guard ready > 0 else { return ready < 0 && errno == EINTR ? .changed : .timeout }
        if waiting[1].revents != 0 {
            let told = read(pipe.read, 64) ?? []
            if told.contains(UInt8(ascii: "z")) { return .stop }
            return told.contains(UInt8(ascii: "c")) ? .changed : .woken
        }
        guard let bytes = read(input, 1024), !bytes.isEmpty else {
            return waiting[0].revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0 ? .gone : .timeout
        }
        return .bytes(bytes)
    }

    private func read(_ descriptor: Int32, _ count: Int) -> [UInt8]? {
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = unsafe max(0, Glibc.read(descriptor, buffer.baseAddress, count))
        }
        return bytes
    }

    /// Nanoseconds since 1970.
    static var now: Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

/// What a signal handler has to know to give the terminal back; there is one terminal for the whole program.
private enum Rescue {
    private static let isArmed = Atomic<Bool>(false)
    private static let isInstalled = Atomic<Bool>(false)
    private static let input = Atomic<Int32>(-1)
    private static let output = Atomic<Int32>(-1)
    private static let pipe = Atomic<Int32>(-1)
    /// Written before it is armed, read by handlers afterwards.
    nonisolated(unsafe) private static var settings = termios()
    nonisolated(unsafe) private static var former = UnsafeMutablePointer<sigaction>.allocate(capacity: 65)
    nonisolated(unsafe) private static let farewell = {
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: ScreenUpdate.leave.count)
        _ = unsafe bytes.initialize(from: ScreenUpdate.leave)
        return unsafe bytes
    }()

    private static let fatal = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGQUIT]
    private static let changes = [SIGWINCH, SIGCONT, SIGTSTP]

    static func arm(input: Int32, output: Int32, settings: termios, wake: Int32) {
        unsafe self.settings = settings
        self.input.store(input, ordering: .relaxed)
        self.output.store(output, ordering: .relaxed)
        pipe.store(wake, ordering: .relaxed)
        // Touched outside a handler, so that no handler allocates.
        _ = unsafe farewell
        isArmed.store(true, ordering: .sequentiallyConsistent)
        guard !isInstalled.exchange(true, ordering: .relaxed) else { return }
        for signal in fatal {
            handle(signal) { signal in
                Rescue.restore()
                // To whom it belonged before; the instruction that failed fails again, or the signal is sent again.
                _ = unsafe sigaction(signal, Rescue.former + Int(signal), nil)
                raise(signal)
            }
        }
        for signal in changes {
            handle(signal) { signal in
                let code = errno
                Rescue.tell(
                    signal == SIGTSTP ? UInt8(ascii: "z") : UInt8(ascii: "c"), Rescue.pipe.load(ordering: .relaxed))
                errno = code
            }
        }
    }

    /// Nothing is to be rescued any more.
    static func disarm() {
        isArmed.store(false, ordering: .sequentiallyConsistent)
        guard isInstalled.exchange(false, ordering: .relaxed) else { return }
        for signal in fatal + changes { _ = unsafe sigaction(signal, former + Int(signal), nil) }
    }

    /// Gives the terminal back; safe in a handler, and of several at once only the first does it.
    static func restore() {
        guard isArmed.exchange(false, ordering: .sequentiallyConsistent) else { return }
        let bytes = unsafe farewell
        _ = unsafe Glibc.write(output.load(ordering: .relaxed), bytes.baseAddress, bytes.count)
        _ = unsafe tcsetattr(input.load(ordering: .relaxed), TCSANOW, &settings)
    }

    static func tell(_ byte: UInt8, _ descriptor: Int32) {
        var byte = byte
        _ = unsafe Glibc.write(descriptor, &byte, 1)
    }

    private static func handle(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = handler
        action.sa_flags = Int32(SA_RESTART)
        _ = unsafe sigaction(signal, &action, former + Int(signal))
    }
}

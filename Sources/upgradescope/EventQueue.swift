// Events on their way to a reader who may be slow: a pipe, or a terminal.
//
// A capture must not wait for whoever reads its events, because the kernel's buffer fills meanwhile and packets are
// lost that nobody can have back. So a thread of its own writes, and between it and the capture lies a queue with a
// ceiling. What finds no room in it is lost, by whole lines, and counted; the count is told in the `stats` event and in
// every report. What is written at the end finds room always.

import Glibc
import Synchronization
import Workers

final class EventQueue: Sendable {
    /// Bytes that may wait.
    private let limit: Int
    private let descriptor: Int32
    private let bell: Bell
    private let state = Mutex(State())

    private struct State {
        var waiting: [[UInt8]] = []
        /// The first of `waiting` that was not taken.
        var next = 0
        var bytes = 0
        var written: Int64 = 0
        var lostLines: UInt64 = 0
        var readerLeft = false
        var failure: SystemError?
        /// Nothing more will come.
        var isClosing = false
        /// Everything was written, or never will be.
        var isOver = false

        /// Nobody will read what waits.
        mutating func giveUp() {
            waiting = []
            (next, bytes) = (0, 0)
            isOver = true
        }
    }

    /// `nil` where no thread can be started: then it is written as everywhere.
    init?(_ descriptor: Int32, limit: Int) {
        guard let bell = Bell() else { return nil }
        self.descriptor = descriptor
        self.limit = limit
        self.bell = bell
        guard Worker(run: { [self] in run() }) != nil else { return nil }
    }

    /// Takes whole lines; they are lost where there is no room for them, unless it is the end.
    func put(_ lines: [UInt8], isLast: Bool = false) {
        let isTaken = state.withLock { state in
            guard !state.isOver, !lines.isEmpty else { return false }
            guard isLast || state.bytes + lines.count <= limit else {
                state.lostLines += UInt64(lines.count { $0 == 0x0a })
                return false
            }
            state.waiting.append(lines)
            state.bytes += lines.count
            return true
        }
        if isTaken { bell.ring() }
    }

    /// Lines that found no room, so far.
    var lostLines: UInt64 { state.withLock { $0.lostLines } }
    var written: Int64 { state.withLock { $0.written } }
    /// It is a pipe that nobody reads any more.
    var readerLeft: Bool { state.withLock { $0.readerLeft } }
    var failure: SystemError? { state.withLock { $0.failure } }

    /// Waits until everything was written, as long as somebody takes it at all; `false` where nobody does.
    func finish(patience: Duration = .seconds(10)) -> Bool {
        state.withLock { $0.isClosing = true }
        bell.ring()
        var last = (written: Int64(-1), at: ContinuousClock.now)
        while true {
            let (isOver, written) = state.withLock { ($0.isOver, $0.written) }
            if isOver { return true }
            let now = ContinuousClock.now
            if written != last.written { last = (written, now) }
            if now >= last.at + patience {
                state.withLock { state in
                    for lines in state.waiting[state.next...] {
                        state.lostLines += UInt64(lines.count { $0 == 0x0a })
                    }
                    state.giveUp()
                }
                return false
            }
            usleep(2000)
        }
    }

    // MARK: The thread

    private enum Step { case write([UInt8]), wait, end }

    private func run() {
        while true {
            switch nextStep() {
            case .write(let lines): write(lines)
            case .wait: bell.wait()
            case .end: return
            }
        }
    }

    private func nextStep() -> Step {
        state.withLock { state in
            if state.isOver { return .end }
            guard state.next < state.waiting.count else {
                guard state.isClosing else { return .wait }
                state.isOver = true
                return .end
            }
            let lines = state.waiting[state.next]
            state.waiting[state.next] = []
            state.next += 1
            if state.next * 2 > state.waiting.count {
                state.waiting.removeFirst(state.next)
                state.next = 0
            }
            return .write(lines)
        }
    }

    /// In pieces, so that it shows when somebody reads, however slowly.
    private func write(_ lines: [UInt8]) {
        var rest = lines[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(4096))
            rest = rest.dropFirst(4096)
            do throws(SystemError) {
                try System.write(piece, to: descriptor)
            } catch {
                state.withLock { state in
                    if error.code == EPIPE { state.readerLeft = true } else { state.failure = error }
                    state.giveUp()
                }
                return
            }
            state.withLock { state in
                state.written += Int64(piece.count)
                state.bytes -= piece.count
            }
        }
    }
}

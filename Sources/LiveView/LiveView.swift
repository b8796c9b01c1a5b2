// The view at work: a thread of its own reads keys and draws, so that a slow terminal never holds up a capture. Those
// two meet at the model alone, behind a lock that is held for as long as it takes to change a number or fill a screen.

import Synchronization
public import Traffic
import Workers

/// The live view on a terminal.
public final class LiveView: Sendable {
    private struct Shared {
        var model: LiveModel
        var wantsEnd = false
        var isOver = false
    }

    private let shared: Mutex<Shared>
    private let device: TerminalDevice
    private let signs: Signs
    private let hasColour: Bool
    private let clock: @Sendable () -> Timestamp
    private let isEnding: @Sendable () -> Bool
    private let onQuit: @Sendable () -> Void
    private let worker = Mutex<Worker?>(nil)

    /// `nil` where there is no terminal to draw on.
    ///
    /// `clock` says how late it is by the clock of the packets; `onQuit` is called, by another thread, when the person
    /// wants the end; once `isEnding` says so the terminal is given back.
    public init?(
        model: LiveModel, hasColour: Bool, signs: Signs = .unicode,
        clock: @escaping @Sendable () -> Timestamp = { LiveView.now },
        isEnding: @escaping @Sendable () -> Bool = { false }, onQuit: @escaping @Sendable () -> Void
    ) {
        guard let device = TerminalDevice() else { return nil }
        self.device = device
        self.signs = signs
        self.hasColour = hasColour
        self.clock = clock
        self.isEnding = isEnding
        self.onQuit = onQuit
        shared = Mutex(Shared(model: model))
    }

    /// How late it is by the clock of the system, which that of packets is when they are captured here.
    public static var now: Timestamp { Timestamp(nanoseconds: TerminalDevice.now) }

    /// Takes the terminal over and begins to draw; `false` where that fails.
    public func start() -> Bool {
        guard device.enter() else { return false }
        guard let started = Worker(run: { [self] in run() }) else {
            device.leave()
            return false
        }
        worker.withLock { $0 = started }
        return true
    }

    /// Ends it and gives the terminal back; what comes after is printed where the program was started.
    public func stop() {
        shared.withLock { $0.isOver = true }
        device.wake()
        worker.withLock { worker in
            worker?.join()
            worker = nil
        }
    }

    /// Changes what is known.
    public func update(_ change: (inout LiveModel) -> Void) { shared.withLock { change(&$0.model) } }

    // MARK: The thread

    /// Pictures are this far apart at least.
    private static let frame = 80
    /// Escape alone is a key after this time.
    private static let escape = 50

    private func run() {
        var state = LiveState()
        var keys = KeyReader()
        var shown: Screen?
        var known: UInt64?
        var second: Int64 = 0
        var isStale = true
        // Whoever loses patience after an interrupt kills: by then nothing may be left to restore.
        defer { device.leave() }
        while !isEnding(), !shared.withLock({ $0.isOver }) {
            let now = clock()
            let version = shared.withLock { $0.model.version }
            if isStale || version != known || now.nanoseconds / 1_000_000_000 != second {
                draw(&state, &shown, now)
                (known, second, isStale) = (version, now.nanoseconds / 1_000_000_000, false)
            }
            switch device.wait(milliseconds: keys.isWaiting ? Self.escape : Self.frame) {
            case .bytes(let bytes):
                if press(keys.read(bytes), &state, &shown) { isStale = true }
            case .timeout:
                if keys.isWaiting, press(keys.flush(), &state, &shown) { isStale = true }
            case .changed:
                // The size is asked for anew at every picture; what was there before may be damaged.
                (shown, isStale) = (nil, true)
            case .stop:
                guard device.suspend() else { return end() }
                (shown, isStale) = (nil, true)
            case .woken: break
            case .gone: return end()
            }
        }
    }

    private func draw(_ state: inout LiveState, _ shown: inout Screen?, _ now: Timestamp) {
        let size = device.size
        let screen = shared.withLock { shared in
            shared.model.reach(now)
            return LiveFrame.draw(shared.model, &state, size: size, now: now, signs: signs)
        }
        device.write(ScreenUpdate(from: shown, to: screen, hasColour: hasColour).bytes)
        shown = screen
    }

    /// Whether there was anything to do.
    private func press(_ keys: [Key], _ state: inout LiveState, _ shown: inout Screen?) -> Bool {
        let size = device.size
        let now = clock()
        for key in keys {
            let action = shared.withLock { shared in
                let extent = LiveFrame.extent(shared.model, state, size: size, signs: signs, now: now)
                let action = state.press(key, model: shared.model, height: extent.height, length: extent.length)
                if case .exchange(let key) = state.page { shared.model.follow(key) } else { shared.model.follow(nil) }
                return action
            }
            switch action {
            case .quit: end()
            case .redraw: shown = nil
            case nil: break
            }
        }
        return !keys.isEmpty
    }

    private func end() {
        let isFirst = shared.withLock { shared in
            defer { shared.wantsEnd = true }
            return !shared.wantsEnd
        }
        if isFirst { onQuit() }
    }
}

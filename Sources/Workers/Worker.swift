// A thread, and the wait for its end.

import Glibc

/// Runs one thing beside everything else.
public struct Worker: Sendable {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private let thread: pthread_t

    /// `nil` where no thread can be started.
    public init?(run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(Body(run)).toOpaque()
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                }
                return nil
            }, argument)
        guard status == 0 else {
            unsafe Unmanaged<Body>.fromOpaque(argument).release()
            return nil
        }
        self.thread = thread
    }

    /// Waits until it has returned; to be called once at most.
    public func join() { _ = pthread_join(thread, nil) }
}

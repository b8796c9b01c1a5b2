// Several jobs: threads that each read the whole input and follow their own part of the flows.
//
// A thread of its own for each, because they compute and do not wait. What a job made is handed over when it has
// ended, and never touched by two threads at a time.

import Synchronization
import Traffic

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How the reading is divided, and how the inputs are put together.
struct Jobs: Sendable {
    /// Jobs at most: each has a window and a table of its own.
    static let limit = 256

    var count = 1
    /// All inputs are read at once, by time (`--merge`).
    var isMerged = false
    /// By what the other jobs judge; they have no events.
    var judge: JudgeOptions?

    /// Starts all jobs but the first, which is the caller's.
    func others(for inputs: [Input], options: AnalyzerOptions, filter: PacketFilter) -> [Job] {
        guard count > 1, let judge, !inputs.isEmpty else { return [] }
        let paths = inputs.map(\.path)
        let isMerged = isMerged
        return (1..<count).map { index in
            var options = options
            options.shard = Shard(index: index, count: count)
            return Job { [options] in
                let judge = Judge(judge)
                var analysis = Analysis(options: options, filter: filter, judge: judge, progress: nil)
                analysis.analyze(paths.map { Input(path: $0) }, isMerged: isMerged)
                return (analysis, judge)
            }
        }
    }
}

/// One job: a thread, and what it makes.
struct Job {
    typealias Outcome = (analysis: Analysis, judge: Judge)

    private let body: Body
    private let thread: pthread_t?

    init(_ work: @escaping @Sendable () -> sending Outcome) {
        body = Body(work)
        thread = body.start()
    }

    /// Waits for the end; where no thread could be started the work is done now.
    func result() -> Outcome? {
        guard let thread else {
            body.run()
            return body.take()
        }
        _ = pthread_join(thread, nil)
        return body.take()
    }
}

private final class Body: Sendable {
    private let work: @Sendable () -> sending Job.Outcome
    private let outcome = Mutex<Job.Outcome?>(nil)

    init(_ work: @escaping @Sendable () -> sending Job.Outcome) { self.work = work }

    func run() { outcome.withLock { $0 = work() } }

    func take() -> Job.Outcome? {
        outcome.withLock { outcome in
            let taken = outcome
            outcome = nil
            return taken
        }
    }

    /// Runs in a thread of its own; `nil` where there can be none.
    func start() -> pthread_t? {
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(self).toOpaque()
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
        return thread
    }
}

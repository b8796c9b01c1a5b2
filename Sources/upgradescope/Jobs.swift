// Several jobs: threads that each read the whole input and follow their own part of the flows.
//
// A thread of its own for each, because they compute and do not wait. What a job made is handed over when it has
// ended, and never touched by two threads at a time.

import Synchronization
import Traffic
import Workers

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

    private let task: Task
    private let worker: Worker?

    init(_ work: @escaping @Sendable () -> sending Outcome) {
        let task = Task(work)
        self.task = task
        worker = Worker { task.run() }
    }

    /// Waits for the end; where no thread could be started the work is done now.
    func result() -> Outcome? {
        if let worker { worker.join() } else { task.run() }
        return task.take()
    }

    private final class Task: Sendable {
        private let work: @Sendable () -> sending Outcome
        private let outcome = Mutex<Outcome?>(nil)

        init(_ work: @escaping @Sendable () -> sending Outcome) { self.work = work }

        func run() { outcome.withLock { $0 = work() } }

        func take() -> Outcome? {
            outcome.withLock { outcome in
                let taken = outcome
                outcome = nil
                return taken
            }
        }
    }
}

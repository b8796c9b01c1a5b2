// Several jobs: threads that each read the whole input and follow their own part of the flows.
//
// A thread of its own for each, because they compute and do not wait. What a job made is handed over when it has
// ended, and never touched by two threads at a time.

import Synchronization
import Workers

/// One job: a thread, and what it makes.
struct Job {
    typealias Outcome = (facts: ReadingFacts, judge: Judge)

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

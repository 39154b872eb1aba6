import Threads

/// Runs an actor on a thread of its own, so that it may block, in a write to a slow pipe, without holding up the pool of
/// tasks. The thread ends when the executor is closed.
final class ThreadExecutor: SerialExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isClosed = false
    }

    private let state = Monitor(State())

    init() {
        let state = state
        WorkerThreads.start { [unowned(unsafe) self] in
            while let jobs = Self.nextJobs(state) {
                for job in jobs { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
            }
        }
    }

    /// Nil when there are none, and will be none.
    private static func nextJobs(_ state: Monitor<State>) -> [UnownedJob]? {
        let jobs: [UnownedJob] = state.wait { state in
            guard state.jobs.isEmpty else {
                defer { state.jobs = [] }
                return state.jobs
            }
            return state.isClosed ? [] : nil
        }
        return jobs.isEmpty ? nil : jobs
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.update { $0.jobs.append(job) }
    }

    func close() { state.update { $0.isClosed = true } }
}

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
            while let jobs = state.wait(for: Self.takeJobs) {
                for job in jobs { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
            }
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.update { $0.jobs.append(job) }
    }

    func close() { state.update { $0.isClosed = true } }
}

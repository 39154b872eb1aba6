import Glibc

/// A value that one thread at a time may touch, behind a pthread mutex, with a condition to wait on.
///
/// `Synchronization.Mutex` has no condition, and ThreadSanitizer does not understand it.
package final class Guarded<State: Sendable>: @unchecked Sendable {
    private var state: State
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init(_ state: State) {
        self.state = state
        mutex.initialize(to: pthread_mutex_t())
        changed.initialize(to: pthread_cond_t())
        precondition(
            pthread_mutex_init(mutex, nil) == 0 && pthread_cond_init(changed, nil) == 0, "no mutex can be made")
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// `body` must be short, and must not call back into this object.
    package func withLock<Answer, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Blocks the calling thread until `attempt` gives a value; it is tried again after each `wakeOne` or `wakeAll`.
    /// Not for the threads of the cooperative pool.
    package func wait<Answer>(for attempt: (inout State) -> Answer?) -> Answer {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let answer = attempt(&state) { return answer }
            pthread_cond_wait(changed, mutex)
        }
    }

    package func wakeOne() { pthread_cond_signal(changed) }
    package func wakeAll() { pthread_cond_broadcast(changed) }
}

import Glibc

/// State behind a lock that threads can wait at: a pthread mutex with one condition. Threads of their own wait here,
/// never tasks.
package final class Monitor<State>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    package init(_ state: State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        // Waiting must not depend on a clock that somebody may set.
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` with the lock held, then wakes all waiters.
    package func update<Value, Failure: Error>(_ body: (inout State) throws(Failure) -> Value) throws(Failure) -> Value
    {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Runs `body` with the lock held; nobody is woken.
    package func read<Value>(_ body: (borrowing State) -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(state)
    }

    /// Waits until `body` gives a value, trying it again after each update. Wakes the others where it gave one.
    package func wait<Value, Failure: Error>(
        for body: (inout State) throws(Failure) -> Value?
    ) throws(Failure) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let value = try body(&state) {
                pthread_cond_broadcast(condition)
                return value
            }
            pthread_cond_wait(condition, mutex)
        }
    }

    /// As `wait(for:)`, but at most for so many nanoseconds; then nil.
    package func wait<Value>(atMost nanoseconds: Int64, for body: (inout State) -> Value?) -> Value? {
        let deadline = MonotonicClock.now() + nanoseconds
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        while true {
            if let value = body(&state) {
                pthread_cond_broadcast(condition)
                return value
            }
            guard pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT else { return nil }
        }
    }
}

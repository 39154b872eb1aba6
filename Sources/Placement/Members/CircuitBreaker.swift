import Synchronization

/// Keeps requests from a store that fails: after a failure none is let through for a while, then one to try, and the
/// while doubles as long as that fails too (Nygard, "Release It!", 2007).
package final class CircuitBreaker: Sendable {
    private struct State {
        /// Failures since the last success.
        var failures = 0
        /// Nothing is let through before; in nanoseconds of the clock.
        var closedUntil: Int64 = .min
        var isProbed = false
    }

    private let state = Mutex(State())
    private let clock: @Sendable () -> Int64

    private static let first: Int64 = 1_000_000_000
    private static let longest: Int64 = 60_000_000_000

    /// - Parameter clock: monotonic, in nanoseconds.
    package init(clock: @escaping @Sendable () -> Int64) { self.clock = clock }

    /// Nil where a request may be made now, which then must be reported by `succeeded` or `failed`; else nanoseconds to
    /// wait before asking again.
    package func admit() -> Int64? {
        let now = clock()
        return state.withLock { state in
            guard state.failures > 0 else { return nil }
            if now < state.closedUntil { return state.closedUntil - now }
            if state.isProbed { return Self.first }
            state.isProbed = true
            return nil
        }
    }

    /// Whether the last request failed.
    package var isOpen: Bool { state.withLock { $0.failures > 0 } }

    package func succeeded() { state.withLock { $0 = State() } }

    package func failed() {
        let now = clock()
        state.withLock { state in
            // Requests that were under way when the first of them failed say nothing new.
            if state.failures > 0, !state.isProbed, now < state.closedUntil { return }
            state.failures += 1
            state.isProbed = false
            state.closedUntil = now + min(Self.first << Int64(min(state.failures - 1, 6)), Self.longest)
        }
    }

    /// The request came to no end that would say anything.
    package func abandoned() { state.withLock { $0.isProbed = false } }
}

/// A clock for waiting and for measuring, injected. It hides the clock's type, so that what holds one is not generic.
package struct MonotonicTime: Sendable {
    /// Time since an arbitrary moment.
    package let elapsed: @Sendable () -> Duration
    private let wait: @Sendable (Duration) async throws -> Void

    package init<C: Clock<Duration>>(_ clock: C) {
        let start = clock.now
        elapsed = { start.duration(to: clock.now) }
        wait = { try await clock.sleep(for: $0) }
    }

    package static let system = MonotonicTime(ContinuousClock())

    package func sleep(_ duration: Duration) async throws(CancellationError) {
        // Clocks throw nothing else than that the task was cancelled.
        do { try await wait(duration) } catch { throw CancellationError() }
    }
}

/// When to try again, and after what wait.
///
/// Waits are exponential with full jitter: anything from nothing to a ceiling that doubles, which spreads those who
/// failed together best (AWS Architecture Blog, "Exponential Backoff And Jitter").
package struct RetryPolicy: Sendable, Hashable {
    /// Attempts at a request in all, for errors of kind `.transient`.
    package var attempts = 6
    /// The same for `.corrupt`: damage on the way heals at once, damage in the store never.
    package var corruptAttempts = 2
    /// The same for `.full`: space comes back in minutes or hours, which is for those who hold a backlog.
    package var fullAttempts = 1
    /// The first wait is below this.
    package var firstCeiling: Duration = .milliseconds(100)
    /// Every wait that the store did not ask for is below this.
    package var greatestCeiling: Duration = .seconds(10)
    /// No attempt begins later than this after the first.
    package var deadline: Duration = .seconds(60)

    package init() {}

    func attempts(after kind: StoreError.Kind) -> Int {
        switch kind {
        case .transient: attempts
        case .corrupt: corruptAttempts
        case .full: fullAttempts
        case .notFound, .rangeNotSatisfiable, .configuration, .rejected, .cancelled: 1
        }
    }

    /// The wait after the failure of attempt number `attempt` (from 1). `random` is from 0 up to 1.
    ///
    /// Jitter comes on top of what the store asked for, so that all who were told the same do not come back together.
    func wait(afterAttempt attempt: Int, _ error: StoreError, random: Double) -> Duration {
        let asked = error.retryAfter.map { Duration.seconds(max(0, min($0, 86400))) } ?? .zero
        return asked + ceiling(afterAttempt: attempt) * random
    }

    func ceiling(afterAttempt attempt: Int) -> Duration {
        // Bounded so that it cannot overflow; ceilings end long before.
        min(greatestCeiling, firstCeiling * (1 << min(attempt - 1, 20)))
    }
}

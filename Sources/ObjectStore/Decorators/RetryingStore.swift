/// Asks again where that may help, within a bound of attempts, a deadline and a budget. The last error comes through,
/// with the number of attempts added.
///
/// Every operation of a store may be repeated: a PUT that had succeeded unheard is then held already.
package struct RetryingStore: StoreDecorator {
    package let base: any ObjectStore
    private let policy: RetryPolicy
    private let budget: RetryBudget
    private let meter: StoreMeter?
    private let time: MonotonicTime
    private let random: @Sendable () -> Double

    /// - Parameters:
    ///   - budget: to be shared by all who retry at the same store.
    ///   - meter: counts the retries.
    ///   - random: numbers from 0 up to 1.
    package init(
        _ base: any ObjectStore, policy: RetryPolicy = RetryPolicy(), budget: RetryBudget = RetryBudget(),
        meter: StoreMeter? = nil, clock: some Clock<Duration> = ContinuousClock(),
        random: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        self.base = base
        self.policy = policy
        self.budget = budget
        self.meter = meter
        time = MonotonicTime(clock)
        self.random = random
    }

    package func perform<Answer: Sendable>(
        _ request: StoreRequest, _ call: @escaping @Sendable () async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        budget.payIn()
        let begin = time.elapsed()
        var attempt = 1
        while true {
            do throws(StoreError) { return try await call() } catch {
                guard let wait = wait(after: error, attempt: attempt, since: begin) else {
                    throw error.afterAttempts(attempt)
                }
                try await pause(wait, request)
                attempt += 1
            }
        }
    }

    /// Nil where there is to be no further attempt. The budget is asked last: it is spent only on what will happen.
    private func wait(after error: StoreError, attempt: Int, since begin: Duration) -> Duration? {
        guard attempt < policy.attempts(after: error.kind) else { return nil }
        let wait = policy.wait(afterAttempt: attempt, error, random: random())
        guard time.elapsed() - begin + wait <= policy.deadline, budget.takeOut() else { return nil }
        return wait
    }

    private func pause(_ wait: Duration, _ request: StoreRequest) async throws(StoreError) {
        meter?.countRetry(request.operation)
        do { try await time.sleep(wait) } catch { throw cancelled(request) }
    }
}

extension StoreError {
    fileprivate func afterAttempts(_ attempts: Int) -> StoreError {
        guard attempts > 1 else { return self }
        var error = self
        error.reason += " (after \(attempts) attempts)"
        return error
    }
}

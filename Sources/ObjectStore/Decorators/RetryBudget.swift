/// A bound on retries as a share of requests, common to all who use a store: a store in trouble is not buried
/// under retries. A token bucket: each request pays in a share of a token, each retry takes a whole one.
package final class RetryBudget: Sendable {
    private let share: Double
    private let reserve: Double
    private let tokens: Guarded<Double>

    /// - Parameters:
    ///   - share: retries for each request in the long run, 0 or more.
    ///   - reserve: the most tokens there can be, and what there is at the beginning: retries for those who ask little.
    package init(share: Double = 0.2, reserve: Double = 20) {
        precondition(share >= 0 && reserve >= 0, "a retry budget cannot be negative")
        self.share = share
        self.reserve = reserve
        tokens = Guarded(reserve)
    }

    package func payIn() { tokens.withLock { $0 = min(reserve, $0 + share) } }

    /// Whether a retry is affordable; it is then paid for.
    package func takeOut() -> Bool {
        tokens.withLock { tokens in
            guard tokens >= 1 else { return false }
            tokens -= 1
            return true
        }
    }
}

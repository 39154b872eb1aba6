/// Gives up on a request that takes too long, whatever it hangs in, with an error of kind `.transient`.
///
/// The store below is told by cancellation, but not waited for: a disk that hangs answers nobody.
package struct TimeoutStore: StoreDecorator {
    package let base: any ObjectStore
    private let timeout: Duration
    private let leastBytesPerSecond: UInt64
    private let time: MonotonicTime

    /// - Parameters:
    ///   - timeout: for a request that moves few bytes.
    ///   - leastBytesPerSecond: where bytes to move are known beforehand, each `leastBytesPerSecond` of them add a
    ///     second. 0: they add nothing.
    package init(
        _ base: any ObjectStore, timeout: Duration, leastBytesPerSecond: UInt64 = 0,
        clock: some Clock<Duration> = ContinuousClock()
    ) {
        self.base = base
        self.timeout = timeout
        self.leastBytesPerSecond = leastBytesPerSecond
        time = MonotonicTime(clock)
    }

    package func perform<Answer: Sendable>(
        _ request: StoreRequest, _ call: @escaping @Sendable () async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        let limit = allowance(for: request)
        let first = FirstAnswer<Result<Answer, StoreError>>()
        let work = Task { first.give(await Self.result(of: call)) }
        let timer = Task { [time] in
            // Cancelled means that the answer came first.
            do { try await time.sleep(limit) } catch { return }
            first.give(.failure(expired(request, limit)))
        }
        let result = await withTaskCancellationHandler {
            await first.wait()
        } onCancel: {
            first.give(.failure(cancelled(request)))
        }
        work.cancel()
        timer.cancel()
        return try result.get()
    }

    private func allowance(for request: StoreRequest) -> Duration {
        guard leastBytesPerSecond > 0 else { return timeout }
        return timeout + .seconds(Double(request.bytes) / Double(leastBytesPerSecond))
    }

    private func expired(_ request: StoreRequest, _ limit: Duration) -> StoreError {
        StoreError(.transient, store: name, operation: "\(request)", reason: "no answer within \(limit)")
    }

    private static func result<Answer: Sendable>(
        of call: @Sendable () async throws(StoreError) -> Answer
    ) async -> Result<Answer, StoreError> {
        do throws(StoreError) { return .success(try await call()) } catch { return .failure(error) }
    }
}

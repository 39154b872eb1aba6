/// At most so many requests at once; the others wait in the order in which they came.
package struct LimitedStore: StoreDecorator {
    package let base: any ObjectStore
    private let permits: AsyncSemaphore

    package init(_ base: any ObjectStore, concurrency: Int) {
        precondition(concurrency > 0, "a store that may do nothing at once does nothing")
        self.init(base, permits: AsyncSemaphore(permits: concurrency))
    }

    /// Shares `permits` with others, for a limit over several stores.
    package init(_ base: any ObjectStore, permits: AsyncSemaphore) {
        self.base = base
        self.permits = permits
    }

    package func perform<Answer: Sendable>(
        _ request: StoreRequest, _ call: @escaping @Sendable () async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        do { try await permits.acquire() } catch { throw cancelled(request) }
        defer { permits.release() }
        return try await call()
    }
}

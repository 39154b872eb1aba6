/// Counts every request that reaches the store below it.
package struct MeteredStore: StoreDecorator {
    package let base: any ObjectStore
    package let meter: StoreMeter
    private let time: MonotonicTime

    package init(_ base: any ObjectStore, meter: StoreMeter, clock: some Clock<Duration> = ContinuousClock()) {
        self.base = base
        self.meter = meter
        time = MonotonicTime(clock)
    }

    package func perform<Answer: Sendable>(
        _ request: StoreRequest, _ call: @escaping @Sendable () async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        try await measured(request, received: { _ in 0 }, call)
    }

    package func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData {
        try await measured(StoreRequest(.get, key), received: { UInt64($0.bytes.count) }) {
            () async throws(StoreError) in
            try await base.get(key, range)
        }
    }

    private func measured<Answer: Sendable>(
        _ request: StoreRequest, received: (Answer) -> UInt64, _ call: () async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        let begin = time.elapsed()
        do throws(StoreError) {
            let answer = try await call()
            let sent = request.operation == .put ? request.bytes : 0
            meter.count(
                request.operation, latency: time.elapsed() - begin, sent: sent, received: received(answer))
            return answer
        } catch {
            meter.count(request.operation, latency: time.elapsed() - begin, error: error.kind)
            throw error
        }
    }
}

/// Counts what is asked of stores. One meter may serve several stores; it costs a lock a request.
package final class StoreMeter: Sendable {
    private let figures = Guarded(StoreFigures())

    package init() {}

    /// All that was counted so far. Differences of two snapshots tell what happened between.
    package var snapshot: StoreFigures { figures.withLock { $0 } }

    package func countRetry(_ operation: StoreOperation) { figures.withLock { $0[operation].retries += 1 } }

    /// One request that is over: how long it took, the bytes of body that went and came, and its error if it failed.
    package func count(
        _ operation: StoreOperation, latency: Duration, sent: UInt64 = 0, received: UInt64 = 0,
        error: StoreError.Kind? = nil
    ) {
        figures.withLock { figures in
            figures[operation].requests += 1
            figures[operation].bytesSent += sent
            figures[operation].bytesReceived += received
            figures[operation].latencySum += latency
            figures[operation].latencyMax = max(figures[operation].latencyMax, latency)
            if let error { figures[operation].errors[error, default: 0] += 1 }
        }
    }
}

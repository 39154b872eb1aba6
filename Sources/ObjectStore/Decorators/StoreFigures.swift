/// Counts of requests by operation.
package struct StoreFigures: Sendable, Hashable {
    package struct Figures: Sendable, Hashable {
        /// Requests that are over, failed ones and each attempt of repeated ones too.
        package var requests: UInt64 = 0
        package var errors: [StoreError.Kind: UInt64] = [:]
        /// How many of the requests were made because one before had failed.
        package var retries: UInt64 = 0
        /// Bytes of bodies that went to the store and were acknowledged.
        package var bytesSent: UInt64 = 0
        /// Bytes of bodies that came from the store.
        package var bytesReceived: UInt64 = 0
        package var latencySum: Duration = .zero
        /// Of all requests since the meter was made, in differences too.
        package var latencyMax: Duration = .zero

        package init() {}

        package var errorCount: UInt64 { errors.values.reduce(0, +) }
    }

    private var byOperation = [Figures](repeating: Figures(), count: StoreOperation.allCases.count)

    package init() {}

    package subscript(operation: StoreOperation) -> Figures {
        get { byOperation[operation.index] }
        set { byOperation[operation.index] = newValue }
    }

    package var total: Figures { byOperation.reduce(Figures(), +) }

    /// What was counted after `earlier`, a snapshot of the same meter.
    package static func - (later: StoreFigures, earlier: StoreFigures) -> StoreFigures {
        var difference = StoreFigures()
        for operation in StoreOperation.allCases { difference[operation] = later[operation] - earlier[operation] }
        return difference
    }
}

extension StoreOperation {
    fileprivate var index: Int {
        switch self {
        case .put: 0
        case .get: 1
        case .size: 2
        case .list: 3
        case .delete: 4
        }
    }
}

extension StoreFigures.Figures {
    package static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.requests += right.requests
        sum.errors.merge(right.errors, uniquingKeysWith: +)
        sum.retries += right.retries
        sum.bytesSent += right.bytesSent
        sum.bytesReceived += right.bytesReceived
        sum.latencySum += right.latencySum
        sum.latencyMax = max(left.latencyMax, right.latencyMax)
        return sum
    }

    fileprivate static func - (later: Self, earlier: Self) -> Self {
        var difference = later
        difference.requests -= earlier.requests
        for (kind, count) in earlier.errors {
            let rest = (later.errors[kind] ?? count) - count
            difference.errors[kind] = rest == 0 ? nil : rest
        }
        difference.retries -= earlier.retries
        difference.bytesSent -= earlier.bytesSent
        difference.bytesReceived -= earlier.bytesReceived
        difference.latencySum -= earlier.latencySum
        return difference
    }
}

import ObjectStore

/// Something that goes wrong at a store: which requests it befalls, and what happens to them.
package struct Fault: Sendable {
    package enum Kind: Sendable {
        /// The request fails and nothing is done.
        case error(StoreError.Kind, retryAfter: Double? = nil, status: Int? = nil)
        /// The request is done, and answered with an error: a success that nobody heard of.
        case doneButError(StoreError.Kind)
        /// The request waits for `FaultyStore.release()` or for its cancellation, and is done then.
        case held
        /// The request waits so long first, or for its cancellation.
        case late(by: Duration)
        /// Bytes are lost at the end: of the answer of a GET, of the object that a PUT leaves. Nobody notices.
        case truncated(by: Int)
        /// One bit is flipped, drawn from the seed, in the same places. Nobody notices.
        case corrupted
        /// A LIST lacks the last so many keys that were put through this store.
        case stale(lacking: Int)
    }

    /// Counted from 1 among the requests that operation and key match.
    package enum When: Sendable {
        case always
        case nth(Int)
        case from(Int)
        case upTo(Int)
        /// Each with this probability, drawn from the seed.
        case chance(Double)
    }

    package var kind: Kind
    package var operation: StoreOperation?
    package var keyPrefix: String
    package var when: When

    /// - Parameter operation: nil for all.
    package init(_ kind: Kind, on operation: StoreOperation? = nil, keyPrefix: String = "", _ when: When = .always) {
        self.kind = kind
        self.operation = operation
        self.keyPrefix = keyPrefix
        self.when = when
    }

    func matches(_ request: StoreRequest) -> Bool {
        (operation == nil || operation == request.operation) && request.key.hasPrefix(keyPrefix)
    }
}

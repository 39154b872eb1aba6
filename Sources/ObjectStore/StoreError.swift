/// What went wrong with a store, and what its caller should do about it.
package struct StoreError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// No object of that key.
        case notFound
        /// The object ends before the wanted range begins.
        case rangeNotSatisfiable
        /// Retrying may help: refused connections, timeouts, 5xx, 429, resets.
        case transient
        /// The answer's bytes are not what was stored: retrying may help, then another copy.
        case corrupt
        /// Retrying cannot help; somebody must mend the configuration (credentials, bucket, endpoint, rights).
        case configuration
        /// Retrying cannot help: the request itself is refused.
        case rejected
        /// No space left, or a quota reached: retry slowly.
        case full
        /// The task was cancelled.
        case cancelled
    }

    package var kind: Kind
    /// The store's name.
    package var store: String
    /// `PUT chunks/...`, `LIST index/`: the operation and the key.
    package var operation: String
    /// Why it failed: a lower-case clause without secrets.
    package var reason: String
    /// What a person can do about it, a lower-case clause; nil where there is nothing to do but to wait.
    package var hint: String?
    /// What the server asked to wait before the next try (Retry-After), in seconds.
    package var retryAfter: Double?
    /// HTTP status, where there was one.
    package var status: Int?

    package init(
        _ kind: Kind, store: String, operation: String, reason: String, hint: String? = nil,
        retryAfter: Double? = nil, status: Int? = nil
    ) {
        self.kind = kind
        self.store = store
        self.operation = operation
        self.reason = reason
        self.hint = hint
        self.retryAfter = retryAfter
        self.status = status
    }

    package var isWorthRetrying: Bool { kind == .transient || kind == .corrupt || kind == .full }

    package var description: String {
        "store \(store): \(operation): \(reason)" + (hint.map { "; \($0)" } ?? "")
    }
}

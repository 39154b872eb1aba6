/// A store around another that treats all requests alike: one function to write.
///
/// They are stacked as, from the outside in, retry (of) timeout (of) limit (of) meter (of) the store itself: each try has its own
/// deadline, waiting for a permit counts towards it, and the meter sees every request that is really made.
package protocol StoreDecorator: ObjectStore {
    var base: any ObjectStore { get }

    /// Does what the decorator is for around `call`, which makes the request of the store below, each time anew.
    func perform<Answer: Sendable>(
        _ request: StoreRequest, _ call: @escaping @Sendable () async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer
}

extension StoreDecorator {
    package var name: String { base.name }
    package var capabilities: StoreCapabilities { base.capabilities }

    package func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult {
        try await perform(StoreRequest(.put, key, bytes: body.length)) { [base] () async throws(StoreError) in
            try await base.put(key, body)
        }
    }

    package func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData {
        try await perform(StoreRequest(.get, key, bytes: range.expectedBytes)) { [base] () async throws(StoreError) in
            try await base.get(key, range)
        }
    }

    package func size(_ key: String) async throws(StoreError) -> UInt64 {
        try await perform(StoreRequest(.size, key)) { [base] () async throws(StoreError) in try await base.size(key) }
    }

    package func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage {
        try await perform(StoreRequest(.list, prefix)) { [base] () async throws(StoreError) in
            try await base.list(prefix: prefix, after: after, limit: limit)
        }
    }

    package func delete(_ key: String) async throws(StoreError) {
        try await perform(StoreRequest(.delete, key)) { [base] () async throws(StoreError) in try await base.delete(key)
        }
    }

    func cancelled(_ request: StoreRequest) -> StoreError {
        StoreError(.cancelled, store: name, operation: "\(request)", reason: "cancelled")
    }
}

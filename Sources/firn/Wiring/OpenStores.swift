import ChunkFormat
import Configuration
import ObjectStore
import Placement
import S3
import Synchronization
import Threads

/// The stores of an archive, open, and the rule over them.
struct OpenStores {
    var members: [StoreMember]
    var rule: PlacementRule
    /// Counts what really reaches the stores.
    var meter: StoreMeter

    /// What is asked of several stores is better asked of another one than many times of the same.
    private static var impatience: RetryPolicy {
        var policy = RetryPolicy()
        policy.attempts = 2
        policy.deadline = .seconds(10)
        return policy
    }

    /// - Parameters:
    ///   - create: makes directories where they are missing. Who only reads never creates a store.
    ///   - isReading: several stores are tried again less.
    ///   - mayBeDown: also the only store counts as down where it cannot be opened, until it can be.
    /// - Throws: where the only store cannot be used as it is configured; one of several counts as down then.
    init(_ loaded: LoadedStores, create: Bool, isReading: Bool, mayBeDown: Bool = false) throws {
        let meter = StoreMeter()
        let policy = isReading && loaded.stores.count > 1 ? Self.impatience : RetryPolicy()
        members = try loaded.stores.map { configuration in
            StoreMember(
                name: configuration.name,
                store: try Self.store(
                    configuration, create: create, policy: policy, meter: meter,
                    isOnly: loaded.stores.count == 1 && !mayBeDown),
                price: configuration.price)
        }
        self.meter = meter
        rule = loaded.rule
    }

    private static func store(
        _ configuration: StoreConfiguration, create: Bool, policy: RetryPolicy, meter: StoreMeter, isOnly: Bool
    ) throws -> any ObjectStore {
        let open: @Sendable () throws -> any ObjectStore = {
            try OpenStore(configuration, create: create, policy: policy, meter: meter).store
        }
        do { return try open() } catch {
            guard !isOnly else { throw error }
            return LateStore(name: configuration.name, open: open)
        }
    }

    /// The only store, or all of them as one.
    /// - Parameter isStrict: for those who must not miss anything that is acknowledged.
    func united(archive: String?, isStrict: Bool) -> (store: any ObjectStore, redundant: RedundantStore?) {
        if members.count == 1 { return (members[0].store, nil) }
        let redundant = RedundantStore(members, rule: rule, archive: archive, isStrict: isStrict)
        return (redundant, redundant)
    }
}

/// A store that could not be opened, one of several: it counts as down until it can be.
private final class LateStore: ObjectStore {
    let name: String
    private let open: @Sendable () throws -> any ObjectStore
    private let opened = Mutex<(any ObjectStore)?>(nil)

    init(name: String, open: @escaping @Sendable () throws -> any ObjectStore) {
        self.name = name
        self.open = open
    }

    /// What is made for it before it is open must be good for a directory too: synced, since it may be taken as it is.
    var capabilities: StoreCapabilities {
        opened.withLock { $0 }?.capabilities ?? StoreCapabilities(adoptsFiles: true, isRemote: false)
    }

    private func store(_ operation: String) async throws(StoreError) -> any ObjectStore {
        if let store = opened.withLock({ $0 }) { return store }
        let (name, open) = (name, open)
        let result = await WorkerThreads.run { () -> Result<any ObjectStore, StoreError> in
            do { return .success(try open()) } catch {
                let known = error as? StoreError
                let reason = known?.reason ?? (error as? CommandFailure)?.sentence ?? "\(error)"
                return .failure(
                    StoreError(
                        known?.kind ?? .configuration, store: name, operation: operation, reason: reason,
                        hint: known?.hint))
            }
        }
        let store = try result.get()
        return opened.withLock { opened in
            opened = opened ?? store
            return opened ?? store
        }
    }

    func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult {
        try await store("PUT \(key)").put(key, body)
    }

    func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData {
        try await store("GET \(key)").get(key, range)
    }

    func size(_ key: String) async throws(StoreError) -> UInt64 { try await store("HEAD \(key)").size(key) }

    func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage {
        try await store("LIST \(prefix)").list(prefix: prefix, after: after, limit: limit)
    }

    func delete(_ key: String) async throws(StoreError) { try await store("DELETE \(key)").delete(key) }
}

extension PlacementRule {
    init(_ redundancy: Configuration.Redundancy, _ stores: [StoreConfiguration]) {
        let rule: Redundancy.Rule
        switch redundancy.rule {
        case .copies(let copies): rule = .copies(copies)
        case .erasure(let data, let parity): rule = .erasure(data: data, parity: parity)
        }
        self.init(
            rule, acknowledge: redundancy.acknowledge, stores: stores.map { Store($0.name, domain: $0.domain) })
    }
}

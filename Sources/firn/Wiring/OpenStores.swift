import ChunkFormat
import Configuration
import ObjectStore
import Placement
import S3

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
    /// - Throws: where the only store cannot be used as it is configured; one of several counts as down then.
    init(_ loaded: LoadedStores, create: Bool, isReading: Bool) throws {
        let meter = StoreMeter()
        let policy = isReading && loaded.stores.count > 1 ? Self.impatience : RetryPolicy()
        members = try loaded.stores.map { configuration in
            StoreMember(
                name: configuration.name,
                store: try Self.store(
                    configuration, create: create, policy: policy, meter: meter, isOnly: loaded.stores.count == 1),
                price: configuration.price)
        }
        self.meter = meter
        rule = loaded.rule
    }

    private static func store(
        _ configuration: StoreConfiguration, create: Bool, policy: RetryPolicy, meter: StoreMeter, isOnly: Bool
    ) throws -> any ObjectStore {
        do { return try OpenStore(configuration, create: create, policy: policy, meter: meter).store } catch {
            guard !isOnly else { throw error }
            let reason = (error as? StoreError)?.reason ?? (error as? CommandFailure)?.sentence ?? "\(error)"
            return UnusableStore(name: configuration.name, reason: reason)
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

/// A store that cannot be opened: one of several that is down.
private struct UnusableStore: ObjectStore {
    let name: String
    let reason: String
    var capabilities: StoreCapabilities { StoreCapabilities(adoptsFiles: false, isRemote: false) }

    private func error(_ operation: String) -> StoreError {
        StoreError(.configuration, store: name, operation: operation, reason: reason)
    }

    func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult { throw error("PUT \(key)") }
    func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData { throw error("GET \(key)") }
    func size(_ key: String) async throws(StoreError) -> UInt64 { throw error("HEAD \(key)") }
    func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage {
        throw error("LIST \(prefix)")
    }
    func delete(_ key: String) async throws(StoreError) { throw error("DELETE \(key)") }
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

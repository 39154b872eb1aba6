import ArchiveTypes
package import ChunkFormat
package import ObjectStore
import Synchronization

/// The stores of an archive as one, for those who read and index it.
///
/// Whole objects come from the fastest (or cheapest) store that has them intact; a slow or failing one is overtaken by
/// another. Chunks in shards look as if they were whole, under the keys of chunks: a range moves the bytes of the shards
/// that hold it, and those of others only where one of them is missing. Listings are united.
///
/// A store without the archive's firn.json counts as down. Where fewer stores answer than it takes to see all that is
/// acknowledged, listings go on with what there is, and `shortfall` says so; with `isStrict` they fail.
package final class RedundantStore: ObjectStore {
    package let name: String
    package let capabilities: StoreCapabilities
    /// In the order of the configuration.
    let members: [StoreMember]
    let rule: PlacementRule
    private let isStrict: Bool
    private let gates: [String: ArchiveGate]
    let troubles = Mutex(Troubles())

    /// How long a listing waits for stores that it could do without, beyond the time of the others.
    private static let listingGrace = Duration.milliseconds(250)

    struct Troubles {
        /// The last failure of each store, by its name.
        var failures: [String: String] = [:]
        /// Objects that were damaged or missing somewhere and came from elsewhere.
        var detours: [String] = []
        var detourCount = 0
        var shortfall: [String] = []
    }

    /// - Parameters:
    ///   - members: at least one; their names are those of `rule`.
    ///   - archive: the archive's name; nil: that of the first store that answers.
    ///   - isStrict: for those who must not miss anything that is acknowledged.
    package init(_ members: [StoreMember], rule: PlacementRule, archive: String?, isStrict: Bool) {
        precondition(!members.isEmpty, "an archive has a store")
        self.members = members
        self.rule = rule
        self.isStrict = isStrict
        name = members.map(\.name).joined(separator: ", ")
        capabilities = StoreCapabilities(
            adoptsFiles: false, isRemote: members.contains { $0.store.capabilities.isRemote }, hasCopies: true)
        let identity = ArchiveIdentity(archive)
        gates = Dictionary(uniqueKeysWithValues: members.map { ($0.name, ArchiveGate($0, identity)) })
    }

    /// How many stores must answer before all that is acknowledged is seen: any so many hold a copy of each manifest.
    var sufficient: Int { max(1, members.count - rule.acknowledge + 1) }

    /// The archive's name, as the first store that answers tells it.
    /// - Throws: where none does.
    package func archiveName() async throws(StoreError) -> String {
        let outcome: Race<String>.Outcome = await Race(members: ranked(members)) {
            [self] (member) async throws(StoreError) in
            try await gate(member)
        }.run()
        switch outcome {
        case .success(let name): return name
        case .failure(let failures): throw combined(failures, operation: "GET \(KeyLayout.archiveDescription)")
        }
    }

    /// What was damaged, missing or late in some store and came from elsewhere.
    package var warnings: [String] {
        troubles.withLock { troubles in
            var lines = troubles.failures.sorted { $0.key < $1.key }.map { "store \($0.key): \($0.value)" }
            lines += troubles.detours
            if troubles.detourCount > troubles.detours.count {
                lines.append("\(troubles.detourCount - troubles.detours.count) more objects came from another store")
            }
            return lines
        }
    }

    /// What could not be seen; empty where all that is acknowledged was.
    package var shortfall: [String] { troubles.withLock { $0.shortfall } }

    // MARK: Members

    func gate(_ member: StoreMember) async throws(StoreError) -> String {
        guard let gate = gates[member.name] else { preconditionFailure("every member has a gate") }
        return try await gate.open()
    }

    /// Asks one member, and remembers how it did.
    func ask<Answer: Sendable>(
        _ member: StoreMember, bytes: Int = 0, _ call: (any ObjectStore) async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        let time = MonotonicTime.system
        var begin = time.elapsed()
        do throws(StoreError) {
            _ = try await gate(member)
            begin = time.elapsed()
            let answer = try await call(member.store)
            member.pace.took((time.elapsed() - begin).nanoseconds, bytes: bytes)
            member.breaker.succeeded()
            return answer
        } catch {
            switch error.kind {
            case .notFound, .rangeNotSatisfiable, .corrupt, .rejected: member.breaker.succeeded()
            case .cancelled:
                // Others were faster: who is always overtaken is not asked first for ever.
                let took = (time.elapsed() - begin).nanoseconds
                if took >= member.pace.late(bytes: bytes) { member.pace.took(took) }
            case .transient, .configuration, .full:
                member.breaker.failed()
                troubles.withLock { $0.failures[member.name] = error.reason }
            }
            throw error
        }
    }

    /// Those that work first, then the cheapest, then the fastest.
    func ranked(_ members: [StoreMember]) -> [StoreMember] {
        members.map { (member: $0, isOpen: $0.breaker.isOpen, price: $0.price ?? 0, pace: $0.pace.expected) }
            .sorted { left, right in
                if left.isOpen != right.isOpen { return right.isOpen }
                if left.price != right.price { return left.price < right.price }
                return left.pace < right.pace
            }.map(\.member)
    }

    /// The members that are likely to hold a whole object, best first, then the others.
    private func candidates(_ key: String) -> [StoreMember] {
        guard let chunk = ChunkKey(key) else { return ranked(members) }
        let placement = Set(rule.placement(writer: chunk.name.writer, sequence: chunk.name.sequence))
        return ranked(members.filter { placement.contains($0.name) })
            + ranked(members.filter { !placement.contains($0.name) })
    }

    func combined(_ failures: [(StoreMember, StoreError)], operation: String) -> StoreError {
        let errors = failures.map(\.1)
        if errors.isEmpty {
            return StoreError(.transient, store: name, operation: operation, reason: "no store is left")
        }
        if let first = errors.first, errors.allSatisfy({ $0.kind == first.kind }),
            errors.count == 1 || first.kind == .notFound
        {
            return StoreError(
                first.kind, store: name, operation: operation, reason: first.reason, hint: first.hint,
                retryAfter: first.retryAfter, status: first.status)
        }
        let kinds: [StoreError.Kind] = [.cancelled, .transient, .full, .corrupt, .configuration, .rejected]
        let kind = kinds.first { kind in errors.contains { $0.kind == kind } } ?? .notFound
        let reasons = failures.map { "\($0.0.name): \($0.1.reason)" }.joined(separator: "; ")
        return StoreError(kind, store: name, operation: operation, reason: "no store could answer (\(reasons))")
    }

    func noteDetour(_ key: String, _ failures: [(StoreMember, StoreError)]) {
        let lines = failures.filter { $0.1.kind == .notFound || $0.1.kind == .corrupt }.map {
            "store \($0.0.name): \(key): \($0.1.kind == .notFound ? "missing" : $0.1.reason); read from another store"
        }
        guard !lines.isEmpty else { return }
        troubles.withLock { troubles in
            troubles.detourCount += lines.count
            if troubles.detours.count < 100 { troubles.detours += lines }
        }
    }

    // MARK: ObjectStore

    package func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData {
        try await get(key, range) { _ in true }
    }

    package func get(
        _ key: String, _ range: ObjectRange, accepting isAcceptable: @escaping @Sendable (ObjectData) -> Bool
    ) async throws(StoreError) -> ObjectData {
        if let chunk = ChunkKey(key), case .sharded(let geometry) = chunk.form {
            return try await ShardReader(self, chunk, geometry).get(range, accepting: isAcceptable)
        }
        let known = range == .whole ? WholeObject.check(key) : nil
        let unacceptable = Mutex<ObjectData?>(nil)
        let bytes = Int(clamping: range.knownBytes)
        let race = Race(members: candidates(key), bytes: bytes) {
            [self] (member) async throws(StoreError) -> ObjectData in
            let data = try await ask(member, bytes: bytes) { (store) async throws(StoreError) in
                try await store.get(key, range)
            }
            guard known?(data.bytes) ?? true, isAcceptable(data) else {
                unacceptable.withLock { $0 = data }
                throw StoreError(.corrupt, store: member.name, operation: "GET \(key)", reason: "the bytes are damaged")
            }
            return data
        }
        switch await race.run(failures: { [self] in noteDetour(key, $0) }) {
        case .success(let data): return data
        case .failure(let failures):
            if let data = unacceptable.withLock({ $0 }), !failures.contains(where: { $0.1.kind == .cancelled }) {
                return data
            }
            throw combined(failures, operation: "GET \(key)")
        }
    }

    package func size(_ key: String) async throws(StoreError) -> UInt64 {
        if let chunk = ChunkKey(key), case .sharded(let geometry) = chunk.form { return geometry.length }
        let race = Race(members: candidates(key)) { [self] (member) async throws(StoreError) -> UInt64 in
            try await ask(member) { (store) async throws(StoreError) in try await store.size(key) }
        }
        switch await race.run() {
        case .success(let size): return size
        case .failure(let failures): throw combined(failures, operation: "HEAD \(key)")
        }
    }

    /// To all stores; succeeds when as many hold it as the rule acknowledges with. The others have a moment more.
    package func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult {
        let results = await everybody(sufficient: rule.acknowledge) { (store) async throws(StoreError) in
            try await store.put(key, body)
        }
        let held = results.compactMap { try? $0.result.get() }
        guard held.count >= rule.acknowledge, let time = held.map(\.storeTime).max() else {
            throw combined(results.failures, operation: "PUT \(key)")
        }
        let isNew = held.contains { $0.outcome == .created }
        return PutResult(outcome: isNew ? .created : .alreadyHeld, storeTime: time)
    }

    package func delete(_ key: String) async throws(StoreError) {
        let results = await everybody(sufficient: members.count) { (store) async throws(StoreError) -> Bool in
            try await store.delete(key)
            return true
        }
        guard results.failures.isEmpty, results.count == members.count else {
            throw combined(results.failures, operation: "DELETE \(key)")
        }
    }

    package func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage {
        let results = await everybody(sufficient: sufficient) { (store) async throws(StoreError) in
            try await store.list(prefix: prefix, after: after, limit: limit)
        }
        let pages = results.compactMap { try? $0.result.get() }
        if let cancelled = results.failures.first(where: { $0.1.kind == .cancelled }) { throw cancelled.1 }
        guard !pages.isEmpty, !isStrict || pages.count >= sufficient else {
            throw combined(results.failures, operation: "LIST \(prefix)")
        }
        if pages.count < sufficient { noteShortfall(answered: pages.count) }
        return ListPage(uniting: pages, limit: limit)
    }

    private func noteShortfall(answered: Int) {
        let reason =
            "only \(answered) of \(members.count) stores could be listed, \(sufficient) are needed to see all that is acknowledged"
        troubles.withLock { if !$0.shortfall.contains(reason) { $0.shortfall.append(reason) } }
    }

    struct MemberResult<Answer: Sendable>: Sendable {
        var member: StoreMember
        var result: Result<Answer, StoreError>
    }

    /// Asks all members at once; when enough have answered, the others have a while more, twice as long as that took and a
    /// little. Who is late then is not waited for again until it has answered.
    private func everybody<Answer: Sendable>(
        sufficient: Int, _ call: @escaping @Sendable (any ObjectStore) async throws(StoreError) -> Answer
    ) async -> [MemberResult<Answer>] {
        let time = MonotonicTime.system
        let begin = time.elapsed()
        return await withTaskGroup(of: MemberResult<Answer>?.self) { group in
            for member in members {
                group.addTask { [self] in
                    do throws(StoreError) {
                        return MemberResult(member: member, result: .success(try await ask(member, call)))
                    } catch {
                        return MemberResult(member: member, result: .failure(error))
                    }
                }
            }
            var results: [MemberResult<Answer>] = []
            var hasTimer = false
            while results.count < members.count, let next = await group.next() {
                guard let result = next else { break }
                results.append(result)
                let good = results.count { if case .success = $0.result { true } else { false } }
                if good >= sufficient, results.count < members.count, !hasTimer {
                    let rest = members.filter { member in !results.contains { $0.member === member } }
                    if rest.allSatisfy({ $0.breaker.isOpen }) { break }
                    hasTimer = true
                    let grace = (time.elapsed() - begin) * 2 + Self.listingGrace
                    group.addTask {
                        // Cancelled means that everybody has answered.
                        do throws(CancellationError) { try await time.sleep(grace) } catch {}
                        return nil
                    }
                }
            }
            group.cancelAll()
            for member in members where !results.contains(where: { $0.member === member }) && !Task.isCancelled {
                member.breaker.failed()
            }
            return results
        }
    }
}

extension ObjectRange {
    /// How many bytes are asked for, where that is known.
    fileprivate var knownBytes: UInt64 {
        switch self {
        case .whole: 0
        case .bytes(_, let length), .suffix(let length): length
        }
    }
}

extension Array where Element: FailedMember {
    fileprivate var failures: [(StoreMember, StoreError)] { compactMap { $0.failure } }
}

/// So that failures can be taken from results of any kind.
protocol FailedMember {
    var failure: (StoreMember, StoreError)? { get }
}

extension RedundantStore.MemberResult: FailedMember {
    var failure: (StoreMember, StoreError)? {
        if case .failure(let error) = result { (member, error) } else { nil }
    }
}

extension ListPage {
    /// What any of the pages has, as far as all of them reach.
    init(uniting pages: [ListPage], limit: Int) {
        let end = pages.compactMap { $0.isTruncated ? $0.entries.last?.key : nil }.min { $0.isBefore($1) }
        var sizes: [String: UInt64] = [:]
        for page in pages {
            for entry in page.entries where end.map({ !$0.isBefore(entry.key) }) ?? true {
                sizes[entry.key] = max(sizes[entry.key] ?? 0, entry.size)
            }
        }
        let entries = sizes.map { Entry(key: $0.key, size: $0.value) }.sorted { $0.key.isBefore($1.key) }
        self.init(
            entries: Array(entries.prefix(limit)), isTruncated: end != nil || entries.count > limit,
            storeTime: pages.map(\.storeTime).min() ?? 0)
    }
}

extension Duration {
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}

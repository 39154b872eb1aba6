import ArchiveTypes
import Checksums
import ChunkFormat
import Logging
package import ObjectStore
package import Placement
package import Spool
import Synchronization
import Threads

/// An archive as writers see it: the one place where a sealed chunk becomes an archived one.
package final class ArchiveWriter: Sendable {
    /// The archive's name, `[a-z0-9-]`.
    package let name: String
    package let members: [StoreMember]
    /// Where parity waits to be sent.
    private let scratch: String
    private let gates: [String: Gate]

    /// A manifest whose PUT was confirmed later than this after its hour is put again under the current hour: readers
    /// that look at recent hours only must find it.
    private static let confirmedWithin = 15 * Nanoseconds.perMinute
    /// Each PUT of a manifest may take longer than an hour; this many are tried before that counts as an outage.
    private static let manifestTries = 5

    /// - Parameters:
    ///   - members: under the names by which the rules of chunks call them.
    ///   - scratch: a folder of its own for parity; what is in it is removed.
    package init(name: String, members: [StoreMember], scratch: String) {
        self.name = name
        self.members = members
        self.scratch = scratch
        gates = Dictionary(uniqueKeysWithValues: members.map { ($0.name, Gate()) })
        // One store never has parity to wait for.
        if members.count > 1 { ChunkParts.removeLeftovers(in: scratch) }
    }

    /// An archive of one store.
    package convenience init(name: String, store: any ObjectStore) {
        self.init(name: name, members: [StoreMember(name: store.name, store: store)], scratch: "")
    }

    /// What messages call the stores.
    package var storeNames: String { members.map(\.name).joined(separator: ", ") }

    /// What one store is asked at most at the same time by fresh chunks, and whether it is known to be this archive's.
    private final class Gate: Sendable {
        let lane = AsyncSemaphore(permits: 4)
        let isPrepared = Mutex(false)
        let wasPrepared = Mutex(false)
    }

    private func gate(_ member: StoreMember) -> Gate {
        guard let gate = gates[member.name] else { preconditionFailure("every member has a gate") }
        return gate
    }

    // MARK: firn.json

    /// Makes sure that the stores are this archive's: reads firn.json where that is allowed, and writes it where it is
    /// missing.
    /// - Throws: where not even one can be used; where one is another archive's.
    package func prepare() async throws(StoreError) {
        var failures: [StoreError] = []
        let results = await withTaskGroup(of: Result<Void, StoreError>.self) { group in
            for member in members {
                group.addTask { [self] in
                    do throws(StoreError) { return .success(try await prepare(member)) } catch {
                        return .failure(error)
                    }
                }
            }
            var results: [Result<Void, StoreError>] = []
            // One that hangs must not hold up the others: it is found out about when chunks are put.
            while let result = await group.next() {
                results.append(result)
                if case .success = result {
                    group.cancelAll()
                    break
                }
            }
            return results
        }
        for case .failure(let error) in results {
            if error.kind == .configuration, members.count == 1 || error.reason.contains("holds the archive") {
                throw error
            }
            failures.append(error)
        }
        if failures.count == members.count, let first = failures.first { throw first }
    }

    private func prepare(_ member: StoreMember) async throws(StoreError) {
        let gate = gate(member)
        if gate.isPrepared.withLock({ $0 }) { return }
        // Where one of several stores was emptied since, readers take it for down until repair has filled it.
        try await describe(member.store, creates: members.count == 1 || !gate.wasPrepared.withLock { $0 })
        gate.wasPrepared.withLock { $0 = true }
        gate.isPrepared.withLock { $0 = true }
    }

    /// - Parameter creates: whether the archive may be new to the store.
    private func describe(_ store: any ObjectStore, creates: Bool) async throws(StoreError) {
        let description = ArchiveDescription(archive: name)
        do throws(StoreError) {
            try check(try await store.get(KeyLayout.archiveDescription, .whole).bytes, store)
            return
        } catch {
            // Writers need the right to create objects and no other: who may not read creates, or finds it held.
            guard error.kind == .notFound || error.status == 403 else { throw error }
            if !creates { return }
        }
        let bytes = description.encoded()
        let result = try await store.put(KeyLayout.archiveDescription, .bytes(bytes))
        guard result.outcome == .alreadyHeld else { return }
        do throws(StoreError) {
            try check(try await store.get(KeyLayout.archiveDescription, .whole).bytes, store)
        } catch {
            guard error.status == 403 else { throw error }
        }
    }

    private func check(_ bytes: [UInt8], _ store: any ObjectStore) throws(StoreError) {
        let operation = "GET \(KeyLayout.archiveDescription)"
        let found: ArchiveDescription
        do throws(FormatError) { found = try ArchiveDescription.decode(bytes) } catch {
            throw StoreError(.corrupt, store: store.name, operation: operation, reason: error.reason)
        }
        guard found.archive == name else {
            throw StoreError(
                .configuration, store: store.name, operation: operation,
                reason: "the store holds the archive \(found.archive), not \(name)",
                hint: "set archive: \(found.archive) in the configuration, or use another bucket or prefix")
        }
    }

    // MARK: Chunks

    /// Archives a chunk: puts its parts into the stores that its rule means, and then its manifest into all. Repeating it
    /// is harmless. Stores that are not needed any more go on as long as `ChunkDelivery.settle` lets them.
    /// - Parameter isPersistent: tries again for as long as it takes; otherwise a store that failed is done with.
    /// - Throws: where fewer stores took it than its rule acknowledges with; kind `.cancelled` where the task was.
    package func deliver(_ chunk: SealedChunk, isPersistent: Bool) async throws(StoreError) -> ChunkDelivery {
        let manifest = chunk.manifest
        let object = try encoded(manifest)
        let parts = try await parts(of: chunk)
        let delivery = ChunkDelivery(self, chunk, parts, object, isPersistent: isPersistent)
        let result = await withTaskCancellationHandler {
            await delivery.acknowledged()
        } onCancel: {
            Task { await delivery.cancel() }
        }
        _ = try result.get()
        return delivery
    }

    /// Archives a chunk in all stores that take it.
    package func archive(_ chunk: SealedChunk) async throws(StoreError) -> ArchivedChunk {
        let delivery = try await deliver(chunk, isPersistent: false)
        _ = await delivery.settle()
        return try await delivery.acknowledged().get()
    }

    /// Gives one store what it lacks of an archived chunk.
    package func pay(_ chunk: SealedChunk, to member: StoreMember) async throws(StoreError) {
        let manifest = chunk.manifest
        let object = try encoded(manifest)
        try await prepare(member)
        var time = WallClock.now()
        if let index = manifest.description.redundancy.placement.firstIndex(of: member.name) {
            time = try await put(try await parts(of: chunk).parts[index], member)
        }
        _ = try await put(manifest, object, hour: Hour(containing: time), member)
    }

    private func encoded(_ manifest: Manifest) throws(StoreError) -> [UInt8] {
        do throws(FormatError) { return try manifest.encoded() } catch {
            throw StoreError(
                .rejected, store: storeNames, operation: "PUT manifest of \(manifest.chunk)", reason: error.reason)
        }
    }

    private func parts(of chunk: SealedChunk) async throws(StoreError) -> ChunkParts {
        let (manifest, path, scratch) = (chunk.manifest, chunk.path, scratch)
        let stores = members.map(\.store)
        let result = await WorkerThreads.run {
            do throws(ChunkParts.Failure) {
                return Result<ChunkParts, ChunkParts.Failure>.success(
                    try ChunkParts.of(manifest, path: path, scratch: scratch, for: stores))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let parts): return parts
        case .failure(let failure):
            throw StoreError(
                .rejected, store: storeNames, operation: "PUT \(manifest.chunk)", reason: failure.description)
        }
    }

    /// - Returns: the store's clock.
    func put(_ part: ChunkParts.Part, _ member: StoreMember) async throws(StoreError) -> Nanoseconds {
        try await member.store.put(part.key, part.body).storeTime
    }

    /// - Returns: the key under which it was confirmed soon enough.
    func put(
        _ manifest: Manifest, _ object: [UInt8], hour first: Hour, _ member: StoreMember
    ) async throws(StoreError) -> ManifestKey {
        var hour = first
        for _ in 0..<Self.manifestTries {
            let key = manifest.key(hour: hour, object: object)
            let result = try await member.store.put(key.description, .bytes(object))
            if result.storeTime <= hour.end + Self.confirmedWithin { return key }
            hour = Hour(containing: result.storeTime)
        }
        throw StoreError(
            .transient, store: member.name, operation: "PUT manifest of \(manifest.chunk)",
            reason: "each try took more than an hour by the store's clock")
    }

    /// Makes a request of a member when its turn has come, again and again if it is to.
    /// - Parameter told: of each failure.
    func insisting<Answer: Sendable>(
        _ member: StoreMember, isPersistent: Bool, told: (StoreError) async -> Void,
        _ call: () async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        while true {
            do throws(StoreError) {
                try await wait(for: member, isPersistent: isPersistent)
                return try await once(member, call)
            } catch {
                if error.kind == .cancelled || Task.isCancelled { throw error }
                await told(error)
                guard isPersistent else { throw error }
            }
        }
    }

    private func wait(for member: StoreMember, isPersistent: Bool) async throws(StoreError) {
        while isPersistent, let wait = member.breaker.admit() {
            let jitter = Int64(Double(wait) * Double.random(in: 0...0.1))
            do { try await Task.sleep(nanoseconds: UInt64(wait + jitter)) } catch { throw cancelled(member) }
        }
    }

    private func once<Answer: Sendable>(
        _ member: StoreMember, _ call: () async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        let lane = gate(member).lane
        do throws(CancellationError) { try await lane.acquire() } catch {
            member.breaker.abandoned()
            throw cancelled(member)
        }
        defer { lane.release() }
        do throws(StoreError) {
            try await prepare(member)
            let answer = try await call()
            member.breaker.succeeded()
            return answer
        } catch {
            if error.kind == .cancelled {
                member.breaker.abandoned()
            } else {
                gate(member).isPrepared.withLock { $0 = false }
                member.breaker.failed()
            }
            throw error
        }
    }

    private func cancelled(_ member: StoreMember) -> StoreError {
        StoreError(.cancelled, store: member.name, operation: "PUT", reason: "cancelled")
    }
}

extension ObjectBody {
    package static func bytes(_ bytes: [UInt8]) -> ObjectBody {
        ObjectBody(content: .bytes(bytes), sha256: Checksums.sha256(bytes))
    }
}

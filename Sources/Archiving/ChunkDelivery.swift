import ArchiveTypes
import ChunkFormat
package import ObjectStore
import Placement
package import Spool

/// One chunk on its way into the stores: the parts to all at once, then, once enough hold theirs, the manifest.
package actor ChunkDelivery {
    private let writer: ArchiveWriter
    private let chunk: SealedChunk
    private let parts: ChunkParts
    private let object: [UInt8]
    private let isPersistent: Bool

    private var tasks: [String: Task<Void, Never>] = [:]
    private var partTimes: [String: Nanoseconds] = [:]
    private var manifests: [String: ManifestKey] = [:]
    private var failures: [String: StoreError] = [:]
    private var gaveUp: Set<String> = []
    private var isCancelled = false
    /// Of the manifest's key, once enough hold their parts.
    private var hour: Hour?
    private var outcome: Result<ArchivedChunk, StoreError>?
    private var waiting: [CheckedContinuation<Result<ArchivedChunk, StoreError>, Never>] = []
    private var settling: [CheckedContinuation<Void, Never>] = []

    init(_ writer: ArchiveWriter, _ chunk: SealedChunk, _ parts: ChunkParts, _ object: [UInt8], isPersistent: Bool) {
        self.writer = writer
        self.chunk = chunk
        self.parts = parts
        self.object = object
        self.isPersistent = isPersistent
    }

    private var redundancy: Redundancy { chunk.manifest.description.redundancy }
    private var placed: [StoreMember] { writer.members.filter { redundancy.placement.contains($0.name) } }

    /// Waits until as many stores hold part and manifest as the rule acknowledges with, or cannot any more.
    package func acknowledged() async -> Result<ArchivedChunk, StoreError> {
        if let outcome { return outcome }
        if tasks.isEmpty { start() }
        if let outcome { return outcome }
        return await withCheckedContinuation { waiting.append($0) }
    }

    /// Names of the stores that lack their part or the manifest.
    package var owing: [String] { writer.members.map(\.name).filter { manifests[$0] == nil } }

    /// The last failure of each store that lacks something.
    package var lastFailures: [StoreError] { owing.compactMap { failures[$0] } }

    /// Waits until all stores hold what they should, or have been given up.
    /// - Returns: the names of those that lack something.
    package func settle() async -> [String] {
        if !isSettled { await withCheckedContinuation { settling.append($0) } }
        return owing
    }

    /// The same, but not longer than `duration`.
    /// - Parameter cancelling: what is under way then is cancelled; otherwise it goes on.
    package func settle(within duration: Duration, cancelling: Bool = true) async -> [String] {
        let timer = Task { [self] in
            do { try await Task.sleep(for: duration) } catch { return }
            if cancelling { cancel() } else { release() }
        }
        defer { timer.cancel() }
        return await settle()
    }

    private func release() {
        for continuation in settling { continuation.resume() }
        settling = []
    }

    /// What is under way ends, and nothing more begins.
    package func cancel() {
        isCancelled = true
        for task in tasks.values { task.cancel() }
    }

    /// Whether all stores hold what they should, or have been given up.
    package var isSettled: Bool { writer.members.allSatisfy { manifests[$0.name] != nil || gaveUp.contains($0.name) } }

    // MARK: One store

    private func start() {
        let placement = redundancy.placement
        for member in placed {
            guard let index = placement.firstIndex(of: member.name) else { continue }
            let part = parts.parts[index]
            tasks[member.name] = Task { [self, writer] in
                await attempt(member) { () async throws(StoreError) in
                    let time = try await writer.put(part, member)
                    heldPart(member, time)
                }
            }
            if isCancelled { tasks[member.name]?.cancel() }
        }
        conclude()
    }

    /// One request after the other: a store's part, and then the manifest.
    private func attempt(_ member: StoreMember, _ call: () async throws(StoreError) -> Void) async {
        do throws(StoreError) {
            try await writer.insisting(member, isPersistent: isPersistent, told: { failures[member.name] = $0 }, call)
        } catch {
            failures[member.name] = failures[member.name] ?? error
            gaveUp.insert(member.name)
            conclude()
        }
    }

    private func heldPart(_ member: StoreMember, _ time: Nanoseconds) {
        partTimes[member.name] = time
        if hour != nil { return putManifest(member) }
        guard partTimes.count >= redundancy.acknowledge, let latest = partTimes.values.max() else { return }
        hour = Hour(containing: latest)
        let unplaced = writer.members.filter { !redundancy.placement.contains($0.name) }
        for member in writer.members.filter({ partTimes[$0.name] != nil }) + unplaced { putManifest(member) }
    }

    private func putManifest(_ member: StoreMember) {
        guard let hour else { return }
        let (manifest, object) = (chunk.manifest, object)
        tasks[member.name] = Task { [self, writer] in
            await attempt(member) { () async throws(StoreError) in
                let key = try await writer.put(manifest, object, hour: hour, member)
                heldManifest(member, key)
            }
        }
        if isCancelled { tasks[member.name]?.cancel() }
    }

    private func heldManifest(_ member: StoreMember, _ key: ManifestKey) {
        manifests[member.name] = key
        failures[member.name] = nil
        conclude()
    }

    // MARK: The outcome

    private func conclude() {
        if outcome == nil {
            // Both: the chunk's part in enough stores, and the manifest in as many.
            if hour != nil, manifests.count >= redundancy.acknowledge, let key = manifests.values.min() {
                decide(
                    .success(
                        ArchivedChunk(held: chunk, manifestKey: key, manifestLength: UInt64(object.count))))
            } else if isHopeless {
                decide(.failure(failure))
                cancel()
            }
        }
        if isSettled { release() }
    }

    private var isHopeless: Bool {
        let lost = placed.count { gaveUp.contains($0.name) && partTimes[$0.name] == nil }
        if hour == nil { return placed.count - lost < redundancy.acknowledge }
        return writer.members.count { !gaveUp.contains($0.name) } < redundancy.acknowledge
    }

    private func decide(_ result: Result<ArchivedChunk, StoreError>) {
        outcome = result
        for continuation in waiting { continuation.resume(returning: result) }
        waiting = []
    }

    private var failure: StoreError {
        let known = writer.members.compactMap { failures[$0.name] }
        if writer.members.count == 1, let only = known.first { return only }
        let operation = "PUT \(chunk.manifest.chunk)"
        if placed.count < redundancy.acknowledge {
            let missing = redundancy.placement.filter { name in !writer.members.contains { $0.name == name } }
            return StoreError(
                .configuration, store: writer.storeNames, operation: operation,
                reason:
                    "it is meant for stores that the configuration does not name: \(missing.joined(separator: ", "))",
                hint: "add them under stores:")
        }
        let reasons = known.map { "\($0.store): \($0.reason)" }.joined(separator: "; ")
        return StoreError(
            known.contains { $0.kind == .cancelled } ? .cancelled : .transient, store: writer.storeNames,
            operation: operation,
            reason: "fewer than the \(redundancy.acknowledge) stores that must hold it took it (\(reasons))")
    }
}

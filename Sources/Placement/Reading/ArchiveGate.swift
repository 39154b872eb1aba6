import ArchiveTypes
import Checksums
import ChunkFormat
import ObjectStore
import Synchronization
import Threads

/// The name of the archive that all stores must hold: given, or that of the first store that answers.
final class ArchiveIdentity: Sendable {
    private let name: Mutex<String?>

    init(_ name: String?) { self.name = Mutex(name) }

    /// The archive's name, which `found` becomes where there is none yet.
    func settle(_ found: String) -> String {
        name.withLock { name in
            name = name ?? found
            return name ?? found
        }
    }
}

/// Finds out whether a store holds this archive. Until then nobody gets past. Stores are looked at again now and then, since
/// they are mended, and emptied.
final class ArchiveGate: Sendable {
    private struct State {
        var look: Task<Result<String, StoreError>, Never>?
        /// What the look found holds until then, in nanoseconds of the monotonic clock; nil: it goes on.
        var until: Int64?
    }

    private let member: StoreMember
    private let identity: ArchiveIdentity
    private let state = Mutex(State())

    /// Who reads for days must not take an emptied store for one that answers.
    private static let findingHolds: Int64 = 60_000_000_000
    /// A store that holds no archive, or another, or that allows no reading, is not asked in vain more often than this.
    private static let refusalHolds: Int64 = 30_000_000_000

    init(_ member: StoreMember, _ identity: ArchiveIdentity) {
        self.member = member
        self.identity = identity
    }

    /// The archive's name.
    func open() async throws(StoreError) -> String {
        let now = MonotonicClock.now()
        let task = state.withLock { state in
            if let look = state.look, state.until.map({ now < $0 }) ?? true { return look }
            let new = Task { [self] in await look() }
            state = State(look: new)
            return new
        }
        let result = await withoutWaiting(for: task)
        let until: Int64? =
            switch result {
            case .success: MonotonicClock.now() + Self.findingHolds
            case .failure(let error) where error.kind == .cancelled: nil
            case .failure(let error): error.isWorthRetrying ? now : MonotonicClock.now() + Self.refusalHolds
            }
        if let until { state.withLock { if $0.look == task, $0.until == nil { $0.until = until } } }
        return try result.get()
    }

    /// What a look finds, or at once that the caller was cancelled: a store that hangs must not hold up those who have an
    /// answer from another.
    private func withoutWaiting(for task: Task<Result<String, StoreError>, Never>) async -> Result<String, StoreError> {
        let cancelled = StoreError(
            .cancelled, store: member.name, operation: "GET \(KeyLayout.archiveDescription)", reason: "cancelled")
        let first = FirstAnswer<Result<String, StoreError>>()
        let waiter = Task { first.give(await task.value) }
        defer { waiter.cancel() }
        return await withTaskCancellationHandler {
            await first.wait()
        } onCancel: {
            first.give(.failure(cancelled))
        }
    }

    private func look() async -> Result<String, StoreError> {
        let key = KeyLayout.archiveDescription
        let operation = "GET \(key)"
        do throws(StoreError) {
            let begin = MonotonicTime.system.elapsed()
            let bytes = try await member.store.get(key, .whole).bytes
            member.pace.took((MonotonicTime.system.elapsed() - begin).nanoseconds)
            let found: ArchiveDescription
            do throws(FormatError) { found = try ArchiveDescription.decode(bytes) } catch {
                throw StoreError(.corrupt, store: member.name, operation: operation, reason: error.reason)
            }
            let name = identity.settle(found.archive)
            guard name == found.archive else {
                throw StoreError(
                    .configuration, store: member.name, operation: operation,
                    reason: "it holds the archive \(found.archive), not \(name)",
                    hint: "use another bucket or prefix, or set archive: in the configuration")
            }
            return .success(name)
        } catch {
            guard error.kind == .notFound else { return .failure(error) }
            return .failure(
                StoreError(
                    .configuration, store: member.name, operation: operation,
                    reason: "there is no archive (firn.json is missing)",
                    hint: "run firn repair where the store was emptied or is new"))
        }
    }
}

/// What can be told of whole objects from their keys alone.
enum WholeObject {
    /// Whether bytes are those that a key promises; nil where the key promises nothing.
    static func check(_ key: String) -> (@Sendable ([UInt8]) -> Bool)? {
        if let name = ChunkKey(key)?.name ?? ManifestKey(key)?.name {
            return { hex(Checksums.sha256($0)).hasPrefix(name.digest) }
        }
        if key == KeyLayout.archiveDescription {
            return { bytes in
                do throws(FormatError) { _ = try ArchiveDescription.decode(bytes) } catch { return false }
                return true
            }
        }
        return nil
    }
}

import ArchiveTypes
import ChunkFormat
import Logging
import ObjectStore
import Spool
import Synchronization

/// Takes sealed chunks to the archive, several at a time, for as long as it takes.
struct AgentUploader: Sendable {
    let archive: ArchiveStore
    let spool: Spool
    let logger: Logger
    let clock: @Sendable () -> Nanoseconds
    let health: StoreHealth

    private static let uploads = 4
    /// Between two tries of a chunk that a store did not take, in seconds, beyond the store's own retries.
    private static let pauses: [Double] = [1, 2, 5, 10, 30]

    /// Returns when `chunks` has ended and all of it is archived, or at cancellation.
    func run(_ chunks: AsyncStream<SealedChunk>) async {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            for await chunk in chunks {
                if running >= Self.uploads {
                    await group.next()
                    running -= 1
                }
                running += 1
                group.addTask { await upload(chunk) }
            }
        }
    }

    /// Waits for `uploads`, but not longer than `timeout` nanoseconds.
    func drain(_ uploads: Task<Void, Never>, within timeout: Nanoseconds) async {
        let deadline = Task {
            do { try await Task.sleep(nanoseconds: UInt64(timeout)) } catch { return }
            uploads.cancel()
        }
        await uploads.value
        deadline.cancel()
        let backlog = spool.backlog()
        if backlog.chunks > 0 {
            logger.warning("\(backlog.chunks) chunks stay in \(spool.path): the next start archives them")
        }
    }

    private func upload(_ chunk: SealedChunk) async {
        var tries = 0
        while !Task.isCancelled {
            do {
                try await archive.prepare()
                let archived = try await archive.archive(chunk)
                try spool.remove(archived)
                health.succeeded(at: clock())
                logger.debug("archived \(chunk.manifest.chunk)")
                return
            } catch let error as StoreError where error.kind == .cancelled {
                return
            } catch {
                health.failed("\(error)", at: clock())
                logger.error("\(error)")
            }
            let pause = Self.pauses[min(tries, Self.pauses.count - 1)] * Double.random(in: 0.5...1)
            tries += 1
            do { try await Task.sleep(nanoseconds: UInt64(pause * 1e9)) } catch { return }
        }
    }
}

/// How the store took the last chunk.
final class StoreHealth: Sendable {
    private let state: Mutex<AgentStatus.Store>

    init(store: String) { state = Mutex(AgentStatus.Store(name: store)) }

    func succeeded(at time: Nanoseconds) {
        state.withLock { store in
            store.lastArchived = CivilTime.rfc3339(time)
            store.failure = nil
            store.failedAt = nil
        }
    }

    func failed(_ reason: String, at time: Nanoseconds) {
        state.withLock { store in
            store.failure = reason
            store.failedAt = CivilTime.rfc3339(time)
        }
    }

    var status: AgentStatus.Store { state.withLock { $0 } }
}

import ArchiveTypes
import ChunkFormat
import Logging
import ObjectStore
import Placement
import Spool
import Synchronization
import Threads

/// Takes sealed chunks to the archive, several at a time, for as long as it takes, and pays to each store what it missed.
struct AgentUploader: Sendable {
    let archive: ArchiveWriter
    let spool: Spool
    let logger: Logger
    let clock: @Sendable () -> Nanoseconds
    let health: StoreHealth

    private static let uploads = 4
    /// Between two tries of a chunk that cannot be archived at all, in seconds, beyond what stores wait by themselves.
    private static let pauses: [Double] = [1, 2, 5, 10, 30]
    /// How long stores that are not needed any more may take for a chunk before that becomes a debt.
    private static let straggling = Duration.seconds(60)
    /// Between two looks for room while they do.
    private static let look = Duration.seconds(1)
    /// How long bytes on disk are taken to be what was written.
    private static let trust: Nanoseconds = .perMinute
    /// Between two looks at the deadline of draining.
    private static let drainLook: Nanoseconds = 100_000_000
    /// Between two looks for debts.
    private static let debtPause = Duration.seconds(1)

    struct Waiting: Sendable {
        var chunk: SpooledChunk
        /// When its bytes were known to be right, by the monotonic clock.
        var since: Nanoseconds

        init(_ chunk: SpooledChunk) {
            self.chunk = chunk
            since = MonotonicClock.now()
        }
    }

    /// Returns when `chunks` has ended and all of it is archived, or at cancellation.
    func run(_ chunks: AsyncStream<Waiting>) async {
        let payers = archive.members.count > 1 ? archive.members.map { member in Task { await pay(member) } } : []
        let slots = AsyncSemaphore(permits: Self.uploads)
        await withDiscardingTaskGroup { group in
            for await chunk in chunks {
                do throws(CancellationError) { try await slots.acquire() } catch { break }
                group.addTask {
                    let delivery = await upload(chunk)
                    slots.release()
                    if let delivery { await finish(delivery) }
                }
            }
        }
        payers.forEach { $0.cancel() }
        for payer in payers { await payer.value }
    }

    /// Waits for `uploads`, but not beyond the deadline, by the monotonic clock; that may come nearer meanwhile.
    func drain(_ uploads: Task<Void, Never>, deadline: @escaping @Sendable () -> Nanoseconds) async {
        let limit = Task {
            var left = deadline() - MonotonicClock.now()
            while left > 0 {
                do { try await Task.sleep(nanoseconds: UInt64(min(left, Self.drainLook))) } catch { return }
                left = deadline() - MonotonicClock.now()
            }
            uploads.cancel()
        }
        await uploads.value
        limit.cancel()
        let backlog = spool.backlog()
        if backlog.chunks > 0 {
            logger.warning("\(backlog.chunks) chunks stay in \(spool.path): the next start archives them")
        }
    }

    /// Until a chunk is archived; nil at cancellation.
    private func upload(_ waiting: Waiting) async -> ChunkDelivery? {
        let chunk = waiting.chunk
        var tries = 0
        while !Task.isCancelled {
            do {
                let delivery = try await archive.deliver(
                    try spool.load(chunk, isOld: MonotonicClock.now() - waiting.since > Self.trust),
                    isPersistent: archive.members.count > 1)
                logger.debug("archived \(chunk.key)")
                return delivery
            } catch let error as StoreError {
                if error.kind == .cancelled { return nil }
                health.failed(error, at: clock())
                logger.error("\(error)")
            } catch {
                logger.error("\(error)")
            }
            let pause = Self.pauses[min(tries, Self.pauses.count - 1)] * Double.random(in: 0.5...1)
            tries += 1
            do { try await Task.sleep(nanoseconds: UInt64(pause * 1e9)) } catch { return nil }
        }
        return nil
    }

    /// Lets a chunk leave the spool once all stores have it, or some owe it for too long.
    private func finish(_ delivery: ChunkDelivery) async {
        let owing = await settle(delivery)
        guard case .success(let archived) = await delivery.acknowledged() else { return }
        for member in archive.members where !owing.contains(member.name) { health.succeeded(member.name, at: clock()) }
        for failure in await delivery.lastFailures where failure.kind != .cancelled {
            health.failed(failure, at: clock())
        }
        do throws(SpoolError) {
            if owing.isEmpty { try spool.remove(archived) } else { try spool.owe(archived, to: owing) }
            health.owes(spool.owed())
        } catch {
            logger.error("\(error): the chunk is put again at the next start")
        }
    }

    /// Stores may take long while that holds up nobody: neither those that stop the agent nor what needs the room.
    private func settle(_ delivery: ChunkDelivery) async -> [String] {
        let begin = ContinuousClock.now
        while !(await delivery.owing.isEmpty) {
            let isOver = ContinuousClock.now - begin >= Self.straggling || Task.isCancelled || isShortOfRoom
            let owing = await delivery.settle(within: isOver ? .zero : Self.look, cancelling: isOver)
            if isOver { return owing }
        }
        return []
    }

    private var isShortOfRoom: Bool { spool.backlog().bytes > spool.maxBytes / 2 }

    /// Pays a store what it lacks, oldest first, one chunk at a time, while it works.
    private func pay(_ member: StoreMember) async {
        while !Task.isCancelled {
            let owed = spool.owed()
            health.owes(owed)
            if let next = owed.first(where: { $0.stores.contains(member.name) }),
                !member.breaker.isOpen
                    || member.breaker.admit() == nil
            {
                if await pay(next.chunk, member) { continue }
            }
            do { try await Task.sleep(for: Self.debtPause) } catch { return }
        }
    }

    private func pay(_ chunk: SpooledChunk, _ member: StoreMember) async -> Bool {
        do {
            try await archive.pay(try spool.load(chunk, isOld: true), to: member)
            member.breaker.succeeded()
            try spool.paid(chunk.key, to: member.name)
            health.succeeded(member.name, at: clock())
            logger.debug("\(member.name) has \(chunk.key) now")
            return true
        } catch let error as StoreError {
            if error.kind == .cancelled {
                member.breaker.abandoned()
            } else {
                member.breaker.failed()
                health.failed(error, at: clock())
            }
            return false
        } catch {
            member.breaker.abandoned()
            logger.error("\(error)")
            return forgive(chunk, member, error)
        }
    }

    /// A chunk that is damaged here cannot be paid: other stores hold it.
    /// - Returns: whether `error` says that it is.
    private func forgive(_ chunk: SpooledChunk, _ member: StoreMember, _ error: any Error) -> Bool {
        guard let error = error as? SpoolError, error.kind == .damaged else { return false }
        do throws(SpoolError) { try spool.paid(chunk.key, to: member.name) } catch { return false }
        logger.warning("\(member.name) lacks \(chunk.key); firn repair copies it from another store")
        return true
    }
}

/// How the stores took what they were given last, and what they lack.
final class StoreHealth: Sendable {
    private let stores: Mutex<[AgentStatus.Store]>

    init(stores names: [String]) { stores = Mutex(names.map { AgentStatus.Store(name: $0) }) }

    func succeeded(_ name: String, at time: Nanoseconds) {
        update(name) { store in
            store.lastArchived = CivilTime.rfc3339(time)
            store.lastArchivedAt = time
            store.archivedChunks += 1
            store.failure = nil
            store.failedAt = nil
        }
    }

    func failed(_ error: StoreError, at time: Nanoseconds) {
        update(error.store) { store in
            store.failure = "\(error)"
            store.failures += 1
            store.failedAt = CivilTime.rfc3339(time)
        }
    }

    func owes(_ owed: [OwedChunk]) {
        stores.withLock { stores in
            for index in stores.indices {
                let mine = owed.filter { $0.stores.contains(stores[index].name) }
                stores[index].owedChunks = mine.count
                stores[index].owedBytes = mine.reduce(0) { $0 + $1.chunk.length }
            }
        }
    }

    /// An error about no single one of the stores is one of all that say nothing by themselves.
    private func update(_ name: String, _ change: (inout AgentStatus.Store) -> Void) {
        stores.withLock { stores in
            let known = stores.firstIndex { $0.name == name }
            if let known { return change(&stores[known]) }
            for index in stores.indices where stores.count == 1 { change(&stores[index]) }
        }
    }

    var status: [AgentStatus.Store] { stores.withLock { $0 } }
}

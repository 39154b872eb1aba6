package import ArchiveTypes
import Inputs
package import Logging
import ObjectStore
import Placement
package import Spool
import Threads

/// Follows files into a spool and the spool into an archive, until it is told to stop.
///
/// One thread reads, compresses and syncs, one merges and seals; tasks upload. Lines are durable when their block is
/// synced, and only then does the checkpoint of their file move.
package final class Agent: Sendable {
    private let archive: ArchiveWriter
    private let spool: Spool
    private let settings: AgentSettings
    private let logger: Logger
    private let clock: @Sendable () -> Nanoseconds
    private let isStopping = Monitor(false)
    /// Whether the receiving thread has ended: its blocks stand in the spool.
    private let hasReceived = Monitor(false)
    /// Until when, by the monotonic clock, draining may take; nil: nothing has ended yet.
    private let deadline = Monitor<Nanoseconds?>(nil)
    private let watch = FolderWatch()
    private let health: StoreHealth
    private let receiving: ReceivingSide?
    private let latest = Monitor<AgentStatus?>(nil)

    /// - Parameter receiving: what cannot be followed but comes by itself; nil: nothing does.
    package init(
        archive: ArchiveWriter, spool: Spool, settings: AgentSettings, receiving: ReceivingSide? = nil, logger: Logger,
        clock: @escaping @Sendable () -> Nanoseconds
    ) {
        self.archive = archive
        self.spool = spool
        self.settings = settings
        self.logger = logger
        self.clock = clock
        health = StoreHealth(stores: archive.members.map(\.name))
        self.receiving = receiving
    }

    /// How it is doing, a few seconds old at most; nil before it runs.
    package var status: AgentStatus? { latest.read { $0 } }

    /// For the receiving side of another agent that goes on with the spool in this process. After `run`.
    package var handover: ReceiverHandover { receiving?.handover ?? ReceiverHandover() }

    /// Ends `run` once what was read is durable.
    /// - Parameter draining: whether what waits is archived before, as far as that is soon done. Where not, another agent
    ///   that goes on with the spool at once does that.
    package func stop(draining: Bool = true) {
        endDraining(within: draining ? settings.drainTimeout : 0)
        isStopping.update { $0 = true }
        watch.wake()
        receiving?.stop()
    }

    /// Runs until `stop()` or cancellation.
    /// - Throws: `SpoolError` where the spool's disk failed: nothing more can be made durable.
    package func run() async throws {
        for finding in spool.findings { logger.warning("\(finding)") }
        let (chunks, sealed) = AsyncStream.makeStream(of: AgentUploader.Waiting.self)
        for chunk in spool.recovered() { sealed.yield(.init(chunk)) }
        let uploader = AgentUploader(archive: archive, spool: spool, logger: logger, clock: clock, health: health)
        let uploads = Task { await uploader.run(chunks) }
        let results = await withTaskCancellationHandler {
            async let received = untilEnd { [self] in try receive { sealed.yield(.init($0.spooled)) } }
            let followed = await untilEnd { [self] in try follow { sealed.yield(.init($0.spooled)) } }
            return [followed, await received]
        } onCancel: {
            stop()
        }
        sealed.finish()
        await uploader.drain(uploads) { [self] in endDraining(within: settings.drainTimeout) }
        for result in results { try result.get() }
    }

    /// - Returns: when it has to be over: where that was said before, at the earliest of them.
    @discardableResult
    private func endDraining(within time: Nanoseconds) -> Nanoseconds {
        let latest = MonotonicClock.now() + time
        return deadline.update { deadline in
            let earliest = min(deadline ?? .max, latest)
            deadline = earliest
            return earliest
        }
    }

    /// On a thread of its own; whichever ends first ends the others.
    private func untilEnd(_ body: @escaping @Sendable () throws -> Void) async -> Result<Void, any Error> {
        await WorkerThreads.run { [self] in
            defer { stop() }
            return Result { try body() }
        }
    }

    /// The receiving thread.
    private func receive(_ sealed: @escaping @Sendable (SealedChunk) -> Void) throws {
        defer { hasReceived.update { $0 = true } }
        guard let receiving else {
            _ = isStopping.wait { $0 ? true : nil }
            return
        }
        try receiving.run(
            spool: spool, logger: logger, clock: clock, ticks: MonotonicClock.now,
            deadline: { endDraining(within: settings.drainTimeout) }, sealed: sealed)
        if settings.follow.groups.isEmpty { return }
        _ = isStopping.wait { $0 ? true : nil }
    }

    /// The reading thread.
    private func follow(_ sealed: @escaping @Sendable (SealedChunk) -> Void) throws {
        var reader = try AgentReader(
            PosixFileSystem(), spool: spool, settings: settings, logger: logger, watch: watch, clock: clock,
            ticks: MonotonicClock.now, sealed: sealed)
        var status = StatusWriter(
            spool: spool, logger: logger, received: { [receiving] in receiving?.figures },
            told: { [latest] status in latest.update { $0 = status } })
        var memory = MemoryKeeper()
        while !isStopping.read({ $0 }) {
            let hasMore = try reader.turn { isStopping.read { $0 } }
            status.write(reader, health.status, now: clock())
            memory.tidy(reader.queue.totals.blocks, now: MonotonicClock.now())
            if !hasMore {
                let pause = reader.pause()
                watch.wait(atLeast: pause.least, atMost: pause.most)
            }
        }
        // The last chunk takes what was received along.
        hasReceived.wait { $0 ? () : nil }
        try reader.finish()
        status.write(reader, health.status, now: clock(), isLast: true)
    }
}

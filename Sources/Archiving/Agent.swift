package import ArchiveTypes
package import ChunkFormat
package import EventTime
package import Inputs
package import Logging
import ObjectStore
package import Spool
import Threads

/// What an agent follows and how it rolls.
package struct AgentSettings: Sendable {
    /// What belongs to one group of `follow`, by its index.
    package struct Group: Sendable {
        package var labels: Labels
        package var zone: TimeZoneRules

        package init(labels: Labels, zone: TimeZoneRules) {
            self.labels = labels
            self.zone = zone
        }
    }

    package var host: String
    package var follow: FollowSettings
    package var groups: [Group]
    /// Age at which a block is closed, in nanoseconds.
    package var blockAge: Nanoseconds
    package var compression: CompressionSettings
    /// Raw bytes of all open blocks together: beyond it the largest is closed.
    package var openBlockBytes = 24 << 20
    /// Between two looks at the files, in nanoseconds.
    package var pollInterval: Nanoseconds = 250_000_000
    /// The least between two turns: what happens often is taken together.
    package var leastPause: Nanoseconds = 10_000_000
    /// How long stopping may take for what is still to be archived; the rest stays in the spool.
    package var drainTimeout: Nanoseconds = 30 * .perSecond

    package init(
        host: String, follow: FollowSettings, groups: [Group], blockAge: Nanoseconds, compression: CompressionSettings
    ) {
        self.host = host
        self.follow = follow
        self.groups = groups
        self.blockAge = blockAge
        self.compression = compression
    }
}

/// Follows files into a spool and the spool into an archive, until it is told to stop.
///
/// One thread reads, compresses and syncs; tasks upload. Lines are durable when their block is synced, and only then
/// does the checkpoint of their file move.
package final class Agent: Sendable {
    private let archive: ArchiveStore
    private let spool: Spool
    private let settings: AgentSettings
    private let logger: Logger
    private let clock: @Sendable () -> Nanoseconds
    private let isStopping = Monitor(false)
    private let watch = FolderWatch()
    private let health: StoreHealth

    package init(
        archive: ArchiveStore, spool: Spool, settings: AgentSettings, logger: Logger,
        clock: @escaping @Sendable () -> Nanoseconds
    ) {
        self.archive = archive
        self.spool = spool
        self.settings = settings
        self.logger = logger
        self.clock = clock
        health = StoreHealth(store: archive.store.name)
    }

    /// Ends `run` once what was read is durable.
    package func stop() {
        isStopping.update { $0 = true }
        watch.wake()
    }

    /// Runs until `stop()` or cancellation.
    /// - Throws: `SpoolError` where the spool's disk failed: nothing more can be made durable.
    package func run() async throws {
        for finding in spool.findings { logger.warning("\(finding)") }
        let (chunks, sealed) = AsyncStream.makeStream(of: SealedChunk.self)
        for chunk in spool.recovered() { sealed.yield(chunk) }
        let uploader = AgentUploader(archive: archive, spool: spool, logger: logger, clock: clock, health: health)
        let uploads = Task { await uploader.run(chunks) }
        let result = await withTaskCancellationHandler {
            await WorkerThreads.run { [self] in Result { try follow { sealed.yield($0) } } }
        } onCancel: {
            stop()
        }
        sealed.finish()
        await uploader.drain(uploads, within: settings.drainTimeout)
        try result.get()
    }

    /// The reading thread.
    private func follow(_ sealed: (SealedChunk) -> Void) throws {
        var reader = try AgentReader(spool: spool, settings: settings, logger: logger, watch: watch, clock: clock)
        while !isStopping.read({ $0 }) {
            for chunk in try reader.turn() { sealed(chunk) }
            reader.writeStatus([health.status])
            watch.wait(atLeast: settings.leastPause, atMost: settings.pollInterval)
        }
        for chunk in try reader.finish() { sealed(chunk) }
        reader.writeStatus([health.status])
    }
}

import ArchiveTypes
package import ChunkFormat
import ObjectStore
package import Spool
import Synchronization

/// One thing to archive to its end: a file, or standard input.
package struct ArchiveSource: Sendable {
    /// For messages: the path, or `-`.
    package var name: String
    /// Opens it; called on a thread that may block.
    package var open: @Sendable () throws -> BlockReader

    package init(name: String, open: @escaping @Sendable () throws -> BlockReader) {
        self.name = name
        self.open = open
    }
}

/// What `FileArchiver` did.
package struct ArchiveSummary: Sendable {
    package var blocks = BlockTotals()
    package var chunks = 0
    /// Bytes of chunks and manifests as put into the store.
    package var storedBytes: UInt64 = 0
    /// Sources that could not be read, or not to their end: what was read of them is archived.
    package var failures: [Failure] = []
    /// Chunks that stores lack, by the stores' names, and why they last failed.
    package var owing: [String: Int] = [:]
    package var storeFailures: [String: String] = [:]

    package struct Failure: Sendable {
        package var source: String
        package var reason: String
    }
}

/// Archives sources to their end and returns when all of it is archived.
package struct FileArchiver: Sendable {
    package var archive: ArchiveWriter
    package var spool: Spool
    package var compression: CompressionSettings
    /// Threads that read and compress.
    package var workers: Int
    /// Chunks that are put at the same time.
    package var uploads: Int

    /// Stores that are not needed any more have three quarters as long again as everything took, and the first second.
    private static func grace(after taken: Duration) -> Duration { max(taken * 0.75, .seconds(1) - taken) }
    /// A chunk stays in the spool for them no longer than this, and no longer than there is room for what comes after.
    fileprivate static let longestGrace = Duration.seconds(60)
    /// Between two looks for room.
    fileprivate static let look = Duration.milliseconds(200)

    package init(
        archive: ArchiveWriter, spool: Spool, compression: CompressionSettings, workers: Int, uploads: Int = 4
    ) {
        self.archive = archive
        self.spool = spool
        self.compression = compression
        self.workers = workers
        self.uploads = uploads
    }

    /// - Parameter progress: told of the raw bytes of each block that was read, on any thread.
    /// - Throws: `StoreError` or `SpoolError`; what was archived until then stays so.
    package func run(
        _ sources: [ArchiveSource], progress: @escaping @Sendable (_ rawBytes: Int) -> Void = { _ in }
    ) async throws -> ArchiveSummary {
        let (chunks, sealed) = AsyncStream.makeStream(of: SealedChunk.self)
        let failures = Mutex<[ArchiveSummary.Failure]>([])
        let reader = SourceSequence(sources) { source, error in
            failures.withLock { $0.append(.init(source: source, reason: "\(error)")) }
        }
        let pipeline = try BlockPipeline(
            spool: spool, settings: compression,
            next: { buffer in
                let draft = reader.next(into: &buffer)
                if draft != nil { progress(buffer.count) }
                return draft
            },
            sealed: { sealed.yield($0) })
        var summary = try await withTaskCancellationHandler {
            async let uploaded = upload(chunks, of: pipeline)
            let totals = await Result { try await pipeline.run(threads: workers) }
            sealed.finish()
            // Where both failed, the store's error is the cause and the pipeline's the consequence.
            var summary = try await uploaded
            summary.blocks = try totals.get()
            return summary
        } onCancel: {
            pipeline.fail(CancellationError())
        }
        summary.failures = failures.withLock { $0 }
        return summary
    }

    private func upload(_ chunks: AsyncStream<SealedChunk>, of pipeline: BlockPipeline) async throws -> ArchiveSummary {
        let begin = ContinuousClock.now
        do {
            let stragglers = Stragglers(spool)
            var summary = try await withThrowingTaskGroup(of: UInt64.self) { group in
                var summary = ArchiveSummary()
                for await chunk in chunks {
                    if summary.chunks >= uploads, let bytes = try await group.next() { summary.storedBytes += bytes }
                    summary.chunks += 1
                    group.addTask {
                        do { return try await put(chunk, stragglers) } catch {
                            giveUp(error, pipeline)
                            throw error
                        }
                    }
                }
                for try await bytes in group { summary.storedBytes += bytes }
                return summary
            }
            try await stragglers.end(within: Self.grace(after: ContinuousClock.now - begin), &summary)
            return summary
        } catch {
            giveUp(error, pipeline)
            throw error
        }
    }

    /// Wakes whoever waits for room that a chunk would have made.
    private func giveUp(_ error: any Error, _ pipeline: BlockPipeline) {
        pipeline.fail(error)
        spool.fail(SpoolError(.io, path: spool.path, reason: "its chunks can no longer be archived: \(error)"))
    }

    /// The bytes that were put.
    private func put(_ chunk: SealedChunk, _ stragglers: Stragglers) async throws -> UInt64 {
        let delivery = try await archive.deliver(chunk, isPersistent: false)
        let archived = try await delivery.acknowledged().get()
        await stragglers.add(delivery)
        return archived.storedBytes
    }
}

extension ArchivedChunk {
    /// Bytes that one store holds of it, or with shards all of them together.
    fileprivate var storedBytes: UInt64 {
        guard case .sharded(let geometry) = chunk.manifest.chunk.form else {
            return chunk.manifest.length + manifestLength
        }
        let shards = (0..<geometry.shards).reduce(UInt64(0)) {
            $0 + geometry.length(ofShard: $1) + UInt64(ShardTrailer.length)
        }
        return shards + manifestLength
    }
}

/// Archived chunks that some stores do not hold yet.
private actor Stragglers {
    private let spool: Spool
    private var deliveries: [ChunkDelivery] = []
    private var tasks: [Task<Void, any Error>] = []
    private var owing: [String: Int] = [:]
    private var failures: [String: String] = [:]

    init(_ spool: Spool) { self.spool = spool }

    /// Lets the chunk leave the spool when it is settled.
    func add(_ delivery: ChunkDelivery) {
        deliveries.append(delivery)
        tasks.append(
            Task {
                let lacking = await settle(delivery)
                for failure in await delivery.lastFailures { failures[failure.store] = failure.reason }
                for store in lacking { owing[store, default: 0] += 1 }
                try spool.remove(try await delivery.acknowledged().get())
            })
    }

    private func settle(_ delivery: ChunkDelivery) async -> [String] {
        let begin = ContinuousClock.now
        while !(await delivery.isSettled) {
            let isOver = ContinuousClock.now - begin >= FileArchiver.longestGrace || isShortOfRoom
            let lacking = await delivery.settle(within: isOver ? .zero : FileArchiver.look, cancelling: isOver)
            if isOver { return lacking }
        }
        return await delivery.owing
    }

    private var isShortOfRoom: Bool { spool.backlog().bytes > spool.maxBytes / 2 }

    /// Ends what is not over by then.
    func end(within grace: Duration, _ summary: inout ArchiveSummary) async throws {
        let timer = Task {
            do { try await Task.sleep(for: grace) } catch { return }
            for delivery in deliveries { await delivery.cancel() }
        }
        defer { timer.cancel() }
        for task in tasks { try await task.value }
        (summary.owing, summary.storeFailures) = (owing, failures)
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

/// The blocks of one source after the other. A source that fails is reported, and the next one goes on.
private final class SourceSequence: @unchecked Sendable {
    // Only ever used under the lock of the pipeline's reading stage.
    private var rest: ArraySlice<ArchiveSource>
    private var current: (name: String, reader: BlockReader)?
    private let failed: @Sendable (String, any Error) -> Void

    init(_ sources: [ArchiveSource], failed: @escaping @Sendable (String, any Error) -> Void) {
        rest = sources[...]
        self.failed = failed
    }

    func next(into buffer: inout [UInt8]) -> BlockDraft? {
        while true {
            if current == nil {
                guard let source = rest.popFirst() else { return nil }
                do { current = (source.name, try source.open()) } catch { failed(source.name, error) }
            }
            if let draft = nextOfCurrent(into: &buffer) { return draft }
            current = nil
        }
    }

    private func nextOfCurrent(into buffer: inout [UInt8]) -> BlockDraft? {
        do { return try current?.reader.next(into: &buffer) } catch {
            failed(current?.name ?? "-", error)
            return nil
        }
    }
}

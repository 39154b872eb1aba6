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

    package struct Failure: Sendable {
        package var source: String
        package var reason: String
    }
}

/// Archives sources to their end and returns when all of it is archived.
package struct FileArchiver: Sendable {
    package var archive: ArchiveStore
    package var spool: Spool
    package var compression: CompressionSettings
    /// Threads that read and compress.
    package var workers: Int
    /// Chunks that are put at the same time.
    package var uploads: Int

    package init(
        archive: ArchiveStore, spool: Spool, compression: CompressionSettings, workers: Int, uploads: Int = 4
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
        do {
            return try await withThrowingTaskGroup(of: UInt64.self) { group in
                var summary = ArchiveSummary()
                for await chunk in chunks {
                    if summary.chunks >= uploads, let bytes = try await group.next() { summary.storedBytes += bytes }
                    summary.chunks += 1
                    group.addTask {
                        do { return try await put(chunk) } catch {
                            giveUp(error, pipeline)
                            throw error
                        }
                    }
                }
                for try await bytes in group { summary.storedBytes += bytes }
                return summary
            }
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
    private func put(_ chunk: SealedChunk) async throws -> UInt64 {
        let archived = try await archive.archive(chunk)
        try spool.remove(archived)
        return chunk.manifest.length + archived.manifestLength
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

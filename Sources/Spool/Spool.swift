package import ArchiveTypes
package import ChunkFormat
import Threads

/// A directory of what is not yet archived: one open chunk, sealed chunks, and a snapshot of what outlives them.
///
///     lock            held by the one process that has the spool open
///     snapshot        see `SpoolSnapshot`; replaced atomically
///     open.chunk      valid up to its last whole block at every moment
///     sealed/         chunks under their keys, with `_` for `/`
///     owed/           archived chunks that some stores lack, see `SpoolDebts`
///     quarantine/     files with damage below what was durable
///     reserve         room for a snapshot when the disk is full
///
/// Calls block; threads of their own make them, any number at once. Blocks of a generation are appended in order of
/// their positions.
package final class Spool: Sendable {
    package var path: String { directory.path }
    private let directory: SpoolDirectory
    private let options: SpoolOptions
    private let state: Monitor<SpoolState>
    private let lock: SpoolLock

    /// Opens a spool, creating it where there is none, and recovers what a crash left. Chunks that wait to be archived
    /// are then in `pending()`.
    package init(
        path: String, options: SpoolOptions, calls: any FileCalls = PosixFileCalls()
    ) throws(SpoolError) {
        directory = SpoolDirectory(path: path, calls: calls)
        self.options = options
        try directory.createFolder(path + "/sealed")
        lock = try SpoolLock(directory)
        var recovery = SpoolRecovery(directory, options: options)
        state = Monitor(try recovery.run())
    }

    /// Adds a block to the open chunk, sealing that first when the block's age or size asks for it. Waits while the
    /// spool is at its ceiling, but for a gap: that is small, and what it tells of is lost already. The block is durable
    /// after the next `synchronize()` or sealing.
    /// - Parameter frame: the zstd frame, empty for gaps and heartbeats.
    /// - Returns: the chunk that was sealed with this block as its last.
    package func append(
        _ header: BlockHeader, frame: UnsafeRawBufferPointer
    ) throws(SpoolError) -> SealedChunk? {
        let ceiling = options.maxBytes
        let needed = UInt64(frame.count)
        try state.wait { state throws(SpoolError) -> Void? in
            if let failure = state.failure { throw failure }
            if header.kind == .gap { return () }
            return state.sealedBytes + state.openLength + needed <= ceiling || state.isEmpty ? () : nil
        }
        return try state.update { state throws(SpoolError) in
            try state.makeRoom(needed, ceiling: ceiling, directory: directory)
            do throws(SpoolError) {
                return try state.append(header, frame: frame, options: options, directory: directory)
            } catch {
                // What is only owed does not hold up what is new: there is room at the next try.
                if error.kind == .full { try state.debts.shrink(to: state.debts.bytes / 2, in: directory) }
                throw error
            }
        }
    }

    /// Lets the spool go: another `Spool` may open it, although somebody still holds this one. Nothing more can be
    /// appended or sealed.
    package func close() {
        state.update { state in
            if state.failure == nil {
                state.failure = SpoolError(.locked, path: path, reason: "it was closed")
            }
        }
        lock.release()
    }

    /// Makes all appended blocks durable.
    package func synchronize() throws(SpoolError) {
        try state.update { state throws(SpoolError) in try state.synchronize() }
    }

    /// Seals the open chunk if it holds a block.
    package func seal() throws(SpoolError) -> SealedChunk? {
        try state.update { state throws(SpoolError) in try state.seal(options: options, directory: directory) }
    }

    /// What the open chunk is due for.
    package func due() -> ChunkDue? { state.read { $0.due(options) } }

    /// Writes the open chunk anew with its small blocks merged, where that is worthwhile. Blocks may be appended by other
    /// threads meanwhile; one thread at a time merges. A crash leaves the chunk as it was or as it will be.
    /// - Throws: what kept it from being merged; unless its kind is `.io`, nothing has changed then.
    package func mergeOpenChunk() throws(SpoolError) {
        let chunk = state.read { $0.failure == nil ? $0.open : nil }
        guard let merging = options.merging, let chunk else { return }
        let blocks = state.read { _ in chunk.blocks }
        let plan = MergePlan(blocks, blockBytes: merging.blockBytes)
        guard plan.isWorthwhile else { return state.update { _ in chunk.noteUnmerged() } }
        let work = try ChunkMerging(chunk.file, blocks, plan, merging, directory: directory)
        try work.mergeBlocks()
        try state.update { state throws(SpoolError) in try state.adopt(work, of: chunk, directory: directory) }
    }

    /// Seals the open chunk if its first block is older than the configured age, or it is large enough.
    package func sealIfOld() throws(SpoolError) -> SealedChunk? {
        try state.update { state throws(SpoolError) in
            guard let opened = state.opened,
                options.ticks() - opened >= options.chunkAge || state.openLength >= options.chunkBytes
            else { return nil }
            return try state.seal(options: options, directory: directory)
        }
    }

    /// Sealed chunks that were here when the spool was opened, oldest first.
    package func recovered() -> [SpooledChunk] { state.read { $0.recovered } }

    /// All that a chunk's directory says of it. Its blocks were checked when the spool was opened, or written since.
    /// - Parameter isOld: whether that is so long ago that all bytes are to be checked again: no store can tell that a
    ///   shard of what has changed since is wrong.
    /// - Throws: kind `.damaged` where the chunk is no longer what it was: the next start puts it aside, and reads its
    ///   sources again.
    package func load(_ chunk: SpooledChunk, isOld: Bool = false) throws(SpoolError) -> SealedChunk {
        let file = try directory.open(chunk.path)
        let isIntact = isOld ? try file.digest() == chunk.sha256 : true
        let found = try file.withMapping { bytes, _ -> Result<Manifest, FormatError> in
            guard isIntact else { return .failure(FormatError(.damaged, at: 0, "its bytes are not what was written")) }
            do throws(FormatError) {
                return .success(try Manifest.describing(intact: bytes, key: chunk.key, sha256: chunk.sha256))
            } catch { return .failure(error) }
        }
        switch found {
        case .success(let manifest): return SealedChunk(manifest: manifest, path: chunk.path)
        case .failure(let error):
            throw SpoolError(
                .damaged, path: chunk.path, reason: "the chunk is damaged: \(error)",
                hint: "start firn again: it puts the chunk aside, and reads its sources again where they have the lines"
            )
        }
    }

    /// Forgets an archived chunk: first what must outlive it is made durable, then its file goes.
    package func remove(_ archived: ArchivedChunk) throws(SpoolError) {
        try state.update { state throws(SpoolError) in
            try state.saveArchived(archived.chunk, in: directory)
            try state.removeArchived(archived.chunk, in: directory)
        }
    }

    func update<Value>(
        _ body: (inout SpoolState, _ directory: SpoolDirectory) throws(SpoolError) -> Value
    ) throws(SpoolError) -> Value {
        try state.update { state throws(SpoolError) in try body(&state, directory) }
    }

    func read<Value>(_ body: (borrowing SpoolState) -> Value) -> Value { state.read(body) }

    /// Where reading of a generation goes on: the end of what is in the spool or was archived from it without a hole;
    /// nil where it never began.
    package func position(of source: SourceGeneration) -> UInt64? { state.read { $0.positions[source] } }

    /// Reading of a generation begins at `position`, unless it began before; kept with the next snapshot.
    package func begin(_ source: SourceGeneration, at position: UInt64) {
        state.update { $0.positions.begin(source, at: position) }
    }

    /// Nothing more comes of a generation: its position is forgotten once all of it is archived.
    package func end(_ source: SourceGeneration) { state.update { $0.positions.end(source) } }

    /// The same for all that `isOver` says so of.
    package func end(where isOver: (SourceGeneration) -> Bool) { state.update { $0.positions.end(where: isOver) } }

    /// Lets everybody who waits in `append` go on with an error: what is appended can no longer leave.
    package func fail(_ error: SpoolError) { state.update { $0.failure = $0.failure ?? error } }

    /// What the inputs need to go on after a restart: kept with the snapshot, durable before a chunk leaves, when the
    /// spool is reopened at the latest known value. The spool does not look into it.
    package var inputState: [UInt8] {
        get { state.read { $0.snapshot.inputState } }
        set { state.update { $0.snapshot.inputState = newValue } }
    }

    /// Makes positions and input state durable.
    package func saveSnapshot() throws(SpoolError) {
        try state.update { state throws(SpoolError) in try state.save(in: directory) }
    }

    /// Whether there is room below the ceiling.
    package var hasRoom: Bool {
        state.read { $0.sealedBytes + $0.openLength < options.maxBytes }
    }

    /// Whether a block of so many bytes can be appended without waiting.
    package func hasRoom(for bytes: Int) -> Bool {
        state.read { $0.sealedBytes + $0.openLength + UInt64(bytes) <= options.maxBytes || $0.isEmpty }
    }

    /// Waits until there is, but at most so long.
    package func waitForRoom(for bytes: Int, atMost time: Nanoseconds) {
        let ceiling = options.maxBytes
        _ = state.wait(atMost: time) { state in
            state.sealedBytes + state.openLength + UInt64(bytes) <= ceiling || state.isEmpty ? () : nil
        }
    }

    /// Bytes of chunks at which `append` waits.
    package var maxBytes: UInt64 { options.maxBytes }

    package var writer: WriterID { state.read { $0.snapshot.writer } }

    /// Bytes of sealed chunks and of the open one, and the number of sealed ones.
    package func backlog() -> (bytes: UInt64, chunks: Int) {
        state.read { ($0.sealedBytes + $0.openLength, $0.sealedCount) }
    }

    /// What recovery had to say, a sentence each.
    package var findings: [String] { state.read { $0.findings } }
}

/// How a spool is laid out and rolled.
package struct SpoolOptions: Sendable {
    package var archive: String
    package var host: String
    /// Decides where each chunk is meant to go.
    package var redundancy: PlacementRule
    /// Bytes of chunks at which `append` waits.
    package var maxBytes: UInt64
    /// Stored bytes at which a chunk is sealed.
    package var chunkBytes: UInt64
    /// Age of the first block at which a chunk is sealed, in nanoseconds.
    package var chunkAge: Nanoseconds
    /// How small blocks are merged; nil: they stay as they are.
    package var merging: Merging?
    /// Whether positions outlive the chunks: to go on where reading ended. Otherwise the spool holds nothing when it is empty.
    package var keepsPositions = true
    package var clock: @Sendable () -> Nanoseconds
    /// A clock that is never set, by which chunks grow old.
    package var ticks: @Sendable () -> Nanoseconds
    /// A fresh number for a new writer.
    package var random: @Sendable () -> UInt32

    package struct Merging: Sendable {
        /// Raw bytes of a full block.
        package var blockBytes: Int
        /// zstd's level of the blocks that are merged.
        package var level: Int

        package init(blockBytes: Int, level: Int) {
            self.blockBytes = blockBytes
            self.level = level
        }
    }

    /// - Parameter ticks: nil: `clock`.
    package init(
        archive: String, host: String, redundancy: PlacementRule, maxBytes: UInt64, chunkBytes: UInt64,
        chunkAge: Nanoseconds, merging: Merging? = nil, clock: @escaping @Sendable () -> Nanoseconds,
        ticks: (@Sendable () -> Nanoseconds)? = nil,
        random: @escaping @Sendable () -> UInt32 = { UInt32.random(in: 0...UInt32.max) }
    ) {
        self.archive = archive
        self.host = host
        self.redundancy = redundancy
        self.maxBytes = maxBytes
        self.chunkBytes = chunkBytes
        self.chunkAge = chunkAge
        self.merging = merging
        self.clock = clock
        self.ticks = ticks ?? clock
        self.random = random
    }
}

import ArchiveTypes
import ChunkFormat

/// Everything of an open spool that changes. Its methods run under the spool's lock.
struct SpoolState {
    var snapshot: SpoolSnapshot
    var positions: SpoolPositions
    var open: OpenChunk?
    var sealedBytes: UInt64 = 0
    var sealedCount = 0
    var recovered: [SpooledChunk] = []
    /// Paths of chunks that are archived and not removed yet.
    var leaving: Set<String> = []
    var findings: [String] = []
    var failure: SpoolError?

    var debts = SpoolDebts()

    /// What is only owed leaves where a block needs the room.
    mutating func makeRoom(_ bytes: UInt64, ceiling: UInt64, directory: SpoolDirectory) throws(SpoolError) {
        let taken = sealedBytes + openLength + bytes
        try debts.shrink(to: ceiling - min(ceiling, taken), in: directory)
    }

    var openLength: UInt64 { open?.length ?? 0 }
    var opened: Nanoseconds? { open?.opened }
    var isEmpty: Bool { sealedCount == 0 && open == nil }

    mutating func append(
        _ header: BlockHeader, frame: UnsafeRawBufferPointer, options: SpoolOptions, directory: SpoolDirectory
    ) throws(SpoolError) -> SealedChunk? {
        if let failure { throw failure }
        let chunk = try openChunk(options, directory)
        try failing { () throws(SpoolError) in try chunk.append(header, frame: frame) }
        positions.append(header)
        guard chunk.length >= options.chunkBytes, !chunk.waitsForMerging(options) else { return nil }
        do throws(SpoolError) { return try seal(options: options, directory: directory) } catch {
            // The block is in: the chunk is sealed with a later one, or when it is old.
            guard error.kind == .full else { throw error }
            return nil
        }
    }

    /// After an error that is not just a want of room, nothing more is taken: what the disk did with the last bytes is
    /// not known, and fsync(2) must not be asked again.
    private mutating func failing<Value>(_ body: () throws(SpoolError) -> Value) throws(SpoolError) -> Value {
        do throws(SpoolError) { return try body() } catch {
            if error.kind != .full { failure = failure ?? error }
            throw error
        }
    }

    /// Replaces the snapshot, with what is archived.
    mutating func save(in directory: SpoolDirectory) throws(SpoolError) {
        snapshot.positions = positions.archived
        snapshot.ahead = positions.ahead
        // Held twice, they would be copied at the next change.
        defer { (snapshot.positions, snapshot.ahead) = ([:], [:]) }
        try snapshot.write(in: directory)
    }

    /// Makes durable what outlives a chunk that is archived. Where this or a later step fails, all is tried again, and counts
    /// once.
    mutating func saveArchived(_ chunk: SealedChunk, in directory: SpoolDirectory) throws(SpoolError) {
        if leaving.insert(chunk.path).inserted { positions.archive(chunk.manifest.blocks) }
        try save(in: directory)
    }

    /// After `saveArchived`.
    mutating func removeArchived(_ chunk: SealedChunk, in directory: SpoolDirectory) throws(SpoolError) {
        try directory.remove(chunk.path)
        leaving.remove(chunk.path)
        sealedBytes -= min(sealedBytes, chunk.manifest.length)
        sealedCount -= 1
    }

    private mutating func openChunk(_ options: SpoolOptions, _ directory: SpoolDirectory) throws(SpoolError)
        -> OpenChunk
    {
        if let open { return open }
        let file = try directory.create(directory.path + "/open.chunk")
        let chunk = OpenChunk(file, opened: options.ticks())
        try directory.synchronize(directory.path)
        open = chunk
        return chunk
    }

    mutating func synchronize() throws(SpoolError) {
        if let failure { throw failure }
        guard let open else { return }
        try failing { () throws(SpoolError) in try open.synchronize() }
    }

    mutating func seal(options: SpoolOptions, directory: SpoolDirectory) throws(SpoolError) -> SealedChunk? {
        if let failure { throw failure }
        guard let chunk = open, chunk.length > 0 else { return nil }
        let description = ChunkDescription(
            archive: options.archive, writer: snapshot.writer, sequence: snapshot.nextSequence,
            sealed: options.clock(), previous: snapshot.previous,
            redundancy: options.redundancy.redundancy(writer: snapshot.writer, sequence: snapshot.nextSequence))
        let sealed = try failing { () throws(SpoolError) in try chunk.seal(description, directory: directory) }
        open = nil
        positions.seal(sealed.manifest.blocks)
        snapshot.nextSequence += 1
        snapshot.previous = sealed.manifest.sha256
        sealedBytes += sealed.manifest.length
        sealedCount += 1
        return sealed
    }
}

/// The chunk that blocks are appended to.
final class OpenChunk {
    let opened: Nanoseconds
    let file: SpoolFile
    private var builder: ChunkBuilder
    private var durableLength: UInt64 = 0
    private var mayHaveTail = false
    /// Blocks when it was last merged.
    private(set) var mergedBlocks = 0
    /// Bytes of small blocks since then.
    private(set) var unmergedBytes: UInt64 = 0

    /// Begins with an empty file.
    init(_ file: SpoolFile, opened: Nanoseconds) {
        self.opened = opened
        self.file = file
        builder = ChunkBuilder()
    }

    /// Goes on with a file whose blocks `builder` has adopted.
    init(adopting file: SpoolFile, builder: consuming ChunkBuilder, opened: Nanoseconds) {
        self.opened = opened
        self.file = file
        self.builder = builder
    }

    /// Goes on with a file that was merged, and synced as a whole.
    init(merged file: SpoolFile, builder: consuming ChunkBuilder, opened: Nanoseconds) {
        self.opened = opened
        self.file = file
        durableLength = builder.length
        mergedBlocks = builder.blocks.count
        self.builder = builder
    }

    var blocks: [BlockEntry] { builder.blocks }
    var blockCount: Int { builder.blocks.count }

    var length: UInt64 { builder.length }

    func append(_ header: BlockHeader, frame: UnsafeRawBufferPointer) throws(SpoolError) {
        var header = header
        header.durableLength = durableLength
        let start = length
        let headerFrame: [UInt8]
        do throws(FormatError) { headerFrame = try header.encodedFrame() } catch {
            throw SpoolError(.damaged, path: file.path, reason: "cannot describe a block: \(error)")
        }
        // A failed write leaves bytes behind the last whole block: the next one goes over them, sealing cuts them off.
        mayHaveTail = true
        try headerFrame.withBytes { bytes throws(SpoolError) in try file.write(bytes, frame, at: start) }
        mayHaveTail = false
        builder.append(header, headerFrame: headerFrame, frame: frame)
        if header.rawLength < Self.smallBytes { unmergedBytes += UInt64(headerFrame.count + frame.count) }
    }

    /// Raw bytes of blocks that are well compressed by themselves.
    private static let smallBytes: UInt64 = 128 << 10

    /// Merging was found not to be worthwhile.
    func noteUnmerged() {
        mergedBlocks = blockCount
        unmergedBytes = 0
    }

    func synchronize() throws(SpoolError) {
        guard durableLength < length else { return }
        try file.synchronize()
        durableLength = length
    }

    /// Writes directory and seek table, syncs, and gives the file its name among the sealed ones. Where there is no room
    /// for that, the chunk stays open as it was.
    func seal(_ description: ChunkDescription, directory: SpoolDirectory) throws(SpoolError) -> SealedChunk {
        let start = length
        let (tail, manifest) = try finished(description)
        let hadTail = mayHaveTail
        mayHaveTail = true
        try tail.withBytes { bytes throws(SpoolError) in try file.write(bytes, at: start) }
        if hadTail { try file.truncate(to: start + UInt64(tail.count)) }
        try file.synchronize()
        let name = SpoolRecovery.sealedName(manifest.chunk)
        let target = "\(directory.path)/sealed/\(name)"
        try directory.rename(file.path, to: target)
        try directory.synchronize("\(directory.path)/sealed")
        return SealedChunk(manifest: manifest, path: target)
    }

    private func finished(_ description: ChunkDescription) throws(SpoolError) -> ([UInt8], Manifest) {
        do throws(FormatError) { return try builder.finish(description) } catch {
            throw SpoolError(.damaged, path: file.path, reason: "cannot describe the chunk: \(error)")
        }
    }
}

extension SpoolSnapshot {
    /// Replaces the snapshot atomically and durably. Room for it is kept in reserve, so that a full disk cannot keep
    /// chunks from leaving.
    func write(in directory: SpoolDirectory) throws(SpoolError) {
        let reserve = SpoolReserve(directory)
        do throws(SpoolError) { try replace(in: directory) } catch {
            guard error.kind == .full, try reserve.release() else { throw error }
            try replace(in: directory)
        }
        reserve.fill(encodedCount: positions.count * 128 + inputState.count)
    }

    private func replace(in directory: SpoolDirectory) throws(SpoolError) {
        let temporary = directory.path + "/snapshot.new"
        try directory.remove(temporary)
        let file = try directory.create(temporary)
        try encoded().withBytes { bytes throws(SpoolError) in try file.write(bytes, at: 0) }
        try file.synchronize()
        try directory.rename(temporary, to: directory.path + "/snapshot")
        try directory.synchronize(directory.path)
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` for bodies that throw typed errors.
    func withBytes(_ body: (UnsafeRawBufferPointer) throws(SpoolError) -> Void) throws(SpoolError) {
        let failure = withUnsafeBytes { bytes -> SpoolError? in
            do throws(SpoolError) {
                try body(bytes)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
    }
}

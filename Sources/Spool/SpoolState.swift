import ArchiveTypes
import ChunkFormat
import Glibc

/// Everything of an open spool that changes. Its methods run under the spool's lock.
struct SpoolState {
    var snapshot: SpoolSnapshot
    var open: OpenChunk?
    var sealedBytes: UInt64 = 0
    var sealedCount = 0
    var recovered: [SealedChunk] = []
    var findings: [String] = []
    var failure: SpoolError?

    var openLength: UInt64 { open?.length ?? 0 }
    var opened: Nanoseconds? { open?.opened }
    var isEmpty: Bool { sealedCount == 0 && open == nil }

    mutating func append(
        _ header: BlockHeader, frame: UnsafeRawBufferPointer, options: SpoolOptions, directory: String
    ) throws(SpoolError) -> SealedChunk? {
        if let failure { throw failure }
        let chunk = try openChunk(options, directory)
        do throws(SpoolError) { try chunk.append(header, frame: frame) } catch {
            if error.kind == .io { failure = error }
            throw error
        }
        let source = SourceGeneration(stream: header.stream, generation: header.generation)
        snapshot.positions[source] = max(snapshot.positions[source] ?? 0, header.positions.end)
        guard chunk.length >= options.chunkBytes, !chunk.waitsForMerging(options) else { return nil }
        return try seal(options: options, directory: directory)
    }

    private mutating func openChunk(_ options: SpoolOptions, _ directory: String) throws(SpoolError) -> OpenChunk {
        if let open { return open }
        let chunk = try OpenChunk(creating: directory + "/open.chunk", opened: options.clock())
        try SpoolDirectory.synchronize(directory)
        open = chunk
        return chunk
    }

    func synchronize() throws(SpoolError) { try open?.synchronize() }

    mutating func seal(options: SpoolOptions, directory: String) throws(SpoolError) -> SealedChunk? {
        guard let chunk = open, chunk.length > 0 else { return nil }
        let description = ChunkDescription(
            archive: options.archive, writer: snapshot.writer, sequence: snapshot.nextSequence,
            sealed: options.clock(), previous: snapshot.previous, redundancy: options.redundancy)
        let sealed = try chunk.seal(description, directory: directory)
        open = nil
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
    private var builder: ChunkBuilder?
    private var durableLength: UInt64 = 0
    private var mayHaveTail = false
    /// Blocks when it was last merged.
    private(set) var mergedBlocks = 0
    /// Bytes of small blocks since then.
    private(set) var unmergedBytes: UInt64 = 0

    init(creating path: String, opened: Nanoseconds) throws(SpoolError) {
        self.opened = opened
        file = try SpoolFile(creating: path)
        builder = ChunkBuilder()
    }

    /// Goes on with a file whose blocks `builder` has adopted.
    init(adopting file: SpoolFile, builder: consuming ChunkBuilder, opened: Nanoseconds) {
        self.opened = opened
        self.file = file
        self.builder = consume builder
    }

    /// Goes on with a file that was merged, and synced as a whole.
    init(merged file: SpoolFile, builder: consuming ChunkBuilder, opened: Nanoseconds) {
        self.opened = opened
        self.file = file
        durableLength = builder.length
        mergedBlocks = builder.blocks.count
        self.builder = consume builder
    }

    var blocks: [BlockEntry] { builder?.blocks ?? [] }
    var blockCount: Int { builder?.blocks.count ?? 0 }

    var length: UInt64 { builder?.length ?? 0 }

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
        builder?.append(header, headerFrame: headerFrame, frame: frame)
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

    /// Writes directory and seek table, syncs, and gives the file its name among the sealed ones.
    func seal(_ description: ChunkDescription, directory: String) throws(SpoolError) -> SealedChunk {
        guard let finished = builder.take() else {
            throw SpoolError(.damaged, path: file.path, reason: "chunk was sealed before")
        }
        let start = finished.length
        let (tail, manifest): ([UInt8], Manifest)
        do throws(FormatError) { (tail, manifest) = try finished.finish(description) } catch {
            throw SpoolError(.damaged, path: file.path, reason: "cannot describe the chunk: \(error)")
        }
        try tail.withBytes { bytes throws(SpoolError) in try file.write(bytes, at: start) }
        if mayHaveTail { try file.truncate(to: start + UInt64(tail.count)) }
        try file.synchronize()
        let name = SpoolRecovery.sealedName(manifest.chunk)
        let target = "\(directory)/sealed/\(name)"
        try SpoolDirectory.rename(file.path, to: target)
        try SpoolDirectory.synchronize("\(directory)/sealed")
        return SealedChunk(manifest: manifest, path: target)
    }
}

extension SpoolSnapshot {
    /// Replaces the snapshot atomically and durably.
    func write(in directory: String) throws(SpoolError) {
        let temporary = directory + "/snapshot.new"
        try SpoolDirectory.remove(temporary)
        let file = try SpoolFile(creating: temporary)
        try encoded().withBytes { bytes throws(SpoolError) in try file.write(bytes, at: 0) }
        try file.synchronize()
        try SpoolDirectory.rename(temporary, to: directory + "/snapshot")
        try SpoolDirectory.synchronize(directory)
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

import ArchiveTypes
import ChunkFormat

/// What an open chunk is due for.
package enum ChunkDue: Sendable, Hashable {
    /// It is old or large enough: to be merged and sealed.
    case sealing
    /// It has very many blocks: to be merged, so that they take no more memory than need be.
    case merging
}

/// Writes an open chunk anew with its small blocks merged.
///
/// The new file is written beside the old one, which goes on taking blocks; those that came meanwhile follow in it. It is
/// synced as a whole and then takes the old one's name: at every moment one of them, and one only, is the open chunk,
/// and both hold the same lines under the same positions. A file that a crash left half written is removed at recovery.
final class ChunkMerging {
    private let source: SpoolFile
    private let target: SpoolFile
    private let directory: SpoolDirectory
    private let blocks: [BlockEntry]
    private let order: [Int]
    private let merger: BlockMerger
    private var builder: ChunkBuilder? = ChunkBuilder()
    private var buffer: [UInt8] = []

    static func path(in directory: SpoolDirectory) -> String { directory.path + "/open.merged" }

    init(
        _ source: SpoolFile, _ blocks: [BlockEntry], _ plan: MergePlan, _ merging: SpoolOptions.Merging,
        directory: SpoolDirectory
    ) throws(SpoolError) {
        self.source = source
        self.directory = directory
        self.blocks = blocks
        order = plan.order
        merger = try Self.told(source) { () throws(FormatError) in
            try BlockMerger(blockBytes: merging.blockBytes, settings: plan.settings(level: merging.level))
        }
        try directory.remove(Self.path(in: directory))
        target = try directory.create(Self.path(in: directory))
    }

    /// Merges the blocks that were there at the beginning. Needs no lock: their bytes never change.
    func mergeBlocks() throws(SpoolError) {
        do throws(SpoolError) {
            for index in order { try take(blocks[index]) }
            try takeRest()
        } catch {
            throw abandoned(error)
        }
    }

    /// Adds the blocks that came meanwhile, syncs, and puts the file in the place of the old one.
    /// - Returns: the chunk to go on with.
    /// - Throws: kind `.io` where it is not known which of both files is there.
    func finish(_ chunk: OpenChunk) throws(SpoolError) -> OpenChunk {
        do throws(SpoolError) {
            for entry in chunk.blocks[blocks.count...] { try take(entry) }
            try takeRest()
            try target.synchronize()
            try directory.rename(target.path, to: source.path)
        } catch {
            throw abandoned(error)
        }
        do throws(SpoolError) {
            try directory.synchronize(directory.path)
            return OpenChunk(
                merged: try directory.open(source.path), builder: builder.take() ?? ChunkBuilder(),
                opened: chunk.opened)
        } catch {
            throw SpoolError(.io, path: error.path, reason: error.reason)
        }
    }

    /// Removes the file: the chunk was sealed meanwhile.
    func abandon() throws(SpoolError) { try directory.remove(target.path) }

    private func take(_ entry: BlockEntry) throws(SpoolError) {
        try source.read(Int(entry.length), at: entry.offset, into: &buffer)
        try write(
            try Self.told(source) { () throws(FormatError) in
                let added = buffer.withUnsafeBytes { bytes -> Result<[BlockMerger.Block], FormatError> in
                    do throws(FormatError) { return .success(try merger.add(bytes)) } catch { return .failure(error) }
                }
                return try added.get()
            })
    }

    private func takeRest() throws(SpoolError) {
        try write(try Self.told(source) { () throws(FormatError) in try merger.finish() })
    }

    private func write(_ blocks: [BlockMerger.Block]) throws(SpoolError) {
        for block in blocks {
            let headerFrame = try Self.told(source) { () throws(FormatError) in try block.header.encodedFrame() }
            let offset = builder?.length ?? 0
            try headerFrame.withBytes { header throws(SpoolError) in
                try block.frame.withBytes { frame throws(SpoolError) in
                    try target.write(header, frame, at: offset)
                    builder?.append(block.header, headerFrame: headerFrame, frame: frame)
                }
            }
        }
    }

    private static func told<Value>(
        _ file: SpoolFile, _ body: () throws(FormatError) -> Value
    ) throws(SpoolError) -> Value {
        do throws(FormatError) { return try body() } catch {
            throw SpoolError(.damaged, path: file.path, reason: "cannot merge its blocks: \(error)")
        }
    }

    /// Nothing has changed but that a file is to go: the old chunk is as it was, so its disk did not fail.
    private func abandoned(_ error: SpoolError) -> SpoolError {
        do throws(SpoolError) { try abandon() } catch { return error }
        return error.kind == .io ? SpoolError(.damaged, path: error.path, reason: error.reason) : error
    }
}

extension SpoolState {
    func due(_ options: SpoolOptions) -> ChunkDue? {
        guard let open, open.length > 0 else { return nil }
        if options.ticks() - open.opened >= options.chunkAge || open.length >= options.chunkBytes { return .sealing }
        return options.merging != nil && open.hasManyBlocks ? .merging : nil
    }

    mutating func adopt(_ work: ChunkMerging, of chunk: OpenChunk, directory: SpoolDirectory) throws(SpoolError) {
        guard open === chunk else { return try work.abandon() }
        do throws(SpoolError) { open = try work.finish(chunk) } catch {
            if error.kind == .io { failure = failure ?? error }
            throw error
        }
    }
}

extension OpenChunk {
    /// Entries of blocks take memory: this many are a few megabytes.
    private static let manyBlocks = 16_384

    var hasManyBlocks: Bool { blockCount - mergedBlocks >= Self.manyBlocks }

    /// Whether merging will make it so much smaller that sealing at its size can wait for that.
    func waitsForMerging(_ options: SpoolOptions) -> Bool {
        options.merging != nil && length < 2 * options.chunkBytes && unmergedBytes >= length / 8
            && blockCount < Limits.blocksInChunk / 2
    }
}

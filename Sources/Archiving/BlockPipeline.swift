import ArchiveTypes
package import ChunkFormat
package import Spool
import Threads

/// Takes blocks from sources to the spool with several threads: reading and finding times goes on for one block at a
/// time, compression for as many as there are threads, and blocks reach the spool in the order in which they were read.
/// What is archived therefore does not depend on the number of threads.
package final class BlockPipeline: Sendable {
    private let spool: Spool
    private let reading: Monitor<Reading>
    private let writing: Monitor<Writing>
    private let sealed: @Sendable (SealedChunk) -> Void

    /// Finished blocks that may wait for an earlier one, a thread.
    private static let waitingBlocks = 2

    private struct Reading {
        var next: NextBlock
        let chooser: CompressionChooser
        var ticket: UInt64 = 0
        var isFinished = false
    }

    private struct Writing {
        var nextTicket: UInt64 = 0
        var waiting: [UInt64: EncodedBlock] = [:]
        var isAppending = false
        var spare: [FrameBuffer] = []
        var totals = BlockTotals()
        var failure: (any Error)?
    }

    /// Replaces the buffer by the lines of the next block of whatever source; nil when all are read.
    package typealias NextBlock = (inout [UInt8]) throws -> BlockDraft?

    /// - Parameter sealed: told of each chunk that `spool` seals; called on the pipeline's threads.
    package init(
        spool: Spool, settings: CompressionSettings, next: sending @escaping NextBlock,
        sealed: @escaping @Sendable (SealedChunk) -> Void
    ) throws(FormatError) {
        self.spool = spool
        self.sealed = sealed
        reading = Monitor(Reading(next: next, chooser: try CompressionChooser(settings)))
        writing = Monitor(Writing())
    }

    /// Runs until the sources are read to the end or something fails for good, then seals the last chunk.
    package func run(threads: Int) async throws -> BlockTotals {
        await WorkerThreads.run(count: threads) { [self] _ in work(threads: threads) }
        let (totals, failure) = writing.read { ($0.totals, $0.failure) }
        if let failure { throw failure }
        let last = await WorkerThreads.run { [spool] () -> Result<SealedChunk?, SpoolError> in
            do throws(SpoolError) { return .success(try spool.seal()) } catch { return .failure(error) }
        }
        if let chunk = try last.get() { sealed(chunk) }
        return totals
    }

    /// Makes all threads stop after the block they are at.
    package func fail(_ error: any Error) { writing.update { $0.failure = $0.failure ?? error } }

    private func work(threads: Int) {
        do {
            let encoder = BlockEncoder()
            var raw: [UInt8] = []
            while let (ticket, draft, settings) = try read(into: &raw) {
                let frame = try writing.wait { state -> FrameBuffer? in
                    if let failure = state.failure { throw failure }
                    guard state.waiting.count < Self.waitingBlocks * threads || state.nextTicket == ticket else {
                        return nil
                    }
                    return state.spare.popLast() ?? FrameBuffer()
                }
                let block = try raw.withUnsafeBytes { try encoder.encode(draft, $0, settings, into: frame) }
                try append(block, ticket: ticket)
            }
        } catch {
            fail(error)
            reading.update { $0.isFinished = true }
        }
    }

    private func read(into raw: inout [UInt8]) throws -> (UInt64, BlockDraft, CompressionSettings)? {
        try reading.update { state in
            guard !state.isFinished else { return nil }
            guard let draft = try state.next(&raw) else {
                state.isFinished = true
                return nil
            }
            let settings = try raw.withUnsafeBytes { try state.chooser.settings(for: draft.stream, $0) }
            defer { state.ticket += 1 }
            return (state.ticket, draft, settings)
        }
    }

    /// Hands a block over. One thread at a time appends, all blocks whose turn it is.
    private func append(_ block: EncodedBlock, ticket: UInt64) throws {
        writing.update { $0.waiting[ticket] = block }
        while let block = try nextToAppend() {
            let chunk = try spool.append(block.header, frame: block.frame.bytes)
            writing.update { state in
                state.isAppending = false
                state.nextTicket += 1
                state.totals.add(block.header)
                state.spare.append(block.frame)
            }
            if let chunk { sealed(chunk) }
        }
    }

    private func nextToAppend() throws -> EncodedBlock? {
        try writing.update { state in
            if let failure = state.failure { throw failure }
            guard !state.isAppending, let block = state.waiting.removeValue(forKey: state.nextTicket) else {
                return nil
            }
            state.isAppending = true
            return block
        }
    }
}

/// What went through a pipeline.
package struct BlockTotals: Sendable, Hashable {
    package var blocks: UInt64 = 0
    package var lines: UInt64 = 0
    package var rawBytes: UInt64 = 0

    mutating func add(_ header: BlockHeader) {
        blocks += 1
        lines += UInt64(header.lineCount) - (header.continuesBefore ? 1 : 0)
        rawBytes += header.rawLength
    }
}

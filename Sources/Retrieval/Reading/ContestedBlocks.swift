import ArchiveIndex
import ArchiveTypes
import ChunkFormat

/// Settles which positions of overlapping blocks are shown: equal bytes once, unequal ones as often as there are.
struct ContestedBlocks {
    private let source: BlockSource

    init(_ source: BlockSource) { self.source = source }

    /// `blocks` with nothing contested any more.
    func settle(_ blocks: [PlannedBlock], _ outcome: inout ReadOutcome) async throws -> [PlannedBlock] {
        guard blocks.contains(where: { !$0.contested.isEmpty }) else { return blocks }
        var settled = blocks
        for index in blocks.indices where !blocks[index].contested.isEmpty {
            try Task.checkCancellation()
            settled[index].contested = []
            guard try await disagrees(blocks[index]) else { continue }
            let block = blocks[index].row.block
            settled[index].show = [block.positions]
            outcome.warnings.append(
                "\(block.stream): overlapping positions \(block.positions.first) to \(block.positions.end) with unequal bytes in \(blocks[index].row.chunk) and elsewhere: all are shown"
            )
        }
        return settled
    }

    /// Whether a block and one of those that overlap it differ where they overlap. A block that cannot be read differs
    /// from none: whoever shows it says what is wrong with it.
    private func disagrees(_ block: PlannedBlock) async throws -> Bool {
        let positions = block.row.block.positions
        guard case .success(let ours) = await lines(block.row) else { return false }
        for other in block.contested {
            let common = PositionRange(
                first: max(positions.first, other.block.positions.first),
                end: max(
                    max(positions.first, other.block.positions.first), min(positions.end, other.block.positions.end)))
            guard common.count > 0, case .success(let theirs) = await lines(other) else { continue }
            if ours.bytes[ours.range(common)] != theirs.bytes[theirs.range(common)] { return true }
        }
        return false
    }

    private struct Lines: Sendable {
        var bytes: [UInt8]
        var positions: PositionRange

        func range(_ wanted: PositionRange) -> Range<Int> {
            let ends = positions.count == UInt64(bytes.count) ? [] : bytes.lineEnds
            return BlockLines.range(of: wanted, positions: positions, rawLength: bytes.count, ends: ends)
        }
    }

    private func lines(_ row: IndexRow) async -> Result<Lines, Incompleteness> {
        let piece = Piece(row: row, show: row.block.positions, leastTime: 0, greatestTime: 0)
        let source = source
        return await Task.detached {
            await source.open(piece) { worker, stored throws(Incompleteness) in
                Lines(bytes: try worker.lines(piece, stored).1, positions: row.block.positions)
            }
        }.value
    }
}

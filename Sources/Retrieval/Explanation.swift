package import ArchiveIndex
import ChunkFormat
import ObjectStore

/// What an answer would cost, without giving it.
package struct Explanation: Sendable {
    /// Blocks that would be fetched, of how many chunks, and bytes and requests for that.
    package var blocks: Int
    package var chunks: Int
    package var bytes: UInt64
    package var requests: Int
    /// Lines and bytes of these blocks: the answer has at most as many.
    package var lines: UInt64
    package var rawBytes: UInt64
    /// Blocks whose lines are counted without being fetched.
    package var countedBlocks: Int
    /// Blocks that equal others, and blocks that have to be compared with others first.
    package var duplicates: Int
    package var contested: Int
    /// Blocks that are opened more than once, because more overlap than memory holds.
    package var windowedBlocks: Int
    /// How the plan was made.
    package var steps: BlockPlan.Steps
    package var shortfall: Shortfall
    package var warnings: [String]
}

extension ArchiveReader {
    /// Plans an answer and says what it would do.
    package func explain(_ request: GetRequest) async throws -> Explanation {
        let plan = try await planner.plan(request.selection.query([.lines, .gap]))
        var list = PieceList(plan.blocks, range: request.selection.range)
        let all = list.pieces.count
        if request.countsOnly, request.selection.text.isNone {
            _ = list.removeCountable(range: request.selection.range)
        }
        let job = MergeJob(
            list, request.question, options, isRemote: store.capabilities.isRemote, isGradual: request.limit != nil)
        return Explanation(
            blocks: list.pieces.count, chunks: Set(list.pieces.map(\.row.chunk)).count,
            bytes: job.fetch.requests.reduce(0) { $0 + $1.length }, requests: job.fetch.requests.count,
            lines: list.pieces.reduce(0) { $0 + UInt64($1.row.block.lineCount) },
            rawBytes: list.pieces.reduce(0) { $0 + $1.row.block.rawLength }, countedBlocks: all - list.pieces.count,
            duplicates: plan.duplicates, contested: plan.blocks.count { !$0.contested.isEmpty },
            windowedBlocks: job.residency.windows.count { $0 != nil }, steps: plan.steps, shortfall: Shortfall(plan),
            warnings: plan.warnings.map(\.description))
    }
}

import ArchiveIndex
import ArchiveTypes
import ChunkFormat

/// Completeness follows from positions: within a generation each block begins where the one before it ended, or a gap
/// block says why not.
extension ArchiveReader {
    /// Generations that are looked at more closely at most; beyond it the holes are told as they seem.
    private static let mostSuspects = 64
    /// Losses that are told with their reason, which stands in the gap block itself.
    private static let mostReasons = 100

    /// Adds the positions that no block holds between those of the plan, and what gap blocks say was lost.
    func addHoles(
        _ plan: BlockPlan, _ selection: Selection, _ source: BlockSource, to outcome: inout ReadOutcome
    ) async throws {
        for hole in try await holes(plan.blocks, selection) {
            outcome.shortfall.add(
                Incompleteness(
                    .hole, stream: hole.stream, generation: hole.generation, positions: hole.positions,
                    reason: "no block holds these positions: a chunk is missing, or not archived yet"))
        }
        let held = Set(plan.blocks.lazy.filter { $0.row.block.kind == .lines }.map { Extent($0.row) })
        // Where a block of lines has a gap's very positions, rules of the input have left some out: nothing is lacking.
        let gaps = plan.blocks.lazy.map(\.row).filter { $0.block.kind == .gap && !held.contains(Extent($0)) }
        for (number, row) in gaps.enumerated() {
            guard number < Self.mostReasons else {
                outcome.shortfall.add(Self.loss(row, nil))
                continue
            }
            if let loss = await loss(row, source) { outcome.shortfall.add(loss) }
        }
    }

    private struct Extent: Hashable {
        var life: Life
        var positions: PositionRange

        init(_ row: IndexRow) { (life, positions) = (Life(row), row.block.positions) }
    }

    /// A plan for a range of time or for labels may leave out blocks between others: only the plan of all of a
    /// generation tells whether they are there.
    private func holes(_ blocks: [PlannedBlock], _ selection: Selection) async throws -> [PositionHole] {
        let suspected = Dictionary(grouping: blocks.map(\.row), by: Life.init)
            .sorted { $0.key < $1.key }.flatMap { PositionHole.find(in: $0.value) }
        let query = selection.query([.lines, .gap])
        guard query.times != .all || !query.labels.isEmpty else { return suspected }
        var confirmed: [PositionHole] = []
        for (life, seen) in Dictionary(grouping: suspected, by: Life.init).sorted(by: { $0.key < $1.key })
            .prefix(Self.mostSuspects)
        {
            let all = Selection(
                hosts: [Glob(exactly: life.stream.host)], sources: [Glob(exactly: life.stream.source)],
                generation: life.generation)
            let real = PositionHole.find(in: try await planner.plan(all.query([.lines, .gap])).blocks.map(\.row))
            confirmed += real.filter { hole in seen.contains { $0.positions.overlaps(hole.positions) } }
        }
        return confirmed
    }

    private struct Life: Hashable, Comparable {
        var stream: StreamID
        var generation: Generation

        init(_ row: IndexRow) { (stream, generation) = (row.block.stream, row.block.generation) }

        init(_ hole: PositionHole) { (stream, generation) = (hole.stream, hole.generation) }

        static func < (left: Life, right: Life) -> Bool {
            left.stream != right.stream ? left.stream < right.stream : left.generation < right.generation
        }
    }

    /// What a gap block says; nil where it is of lines that were not wanted.
    private func loss(_ row: IndexRow, _ source: BlockSource) async -> Incompleteness? {
        let piece = Piece(
            row: row, show: row.block.positions, leastTime: row.block.leastTime, greatestTime: row.block.greatestTime)
        let answer = await source.open(piece) { worker, stored throws(Incompleteness) in
            try worker.lines(piece, stored).0
        }
        switch answer {
        case .failure(let lack): return lack
        case .success(let header):
            return header.gap?.reason == BlockHeader.Gap.droppedByRule ? nil : Self.loss(row, header)
        }
    }

    private static func loss(_ row: IndexRow, _ header: BlockHeader?) -> Incompleteness {
        let piece = Piece(
            row: row, show: row.block.positions, leastTime: row.block.leastTime, greatestTime: row.block.greatestTime)
        let lines = header?.gap?.lines.map { "\($0) lines " } ?? ""
        let reason = header?.gap.map { ": \($0.reason)" } ?? ""
        return Incompleteness(piece, .lost, reason: "\(lines)lost before they were archived\(reason)")
    }
}

import ArchiveIndex
import ArchiveTypes
import ChunkFormat

extension ArchiveReader {
    /// Prints the selected lines, then, again and again, those that were archived since: in order within each batch.
    ///
    /// Ends only by an error: `SinkError.closed` when the reader has gone, `CancellationError` when told to stop. A batch
    /// that cannot be planned is told and tried again.
    /// - Parameters:
    ///   - pause: waits for as long as polls should lie apart.
    ///   - told: what became of each batch that printed, lacked or warned of anything.
    package func follow(
        _ request: GetRequest, to sink: any ByteSink, pause: @Sendable () async throws -> Void,
        told: @Sendable (ReadOutcome) -> Void
    ) async throws {
        var request = request
        (request.isReversed, request.countsOnly, request.limit) = (false, false, nil)
        var shown = ShownLedger()
        while true {
            try Task.checkCancellation()
            let outcome = try await batch(request, &shown, to: sink)
            if outcome.lines > 0 || !outcome.isComplete || !outcome.warnings.isEmpty { told(outcome) }
            try await pause()
        }
    }

    private func batch(
        _ request: GetRequest, _ shown: inout ShownLedger, to sink: any ByteSink
    ) async throws -> ReadOutcome {
        var plan: BlockPlan
        do {
            plan = try await planner.plan(request.selection.query([.lines, .gap]))
        } catch let error as CancellationError {
            throw error
        } catch {
            try Task.checkCancellation()
            var outcome = ReadOutcome()
            outcome.shortfall.add(Incompleteness(.unreadable, reason: "\(error)"))
            return outcome
        }
        plan.blocks = plan.blocks.compactMap { shown.take($0) }
        return try await answer(request, plan, to: sink, ReadProgress())
    }
}

/// What has been printed already, by positions: a later chunk may hold the same lines again.
private struct ShownLedger {
    private struct Life: Hashable {
        var stream: StreamID
        var generation: Generation
    }

    private struct Place: Hashable {
        var chunk: ChunkKey
        var offset: UInt64
    }

    private var ranges: [Life: PositionSet] = [:]
    /// Blocks that share positions with others, and gaps, are known by where they lie.
    private var places: Set<Place> = []

    /// What of a block has not been shown; nil where all has.
    mutating func take(_ block: PlannedBlock) -> PlannedBlock? {
        let entry = block.row.block
        if !block.contested.isEmpty || entry.positions.count == 0 {
            guard places.insert(Place(chunk: block.row.chunk, offset: entry.offset)).inserted else { return nil }
        }
        guard entry.positions.count > 0 else { return block }
        let life = Life(stream: entry.stream, generation: entry.generation)
        var rest = block
        rest.show = block.show.flatMap { ranges[life, default: PositionSet()].insert($0) }
        return rest.show.isEmpty && block.contested.isEmpty ? nil : rest
    }
}

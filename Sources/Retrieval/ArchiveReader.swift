import ArchiveIndex
import ArchiveTypes
package import ObjectStore
import ChunkFormat

/// Reads an archive back.
package struct ArchiveReader: Sendable {
    package let store: any ObjectStore
    package let planner: any BlockPlanning
    package let options: ReadOptions

    package init(store: any ObjectStore, planner: any BlockPlanning, options: ReadOptions = ReadOptions()) {
        self.store = store
        self.planner = planner
        self.options = options
    }
}

/// What is wanted of the selected lines.
package struct GetRequest: Sendable {
    package var selection: Selection
    package var output: OutputOptions
    /// At most this many lines.
    package var limit: UInt64?
    /// Newest first; the lines of a record keep their order.
    package var isReversed: Bool
    /// Print nothing. Blocks that are selected whole are counted from the index: there, a line that was split between two
    /// blocks counts in both.
    package var countsOnly: Bool

    package init(
        _ selection: Selection, output: OutputOptions = OutputOptions(), limit: UInt64? = nil, isReversed: Bool = false,
        countsOnly: Bool = false
    ) {
        self.selection = selection
        self.output = output
        self.limit = limit
        self.isReversed = isReversed
        self.countsOnly = countsOnly
    }

    var question: Question {
        Question(
            range: selection.range, text: selection.text,
            wholeRecords: selection.wholeRecords && !selection.text.isNone,
            isReversed: isReversed && !countsOnly)
    }
}

/// What became of an answer.
package struct ReadOutcome: Sendable {
    /// Lines printed or counted.
    package var lines: UInt64 = 0
    /// Bytes printed.
    package var bytes: UInt64 = 0
    /// What the answer lacks: exit status 3 where there is anything.
    package var shortfall = Shortfall()
    /// What is worth saying beside that: lower-case clauses.
    package var warnings: [String] = []

    package var isComplete: Bool { shortfall.isEmpty }

    package init() {}
}

extension ArchiveReader {
    /// Prints the selected lines, merged by (event time, host, source, generation, position).
    ///
    /// What cannot be read is left out and told in the outcome.
    /// - Throws: `SinkError`, `CancellationError`; whatever the planner throws where it can plan nothing.
    package func get(
        _ request: GetRequest, to sink: any ByteSink, progress: ReadProgress = ReadProgress()
    ) async throws -> ReadOutcome {
        let plan = try await planner.plan(request.selection.query([.lines, .gap]))
        return try await answer(request, plan, to: sink, progress)
    }

    /// The answer from a plan that stands.
    func answer(
        _ request: GetRequest, _ plan: BlockPlan, to sink: any ByteSink, _ progress: ReadProgress
    ) async throws -> ReadOutcome {
        var outcome = ReadOutcome()
        outcome.shortfall = Shortfall(plan)
        outcome.warnings = plan.warnings.map(\.description)
        let source = BlockSource(store, request.question, progress: progress, spareMemory: options.openMemory / 8)
        let blocks = try await ContestedBlocks(source).settle(plan.blocks, &outcome)
        var list = PieceList(blocks, range: request.selection.range)
        var left = request.limit
        if request.countsOnly, request.selection.text.isNone {
            outcome.lines = list.removeCountable(range: request.selection.range)
            left = left.map { $0 - min($0, outcome.lines) }
        }
        progress.expect(blocks: list.pieces.count)
        let isRemote = store.capabilities.isRemote
        let job = MergeJob(list, request.question, options, isRemote: isRemote, isGradual: request.limit != nil)
        let printer = AnswerPrinter(request.output, sink, request.question, limit: left, countsOnly: request.countsOnly)
        let merge = AnswerMerge(job, source: source, printer: printer)
        defer { merge.thread.close() }
        let result = try await merge.run()
        outcome.lines += result.lines
        if let limit = request.limit { outcome.lines = min(outcome.lines, limit) }
        outcome.bytes = result.bytes
        outcome.shortfall.add(contentsOf: result.shortfall)
        outcome.warnings += source.warnings
        try await addHoles(plan, request.selection, source, to: &outcome)
        return outcome
    }
}

extension PieceList {
    /// Takes out the pieces whose lines are all in `range`, as their rows tell, and counts these.
    mutating func removeCountable(range: TimeRange) -> UInt64 {
        var lines: UInt64 = 0
        removeAll { piece in
            let block = piece.row.block
            // Lines of containers may be of several records: these are opened.
            guard block.labels[LineWrapping.label] == nil, piece.isWhole, range.from <= block.leastTime,
                block.greatestTime < range.to
            else { return false }
            lines += UInt64(block.lineCount)
            return true
        }
        return lines
    }
}

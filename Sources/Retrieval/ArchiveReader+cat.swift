import ArchiveIndex
package import ArchiveTypes
import ChunkFormat
import ObjectStore

extension ArchiveReader {
    /// Writes a stream's bytes exactly as its source had them, in the order of positions, generation after generation,
    /// or of one generation only.
    ///
    /// Holes and losses are told in the outcome, at whose place nothing is written.
    /// - Throws: as `get`.
    package func cat(
        _ stream: StreamID, generation: Generation? = nil, to sink: any ByteSink,
        progress: ReadProgress = ReadProgress()
    ) async throws -> ReadOutcome {
        let selection = Selection(
            hosts: [Glob(exactly: stream.host)], sources: [Glob(exactly: stream.source)], generation: generation)
        let plan = try await planner.plan(selection.query([.lines, .gap]))
        let question = Question(range: .all, text: .none, wholeRecords: false, isReversed: false)
        let source = BlockSource(store, question, progress: progress, spareMemory: options.openMemory / 8)
        var told = ReadOutcome()
        told.warnings = plan.warnings.map(\.description)
        let list = PieceList(try await ContestedBlocks(source).settle(plan.blocks, &told))
        progress.expect(blocks: list.pieces.count)
        let copy = StreamCopy(list, source: source, options: options, isRemote: store.capabilities.isRemote)
        defer { copy.thread.close() }
        var outcome = try await copy.run(to: sink)
        outcome.warnings = told.warnings + source.warnings + Self.lateBeginnings(list)
        outcome.shortfall.add(contentsOf: Shortfall(plan))
        try await addHoles(plan, selection, source, to: &outcome)
        return outcome
    }

    /// Archiving may have begun at a file's end: that is no hole, but worth saying.
    private static func lateBeginnings(_ list: PieceList) -> [String] {
        var notes: [String] = []
        var last: Generation?
        for piece in list.pieces where piece.row.block.generation != last {
            last = piece.row.block.generation
            let block = piece.row.block
            guard piece.show.first > 0, block.positions.count == block.rawLength, block.lineCount > 0 else { continue }
            notes.append("\(block.stream): generation \(block.generation) begins at position \(piece.show.first)")
        }
        return notes
    }
}

extension Glob {
    /// Matches `text` and nothing else.
    init(exactly text: String) {
        self.init(text.reduce(into: "") { $0 += "*?[\\".contains($1) ? "\\\($1)" : String($1) })
    }
}

import ArchiveIndex
package import ArchiveTypes
import ChunkFormat
package import EventTime
import ObjectStore

extension ArchiveReader {
    /// Counts the selected lines by time.
    ///
    /// Blocks that lie inside of one bucket are counted from the index alone, unless texts are asked for; others are read,
    /// or with `isApproximate` spread evenly over their time.
    /// - Parameters:
    ///   - width: of a bucket; nil for about `count` of them.
    ///   - zone: by whose clocks buckets begin at whole multiples of their width.
    /// - Returns: a nil histogram where there are no lines.
    package func histogram(
        _ selection: Selection, width: Nanoseconds? = nil, count: Int = 60, zone: TimeZoneRules = .utc,
        isApproximate: Bool = false, progress: ReadProgress = ReadProgress()
    ) async throws -> (histogram: Histogram?, outcome: ReadOutcome) {
        let plan = try await planner.plan(selection.query([.lines, .gap]))
        var outcome = ReadOutcome()
        outcome.shortfall = Shortfall(plan)
        outcome.warnings = plan.warnings.map(\.description)
        let request = GetRequest(selection, countsOnly: true)
        let source = BlockSource(store, request.question, progress: progress, spareMemory: options.openMemory / 8)
        var list = PieceList(try await ContestedBlocks(source).settle(plan.blocks, &outcome), range: selection.range)
        guard let extent = Self.extent(list, selection.range) else { return (nil, outcome) }
        var histogram = Histogram(
            extent, width: width ?? Histogram.evenWidth(of: extent, count: count),
            offset: Nanoseconds(zone.utcOffset(at: extent.from)) * .perSecond)
        if selection.text.isNone {
            list.removeAll { histogram.take($0, range: selection.range, isApproximate: isApproximate) }
        }
        let result = try await tally(histogram, list, request, source, progress)
        outcome.shortfall.add(contentsOf: result.shortfall)
        outcome.lines = result.histogram?.buckets.reduce(0) { $0 + $1.lines } ?? 0
        return (result.histogram, outcome)
    }

    private func tally(
        _ histogram: Histogram, _ list: PieceList, _ request: GetRequest, _ source: BlockSource,
        _ progress: ReadProgress
    ) async throws -> AnswerMerge.Result {
        progress.expect(blocks: list.pieces.count)
        let job = MergeJob(
            list, request.question, options, isRemote: store.capabilities.isRemote, isGradual: false)
        let merge = AnswerMerge(job, source: source, printer: AnswerPrinter(request.question, tally: histogram))
        defer { merge.thread.close() }
        return try await merge.run()
    }

    /// The range, cut to where there are lines.
    private static func extent(_ list: PieceList, _ range: TimeRange) -> TimeRange? {
        guard let least = list.pieces.map(\.leastTime).min(), let greatest = list.pieces.map(\.greatestTime).max()
        else {
            return nil
        }
        return TimeRange(from: max(range.from, least), to: greatest == .max ? greatest : min(range.to, greatest + 1))
    }
}

extension Histogram {
    /// Counts a piece from what the index says of it; false where its lines have to be read.
    fileprivate mutating func take(_ piece: Piece, range: TimeRange, isApproximate: Bool) -> Bool {
        let block = piece.row.block
        let isInside = range.from <= block.leastTime && block.greatestTime < range.to && piece.isWhole
        if isInside, let bucket = index(block.leastTime), bucket == index(block.greatestTime) {
            add(block.leastTime, lines: UInt64(block.lineCount), bytes: block.rawLength)
            return true
        }
        guard isApproximate else { return false }
        let span = max(1, Double(block.greatestTime) - Double(block.leastTime))
        let wanted = max(1, Double(piece.greatestTime) - Double(piece.leastTime))
        let share = min(1, wanted / span)
        spread(
            piece.leastTime...piece.greatestTime, lines: UInt64(Double(block.lineCount) * share),
            bytes: UInt64(Double(block.rawLength) * share))
        return true
    }
}

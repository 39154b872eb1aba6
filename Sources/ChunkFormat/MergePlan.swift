import ArchiveTypes

/// Which blocks of a chunk are small neighbours that one block can take the place of, and whether that is worth writing
/// the chunk anew. Depends on the blocks alone.
package struct MergePlan: Sendable {
    /// All blocks by index: those of a generation together, generations as they first appear. Within one, blocks of each
    /// kind keep their order, lines come first.
    package let order: [Int]
    /// Blocks that there will be fewer.
    package let fewerBlocks: Int
    /// Bytes of the chunk that this is about to save: headers, and about half of what small frames take.
    package let savedBytes: UInt64
    /// Raw bytes that will be compressed again.
    package let rawBytes: UInt64
    private let length: UInt64

    /// Many blocks cost readers more than their bytes do.
    private static let manyBlocks = 1024

    package init(_ blocks: [BlockEntry], blockBytes: Int) {
        order = Self.grouped(blocks)
        var merging = Joining(blockBytes: blockBytes)
        for index in order { merging.take(blocks[index]) }
        merging.endRun()
        fewerBlocks = merging.fewerBlocks
        savedBytes = merging.savedBytes
        rawBytes = merging.rawBytes
        length = blocks.reduce(0) { $0 + $1.length }
    }

    /// Whether it saves a sixteenth of the chunk, or many blocks.
    package var isWorthwhile: Bool {
        fewerBlocks > 0 && (savedBytes >= length / 16 || fewerBlocks >= Self.manyBlocks)
    }

    /// How merged blocks are compressed: as hard as pays while there is little of it, which is so where streams are
    /// quiet, and never less than the blocks were.
    package func settings(level: Int) -> CompressionSettings {
        CompressionSettings(level: max(level, rawBytes <= Self.littleBytes ? 6 : 3))
    }

    private static let littleBytes: UInt64 = 64 << 20

    private static func grouped(_ blocks: [BlockEntry]) -> [Int] {
        var places: [BlockLife: Int] = [:]
        var groups: [[Int]] = []
        for (index, block) in blocks.enumerated() {
            let life = BlockLife(stream: block.stream, generation: block.generation)
            if let place = places[life] {
                groups[place].append(index)
            } else {
                places[life] = groups.count
                groups.append([index])
            }
        }
        return groups.flatMap { group in
            BlockKind.allCases.flatMap { kind in group.filter { blocks[$0].kind == kind } }
        }
    }
}

private struct BlockLife: Hashable {
    var stream: StreamID
    var generation: Generation
}

/// Counts what merging gives, by the rules of `BlockJoin`.
private struct Joining {
    let blockBytes: Int
    var fewerBlocks = 0
    var savedBytes: UInt64 = 0
    var rawBytes: UInt64 = 0
    private var run: BlockJoin?
    private var runBlocks = 0
    private var runFrames: UInt64 = 0

    init(blockBytes: Int) { self.blockBytes = blockBytes }

    mutating func take(_ block: BlockEntry) {
        let next = BlockJoin(block, isSmall: BlockJoin.isSmall(block.rawLength, blockBytes))
        if run?.extend(by: next, blockBytes: blockBytes) != true {
            endRun()
            run = next
        }
        runBlocks += 1
        runFrames += block.length - block.headerLength
        if runBlocks > 1 { savedBytes += block.headerLength }
    }

    mutating func endRun() {
        if let run, runBlocks > 1 {
            fewerBlocks += runBlocks - 1
            savedBytes += runFrames / 2
            rawBytes += run.rawLength
        }
        (run, runBlocks, runFrames) = (nil, 0, 0)
    }
}

/// What decides whether a block goes on where the one before it ends, and one block can hold both.
struct BlockJoin {
    var kind: BlockKind
    var stream: StreamID
    var labels: Labels
    var generation: Generation
    var positions: PositionRange
    var lineCount: UInt64
    var rawLength: UInt64
    var leastTime: Nanoseconds
    var greatestTime: Nanoseconds
    var isSmall: Bool

    /// Lines of one merged block: what their times take in memory is bounded by it.
    private static let mostLines: UInt64 = 1 << 18
    /// As where blocks are cut: a jump of event time ends a block that holds this much.
    private static let splitAfter: UInt64 = 64 << 10

    /// Blocks of less than a quarter are merged: more gains little for what it costs.
    static func isSmall(_ rawLength: UInt64, _ blockBytes: Int) -> Bool { rawLength < UInt64(blockBytes / 4) }

    init(_ block: BlockEntry, isSmall: Bool) {
        kind = block.kind
        stream = block.stream
        labels = block.labels
        generation = block.generation
        positions = block.positions
        lineCount = UInt64(block.lineCount)
        rawLength = block.rawLength
        leastTime = block.leastTime
        greatestTime = block.greatestTime
        self.isSmall = isSmall
    }

    /// Takes `next` in, where it belongs to the same block.
    mutating func extend(by next: BlockJoin, blockBytes: Int) -> Bool {
        guard kind == next.kind, kind != .heartbeat, isSmall, next.isSmall, positions.end == next.positions.first,
            rawLength + next.rawLength <= UInt64(blockBytes), lineCount + next.lineCount <= Self.mostLines,
            isNumbered == next.isNumbered, kind == .lines || positions.count > 0 && next.positions.count > 0,
            generation == next.generation, stream == next.stream, labels == next.labels,
            rawLength < Self.splitAfter || !isFar(next)
        else { return false }
        positions = PositionRange(first: positions.first, end: next.positions.end)
        lineCount += next.lineCount
        rawLength += next.rawLength
        leastTime = min(leastTime, next.leastTime)
        greatestTime = max(greatestTime, next.greatestTime)
        return true
    }

    /// Positions are numbers of lines, not offsets of bytes. (Of those there are as many as raw bytes, or more where rules
    /// left lines out.)
    var isNumbered: Bool { positions.count < rawLength }

    private func isFar(_ next: BlockJoin) -> Bool {
        let (ahead, behind) = (
            next.leastTime.subtractingReportingOverflow(greatestTime),
            leastTime.subtractingReportingOverflow(next.greatestTime)
        )
        return ahead.overflow || behind.overflow || max(ahead.partialValue, behind.partialValue) > .perHour
    }
}

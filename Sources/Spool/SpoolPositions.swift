import ArchiveTypes
import ChunkFormat

/// How far each generation is archived and spooled.
///
/// Only what is archived is kept in the snapshot, with what is archived beyond a hole: what the spool holds is told by its
/// files, so that a block which was lost with them is read again from its source.
struct SpoolPositions {
    /// The end of what is archived without a hole since reading began; at first where reading began. In the snapshot.
    private(set) var archived: [SourceGeneration: UInt64]
    /// The end of what is archived or in the spool, without a hole.
    private var held: [SourceGeneration: UInt64] = [:]
    /// Archived beyond a hole, since chunks are archived in any order: ascending, apart. In the snapshot.
    private(set) var ahead: [SourceGeneration: [PositionRange]]
    /// How many sealed chunks hold something of a generation.
    private var chunks: [SourceGeneration: Int] = [:]
    private var ended: Set<SourceGeneration> = []
    /// Otherwise a generation is forgotten when its last chunk is archived.
    private let keepsArchived: Bool

    init(_ snapshot: SpoolSnapshot, keepsArchived: Bool = true) {
        archived = keepsArchived ? snapshot.positions : [:]
        ahead = keepsArchived ? snapshot.ahead : [:]
        self.keepsArchived = keepsArchived
    }

    subscript(source: SourceGeneration) -> UInt64? { held[source] ?? archived[source] }

    /// Reading of a generation begins at `position`, unless it began before.
    mutating func begin(_ source: SourceGeneration, at position: UInt64) {
        if archived[source] == nil { archived[source] = position }
    }

    /// What recovery found in the spool.
    mutating func recover(_ found: HeldRanges) {
        for (source, ranges) in found.ranges.merging(ahead, uniquingKeysWith: +) {
            var end = archived[source] ?? ranges.map(\.first).min() ?? 0
            for range in ranges.sorted(by: { $0.first < $1.first }) where range.first <= end {
                end = max(end, range.end)
            }
            held[source] = end
        }
    }

    mutating func append(_ header: BlockHeader) {
        let source = SourceGeneration(stream: header.stream, generation: header.generation)
        guard let end = self[source] else {
            begin(source, at: header.positions.first)
            held[source] = header.positions.end
            return
        }
        if header.positions.first <= end { held[source] = max(end, header.positions.end) }
    }

    mutating func seal(_ blocks: [BlockEntry]) {
        for source in Set(blocks.map(SourceGeneration.init)) { chunks[source, default: 0] += 1 }
    }

    /// A sealed chunk of these blocks is archived.
    mutating func archive(_ blocks: [BlockEntry]) {
        for (source, ranges) in HeldRanges.of(blocks) {
            var waiting = (ahead.removeValue(forKey: source) ?? []) + ranges
            waiting.sort { $0.first < $1.first }
            var end = archived[source] ?? waiting[0].first
            waiting.removeAll { range in
                guard range.first <= end else { return false }
                end = max(end, range.end)
                return true
            }
            archived[source] = end
            if !waiting.isEmpty { ahead[source] = HeldRanges.joined(waiting) }
        }
        for source in Set(blocks.map(SourceGeneration.init)) {
            chunks[source, default: 1] -= 1
            if chunks[source] == 0 { chunks[source] = nil }
            if !keepsArchived { ended.insert(source) }
            forgetIfDone(source)
        }
    }

    /// Nothing more comes of a generation, and nobody will ask for its position.
    mutating func end(_ source: SourceGeneration) {
        ended.insert(source)
        forgetIfDone(source)
    }

    mutating func end(where isOver: (SourceGeneration) -> Bool) {
        for source in Set(archived.keys).union(held.keys) where isOver(source) { end(source) }
    }

    private mutating func forgetIfDone(_ source: SourceGeneration) {
        guard ended.contains(source), chunks[source] == nil, (archived[source] ?? 0) >= (self[source] ?? 0) else {
            return
        }
        ended.remove(source)
        archived[source] = nil
        held[source] = nil
        ahead[source] = nil
    }
}

/// Positions of lines and gaps that blocks hold, gathered chunk by chunk.
struct HeldRanges {
    /// Ascending, apart.
    private(set) var ranges: [SourceGeneration: [PositionRange]] = [:]

    mutating func add(_ blocks: [BlockEntry]) {
        for (source, found) in Self.of(blocks) {
            ranges[source] = Self.joined(((ranges[source] ?? []) + found).sorted { $0.first < $1.first })
        }
    }

    /// Positions that lines or gaps take, in the order of the blocks.
    static func of(_ blocks: [BlockEntry]) -> [SourceGeneration: [PositionRange]] {
        var found: [SourceGeneration: [PositionRange]] = [:]
        for block in blocks where block.positions.count > 0 {
            found[SourceGeneration(block), default: []].append(block.positions)
        }
        return found
    }

    /// Ascending ranges, those joined that meet.
    static func joined(_ ranges: [PositionRange]) -> [PositionRange] {
        var joined: [PositionRange] = []
        for range in ranges {
            if let last = joined.last, range.first <= last.end {
                joined[joined.count - 1].end = max(last.end, range.end)
            } else {
                joined.append(range)
            }
        }
        return joined
    }
}

extension SourceGeneration {
    fileprivate init(_ block: BlockEntry) { self.init(stream: block.stream, generation: block.generation) }
}

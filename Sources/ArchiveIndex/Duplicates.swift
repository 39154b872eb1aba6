import ArchiveTypes
package import ChunkFormat

/// Lines are identified by stream, generation and position: whoever sent them twice, they are shown once.
package enum Duplicates {
    /// Decides which block shows which positions. Of blocks with the same positions and checksum, the one of the
    /// lowest chunk key (then offset) shows them, and the others are its alternatives. Gaps and heartbeats stay as they are.
    /// A chunk that was brought under another rule is there in several forms: each of its blocks counts once.
    /// - Parameters:
    ///   - rows: of any streams, in any order, each block of each form once.
    ///   - rule: chunks are read in its form where there is a choice.
    /// - Returns: in the order of `BlockPlan.blocks`.
    package static func resolve(_ rows: [IndexRow], rule: Redundancy.Rule? = nil) -> [PlannedBlock] {
        var planned: [PlannedBlock] = []
        planned.reserveCapacity(rows.count)
        for (_, life) in Dictionary(grouping: rows, by: Life.init) {
            let ranked = life.sorted { precedesInRank($0, $1, rule) }
            var shown = ShownPositions()
            var seen: [Content: Int] = [:]
            var last: IndexRow?
            for row in ranked {
                if let last, isOtherForm(row, of: last) {
                    planned[planned.count - 1].alternatives.append(row)
                    continue
                }
                last = row
                guard row.block.kind == .lines, row.block.positions.count > 0 else {
                    planned.append(PlannedBlock(row: row, show: [row.block.positions]))
                    continue
                }
                if let first = seen[Content(row.block)] {
                    planned[first].alternatives.append(row)
                    last = nil
                } else {
                    seen[Content(row.block)] = planned.count
                    planned.append(shown.add(row))
                }
            }
        }
        return planned.sorted { precedes($0.row, $1.row) }
    }

    private static func precedesInRank(_ left: IndexRow, _ right: IndexRow, _ rule: Redundancy.Rule?) -> Bool {
        let (one, other) = (left.chunk, right.chunk)
        if one.hour != other.hour || one.name != other.name { return one < other }
        if left.block.offset != right.block.offset { return left.block.offset < right.block.offset }
        if let rule, rule.isRule(of: one.form) != rule.isRule(of: other.form) { return rule.isRule(of: one.form) }
        return one < other
    }

    private static func isOtherForm(_ row: IndexRow, of last: IndexRow) -> Bool {
        row.chunk.hour == last.chunk.hour && row.chunk.name == last.chunk.name && row.chunk.form != last.chunk.form
            && row.block.offset == last.block.offset
    }

    private struct Life: Hashable {
        var stream: StreamID
        var generation: Generation

        init(_ row: IndexRow) {
            stream = row.block.stream
            generation = row.block.generation
        }
    }

    private struct Content: Hashable {
        var positions: PositionRange
        var rawLength: UInt64
        var checksum: UInt64

        init(_ block: BlockEntry) {
            positions = block.positions
            rawLength = block.rawLength
            checksum = block.rawChecksum
        }
    }

    private static func precedes(_ left: IndexRow, _ right: IndexRow) -> Bool {
        let (ours, theirs) = (left.block, right.block)
        if ours.leastTime != theirs.leastTime { return ours.leastTime < theirs.leastTime }
        if ours.stream != theirs.stream { return ours.stream < theirs.stream }
        if ours.generation != theirs.generation { return ours.generation < theirs.generation }
        if ours.positions != theirs.positions {
            return (ours.positions.first, ours.positions.end) < (theirs.positions.first, theirs.positions.end)
        }
        return (left.chunk, ours.offset) < (right.chunk, theirs.offset)
    }
}

/// The positions of one generation that blocks show already, and by which block.
private struct ShownPositions {
    private struct Piece {
        var positions: PositionRange
        var owner: Int
    }

    private var rows: [IndexRow] = []
    /// Ascending, without overlap.
    private var pieces: [Piece] = []

    /// Blocks come by rank; each shows what is left.
    mutating func add(_ row: IndexRow) -> PlannedBlock {
        let wanted = row.block.positions
        let start = firstPiece(endingAfter: wanted.first)
        var end = start
        var next = wanted.first
        var show: [PositionRange] = []
        var merged: [Piece] = []
        while end < pieces.count, pieces[end].positions.first < wanted.end {
            let piece = pieces[end]
            if next < piece.positions.first {
                show.append(PositionRange(first: next, end: piece.positions.first))
                merged.append(Piece(positions: show[show.count - 1], owner: rows.count))
            }
            next = piece.positions.end
            merged.append(piece)
            end += 1
        }
        let owners = Set(pieces[start..<end].map(\.owner))
        if next < wanted.end {
            show.append(PositionRange(first: next, end: wanted.end))
            merged.append(Piece(positions: show[show.count - 1], owner: rows.count))
        }
        pieces.replaceSubrange(start..<end, with: merged)
        let contested = owners.sorted().map { rows[$0] }
        rows.append(row)
        return PlannedBlock(row: row, show: show, contested: contested)
    }

    private func firstPiece(endingAfter position: UInt64) -> Int {
        var (low, high) = (0, pieces.count)
        while low < high {
            let middle = (low + high) / 2
            if pieces[middle].positions.end <= position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

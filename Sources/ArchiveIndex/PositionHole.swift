package import ArchiveTypes
package import ChunkFormat

/// Positions of a generation that no block holds and no gap explains: lines that are missing, or not archived yet.
package struct PositionHole: Sendable, Hashable {
    package var stream: StreamID
    package var generation: Generation
    package var positions: PositionRange

    package init(stream: StreamID, generation: Generation, positions: PositionRange) {
        self.stream = stream
        self.generation = generation
        self.positions = positions
    }

    /// The holes of one generation between its first and its last block.
    /// - Parameter rows: all blocks of the generation, in any order. Heartbeats say nothing here.
    package static func find(in rows: [IndexRow]) -> [PositionHole] {
        let held = rows.filter { $0.block.kind != .heartbeat }.map(\.block)
            .sorted { ($0.positions.first, $0.positions.end) < ($1.positions.first, $1.positions.end) }
        let unknownGaps = held.filter { $0.kind == .gap && $0.positions.count == 0 }.map(\.positions.first)
        guard let first = held.first(where: { $0.kind == .lines || $0.positions.count > 0 }) else { return [] }
        var end = first.positions.first
        var holes: [PositionHole] = []
        for block in held where block.positions.count > 0 {
            if block.positions.first > end {
                let missing = PositionRange(first: end, end: block.positions.first)
                if !unknownGaps.contains(where: { missing.first <= $0 && $0 <= missing.end }) {
                    holes.append(
                        PositionHole(stream: block.stream, generation: block.generation, positions: missing))
                }
            }
            end = max(end, block.positions.end)
        }
        return holes
    }
}

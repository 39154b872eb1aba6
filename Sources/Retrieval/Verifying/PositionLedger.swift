import ArchiveTypes
import ChunkFormat

/// Which positions of each generation are held.
struct PositionLedger {
    private struct Life: Hashable {
        var stream: StreamID
        var generation: Generation
    }

    private struct Held {
        var positions = PositionSet()
        /// Where something of unknown extent was lost.
        var losses: [UInt64] = []
        var writers: Set<WriterID> = []
    }

    struct Hole {
        var stream: StreamID
        var generation: Generation
        var positions: PositionRange
        var writers: Set<WriterID>
    }

    private var lives: [Life: Held] = [:]

    mutating func add(_ block: BlockEntry, by writer: WriterID) {
        guard block.kind != .heartbeat else { return }
        var held = lives.removeValue(forKey: Life(stream: block.stream, generation: block.generation)) ?? Held()
        held.writers.insert(writer)
        if block.positions.count > 0 {
            held.positions.insert(block.positions)
        } else if block.kind == .gap {
            held.losses.append(block.positions.first)
        }
        lives[Life(stream: block.stream, generation: block.generation)] = held
    }

    /// The positions between what is held that nothing accounts for.
    var holes: [Hole] {
        var holes: [Hole] = []
        for (life, held) in lives.sorted(by: { ($0.key.stream, $0.key.generation) < ($1.key.stream, $1.key.generation) }
        ) {
            for (before, after) in zip(held.positions.ranges, held.positions.ranges.dropFirst()) {
                if held.losses.contains(where: { before.end <= $0 && $0 <= after.first }) { continue }
                holes.append(
                    Hole(
                        stream: life.stream, generation: life.generation,
                        positions: PositionRange(first: before.end, end: after.first), writers: held.writers))
            }
        }
        return holes
    }
}

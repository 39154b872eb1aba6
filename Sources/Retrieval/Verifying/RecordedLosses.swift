import ArchiveTypes
import ChunkFormat
import Placement

/// What gap blocks say was lost before it was archived: nothing is wrong with the archive, but somebody should know.
struct RecordedLosses {
    private var notes: [Finding] = []
    private var count = 0

    /// A source that loses all the time must not bury what else is found.
    private static let mostNotes = 100

    mutating func add(_ block: BlockEntry, in chunk: ChunkKey) {
        count += 1
        guard notes.count < Self.mostNotes else { return }
        let extent =
            block.positions.count > 0
            ? "positions \(block.positions.first) to \(block.positions.end) were"
            : "an unknown amount after position \(block.positions.first) was"
        notes.append(
            Finding(
                .note, key: chunk.description, offset: block.offset,
                "\(block.stream): generation \(block.generation): \(extent) lost before it could be archived, noticed at "
                    + CivilTime.rfc3339(block.leastTime, fractionDigits: 0)))
    }

    var findings: [Finding] {
        guard count > notes.count else { return notes }
        return notes + [Finding(.note, key: "", "\(count - notes.count) more losses are recorded")]
    }
}

import ArchiveIndex
import ArchiveTypes
import ChunkFormat

/// One range of positions of one block, which an answer shows. A block of which several ranges are to be shown is
/// several pieces.
struct Piece: Sendable {
    var row: IndexRow
    /// Other blocks of the same lines: what to read where `row` cannot be read.
    var alternatives: [IndexRow] = []
    var show: PositionRange
    /// Bounds of the times of those lines that can be in the answer, both included.
    var leastTime: Nanoseconds
    var greatestTime: Nanoseconds
    /// The pieces of the same generation whose positions end where these begin, and begin where these end.
    var predecessor: Int?
    var successor: Int?
    /// By stream of a container: what the line that is open at the end goes on with in later pieces, and whether one is
    /// open at the beginning where the block itself does not know.
    var rests: [[UInt8]] = [[], []]
    var openBefore = [false, false]

    /// The same piece of each of the blocks that hold it, but `row`'s.
    var otherwise: [Piece] {
        alternatives.map { row in
            var other = self
            (other.row, other.alternatives) = (row, [])
            return other
        }
    }

    var isWhole: Bool { show == row.block.positions }

    /// Bytes that the decompressed lines take with their ends and times.
    var openBytes: Int { Int(row.block.rawLength) + Int(row.block.lineCount) * Self.bytesPerLine + 512 }

    private static let bytesPerLine = MemoryLayout<UInt32>.size + MemoryLayout<Nanoseconds>.size
}

/// The pieces of an answer, in the order of stream, generation and position: the order of lines of equal time, and of
/// `cat`. A piece is named by its index here.
struct PieceList: Sendable {
    private(set) var pieces: [Piece] = []

    /// Keeps what can hold lines of `range`.
    init(_ blocks: [PlannedBlock], range: TimeRange = .all) {
        for block in blocks where block.row.block.kind == .lines {
            let entry = block.row.block
            guard range.overlaps(least: entry.leastTime, greatest: entry.greatestTime) else { continue }
            let least = max(entry.leastTime, range.from)
            let greatest = max(least, range.to == .max ? entry.greatestTime : min(entry.greatestTime, range.to - 1))
            for show in block.show where show.count > 0 || entry.positions.count == 0 {
                pieces.append(
                    Piece(
                        row: block.row, alternatives: block.alternatives, show: show, leastTime: least,
                        greatestTime: greatest))
            }
        }
        pieces.sort(by: Self.isBefore)
        link()
    }

    /// Takes out the pieces for which `condition` holds.
    mutating func removeAll(where condition: (Piece) -> Bool) {
        pieces.removeAll(where: condition)
        link()
    }

    private static func isBefore(_ left: Piece, _ right: Piece) -> Bool {
        let (one, other) = (left.row.block, right.row.block)
        if one.stream != other.stream { return one.stream < other.stream }
        if one.generation != other.generation { return one.generation < other.generation }
        if left.show.first != right.show.first { return left.show.first < right.show.first }
        if left.show.end != right.show.end { return left.show.end < right.show.end }
        if left.row.chunk != right.row.chunk { return left.row.chunk < right.row.chunk }
        return one.offset < other.offset
    }

    private mutating func link() {
        for index in pieces.indices { (pieces[index].predecessor, pieces[index].successor) = (nil, nil) }
        for index in pieces.indices.dropFirst() {
            let (before, after) = (pieces[index - 1], pieces[index])
            guard before.show.end == after.show.first, before.row.block.generation == after.row.block.generation,
                before.row.block.stream == after.row.block.stream
            else { continue }
            pieces[index - 1].successor = index
            pieces[index].predecessor = index - 1
        }
    }
}

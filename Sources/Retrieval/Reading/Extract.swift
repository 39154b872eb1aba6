import ArchiveTypes
import EventTime

/// The selected lines of one piece, or the next few of them, in the order of the answer.
final class Extract: Sendable {
    /// Lines, the exclusive end of each, and the key of each: its time, or the complement of it.
    let lines: [UInt8]
    let ends: [UInt32]
    let keys: [Nanoseconds]
    /// The lines that are selected: a run of consecutive ones, their keys ascending.
    let items: Range<Int>
    /// Those items, if any, that the piece after this one may go on with: selected only when all of them is known.
    let tail: Range<Int>?
    /// Whether the piece has a tail, in this window or another.
    let hasTail: Bool
    /// What goes on from the piece before, and is not among `items`.
    let head: LineGroup?
    /// How many lines have been taken from the piece, where a next window has more.
    let taken: Int?
    /// Of each line, as in `BlockLines`.
    let origins: [UInt8]
    let facts: BlockFacts
    let undecided: Int
    /// The lines were copied out of the block, whose memory is free.
    let isCopy: Bool

    init(
        lines: [UInt8] = [], ends: [UInt32] = [], keys: [Nanoseconds] = [], items: Range<Int> = 0..<0,
        tail: Range<Int>? = nil, hasTail: Bool? = nil, head: LineGroup? = nil, taken: Int? = nil, origins: [UInt8] = [],
        facts: BlockFacts,
        undecided: Int = 0, isCopy: Bool = false
    ) {
        self.lines = lines
        self.ends = ends
        self.keys = keys
        self.items = items
        self.tail = tail
        self.hasTail = hasTail ?? (tail != nil)
        self.head = head
        self.taken = taken
        self.origins = origins
        self.facts = facts
        self.undecided = undecided
        self.isCopy = isCopy
    }

    @inline(__always)
    func start(of item: Int) -> Int { item == 0 ? 0 : Int(ends[item - 1]) }

    @inline(__always)
    func origin(of item: Int) -> UInt8 { origins.isEmpty ? 0 : origins[item] }

    /// The memory, to be used again once nobody else holds this.
    var buffer: LineBuffer {
        var buffer = LineBuffer(lines: lines)
        buffer.table.ends = ends
        buffer.table.times = keys
        return buffer
    }

    /// Bytes of memory that this keeps.
    var openBytes: Int { lines.count + ends.count * 4 + keys.count * 8 + (head?.bytes.count ?? 0) }
}

/// Lines that belong together over the bounds of pieces: the rest of a line that was split, or of a record.
struct LineGroup: Sendable {
    var bytes: [UInt8]
    /// The time of its first line.
    var time: Nanoseconds
    /// The piece has nothing else, and the group may go on in the piece after it.
    var goesOn: Bool
    var lineCount: Int
    /// Of its first line, as in `BlockLines`.
    var origin: UInt8 = 0
}

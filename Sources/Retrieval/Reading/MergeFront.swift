import ArchiveTypes

/// An open piece in the merge.
struct MergeCursor {
    fileprivate(set) var extract: Extract
    /// The next item to print.
    fileprivate(set) var next: Int
    let piece: Int
    let rank: Int
    let frame: LineFrame
    /// Whether its tail may go on in the piece after it.
    var tailGoesOn = true
    /// Stands for a whole piece, whose memory it holds: not only for what went on from one that is not there.
    var ownsPiece = true

    init(_ extract: Extract, piece: Int, rank: Int, frame: LineFrame) {
        self.extract = extract
        next = extract.items.lowerBound
        self.piece = piece
        self.rank = rank
        self.frame = frame
    }
}

/// The open pieces and their printer: the part of a merge that waits for nothing. A value by itself, so that its loop
/// costs no checks of exclusive access, and no suspension, for each run.
struct MergeFront: ~Copyable {
    var printer: AnswerPrinter
    /// By slot. A slot that is free keeps its last content until it is used again.
    private(set) var cursors: [MergeCursor] = []
    private var heap = MergeHeap()
    private var freeSlots: [Int] = []

    /// Why the merge cannot go on by itself.
    enum Pause {
        /// A piece that is not open yet may hold the next line.
        case upcoming
        /// The cursor of this slot has come to its tail. It is out of the merge until `skip`.
        case tail(Int)
        /// The cursor of this slot has no more items. It is out of the merge until `replace` or `remove`.
        case exhausted(Int)
        /// There is nothing more, or nothing more is wanted.
        case finished
    }

    init(printer: consuming AnswerPrinter) { self.printer = printer }

    /// Prints lines in the order of the merge as long as they come before `upcoming`, in runs: all lines of the
    /// foremost cursor that come before everything else at once.
    mutating func advance(before upcoming: MergeHeap.Entry?) throws(SinkError) -> Pause {
        while let top = heap.top, !printer.isFull {
            if let upcoming, upcoming < top { return .upcoming }
            let extract = cursors[top.slot].extract
            let first = cursors[top.slot].next
            let tail = extract.tail?.lowerBound ?? .max
            guard first != tail else {
                heap.removeTop()
                return .tail(top.slot)
            }
            let stop = first < tail ? min(tail, extract.items.upperBound) : extract.items.upperBound
            var limit = heap.runnerUp ?? .greatest
            if let upcoming, upcoming < limit { limit = upcoming }
            let end = Self.runEnd(extract.keys, first..<stop, rank: top.rank, before: limit)
            try printer.print(extract, first..<end, cursors[top.slot].frame)
            cursors[top.slot].next = end
            guard end < extract.items.upperBound else {
                heap.removeTop()
                return .exhausted(top.slot)
            }
            heap.replaceTop(MergeHeap.Entry(key: extract.keys[end], rank: top.rank, slot: top.slot))
        }
        return printer.isFull || upcoming == nil ? .finished : .upcoming
    }

    /// The end of the run that comes before `limit`; at least one item.
    @inline(__always)
    private static func runEnd(
        _ keys: [Nanoseconds], _ items: Range<Int>, rank: Int, before limit: MergeHeap.Entry
    ) -> Int {
        guard rank < limit.rank || limit.key > .min else { return items.lowerBound + 1 }
        let last = rank < limit.rank ? limit.key : limit.key - 1
        return keys.withUnsafeBufferPointer { keys in
            var end = items.lowerBound + 1
            var step = 1
            while end + step <= items.upperBound, keys[end + step - 1] <= last {
                end += step
                step *= 2
            }
            while step > 0 {
                if end + step <= items.upperBound, keys[end + step - 1] <= last { end += step }
                step /= 2
            }
            return end
        }
    }

    /// Takes in a cursor that has items.
    mutating func insert(_ cursor: MergeCursor) {
        let slot = freeSlots.popLast() ?? cursors.count
        if slot == cursors.count { cursors.append(cursor) } else { cursors[slot] = cursor }
        enter(slot)
    }

    /// Goes on with other items of the same piece.
    mutating func replace(_ slot: Int, by extract: Extract) {
        cursors[slot].extract = extract
        cursors[slot].next = extract.items.lowerBound
        enter(slot)
    }

    /// Goes on at `item`; false where there is none.
    mutating func skip(_ slot: Int, to item: Int) -> Bool {
        cursors[slot].next = item
        guard item < cursors[slot].extract.items.upperBound else { return false }
        enter(slot)
        return true
    }

    /// Frees the slot of an exhausted cursor.
    mutating func remove(_ slot: Int) -> MergeCursor {
        freeSlots.append(slot)
        let cursor = cursors[slot]
        cursors[slot].extract = Extract.none
        return cursor
    }

    private mutating func enter(_ slot: Int) {
        let cursor = cursors[slot]
        heap.insert(MergeHeap.Entry(key: cursor.extract.keys[cursor.next], rank: cursor.rank, slot: slot))
    }
}

extension MergeHeap.Entry {
    /// After everything.
    fileprivate static let greatest = MergeHeap.Entry(key: .max, rank: .max, slot: -1)
}

extension Extract {
    /// For slots that nobody uses.
    fileprivate static let none = Extract(
        facts: BlockFacts(stream: StreamID(host: "", source: ""), labels: .none, received: 0))
}

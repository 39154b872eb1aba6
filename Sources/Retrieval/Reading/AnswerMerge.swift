import ArchiveTypes
import ChunkFormat
import ObjectStore

/// Merges the lines of all pieces by (time, host, source, generation, position) and prints them: an actor on a thread of
/// its own, since printing may block.
///
/// A piece is opened when the merge reaches the least time that it can have. Lines are printed in runs: as many of the
/// foremost piece as come before everything else.
actor AnswerMerge {
    nonisolated let thread = ThreadExecutor()
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let question: Question
    private let pieces: [Piece]
    private let order: [Int]
    private let windows: [Int?]
    private let options: ReadOptions
    private let source: BlockSource
    private let pipeline: PiecePipeline<Extract>
    private let filter: TextFilter

    private var printer: AnswerPrinter
    private var heap = MergeHeap()
    private var cursors: [Cursor?] = []
    private var freeSlots: [Int] = []
    private var nextToOpen = 0
    private var states: [State]
    private var heads: [Int: LineGroup] = [:]
    private var heldHeads = 0
    private var shortfall = Shortfall()
    private var undecided = 0

    /// What is known of a piece as the predecessor of another.
    private enum State {
        case unopened
        /// Its last lines may go on in its successor, and have not been reached yet.
        case hasTail
        /// Nothing goes on from it, or no more.
        case settled
    }

    private struct Cursor {
        var extract: Extract
        var next: Int
        var piece: Int
        var frame: LineFrame
        /// Its tail was the head of a piece whose predecessor is not there; it goes on only if this says so.
        var tailGoesOn = true
        /// Stands for a whole piece, whose memory it holds.
        var ownsPiece = true
    }

    init(_ job: MergeJob, source: BlockSource, printer: consuming AnswerPrinter) {
        question = job.question
        pieces = job.list.pieces
        order = job.order
        windows = job.residency.windows
        options = job.options
        self.source = source
        self.printer = printer
        filter = TextFilter(job.question.text)
        states = Array(repeating: .unopened, count: job.list.pieces.count)
        pipeline = job.pipeline(source)
    }

    struct Result: Sendable {
        var lines: UInt64
        var bytes: UInt64
        var shortfall: Shortfall
        var histogram: Histogram?
    }

    /// - Throws: `SinkError`, or `CancellationError`.
    func run() async throws -> Result {
        defer { pipeline.cancel() }
        while !printer.isFull {
            try Task.checkCancellation()
            let upcoming = upcomingEntry()
            if let upcoming, heap.top.map({ upcoming < $0 }) ?? true {
                await open(order[nextToOpen])
            } else if let top = heap.top {
                try await emit(top, before: upcoming)
            } else {
                break
            }
        }
        try printer.flush()
        noteUndecided()
        return Result(lines: printer.lines, bytes: printer.bytes, shortfall: shortfall, histogram: printer.histogram)
    }

    /// The least that the lines of the pieces that are not open yet can have.
    private func upcomingEntry() -> MergeHeap.Entry? {
        while nextToOpen < order.count, states[order[nextToOpen]] != .unopened { nextToOpen += 1 }
        guard nextToOpen < order.count else { return nil }
        let piece = order[nextToOpen]
        return MergeHeap.Entry(key: question.keys(pieces[piece]).lowerBound, rank: rank(piece), slot: -1)
    }

    private func rank(_ piece: Int) -> Int { question.isReversed ? pieces.count - 1 - piece : piece }

    private func noteUndecided() {
        undecided += filter.undecided
        guard undecided > 0, let pattern = question.text.pattern else { return }
        shortfall.add(
            Incompleteness(
                .undecided,
                reason:
                    "regular expression '\(pattern.text)' exceeded its limits on \(undecided) lines, which were left out; make it simpler"
            ))
    }
}

extension AnswerMerge {
    private func open(_ piece: Int) async {
        switch await pipeline.take(piece) {
        case .failure(let lack):
            shortfall.add(lack)
            pipeline.release(piece)
            settle(piece)
        case .success(let extract):
            install(extract, piece)
        }
    }

    private func install(_ extract: Extract, _ piece: Int) {
        undecided += extract.undecided
        states[piece] = extract.hasTail || extract.head?.goesOn ?? false ? .hasTail : .settled
        let cursor = Cursor(
            extract: extract, next: extract.items.lowerBound, piece: piece, frame: printer.frame(extract.facts))
        if !extract.items.isEmpty {
            if windows[piece] == nil { pipeline.release(piece, keeping: extract.openBytes) }
            insert(cursor)
        } else {
            pipeline.release(piece)
        }
        if let head = extract.head { keep(head, piece, cursor) }
        if states[piece] == .settled { settle(piece) }
    }

    private func insert(_ cursor: Cursor) {
        let slot = freeSlots.popLast() ?? cursors.count
        if slot == cursors.count { cursors.append(nil) }
        cursors[slot] = cursor
        heap.insert(entry(cursor, slot))
    }

    private func entry(_ cursor: Cursor, _ slot: Int) -> MergeHeap.Entry {
        MergeHeap.Entry(key: cursor.extract.keys[cursor.next], rank: rank(cursor.piece), slot: slot)
    }

    /// Prints the lines of the foremost piece that come before all others'.
    private func emit(_ top: MergeHeap.Entry, before upcoming: MergeHeap.Entry?) async throws {
        guard let cursor = cursors[top.slot] else { preconditionFailure("the heap names a closed piece") }
        let tail = cursor.extract.tail?.lowerBound
        if cursor.next == tail { return try await emitTail(top.slot) }
        let stop = tail.flatMap { cursor.next < $0 ? $0 : nil } ?? cursor.extract.items.upperBound
        var limit = heap.runnerUp
        if let upcoming, limit.map({ upcoming < $0 }) ?? true { limit = upcoming }
        let end = Self.runEnd(cursor.extract, cursor.next..<stop, rank: top.rank, before: limit)
        try printer.print(cursor.extract, cursor.next..<end, cursor.frame)
        cursors[top.slot]?.next = end
        if end < cursor.extract.items.upperBound {
            heap.replaceTop(MergeHeap.Entry(key: cursor.extract.keys[end], rank: top.rank, slot: top.slot))
        } else {
            heap.removeTop()
            await refill(top.slot)
        }
    }

    /// The end of the run that comes before `limit`; at least one item.
    private static func runEnd(
        _ extract: Extract, _ items: Range<Int>, rank: Int, before limit: MergeHeap.Entry?
    ) -> Int {
        guard let limit else { return items.upperBound }
        let last = rank < limit.rank ? limit.key : limit.key - 1
        return extract.keys.withUnsafeBufferPointer { keys in
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

    /// Goes on with the next window of a piece, or is done with it.
    private func refill(_ slot: Int) async {
        guard let cursor = cursors[slot] else { return }
        guard let taken = cursor.extract.taken, let bytes = windows[cursor.piece] else { return close(slot) }
        let (piece, window) = (pieces[cursor.piece], Extractor.Window(from: taken, bytes: bytes))
        let answer = await pipeline.again(cursor.piece) { worker, stored throws(Incompleteness) in
            try worker.extract(piece, stored, window: window)
        }
        switch answer {
        case .failure(let lack):
            shortfall.add(lack)
            close(slot)
        case .success(let extract):
            guard !extract.items.isEmpty else { return close(slot) }
            cursors[slot]?.extract = extract
            cursors[slot]?.next = extract.items.lowerBound
            if let cursor = cursors[slot] { heap.insert(entry(cursor, slot)) }
        }
    }

    /// Gives the memory of a piece back. Its slot is not in the heap any more.
    private func close(_ slot: Int) {
        guard let cursor = cursors[slot] else { return }
        cursors[slot] = nil
        freeSlots.append(slot)
        guard cursor.ownsPiece else { return }
        pipeline.release(bytes: windows[cursor.piece] ?? cursor.extract.openBytes)
        if states[cursor.piece] == .hasTail, cursor.extract.hasTail { settle(cursor.piece) }
        if windows[cursor.piece] == nil { source.buffers.put(cursor.extract.buffer) }
    }
}

/// Lines and records that go on over the bounds of pieces.
extension AnswerMerge {
    private func keep(_ head: LineGroup, _ piece: Int, _ cursor: Cursor) {
        guard let predecessor = pieces[piece].predecessor, states[predecessor] != .settled else {
            return orphan(head, piece, cursor.extract.facts)
        }
        heads[piece] = head
        heldHeads += head.bytes.count
        // A long line's middle parts are fetched again when they are due, rather than held all at once.
        if head.goesOn, heldHeads > options.joinedBytes {
            heads[piece]?.bytes = []
            heldHeads -= head.bytes.count
        }
    }

    /// Nothing goes on from `piece` (any more): if its successor waits for that, it stands for itself.
    private func settle(_ piece: Int) {
        states[piece] = .settled
        guard let successor = pieces[piece].successor, let head = heads.removeValue(forKey: successor) else { return }
        heldHeads -= head.bytes.count
        let block = pieces[successor].row.block
        orphan(head, successor, BlockFacts(stream: block.stream, labels: block.labels, received: block.received))
    }

    /// The rest of something whose beginning is not there is printed where it stands, as a line of its own.
    private func orphan(_ head: LineGroup, _ piece: Int, _ facts: BlockFacts) {
        guard question.range.contains(head.time) else {
            if head.goesOn { settle(piece) }
            return
        }
        let extract = Extract(
            lines: head.bytes, ends: [UInt32(head.bytes.count)], keys: [question.key(head.time)], items: 0..<1,
            tail: 0..<1, facts: facts)
        insert(
            Cursor(
                extract: extract, next: 0, piece: piece, frame: printer.frame(facts), tailGoesOn: head.goesOn,
                ownsPiece: false))
    }

    private func emitTail(_ slot: Int) async throws {
        guard let cursor = cursors[slot], let tail = cursor.extract.tail else { return }
        heap.removeTop()
        let extract = cursor.extract
        let bytes = extract.lines[extract.start(of: tail.lowerBound)..<Int(extract.ends[tail.upperBound - 1])]
        var group = SplitGroup(
            question, limit: options.joinedBytes, time: question.time(extract.keys[tail.lowerBound]),
            frame: cursor.frame, bytes: Array(bytes))
        if cursor.tailGoesOn { try await gather(into: &group, after: cursor.piece) }
        try group.finish(filter, to: &printer)
        if cursor.ownsPiece || cursor.tailGoesOn { settle(cursor.piece) }
        cursors[slot]?.next = tail.upperBound
        if tail.upperBound < extract.items.upperBound, let rest = cursors[slot] {
            heap.insert(entry(rest, slot))
        } else {
            await refill(slot)
        }
    }

    /// Adds what the pieces after `piece` go on with.
    private func gather(into group: inout SplitGroup, after piece: Int) async throws {
        var next = pieces[piece].successor
        // A piece that is gathered whole is settled only now: until then its successor waits for it.
        var gathered: [Int] = []
        defer { gathered.forEach { states[$0] = .settled } }
        while let piece = next {
            try Task.checkCancellation()
            if states[piece] == .unopened { await open(piece) }
            guard let head = heads.removeValue(forKey: piece) else { return }
            heldHeads -= head.bytes.count
            let bytes = head.bytes.isEmpty ? await fetchedAgain(piece) : head.bytes
            try group.append(bytes, filter, to: &printer)
            if head.goesOn { gathered.append(piece) }
            next = head.goesOn ? pieces[piece].successor : nil
        }
    }

    private func fetchedAgain(_ piece: Int) async -> [UInt8] {
        let wanted = pieces[piece]
        let answer = await pipeline.again(piece) { worker, stored throws(Incompleteness) in
            try worker.extract(wanted, stored, window: nil).head?.bytes ?? []
        }
        switch answer {
        case .success(let bytes): return bytes
        case .failure(let lack):
            shortfall.add(lack)
            return []
        }
    }
}

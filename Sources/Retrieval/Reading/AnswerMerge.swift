import ArchiveTypes
import ChunkFormat
import ObjectStore
import Patterns

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

    private var front: MergeFront
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

    init(_ job: MergeJob, source: BlockSource, printer: consuming AnswerPrinter) {
        question = job.question
        pieces = job.list.pieces
        order = job.order
        windows = job.residency.windows
        options = job.options
        self.source = source
        front = MergeFront(printer: printer)
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
        var isDone = false
        while !isDone {
            try Task.checkCancellation()
            switch try front.advance(before: upcomingEntry()) {
            case .upcoming: await open(order[nextToOpen])
            case .tail(let slot): try await emitTail(slot)
            case .exhausted(let slot): await refill(slot)
            case .finished: isDone = true
            }
        }
        try front.printer.flush()
        noteUndecided()
        return Result(
            lines: front.printer.lines, bytes: front.printer.bytes, shortfall: shortfall,
            histogram: front.printer.histogram)
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
        let cursor = MergeCursor(extract, piece: piece, rank: rank(piece), frame: front.printer.frame(extract.facts))
        if !extract.items.isEmpty {
            if windows[piece] == nil { pipeline.release(piece, keeping: extract.openBytes) }
            front.insert(cursor)
        } else {
            pipeline.release(piece)
        }
        if let head = extract.head { keep(head, piece, cursor) }
        if states[piece] == .settled { settle(piece) }
    }

    /// Goes on with the next window of a piece, or is done with it.
    private func refill(_ slot: Int) async {
        let cursor = front.cursors[slot]
        guard let taken = cursor.extract.taken, let bytes = windows[cursor.piece] else { return close(slot) }
        let window = Extractor.Window(from: taken, bytes: bytes)
        let answer = await pipeline.again(cursor.piece) { worker, piece, stored throws(Incompleteness) in
            try worker.extract(piece, stored, window: window)
        }
        switch answer {
        case .failure(let lack):
            shortfall.add(lack)
            close(slot)
        case .success(let extract):
            guard !extract.items.isEmpty else { return close(slot) }
            front.replace(slot, by: extract)
        }
    }

    /// Gives the memory of a piece back.
    private func close(_ slot: Int) {
        let cursor = front.remove(slot)
        guard cursor.ownsPiece else { return }
        pipeline.release(bytes: windows[cursor.piece] ?? cursor.extract.openBytes)
        if states[cursor.piece] == .hasTail, cursor.extract.hasTail { settle(cursor.piece) }
        if windows[cursor.piece] == nil { source.buffers.put(cursor.extract.buffer) }
    }
}

/// Lines and records that go on over the bounds of pieces.
extension AnswerMerge {
    private func keep(_ head: LineGroup, _ piece: Int, _ cursor: MergeCursor) {
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
            tail: 0..<1, origins: [head.origin], facts: facts)
        var cursor = MergeCursor(extract, piece: piece, rank: rank(piece), frame: front.printer.frame(facts))
        (cursor.tailGoesOn, cursor.ownsPiece) = (head.goesOn, false)
        front.insert(cursor)
    }

    /// Prints the tail that a cursor has come to, with what goes on from it.
    private func emitTail(_ slot: Int) async throws {
        let cursor = front.cursors[slot]
        let extract = cursor.extract
        guard let tail = extract.tail else { return }
        let bytes = extract.lines[extract.start(of: tail.lowerBound)..<Int(extract.ends[tail.upperBound - 1])]
        var group = SplitGroup(
            question, limit: options.joinedBytes, time: question.time(extract.keys[tail.lowerBound]),
            frame: cursor.frame, origin: extract.origin(of: tail.lowerBound), bytes: Array(bytes))
        if cursor.tailGoesOn { try await gather(into: &group, after: cursor.piece) }
        try group.finish(filter, to: &front.printer)
        if cursor.ownsPiece || cursor.tailGoesOn { settle(cursor.piece) }
        if !front.skip(slot, to: tail.upperBound) { await refill(slot) }
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
            try group.append(bytes, filter, to: &front.printer)
            if head.goesOn { gathered.append(piece) }
            next = head.goesOn ? pieces[piece].successor : nil
        }
    }

    private func fetchedAgain(_ piece: Int) async -> [UInt8] {
        let answer = await pipeline.again(piece) { worker, wanted, stored throws(Incompleteness) in
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

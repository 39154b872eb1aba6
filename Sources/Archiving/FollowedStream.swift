import ArchiveTypes
import ChunkFormat
import EventTime
import Inputs
import Spool

/// One generation that an agent follows: its open block, its checkpoints, and what became of its lines. Belongs to the
/// reading thread.
final class FollowedStream {
    let source: SourceGeneration
    /// The configuration's input that selected it, by its index; nil until the file is found again after a restart.
    var group: Int?
    private var cutter: Box<BlockCutter>?
    /// The generation that had the name before this one, until the first block is closed: what that begins with may go on
    /// from there.
    var predecessor: FollowedStream?

    // MARK: The open block

    private var bytes: [UInt8] = []
    /// Where its bytes lie, when there are any.
    private var piece: Piece?
    /// When its first line was read; nil while it is empty.
    private(set) var opened: Nanoseconds?
    /// Counts openings: who remembers one can tell whether it is still that block.
    private(set) var openings = 0

    // MARK: How far it is

    /// Where reading goes on after a restart: what is before it is durable.
    var durable: FileCheckpoint
    /// After the last block in the spool, synced or not; nil where that is `durable`.
    var appended: FileCheckpoint? {
        get { appendedBox?.value }
        set { appendedBox = newValue.map { Box($0) } }
    }
    /// After the open block.
    var reading: FileCheckpoint? {
        get { readingBox?.value }
        set { readingBox = newValue.map { Box($0) } }
    }
    // Most of many files are silent: what these have not takes no room.
    private var appendedBox: Box<FileCheckpoint>?
    private var readingBox: Box<FileCheckpoint>?
    /// It was read to its end: to be forgotten once its last block is durable.
    var isEnded = false

    /// Those of its input and what its path says; nil until they are wanted.
    var labels: Labels?
    /// When it last had a block or a heartbeat, by the clock that is never set.
    var lastTold: Nanoseconds
    /// When the file was last modified: what the year of its lines can be told from.
    var modified: Nanoseconds = 0

    init(_ source: SourceGeneration, _ checkpoint: FileCheckpoint, now: Nanoseconds) {
        self.source = source
        durable = checkpoint
        lastTold = now
    }

    /// The generation goes on in another file, which `checkpoint` names.
    func move(to checkpoint: FileCheckpoint) {
        durable = checkpoint.at(durable.position)
        appended = appended.map { checkpoint.at($0.position) }
        reading = reading.map { checkpoint.at($0.position) }
    }

    /// Takes what the file begins with into `durable`, where more of that is known since it was read; whether it was.
    func learnBeginning() -> Bool {
        guard let appended = appendedBox?.value, appended.head != durable.head else { return false }
        durable.head = appended.head
        return true
    }

    /// Raw bytes of the open block, and what it takes of memory.
    var count: Int { bytes.count }
    var capacity: Int { bytes.capacity }

    /// Whether `next` goes on where the open block ends and both together stay within `limit` bytes.
    func takes(_ next: Piece, limit: Int) -> Bool {
        guard let piece else { return true }
        return next.first == piece.first + UInt64(bytes.count) && bytes.count + next.count <= limit
    }

    /// Gives the open block a larger buffer, and the one that it had back. `larger` is empty.
    func grow(into larger: inout [UInt8]) {
        larger.append(contentsOf: bytes)
        swap(&larger, &bytes)
        larger.removeAll(keepingCapacity: true)
    }

    /// `takes` must have said yes.
    func append(_ next: Piece, _ content: [UInt8], now: Nanoseconds) {
        if piece == nil {
            opened = now
            openings += 1
        }
        let first = piece ?? next
        piece = Piece(
            first: first.first, count: bytes.count + next.count, startsInsideLine: first.startsInsideLine,
            endsInsideLine: next.endsInsideLine, isLast: next.isLast)
        content.withUnsafeBytes { bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[..<next.count])) }
    }

    /// Learns from the lines before the first one that is read since the start.
    func prime(
        _ before: [UInt8], endingAt position: UInt64, received: Nanoseconds,
        newCutter: (UnsafeRawBufferPointer) -> BlockCutter
    ) {
        guard cutter == nil, !before.isEmpty else { return }
        before.withUnsafeBytes { lines in
            let cutter = Box(newCutter(lines))
            cutter.value.prime(lines, endingAt: position, received: received)
            self.cutter = cutter
        }
    }

    /// Cuts the open block into what can be archived: one block, or where event time jumps several. Each draft comes with
    /// its lines. The block is empty then, and its buffer is given to `spare`.
    /// - Parameters:
    ///   - newCutter: makes what cuts the stream's first block, of those lines.
    ///   - use: called for each block in order.
    func close<Failure: Error>(
        received: Nanoseconds, spare: inout [UInt8], newCutter: (UnsafeRawBufferPointer) -> BlockCutter,
        _ use: (BlockDraft, UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        guard var rest = piece else { return }
        let cutter = self.cutter ?? Box(bytes.withUnsafeBytes { firstCutter($0, newCutter) })
        var done = 0
        while rest.count > 0 {
            let failure = bytes.withUnsafeBytes { bytes -> Failure? in
                let lines = UnsafeRawBufferPointer(rebasing: bytes[done...])
                let draft = cutter.value.cut(lines, rest, received: received)
                let count = Int(draft.positions.count)
                (done, rest) = (done + count, rest.dropping(count))
                do throws(Failure) {
                    try use(draft, UnsafeRawBufferPointer(rebasing: lines[..<count]))
                    return nil
                } catch { return error }
            }
            if let failure { throw failure }
        }
        self.cutter = cutter
        spare = []
        swap(&spare, &bytes)
        spare.removeAll(keepingCapacity: true)
        (piece, opened) = (nil, nil)
        if let read = readingBox {
            appendedBox = read
            readingBox = nil
        }
    }

    private func firstCutter(
        _ lines: UnsafeRawBufferPointer, _ newCutter: (UnsafeRawBufferPointer) -> BlockCutter
    ) -> BlockCutter {
        var cutter = newCutter(lines)
        if let previous = predecessor?.cutter { cutter.goOn(after: previous.value, with: lines) }
        predecessor = nil
        return cutter
    }
}

/// A value that is large, and mostly not there.
private final class Box<Value> {
    var value: Value
    init(_ value: Value) { self.value = value }
}

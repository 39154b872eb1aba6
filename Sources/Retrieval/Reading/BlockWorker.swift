import ArchiveTypes
import ChunkFormat
import EventTime
import Synchronization

/// Verifies, decompresses and searches blocks, reusing what that needs. For one thread at a time.
final class BlockWorker {
    private let decoder = BlockDecoder()
    private let buffers: BufferPool
    private let question: Question
    private let filter: TextFilter
    private let unwrapper = Unwrapper()

    init(_ question: Question, _ buffers: BufferPool) {
        self.question = question
        self.buffers = buffers
        filter = TextFilter(question.text)
    }

    /// The selected lines of a piece.
    /// - Parameter stored: the whole block's bytes.
    func extract(
        _ piece: Piece, _ stored: UnsafeRawBufferPointer, window: Extractor.Window?
    ) throws(Incompleteness) -> Extract {
        var buffer = buffers.take()
        do throws(FormatError) {
            let header = try decoder.decode(stored, entry: piece.row.block, lines: &buffer.lines)
            let facts = BlockFacts(stream: header.stream, labels: header.labels, received: header.received)
            guard header.kind == .lines, !isHopeless(piece, header, buffer.lines) else {
                buffers.put(buffer)
                return Extract(facts: facts)
            }
            try Self.readTimes(header, &buffer)
            return try extract(piece, header, facts, buffer, window)
        } catch {
            throw Incompleteness(piece, error)
        }
    }

    private func extract(
        _ piece: Piece, _ header: BlockHeader, _ facts: BlockFacts, _ buffer: consuming LineBuffer,
        _ window: Extractor.Window?
    ) throws(FormatError) -> Extract {
        let block: BlockLines
        if let wrapping = header.wrapping {
            block = unwrapper.unwrap(buffer, header, wrapping, piece)
        } else {
            block = BlockLines(buffer.lines, buffer.table, header: header, piece: piece)
        }
        let records = question.needsRecords ? try Self.records(block, header) : .none
        filter.undecided = 0
        let extract = Extractor(question: question, piece: piece, facts: facts, window: window, filter: filter)
            .extract(block, records: records)
        if extract.isCopy {
            var spare = LineBuffer(lines: block.bytes)
            (spare.table.ends, spare.table.times) = (block.ends, block.times)
            buffers.put(spare)
        }
        return extract
    }

    /// What a container's line that began before a piece goes on with in it; nil where there is none.
    func head(
        of stream: Int, _ piece: Piece, _ stored: UnsafeRawBufferPointer, takesUnknown: Bool
    ) throws(Incompleteness) -> Unwrapper.Head? {
        var buffer = buffers.take()
        do throws(FormatError) {
            let header = try decoder.decode(stored, entry: piece.row.block, lines: &buffer.lines)
            guard header.kind == .lines, let wrapping = header.wrapping else { return nil }
            try Self.readTimes(header, &buffer)
            return unwrapper.head(of: stream, buffer, header, wrapping, piece, takesUnknown: takesUnknown)
        } catch {
            throw Incompleteness(piece, error)
        }
    }

    /// The decompressed bytes of a block, as they are.
    func lines(_ piece: Piece, _ stored: UnsafeRawBufferPointer) throws(Incompleteness) -> (BlockHeader, [UInt8]) {
        var buffer = buffers.take()
        do throws(FormatError) {
            let header = try decoder.decode(stored, entry: piece.row.block, lines: &buffer.lines)
            return (header, buffer.lines)
        } catch {
            throw Incompleteness(piece, error)
        }
    }

    /// Ends and times of the lines, checked against what the header says of them.
    static func readTimes(_ header: BlockHeader, _ buffer: inout LineBuffer) throws(FormatError) {
        guard let times = header.times else { throw FormatError(.damaged, at: 0, "block of lines has no times") }
        do throws(MalformedBytes) {
            let table = buffer.table
            buffer.table = LineTable()
            var filled = table
            try buffer.lines.withBytes { (bytes) throws(MalformedBytes) in
                try times.read(bytes, startsInsideLine: header.continuesBefore, into: &filled)
            }
            buffer.table = filled
        } catch {
            throw FormatError(.damaged, at: 0, "times of the lines: \(error)")
        }
        let found = buffer.table.times
        guard found.count == Int(header.lineCount), buffer.table.ends.count == found.count,
            found.allSatisfy({ header.leastTime <= $0 && $0 <= header.greatestTime })
        else { throw FormatError(.damaged, at: 0, "times of the lines are not those that the header announces") }
    }

    private static func records(_ block: borrowing BlockLines, _ header: BlockHeader) throws(FormatError)
        -> RecordBounds
    {
        do throws(MalformedBytes) {
            return try RecordBounds(block, times: header.wrapping == nil ? header.times : nil)
        } catch {
            throw FormatError(.damaged, at: 0, "times of the lines: \(error)")
        }
    }

    /// Whether no line can match, told without looking at single lines: lines that go on beyond the piece are not
    /// known whole here.
    private func isHopeless(_ piece: Piece, _ header: BlockHeader, _ lines: [UInt8]) -> Bool {
        guard !filter.acceptsAll, !question.needsRecords else { return false }
        // What is escaped, or in pieces, does not occur as it is.
        if let wrapping = header.wrapping, !wrapping.isPlain || wrapping.kind == .docker { return false }
        if piece.predecessor != nil, header.continuesBefore || !piece.isWhole { return false }
        if piece.successor != nil, lines.last != UInt8(ascii: "\n") || !piece.isWhole { return false }
        return !lines.withUnsafeBytes { filter.mayMatch(within: $0) }
    }
}

/// Lines with room for their ends and times.
struct LineBuffer: Sendable {
    var lines: [UInt8] = []
    var table = LineTable()

    var capacity: Int { lines.capacity + table.ends.capacity * 4 + table.times.capacity * 8 }
}

/// Memory of blocks that are done with, for the next ones: fresh memory costs more than the decompression's last tenth.
final class BufferPool: Sendable {
    private struct State {
        var free: [LineBuffer] = []
        var bytes = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    /// Keeps at most `limit` bytes.
    init(limit: Int) { self.limit = limit }

    func take() -> LineBuffer {
        state.withLock { state in
            guard let buffer = state.free.popLast() else { return LineBuffer() }
            state.bytes -= buffer.capacity
            return buffer
        }
    }

    func put(_ buffer: consuming LineBuffer) {
        let buffer = buffer
        state.withLock { state in
            guard state.bytes + buffer.capacity <= limit else { return }
            state.bytes += buffer.capacity
            state.free.append(buffer)
        }
    }
}

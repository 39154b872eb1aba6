package import ArchiveTypes
package import EventTime
package import Inputs

/// Pieces of whole lines from one generation of a stream, in order.
package protocol PieceSource {
    /// Replaces `buffer` by the next piece; nil at the end.
    mutating func next(into buffer: inout [UInt8]) throws -> Piece?
}

/// The pieces of a file or of standard input.
package final class ChunkedPieces: PieceSource {
    private var chunker: LineChunker

    package init(_ chunker: consuming LineChunker) { self.chunker = chunker }

    package func next(into buffer: inout [UInt8]) throws -> Piece? { try chunker.next(into: &buffer) }
}

/// Cuts a source into blocks and finds their event times: what has to be done in order, for one block at a time.
package struct BlockReader {
    package let stream: StreamID
    package let labels: Labels
    package let generation: Generation
    private var source: any PieceSource
    private var timer: LineTimer
    private let clock: @Sendable () -> Nanoseconds
    /// Lines behind a jump of event time: the next block.
    private var leftover: [UInt8] = []
    private var leftoverPiece: Piece?

    /// A jump of event time ends a block only when it holds this much: shorter ones compress badly.
    private static let splitAfter = 64 << 10

    package init(
        stream: StreamID, labels: Labels, generation: Generation, source: any PieceSource, timer: LineTimer,
        clock: @escaping @Sendable () -> Nanoseconds
    ) {
        self.stream = stream
        self.labels = labels
        self.generation = generation
        self.source = source
        self.timer = timer
        self.clock = clock
    }

    /// Replaces `buffer` by the lines of the next block; nil at the end of the source.
    package mutating func next(into buffer: inout [UInt8]) throws -> BlockDraft? {
        guard let piece = try nextPiece(into: &buffer) else { return nil }
        let received = clock()
        let scan = buffer.withUnsafeBytes {
            timer.scan($0, received: received, startsInsideLine: piece.startsInsideLine, splitAfter: Self.splitAfter)
        }
        var endsInsideLine = piece.endsInsideLine
        if scan.byteCount < piece.count {
            keep(buffer, from: scan.byteCount, of: piece)
            buffer.removeLast(piece.count - scan.byteCount)
            endsInsideLine = false
        }
        return BlockDraft(
            stream: stream, labels: labels, generation: generation,
            positions: PositionRange(first: piece.first, end: piece.first + UInt64(scan.byteCount)),
            lineCount: scan.lineCount, leastTime: scan.leastTime, greatestTime: scan.greatestTime, received: received,
            times: scan.times, continuesBefore: piece.startsInsideLine, continuesAfter: endsInsideLine)
    }

    private mutating func nextPiece(into buffer: inout [UInt8]) throws -> Piece? {
        guard let piece = leftoverPiece else { return try source.next(into: &buffer) }
        buffer.removeAll(keepingCapacity: true)
        swap(&buffer, &leftover)
        leftoverPiece = nil
        return piece
    }

    private mutating func keep(_ buffer: [UInt8], from count: Int, of piece: Piece) {
        leftover.removeAll(keepingCapacity: true)
        leftover.append(contentsOf: buffer[count..<piece.count])
        leftoverPiece = Piece(
            first: piece.first + UInt64(count), count: piece.count - count, startsInsideLine: false,
            endsInsideLine: piece.endsInsideLine, isLast: piece.isLast)
    }
}

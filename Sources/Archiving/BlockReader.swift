package import ArchiveTypes
package import ChunkFormat
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

/// The blocks of a source, one after the other: what has to be done in order, for one block at a time.
package struct BlockReader {
    private var cutter: BlockCutter
    /// Asked with the first lines, once.
    private var wrapping: ((UnsafeRawBufferPointer) -> LineWrapping?)?
    private var source: any PieceSource
    private let clock: @Sendable () -> Nanoseconds
    /// Lines behind a jump of event time: the next block.
    private var leftover: [UInt8] = []
    private var leftoverPiece: Piece?

    package init(
        stream: StreamID, labels: Labels, generation: Generation, source: any PieceSource, timer: LineTimer,
        wrapping: @escaping (UnsafeRawBufferPointer) -> LineWrapping? = { _ in nil },
        clock: @escaping @Sendable () -> Nanoseconds
    ) {
        cutter = BlockCutter(stream: stream, labels: labels, generation: generation, timer: timer)
        self.wrapping = wrapping
        self.source = source
        self.clock = clock
    }

    /// Replaces `buffer` by the lines of the next block; nil at the end of the source.
    package mutating func next(into buffer: inout [UInt8]) throws -> BlockDraft? {
        guard let piece = try nextPiece(into: &buffer) else { return nil }
        let received = clock()
        if let wrapping {
            buffer.withUnsafeBytes { cutter.unwrap(wrapping($0)) }
            self.wrapping = nil
        }
        let draft = buffer.withUnsafeBytes { cutter.cut($0, piece, received: received) }
        let count = Int(draft.positions.count)
        if count < piece.count {
            leftover.removeAll(keepingCapacity: true)
            leftover.append(contentsOf: buffer[count..<piece.count])
            leftoverPiece = piece.dropping(count)
            buffer.removeLast(piece.count - count)
        }
        return draft
    }

    private mutating func nextPiece(into buffer: inout [UInt8]) throws -> Piece? {
        guard let piece = leftoverPiece else { return try source.next(into: &buffer) }
        buffer.removeAll(keepingCapacity: true)
        swap(&buffer, &leftover)
        leftoverPiece = nil
        return piece
    }
}

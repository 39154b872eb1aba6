import ArchiveTypes
import ChunkFormat

/// Finds what the wrapped lines that are open at a piece's end go on with in the pieces after it.
struct LineCompletion: Sendable {
    let source: BlockSource
    let pieces: [Piece]
    /// A line is joined up to so many bytes.
    let joinedBytes: Int

    /// The piece with what belongs to its lines. What cannot be read is left out here: whoever opens those pieces
    /// themselves tells.
    /// - Parameter fetched: bytes that hold its block at `start`.
    func complete(_ piece: Piece, _ fetched: [UInt8], at start: Int) async -> Piece {
        let header = source.open(piece, fetched, at: start) { _, bytes throws(Incompleteness) in
            try Self.header(piece, bytes)
        }
        guard case .success(let header) = header, let wrapping = header.wrapping, !wrapping.isPlain || !piece.isWhole
        else { return piece }
        var completed = piece
        if wrapping.isBeginningUnknown, let before = piece.predecessor {
            let found = await source.open(pieces[before]) { _, bytes throws(Incompleteness) in
                try Self.header(pieces[before], bytes)
            }
            if case .success(let header) = found, let wrapping = header.wrapping {
                completed.openBefore = wrapping.openAfter
            }
        }
        for stream in 0..<2 where wrapping.openAfter[stream] || !piece.isWhole {
            completed.rests[stream] = await rest(of: stream, after: piece, wrapping)
        }
        return completed
    }

    private func rest(of stream: Int, after piece: Piece, _ wrapping: BlockWrapping) async -> [UInt8] {
        var rest: [UInt8] = []
        var next = piece.successor
        // Only the block that the unknown one follows can say that a line is open there.
        var takesUnknown = piece.isWhole && wrapping.openAfter[stream]
        while let number = next, rest.count < joinedBytes {
            let (wanted, takes) = (pieces[number], takesUnknown)
            let found = await source.open(wanted) { worker, bytes throws(Incompleteness) in
                try worker.head(of: stream, wanted, bytes, takesUnknown: takes)
            }
            guard case .success(let head) = found, let head else { break }
            rest += head.bytes
            takesUnknown = head.goesOn
            next = head.goesOn ? wanted.successor : nil
        }
        return rest
    }

    private static func header(_ piece: Piece, _ bytes: UnsafeRawBufferPointer) throws(Incompleteness) -> BlockHeader {
        do throws(FormatError) { return try BlockHeader.decode(bytes).header } catch {
            throw Incompleteness(piece, error)
        }
    }
}

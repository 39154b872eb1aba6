import ArchiveIndex
import ArchiveTypes
import ChunkFormat

/// Writes pieces one after the other, in the order of their positions: an actor on a thread of its own, since writing
/// may block. Knows nothing of lines or times.
actor StreamCopy {
    nonisolated let thread = ThreadExecutor()
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let list: PieceList
    private let source: BlockSource
    private let pipeline: PiecePipeline<Part>

    /// The bytes of a block, of which `shown` are the piece's.
    struct Part: Sendable {
        var bytes: [UInt8]
        var shown: Range<Int>
        var lineCount: Int
    }

    init(_ list: PieceList, source: BlockSource, options: ReadOptions, isRemote: Bool) {
        let pieces = list.pieces
        let order = Array(pieces.indices)
        self.list = list
        self.source = source
        pipeline = PiecePipeline(
            source: source, pieces: pieces, order: order,
            plan: FetchPlan(pieces, order: order, isRemote: isRemote, memory: options.storedMemory),
            costs: pieces.map { Int($0.row.block.rawLength) }, options: options, isGradual: false
        ) { worker, piece, _, stored throws(Incompleteness) in
            try Self.part(piece, worker, stored)
        }
    }

    private static func part(
        _ piece: Piece, _ worker: BlockWorker, _ stored: UnsafeRawBufferPointer
    ) throws(Incompleteness) -> Part {
        let (header, bytes) = try worker.lines(piece, stored)
        let needsEnds = !piece.isWhole && header.positions.count != header.rawLength
        let shown = BlockLines.cut(piece, header, needsEnds ? bytes.lineEnds : [])
        return Part(bytes: bytes, shown: shown, lineCount: Int(header.lineCount))
    }

    /// Writes all pieces that can be read; what cannot is told.
    func run(to sink: any ByteSink) async throws -> ReadOutcome {
        defer { pipeline.cancel() }
        var outcome = ReadOutcome()
        for piece in list.pieces.indices {
            try Task.checkCancellation()
            switch await pipeline.take(piece) {
            case .failure(let lack): outcome.shortfall.add(lack)
            case .success(let part):
                try part.bytes.withBytes { (bytes) throws(SinkError) in
                    try sink.write(UnsafeRawBufferPointer(rebasing: bytes[part.shown]))
                }
                outcome.bytes += UInt64(part.shown.count)
                outcome.lines += UInt64(part.lineCount)
                source.buffers.put(LineBuffer(lines: part.bytes))
            }
            pipeline.release(piece)
        }
        return outcome
    }
}

import ArchiveTypes
import ChunkFormat
import EventTime
import Inputs

/// The block of one generation that still takes lines, and what carries over to the next one.
struct StreamBlock {
    let stream: StreamID
    let labels: Labels
    let generation: Generation
    private var timer: LineTimer
    private var bytes: [UInt8] = []
    private var first: UInt64 = 0
    private var startsInsideLine = false
    private var endsInsideLine = false
    /// When its first line was read; nil while it is empty.
    private(set) var opened: Nanoseconds?

    /// A jump of event time ends a block only when it holds this much: shorter ones compress badly.
    private static let splitAfter = 64 << 10

    init(stream: StreamID, labels: Labels, generation: Generation, timer: LineTimer) {
        self.stream = stream
        self.labels = labels
        self.generation = generation
        self.timer = timer
    }

    var count: Int { bytes.count }

    /// Whether `piece` goes on where the block ends and both together stay within `limit` bytes.
    func takes(_ piece: Piece, limit: Int) -> Bool {
        bytes.isEmpty || (piece.first == first + UInt64(bytes.count) && bytes.count + piece.count <= limit)
    }

    /// `takes` must have said yes.
    mutating func append(_ piece: Piece, _ content: [UInt8], now: Nanoseconds) {
        if bytes.isEmpty {
            first = piece.first
            startsInsideLine = piece.startsInsideLine
            opened = now
        }
        bytes.append(contentsOf: content[..<piece.count])
        endsInsideLine = piece.endsInsideLine
    }

    /// Compresses what there is, as one block or, where event time jumps, several.
    mutating func close(
        _ encoder: BlockEncoder, _ chooser: CompressionChooser, received: Nanoseconds
    ) throws(FormatError) -> [EncodedBlock] {
        var blocks: [EncodedBlock] = []
        var done = 0
        while done < bytes.count {
            let scan = bytes[done...].withUnsafeBytes {
                timer.scan(
                    $0, received: received, startsInsideLine: done == 0 && startsInsideLine, splitAfter: Self.splitAfter
                )
            }
            let isLast = done + scan.byteCount == bytes.count
            let start = first + UInt64(done)
            let draft = BlockDraft(
                stream: stream, labels: labels, generation: generation,
                positions: PositionRange(first: start, end: start + UInt64(scan.byteCount)), lineCount: scan.lineCount,
                leastTime: scan.leastTime, greatestTime: scan.greatestTime, received: received, times: scan.times,
                continuesBefore: done == 0 && startsInsideLine, continuesAfter: isLast && endsInsideLine)
            blocks.append(try encoder.encode(draft, bytes[done..<(done + scan.byteCount)], chooser))
            done += scan.byteCount
        }
        bytes.removeAll(keepingCapacity: false)
        opened = nil
        return blocks
    }
}

extension BlockEncoder {
    fileprivate func encode(
        _ draft: BlockDraft, _ raw: ArraySlice<UInt8>, _ chooser: CompressionChooser
    ) throws(FormatError) -> EncodedBlock {
        let result = raw.withUnsafeBytes { bytes -> Result<EncodedBlock, FormatError> in
            do throws(FormatError) {
                let settings = try chooser.settings(for: draft.stream, bytes)
                return .success(try encode(draft, bytes, settings, into: FrameBuffer()))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

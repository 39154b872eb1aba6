import ArchiveTypes
import ChunkFormat
import EventTime
import Inputs

/// The open block of one stream of received lines.
struct ReceivedBlock {
    private var cutter: BlockCutter
    private var bytes: [UInt8] = []
    /// Where its bytes lie, when there are any.
    private var piece: Piece?
    /// When its first line came, in ticks; nil while it is empty.
    private(set) var opened: Nanoseconds?

    init(_ cutter: BlockCutter) { self.cutter = cutter }

    var labels: Labels { cutter.labels }
    var count: Int { bytes.count }

    /// Whether `next` goes on where the block ends and both together stay within `limit` bytes.
    func takes(_ next: Piece, limit: Int) -> Bool {
        guard let piece else { return true }
        return next.first == piece.first + UInt64(bytes.count) && bytes.count + next.count <= limit
    }

    /// `takes` must have said yes.
    mutating func append(_ next: Piece, _ content: ArraySlice<UInt8>, ticks: Nanoseconds) {
        if piece == nil { opened = ticks }
        let first = piece ?? next
        piece = Piece(
            first: first.first, count: bytes.count + next.count, startsInsideLine: first.startsInsideLine,
            endsInsideLine: next.endsInsideLine, isLast: next.isLast)
        bytes.append(contentsOf: content.prefix(next.count))
    }

    /// Compresses what there is, as one block or, where event time jumps, several. The block is empty then.
    mutating func close(
        _ encoder: BlockEncoder, _ chooser: CompressionChooser, received: Nanoseconds
    ) throws(FormatError) -> [EncodedBlock] {
        guard var rest = piece else { return [] }
        var blocks: [EncodedBlock] = []
        var done = 0
        while rest.count > 0 {
            let (draft, block) = bytes.withUnsafeBytes { bytes -> (BlockDraft, Result<EncodedBlock, FormatError>) in
                let lines = UnsafeRawBufferPointer(rebasing: bytes[done...])
                let draft = cutter.cut(lines, rest, received: received)
                let raw = UnsafeRawBufferPointer(rebasing: lines[..<Int(draft.positions.count)])
                do throws(FormatError) {
                    let settings = try chooser.settings(for: draft.stream, raw)
                    return (draft, .success(try encoder.encode(draft, raw, settings, into: FrameBuffer())))
                } catch { return (draft, .failure(error)) }
            }
            blocks.append(try block.get())
            (done, rest) = (done + Int(draft.positions.count), rest.dropping(Int(draft.positions.count)))
        }
        bytes.removeAll(keepingCapacity: false)
        (piece, opened) = (nil, nil)
        return blocks
    }
}

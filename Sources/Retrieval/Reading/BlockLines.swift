import ArchiveTypes
import ChunkFormat
import EventTime

/// The decompressed lines of one block with their ends and times, cut to the positions of one piece.
struct BlockLines {
    var bytes: [UInt8]
    var ends: [UInt32]
    var times: [Nanoseconds]
    /// The first line goes on from before the piece, the last one after it.
    var startsInsideLine: Bool
    var endsInsideLine: Bool

    /// By line, where a container runtime wrapped it: its stream (`ContainerStream`), or 0. Empty for other lines.
    var origins: [UInt8] = []

    /// No lines.
    init(startsInsideLine: Bool, endsInsideLine: Bool) {
        (bytes, ends, times) = ([], [], [])
        (self.startsInsideLine, self.endsInsideLine) = (startsInsideLine, endsInsideLine)
    }

    var count: Int { ends.count }

    /// - Parameters:
    ///   - bytes, table: all of the block.
    init(_ bytes: consuming [UInt8], _ table: consuming LineTable, header: BlockHeader, piece: Piece) {
        let isBytewise = header.positions.count == header.rawLength
        let isOpen = bytes.last != UInt8(ascii: "\n") && (isBytewise || header.continuesAfter)
        let cut = Self.cut(piece, header, table.ends)
        if cut == 0..<bytes.count {
            startsInsideLine = header.continuesBefore
            endsInsideLine = isOpen
            (self.bytes, ends, times) = (bytes, table.ends, table.times)
        } else {
            let first = table.ends.firstIndex { Int($0) > cut.lowerBound } ?? table.ends.count
            let last =
                cut.isEmpty ? first : (table.ends.firstIndex { Int($0) >= cut.upperBound } ?? table.ends.count - 1) + 1
            let firstStart = first == 0 ? 0 : Int(table.ends[first - 1])
            startsInsideLine = firstStart < cut.lowerBound || (cut.lowerBound == 0 && header.continuesBefore)
            endsInsideLine =
                cut.upperBound == bytes.count ? isOpen : last > 0 && Int(table.ends[last - 1]) > cut.upperBound
            self.bytes = Array(bytes[cut])
            ends = table.ends[first..<last].map { UInt32(min(Int($0), cut.upperBound) - cut.lowerBound) }
            times = Array(table.times[first..<last])
        }
    }

    /// The bytes of the block that the piece shows.
    static func cut(_ piece: Piece, _ header: BlockHeader, _ ends: [UInt32]) -> Range<Int> {
        range(of: piece.show, positions: header.positions, rawLength: Int(header.rawLength), ends: ends)
    }

    /// The bytes at `shown`, which lies within `positions`: positions are byte offsets, or numbers of lines. Where they
    /// are neither, nothing can be cut.
    static func range(of shown: PositionRange, positions: PositionRange, rawLength: Int, ends: [UInt32]) -> Range<Int> {
        guard shown != positions, shown.first >= positions.first, shown.end <= positions.end else {
            return 0..<rawLength
        }
        let (first, end) = (Int(shown.first - positions.first), Int(shown.end - positions.first))
        if positions.count == UInt64(rawLength) { return first..<end }
        guard positions.count == UInt64(ends.count) else { return 0..<rawLength }
        return (first == 0 ? 0 : Int(ends[first - 1]))..<(end == 0 ? 0 : Int(ends[end - 1]))
    }
}

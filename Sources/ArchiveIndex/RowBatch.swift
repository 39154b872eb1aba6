import ArchiveTypes
import ChunkFormat
import Glibc

/// Rows in memory, as lines of the time index.
struct RowBatch: Sendable {
    private var text: [UInt8] = []
    private var lines: [Line] = []

    private struct Line: Sendable {
        var start: Int
        var end: Int
        var isLong: Bool
    }

    var length: Int { text.count }
    var count: Int { lines.count }

    init() {}

    init(_ manifest: Manifest) {
        let chunk = Array(manifest.chunk.description.utf8)
        for block in manifest.blocks {
            let start = text.count
            IndexRow.append(block, inChunk: chunk, to: &text)
            let isLong = IndexRow.isLong(least: block.leastTime, greatest: block.greatestTime)
            lines.append(Line(start: start, end: text.count, isLong: isLong))
        }
    }

    mutating func append(_ other: RowBatch) {
        let base = text.count
        text.append(contentsOf: other.text)
        lines += other.lines.map { Line(start: base + $0.start, end: base + $0.end, isLong: $0.isLong) }
    }

    /// The lines of one section of an index, in its order.
    func sorted(_ kind: IndexKind, isLong: Bool) -> [UInt8] {
        let skipped = kind == .time ? 0 : IndexRow.hourLength
        var chosen = kind == .host ? (isLong ? [] : lines) : lines.filter { $0.isLong == isLong }
        return text.withUnsafeBytes { text in
            func line(_ line: Line) -> UnsafeRawBufferPointer {
                UnsafeRawBufferPointer(rebasing: text[(line.start + skipped)..<line.end])
            }
            chosen.sort { line($0).isBefore(line($1)) }
            var output: [UInt8] = []
            for next in chosen { output.append(contentsOf: line(next)) }
            return output
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Order by bytes.
    func isBefore(_ other: UnsafeRawBufferPointer) -> Bool {
        guard let ours = baseAddress, let theirs = other.baseAddress else { return count < other.count }
        let order = memcmp(ours, theirs, Swift.min(count, other.count))
        return order == 0 ? count < other.count : order < 0
    }

    func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        count == other.count && !isBefore(other) && !other.isBefore(self)
    }
}

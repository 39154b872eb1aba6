package import ArchiveTypes

/// What the index says of one block: everything that planning needs, and where the block lies.
///
/// A row is a line of tab-separated columns:
///
/// | column | content |
/// | --- | --- |
/// | 1 | host |
/// | 2 | source |
/// | 3 | least event time |
/// | 4 | generation |
/// | 5 | first position, 20 digits |
/// | 6 | end position (not included) |
/// | 7 | greatest event time (included) |
/// | 8 | receive time |
/// | 9 | `lines`, `gap` or `heartbeat` |
/// | 10 | labels: `key=value`, joined by commas, in the order of the keys; empty where there are none |
/// | 11 | lines |
/// | 12 | raw bytes |
/// | 13 | the chunk's key |
/// | 14 | offset of the block in the chunk |
/// | 15 | length of the block's header frame |
/// | 16 | length of the block, header included |
/// | 17 | XXH64 of the raw bytes, 16 hexadecimal digits |
/// | 18 | XXH64 of the block's bytes, 16 hexadecimal digits |
///
/// Rows of the time index have one column more before these, the hour of column 3 as `YYYY-MM-DDTHH`. Times are
/// RFC 3339 in UTC with nine fraction digits; other numbers are decimal without leading zeros. In text, `\t`, `\n`, `\r`
/// and `\\` stand for tab, newline, carriage return and backslash, `\xHH` for other control characters; in a label `\,`
/// and `\=` stand for a comma and an equals sign. So a tab is less than every byte of a column, and the rows of an index
/// are in the order of their bytes, which is that of `LC_ALL=C sort`.
package struct IndexRow: Sendable, Hashable {
    package var chunk: ChunkKey
    package var block: BlockEntry

    package init(chunk: ChunkKey, block: BlockEntry) {
        self.chunk = chunk
        self.block = block
    }

    /// Columns of a row of the host index.
    package static let columns = 18
    /// `YYYY-MM-DDTHH` and the tab after it, before a row of the time index.
    package static let hourLength = 14
    /// A reader refuses longer rows: every byte of every text escaped to four, and numbers.
    package static let greatestLength =
        4 * (Limits.hostBytes + Limits.sourceBytes) + 2 * Limits.labels * 4 * Limits.labelBytes + 4096
    /// A block whose lines span more than this goes to the part of the time index that every plan reads.
    package static let longSpan: Nanoseconds = .perDay

    package var isLong: Bool { Self.isLong(least: block.leastTime, greatest: block.greatestTime) }

    package static func isLong(least: Nanoseconds, greatest: Nanoseconds) -> Bool {
        let (span, overflow) = greatest.subtractingReportingOverflow(least)
        return overflow || span > longSpan
    }
}

extension IndexRow {
    /// Appends the row as a line of the time index: without its first `hourLength` bytes it is one of the host index.
    package func append(to output: inout [UInt8]) {
        Self.append(block, inChunk: Array(chunk.description.utf8), to: &output)
    }

    /// As `append(to:)`, for all blocks of a chunk: `chunk` is its key as text.
    package static func append(_ block: BlockEntry, inChunk chunk: [UInt8], to output: inout [UInt8]) {
        IndexText.appendTime(block.leastTime, to: &output)
        output.removeLast(IndexText.timeLength - (hourLength - 1))
        output.append(IndexText.tab)
        appendIdentity(block, to: &output)
        appendMeasures(block, to: &output)
        appendPlace(block, inChunk: chunk, to: &output)
        output.append(IndexText.newline)
    }

    private static func appendIdentity(_ block: BlockEntry, to output: inout [UInt8]) {
        IndexText.appendText(block.stream.host, to: &output)
        output.append(IndexText.tab)
        IndexText.appendText(block.stream.source, to: &output)
        output.append(IndexText.tab)
        IndexText.appendTime(block.leastTime, to: &output)
        output.append(IndexText.tab)
        output.append(contentsOf: block.generation.description.utf8)
        output.append(IndexText.tab)
        IndexText.appendNumber(block.positions.first, width: IndexText.positionDigits, to: &output)
        output.append(IndexText.tab)
        IndexText.appendNumber(block.positions.end, to: &output)
        output.append(IndexText.tab)
    }

    private static func appendMeasures(_ block: BlockEntry, to output: inout [UInt8]) {
        IndexText.appendTime(block.greatestTime, to: &output)
        output.append(IndexText.tab)
        IndexText.appendTime(block.received, to: &output)
        output.append(IndexText.tab)
        output.append(contentsOf: block.kind.name.utf8)
        output.append(IndexText.tab)
        IndexText.appendLabels(block.labels, to: &output)
        output.append(IndexText.tab)
        IndexText.appendNumber(UInt64(block.lineCount), to: &output)
        output.append(IndexText.tab)
        IndexText.appendNumber(block.rawLength, to: &output)
        output.append(IndexText.tab)
    }

    private static func appendPlace(_ block: BlockEntry, inChunk chunk: [UInt8], to output: inout [UInt8]) {
        output.append(contentsOf: chunk)
        output.append(IndexText.tab)
        for number in [block.offset, block.headerLength, block.length] {
            IndexText.appendNumber(number, to: &output)
            output.append(IndexText.tab)
        }
        IndexText.appendHex(block.rawChecksum, to: &output)
        output.append(IndexText.tab)
        IndexText.appendHex(block.checksum, to: &output)
    }
}

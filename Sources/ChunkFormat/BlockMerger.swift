import ArchiveTypes
import Checksums
import EventTime

/// Joins small blocks that follow one another in a generation and compresses their lines again as one block. Lines,
/// positions and event times stay as they are; the receive time is that of the last line, as in every block.
///
/// Blocks are given in the order of a `MergePlan`; what comes out, in the order in which it comes out, takes their place.
/// The same blocks give the same bytes. Holds the lines of one block. For one thread at a time.
package final class BlockMerger {
    /// A block of the merged chunk: its `durableLength` is 0.
    package struct Block: Sendable {
        package var header: BlockHeader
        /// The zstd frame; empty for gaps and heartbeats.
        package var frame: [UInt8]
    }

    private let blockBytes: Int
    private let compressor: ZstdCompressor
    private let decoder = BlockDecoder()
    private let output = FrameBuffer()
    private var run: Run?
    private var lines: [UInt8] = []
    private var times: [Nanoseconds] = []
    private var table = LineTable()

    /// Blocks that are about to become one.
    private struct Run {
        var join: BlockJoin
        /// The first block, as it came: it goes out so when nothing joins it.
        var first: Block
        var last: BlockHeader
        /// Formats that gave the times of first and last block.
        var formats: [TimeFormatUse] = []
        var isOpened = false
        var wrapping: BlockWrapping?
    }

    /// - Parameters:
    ///   - blockBytes: raw bytes of a full block.
    ///   - settings: how merged blocks are compressed.
    package init(blockBytes: Int, settings: CompressionSettings) throws(FormatError) {
        self.blockBytes = blockBytes
        compressor = try ZstdCompressor(settings)
    }

    /// Takes the next block, which is exactly `bytes`.
    /// - Returns: blocks that are finished by that, in order.
    /// - Throws: where a block is damaged; the merger is of no use after that.
    package func add(_ bytes: UnsafeRawBufferPointer) throws(FormatError) -> [Block] {
        let (decoded, headerLength) = try BlockHeader.decode(bytes)
        var header = decoded
        header.durableLength = 0
        let frame = UnsafeRawBufferPointer(rebasing: bytes[headerLength...])
        guard UInt64(frame.count) == header.storedLength, header.kind != .lines || xxh64(frame) == header.storedChecksum
        else { throw FormatError(.damaged, at: 0, "checksum of the compressed lines does not match") }
        if try extendRun(by: header, frame) { return [] }
        let finished = try finish()
        run = Run(
            join: BlockJoin(header, blockBytes), first: Block(header: header, frame: Array(frame)), last: header,
            wrapping: header.wrapping)
        return finished
    }

    /// What has not come out yet.
    package func finish() throws(FormatError) -> [Block] {
        guard let run else { return [] }
        self.run = nil
        return [run.isOpened ? try joined(run) : run.first]
    }

    private func extendRun(by header: BlockHeader, _ frame: UnsafeRawBufferPointer) throws(FormatError) -> Bool {
        guard var run, run.join.extend(by: BlockJoin(header, blockBytes), blockBytes: blockBytes) else { return false }
        guard header.kind == .lines else { return extendGap(run, by: header) }
        if !run.isOpened {
            lines.removeAll(keepingCapacity: true)
            lines.reserveCapacity(blockBytes)
            times.removeAll(keepingCapacity: true)
            let first = run.first
            try first.frame.withRawBytes { bytes throws(FormatError) in try open(first.header, bytes) }
            run.isOpened = true
            run.formats = first.header.formats
        }
        let isInsideLine = lines.last != UInt8(ascii: "\n")
        // A line that two blocks share counts once, which numbers of lines do not allow; nor may two lines become one.
        guard isInsideLine == header.continuesBefore, !isInsideLine || !run.join.isNumbered else { return false }
        guard let wrapping = Self.joined(run.wrapping, header.wrapping) else { return false }
        run.wrapping = wrapping
        let known = times.count
        try open(header, frame)
        if isInsideLine { times.remove(at: known) }
        run.last = header
        run.formats = run.formats.prefix(1) + header.formats
        self.run = run
        return true
    }

    /// The wrapping of both together; nil where one block cannot have it.
    private static func joined(_ left: BlockWrapping?, _ right: BlockWrapping?) -> BlockWrapping?? {
        guard let left, let right else { return left == nil && right == nil ? .some(nil) : nil }
        return left.joined(with: right)
    }

    /// Joins gaps with the same reason: what rules leave out is said once for many blocks.
    private func extendGap(_ run: Run, by header: BlockHeader) -> Bool {
        guard let gap = run.first.header.gap, let next = header.gap, gap.reason == next.reason else { return false }
        var run = run
        run.first.header.positions = run.join.positions
        run.first.header.gap?.lines = Self.sum(gap.lines, next.lines)
        run.first.header.gap?.bytes = Self.sum(gap.bytes, next.bytes)
        run.first.header.greatestTime = run.join.greatestTime
        run.first.header.received = header.received
        self.run = run
        return true
    }

    /// Nil where one of them is not known.
    private static func sum(_ left: UInt64?, _ right: UInt64?) -> UInt64? {
        guard let left, let right else { return nil }
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? nil : sum
    }

    /// Appends the lines of a block and their times.
    private func open(_ header: BlockHeader, _ frame: UnsafeRawBufferPointer) throws(FormatError) {
        var raw: [UInt8] = []
        try decoder.open(frame, header, &raw)
        guard xxh64(raw) == header.rawChecksum, let described = header.times else {
            throw FormatError(.damaged, at: 0, "checksum of the lines does not match")
        }
        let lineCount = try raw.withRawBytes { bytes throws(FormatError) in
            try Self.read(described, bytes, startsInsideLine: header.continuesBefore, into: &table)
        }
        guard lineCount == Int(header.lineCount) else {
            throw FormatError(.damaged, at: 0, "block has \(lineCount) lines, its header says \(header.lineCount)")
        }
        lines += raw
        times += table.times
    }

    private static func read(
        _ times: LineTimes, _ bytes: UnsafeRawBufferPointer, startsInsideLine: Bool, into table: inout LineTable
    ) throws(FormatError) -> Int {
        do throws(MalformedBytes) {
            try times.read(bytes, startsInsideLine: startsInsideLine, into: &table)
            return table.times.count
        } catch {
            throw FormatError(error)
        }
    }

    private func joined(_ run: Run) throws(FormatError) -> Block {
        let rawChecksum = xxh64(lines)
        let described = lines.withUnsafeBytes {
            LineTimes.describing(
                times, of: $0, startsInsideLine: run.first.header.continuesBefore, by: run.formats)
        }
        try lines.withRawBytes { bytes throws(FormatError) in
            try compressor.compress(bytes, checksum: rawChecksum, into: output)
        }
        var header = run.first.header
        header.positions = run.join.positions
        header.lineCount = UInt32(times.count)
        header.rawLength = UInt64(lines.count)
        header.storedLength = UInt64(output.count)
        header.storedChecksum = xxh64(output.bytes)
        header.rawChecksum = rawChecksum
        header.leastTime = run.join.leastTime
        header.greatestTime = run.join.greatestTime
        header.received = run.last.received
        header.times = described
        header.continuesAfter = run.last.continuesAfter
        header.wrapping = run.wrapping
        return Block(header: header, frame: Array(output.bytes))
    }
}

extension BlockHeader {
    /// The format of its times, where they have one.
    fileprivate var formats: [TimeFormatUse] {
        guard case .format(let use) = times else { return [] }
        return [use]
    }
}

extension BlockJoin {
    fileprivate init(_ header: BlockHeader, _ blockBytes: Int) {
        self.init(
            BlockEntry(header: header, headerFrame: [], frame: UnsafeRawBufferPointer(start: nil, count: 0), offset: 0),
            isSmall: Self.isSmall(header.rawLength, blockBytes))
    }
}

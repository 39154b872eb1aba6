import ArchiveTypes
import Checksums
import Glibc

/// Makes index objects of rows that come in their order. Holds one part at most. For one thread.
package struct IndexObjectWriter {
    private let kind: IndexKind
    private let coverage: IndexCoverage
    private let frameLength: Int
    private let partLength: Int
    private let compressor: ZstdCompressor
    private let name: IndexName
    private var part = 0
    private var data: [UInt8] = []
    private var fences: [IndexFence] = []
    private var frame = OpenFrame()

    /// Rows that are not compressed yet. Times are compared as text.
    private struct OpenFrame {
        var rows: [UInt8] = []
        var count: UInt32 = 0
        var isLong = false
        var firstKey: [UInt8] = []
        /// Start and length of the last row's key in `rows`.
        var lastKey = 0..<0
        var least: [UInt8] = []
        var greatest: [UInt8] = []
    }

    /// - Parameters:
    ///   - frameLength: bytes of rows after which a data frame is closed, at most `IndexObject.frameRawLength`.
    ///   - partLength: bytes of data frames after which a part should be finished.
    package init(
        _ kind: IndexKind, _ coverage: IndexCoverage, frameLength: Int = IndexObject.frameRawLength,
        partLength: Int = IndexObject.partLength
    ) throws(FormatError) {
        self.kind = kind
        self.coverage = coverage
        self.frameLength = min(frameLength, IndexObject.frameRawLength)
        self.partLength = partLength
        name = IndexName(coverage)
        compressor = try ZstdCompressor(IndexObject.compression)
    }

    package var isPartFull: Bool { data.count >= partLength }

    /// Appends a row with its newline. Rows of the second section follow all of the first.
    package mutating func append(_ row: UnsafeRawBufferPointer, isLong: Bool) throws(FormatError) {
        if frame.count > 0, frame.isLong != isLong { try closeFrame() }
        let columns = try RowColumns(row, kind)
        let start = frame.rows.count
        frame.rows.append(contentsOf: row)
        frame.lastKey = start..<(start + columns.keyLength)
        if frame.count == 0 {
            frame.firstKey = Array(frame.rows[frame.lastKey])
            frame.isLong = isLong
        }
        Self.keep(columns.least, in: &frame.least) { $0 < 0 }
        Self.keep(columns.greatest, in: &frame.greatest) { $0 > 0 }
        frame.count += 1
        if frame.rows.count >= frameLength { try closeFrame() }
    }

    private static func keep(_ text: UnsafeRawBufferPointer, in kept: inout [UInt8], if wins: (Int32) -> Bool) {
        guard let base = text.baseAddress else { return }
        if kept.isEmpty || wins(memcmp(base, kept, min(text.count, kept.count))) {
            kept.removeAll(keepingCapacity: true)
            kept.append(contentsOf: text)
        }
    }

    private mutating func closeFrame() throws(FormatError) {
        guard let least = frame.least.withUnsafeBytes(IndexText.time),
            let greatest = frame.greatest.withUnsafeBytes(IndexText.time)
        else { throw FormatError(.damaged, at: UInt64(data.count), "row of the index has a malformed time") }
        let offset = data.count
        let length = try frame.rows.withRawBytes { rows throws(FormatError) in
            try compressor.compress(rows, appendingTo: &data)
        }
        fences.append(
            IndexFence(
                isLong: frame.isLong, offset: UInt64(offset), length: UInt32(length),
                rawLength: UInt32(frame.rows.count), checksum: xxh64(data[offset...]), rows: frame.count, least: least,
                greatest: greatest, firstKey: frame.firstKey, lastKey: Array(frame.rows[frame.lastKey])))
        frame.rows.removeAll(keepingCapacity: true)
        frame.count = 0
        frame.least.removeAll(keepingCapacity: true)
        frame.greatest.removeAll(keepingCapacity: true)
    }

    /// The object of the rows so far; those that follow go to the next part.
    package mutating func finishPart(isLast: Bool) throws(FormatError) -> (key: IndexObjectKey, object: [UInt8]) {
        if frame.count > 0 { try closeFrame() }
        guard part <= IndexObjectKey.greatestPart else {
            throw FormatError(.excessive, at: 0, "index of more than \(part) parts")
        }
        let footer = IndexFooter(
            kind: kind, coverage: coverage, part: part, isLast: isLast,
            rows: fences.reduce(0) { $0 + UInt64($1.rows) }, frames: fences)
        let object = data + (try footer.encodedTail())
        let key = IndexObjectKey(kind: kind, name: name, part: part)
        part += 1
        data.removeAll()
        fences.removeAll()
        return (key, object)
    }
}

/// Where the columns lie that fences are made of.
struct RowColumns {
    /// Bytes up to and including the least event time.
    let keyLength: Int
    let least: UnsafeRawBufferPointer
    let greatest: UnsafeRawBufferPointer

    init(_ row: UnsafeRawBufferPointer, _ kind: IndexKind) throws(FormatError) {
        let leastStart = try Self.skip(kind.keyColumns - 1, row, from: 0)
        let leastEnd = try Self.skip(1, row, from: leastStart) - 1
        let greatestStart = try Self.skip(3, row, from: leastEnd + 1)
        let greatestEnd = try Self.skip(1, row, from: greatestStart) - 1
        keyLength = leastEnd
        least = UnsafeRawBufferPointer(rebasing: row[leastStart..<leastEnd])
        greatest = UnsafeRawBufferPointer(rebasing: row[greatestStart..<greatestEnd])
        guard least.count == IndexText.timeLength, greatest.count == IndexText.timeLength else {
            throw FormatError(.damaged, at: 0, "row of the index has a malformed time")
        }
    }

    /// Where the column begins that lies `columns` further.
    private static func skip(_ columns: Int, _ row: UnsafeRawBufferPointer, from start: Int) throws(FormatError) -> Int
    {
        var next = start
        for _ in 0..<columns {
            guard let base = row.baseAddress, let found = memchr(base + next, 0x09, row.count - next) else {
                throw FormatError(.damaged, at: 0, "row of the index has too few columns")
            }
            next = UnsafeRawPointer(found) - base + 1
        }
        return next
    }
}

import ArchiveTypes
import Checksums
import ChunkFormat

extension FuzzTarget {
    static let indexes: [FuzzTarget] = [
        FuzzTarget("index-rows-time", seeds: { [try IndexSeed.rows(.time)] }) { try readRows($0, .time) },
        FuzzTarget("index-rows-host", seeds: { [try IndexSeed.rows(.host)] }) { try readRows($0, .host) },
        FuzzTarget("index-object", rounds: 600, seeds: { [try IndexSeed.object(.time).object] }) { bytes in
            let key = try IndexSeed.timeKey.get()
            _ = try unlessRefused(FormatError.self) { try IndexObject.verify(bytes, key: key) }
        },
        FuzzTarget("index-footer", seeds: { [try IndexSeed.footerContent(.time), try IndexSeed.footerContent(.host)] })
        {
            try parseFooter(Array($0))
        },
        FuzzTarget("index-coverage", seeds: { try IndexSeed.coverages().map { $0.encoded() } }, decodeCoverage),
        FuzzTarget(
            text: "index-key",
            seeds: [
                "index/time/0000000000-2025112208-2025112208-00-0123456789abcdef0123456789abcdef-0000.tsv.zst",
                "index/host/2025112207-2025112208-2025112209-99-0123456789abcdef0123456789abcdef-9999.tsv.zst",
            ]
        ) { text in
            try requireOneForm(text, IndexObjectKey(text)?.description, "index key")
        },
        FuzzTarget("index-text", seeds: { [Array("env=prod,zone=a\\,b\\=c,\\x01=\\t\\\\".utf8)] }, readTexts),
    ]

    private static func readRows(_ bytes: UnsafeRawBufferPointer, _ kind: IndexKind) throws {
        var reader = IndexRowReader(kind, .everything)
        var rows: [IndexRow] = []
        let read: Void? = try unlessRefused(FormatError.self) { try reader.read(bytes, into: &rows) }
        try require(rows.count <= bytes.count, "\(rows.count) rows of \(bytes.count) bytes")
        // A row whose times lie out of all bounds is passed over unread.
        var lines = bytes.split(separator: 10, omittingEmptySubsequences: false)[...]
        for row in rows {
            let written = IndexSeed.line(row, kind).dropLast()
            lines = lines.drop { !$0.elementsEqual(written) }
            try require(lines.popFirst() != nil, "a row has another form: \(String(decoding: written, as: UTF8.self))")
        }
        if read != nil { try require(lines.last?.isEmpty ?? true, "a row is cut off") }
        try writeRows(rows, kind)
    }

    /// An object of rows that were read holds these rows, or is refused.
    private static func writeRows(_ rows: [IndexRow], _ kind: IndexKind) throws {
        var writer = try IndexObjectWriter(kind, try IndexSeed.coverages()[0], frameLength: 500)
        for row in rows where kind == .host || !row.isLong {
            try IndexSeed.line(row, kind).parsed { try writer.append($0, isLong: false) }
        }
        let (key, object) = try writer.finishPart(isLast: true)
        let verified = try unlessRefused(FormatError.self) {
            try object.parsed { try IndexObject.verify($0, key: key) }
        }
        if let verified {
            try require(
                verified.rows == rows.filter { kind == .host || !$0.isLong }, "an object holds other rows than written")
        }
    }

    private static func parseFooter(_ content: [UInt8]) throws {
        guard let footer = try unlessRefused(MalformedBytes.self, { try IndexFooter.parse(content[...]) }) else {
            return
        }
        try require(footer.frames.count <= content.count, "\(footer.frames.count) frames of \(content.count) bytes")
        let tail = IndexSeed.tail(content, footer)
        let key = IndexObjectKey(kind: footer.kind, name: IndexName(footer.coverage), part: footer.part)
        let length = footer.frames.reduce(UInt64(tail.count)) { $0 + UInt64($1.length) }
        let read = try tail.parsed { bytes in
            try require(try IndexFooter.neededTail(bytes) == tail.count, "the footer has another length")
            return try IndexFooter.decode(bytes, size: length, key: key)
        }
        try require(read == footer, "footer read from the tail changed")
    }

    private static func decodeCoverage(_ bytes: UnsafeRawBufferPointer) throws {
        let all = Array(bytes)
        guard let coverage = try unlessRefused(MalformedBytes.self, { try IndexCoverage(decoding: all[...]) }) else {
            return
        }
        try require(coverage.encoded() == all, "coverage has another form")
        try require(coverage.contains(coverage), "a coverage contains itself")
        try require(coverage.union(coverage) == coverage, "a coverage united with itself is itself")
        try require(coverage.resolving(coverage.exceptions).exceptions.isEmpty, "exceptions were resolved")
        for other in try IndexSeed.coverages() {
            guard let union = coverage.union(other) else { continue }
            try require(union.contains(coverage) && union.contains(other), "a union contains its parts")
        }
        guard coverage.edition <= IndexName.greatestEdition else { return }
        let key = IndexObjectKey(kind: .time, name: IndexName(coverage), part: 0)
        try require(IndexObjectKey(key.description) == key, "key \(key) cannot be read")
    }

    private static func readTexts(_ bytes: UnsafeRawBufferPointer) throws {
        var written: [UInt8] = []
        if let text = IndexText.text(bytes, limit: 1000) {
            IndexText.appendText(text, to: &written)
            try require(written.elementsEqual(bytes), "a text has another form")
        }
        written = []
        if let labels = IndexText.labels(bytes) {
            IndexText.appendLabels(labels, to: &written)
            try require(written.elementsEqual(bytes), "labels have another form")
        }
        written = []
        if let time = IndexText.time(bytes) { IndexText.appendTime(time, to: &written) }
        try require(written.isEmpty || written.elementsEqual(bytes), "a time has another form")
        written = []
        if let number = IndexText.number(bytes) { IndexText.appendNumber(number, to: &written) }
        try require(written.isEmpty || written.elementsEqual(bytes), "a number has another form")
    }
}

/// Index objects by the project's own encoders.
enum IndexSeed {
    static func someRows() throws -> [IndexRow] {
        let manifest = try ChunkSeed.made.get().manifest
        return manifest.blocks.enumerated().map { index, block in
            var block = block
            block.leastTime += Int64(index) * .perHour
            block.greatestTime = block.leastTime + (index == 3 ? 2 * .perDay : .perSecond)
            return IndexRow(chunk: manifest.chunk, block: block)
        }
    }

    static func line(_ row: IndexRow, _ kind: IndexKind) -> [UInt8] {
        var line: [UInt8] = []
        row.append(to: &line)
        return kind == .time ? line : Array(line.dropFirst(IndexRow.hourLength))
    }

    static func rows(_ kind: IndexKind) throws -> [UInt8] { try someRows().flatMap { line($0, kind) } }

    private static let made = Result { try makeCoverages() }

    static func coverages() throws -> [IndexCoverage] { try made.get() }

    private static func makeCoverages() throws -> [IndexCoverage] {
        let hour = Hour(containing: ChunkSeed.sealed)
        let object = try ChunkSeed.made.get().manifest.encoded()
        let key = try ChunkSeed.made.get().manifest.key(hour: hour, object: object)
        var later = key
        later.hour = Hour(number: hour.number + 3)
        let closed = IndexCoverage.ClosedHours(after: nil, through: hour)
        let after = IndexCoverage.ClosedHours(after: Hour(number: hour.number - 5), through: hour)
        return [
            IndexCoverage(closed: closed, open: [later], exceptions: [key]),
            IndexCoverage(edition: 7, closed: after, exceptions: [key]), IndexCoverage(open: [key, later]),
        ]
    }

    static func object(_ kind: IndexKind) throws -> (key: IndexObjectKey, object: [UInt8]) {
        var writer = try IndexObjectWriter(kind, try coverages()[0], frameLength: 500)
        let rows = try someRows().map { (line: line($0, kind), isLong: kind == .time && $0.isLong) }
        let sorted = rows.sorted { $0.isLong == $1.isLong ? $0.line.lexicographicallyPrecedes($1.line) : $1.isLong }
        for row in sorted { try row.line.parsed { try writer.append($0, isLong: row.isLong) } }
        return try writer.finishPart(isLast: true)
    }

    static let timeKey = Result { try object(.time).key }

    /// What of a footer stands before its checksum.
    static func footerContent(_ kind: IndexKind) throws -> [UInt8] {
        let object = try object(kind).object
        return try object.parsed { bytes in
            let tail = bytes.suffix(try IndexFooter.neededTail(bytes))
            let count = try SeekTable.frameCount(atEndOf: bytes, limit: 1000)
            return Array(tail.dropFirst(8).dropLast(SeekTable.encodedLength(frames: count) + 12 + 8))
        }
    }

    /// Footer frame and seek table of a footer whose content before the checksum is given.
    static func tail(_ content: [UInt8], _ footer: IndexFooter) -> [UInt8] {
        var sealed = content
        sealed.append(littleEndian: xxh64(content))
        sealed.append(littleEndian: UInt32(sealed.count + 12))
        sealed += Array("firnIDX".utf8) + [IndexObject.version]
        var tail: [UInt8] = []
        SkippableFrame.append(.indexFooter, sealed, to: &tail)
        var entries = footer.frames.map { SeekTable.Frame(compressed: $0.length, decompressed: $0.rawLength) }
        entries.append(SeekTable.Frame(compressed: UInt32(tail.count), decompressed: 0))
        return tail + SeekTable.encoded(entries)
    }
}

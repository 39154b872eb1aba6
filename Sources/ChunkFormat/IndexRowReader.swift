import ArchiveTypes
import Glibc

/// Reads rows of the index that pass a filter. Host, source and times are compared as bytes, before anything is made of
/// the row; neighbours share their texts. Rows that the filter passes over are not checked beyond that. For one thread.
package struct IndexRowReader {
    private let hasHour: Bool
    private let filter: BlockQuery
    private let from: [UInt8]
    private let to: [UInt8]
    private var host: TextColumn
    private var source: TextColumn
    private var generations = Parsed { Generation(String(decoding: $0, as: UTF8.self)) }
    private var labels = Parsed { IndexText.labels($0) }
    private var chunks = Parsed { ChunkKey(String(decoding: $0, as: UTF8.self)) }

    package init(_ kind: IndexKind, _ filter: BlockQuery) {
        hasHour = kind == .time
        self.filter = filter
        from = Self.timeText(filter.times.from)
        to = Self.timeText(filter.times.to)
        host = TextColumn(filter.hosts, limit: Limits.hostBytes)
        source = TextColumn(filter.sources, limit: Limits.sourceBytes)
    }

    private static func timeText(_ time: Nanoseconds) -> [UInt8] {
        var text: [UInt8] = []
        IndexText.appendTime(time, to: &text)
        return text
    }

    /// Appends the wanted rows of whole lines to `output`.
    package mutating func read(_ rows: UnsafeRawBufferPointer, into output: inout [IndexRow]) throws(FormatError) {
        var start = 0
        while start < rows.count {
            let end = try Self.lineEnd(rows, from: start)
            switch row(UnsafeRawBufferPointer(rebasing: rows[start..<end])) {
            case .unwanted: break
            case .wanted(let row): output.append(row)
            case .malformed: throw FormatError(.damaged, at: UInt64(start), "row of the index is malformed")
            }
            start = end + 1
        }
    }

    /// Index of the newline that ends the row at `start`.
    package static func lineEnd(_ rows: UnsafeRawBufferPointer, from start: Int) throws(FormatError) -> Int {
        guard let base = rows.baseAddress, let found = memchr(base + start, 0x0A, rows.count - start) else {
            throw FormatError(.truncated, at: UInt64(start), "row of the index is cut off")
        }
        let end = UnsafeRawPointer(found) - base
        guard end - start <= IndexRow.greatestLength else {
            throw FormatError(.excessive, at: UInt64(start), "row of the index of \(end - start) bytes")
        }
        return end
    }

    private enum Outcome {
        case unwanted
        case wanted(IndexRow)
        case malformed
    }

    private mutating func row(_ line: UnsafeRawBufferPointer) -> Outcome {
        var columns = ColumnCursor(line)
        let hour = hasHour ? columns.next() : nil
        guard let hostText = columns.next() else { return .malformed }
        guard host.accepts(hostText) else { return .unwanted }
        guard let sourceText = columns.next() else { return .malformed }
        guard source.accepts(sourceText) else { return .unwanted }
        guard let least = columns.next(), least.count == to.count else { return .malformed }
        guard least.precedes(to) else { return .unwanted }
        guard let generation = columns.next(), let first = columns.next(), let end = columns.next(),
            let greatest = columns.next(), greatest.count == from.count
        else { return .malformed }
        guard !greatest.precedes(from) else { return .unwanted }
        if hasHour {
            let prefix = UnsafeRawBufferPointer(rebasing: least[..<(IndexRow.hourLength - 1)])
            guard let hour, hour.elementsEqual(prefix) else { return .malformed }
        }
        return rest(
            &columns, Identity(least: least, generation: generation, first: first, end: end, greatest: greatest))
    }

    private struct Identity {
        var least: UnsafeRawBufferPointer
        var generation: UnsafeRawBufferPointer
        var first: UnsafeRawBufferPointer
        var end: UnsafeRawBufferPointer
        var greatest: UnsafeRawBufferPointer

        var positions: PositionRange? {
            guard first.count == IndexText.positionDigits, let from = IndexText.digits(first),
                let to = IndexText.number(end), from <= to
            else { return nil }
            return PositionRange(first: from, end: to)
        }
    }

    private mutating func rest(_ columns: inout ColumnCursor, _ identity: Identity) -> Outcome {
        guard let received = columns.next().flatMap(IndexText.time),
            let kind = columns.next().flatMap({ BlockKind(name: String(decoding: $0, as: UTF8.self)) }),
            let labels = columns.next().flatMap({ labels.value($0) }),
            let generation = generations.value(identity.generation)
        else { return .malformed }
        guard filter.matches(generation: generation, kind: kind, labels: labels) else { return .unwanted }
        guard let lines = columns.next().flatMap(IndexText.number).flatMap(UInt32.init(exactly:)),
            let raw = columns.next().flatMap(IndexText.number), raw <= UInt64(Limits.blockRawBytes),
            let chunk = columns.next().flatMap({ chunks.value($0) }), let place = Place(&columns),
            let host = host.value, let source = source.value, let positions = identity.positions,
            let least = IndexText.time(identity.least), let greatest = IndexText.time(identity.greatest),
            least <= greatest
        else { return .malformed }
        let block = BlockEntry(
            kind: kind, stream: StreamID(host: host, source: source), labels: labels, generation: generation,
            positions: positions, offset: place.offset, headerLength: place.header, length: place.length,
            lineCount: lines, rawLength: raw, rawChecksum: place.rawChecksum, checksum: place.checksum,
            leastTime: least, greatestTime: greatest, received: received)
        return .wanted(IndexRow(chunk: chunk, block: block))
    }

    /// The last columns, from the offset on.
    private struct Place {
        var offset: UInt64
        var header: UInt64
        var length: UInt64
        var rawChecksum: UInt64
        var checksum: UInt64

        init?(_ columns: inout ColumnCursor) {
            guard let offset = columns.next().flatMap(IndexText.number), offset <= UInt64(Int64.max) / 2,
                let header = columns.next().flatMap(IndexText.number), header > 0,
                let length = columns.next().flatMap(IndexText.number), header <= length,
                length <= UInt64(Limits.blockHeaderBytes + Limits.blockStoredBytes),
                let rawChecksum = columns.next().flatMap(IndexText.hex),
                let checksum = columns.next().flatMap(IndexText.hex), columns.isAtEnd
            else { return nil }
            self.offset = offset
            self.header = header
            self.length = length
            self.rawChecksum = rawChecksum
            self.checksum = checksum
        }
    }
}

/// The columns of one row, from the left.
private struct ColumnCursor {
    private var rest: UnsafeRawBufferPointer?

    init(_ line: UnsafeRawBufferPointer) { rest = line }

    var isAtEnd: Bool { rest == nil }

    mutating func next() -> UnsafeRawBufferPointer? {
        guard let bytes = rest else { return nil }
        guard let base = bytes.baseAddress, let found = memchr(base, 0x09, bytes.count) else {
            rest = nil
            return bytes
        }
        let end = UnsafeRawPointer(found) - base
        rest = UnsafeRawBufferPointer(rebasing: bytes[(end + 1)...])
        return UnsafeRawBufferPointer(rebasing: bytes[..<end])
    }
}

/// A column of text that seldom changes from row to row: what was decided of the last one holds for an equal one.
private struct TextColumn {
    private let patterns: [Glob]
    private let limit: Int
    private var bytes: [UInt8] = []
    private var isAccepted: Bool
    private(set) var value: String?

    init(_ patterns: [Glob], limit: Int) {
        self.patterns = patterns
        self.limit = limit
        isAccepted = patterns.isEmpty
    }

    /// Malformed text is accepted with no `value`, so that it is noticed.
    mutating func accepts(_ column: UnsafeRawBufferPointer) -> Bool {
        if column.equals(bytes) { return isAccepted }
        bytes = Array(column)
        value = IndexText.text(column, limit: limit).flatMap { $0.isEmpty ? nil : $0 }
        isAccepted = value.map { text in patterns.isEmpty || patterns.contains { $0.matches(text) } } ?? true
        return isAccepted
    }
}

/// Values that many rows share, and that cost more to parse than to look up. Bounded.
private struct Parsed<Value> {
    private let parse: (UnsafeRawBufferPointer) -> Value?
    private var known: [[UInt8]: Value] = [:]
    private static var limit: Int { 4096 }

    init(_ parse: @escaping (UnsafeRawBufferPointer) -> Value?) { self.parse = parse }

    mutating func value(_ text: UnsafeRawBufferPointer) -> Value? {
        let key = Array(text)
        if let value = known[key] { return value }
        guard let value = parse(text) else { return nil }
        if known.count >= Self.limit { known.removeAll(keepingCapacity: true) }
        known[key] = value
        return value
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func equals(_ other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        guard let base = baseAddress else { return true }
        return memcmp(base, other, count) == 0
    }

    /// Both are of the same length.
    fileprivate func precedes(_ other: [UInt8]) -> Bool {
        guard let base = baseAddress else { return false }
        return memcmp(base, other, Swift.min(count, other.count)) < 0
    }
}

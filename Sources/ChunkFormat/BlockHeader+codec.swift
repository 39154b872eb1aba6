import ArchiveTypes
import Checksums
import EventTime

/// The header's skippable frame, version 1:
///
///     magic 0x184D2A51 (4 bytes), length of what follows (4 bytes)
///     version, 1 (1 byte), kind (1 byte)
///     fields, see `FieldWriter` and `HeaderField`
///     XXH64 of everything before it in the frame, from the magic on (8 bytes)
///
/// Integers are little endian. A reader skips optional fields that it does not know and refuses required ones.
enum HeaderField: UInt64 {
    /// Host and source, each with a varint length.
    case stream = 1
    /// Text.
    case generation = 2
    /// Varints: first position, number of positions, lines, raw length, stored length.
    case extent = 3
    /// XXH64 of the zstd frame, XXH64 of the lines, 8 bytes each.
    case checksums = 4
    /// Signed varint of the least event time, varint of greatest minus least, signed varint of received minus greatest.
    case clocks = 5
    /// `LineTimes.encoded()`.
    case times = 6
    /// Varint of the raw length, then `LineTimes.encoded()` as a zstd frame. In place of `times` where it is shorter.
    case compressedTimes = 7
    /// Varint: bit 0 the first line goes on from the block before, bit 1 the last one goes on in the next.
    case flags = 8
    /// Varint number of pairs, then keys and values, each with a varint length.
    case labels = 9
    /// Varint: bit 0 lines are known, bit 1 bytes are known; varints of the known ones; reason with a varint length.
    case gap = 10
    /// Varint. Optional: only recovery needs it.
    case durableLength = 11
    /// `BlockWrapping.encoded`. Optional: whoever does not know it shows the lines as they are.
    case wrapping = 12
}

extension BlockHeader {
    package static let version: UInt8 = 1
    /// Version, kind and checksum.
    private static let fixedLength = 10
    /// Times shorter than this are not worth a frame of their own.
    private static let compressTimesFrom = 64

    /// The bytes of the whole skippable frame.
    package func encodedFrame() throws(FormatError) -> [UInt8] {
        var writer = FieldWriter([Self.version, kind.rawValue])
        writer.append(HeaderField.stream.rawValue, lengthPrefixed([stream.host, stream.source]))
        writer.append(HeaderField.generation.rawValue, Array(generation.description.utf8))
        writer.append(
            HeaderField.extent.rawValue,
            varints([positions.first, positions.count, UInt64(lineCount), rawLength, storedLength]))
        writer.append(HeaderField.checksums.rawValue, checksumBytes)
        writer.append(HeaderField.clocks.rawValue, clockBytes)
        if let times { try Self.append(times, to: &writer) }
        let flags: UInt64 = (continuesBefore ? 1 : 0) | (continuesAfter ? 2 : 0)
        if flags != 0 { writer.append(HeaderField.flags.rawValue, varints([flags])) }
        if !labels.pairs.isEmpty {
            let texts = labels.pairs.flatMap { [$0.key, $0.value] }
            writer.append(HeaderField.labels.rawValue, varints([UInt64(labels.pairs.count)]) + lengthPrefixed(texts))
        }
        if let gap { writer.append(HeaderField.gap.rawValue, gap.encoded()) }
        if durableLength != 0 {
            writer.append(HeaderField.durableLength.rawValue, required: false, varints([durableLength]))
        }
        if let wrapping {
            writer.append(HeaderField.wrapping.rawValue, required: false, wrapping.encoded(least: leastTime))
        }
        return Self.sealed(.blockHeader, writer.bytes)
    }

    private var checksumBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: storedChecksum)
        bytes.append(littleEndian: rawChecksum)
        return bytes
    }

    private var clockBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(signedVarint: leastTime)
        bytes.append(varint: UInt64(bitPattern: greatestTime &- leastTime))
        bytes.append(signedVarint: received &- greatestTime)
        return bytes
    }

    private static func append(_ times: LineTimes, to writer: inout FieldWriter) throws(FormatError) {
        let encoded = times.encoded()
        if encoded.count >= compressTimesFrom {
            var compressed = varints([UInt64(encoded.count)])
            let compressor = try ZstdCompressor(CompressionSettings(level: 3))
            let head = compressed.count
            try encoded.withRawBytes { bytes throws(FormatError) in
                _ = try compressor.compress(bytes, appendingTo: &compressed)
            }
            if compressed.count - head < encoded.count {
                writer.append(HeaderField.compressedTimes.rawValue, compressed)
                return
            }
        }
        writer.append(HeaderField.times.rawValue, encoded)
    }

    /// A skippable frame of `content` and the XXH64 of all before it.
    static func sealed(_ kind: SkippableFrame.Kind, _ content: [UInt8]) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(content.count + 16)
        frame.append(littleEndian: SkippableFrame.magic(kind))
        frame.append(littleEndian: UInt32(content.count + 8))
        frame.append(contentsOf: content)
        frame.append(littleEndian: xxh64(frame))
        return frame
    }

    /// Reads the header's frame at the start of `bytes`, which may be longer.
    package static func decode(
        _ bytes: UnsafeRawBufferPointer
    ) throws(FormatError) -> (header: BlockHeader, frameLength: Int) {
        let content = try unsealed(.blockHeader, bytes, limit: Limits.blockHeaderBytes)
        guard content.count >= 2 else { throw FormatError(.damaged, at: 8, "block header is too short") }
        guard content[content.startIndex] == version else {
            throw FormatError(
                .unsupported, at: 8,
                "block header of version \(content[content.startIndex]), this reader knows \(version); update firn")
        }
        guard let kind = BlockKind(rawValue: content[content.startIndex + 1]) else {
            throw FormatError(
                .unsupported, at: 9, "block of unknown kind \(content[content.startIndex + 1]); update firn")
        }
        var draft = HeaderDraft(kind: kind)
        var fields = FieldReader(ByteReader(content.dropFirst(2)))
        while let field = try fields.next() { try draft.take(field.number, field.value, isRequired: field.isRequired) }
        return (try draft.finish(), content.count + 16)
    }

    /// The content of a frame that `sealed` made, without its checksum, which is checked.
    static func unsealed(
        _ kind: SkippableFrame.Kind, _ bytes: UnsafeRawBufferPointer, limit: Int
    ) throws(FormatError) -> ArraySlice<UInt8> {
        let length = try SkippableFrame.contentLength(kind, in: bytes, limit: limit)
        guard length >= 8 else { throw FormatError(.damaged, at: 4, "\(kind) of \(length) bytes") }
        let end = SkippableFrame.headerLength + length
        guard bytes.count >= end else {
            throw FormatError(.truncated, at: UInt64(bytes.count), "bytes end inside a \(kind)")
        }
        let expected = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: end - 8, as: UInt64.self))
        guard xxh64(UnsafeRawBufferPointer(rebasing: bytes[..<(end - 8)])) == expected else {
            throw FormatError(.damaged, at: 0, "checksum of the \(kind) does not match")
        }
        return [UInt8](bytes[SkippableFrame.headerLength..<(end - 8)])[...]
    }
}

extension BlockHeader.Gap {
    fileprivate func encoded() -> [UInt8] {
        var bytes = varints([(lines == nil ? 0 : 1) | (self.bytes == nil ? 0 : 2)])
        if let lines { bytes.append(varint: lines) }
        if let count = self.bytes { bytes.append(varint: count) }
        bytes.append(lengthPrefixed: reason.utf8)
        return bytes
    }

    fileprivate init(_ reader: inout ByteReader) throws(MalformedBytes) {
        let known = try reader.readVarint()
        guard known <= 3 else { throw MalformedBytes("unknown flags of a gap", at: 0) }
        lines = known & 1 == 0 ? nil : try reader.readVarint()
        bytes = known & 2 == 0 ? nil : try reader.readVarint()
        reason = try reader.readText(atMost: Limits.labelBytes)
    }
}

/// What has been read of a header.
private struct HeaderDraft {
    var kind: BlockKind
    var stream: StreamID?
    var generation: Generation?
    var extent: [UInt64]?
    var checksums: (stored: UInt64, raw: UInt64)?
    var clocks: (least: Nanoseconds, greatest: Nanoseconds, received: Nanoseconds)?
    var times: LineTimes?
    var flags: UInt64 = 0
    var labels = Labels.none
    var gap: BlockHeader.Gap?
    var durableLength: UInt64 = 0
    var wrapping: BlockWrapping?

    init(kind: BlockKind) { self.kind = kind }

    mutating func take(_ number: UInt64, _ value: ArraySlice<UInt8>, isRequired: Bool) throws(FormatError) {
        switch HeaderField(rawValue: number) {
        case .stream: stream = try parse(value, readStream)
        case .generation:
            guard let text = String(validating: value, as: UTF8.self), let generation = Generation(text) else {
                throw FormatError(.damaged, at: 0, "malformed generation")
            }
            self.generation = generation
        case .extent:
            extent = try parse(value) { reader throws(MalformedBytes) in
                var values: [UInt64] = []
                for _ in 0..<5 { values.append(try reader.readVarint()) }
                return values
            }
        case .checksums:
            checksums = try parse(value) { reader throws(MalformedBytes) in
                (try reader.read(UInt64.self), try reader.read(UInt64.self))
            }
        case .clocks: clocks = try parse(value, readClocks)
        case .times: times = try lineTimes(value)
        case .compressedTimes: times = try compressedLineTimes(value)
        case .flags: flags = try parse(value) { reader throws(MalformedBytes) in try reader.readVarint() }
        case .labels: labels = try parse(value, readLabels)
        case .gap: gap = try parse(value) { reader throws(MalformedBytes) in try BlockHeader.Gap(&reader) }
        case .durableLength:
            durableLength = try parse(value) { reader throws(MalformedBytes) in try reader.readVarint() }
        case .wrapping: wrapping = try BlockWrapping.decode(value, least: clocks?.least)
        case nil:
            if isRequired { throw FormatError(.unsupported, at: 0, "unknown required field \(number); update firn") }
        }
    }

    private func lineTimes(_ value: ArraySlice<UInt8>) throws(FormatError) -> LineTimes {
        let lines = UInt32(clamping: extent?[2] ?? 0)
        do throws(MalformedBytes) { return try LineTimes(decoding: value, lineCount: lines) } catch {
            throw FormatError(error)
        }
    }

    private func compressedLineTimes(_ value: ArraySlice<UInt8>) throws(FormatError) -> LineTimes {
        let (length, frame) = try parse(value) { reader throws(MalformedBytes) in
            (try reader.readVarint(), try reader.read(count: reader.remaining))
        }
        // Fields ascend: the number of lines is known by now. A line's time takes 15 bytes at most, a format's own
        // fields less than 128.
        let lines = min(extent?[2] ?? 0, UInt64(Limits.blockRawBytes))
        let limit = min(Limits.blockHeaderBytes * 20, 128 + 15 * Int(lines))
        guard length <= UInt64(limit) else { throw FormatError(.excessive, at: 0, "times of \(length) bytes") }
        let content = try decompressed(Array(frame), rawLength: Int(length), limit: limit)
        return try lineTimes(content[...])
    }

    func finish() throws(FormatError) -> BlockHeader {
        guard let stream, let generation, let extent, let checksums, let clocks else {
            throw FormatError(.damaged, at: 0, "block header lacks a required field")
        }
        guard flags <= 3 else { throw FormatError(.unsupported, at: 0, "unknown flags \(flags); update firn") }
        let (end, overflow) = extent[0].addingReportingOverflow(extent[1])
        guard !overflow, let lineCount = UInt32(exactly: extent[2]), extent[2] <= max(1, extent[3]),
            extent[3] <= UInt64(Limits.blockRawBytes), extent[4] <= UInt64(Limits.blockStoredBytes)
        else { throw FormatError(.excessive, at: 0, "block's extent is out of bounds") }
        guard (kind == .lines) == (times != nil), kind == .lines || wrapping == nil, (kind == .gap) == (gap != nil),
            kind == .lines ? (extent[3] > 0 && extent[4] > 0 && lineCount > 0) : (extent[3] == 0 && extent[4] == 0)
        else { throw FormatError(.damaged, at: 0, "block header's fields do not fit its kind") }
        return BlockHeader(
            kind: kind, stream: stream, labels: labels, generation: generation,
            positions: PositionRange(first: extent[0], end: end), lineCount: lineCount, rawLength: extent[3],
            storedLength: extent[4], storedChecksum: checksums.stored, rawChecksum: checksums.raw,
            leastTime: clocks.least, greatestTime: clocks.greatest, received: clocks.received, times: times,
            continuesBefore: flags & 1 != 0, continuesAfter: flags & 2 != 0, durableLength: durableLength, gap: gap,
            wrapping: wrapping)
    }
}

func readStream(_ reader: inout ByteReader) throws(MalformedBytes) -> StreamID {
    let stream = StreamID(
        host: try reader.readText(atMost: Limits.hostBytes), source: try reader.readText(atMost: Limits.sourceBytes))
    guard !stream.host.isEmpty, !stream.source.isEmpty else { throw MalformedBytes("empty host or source", at: 0) }
    return stream
}

func readLabels(_ reader: inout ByteReader) throws(MalformedBytes) -> Labels {
    let count = try reader.readVarint()
    guard count <= UInt64(Limits.labels) else { throw MalformedBytes("\(count) labels exceed \(Limits.labels)", at: 0) }
    var pairs: [(key: String, value: String)] = []
    for _ in 0..<count {
        pairs.append((try reader.readText(atMost: Limits.labelBytes), try reader.readText(atMost: Limits.labelBytes)))
    }
    guard let labels = Labels(pairs) else { throw MalformedBytes("malformed labels", at: 0) }
    return labels
}

func readClocks(
    _ reader: inout ByteReader
) throws(MalformedBytes) -> (least: Nanoseconds, greatest: Nanoseconds, received: Nanoseconds) {
    let least = try reader.readSignedVarint()
    let greatest = least.addingReportingOverflow(Int64(bitPattern: try reader.readVarint()))
    let received = greatest.partialValue.addingReportingOverflow(try reader.readSignedVarint())
    guard !greatest.overflow, greatest.partialValue >= least, !received.overflow else {
        throw MalformedBytes("times are out of bounds", at: 0)
    }
    return (least, greatest.partialValue, received.partialValue)
}

func varints(_ values: [UInt64]) -> [UInt8] {
    var bytes: [UInt8] = []
    for value in values { bytes.append(varint: value) }
    return bytes
}

func lengthPrefixed(_ texts: [String]) -> [UInt8] {
    var bytes: [UInt8] = []
    for text in texts { bytes.append(lengthPrefixed: text.utf8) }
    return bytes
}

/// The content of one zstd frame of exactly `rawLength` bytes.
func decompressed(_ frame: [UInt8], rawLength: Int, limit: Int) throws(FormatError) -> [UInt8] {
    var content: [UInt8] = []
    let decompressor = ZstdDecompressor()
    try frame.withRawBytes { bytes throws(FormatError) in
        try decompressor.decompress(bytes, rawLength: rawLength, limit: limit, into: &content)
    }
    return content
}

package import ArchiveTypes
import Checksums

/// What outlives the chunks of the spool. The file `snapshot`:
///
///     "FIRNSNAP", version 2 (1 byte)
///     archive, writer, identity of the directory: texts with varint lengths
///     varint next sequence; SHA-256 of the last sealed chunk with a varint length (32 or 0)
///     state of the inputs with a varint length
///     varint number of positions; each: host, source, generation with varint lengths, varint end position
///     varint number of generations that are archived beyond a hole too; each: host, source, generation with varint
///     lengths, varint number of ranges, each as varint first and end position (not in version 1)
///     XXH64 of everything before it (8 bytes)
package struct SpoolSnapshot: Hashable {
    package var archive: String
    package var writer: WriterID
    /// Machine, file system and inode of the spool's directory: a copied or restored spool differs.
    package var identity: String
    package var nextSequence: UInt64
    package var previous: [UInt8]?
    package var inputState: [UInt8]
    package var positions: [SourceGeneration: UInt64]
    /// What is archived beyond `positions`: ascending ranges.
    package var ahead: [SourceGeneration: [PositionRange]]

    package init(
        archive: String, writer: WriterID, identity: String, nextSequence: UInt64, previous: [UInt8]?,
        inputState: [UInt8], positions: [SourceGeneration: UInt64], ahead: [SourceGeneration: [PositionRange]] = [:]
    ) {
        self.archive = archive
        self.writer = writer
        self.identity = identity
        self.nextSequence = nextSequence
        self.previous = previous
        self.inputState = inputState
        self.positions = positions
        self.ahead = ahead
    }

    private static let magic = Array("FIRNSNAP".utf8)

    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        // There are many, and a buffer that doubles takes as much again.
        bytes.reserveCapacity(mostEncodedBytes)
        bytes += Self.magic + [2]
        for text in [archive, writer.description, identity] { bytes.append(lengthPrefixed: text.utf8) }
        bytes.append(varint: nextSequence)
        bytes.append(lengthPrefixed: previous ?? [])
        bytes.append(lengthPrefixed: inputState)
        bytes.append(varint: UInt64(positions.count))
        for (key, position) in positions.sorted(by: { $0.key < $1.key }) {
            key.encode(into: &bytes)
            bytes.append(varint: position)
        }
        bytes.append(varint: UInt64(ahead.count))
        for (key, ranges) in ahead.sorted(by: { $0.key < $1.key }) {
            key.encode(into: &bytes)
            bytes.append(varint: UInt64(ranges.count))
            for range in ranges {
                bytes.append(varint: range.first)
                bytes.append(varint: range.end)
            }
        }
        bytes.append(littleEndian: xxh64(bytes))
        return bytes
    }

    private var mostEncodedBytes: Int {
        let varint = 10
        var count = 256 + archive.utf8.count + writer.description.utf8.count + identity.utf8.count + inputState.count
        for key in positions.keys { count += key.mostEncodedBytes + varint }
        for (key, ranges) in ahead { count += key.mostEncodedBytes + varint + ranges.count * 2 * varint }
        return count
    }

    package static func decode(_ bytes: [UInt8]) throws(MalformedBytes) -> SpoolSnapshot {
        guard bytes.count > magic.count + 9, bytes.starts(with: magic) else {
            throw MalformedBytes("no snapshot", at: 0)
        }
        let body = bytes.dropLast(8)
        var checksum = ByteReader(bytes.suffix(8))
        guard try checksum.read(UInt64.self) == xxh64(body) else {
            throw MalformedBytes("checksum differs", at: body.count)
        }
        let version = bytes[magic.count]
        guard 1...2 ~= version else { throw MalformedBytes("unknown version \(version)", at: magic.count) }
        var reader = ByteReader(body.dropFirst(magic.count + 1))
        let archive = try reader.readText(atMost: Limits.keySegmentBytes)
        guard let writer = WriterID(try reader.readText(atMost: Limits.writerBytes)) else {
            throw MalformedBytes("malformed writer", at: reader.offset)
        }
        let identity = try reader.readText(atMost: Limits.sourceBytes)
        let next = try reader.readVarint()
        let previous = Array(try reader.readLengthPrefixed(atMost: 32))
        let inputState = Array(try reader.readLengthPrefixed(atMost: reader.remaining))
        var positions: [SourceGeneration: UInt64] = [:]
        for _ in 0..<(try reader.readVarint()) {
            let source = try SourceGeneration(from: &reader)
            positions[source] = try reader.readVarint()
        }
        let ahead = version == 1 ? [:] : try readRanges(&reader)
        return SpoolSnapshot(
            archive: archive, writer: writer, identity: identity, nextSequence: next,
            previous: previous.isEmpty ? nil : previous, inputState: inputState, positions: positions, ahead: ahead)
    }

    private static func readRanges(
        _ reader: inout ByteReader
    ) throws(MalformedBytes) -> [SourceGeneration: [PositionRange]] {
        var ahead: [SourceGeneration: [PositionRange]] = [:]
        for _ in 0..<(try reader.readVarint()) {
            let source = try SourceGeneration(from: &reader)
            for _ in 0..<(try reader.readVarint()) {
                let (first, end) = (try reader.readVarint(), try reader.readVarint())
                guard first <= end else { throw MalformedBytes("malformed range", at: reader.offset) }
                ahead[source, default: []].append(PositionRange(first: first, end: end))
            }
        }
        return ahead
    }
}

/// A stream's source in one of its lives: what a checkpoint belongs to.
package struct SourceGeneration: Sendable, Hashable, Comparable {
    package var stream: StreamID
    package var generation: Generation

    package init(stream: StreamID, generation: Generation) {
        self.stream = stream
        self.generation = generation
    }

    package static func < (left: SourceGeneration, right: SourceGeneration) -> Bool {
        left.stream == right.stream ? left.generation < right.generation : left.stream < right.stream
    }
}

extension SourceGeneration {
    fileprivate func encode(into bytes: inout [UInt8]) {
        for text in [stream.host, stream.source, generation.description] { bytes.append(lengthPrefixed: text.utf8) }
    }

    fileprivate var mostEncodedBytes: Int {
        stream.host.utf8.count + stream.source.utf8.count + generation.description.utf8.count + 3 * 5
    }

    fileprivate init(from reader: inout ByteReader) throws(MalformedBytes) {
        let stream = StreamID(
            host: try reader.readText(atMost: Limits.hostBytes),
            source: try reader.readText(atMost: Limits.sourceBytes))
        guard let generation = Generation(try reader.readText(atMost: Limits.generationBytes)) else {
            throw MalformedBytes("malformed generation", at: reader.offset)
        }
        self.init(stream: stream, generation: generation)
    }
}

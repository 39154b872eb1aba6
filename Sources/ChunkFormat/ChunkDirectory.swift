import ArchiveTypes
import Checksums

/// The directory of a chunk: the skippable frame after its last block, version 1.
///
///     magic 0x184D2A52 (4 bytes), length of what follows (4 bytes)
///     version, 1 (1 byte)
///     fields, see `FieldWriter` and `DirectoryField`
///     XXH64 of everything before it in the frame, from the magic on (8 bytes)
///
/// It says everything that a manifest needs but the chunk's own SHA-256. Its place is known from the seek table, whose
/// last entry it is.
package struct ChunkDirectory: Sendable, Hashable {
    package var description: ChunkDescription
    package var blocks: [BlockEntry]

    package static let version: UInt8 = 1

    package init(description: ChunkDescription, blocks: [BlockEntry]) {
        self.description = description
        self.blocks = blocks
    }

    /// The bytes of the whole skippable frame.
    package func encodedFrame() throws(FormatError) -> [UInt8] {
        var writer = FieldWriter([Self.version])
        writer.append(DirectoryField.description.rawValue, description.encoded())
        let table = BlockTable(blocks)
        let raw = table.encoded()
        var compressed = varints([UInt64(raw.count)])
        let compressor = try ZstdCompressor(CompressionSettings(level: 3))
        try raw.withRawBytes { bytes throws(FormatError) in
            _ = try compressor.compress(bytes, appendingTo: &compressed)
        }
        writer.append(DirectoryField.blocks.rawValue, compressed)
        return BlockHeader.sealed(.chunkDirectory, writer.bytes)
    }

    /// Reads the directory's frame, which is exactly `bytes`.
    package static func decode(_ bytes: UnsafeRawBufferPointer) throws(FormatError) -> ChunkDirectory {
        let content = try BlockHeader.unsealed(.chunkDirectory, bytes, limit: Limits.directoryBytes)
        guard content.count + 16 == bytes.count else {
            throw FormatError(.damaged, at: 4, "directory does not end where the seek table says")
        }
        guard content.first == version else {
            throw FormatError(.unsupported, at: 8, "directory of version \(content.first ?? 0); update firn")
        }
        var description: ChunkDescription?
        var blocks: [BlockEntry]?
        var fields = FieldReader(ByteReader(content.dropFirst()))
        while let field = try fields.next() {
            switch DirectoryField(rawValue: field.number) {
            case .description:
                description = try parse(field.value) { reader throws(MalformedBytes) in try ChunkDescription(&reader) }
            case .blocks: blocks = try decodeBlocks(field.value)
            case nil:
                if field.isRequired {
                    throw FormatError(.unsupported, at: 0, "unknown required field \(field.number); update firn")
                }
            }
        }
        guard let description, let blocks else {
            throw FormatError(.damaged, at: 0, "directory lacks a required field")
        }
        return ChunkDirectory(description: description, blocks: blocks)
    }

    private static func decodeBlocks(_ value: ArraySlice<UInt8>) throws(FormatError) -> [BlockEntry] {
        let (length, frame) = try parse(value) { reader throws(MalformedBytes) in
            (try reader.readVarint(), try reader.read(count: reader.remaining))
        }
        guard length <= UInt64(Limits.directoryBytes) else {
            throw FormatError(.excessive, at: 0, "directory of \(length) bytes")
        }
        let raw = try decompressed(Array(frame), rawLength: Int(length), limit: Limits.directoryBytes)
        return try parse(raw[...], BlockTable.decode)
    }
}

enum DirectoryField: UInt64 {
    /// `ChunkDescription.encoded()`.
    case description = 1
    /// Varint of the raw length, then `BlockTable.encoded()` as a zstd frame.
    case blocks = 2
}

extension ChunkDescription {
    /// Texts with a varint length: archive, writer. Varint sequence, signed varint time of sealing. SHA-256 of the
    /// previous chunk with a varint length (32, or 0 for the writer's first). Then `Redundancy.encoded()`.
    func encoded() -> [UInt8] {
        var bytes = lengthPrefixed([archive, writer.description])
        bytes.append(varint: sequence)
        bytes.append(signedVarint: sealed)
        bytes.append(lengthPrefixed: previous ?? [])
        return bytes + redundancy.encoded()
    }

    init(_ reader: inout ByteReader) throws(MalformedBytes) {
        archive = try reader.readText(atMost: Limits.keySegmentBytes)
        guard let writer = WriterID(try reader.readText(atMost: Limits.writerBytes)) else {
            throw MalformedBytes("malformed writer", at: reader.offset)
        }
        self.writer = writer
        sequence = try reader.readVarint()
        sealed = try reader.readSignedVarint()
        let digest = try reader.readLengthPrefixed(atMost: 32)
        guard digest.isEmpty || digest.count == 32, sequence <= ObjectName.greatestSequence else {
            throw MalformedBytes("malformed sequence or previous digest", at: reader.offset)
        }
        previous = digest.isEmpty ? nil : Array(digest)
        redundancy = try Redundancy(&reader)
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` for bodies that throw typed errors.
    func withRawBytes<Value>(
        _ body: (UnsafeRawBufferPointer) throws(FormatError) -> Value
    ) throws(FormatError) -> Value {
        let result = withUnsafeBytes { bytes -> Result<Value, FormatError> in
            do throws(FormatError) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

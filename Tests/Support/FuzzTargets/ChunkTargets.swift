import ArchiveTypes
import Checksums
import ChunkFormat
import EventTime

extension FuzzTarget {
    static let chunks: [FuzzTarget] = [
        FuzzTarget("block-header", seeds: { try ChunkSeed.made.get().headers.map(Frames.content) }) { content in
            try decodeHeader(Frames.sealed(.blockHeader, Array(content)))
        },
        FuzzTarget("block-header-frame", seeds: { try ChunkSeed.made.get().headers }) { try decodeHeader(Array($0)) },
        FuzzTarget("block-header-times", seeds: timesSeeds, decodeCompressedTimes),
        FuzzTarget("zstd-frame", seeds: zstdSeeds, decompress),
        FuzzTarget("chunk", rounds: 600, seeds: { [try ChunkSeed.made.get().bytes] }) { bytes in
            try scanChunk(bytes)
            try Frames.repaired(bytes).parsed(scanChunk)
        },
        FuzzTarget("chunk-directory", seeds: directorySeeds) { content in
            try decodeDirectory(Frames.sealed(.chunkDirectory, Array(content)))
        },
        FuzzTarget("chunk-directory-blocks", seeds: tableSeeds) { table in
            let fields = try Frames.field(1, descriptionField()) + Frames.field(2, Frames.compressed(table))
            try decodeDirectory(Frames.sealed(.chunkDirectory, [1] + fields))
        },
        FuzzTarget(
            "seek-table",
            seeds: { [SeekTable.encoded((0..<5).map { SeekTable.Frame(compressed: $0, decompressed: $0 * 9) })] }
        ) { bytes in
            guard let frames = try unlessRefused(FormatError.self, { try SeekTable.decode(bytes, limit: 1000) }) else {
                return
            }
            try require(SeekTable.encoded(frames).elementsEqual(bytes), "a seek table has another form")
        },
        FuzzTarget("manifest-json", rounds: 400, seeds: manifestSeeds) { json in
            try decodeManifest(try Frames.compressed(json, withLength: false))
        },
        FuzzTarget("manifest-object", rounds: 400, seeds: { [try ChunkSeed.made.get().manifest.encoded()] }) {
            try decodeManifest(Array($0))
        },
        FuzzTarget("shard-trailer", seeds: { try shardTrailers() }, readTrailer),
        FuzzTarget("archive-description", seeds: { [ArchiveDescription(archive: "main").encoded()] }) { bytes in
            for bytes in [Array(bytes), repairedDescription(bytes)] {
                let description = try unlessRefused(FormatError.self) { try ArchiveDescription.decode(bytes) }
                try require(description?.encoded() ?? bytes == bytes, "firn.json has another form")
            }
        },
    ]

    // MARK: Headers

    private static func decodeHeader(_ frame: [UInt8]) throws {
        guard
            let (header, length) = try unlessRefused(
                FormatError.self, { try frame.parsed { try BlockHeader.decode($0) } })
        else {
            return
        }
        try require(length <= frame.count, "header of \(length) in \(frame.count) bytes")
        try require(header.rawLength <= UInt64(Limits.blockRawBytes), "raw length \(header.rawLength)")
        try require(header.storedLength <= UInt64(Limits.blockStoredBytes), "stored length \(header.storedLength)")
        if case .format(let use) = header.times {
            try require(use.exceptions.count <= Int(header.lineCount), "more exceptions than lines")
        }
        let encoded = try header.encodedFrame()
        let again = try encoded.parsed { try BlockHeader.decode($0) }
        try require(again.header == header && again.frameLength == encoded.count, "header changed: \(header)")
    }

    private static func timesSeeds() throws -> [[UInt8]] {
        try ChunkSeed.made.get().headers.compactMap {
            try $0.parsed { try BlockHeader.decode($0) }.header.times?.encoded()
        }
    }

    /// The input stands compressed in a header that is else in order.
    private static func decodeCompressedTimes(_ times: UnsafeRawBufferPointer) throws {
        let seed = try ChunkSeed.made.get()
        var content = Frames.content(seed.headers[3])
        guard let start = content.lastIndex(of: 5 << 1 | 1) else { return }
        content.removeSubrange(start...)
        try decodeHeader(
            Frames.sealed(.blockHeader, content + clocksField() + Frames.field(7, Frames.compressed(times))))
    }

    private static func clocksField() -> [UInt8] {
        var clocks: [UInt8] = []
        clocks.append(signedVarint: ChunkSeed.sealed)
        clocks.append(varint: 0)
        clocks.append(signedVarint: 0)
        return Frames.field(5, clocks)
    }

    // MARK: Frames and chunks

    private static func zstdSeeds() throws -> [[UInt8]] {
        let seed = try ChunkSeed.made.get()
        return zip(seed.frames, seed.lines).map { frame, lines in
            var bytes: [UInt8] = []
            bytes.append(littleEndian: UInt32(lines.count))
            return bytes + frame
        }
    }

    /// The length that is announced, in 4 bytes, and a frame.
    private static func decompress(_ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count >= 4 else { return }
        let announced = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
        let frame = UnsafeRawBufferPointer(rebasing: bytes[4...])
        let decompressor = ZstdDecompressor()
        var lines: [UInt8] = []
        for length in [announced, Int(clamping: ZstdDecompressor.announcedContentSize(frame) ?? 0)] {
            let done: Void? = try unlessRefused(FormatError.self) {
                try decompressor.decompress(frame, rawLength: length, into: &lines)
            }
            if done != nil { try require(lines.count == length, "\(lines.count) bytes instead of \(length)") }
            try require(lines.capacity <= 2 * Limits.blockRawBytes, "room for \(lines.capacity) bytes")
        }
    }

    static func scanChunk(_ bytes: UnsafeRawBufferPointer) throws {
        let decoder = BlockDecoder()
        var offset = 0
        while offset < bytes.count {
            let at = offset
            guard
                let found = try unlessRefused(
                    FormatError.self, { try ChunkScanner.block(in: bytes, at: at, deep: true, decoder: decoder) })
            else { break }
            guard let (entry, header) = found else { break }
            try require(entry.offset == UInt64(at) && entry.length > 0, "block at \(entry.offset), not \(at)")
            offset += Int(entry.length)
            try require(offset <= bytes.count, "block ends at \(offset) of \(bytes.count)")
            try decodeBlock(UnsafeRawBufferPointer(rebasing: bytes[at..<offset]), entry, header, decoder)
        }
        try describeChunk(bytes)
    }

    private static func decodeBlock(
        _ bytes: UnsafeRawBufferPointer, _ entry: BlockEntry, _ header: BlockHeader, _ decoder: BlockDecoder
    ) throws {
        var lines: [UInt8] = []
        let again = try decoder.decode(bytes, entry: entry, lines: &lines)
        try require(again == header && UInt64(lines.count) == header.rawLength, "block reads in two ways")
        guard let times = header.times else { return }
        var table = LineTable()
        let read: Void? = try unlessRefused(MalformedBytes.self) {
            try lines.parsed { try times.read($0, startsInsideLine: header.continuesBefore, into: &table) }
        }
        if read != nil { try require(Int(table.ends.last ?? 0) == lines.count, "line ends miss the block's end") }
    }

    private static func describeChunk(_ bytes: UnsafeRawBufferPointer) throws {
        let found = try unlessRefused(FormatError.self) { () throws -> ChunkDirectory? in
            let needed = try ChunkScanner.neededTail(bytes)
            guard needed <= bytes.count else { return nil }
            let tail = UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - needed)...])
            return try ChunkScanner.directory(tail, length: UInt64(bytes.count))
        }
        guard let directory = found ?? nil else { return }
        let description = directory.description
        let name = ObjectName(
            writer: description.writer, sequence: description.sequence, sha256: hex(sha256(Array(bytes))))
        let hour = Hour(containing: description.sealed)
        let length = UInt64(bytes.count)
        guard let key = description.redundancy.key(hour: hour, name: name, length: length) else { return }
        let manifest = try unlessRefused(FormatError.self) {
            try Manifest.describing(chunk: bytes, key: key, deep: true)
        }
        guard let manifest else { return }
        try require(manifest.blocks == directory.blocks, "manifest and directory disagree")
        guard ChunkKey(key.description) == key else { return }
        let object = try manifest.encoded()
        let decoded = try Manifest.decode(object, key: manifest.key(hour: Hour(number: 0), object: object))
        try require(decoded == manifest, "the manifest of a chunk changed")
    }

    // MARK: Directories

    private static func directorySeeds() throws -> [[UInt8]] {
        let seed = try ChunkSeed.made.get()
        let directory = ChunkDirectory(description: seed.manifest.description, blocks: seed.manifest.blocks)
        return [Frames.content(try directory.encodedFrame())]
    }

    /// The value of the field that describes the chunk, as the encoder writes it.
    private static func descriptionField() throws -> [UInt8] {
        let directory = ChunkDirectory(description: try ChunkSeed.description(), blocks: [])
        var reader = ByteReader(Frames.content(try directory.encodedFrame()).dropFirst(2))
        return Array(try reader.readLengthPrefixed(atMost: reader.remaining))
    }

    /// The table of blocks before it is compressed.
    private static func tableSeeds() throws -> [[UInt8]] {
        let seed = try directorySeeds()[0]
        var reader = ByteReader(seed.dropFirst(2))
        _ = try reader.readLengthPrefixed(atMost: reader.remaining)
        _ = try reader.readVarint()
        var field = ByteReader(try reader.readLengthPrefixed(atMost: reader.remaining))
        let length = Int(try field.readVarint())
        let frame = Array(try field.read(count: field.remaining))
        var table: [UInt8] = []
        try frame.parsed { try ZstdDecompressor().decompress($0, rawLength: length, into: &table) }
        return [table]
    }

    private static func decodeDirectory(_ frame: [UInt8]) throws {
        guard
            let directory = try unlessRefused(FormatError.self, { try frame.parsed { try ChunkDirectory.decode($0) } })
        else {
            return
        }
        let encoded = try directory.encodedFrame()
        try require(
            try encoded.parsed { try ChunkDirectory.decode($0) } == directory, "directory changed: \(directory)")
        try describe(directory)
        var frames: [SeekTable.Frame] = []
        for block in directory.blocks {
            frames.append(SeekTable.Frame(compressed: UInt32(block.headerLength), decompressed: 0))
            let stored = UInt32(block.length - block.headerLength)
            if stored > 0 { frames.append(SeekTable.Frame(compressed: stored, decompressed: UInt32(block.rawLength))) }
        }
        frames.append(SeekTable.Frame(compressed: UInt32(encoded.count), decompressed: 0))
        let tail = encoded + SeekTable.encoded(frames)
        let end = directory.blocks.last.map { $0.offset + $0.length } ?? 0
        let read = try tail.parsed { bytes in
            try require(try ChunkScanner.neededTail(bytes) == tail.count, "the tail has another length")
            return try ChunkScanner.directory(bytes, length: end + UInt64(tail.count))
        }
        try require(read == directory, "directory read from the tail changed")
    }

    /// What rebuilding an index does with a chunk: the manifest of any directory can be written and read again.
    private static func describe(_ directory: ChunkDirectory) throws {
        let description = directory.description
        let sha256 = [UInt8](repeating: 0xAB, count: 32)
        let name = ObjectName(writer: description.writer, sequence: description.sequence, sha256: hex(sha256))
        let hour = Hour(containing: description.sealed)
        guard let key = description.redundancy.key(hour: hour, name: name, length: UInt64(Limits.chunkBytes)) else {
            return
        }
        let years = CivilTime(Nanoseconds.min).year + 1..<CivilTime(Nanoseconds.max).year
        guard years ~= CivilTime(description.sealed).year else { return }
        let manifest = Manifest(
            chunk: key, length: UInt64(Limits.chunkBytes), sha256: sha256, description: description,
            blocks: directory.blocks)
        let object = try manifest.encoded()
        guard directory.blocks.last.map({ $0.offset + $0.length }) ?? 0 <= manifest.length else { return }
        let decoded = try Manifest.decode(object, key: manifest.key(hour: key.hour, object: object))
        try require(decoded == manifest, "the manifest of a directory changed: \(manifest)")
    }

    // MARK: Shards

    private static func shardKey() throws -> ShardKey {
        let name = "chunks/2026-11-22/18/web-1-0badcafe-0000000042-0123456789abcdef0123456789abcdef.ec4-2-1000003.5"
        guard let key = ShardKey(name) else { throw PropertyViolation(description: "the seed's key is no shard's") }
        return key
    }

    private static func shardTrailers() throws -> [[UInt8]] {
        let digest = (0..<32).map { UInt8($0) }
        return [ShardTrailer(key: try shardKey(), chunkDigest: digest, payloadDigest: digest.reversed()).encoded()]
    }

    /// What is not refused is written just so.
    private static func readTrailer(_ bytes: UnsafeRawBufferPointer) throws {
        let key = try shardKey()
        let trailer = try unlessRefused(FormatError.self) { try ShardTrailer.decode(Array(bytes), key: key) }
        if let trailer { try require(trailer.encoded() == Array(bytes), "a trailer has two forms") }
    }

    // MARK: Manifests

    private static func manifestSeeds() throws -> [[UInt8]] {
        let object = try ChunkSeed.made.get().manifest.encoded()
        var json: [UInt8] = []
        try object.parsed { bytes in
            let length = Int(clamping: ZstdDecompressor.announcedContentSize(bytes) ?? 0)
            try ZstdDecompressor().decompress(bytes, rawLength: length, into: &json)
        }
        return [json]
    }

    private static func decodeManifest(_ object: [UInt8]) throws {
        let writer = try ChunkSeed.description().writer
        let name = ObjectName(writer: writer, sequence: ChunkSeed.sequence, sha256: hex(sha256(object)))
        let key = ManifestKey(hour: Hour(number: 490_000), name: name)
        guard let manifest = try unlessRefused(FormatError.self, { try Manifest.decode(object, key: key) }) else {
            return
        }
        let again = try manifest.encoded()
        let decoded = try Manifest.decode(again, key: manifest.key(hour: key.hour, object: again))
        try require(decoded == manifest, "manifest changed: \(manifest)")
    }

    /// With the digest of what stands before it, where it is one line of the known shape.
    private static func repairedDescription(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.firstRange(of: ",\"sha256\":\"") else { return [] }
        let content = text[..<end.lowerBound]
        let digest = hex(sha256(Array((content + "}").utf8)))
        return Array((content + ",\"sha256\":\"\(digest)\"}\n").utf8)
    }
}

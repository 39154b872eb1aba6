package import ArchiveTypes

/// The essentials of one block, as the chunk's directory, the manifest and the index repeat them.
package struct BlockEntry: Sendable, Hashable {
    package var kind: BlockKind
    package var stream: StreamID
    package var labels: Labels
    package var generation: Generation
    package var positions: PositionRange
    /// Offset of the block (its header's frame) in the chunk, in bytes.
    package var offset: UInt64
    /// Length of the header's frame alone, and of header and zstd frame together.
    package var headerLength: UInt64
    package var length: UInt64
    package var lineCount: UInt32
    package var rawLength: UInt64
    /// XXH64 of the lines.
    package var rawChecksum: UInt64
    /// XXH64 of all `length` bytes: a block that disagrees with it is damaged.
    package var checksum: UInt64
    package var leastTime: Nanoseconds
    package var greatestTime: Nanoseconds
    package var received: Nanoseconds

    package init(
        kind: BlockKind, stream: StreamID, labels: Labels, generation: Generation, positions: PositionRange,
        offset: UInt64, headerLength: UInt64, length: UInt64, lineCount: UInt32, rawLength: UInt64,
        rawChecksum: UInt64, checksum: UInt64, leastTime: Nanoseconds, greatestTime: Nanoseconds,
        received: Nanoseconds
    ) {
        self.kind = kind
        self.stream = stream
        self.labels = labels
        self.generation = generation
        self.positions = positions
        self.offset = offset
        self.headerLength = headerLength
        self.length = length
        self.lineCount = lineCount
        self.rawLength = rawLength
        self.rawChecksum = rawChecksum
        self.checksum = checksum
        self.leastTime = leastTime
        self.greatestTime = greatestTime
        self.received = received
    }
}

/// What a chunk's directory says of the chunk as a whole.
package struct ChunkDescription: Sendable, Hashable {
    package var archive: String
    package var writer: WriterID
    package var sequence: UInt64
    /// The agent's clock at sealing: the hour of the chunk's key.
    package var sealed: Nanoseconds
    /// SHA-256 of the writer's previous chunk, 32 bytes; nil for its first.
    package var previous: [UInt8]?
    package var redundancy: Redundancy

    package init(
        archive: String, writer: WriterID, sequence: UInt64, sealed: Nanoseconds, previous: [UInt8]?,
        redundancy: Redundancy
    ) {
        self.archive = archive
        self.writer = writer
        self.sequence = sequence
        self.sealed = sealed
        self.previous = previous
        self.redundancy = redundancy
    }
}

/// The description of one chunk: a pure function of its bytes, and of the rule that it was converted to.
package struct Manifest: Sendable, Hashable {
    package var chunk: ChunkKey
    /// Bytes of the chunk.
    package var length: UInt64
    /// SHA-256 of the chunk, 32 bytes.
    package var sha256: [UInt8]
    package var description: ChunkDescription
    /// In the order of their offsets.
    package var blocks: [BlockEntry]
    /// 0: as the chunk was sealed. Each time it is converted to another rule a manifest with the next one is added,
    /// whose `chunk` and `description.redundancy` are those of the new rule; the highest readable one counts.
    package var revision = 0

    package init(
        chunk: ChunkKey, length: UInt64, sha256: [UInt8], description: ChunkDescription, blocks: [BlockEntry]
    ) {
        self.chunk = chunk
        self.length = length
        self.sha256 = sha256
        self.description = description
        self.blocks = blocks
    }
}

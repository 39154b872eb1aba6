import ArchiveTypes
import Checksums

/// Follows the blocks of a chunk as they are appended, and gives the chunk's end and its manifest.
/// Holds no lines. For one thread at a time.
package struct ChunkBuilder: ~Copyable {
    package private(set) var blocks: [BlockEntry] = []
    /// Bytes of the blocks so far: the length of the chunk's file.
    package private(set) var length: UInt64 = 0
    private let digest = Digest(.sha256)

    package init() {}

    /// Takes a block that was appended: its header's frame and its zstd frame (empty for gaps and heartbeats).
    package mutating func append(_ header: BlockHeader, headerFrame: [UInt8], frame: UnsafeRawBufferPointer) {
        let entry = BlockEntry(header: header, headerFrame: headerFrame, frame: frame, offset: length)
        update(headerFrame)
        digest.update(frame)
        blocks.append(entry)
        length += entry.length
    }

    /// Takes a block that stands in the file already, when a chunk is recovered.
    package mutating func adopt(_ entry: BlockEntry, bytes: UnsafeRawBufferPointer) {
        precondition(entry.offset == length && entry.length == UInt64(bytes.count), "blocks are adopted in order")
        digest.update(bytes)
        blocks.append(entry)
        length += entry.length
    }

    /// Directory and seek table, and with them appended the manifest of the chunk. The builder stays as it is: where
    /// they cannot be written, blocks may follow instead.
    package func finish(
        _ description: ChunkDescription
    ) throws(FormatError) -> (tail: [UInt8], manifest: Manifest) {
        var tail = try ChunkDirectory(description: description, blocks: blocks).encodedFrame()
        tail += SeekTable.encoded(ChunkLayout.frames(of: blocks, directoryLength: tail.count))
        let whole = Digest(copying: digest)
        whole.update(tail)
        let sha256 = whole.finish()
        let name = ObjectName(writer: description.writer, sequence: description.sequence, sha256: hex(sha256))
        let chunkLength = length + UInt64(tail.count)
        let hour = Hour(containing: description.sealed)
        guard let key = description.redundancy.key(hour: hour, name: name, length: chunkLength) else {
            let rule = description.redundancy.rule.text
            throw FormatError(.excessive, at: 0, "chunk of \(chunkLength) bytes cannot be cut into shards of \(rule)")
        }
        let manifest = Manifest(
            chunk: key, length: chunkLength, sha256: sha256, description: description, blocks: blocks)
        return (tail, manifest)
    }

    private func update(_ bytes: [UInt8]) {
        digest.update(bytes)
    }
}

extension BlockEntry {
    package init(header: BlockHeader, headerFrame: [UInt8], frame: UnsafeRawBufferPointer, offset: UInt64) {
        let checksum = XXH64Stream.hash(headerFrame, frame)
        self.init(
            kind: header.kind, stream: header.stream, labels: header.labels, generation: header.generation,
            positions: header.positions, offset: offset, headerLength: UInt64(headerFrame.count),
            length: UInt64(headerFrame.count + frame.count), lineCount: header.lineCount, rawLength: header.rawLength,
            rawChecksum: header.rawChecksum, checksum: checksum, leastTime: header.leastTime,
            greatestTime: header.greatestTime, received: header.received)
    }
}

/// Where things stand in a chunk.
enum ChunkLayout {
    /// Seek table entries: header (and zstd frame) of each block, then the directory.
    static func frames(of blocks: [BlockEntry], directoryLength: Int) -> [SeekTable.Frame] {
        var frames: [SeekTable.Frame] = []
        frames.reserveCapacity(blocks.count * 2 + 1)
        for block in blocks {
            frames.append(SeekTable.Frame(compressed: UInt32(block.headerLength), decompressed: 0))
            guard block.length > block.headerLength else { continue }
            frames.append(
                SeekTable.Frame(
                    compressed: UInt32(block.length - block.headerLength), decompressed: UInt32(block.rawLength)))
        }
        frames.append(SeekTable.Frame(compressed: UInt32(directoryLength), decompressed: 0))
        return frames
    }
}

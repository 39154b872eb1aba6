import ArchiveTypes
import Checksums

/// Verifies and opens blocks, reusing one zstd context. For one thread at a time.
package final class BlockDecoder {
    private let decompressor = ZstdDecompressor()

    package init() {}

    /// Replaces `lines` by the lines of a block.
    /// - Parameters:
    ///   - bytes: the `entry.length` bytes at `entry.offset` of the chunk.
    ///   - entry: what the index or the manifest says of the block: bytes that disagree with it are damaged.
    /// - Throws: offsets count from the beginning of the chunk.
    package func decode(
        _ bytes: UnsafeRawBufferPointer, entry: BlockEntry, lines: inout [UInt8]
    ) throws(FormatError) -> BlockHeader {
        do throws(FormatError) {
            return try decodeBlock(bytes, entry, &lines)
        } catch {
            lines.removeAll(keepingCapacity: true)
            throw error.within("", at: entry.offset)
        }
    }

    private func decodeBlock(
        _ bytes: UnsafeRawBufferPointer, _ entry: BlockEntry, _ lines: inout [UInt8]
    ) throws(FormatError) -> BlockHeader {
        guard UInt64(bytes.count) == entry.length else {
            throw FormatError(.truncated, at: 0, "block of \(entry.length) bytes has \(bytes.count)")
        }
        guard xxh64(bytes) == entry.checksum else {
            throw FormatError(.damaged, at: 0, "checksum of the block does not match")
        }
        let (header, headerLength) = try BlockHeader.decode(bytes)
        let frame = UnsafeRawBufferPointer(rebasing: bytes[headerLength...])
        guard header.describes(entry), UInt64(headerLength) == entry.headerLength else {
            throw FormatError(.damaged, at: 0, "block's header disagrees with the index")
        }
        guard header.kind == .lines else {
            lines.removeAll(keepingCapacity: true)
            return header
        }
        try open(frame, header, &lines)
        return header
    }

    /// Checks a block's frame against its header and leaves the content in `lines`. `frame` is exactly the zstd frame.
    package func open(
        _ frame: UnsafeRawBufferPointer, _ header: BlockHeader, _ lines: inout [UInt8]
    ) throws(FormatError) {
        guard UInt64(frame.count) == header.storedLength, xxh64(frame) == header.storedChecksum else {
            throw FormatError(.damaged, at: 0, "checksum of the compressed lines does not match")
        }
        try decompressor.decompress(frame, rawLength: Int(header.rawLength), into: &lines)
    }
}

extension BlockHeader {
    /// Whether an entry of a directory, manifest or index is about this block.
    func describes(_ entry: BlockEntry) -> Bool {
        kind == entry.kind && stream == entry.stream && labels == entry.labels && generation == entry.generation
            && positions == entry.positions && lineCount == entry.lineCount && rawLength == entry.rawLength
            && rawChecksum == entry.rawChecksum && leastTime == entry.leastTime && greatestTime == entry.greatestTime
            && received == entry.received && entry.length == entry.headerLength + storedLength
    }
}

package import ArchiveTypes
import Checksums
package import ChunkFormat
package import EventTime

/// What is known of a block before its lines are compressed.
package struct BlockDraft: Sendable {
    package var stream: StreamID
    package var labels: Labels
    package var generation: Generation
    package var positions: PositionRange
    package var lineCount: UInt32
    package var leastTime: Nanoseconds
    package var greatestTime: Nanoseconds
    package var received: Nanoseconds
    package var times: LineTimes
    package var continuesBefore: Bool
    package var continuesAfter: Bool
    package var wrapping: BlockWrapping?
}

/// A block as it is spooled: the header lacks only what the spool knows.
package struct EncodedBlock: Sendable {
    package var header: BlockHeader
    package var frame: FrameBuffer
}

/// Compresses blocks, reusing one zstd context for each of the few settings. For one thread at a time.
package final class BlockEncoder {
    private var compressors: [CompressionSettings: ZstdCompressor] = [:]

    package init() {}

    /// - Parameters:
    ///   - raw: the lines that `draft` describes.
    ///   - frame: takes the zstd frame; its content is replaced.
    package func encode(
        _ draft: BlockDraft, _ raw: UnsafeRawBufferPointer, _ settings: CompressionSettings, into frame: FrameBuffer
    ) throws(FormatError) -> EncodedBlock {
        let rawChecksum = xxh64(raw)
        try compressor(settings).compress(raw, checksum: rawChecksum, into: frame)
        let header = BlockHeader(
            kind: .lines, stream: draft.stream, labels: draft.labels, generation: draft.generation,
            positions: draft.positions, lineCount: draft.lineCount, rawLength: UInt64(raw.count),
            storedLength: UInt64(frame.count), storedChecksum: xxh64(frame.bytes), rawChecksum: rawChecksum,
            leastTime: draft.leastTime, greatestTime: draft.greatestTime, received: draft.received,
            times: draft.times, continuesBefore: draft.continuesBefore, continuesAfter: draft.continuesAfter,
            wrapping: draft.wrapping)
        return EncodedBlock(header: header, frame: frame)
    }

    private func compressor(_ settings: CompressionSettings) throws(FormatError) -> ZstdCompressor {
        if let compressor = compressors[settings] { return compressor }
        let compressor = try ZstdCompressor(settings)
        compressors[settings] = compressor
        return compressor
    }
}

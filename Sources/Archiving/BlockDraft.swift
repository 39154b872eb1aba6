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
}

/// A block as it is spooled: the header lacks only what the spool knows.
package struct EncodedBlock: Sendable {
    package var header: BlockHeader
    package var frame: [UInt8]
}

/// Compresses blocks, reusing one zstd context. For one thread at a time.
package final class BlockEncoder {
    private let compressor: ZstdCompressor

    package init(_ settings: CompressionSettings) throws(FormatError) { compressor = try ZstdCompressor(settings) }

    /// - Parameters:
    ///   - raw: the lines that `draft` describes.
    ///   - frame: storage to use again; its content is replaced.
    package func encode(
        _ draft: BlockDraft, _ raw: UnsafeRawBufferPointer, reusing frame: consuming [UInt8]
    ) throws(FormatError) -> EncodedBlock {
        let length = try compressor.compress(raw, replacing: &frame)
        let checksum = frame.withUnsafeBytes { xxh64(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
        let header = BlockHeader(
            kind: .lines, stream: draft.stream, labels: draft.labels, generation: draft.generation,
            positions: draft.positions, lineCount: draft.lineCount, rawLength: UInt64(raw.count),
            storedLength: UInt64(length), storedChecksum: checksum, rawChecksum: xxh64(raw),
            leastTime: draft.leastTime, greatestTime: draft.greatestTime, received: draft.received,
            times: draft.times, continuesBefore: draft.continuesBefore, continuesAfter: draft.continuesAfter)
        return EncodedBlock(header: header, frame: frame)
    }
}

extension EncodedBlock {
    /// The zstd frame: the storage may be longer.
    package func withFrame<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let result = frame.withUnsafeBytes { bytes -> Result<Value, Failure> in
            let frame = UnsafeRawBufferPointer(rebasing: bytes[..<Int(header.storedLength)])
            do throws(Failure) { return .success(try body(frame)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

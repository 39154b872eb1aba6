import CDecompress

/// .xz (The .xz File Format 1.1): streams one after another, with padding between them, within a bound of memory.
final class XzDecoder: StreamDecoder {
    private let stream = UnsafeMutablePointer<lzma_stream>.allocate(capacity: 1)
    private(set) var isBetweenMembers = false
    private let limit: UInt64

    init(limits: DecompressionLimits) throws(DecodeFailure) {
        // All zero is what LZMA_STREAM_INIT is.
        stream.initialize(to: lzma_stream())
        limit = limits.xzBytes
        guard lzma_stream_decoder(stream, limit, firn_lzma_concatenated) == LZMA_OK else { throw .outOfMemory }
    }

    deinit {
        lzma_end(stream)
        stream.deallocate()
    }

    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, isLast: Bool
    ) -> DecodeStep {
        if isBetweenMembers { return DecodeStep() }
        stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = input.count
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = output.count
        let failure = failure(after: lzma_code(stream, isLast ? LZMA_FINISH : LZMA_RUN))
        return DecodeStep(
            consumed: input.count - stream.pointee.avail_in, produced: output.count - stream.pointee.avail_out,
            failure: failure)
    }

    /// Takes note of the end of a member; tells what a failed call means.
    private func failure(after result: lzma_ret) -> DecodeFailure? {
        switch result {
        case LZMA_OK, LZMA_BUF_ERROR, LZMA_UNSUPPORTED_CHECK: return nil
        case LZMA_STREAM_END:
            isBetweenMembers = true
            return nil
        case LZMA_MEM_ERROR: return .outOfMemory
        case LZMA_MEMLIMIT_ERROR:
            return DecodeFailure(
                kind: .excessive, reason: "xz data needs more than \(limit >> 20) MiB to decompress",
                hint: "decompress it with `xz -dc` and pipe it in")
        case LZMA_FORMAT_ERROR: return .damaged("xz", "no xz stream begins here")
        case LZMA_OPTIONS_ERROR: return .damaged("xz", "unknown options")
        default: return .damaged("xz", "a checksum or a structure is wrong")
        }
    }
}

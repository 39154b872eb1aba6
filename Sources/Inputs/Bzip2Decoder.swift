import CDecompress

/// bzip2: streams one after another, as bzip2(1) and its parallel kin write them.
final class Bzip2Decoder: StreamDecoder {
    // libbz2 keeps a pointer to the structure: it must not move.
    private let stream = UnsafeMutablePointer<bz_stream>.allocate(capacity: 1)
    private(set) var isBetweenMembers = true

    init(limits: DecompressionLimits) throws(DecodeFailure) { stream.initialize(to: bz_stream()) }

    deinit {
        if !isBetweenMembers { BZ2_bzDecompressEnd(stream) }
        stream.deallocate()
    }

    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, isLast: Bool
    ) -> DecodeStep {
        if isBetweenMembers {
            guard !input.isEmpty else { return DecodeStep() }
            stream.pointee = bz_stream()
            guard BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else { return DecodeStep(failure: .outOfMemory) }
            isBetweenMembers = false
        }
        let capacity = min(output.count, 1 << 30)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: CChar.self))
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: CChar.self)
        stream.pointee.avail_out = UInt32(capacity)
        let failure = failure(after: BZ2_bzDecompress(stream))
        return DecodeStep(
            consumed: input.count - Int(stream.pointee.avail_in), produced: capacity - Int(stream.pointee.avail_out),
            failure: failure)
    }

    /// Takes note of the end of a member; tells what a failed call means.
    private func failure(after result: Int32) -> DecodeFailure? {
        switch result {
        case BZ_OK: return nil
        case BZ_STREAM_END:
            BZ2_bzDecompressEnd(stream)
            isBetweenMembers = true
            return nil
        case BZ_MEM_ERROR: return .outOfMemory
        case BZ_DATA_ERROR_MAGIC: return .damaged("bzip2", "no bzip2 stream begins here")
        default: return .damaged("bzip2", "a checksum or a structure is wrong")
        }
    }
}

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
    ) throws(DecodeFailure) -> DecodeStep {
        if isBetweenMembers {
            guard !input.isEmpty else { return DecodeStep(consumed: 0, produced: 0) }
            stream.pointee = bz_stream()
            guard BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else { throw .outOfMemory }
            isBetweenMembers = false
        }
        let capacity = min(output.count, 1 << 30)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: CChar.self))
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: CChar.self)
        stream.pointee.avail_out = UInt32(capacity)
        try check(BZ2_bzDecompress(stream))
        return DecodeStep(
            consumed: input.count - Int(stream.pointee.avail_in), produced: capacity - Int(stream.pointee.avail_out))
    }

    private func check(_ result: Int32) throws(DecodeFailure) {
        switch result {
        case BZ_OK: break
        case BZ_STREAM_END:
            BZ2_bzDecompressEnd(stream)
            isBetweenMembers = true
        case BZ_MEM_ERROR: throw .outOfMemory
        case BZ_DATA_ERROR_MAGIC: throw .damaged("bzip2", "no bzip2 stream begins here")
        default: throw .damaged("bzip2", "a checksum or a structure is wrong")
        }
    }
}

import CDecompress

/// gzip (RFC 1952): members one after another, and zero padding after the last, as gzip(1) accepts it.
final class GzipDecoder: StreamDecoder {
    // zlib keeps a pointer to the structure: it must not move.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private(set) var isBetweenMembers = true
    private var hasEnded = false

    init(limits: DecompressionLimits) throws(DecodeFailure) {
        stream.initialize(to: z_stream())
        let size = Int32(MemoryLayout<z_stream>.size)
        // 15: the largest window; 16 more: a gzip wrapper and no other.
        guard inflateInit2_(stream, 15 + 16, zlibVersion(), size) == Z_OK else { throw .outOfMemory }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, isLast: Bool
    ) -> DecodeStep {
        if isBetweenMembers {
            let padding = hasEnded ? input.prefix { $0 == 0 }.count : 0
            if padding > 0 || input.isEmpty { return DecodeStep(consumed: padding) }
            inflateReset(stream)
            isBetweenMembers = false
        }
        let capacity = min(output.count, 1 << 30)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(capacity)
        let failure = failure(after: inflate(stream, Z_NO_FLUSH))
        return DecodeStep(
            consumed: input.count - Int(stream.pointee.avail_in), produced: capacity - Int(stream.pointee.avail_out),
            failure: failure)
    }

    /// Takes note of the end of a member; tells what a failed call means.
    private func failure(after result: Int32) -> DecodeFailure? {
        switch result {
        case Z_OK, Z_BUF_ERROR: return nil
        case Z_STREAM_END:
            isBetweenMembers = true
            hasEnded = true
            return nil
        case Z_MEM_ERROR: return .outOfMemory
        default: return .damaged("gzip", stream.pointee.msg.map { String(cString: $0) } ?? "error \(result)")
        }
    }
}

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
    ) throws(DecodeFailure) -> DecodeStep {
        if isBetweenMembers {
            let padding = hasEnded ? input.prefix { $0 == 0 }.count : 0
            if padding > 0 || input.isEmpty { return DecodeStep(consumed: padding, produced: 0) }
            inflateReset(stream)
            isBetweenMembers = false
        }
        let capacity = min(output.count, 1 << 30)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(capacity)
        try check(inflate(stream, Z_NO_FLUSH))
        return DecodeStep(
            consumed: input.count - Int(stream.pointee.avail_in), produced: capacity - Int(stream.pointee.avail_out))
    }

    private func check(_ result: Int32) throws(DecodeFailure) {
        switch result {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END:
            isBetweenMembers = true
            hasEnded = true
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .damaged("gzip", stream.pointee.msg.map { String(cString: $0) } ?? "error \(result)")
        }
    }
}

import ArchiveTypes
import CZstd
import Checksums

/// Compression parameters of data frames (zstd.h, "Advanced compression API"). 0 leaves a parameter to zstd.
package struct CompressionSettings: Sendable, Hashable {
    package var level: Int
    /// `ZSTD_strategy`: 1 is fast, 5 is lazy2.
    package var strategy: Int32 = 0
    package var minMatch: Int32 = 0
    package var hashLog: Int32 = 0
    package var chainLog: Int32 = 0
    package var searchLog: Int32 = 0
    package var targetLength: Int32 = 0
    package var windowLog: Int32 = 0

    /// zstd's own parameters of `level`, but level 1, which is tuned for log lines: they repeat in long pieces, so a
    /// longer minimum match finds better ones in less time, a table that fits the first-level cache is quicker, and the
    /// window must reach back over a whole block.
    package init(level: Int) {
        self.level = level
        guard level == 1 else { return }
        strategy = 1
        minMatch = 7
        hashLog = 14
        windowLog = 20
    }

    package static let standard = CompressionSettings(level: 1)

    /// Two hash tables, of long and of short matches, as small as those of `standard`: denser for logs whose lines have
    /// much in common in short pieces, and hardly slower.
    package static let doubleFast: CompressionSettings = {
        var settings = standard
        settings.strategy = 2
        settings.hashLog = 13
        settings.chainLog = 12
        return settings
    }()
}

/// One zstd compression context, reused for every frame. For one thread at a time.
package final class ZstdCompressor {
    private let context: OpaquePointer

    package init(_ settings: CompressionSettings) throws(FormatError) {
        guard let context = ZSTD_createCCtx() else {
            throw FormatError(.excessive, at: 0, "no memory for a compression context")
        }
        self.context = context
        let parameters: [(ZSTD_cParameter, Int32)] = [
            (ZSTD_c_compressionLevel, Int32(clamping: settings.level)), (ZSTD_c_contentSizeFlag, 1),
            (ZSTD_c_checksumFlag, 0), (ZSTD_c_strategy, settings.strategy), (ZSTD_c_minMatch, settings.minMatch),
            (ZSTD_c_hashLog, settings.hashLog), (ZSTD_c_chainLog, settings.chainLog),
            (ZSTD_c_searchLog, settings.searchLog), (ZSTD_c_targetLength, settings.targetLength),
            (ZSTD_c_windowLog, settings.windowLog),
        ]
        for (parameter, value) in parameters {
            let result = ZSTD_CCtx_setParameter(context, parameter, value)
            guard ZSTD_isError(result) == 0 else {
                throw FormatError(.unsupported, at: 0, "zstd refuses a compression parameter: \(zstdMessage(result))")
            }
        }
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Appends one frame with content size and checksum, and returns its length.
    package func compress(
        _ raw: UnsafeRawBufferPointer, appendingTo output: inout [UInt8]
    ) throws(FormatError) -> Int {
        let frame = FrameBuffer()
        try compress(raw, checksum: xxh64(raw), into: frame)
        output.append(contentsOf: frame.bytes)
        return frame.count
    }

    /// Replaces `output` by one frame with content size and checksum.
    ///
    /// The checksum that ends a frame is the lower half of the XXH64 of its content (RFC 8878, section 3.1.1): whoever
    /// has that need not compute it again, so zstd is told to leave it out, and it is put in here.
    /// - Parameter checksum: XXH64 of `raw`.
    package func compress(
        _ raw: UnsafeRawBufferPointer, checksum: UInt64, into output: FrameBuffer
    ) throws(FormatError) {
        let trailer = MemoryLayout<UInt32>.size
        let space = output.prepare(ZSTD_compressBound(raw.count) + trailer)
        let length = ZSTD_compress2(context, space.baseAddress, space.count - trailer, raw.baseAddress, raw.count)
        guard ZSTD_isError(length) == 0 else {
            throw FormatError(.excessive, at: 0, "zstd cannot compress \(raw.count) bytes: \(zstdMessage(length))")
        }
        space[Self.descriptorOffset] |= Self.checksumFlag
        space.storeBytes(of: UInt32(truncatingIfNeeded: checksum).littleEndian, toByteOffset: length, as: UInt32.self)
        output.count = length + trailer
    }

    /// One frame with content size and checksum of bytes that are never there all at once.
    /// - Parameters:
    ///   - length: of all of them.
    ///   - write: hands them over in pieces, `length` bytes in all.
    package func compressStream(
        length: Int, _ write: ((UnsafeRawBufferPointer) throws(FormatError) -> Void) throws(FormatError) -> Void
    ) throws(FormatError) -> [UInt8] {
        ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
        ZSTD_CCtx_setPledgedSrcSize(context, UInt64(length))
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        defer { ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0) }
        var frame: [UInt8] = []
        try write { piece throws(FormatError) in try compress(piece, ZSTD_e_continue, into: &frame) }
        try compress(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end, into: &frame)
        return frame
    }

    private func compress(
        _ piece: UnsafeRawBufferPointer, _ operation: ZSTD_EndDirective, into frame: inout [UInt8]
    ) throws(FormatError) {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.streamStep, alignment: 64)
        defer { room.deallocate() }
        var input = ZSTD_inBuffer(src: piece.baseAddress, size: piece.count, pos: 0)
        var left = 1
        while left > 0 {
            var output = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
            left = ZSTD_compressStream2(context, &output, &input, operation)
            guard ZSTD_isError(left) == 0 else {
                throw FormatError(.excessive, at: 0, "zstd cannot compress: \(zstdMessage(left))")
            }
            frame.append(contentsOf: UnsafeRawBufferPointer(rebasing: room[..<output.pos]))
            if operation == ZSTD_e_continue, input.pos == input.size { return }
        }
    }

    private static let streamStep = 64 << 10

    /// The frame header's descriptor follows the magic number (RFC 8878, section 3.1.1.1.1).
    private static let descriptorOffset = 4
    private static let checksumFlag: UInt8 = 1 << 2
}

/// Storage for a frame, used again and again: never zeroed, never copied. Belongs to one thread at a time; whoever hands
/// it on lets go of it.
package final class FrameBuffer: @unchecked Sendable {
    private var storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// Length of the frame that it holds.
    package fileprivate(set) var count = 0

    package init() {}

    deinit { storage.deallocate() }

    /// The frame; valid until the buffer is written again or let go.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[..<count]) }

    fileprivate func prepare(_ capacity: Int) -> UnsafeMutableRawBufferPointer {
        count = 0
        if storage.count < capacity {
            storage.deallocate()
            storage = .allocate(byteCount: capacity, alignment: 64)
        }
        return storage
    }
}

/// One zstd decompression context, reused. For one thread at a time.
package final class ZstdDecompressor {
    private let context: OpaquePointer?

    package init() { context = ZSTD_createDCtx() }

    deinit { ZSTD_freeDCtx(context) }

    /// Replaces `output` by the content of exactly one frame, which must be exactly `rawLength` bytes. Nothing is
    /// allocated before the frame's own header and `Limits.blockRawBytes` (or `limit`) agree with `rawLength`.
    package func decompress(
        _ frame: UnsafeRawBufferPointer, rawLength: Int, limit: Int = Limits.blockRawBytes, into output: inout [UInt8]
    ) throws(FormatError) {
        guard rawLength >= 0, rawLength <= limit else {
            throw FormatError(.excessive, at: 0, "content of \(rawLength) bytes exceeds \(limit)")
        }
        guard let context else { throw FormatError(.excessive, at: 0, "no memory for a decompression context") }
        guard ZSTD_getFrameContentSize(frame.baseAddress, frame.count) == UInt64(rawLength) else {
            throw FormatError(.damaged, at: 0, "zstd frame does not announce \(rawLength) bytes of content")
        }
        let length = ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count)
        guard ZSTD_isError(length) == 0, length == frame.count else {
            throw FormatError(.damaged, at: 0, "zstd frame does not end where it should")
        }
        let result: Int
        if output.capacity < rawLength {
            // Fresh memory need not be zeroed before it is written.
            var written = 0
            output = [UInt8](unsafeUninitializedCapacity: rawLength) { fresh, count in
                written = ZSTD_decompressDCtx(context, fresh.baseAddress, rawLength, frame.baseAddress, frame.count)
                count = ZSTD_isError(written) == 0 ? written : 0
            }
            result = written
        } else {
            output.resize(to: rawLength)
            result = output.withUnsafeMutableBytes {
                ZSTD_decompressDCtx(context, $0.baseAddress, $0.count, frame.baseAddress, frame.count)
            }
        }
        guard ZSTD_isError(result) == 0, result == rawLength else {
            output.removeAll(keepingCapacity: true)
            throw FormatError(.damaged, at: 0, "zstd frame is damaged: \(zstdMessage(result))")
        }
    }

    /// The content size that the frame at the start of `bytes` announces, nil where it is not a zstd frame or says none.
    package static func announcedContentSize(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        let size = ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count)
        return size >= UInt64.max - 1 ? nil : size
    }
}

extension [UInt8] {
    /// Makes the array `count` bytes long, keeping its storage; new bytes are 0.
    package mutating func resize(to count: Int) {
        if self.count > count {
            removeLast(self.count - count)
        } else if self.count < count {
            append(contentsOf: repeatElement(0, count: count - self.count))
        }
    }
}

private func zstdMessage(_ code: Int) -> String { String(cString: ZSTD_getErrorName(code)) }
